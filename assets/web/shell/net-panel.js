/** The panel of the line, behind the key N: a graph of how it is, and other lines to try. */

import { make, write } from "./dom.js";
import { LINES, line, setLine } from "./server.js";

const KEY = "KeyN";
const SHOWN_S = 6;
const WIDTH = 300, HEIGHT = 120;
/** Lateness up to this fits the upper part, in milliseconds. */
const LATE_MAX_MS = 120;
const UPPER = 78;
/** Margins from -2 to 4 ticks fit the lower part. */
const MARGIN_MIN = -2, MARGIN_MAX = 4;
const FIGURES_EVERY_MS = 250;
const COLORS = { frame: "#3fb3d6", delay: "#2fb37c", early: "#f2b134", late: "#ff5436", correction: "#ff5436" };

const isTyping = () => document.activeElement?.matches("input, textarea") ?? false;
const percent = (part, all) => `${((100 * part) / Math.max(1, all)).toFixed(1)} %`;

export class NetPanel {
  #room = null;
  #netcode = null;
  /** One for each frame that came: `{at, lateMs, margin, isMissing, correctionM, drawn, starved}`. */
  #frames = [];
  #element;
  #canvas = make("canvas", { width: WIDTH * 2, height: HEIGHT * 2, testid: "net-graph" });
  #figures = make("p", { testid: "net-figures" });
  #figuresAt = 0;

  constructor(parent) {
    const lines = make("select", { testid: "line" }, ...LINES.map(([value, name]) => make("option", { value, selected: value === line() }, name)));
    lines.addEventListener("change", () => {
      setLine(lines.value);
      // Else the next key would choose another line.
      lines.blur();
    });
    this.#element = make(
      "section", { id: "net", className: "plate", hidden: true, testid: "net" },
      make("header", {}, make("label", {}, "Line ", lines), make("button", { className: "quiet", testid: "net-close", onclick: () => this.toggle() }, "N")),
      this.#canvas,
      this.#figures,
    );
    parent.append(this.#element);
    addEventListener("keydown", (event) => {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
      if (event.code === KEY && isPlain && this.#room && !isTyping()) this.toggle();
    });
  }

  /** Follows this room until it is left. */
  follow(room, netcode) {
    [this.#room, this.#netcode, this.#frames] = [room, netcode, []];
    room.onStateChange(() => this.#hear());
    room.on("leave", () => {
      this.#room = this.#netcode = null;
      this.#element.hidden = true;
    });
  }

  toggle() {
    this.#element.hidden = !this.#element.hidden;
  }

  #hear() {
    const now = performance.now();
    const { clock: { server }, counts: { drawn, starved } } = this.#netcode;
    const tickMs = 1000 / this.#room.tickHz;
    const lateMs = (server.arriving(now / 1000) - ((this.#room.state.tick - server.epoch) | 0)) * tickMs;
    const { inputMargin: margin, inputTick, player, state } = this.#room;
    this.#frames.push({ at: now, lateMs, margin, isMissing: player !== null && inputTick !== state.tick, correctionM: this.#netcode.correction ?? 0, drawn, starved });
    while (this.#frames[0].at < now - SHOWN_S * 1000) this.#frames.shift();
  }

  /** Draws it, when it is to be seen. */
  draw(now) {
    if (this.#element.hidden || !this.#netcode) return;
    const pen = this.#canvas.getContext("2d");
    const { tickHz } = this.#room;
    pen.setTransform(2, 0, 0, 2, 0, 0);
    pen.clearRect(0, 0, WIDTH, HEIGHT);
    const x = (at) => WIDTH - ((now - at) / (SHOWN_S * 1000)) * WIDTH;
    const y = (lateMs) => UPPER - (Math.min(lateMs, LATE_MAX_MS) / LATE_MAX_MS) * UPPER;
    const marginY = (margin) => HEIGHT - ((Math.min(Math.max(margin, MARGIN_MIN), MARGIN_MAX) - MARGIN_MIN) / (MARGIN_MAX - MARGIN_MIN)) * (HEIGHT - UPPER - 6);
    const width = Math.max(1, WIDTH / (SHOWN_S * tickHz) - 0.4);
    for (const { at, lateMs, margin, isMissing, correctionM } of this.#frames) {
      pen.fillStyle = COLORS.frame;
      pen.fillRect(x(at), y(lateMs), width, UPPER - y(lateMs));
      if (margin !== null) {
        pen.fillStyle = margin < 0 ? COLORS.late : COLORS.early;
        pen.fillRect(x(at), marginY(margin) - 1.5, width + 0.4, 3);
      }
      if (isMissing) {
        pen.fillStyle = COLORS.late;
        pen.fillRect(x(at), HEIGHT - 3, width + 0.4, 3);
      }
      if (correctionM > 1e-3) {
        pen.fillStyle = COLORS.correction;
        pen.fillRect(x(at), 0, width, Math.max(3, Math.min(1, correctionM) * UPPER));
      }
    }
    // What comes later than this finds nothing to move towards.
    const spareMs = ((this.#netcode.delayTicks - 1) * 1000) / tickHz;
    pen.fillStyle = COLORS.delay;
    pen.fillRect(0, y(spareMs) - 0.75, WIDTH, 1.5);
    if (now - this.#figuresAt < FIGURES_EVERY_MS) return;
    this.#figuresAt = now;
    this.#tell(tickHz);
  }

  #tell(tickHz) {
    const { clock: { server, lead }, delayTicks } = this.#netcode;
    const ms = (ticks) => `${Math.round((ticks * 1000) / tickHz)} ms`;
    const trip = server.roundTripTicks;
    const frames = this.#frames;
    const [first, last] = [frames[0], frames.at(-1)];
    if (!last) return;
    const count = (isSo) => frames.filter(isSo).length;
    write(this.#figures, [
      `round trip ${trip === null ? "–" : ms(trip)} · jitter ${ms(server.jitterTicks)}`,
      `you ${ms(lead)} ahead · others ${ms(delayTicks)} behind`,
      `inputs missing ${percent(count(({ isMissing }) => isMissing), frames.length)} · starved ${percent(last.starved - first.starved, last.drawn - first.drawn)}`,
      `corrections ${count(({ correctionM }) => correctionM > 1e-3)} in ${SHOWN_S} s`,
    ].join("\n"));
  }
}
