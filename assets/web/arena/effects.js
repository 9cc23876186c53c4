/** What is seen for a moment: beams, explosions, sparks, numbers. A fixed number of each; the oldest gives way. */

import { wantsStillness } from "/shell/dom.js";

const BEAM_MS = 170;
const BLAST_MS = 420;
const NUMBER_MS = 750;
const SPARK_MS = 520;

const pool = (count, make) => ({ at: 0, all: Array.from({ length: count }, make) });
const next = (ring) => ring.all[ring.at++ % ring.all.length];

export class Effects {
  #beams = pool(48, () => ({ since: -1e9, x: 0, y: 0, toX: 0, toY: 0, color: "" }));
  #blasts = pool(32, () => ({ since: -1e9, x: 0, y: 0, radius: 0 }));
  #sparks = pool(240, () => ({ since: -1e9, x: 0, y: 0, vx: 0, vy: 0, color: "" }));
  #numbers = pool(24, () => ({ since: -1e9, x: 0, y: 0, text: "", color: "" }));
  #shakeM = 0;
  /** How far the view is moved now, in metres. */
  shakeX = 0;
  shakeY = 0;

  beam(now, x, y, toX, toY, color) {
    Object.assign(next(this.#beams), { since: now, x, y, toX, toY, color });
    this.sparks(now, toX, toY, color, 4, 4);
  }

  explosion(now, x, y, radius) {
    Object.assign(next(this.#blasts), { since: now, x, y, radius });
    this.sparks(now, x, y, "#ffb347", 12, 9);
  }

  sparks(now, x, y, color, count, speed) {
    if (wantsStillness.matches) return;
    for (let i = 0; i < count; i++) {
      const turn = Math.random() * Math.PI * 2;
      const fast = speed * (0.3 + Math.random());
      Object.assign(next(this.#sparks), { since: now, x, y, vx: Math.cos(turn) * fast, vy: Math.sin(turn) * fast, color });
    }
  }

  number(now, x, y, text, color) {
    Object.assign(next(this.#numbers), { since: now, x, y, text, color });
  }

  shake(metres) {
    if (!wantsStillness.matches) this.#shakeM = Math.min(0.35, this.#shakeM + metres);
  }

  /** Lets the shaking fade. */
  advance(dtMs) {
    this.#shakeM *= Math.exp(-dtMs / 90);
    if (this.#shakeM < 0.005) this.#shakeM = 0;
    this.shakeX = this.#shakeM * (Math.random() * 2 - 1);
    this.shakeY = this.#shakeM * (Math.random() * 2 - 1);
  }

  /** @param {{left: number, top: number, scale: number}} view the pixels of the map's corner, and of a metre
   *  @param {string | null} core the colour of a beam's middle; null for the beam's own */
  draw(pen, now, { left, top, scale }, sprites, core) {
    pen.lineCap = "round";
    for (const beam of this.#beams.all) {
      const age = (now - beam.since) / BEAM_MS;
      if (age < 0 || age >= 1) continue;
      const [x, y, toX, toY] = [left + beam.x * scale, top + beam.y * scale, left + beam.toX * scale, top + beam.toY * scale];
      for (const [color, width, alpha] of [[beam.color, 0.26, 0.5], [core ?? beam.color, 0.09, 1]]) {
        pen.globalAlpha = alpha * (1 - age);
        pen.strokeStyle = color;
        pen.lineWidth = Math.max(1, width * scale * (1 - age * 0.6));
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(toX, toY);
        pen.stroke();
      }
    }
    for (const blast of this.#blasts.all) {
      const age = (now - blast.since) / BLAST_MS;
      if (age < 0 || age >= 1) continue;
      const grown = 1 - (1 - age) ** 3;
      const [x, y, radius] = [left + blast.x * scale, top + blast.y * scale, blast.radius * scale * grown];
      pen.globalAlpha = 1 - age * age;
      pen.drawImage(sprites.blast(), x - radius, y - radius, radius * 2, radius * 2);
      pen.strokeStyle = "#ff8a4c";
      pen.lineWidth = Math.max(1, scale * 0.16 * (1 - age));
      pen.beginPath();
      pen.arc(x, y, radius, 0, Math.PI * 2);
      pen.stroke();
    }
    for (const spark of this.#sparks.all) {
      const age = (now - spark.since) / SPARK_MS;
      if (age < 0 || age >= 1) continue;
      const way = (SPARK_MS / 1000) * (1 - (1 - age) ** 2) * 0.5;
      const size = Math.max(1.5, scale * 0.13 * (1 - age));
      pen.globalAlpha = 1 - age;
      pen.fillStyle = spark.color;
      pen.fillRect(left + (spark.x + spark.vx * way) * scale - size / 2, top + (spark.y + spark.vy * way) * scale - size / 2, size, size);
    }
    for (const number of this.#numbers.all) {
      const age = (now - number.since) / NUMBER_MS;
      if (age < 0 || age >= 1) continue;
      const sprite = sprites.text(number.text, number.color, Math.round(scale * 0.55), 800);
      pen.globalAlpha = Math.min(1, 2 - 2 * age);
      pen.drawImage(sprite, left + number.x * scale - sprite.width / 2, top + (number.y - 0.9 - age * 0.9) * scale - sprite.height / 2);
    }
    pen.globalAlpha = 1;
  }
}
