/**
 * Four things over Socket.IO on one page: a messenger, a drawing, notifications and a game. Nothing of
 * the SDK is used: `io` of socket.io-client, and the state as JSON. What is said is in docs/SOCKETIO.md.
 */

import { make, part, write } from "/shell/dom.js";
import { rememberedName, takeName } from "/shell/name.js";
import { seatColor } from "/arena/palette.js";
import { Dots } from "/socketio/dots.js";
import { Line } from "/socketio/line.js";
import { INKS, Paper } from "/socketio/paper.js";

const LINES_MAX = 100;
/** Below what the server takes, so that haste never costs the seat. */
const GAP_MS = 350;
const NIBS = [3, 6, 12, 24];

const name = takeName(rememberedName());
const canvas = new Line("canvas", name, showLine);
const dots = new Line("dots", name, showLine);
const paper = new Paper(part("paper"));
const field = new Dots(part("field"));

/** In the head of the page: the way there, how long it takes, what is wrong. */
function showLine(line) {
  const element = part(`${line.game}-line`);
  element.dataset.kind = line.trouble ? "trouble" : line.joined ? "good" : "";
  const title = make("b", {}, line.game === "canvas" ? "Canvas" : "Dots");
  if (line.trouble) {
    const again = make("button", { className: "quiet", type: "button", hidden: !line.isOver }, "Connect");
    again.addEventListener("click", () => line.connect());
    element.replaceChildren(title, make("span", { testid: `${line.game}-trouble` }, line.trouble), again);
    return;
  }
  const ping = line.pingMs === null ? "–" : `${line.pingMs < 10 ? line.pingMs.toFixed(1) : Math.round(line.pingMs)} ms`;
  element.replaceChildren(
    title,
    make("span", { className: "transport", testid: `${line.game}-transport` }, line.transport ?? "connecting"),
    make("span", { className: "ping", testid: `${line.game}-ping` }, ping),
  );
}

// ---- The messenger: what is said in the room of the drawing.

function addTo(list, item) {
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  while (list.children.length > LINES_MAX) list.firstChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

const note = (text) => addTo(part("said"), make("li", { className: "quiet" }, text));

function showPeople() {
  const people = [...canvas.roster.values()].filter(({ isBot, isAway }) => !isBot && !isAway);
  write(part("people"), people.length === 1 ? "You are alone here" : `${people.length} people`);
}

// What others say is put in as text, never as HTML: `make` appends strings as text nodes.
canvas.socket.on("message", ({ player, text }) => {
  const who = make("b", {}, canvas.nameOf(player));
  who.style.color = seatColor(player);
  addTo(part("said"), make("li", {}, who, text));
});
canvas.socket.on("joined", ({ resumed }) => {
  note(resumed ? "You are back in your seat." : `You are in room ${canvas.joined.room}.`);
  showPeople();
});
canvas.socket.on("join", ({ name, isBot }) => {
  if (!isBot) note(`${name} came.`);
  showPeople();
});
for (const event of ["away", "back"]) canvas.socket.on(event, showPeople);
canvas.onLeave = (entry) => {
  if (entry && !entry.isBot) note(`${entry.name} left.`);
  showPeople();
};
for (const line of [canvas, dots]) {
  line.onComplaint = note;
  showLine(line);
}

let saidAt = 0;
part("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = part("text").value.trim();
  if (!text || !canvas.socket.connected || performance.now() - saidAt < GAP_MS) return;
  saidAt = performance.now();
  canvas.socket.emit("message", { text });
  part("text").value = "";
});

// ---- Notifications: what the operator says to a room or to a player, on the admin port.

function showNotification({ text }) {
  part("notes").querySelector(".quiet")?.remove();
  const time = make("time", {}, new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  addTo(part("notes"), make("li", { className: "note" }, make("span", {}, text), time));
}
for (const { socket } of [canvas, dots]) socket.on("notification", showNotification);

// ---- The drawing.

canvas.socket.on("state", ({ entities }) => {
  paper.see(entities, canvas.joined?.player);
  canvas.input(paper.input());
});
canvas.socket.on("event", ({ kind, by }) => kind === "Cleared" && note(`${canvas.nameOf(by)} took a new sheet.`));
part("clear").addEventListener("click", () => canvas.socket.connected && canvas.socket.emit("message", { kind: "Clear" }));

/** Buttons of which one is chosen. */
function choice(parent, values, chosen, choose, look) {
  const buttons = values.map((value) => {
    const button = make("button", { type: "button", title: look.title(value) }, make("i"));
    button.setAttribute("role", "radio");
    Object.assign(button.firstChild.style, look.style(value));
    button.addEventListener("click", () => show(value));
    return button;
  });
  const show = (value) => {
    choose(value);
    buttons.forEach((button, i) => button.setAttribute("aria-checked", String(values[i] === value)));
  };
  parent.append(...buttons);
  show(chosen);
}

const names = ["Ink", "Red", "Amber", "Green", "Sky", "Blue", "Violet", "Pink"];
choice(part("inks"), INKS.map((_, i) => i), 5, (color) => (paper.color = color), {
  title: (color) => names[color],
  style: (color) => ({ background: INKS[color] }),
});
choice(part("nibs"), NIBS, 6, (width) => (paper.width = width), {
  title: (width) => `${width} wide`,
  style: (width) => ({ width: `${4 + width * 0.6}px`, height: `${4 + width * 0.6}px` }),
});

// ---- The game.

dots.socket.on("state", ({ entities }) => {
  field.see(entities, dots.joined?.player);
  dots.input(field.input());
});
dots.socket.on("outcome", ({ standings }) => {
  const [best] = standings;
  part("ending").hidden = false;
  write(part("ending"), best?.player === dots.joined?.player ? "You win!" : `${dots.nameOf(best?.player)} wins.`);
});
for (const event of ["match", "joined"]) dots.socket.on(event, () => (part("ending").hidden = true));

let last = performance.now();
function draw(now) {
  requestAnimationFrame(draw);
  const dtMs = Math.min(100, now - last);
  last = now;
  paper.draw(canvas.joined?.player, (player) => canvas.nameOf(player));
  field.draw({ side: dots.joined?.config.field_m ?? 40, own: dots.joined?.player, nameOf: (player) => dots.nameOf(player), dtMs });
}
requestAnimationFrame(draw);

part("name").value = name;
const rename = () => {
  const wanted = takeName(part("name").value);
  part("name").value = wanted;
  for (const line of [canvas, dots]) line.rename(wanted);
};
part("name-form").addEventListener("submit", (event) => {
  event.preventDefault();
  part("name").blur();
});
part("name").addEventListener("change", rename);

/** What tests and the curious may read. */
window.fracas = {
  lines: { canvas, dots },
  get connection() { return canvas.joined && dots.joined ? "joined" : "none"; },
  get names() { return { canvas: canvas.roster.get(canvas.joined?.player)?.name, dots: dots.roster.get(dots.joined?.player)?.name }; },
  get notice() { return canvas.trouble || dots.trouble; },
  get position() { return field.own && { x: field.own.x, y: field.own.y }; },
  get pieces() { return paper.count; },
};
