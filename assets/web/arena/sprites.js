/** Small pictures, each drawn once for a size and a set of colours, and then only copied. */

import { AMMO, HEALTH, OWN } from "./palette.js";

/** All are as long as this many radii of a ship, to each side. */
const REACH = 1.7;

export class Sprites {
  #made = new Map();
  #key = "";
  #scale = 1;
  #colors;

  /** Forgets what was drawn for another size or other colours. */
  prepare(scale, colors) {
    const key = `${scale} ${colors.floor}`;
    if (key === this.#key) return;
    this.#key = key;
    this.#scale = scale;
    this.#colors = colors;
    this.#made.clear();
  }

  #of(name, width, height, paint) {
    let sprite = this.#made.get(name);
    if (!sprite) {
      sprite = document.createElement("canvas");
      sprite.width = Math.max(1, Math.ceil(width));
      sprite.height = Math.max(1, Math.ceil(height));
      const pen = sprite.getContext("2d");
      pen.translate(sprite.width / 2, sprite.height / 2);
      paint(pen);
      this.#made.set(name, sprite);
    }
    return sprite;
  }

  /** A ship that points to the right, of a radius in metres. */
  ship(color, radiusM) {
    const r = radiusM * this.#scale;
    return this.#of(`ship ${color}`, r * 2 * REACH, r * 2 * REACH, (pen) => {
      hull(pen, r, "rgba(0, 0, 0, 0.22)", r * 0.12, r * 0.2);
      hull(pen, r, color, 0, 0);
      pen.lineWidth = Math.max(1, r * 0.14);
      pen.lineJoin = "round";
      pen.strokeStyle = "rgba(10, 12, 30, 0.55)";
      pen.stroke();
      pen.fillStyle = "rgba(255, 255, 255, 0.9)";
      pen.beginPath();
      pen.ellipse(r * 0.22, 0, r * 0.42, r * 0.24, 0, 0, Math.PI * 2);
      pen.fill();
    });
  }

  /** What comes out behind a ship that flies to the right. */
  thrust(color, radiusM) {
    const r = radiusM * this.#scale;
    return this.#of(`thrust ${color}`, r * 4.4, r * 1.1, (pen) => {
      const glow = pen.createLinearGradient(-r * 2.2, 0, 0, 0);
      glow.addColorStop(0, `${color}00`);
      glow.addColorStop(1, `${color}b0`);
      pen.fillStyle = glow;
      pen.beginPath();
      pen.moveTo(-r * 2.2, 0);
      pen.lineTo(0, -r * 0.5);
      pen.lineTo(0, r * 0.5);
      pen.fill();
    });
  }

  /** A ring on the ground below the own ship. */
  halo(radiusM) {
    const r = radiusM * this.#scale;
    return this.#of("halo", r * 5, r * 5, (pen) => {
      pen.fillStyle = "rgba(255, 84, 54, 0.14)";
      pen.beginPath();
      pen.arc(0, 0, r * 2.1, 0, Math.PI * 2);
      pen.fill();
      pen.strokeStyle = "rgba(255, 84, 54, 0.65)";
      pen.lineWidth = Math.max(1, r * 0.1);
      pen.stroke();
    });
  }

  wreck(radiusM) {
    const r = radiusM * this.#scale;
    return this.#of("wreck", r * 3, r * 3, (pen) => {
      pen.strokeStyle = this.#colors.wreck;
      pen.lineWidth = r * 0.34;
      pen.lineCap = "round";
      for (const turn of [0.6, 2.1]) {
        const [x, y] = [Math.cos(turn) * r * 0.75, Math.sin(turn) * r * 0.75];
        pen.beginPath();
        pen.moveTo(-x, -y);
        pen.lineTo(x, y);
        pen.stroke();
      }
    });
  }

  /** A rocket that flies to the right, with its trail behind; its tip is the picture's right end. */
  rocket(color) {
    const s = this.#scale;
    return this.#of(`rocket ${color}`, s * 2.4, s * 0.5, (pen) => {
      const trail = pen.createLinearGradient(-s * 1.2, 0, s * 0.9, 0);
      trail.addColorStop(0, "rgba(255, 190, 80, 0)");
      trail.addColorStop(1, "rgba(255, 170, 60, 0.85)");
      pen.fillStyle = trail;
      pen.beginPath();
      pen.moveTo(-s * 1.2, 0);
      pen.lineTo(s * 0.85, -s * 0.15);
      pen.lineTo(s * 0.85, s * 0.15);
      pen.fill();
      pen.fillStyle = color;
      pen.beginPath();
      pen.roundRect(s * 0.6, -s * 0.15, s * 0.55, s * 0.3, [0, s * 0.15, s * 0.15, 0]);
      pen.fill();
      pen.strokeStyle = "rgba(10, 12, 30, 0.55)";
      pen.lineWidth = Math.max(1, s * 0.05);
      pen.stroke();
    });
  }

  pickup(item, isPresent) {
    const s = this.#scale;
    return this.#of(`pickup ${item} ${isPresent}`, s * 1.4, s * 1.4, (pen) => {
      const color = item === "Health" ? HEALTH : AMMO;
      const r = s * 0.42;
      pen.beginPath();
      pen.roundRect(-r, -r, r * 2, r * 2, r * 0.45);
      if (!isPresent) {
        pen.strokeStyle = this.#colors.mark;
        pen.lineWidth = Math.max(1, s * 0.07);
        pen.stroke();
        return;
      }
      pen.save();
      pen.translate(r * 0.14, r * 0.26);
      pen.fillStyle = "rgba(0, 0, 0, 0.2)";
      pen.fill();
      pen.restore();
      pen.fillStyle = color;
      pen.fill();
      pen.fillStyle = "#ffffff";
      if (item === "Health") {
        pen.fillRect(-r * 0.55, -r * 0.18, r * 1.1, r * 0.36);
        pen.fillRect(-r * 0.18, -r * 0.55, r * 0.36, r * 1.1);
      } else {
        for (const x of [-0.42, 0, 0.42]) {
          pen.beginPath();
          pen.roundRect(x * r - r * 0.13, -r * 0.5, r * 0.26, r, [r * 0.13, r * 0.13, 0, 0]);
          pen.fill();
        }
      }
    });
  }

  /** A text in this colour, with a rim of the ground to be read on anything. */
  text(text, color, sizePx, weight = 600) {
    return this.#of(`text ${text} ${color} ${sizePx}`, sizePx * (text.length * 0.75 + 1), sizePx * 1.6, (pen) => {
      pen.font = `${weight} ${sizePx}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineJoin = "round";
      pen.lineWidth = sizePx * 0.3;
      pen.strokeStyle = this.#colors.floor;
      pen.globalAlpha = 0.85;
      pen.strokeText(text, 0, 0);
      pen.globalAlpha = 1;
      pen.fillStyle = color;
      pen.fillText(text, 0, 0);
    });
  }

  /** The flash in the middle of an explosion. */
  blast() {
    const s = this.#scale;
    return this.#of("blast", s * 4, s * 4, (pen) => {
      const glow = pen.createRadialGradient(0, 0, 0, 0, 0, s * 2);
      glow.addColorStop(0, "rgba(255, 236, 180, 1)");
      glow.addColorStop(0.35, "rgba(255, 196, 84, 0.95)");
      glow.addColorStop(0.7, "rgba(255, 84, 54, 0.5)");
      glow.addColorStop(1, "rgba(255, 84, 54, 0)");
      pen.fillStyle = glow;
      pen.fillRect(-s * 2, -s * 2, s * 4, s * 4);
    });
  }

  /** The mark at the pointer. */
  cross() {
    const s = Math.max(18, this.#scale * 0.8);
    return this.#of("cross", s * 2, s * 2, (pen) => {
      for (const [color, width] of [[this.#colors.floor, 0.26], [OWN, 0.13]]) {
        pen.strokeStyle = color;
        pen.lineWidth = s * width;
        pen.lineCap = "round";
        for (let i = 0; i < 4; i++) {
          pen.rotate(Math.PI / 2);
          pen.beginPath();
          pen.moveTo(s * 0.35, 0);
          pen.lineTo(s * 0.7, 0);
          pen.stroke();
        }
      }
    });
  }
}

/** A broad dart with a notch behind. */
function hull(pen, r, color, dx, dy) {
  pen.fillStyle = color;
  pen.beginPath();
  pen.moveTo(dx + r * 1.4, dy);
  pen.lineTo(dx - r * 0.1, dy + r * 0.72);
  pen.lineTo(dx - r * 1.05, dy + r * 1.08);
  pen.lineTo(dx - r * 0.6, dy);
  pen.lineTo(dx - r * 1.05, dy - r * 1.08);
  pen.lineTo(dx - r * 0.1, dy - r * 0.72);
  pen.closePath();
  pen.fill();
}
