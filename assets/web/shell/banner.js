/** Says at the top of the page when the connection is lost, and how coming back goes. */

import { make } from "./dom.js";

const LOST = {
  restart: "The server restarts",
  going_away: "The server restarts",
  room_ended: "The room has ended",
  room_failed: "The room has failed",
  too_slow: "The connection is too slow for this match",
  idle_timeout: "Nothing was heard for too long",
};

/** How long it is said that one is back. */
const BACK_MS = 2500;

/** A notice that is either there with a text or away. The last text stays readable for programs. */
export class Banner {
  last = "";
  #text = make("span");
  #button = make("button", { className: "quiet", testid: "banner-leave" }, "Give up");
  #element = make("div", { className: "banner", hidden: true, role: "status", testid: "banner" }, this.#text, this.#button);
  #timer = 0;

  constructor(parent) {
    parent.append(this.#element);
  }

  show(text, { kind = "note", forMs = 0, onGiveUp = null } = {}) {
    clearTimeout(this.#timer);
    this.last = text;
    this.#text.textContent = text;
    this.#element.dataset.kind = kind;
    this.#button.hidden = !onGiveUp;
    this.#button.onclick = onGiveUp;
    this.#element.hidden = false;
    if (forMs) this.#timer = setTimeout(() => this.hide(), forMs);
  }

  hide() {
    clearTimeout(this.#timer);
    this.#element.hidden = true;
  }

  /** Tells of this room's connection from now on. */
  follow(room) {
    let what = "The connection was lost";
    let back = "";
    const onGiveUp = () => void room.leave();
    room.on("disconnect", ({ name, willReconnect }) => {
      what = LOST[name] ?? "The connection was lost";
      if (willReconnect) this.show(`${what}. Coming back…`, { kind: "trouble", onGiveUp });
    });
    room.on("reconnecting", ({ attempt }) => {
      if (attempt > 1) this.show(`${what}. Coming back: try ${attempt}…`, { kind: "trouble", onGiveUp });
    });
    room.on("reconnect", ({ missed, isSameRoom }) => {
      const seat = missed === null ? "Back in the room, in another seat." : "Back in your seat.";
      back = isSameRoom ? seat : "Back, in a new match.";
      this.show(back, { kind: "good", forMs: BACK_MS });
      setTimeout(() => (back = ""), BACK_MS);
    });
    // Another server goes on with the match: it says for how long nobody had it.
    room.on("time_dropped", ({ ticks }) => {
      const seconds = (ticks / room.tickHz).toFixed(1);
      if (back) this.show(`${back} The match goes on: it stood still for ${seconds} s.`, { kind: "good", forMs: BACK_MS });
    });
    room.on("leave", () => this.hide());
  }
}
