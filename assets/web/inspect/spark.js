/** Bytes per tick, drawn as a line of bars. */

import { part, write } from "/shell/dom.js";
import { traffic } from "/shell/server.js";

const TICKS = 160;

export class Spark {
  #ring = [];
  #received = traffic.received;

  /** Takes that a tick is over. */
  tick() {
    this.#ring.push(traffic.received - this.#received);
    this.#received = traffic.received;
    if (this.#ring.length > TICKS) this.#ring.shift();
  }

  draw(tickHz) {
    const canvas = part("spark");
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    // A keyframe is far larger than all else; it may stand out of the picture.
    const sorted = [...this.#ring].sort((a, b) => a - b);
    const top = Math.max(32, (sorted[Math.floor(sorted.length * 0.98)] ?? 0) * 1.15);
    const wide = canvas.width / TICKS;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = style.getPropertyValue("--accent");
    this.#ring.forEach((bytes, i) => {
      const high = Math.min(1, bytes / top) * canvas.height;
      pen.fillRect((TICKS - this.#ring.length + i) * wide, canvas.height - high, wide - 1, high);
    });
    const mean = this.#ring.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, this.#ring.length);
    write(part("bytes"), `${Math.round(mean)} on average, ${sorted.at(-1) ?? 0} at most, ${((mean * tickHz) / 1000).toFixed(1)} kB/s`);
  }
}
