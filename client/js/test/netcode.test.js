// Netcode over a simulated line in virtual time: a small game, its server and its page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Emitter, State } from "../fracas.js";
import { Netcode, PlayClock, ServerClock, blend } from "../fracas-netcode.js";
import { random } from "./support.js";

const TICK_HZ = 30;
const TICK_S = 1 / TICK_HZ;
const SPEED = 6;
const fixed = { kind: "fixed", min: -1000, step: 1 / 1024, bits: 21 };
const SCHEMA = { views: [{ name: "Ship", fields: [{ name: "x", velocity: "vx", jump: 2, ...fixed }, { name: "vx", ...fixed }, { name: "player", kind: "player" }] }] };

/** What rules and predictor share. */
const fly = (ship, input) => {
  ship.vx = input.x * SPEED;
  ship.x = Math.round((ship.x + ship.vx * TICK_S) * 1024) / 1024;
};

const predictor = () => ({
  snap: 2,
  ahead: ({ entities, me }) => {
    const ship = [...entities].find(({ player }) => player === me);
    return ship ? { ...ship } : null;
  },
  copy: (ahead) => ({ ...ahead }),
  advance(ahead, input, { tick, foretell }) {
    fly(ahead, input);
    if (input.fires) foretell({ kind: "Beam", tick });
  },
  show: (ahead) => [{ ...ahead }],
  isAhead: ({ player }, me) => player === me,
  place: ({ x }) => [x, 0],
  displace: (ahead, x) => (ahead.x += x),
  isSameEvent: (one, other) => one.kind === other.kind,
});

/** A line of this delay each way, in which nothing is overtaken. */
class Line {
  #last = 0;
  #waiting = [];

  constructor(delayS, jitterS, rng) {
    Object.assign(this, { delayS, jitterS, rng });
  }

  send(now, value) {
    this.#last = Math.max(this.#last, now + this.delayS + (this.rng() * 2 - 1) * this.jitterS);
    this.#waiting.push([this.#last, value]);
  }

  /** When the next one arrives. */
  get next() {
    return this.#waiting[0]?.[0] ?? Infinity;
  }

  take() {
    return this.#waiting.shift()[1];
  }
}

/** A server with two ships, one of them the page's, and a page that draws 60 times a second. */
class World {
  now = 0;
  tick = 100;
  missing = 0;
  /** Both ships by tick. */
  truth = new Map();
  ships = [{ id: 1, kind: "Ship", player: 0, x: 0, vx: 0 }, { id: 2, kind: "Ship", player: 1, x: 10, vx: 0 }];
  events = [];
  lags = [];
  #inputs = new Map();
  #last = { x: 0 };
  #margin = null;

  constructor({ delayS = 0.05, jitterS = 0.01, hold = () => ({ x: 1 }) } = {}) {
    const { below } = random(7);
    this.hold = hold;
    this.down = new Line(delayS, jitterS, () => below(1e6) / 1e6);
    this.up = new Line(delayS, jitterS, () => below(1e6) / 1e6);
    const match = new Emitter();
    const room = new Emitter();
    Object.assign(room, {
      tickHz: TICK_HZ, schema: SCHEMA, player: 0, state: new State(), inputMargin: null, inputTick: null,
      onStateChange: (listener) => match.on("state", listener),
      onMessage: (_, listener) => match.on("event", listener),
      inputFor: (tick, viewLag, input) => {
        this.up.send(this.now, { tick, viewLag, input });
        return tick;
      },
    });
    this.room = room;
    this.match = match;
    this.shown = [];
    performance.now = () => this.now * 1000;
    this.takenBack = [];
    this.netcode = new Netcode(room, {
      predictor,
      onEvent: (event, tick, isForetold) => this.shown.push({ event, tick, isForetold }),
      onTakenBack: (event, tick) => this.takenBack.push({ event, tick }),
    });
  }

