/** The small figures in the corner: round trip, ticks, bytes and frames per second. */

import { part, write } from "./dom.js";
import { traffic } from "./server.js";

const EVERY_MS = 1000;

const kilobytes = (bytes) => (bytes < 10_000 ? `${(bytes / 1000).toFixed(1)} kB/s` : `${Math.round(bytes / 1000)} kB/s`);

export class Readout {
  /** The last figures. */
  figures = { pingMs: null, tickHz: 0, bytesPerS: 0, framesPerS: 0 };
  #timer = 0;

  /** Follows this room until it is left. */
  follow(room, stage) {
    clearInterval(this.#timer);
    let { received } = traffic;
    let tick = room.state.tick;
    let at = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const seconds = (now - at) / 1000;
      const intervals = stage.intervals.list().slice(-60);
      const mean = intervals.reduce((sum, ms) => sum + ms, 0) / Math.max(1, intervals.length);
      this.figures = {
        pingMs: this.figures.pingMs,
        tickHz: Math.max(0, (room.state.tick - tick) / seconds),
        bytesPerS: (traffic.received - received) / seconds,
        framesPerS: mean ? 1000 / mean : 0,
      };
      [received, tick, at] = [traffic.received, room.state.tick, now];
      if (room.isConnected) room.ping().then((ms) => (this.figures.pingMs = ms), () => (this.figures.pingMs = null));
      const { pingMs, tickHz, bytesPerS, framesPerS } = this.figures;
      const ping = pingMs === null ? "–" : `${pingMs < 10 ? pingMs.toFixed(1) : Math.round(pingMs)} ms`;
      write(part("readout"), `${ping} · ${Math.round(tickHz)} ticks/s · ${kilobytes(bytesPerS)} · ${Math.round(framesPerS)} fps`);
    }, EVERY_MS);
    room.on("leave", () => clearInterval(this.#timer));
  }
}
