/** Draws the arena: the map, what lies and flies in it, and effects above. */

import { Effects } from "./effects.js";
import { HEALTH, OWN, ground, seatColor } from "./palette.js";
import { Sprites } from "./sprites.js";

/** What of the world fits the window's short side, in metres. */
const SHOWN_M = 24;
/** On small screens less of it, so that a ship stays this many CSS pixels wide. */
const SHIP_PX_MIN = 18;
/** From this speed on a ship has a trail. */
const THRUST_MPS = 2;

export class Scene {
  effects = new Effects();
  /** The view: pixels of a metre, and of the map's corner. */
  view = { scale: 1, left: 0, top: 0 };
  /** Where the camera looks, in metres. */
  x = 0;
  y = 0;
  #sprites = new Sprites();
  #flashes = new Map();

  /** @param {import("/shell/stage.js").Stage} stage @param {import("./walls.js").Walls} walls */
  constructor(stage, walls, radiusM = 0.4) {
    this.stage = stage;
    this.walls = walls;
    this.radiusM = radiusM;
  }

  /** A ship shines for a moment. */
  flash(player, now) {
    this.#flashes.set(player, now);
  }

  /** From pixels of the page to metres. */
  placeOf(x, y) {
    const { left, top, scale } = this.view;
    return [(x * this.stage.ratio - left) / scale, (y * this.stage.ratio - top) / scale];
  }

  /**
   * Draws everything.
   * @param {number} now
   * @param {import("/fracas-netcode.js").Drawn[]} list
   * @param {{own?: number | null, nameOf?: (player: number) => string, healthMax?: number}} [about]
   */
  draw(now, dtMs, list, { own = null, nameOf = null, healthMax = 100 } = {}) {
    const { pen, width, height, ratio } = this.stage;
    const colors = ground();
    const shown = Math.min(SHOWN_M, (Math.min(width, height) / ratio / SHIP_PX_MIN) * this.radiusM * 2);
    const scale = Math.max(4, Math.round(Math.min(width, height) / Math.max(shown, 12)));
    this.effects.advance(dtMs);
    this.view.scale = scale;
    this.view.left = Math.round(width / 2 - (this.x + this.effects.shakeX) * scale);
    this.view.top = Math.round(height / 2 - (this.y + this.effects.shakeY) * scale);
    this.walls.prepare(scale, colors);
    this.#sprites.prepare(scale, colors);
    this.walls.draw(pen, this.view.left, this.view.top, scale, colors);
    for (const drawn of list) if (drawn.kind === "Pickup") this.#drawPickup(drawn, now);
    for (const drawn of list) if (drawn.kind === "Ship" && !drawn.alive) this.#drawFallen(drawn);
    for (const drawn of list) if (drawn.kind === "Rocket") this.#drawRocket(drawn, own);
    for (const drawn of list) if (drawn.kind === "Ship" && drawn.alive) this.#drawShip(drawn, own, now);
    this.effects.draw(pen, now, this.view, this.#sprites, colors.core);
    if (!nameOf) return;
    for (const drawn of list) if (drawn.kind === "Ship" && drawn.alive) this.#drawLabel(drawn, own, nameOf, healthMax, colors);
  }

  /** The mark at the pointer, with a ring that closes until the beam is ready. */
  drawCross(x, y, waits) {
    const { pen, ratio } = this.stage;
    const sprite = this.#sprites.cross();
    pen.drawImage(sprite, Math.round(x * ratio - sprite.width / 2), Math.round(y * ratio - sprite.height / 2));
    if (waits <= 0) return;
    pen.strokeStyle = OWN;
    pen.globalAlpha = 0.8;
    pen.lineWidth = 2 * ratio;
    pen.beginPath();
    pen.arc(x * ratio, y * ratio, sprite.width * 0.46, -Math.PI / 2, -Math.PI / 2 + Math.PI * 2 * (1 - waits));
    pen.stroke();
    pen.globalAlpha = 1;
  }

  /** A frame around the window when the own ship is hurt: `strength` from 0 to 1. */
  drawHurt(strength) {
    const { pen, width, height, ratio } = this.stage;
    pen.strokeStyle = OWN;
    pen.lineWidth = 28 * ratio;
    pen.globalAlpha = 0.55 * strength;
    pen.strokeRect(0, 0, width, height);
    pen.globalAlpha = 1;
  }

  #put(sprite, x, y) {
    this.stage.pen.drawImage(sprite, Math.round(this.view.left + x * this.view.scale - sprite.width / 2), Math.round(this.view.top + y * this.view.scale - sprite.height / 2));
  }

