/** Where the player wants to go: towards the pointer or finger, or by keys. */

const KEYS = {
  KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
/** At this distance from the own dot a pointer means full speed, in CSS pixels. */
const FULL_PX = 90;

export class Steer {
  isEnabled = false;
  #held = new Set();
  #pointer = null;

  constructor(canvas) {
    addEventListener("keydown", ({ code }) => {
      if (!this.isEnabled || !(code in KEYS)) return;
      this.#held.add(code);
      this.#pointer = null;
    });
    addEventListener("keyup", ({ code }) => this.#held.delete(code));
    addEventListener("blur", () => this.#held.clear());
    for (const kind of ["pointermove", "pointerdown"]) {
      canvas.addEventListener(kind, (event) => (this.#pointer = { x: event.clientX, y: event.clientY }));
    }
  }

  /** The input of this tick; `dot` is where the own dot is drawn, in CSS pixels. */
  input(dot) {
    let [x, y] = [0, 0];
    for (const code of this.#held) {
      x += KEYS[code][0];
      y += KEYS[code][1];
    }
    if (this.#pointer && dot) [x, y] = [(this.#pointer.x - dot.x) / FULL_PX, (this.#pointer.y - dot.y) / FULL_PX];
    const length = Math.max(1, Math.hypot(x, y));
    return { x: Math.round((x / length) * 127), y: Math.round((y / length) * 127) };
  }
}
