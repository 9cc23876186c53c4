/** The game dots on a small canvas, steered by the pointer or by the arrows. */

import { Field } from "/dots/field.js";

const KEYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
/** At this distance from the own dot the pointer means full speed, in CSS pixels. */
const FULL_PX = 60;
/** How fast what is drawn follows what the server shows: it moves between two states, too. */
const FOLLOW_MS = 70;
/** What moved farther between two states did not move but begins again, in metres. */
const JUMP_M = 4;

export class Dots {
  /** The own dot as it is drawn; null without one. */
  own = null;
  #element;
  #stage;
  #field;
  /** As drawn, on their way to `toX`, `toY`. */
  #dots = new Map();
  #held = new Set();
  #pointer = null;

  constructor(element) {
    this.#element = element;
    this.#stage = { pen: element.getContext("2d", { alpha: false }), width: 1, height: 1, ratio: 1 };
    this.#field = new Field(this.#stage);
    element.addEventListener("pointermove", ({ offsetX: x, offsetY: y }) => (this.#pointer = { x, y }));
    element.addEventListener("pointerdown", ({ offsetX: x, offsetY: y }) => (this.#pointer = { x, y }));
    element.addEventListener("pointerleave", () => (this.#pointer = null));
    addEventListener("keydown", (event) => {
      if (!(event.code in KEYS) || document.activeElement?.matches("input")) return;
      event.preventDefault();
      this.#held.add(event.code);
    });
    addEventListener("keyup", ({ code }) => this.#held.delete(code));
    addEventListener("blur", () => this.#held.clear());
  }

  /** Where the player wants to go. */
  input() {
    let [x, y] = [0, 0];
    for (const code of this.#held) {
      x += KEYS[code][0];
      y += KEYS[code][1];
    }
    if (!this.#held.size && this.#pointer && this.own) {
      const { view } = this.#field;
      const { ratio } = this.#stage;
      x = (this.#pointer.x - (view.left + this.own.x * view.scale) / ratio) / FULL_PX;
      y = (this.#pointer.y - (view.top + this.own.y * view.scale) / ratio) / FULL_PX;
    }
    const length = Math.max(1, Math.hypot(x, y));
    return { x: Math.round((x / length) * 127), y: Math.round((y / length) * 127) };
  }

  /** Takes what the server shows. */
  see(entities, own) {
    const before = this.#dots;
    this.#dots = new Map(entities.map((entity) => {
      const { x, y } = entity;
      const dot = before.get(entity.id) ?? { x, y, toX: x, toY: y };
      const isPut = Math.hypot(x - dot.toX, y - dot.toY) > JUMP_M;
      return [entity.id, Object.assign(dot, entity, { x: isPut ? x : dot.x, y: isPut ? y : dot.y, toX: x, toY: y })];
    }));
    this.own = [...this.#dots.values()].find(({ player }) => player === own) ?? null;
  }

  draw({ side, own, nameOf, dtMs }) {
    const element = this.#element;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [Math.round(element.clientWidth * ratio), Math.round(element.clientHeight * ratio)];
    if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
    Object.assign(this.#stage, { width, height, ratio });
    const share = 1 - Math.exp(-dtMs / FOLLOW_MS);
    for (const dot of this.#dots.values()) {
      dot.x += (dot.toX - dot.x) * share;
      dot.y += (dot.toY - dot.y) * share;
    }
    if (this.own) [this.#field.x, this.#field.y] = [this.own.x, this.own.y];
    this.#field.draw([...this.#dots.values()], { side, own, nameOf, mass: this.own?.mass ?? 1, dtMs });
  }
}