  /** Lets so many seconds pass; `look` is called after each drawn frame with what was held. */
  run(seconds, look = () => {}) {
    const end = this.now + seconds;
    let drawsAt = this.now;
    let ticksAt = (Math.floor(this.now / TICK_S) + 1) * TICK_S;
    for (;;) {
      const next = Math.min(drawsAt, ticksAt, this.down.next, this.up.next);
      if (next >= end) break;
      this.now = next;
      if (next === this.up.next) this.#hearInput(this.up.take());
      else if (next === this.down.next) this.#hearFrame(this.down.take());
      else if (next === ticksAt) {
        this.#step();
        ticksAt += TICK_S;
      } else {
        const held = this.hold(this.now);
        this.netcode.frame(held, this.now * 1000);
        look(held);
        drawsAt += 1 / 60;
      }
    }
    this.now = end;
  }

  #hearInput({ tick, viewLag, input }) {
    const margin = tick - (this.tick + 1);
    this.#margin = Math.min(this.#margin ?? margin, margin);
    if (margin >= 0) this.#inputs.set(tick, input);
    this.lags.push(tick - viewLag / 1024);
  }

  #step() {
    this.tick += 1;
    const input = this.#inputs.get(this.tick);
    this.#inputs.delete(this.tick);
    if (input === undefined) this.missing += 1;
    else this.inputTick = this.tick;
    this.#last = input ?? this.#last;
    fly(this.ships[0], this.#last);
    fly(this.ships[1], { x: Math.floor(this.tick / 40) % 2 ? 1 : -1 });
    this.truth.set(this.tick, this.ships.map((ship) => ({ ...ship })));
    const events = this.#last.fires && input && !this.isDud ? [{ kind: "Beam" }] : [];
    const { tick, inputTick = null } = this;
    this.down.send(this.now, { tick, inputTick, margin: this.#margin, events, ships: this.ships.map((ship) => ({ ...ship })) });
    this.#margin = null;
  }

  #hearFrame({ tick, inputTick, margin, events, ships }) {
    const { room, match } = this;
    for (const event of events) match.emit("event", event, tick);
    Object.assign(room, { inputMargin: margin, inputTick });
    room.state.tick = tick;
    for (const ship of ships) room.state.set(ship.id, ship);
    match.emit("state", room.state);
  }
}

test("one's own player answers in the same frame, and is never corrected", () => {
  const world = new World({ hold: (now) => ({ x: Math.floor(now * 1.7) % 2 ? 1 : -1 }) });
  world.run(6);
  const { counts } = world.netcode;
  Object.assign(counts, { corrections: 0, missing: 0, frames: 0 });
  world.missing = 0;
  let before = null;
  let answers = 0;
  world.run(60, (held) => {
    const [own] = world.netcode.own;
    if (before && before.held.x !== held.x) {
      // With the old input it would have moved on.
      const turned = Math.sign(own.x - before.x) !== before.held.x || Math.abs(own.x - before.x) < SPEED / 60 - 1e-3;
      assert.ok(turned, "the first frame after the change shows it");
      answers += 1;
    }
    before = { held, x: own.x };
  });
  assert.ok(answers > 90, `${answers} changes`);
  assert.equal(counts.corrections, 0);
  assert.ok(world.missing <= 2, `${world.missing} inputs missing of ${counts.frames}`);
});

test("others glide where they were, and the server is told what is shown", () => {
  const world = new World({ jitterS: 0.02 });
  world.run(6);
  world.lags.length = world.netcode.counts.starved = 0;
  let last = null;
  const errors = [];
  const shownTicks = [];
  world.run(30, () => {
    const { others: [other], shownTick } = world.netcode;
    const floor = Math.floor(shownTick);
    const [from, to] = [world.truth.get(floor)[1], world.truth.get(floor + 1)[1]];
    if (from.vx === to.vx) errors.push(Math.abs(other.x - from.x - (to.x - from.x) * (shownTick - floor)));
    if (last) assert.ok(Math.abs(other.x - last) < (SPEED / 60) * 2, `it jumps by ${other.x - last}`);
    last = other.x;
    shownTicks.push(shownTick);
  });
  errors.sort((a, b) => a - b);
  assert.ok(errors[Math.floor(errors.length * 0.99)] < 0.002, `p99 ${errors[Math.floor(errors.length * 0.99)]} m`);
  assert.equal(world.netcode.counts.starved, 0);
  for (const told of world.lags) assert.ok(shownTicks.some((shown) => Math.abs(shown - told) < 1e-9) || told < shownTicks[0], `${told}`);
});