  #putTurned(sprite, x, y, turn, dx = 0) {
    const { pen } = this.stage;
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    pen.setTransform(cos, sin, -sin, cos, this.view.left + x * this.view.scale, this.view.top + y * this.view.scale);
    pen.drawImage(sprite, dx - sprite.width / 2, -sprite.height / 2);
    pen.setTransform(1, 0, 0, 1, 0, 0);
  }

  #isSeen({ x, y }, margin) {
    const { scale, left, top } = this.view;
    const { width, height } = this.stage;
    const [px, py, more] = [left + x * scale, top + y * scale, margin * scale];
    return px > -more && py > -more && px < width + more && py < height + more;
  }

  #drawPickup(drawn, now) {
    if (!this.#isSeen(drawn, 1)) return;
    const { item, present } = drawn;
    this.#put(this.#sprites.pickup(item, present), drawn.x, drawn.y + (present ? Math.sin(now / 400 + drawn.x) * 0.06 : 0));
  }

  #drawFallen(drawn) {
    if (this.#isSeen(drawn, 1)) this.#put(this.#sprites.wreck(this.radiusM), drawn.x, drawn.y);
  }

  #drawRocket(drawn, own) {
    if (!this.#isSeen(drawn, 3)) return;
    const { vx, vy, player } = drawn;
    const sprite = this.#sprites.rocket(player === own ? OWN : seatColor(player));
    this.#putTurned(sprite, drawn.x, drawn.y, Math.atan2(vy, vx), -sprite.width * 0.38);
  }

  #drawShip(drawn, own, now) {
    if (!this.#isSeen(drawn, 2)) return;
    const { player, vx = 0, vy = 0 } = drawn;
    const base = player === own ? OWN : seatColor(player);
    if (Math.hypot(vx, vy) > THRUST_MPS) this.#putTurned(this.#sprites.thrust(base, this.radiusM), drawn.x, drawn.y, Math.atan2(vy, vx));
    if (player === own) this.#put(this.#sprites.halo(this.radiusM), drawn.x, drawn.y);
    const isFlashing = now - (this.#flashes.get(player) ?? -1e9) < 90;
    const color = isFlashing ? "#ffffff" : base;
    this.#putTurned(this.#sprites.ship(color, this.radiusM), drawn.x, drawn.y, drawn.aim);
  }

  #drawLabel(drawn, own, nameOf, healthMax, colors) {
    if (!this.#isSeen(drawn, 2)) return;
    const { pen, ratio } = this.stage;
    const { scale, left, top } = this.view;
    const { player, health } = drawn;
    const x = left + drawn.x * scale;
    const y = top + drawn.y * scale - (this.radiusM + 0.55) * scale;
    const [width, height] = [Math.round(1.5 * scale), Math.max(3, Math.round(scale * 0.14))];
    const [barX, barY] = [Math.round(x - width / 2), Math.round(y)];
    pen.fillStyle = colors.ink;
    pen.fillRect(barX - 1, barY - 1, width + 2, height + 2);
    pen.fillStyle = colors.plate;
    pen.fillRect(barX, barY, width, height);
    const share = Math.min(1, health / healthMax);
    pen.fillStyle = share > 0.35 ? HEALTH : OWN;
    pen.fillRect(barX, barY, Math.round(width * share), height);
    if (player === own) return;
    const sprite = this.#sprites.text(nameOf(player), colors.label, Math.round(Math.max(11 * ratio, scale * 0.42)));
    pen.drawImage(sprite, Math.round(x - sprite.width / 2), Math.round(y - sprite.height));
  }
}
