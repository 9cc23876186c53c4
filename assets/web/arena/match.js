/** One stay in a room of arena: what comes from the server is shown, what the player does is sent. */

import { Netcode } from "/fracas-netcode.js";
import { part } from "/shell/dom.js";
import { Outcome } from "/shell/outcome.js";
import { AMMO, HEALTH, OWN, ground } from "./palette.js";
import { Hud } from "./hud.js";
import { ArenaPredictor } from "./predict.js";
import { Scene } from "./scene.js";
import { Walls } from "./walls.js";

const HUD_EVERY_MS = 100;
/** How much of the rock beyond the map is shown, in metres: enough to keep corners from below the figures. */
const BEYOND_M = 5;
/** How far ahead the camera looks towards the pointer, as a share of the way there. */
const LOOK_AHEAD = 0.12;
const LOOK_AHEAD_MAX_M = 2.5;
const HURT_MS = 350;
const BEAM_SLIP_M = 1.5;

export class Match {
  #room;
  #stage;
  #controls;
  #scene;
  #hud;
  #outcome;
  #netcode;
  /** Everything as drawn, and the own ship among it. */
  #list = [];
  #own = null;
  #lookX = 0;
  #lookY = 0;
  #isPlaced = false;
  #hudAt = 0;
  #hurtAt = -1e9;
  #about;

