/** The drawing of the game canvas: what is on the paper, all pens, and the own one, which is ahead of the server. */

/** The paper, in the game's units. */
const WIDTH = 1024;
const HEIGHT = 640;
/** The letter of a step by nothing. */
const ZERO = "P".charCodeAt(0);

/** By the numbers of the game. */
export const INKS = ["#20223a", "#ff5436", "#f2b134", "#2fb37c", "#3fb3d6", "#2f86eb", "#9b5de5", "#e255a1"];

export class Paper {
  color = 5;
  width = 5;
  /** How many pieces are on it. */
  count = 0;
  #element;
  #pen;
  #dry = new OffscreenCanvas(1, 1);
  #known = "";
  #lines = [];
  #pens = [];
  #pointer = null;
  /** Where the own pen was since it was put down, as far as the server has not shown it yet. */
  #wet = [];
  /** Where the pen was put down or lifted since the last input: a line ends where it was lifted, and begins there. */
  #end = null;

  constructor(element) {
    this.#element = element;
    this.#pen = element.getContext("2d");
    const at = ({ offsetX, offsetY, buttons }) => ({
      x: clamp(Math.round((offsetX / element.clientWidth) * WIDTH), WIDTH),
      y: clamp(Math.round((offsetY / element.clientHeight) * HEIGHT), HEIGHT),
      isDown: (buttons & 1) === 1,
    });
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      this.#pointer = at(event);
      if (!this.#pointer.isDown) return;
      this.#end = this.#pointer;
      this.#wet = [this.#pointer];
    });
    element.addEventListener("pointermove", (event) => {
      this.#pointer = at(event);
      if (this.#pointer.isDown) this.#wet.push(this.#pointer);
    });
    element.addEventListener("pointerup", (event) => {
      if (this.#pointer?.isDown) this.#end = { ...at(event), isDown: true };
      this.#pointer = at(event);
    });
    for (const kind of ["pointerleave", "pointercancel"]) element.addEventListener(kind, () => (this.#pointer = null));
  }

  /** What the own pen does now. */
  input() {
    const pointer = this.#end ?? this.#pointer;
    this.#end = null;
    const { color, width } = this;
    if (!pointer) return { hand: "Away", x: 0, y: 0, color, width };
    return { hand: pointer.isDown ? "Down" : "Over", x: pointer.x, y: pointer.y, color, width };
  }

  /** Takes what the server shows. */
  see(entities, own) {
    this.#pens = entities.filter(({ kind }) => kind === "Pen");
    const pieces = entities.filter(({ kind }) => kind === "Piece");
    const mine = this.#pens.find(({ player }) => player === own);
    const shown = this.#wet.findLastIndex(({ x, y }) => x === mine?.x && y === mine?.y);
    if (shown > 0) this.#wet.splice(0, shown);
    if (!this.#pointer?.isDown && !mine?.is_down) this.#wet = [];
    const known = pieces.map(({ id, number, steps }) => `${id} ${number} ${steps.length}`).join();
    if (known === this.#known) return;
    this.#known = known;
    this.count = pieces.length;
    this.#lines = linesOf(pieces);
    this.#dry.width = 0;
  }

  draw(own, nameOf) {
    const element = this.#element;
    const scale = Math.min(2, devicePixelRatio || 1) * (element.clientWidth / WIDTH);
    const [width, height] = [Math.round(WIDTH * scale), Math.round(HEIGHT * scale)];
    if (element.width !== width) [element.width, element.height] = [width, height];
    // What has not changed is not drawn again.
    if (this.#dry.width !== width) {
      [this.#dry.width, this.#dry.height] = [width, height];
      const pen = this.#dry.getContext("2d");
      pen.scale(scale, scale);
      for (const line of this.#lines) stroke(pen, line);
    }
    const pen = this.#pen;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (width) pen.drawImage(this.#dry, 0, 0);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    if (this.#wet.length) stroke(pen, { color: this.color, width: this.width, points: this.#wet.map(({ x, y }) => [x, y]) });
    for (const { player, x, y, color, is_down: isDown } of this.#pens) {
      if (player === own) continue;
      pen.beginPath();
      pen.arc(x, y, isDown ? 5 : 7, 0, Math.PI * 2);
      pen.fillStyle = INKS[color];
      pen.fill();
      pen.lineWidth = 2;
      pen.strokeStyle = "#fffdf8";
      pen.stroke();
      pen.font = "600 15px system-ui, sans-serif";
      pen.lineWidth = 4;
      pen.strokeText(nameOf(player), x + 12, y - 9);
      pen.fillText(nameOf(player), x + 12, y - 9);
    }
  }
}

const clamp = (value, size) => Math.max(0, Math.min(size - 1, value));

/** Lines of pieces: one that begins where another of its kind ends goes on with it. */
function linesOf(pieces) {
  // Numbers wrap: of two, the newer one is less than half a turn ahead.
  pieces.sort((a, b) => ((a.number - b.number) << 16) >> 16);
  const ends = new Map();
  const lines = [];
  for (const { x, y, color, width, steps } of pieces) {
    const key = (x, y) => `${x} ${y} ${color} ${width}`;
    let line = ends.get(key(x, y));
    if (!line) lines.push(line = { color, width, points: [[x, y]] });
    ends.delete(key(x, y));
    let [px, py] = [x, y];
    for (let i = 0; i < steps.length; i += 2) {
      px += steps.charCodeAt(i) - ZERO;
      py += steps.charCodeAt(i + 1) - ZERO;
      line.points.push([px, py]);
    }
    ends.set(key(px, py), line);
  }
  return lines;
}

/** A soft line: a curve from middle to middle, with the points as its handles. */
function stroke(pen, { color, width, points }) {
  pen.lineCap = pen.lineJoin = "round";
  pen.lineWidth = width;
  pen.strokeStyle = INKS[color];
  pen.beginPath();
  pen.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i++) {
    const [[x, y], [nextX, nextY]] = [points[i], points[i + 1]];
    pen.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  pen.lineTo(...points.at(-1));
  pen.stroke();
}
