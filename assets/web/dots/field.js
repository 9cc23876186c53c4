/** Draws the field of dots: marks to see motion by, pellets, and players with their names. */

import { OWN, ground, seatColor } from "/arena/palette.js";

/** What fits the window's short side, in radii of the own dot and in metres at least. */
const SHOWN_RADII = 16;
const SHOWN_M_MIN = 18;
const MARK_EVERY_M = 2;
/** How much of what is beyond the field is shown, in metres. */
const BEYOND_M = 4;
const PELLETS = ["#f2b134", "#2fb37c", "#3fb3d6", "#e255a1"];

const radiusOf = (mass) => Math.sqrt(mass) / 2;

export class Field {
  view = { scale: 20, left: 0, top: 0 };
  x = 0;
  y = 0;
  #scale = 0;

  constructor(stage) {
    this.stage = stage;
  }

  /** @param {{id: number, player: number | null, mass: number, x: number, y: number}[]} dots */
  draw(dots, { side, own, nameOf, mass = 1, dtMs = 16 }) {
    const { pen, width, height } = this.stage;
    const colors = ground();
    const wanted = Math.min(width, height) / Math.max(SHOWN_M_MIN, radiusOf(mass) * SHOWN_RADII);
    this.#scale += (wanted - this.#scale) * (this.#scale ? 1 - Math.exp(-dtMs / 300) : 1);
    const scale = this.#scale;
    const corner = (middle, pixels) => {
      const half = pixels / scale / 2 - BEYOND_M;
      const seen = half * 2 >= side ? side / 2 : Math.max(half, Math.min(side - half, middle));
      return pixels / 2 - seen * scale;
    };
    const [left, top] = [corner(this.x, width), corner(this.y, height)];
    Object.assign(this.view, { scale, left, top });
    pen.fillStyle = colors.top;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = colors.floor;
    pen.fillRect(left, top, side * scale, side * scale);
    this.#drawMarks(side, colors);
    for (const dot of dots) if (dot.player === null) this.#drawPellet(dot);
    const players = dots.filter(({ player }) => player !== null).sort((a, b) => a.mass - b.mass);
    for (const dot of players) this.#drawPlayer(dot, own, nameOf);
  }

  #drawMarks(side, colors) {
    const { pen, width, height } = this.stage;
    const { scale, left, top } = this.view;
    pen.fillStyle = colors.mark;
    const size = Math.max(2, scale * 0.09);
    for (let y = MARK_EVERY_M; y < side; y += MARK_EVERY_M) {
      const py = top + y * scale;
      if (py < 0 || py > height) continue;
      for (let x = MARK_EVERY_M; x < side; x += MARK_EVERY_M) {
        const px = left + x * scale;
        if (px >= 0 && px <= width) pen.fillRect(px - size / 2, py - size / 2, size, size);
      }
    }
  }

  #circle(x, y, radius) {
    const { pen } = this.stage;
    const { scale, left, top } = this.view;
    pen.beginPath();
    pen.arc(left + x * scale, top + y * scale, radius * scale, 0, Math.PI * 2);
  }

  #drawPellet({ x, y, id, mass }) {
    const { pen } = this.stage;
    this.#circle(x, y, radiusOf(mass) * 0.8);
    pen.fillStyle = PELLETS[id % PELLETS.length];
    pen.fill();
  }

  #drawPlayer({ x, y, player, mass }, own, nameOf) {
    const { pen, ratio } = this.stage;
    const { scale, left, top } = this.view;
    const radius = radiusOf(mass);
    this.#circle(x + radius * 0.07, y + radius * 0.13, radius);
    pen.fillStyle = "rgba(0, 0, 0, 0.18)";
    pen.fill();
    this.#circle(x, y, radius);
    pen.fillStyle = player === own ? OWN : seatColor(player);
    pen.fill();
    pen.lineWidth = Math.max(1.5 * ratio, radius * scale * 0.06);
    pen.strokeStyle = "rgba(10, 12, 30, 0.45)";
    pen.stroke();
    const size = Math.round(Math.max(11 * ratio, Math.min(radius * scale * 0.42, 30 * ratio)));
    const isInside = radius * scale > size * 2.2;
    pen.font = `700 ${size}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = isInside ? "#ffffff" : ground().label;
    pen.fillText(nameOf(player), left + x * scale, top + (isInside ? y * scale : (y - radius) * scale - size * 0.8), isInside ? radius * scale * 1.8 : undefined);
  }
}