  constructor(room, stage, controls) {
    this.#room = room;
    this.#stage = stage;
    this.#controls = controls;
    this.#scene = new Scene(stage, new Walls(room.config.map), room.config.ship.radius_m);
    this.#hud = new Hud(room);
    this.#outcome = new Outcome(room, this.#hud.colorOf, "Kills");
    this.#about = { own: room.player, nameOf: this.#hud.nameOf, healthMax: room.config.ship.health };
    this.#netcode = new Netcode(room, {
      predictor: ({ config, tickHz }) => new ArenaPredictor(config, tickHz),
      onEvent: (event) => this.#show(event, performance.now()),
    });
    room.on("join", () => this.#begin());
    room.on("match_began", () => this.#hud.call("Fight", "", 1200));
  }

  /** How it feels: clocks, delays, corrections. */
  get netcode() {
    return this.#netcode;
  }

  get hud() {
    return this.#hud;
  }

  /** The own ship's place as drawn; null while there is none. */
  get position() {
    return this.#own && { x: this.#own.x, y: this.#own.y };
  }

  /** After coming back, perhaps to another room with another map. */
  #begin() {
    this.#scene.walls = new Walls(this.#room.config.map);
    this.#about.own = this.#room.player;
    this.#isPlaced = false;
  }

  /** What the player holds now. */
  #input() {
    const input = this.#controls.input(this.#own && this.#pixelsOf(this.#own));
    if (this.#outcome.isShown) input.beam = input.rocket = false;
    return input;
  }

  #pixelsOf({ x, y }) {
    const { left, top, scale } = this.#scene.view;
    return { x: (left + x * scale) / this.#stage.ratio, y: (top + y * scale) / this.#stage.ratio };
  }

  /** Draws a frame. */
  draw(now, dtMs) {
    const netcode = this.#netcode;
    if (netcode.frame(this.#input(), now) > 0) this.#controls.sent();
    this.#list = [...netcode.others, ...netcode.own];
    this.#own = this.#list.find(({ kind, player }) => kind === "Ship" && player === this.#room.player) ?? null;
    this.#look(dtMs);
    // The own aim needs no round trip to be seen.
    if (this.#own?.alive) this.#own.aim = this.#controls.aim;
    this.#scene.draw(now, dtMs, this.#list, this.#about);
    const hurt = 1 - (now - this.#hurtAt) / HURT_MS;
    if (hurt > 0) this.#scene.drawHurt(hurt);
    const { pen, width, height, ratio } = this.#stage;
    const { pointer, sticks } = this.#controls;
    const own = this.#room.state.own;
    if (pointer && this.#controls.isEnabled) {
      const wait = (own?.beam_wait ?? 0) / (this.#room.config.beam.cooldown_s * this.#room.tickHz);
      this.#scene.drawCross(pointer.x, pointer.y, Math.min(1, wait));
    }
    sticks.draw(pen, width, height, ratio, ground().ink, OWN);
    if (now - this.#hudAt > HUD_EVERY_MS) this.#tell(now);
  }

  #tell(now) {
    this.#hudAt = now;
    const { state } = this.#room;
    const [clock] = state.ofKind("Clock");
    this.#hud.update([...state.ofKind("Ship")], state.own, clock?.ends_at ?? null);
    this.#outcome.update();
    part("clock").hidden = this.#outcome.isShown;
  }

  #look(dtMs) {
    if (!this.#own) return;
    const { pointer } = this.#controls;
    const ship = this.#pixelsOf(this.#own);
    const scale = this.#scene.view.scale / this.#stage.ratio;
    const clamp = (metres) => Math.max(-LOOK_AHEAD_MAX_M, Math.min(LOOK_AHEAD_MAX_M, metres));
    const wishX = pointer ? clamp(((pointer.x - ship.x) / scale) * LOOK_AHEAD) : 0;
    const wishY = pointer ? clamp(((pointer.y - ship.y) / scale) * LOOK_AHEAD) : 0;
    const eased = 1 - Math.exp(-dtMs / 160);
    this.#lookX += (wishX - this.#lookX) * eased;
    this.#lookY += (wishY - this.#lookY) * eased;
    const { walls, view } = this.#scene;
    const within = (wish, side, pixels) => {
      const half = pixels / view.scale / 2 - BEYOND_M;
      return half * 2 >= side ? side / 2 : Math.max(half, Math.min(side - half, wish));
    };
    const x = within(this.#own.x + this.#lookX, walls.width, this.#stage.width);
    const y = within(this.#own.y + this.#lookY, walls.height, this.#stage.height);
    // From a death to the next life the camera glides; at first it is simply there.
    const far = Math.hypot(x - this.#scene.x, y - this.#scene.y);
    const share = !this.#isPlaced || far < 1.5 ? 1 : 1 - Math.exp(-dtMs / 90);
    this.#scene.x += (x - this.#scene.x) * share;
    this.#scene.y += (y - this.#scene.y) * share;
    this.#isPlaced = true;
  }

  #shipOf(player) {
    return this.#list.find((drawn) => drawn.kind === "Ship" && drawn.player === player);
  }

  #show(event, now) {
    const { effects } = this.#scene;
    const self = this.#room.player;
    switch (event.kind) {
      case "Beam": {
        // From where the ship is drawn, which may be a little beside where it was.
        const ship = this.#shipOf(event.player);
        const from = ship && Math.hypot(ship.x - event.x, ship.y - event.y) < BEAM_SLIP_M ? ship : event;
        return effects.beam(now, from.x, from.y, event.to_x, event.to_y, this.#hud.colorOf(event.player));
      }
      case "Explosion": {
        const near = Math.hypot(event.x - this.#scene.x, event.y - this.#scene.y);
        effects.shake(Math.max(0, 0.14 - near * 0.015));
        return effects.explosion(now, event.x, event.y, this.#room.config.rocket.splash_m);
      }
      case "Hit": {
        const victim = this.#shipOf(event.victim);
        this.#scene.flash(event.victim, now);
        if (event.victim === self) {
          this.#hurtAt = now;
          effects.shake(event.damage / 350);
        }
        if (victim && (event.by === self || event.victim === self)) {
          effects.number(now, victim.x, victim.y, String(event.damage), event.victim === self ? OWN : ground().ink);
        }
        return;
      }
      case "Kill": {
        const victim = this.#shipOf(event.victim);
        this.#hud.tellKill(event);
        if (victim) {
          effects.explosion(now, victim.x, victim.y, 1.6);
          effects.sparks(now, victim.x, victim.y, this.#hud.colorOf(event.victim), 16, 8);
        }
        if (event.killer === self && event.victim !== self) this.#hud.call(`You got ${this.#hud.nameOf(event.victim)}`, "kill");
        else if (event.victim === self) this.#hud.call(`${this.#hud.nameOf(event.killer)} got you`, "", 2200);
        return;
      }
      case "Taken": {
        const { health, ammo } = this.#room.config.pickup;
        const isHealth = event.item === "Health";
        const [text, color] = isHealth ? [`+${health}`, HEALTH] : [`+${ammo} rockets`, AMMO];
        if (event.player === self && this.#own) effects.number(now, this.#own.x, this.#own.y, text, color);
        return;
      }
      case "Respawn":
        return effects.sparks(now, event.x, event.y, this.#hud.colorOf(event.player), 10, 6);
    }
  }
}
