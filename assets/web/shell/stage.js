/** The canvas that fills the window, and the clock of frames. */

/** More pixels than this are drawn smaller and scaled up. */
const PIXELS_MAX = 3_200_000;
const FRAMES_KEPT = 600;

/** A ring of the last durations, in milliseconds. */
class Durations {
  #ring = new Float32Array(FRAMES_KEPT);
  #count = 0;

  push(ms) {
    this.#ring[this.#count++ % FRAMES_KEPT] = ms;
  }

  /** The oldest first. */
  list() {
    const start = Math.max(0, this.#count - FRAMES_KEPT);
    return Array.from({ length: this.#count - start }, (_, i) => this.#ring[(start + i) % FRAMES_KEPT]);
  }

  clear() {
    this.#count = 0;
  }
}

export class Stage {
  /** Device pixels. */
  width = 0;
  height = 0;
  /** Device pixels per CSS pixel. */
  ratio = 1;
  /** From frame to frame. */
  intervals = new Durations();
  /** What of it was spent drawing. */
  works = new Durations();

  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { alpha: false });
    addEventListener("resize", () => this.#fit());
    this.#fit();
  }

  #fit() {
    const { innerWidth, innerHeight } = window;
    const fits = Math.sqrt(PIXELS_MAX / Math.max(1, innerWidth * innerHeight));
    this.ratio = Math.min(devicePixelRatio || 1, 2, fits);
    this.width = this.canvas.width = Math.max(1, Math.round(innerWidth * this.ratio));
    this.height = this.canvas.height = Math.max(1, Math.round(innerHeight * this.ratio));
  }

  /** Calls `draw(now, dtMs)` for each frame, from now on. */
  run(draw) {
    let last = 0;
    const frame = (now) => {
      requestAnimationFrame(frame);
      const dtMs = last ? now - last : 16;
      last = now;
      // A page that was hidden drew nothing, slowly.
      if (dtMs < 1000) this.intervals.push(dtMs);
      const began = performance.now();
      draw(now, Math.min(dtMs, 100));
      this.works.push(performance.now() - began);
    };
    requestAnimationFrame(frame);
  }
}
