/** Talk in the room: Enter begins and sends, Escape ends. Hidden where the library cannot talk. */

import { make, part } from "./dom.js";

const LINES_MAX = 50;
const BYTES_MAX = 300;
/** Below what the server takes, so that haste never costs the seat. */
const GAP_MS = 350;

export class Chat {
  /** What was said: `{ player, name, text }`, the newest last. */
  lines = [];
  #room = null;
  #sentAt = 0;

  constructor() {
    const field = part("chat-field");
    addEventListener("keydown", (event) => {
      if (!this.#room || part("chat").hidden) return;
      if (event.key === "Enter" && document.activeElement !== field && !document.activeElement?.matches("button, input, a")) {
        event.preventDefault();
        this.open();
      } else if (event.key === "Escape" && document.activeElement === field) {
        event.stopPropagation();
        this.#close();
      }
    }, true);
    field.addEventListener("blur", () => part("chat").classList.remove("open"));
    field.addEventListener("focus", () => part("chat").classList.add("open"));
    part("chat-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say(field.value);
    });
  }

  follow(room) {
    this.#room = room;
    this.lines.length = 0;
    part("chat-lines").replaceChildren();
    part("chat").hidden = typeof room.say !== "function";
    room.on("said", (line) => this.#hear(line));
    room.on("error", ({ code, message }) => /chat/.test(code) && this.#note(message));
    room.on("leave", () => (this.#room = null));
  }

  open() {
    part("chat-field").focus();
  }

  #close() {
    part("chat-field").value = "";
    part("chat-field").blur();
  }

  #say(text) {
    let said = text.replace(/\p{Cc}/gu, " ").trim();
    while (new TextEncoder().encode(said).length > BYTES_MAX) said = [...said].slice(0, -1).join("");
    if (!said) return this.#close();
    const now = performance.now();
    if (now - this.#sentAt < GAP_MS) return;
    this.#sentAt = now;
    try {
      this.#room?.say(said);
      this.#close();
    } catch (error) {
      this.#note(error.message);
    }
  }

  #hear({ player, text }) {
    const name = this.#room?.roster.get(player)?.name ?? `Seat ${player}`;
    this.lines.push({ player, name, text });
    if (this.lines.length > LINES_MAX) this.lines.shift();
    this.#add(make("li", {}, make("b", {}, name), ` ${text}`));
  }

  #note(text) {
    this.#add(make("li", { className: "quiet" }, text));
  }

  #add(line) {
    const lines = part("chat-lines");
    lines.append(line);
    while (lines.children.length > LINES_MAX) lines.firstChild.remove();
    lines.scrollTop = lines.scrollHeight;
    setTimeout(() => line.classList.add("old"), 9000);
  }
}