test("what is foretold is shown once", () => {
  const world = new World({ hold: (now) => ({ x: 0, fires: Math.floor(now * 30) % 30 === 0 }) });
  world.run(20);
  const foretold = world.shown.filter(({ isForetold }) => isForetold);
  assert.ok(foretold.length > 10);
  assert.ok(world.shown.length - foretold.length <= 2, "the server's own word is passed over");
  assert.ok(world.takenBack.length <= 2, "what happened is not taken back");
});

test("what is foretold and does not happen is taken back", () => {
  const world = new World({ hold: (now) => ({ x: 0, fires: Math.floor(now * 30) % 30 === 0 }) });
  world.isDud = true;
  world.run(20);
  const foretold = world.shown.filter(({ isForetold }) => isForetold);
  assert.equal(world.shown.length, foretold.length);
  assert.ok(foretold.length > 10 && world.takenBack.length >= foretold.length - 1);
});

test("a page that slept, or whose line became longer, finds its time again", () => {
  const world = new World({ jitterS: 0 });
  const error = () => {
    const { server } = world.netcode.clock;
    return Math.abs(server.tick(world.now) - (world.tick - server.epoch));
  };
  world.run(3);
  assert.ok(error() < 1, `${error()} ticks after the start`);
  Object.assign(world.down, { delayS: 0.125 });
  Object.assign(world.up, { delayS: 0.125 });
  world.run(3);
  assert.ok(error() < 1, `${error()} ticks after another way`);
  world.missing = 0;
  world.run(10);
  world.missing = 0;
  world.run(10);
  assert.ok(world.missing <= 1, `${world.missing} missing`);
  Object.assign(world.down, { delayS: 0.02 });
  Object.assign(world.up, { delayS: 0.02 });
  world.run(3);
  assert.ok(error() < 1, `${error()} ticks after a shorter way`);
});

test("a clock that is off is found out", () => {
  const clock = new ServerClock(TICK_HZ);
  for (let tick = 0; tick < 1500; tick++) clock.hear((tick * TICK_S + 0.02 + ((tick * 7919) % 40) / 1000) * 1.01, tick);
  assert.ok(Math.abs(clock.drift - 0.01) < 0.001, `${clock.drift}`);
});

test("ticks are due once each, across the wrap", () => {
  const clock = new PlayClock(TICK_HZ);
  const due = [];
  for (let frame = 0; frame < 600; frame++) {
    const now = frame / 60;
    if (frame % 2 === 0) clock.hear(now, (0xffff_fff0 + frame / 2) >>> 0, null);
    due.push(...clock.advance(now));
  }
  for (let i = 1; i < due.length; i++) assert.equal((due[i] - due[i - 1]) >>> 0, 1);
  assert.ok(due.length > 280 && due.some((tick) => tick < 100) && due.some((tick) => tick > 0xffff_0000));
});

test("what lies between two snapshots is as in Rust", () => {
  const moving = [{ key: "x", isAngle: false, velocity: "vx", jump: 1 }, { key: "vx", isAngle: false, velocity: undefined, jump: Infinity }, { key: "aim", isAngle: true, velocity: undefined, jump: Infinity }];
  const check = (from, to, part, expected) => {
    blend(from, to, moving, part, 0.5);
    for (const key of ["x", "vx", "aim"]) assert.ok(Math.abs(from[key] - expected[key]) < 1e-9, `${key}: ${from[key]}`);
  };
  const row = (x, vx, aim) => ({ x, vx, aim });
  check(row(2, 4, 0), row(4, 4, 1), 0.5, row(3, 4, 0.5));
  check(row(2, 0, 0), row(3, 4, 0), 0.5, row(2.25, 2, 0));
  check(row(2, 4, 0), row(9, 4, 1), 0.9, row(2, 4, 0));
  check(row(0, 0, 0.1), row(0, 0, 2 * Math.PI - 0.1), 0.5, row(0, 0, 0));
});
