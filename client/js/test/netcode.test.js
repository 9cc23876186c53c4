// Netcode over a simulated line in virtual time: a small game, its server and its page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, Emitter, ServerMessage, State, toBytes } from "../fracas.js";
import { Interpolation, Netcode, PlayClock, Prediction, ServerClock, blend } from "../fracas-netcode.js";
import { Bits, Frame, KEYFRAME, random } from "./support.js";

const TICK_HZ = 30;
const TICK_S = 1 / TICK_HZ;
const SPEED = 6;
const fixed = { kind: "fixed", min: -1000, step: 1 / 1024, bits: 21 };
const INPUTS = [{ name: "Input", fields: [{ name: "x", kind: "int", bits: 8 }, { name: "fires", kind: "bool" }] }];
const SCHEMA = { inputs: INPUTS, views: [{ name: "Ship", fields: [{ name: "x", velocity: "vx", jump: 2, ...fixed }, { name: "vx", ...fixed }, { name: "player", kind: "player" }] }] };

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
  missing = 0;
  /** Steps one after the other that had no input. */
  missingInARow = 0;
  /** Both ships by tick. */
  truth = new Map();
  ships = [{ id: 1, kind: "Ship", player: 0, x: 0, vx: 0 }, { id: 2, kind: "Ship", player: 1, x: 10, vx: 0 }];
  events = [];
  lags = [];
  #inputs = new Map();
  #last = { x: 0 };
  #margin = null;

  constructor({ delayS = 0.05, jitterS = 0.01, hold = () => ({ x: 1 }), tick = 100 } = {}) {
    const { below } = random(7);
    Object.assign(this, { hold, tick });
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
      onEvent: (event, tick, isForetold) => this.shown.push({ event, tick, isForetold, shownTick: this.netcode.shownTick }),
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
    const margin = (tick - (this.tick + 1)) | 0;
    this.#margin = Math.min(this.#margin ?? margin, margin);
    if (margin >= 0) this.#inputs.set(tick, input);
    this.lags.push(tick - viewLag / 1024);
  }

  #step() {
    this.tick = (this.tick + 1) >>> 0;
    const input = this.#inputs.get(this.tick);
    this.#inputs.delete(this.tick);
    if (input === undefined) this.missing += 1;
    else this.inputTick = this.tick;
    this.missingInARow = input === undefined ? this.missingInARow + 1 : 0;
    this.#last = input ?? this.#last;
    fly(this.ships[0], this.#last);
    fly(this.ships[1], { x: Math.floor(this.tick / 40) % 2 ? 1 : -1 });
    this.truth.set(this.tick, this.ships.map((ship) => ({ ...ship })));
    const events = this.#last.fires && input && !this.isDud ? [{ kind: "Beam" }] : [];
    if (this.tick % 8 === 0) events.push({ kind: "Horn" });
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
  const beams = world.shown.filter(({ event }) => event.kind === "Beam");
  const foretold = beams.filter(({ isForetold }) => isForetold);
  assert.ok(foretold.length > 10);
  assert.ok(beams.length - foretold.length <= 2, "the server's own word is passed over");
  assert.ok(world.takenBack.length <= 2, "what happened is not taken back");
});

test("what is foretold and does not happen is taken back", () => {
  const world = new World({ hold: (now) => ({ x: 0, fires: Math.floor(now * 30) % 30 === 0 }) });
  world.isDud = true;
  world.run(20);
  const beams = world.shown.filter(({ event }) => event.kind === "Beam");
  const foretold = beams.filter(({ isForetold }) => isForetold);
  assert.equal(beams.length, foretold.length);
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

/** Lets frames come and advances the clock for so long; `lateness` is how much later than their ticks frames come. */
function pass(clock, tickHz, since, seconds, lateness, advance = () => clock.advance(clock.now)) {
  const end = since + seconds;
  let tick = Math.ceil((since - lateness) * tickHz);
  for (let now = since; now < end; now += 1 / 480) {
    for (; tick / tickHz + lateness <= now; tick++) clock.hear(now, tick >>> 0, null);
    clock.now = now;
    advance(now);
  }
}

test("a hitch of half a second loses no tick at any rate", () => {
  for (const [tickHz, most] of [[5, 8], [30, 15], [128, 64], [240, 120]]) {
    const clock = new PlayClock(tickHz);
    pass(clock, tickHz, 0, 1, 0);
    const last = clock.ticks;
    pass(clock, tickHz, 1, 0.45, 0, () => {});
    const due = clock.advance(1.45);
    assert.equal(due[0], Math.floor(last) + 1, `${tickHz} Hz`);
    assert.equal(due.length, Math.floor(clock.ticks) - Math.floor(last), `${tickHz} Hz`);
    pass(clock, tickHz, 1.45, 5, 0, () => {});
    assert.equal(clock.advance(6.45).length, most, `${tickHz} Hz`);
  }
});

test("a clock that jumps back goes on at once", () => {
  const clock = new PlayClock(TICK_HZ);
  let last = null;
  let dueAt = 0;
  let steps = 0;
  const advance = (now) => {
    const due = clock.advance(now);
    if (due.length > 0) {
      assert.ok(now - dueAt < 1.5 * TICK_S, `no tick was due for ${now - dueAt} s`);
      dueAt = now;
    }
    if (last !== null && due.length > 0 && due[0] !== last + 1) {
      steps += 1;
      assert.ok(due[0] <= last - 10, `${due[0]} after ${last}`);
      assert.deepEqual(due, [Math.floor(clock.ticks)]);
    }
    last = due.at(-1) ?? last;
  };
  pass(clock, TICK_HZ, 0, 3, 0, advance);
  pass(clock, TICK_HZ, 3, 5, 0.45, advance);
  assert.equal(steps, 1);
});

test("a player whose clock jumps back steers on, and is seen", () => {
  const world = new World({ jitterS: 0 });
  world.run(4);
  world.down.delayS = 0.5;
  const ticks = [];
  let unseen = 0;
  let mostMissing = 0;
  world.run(8, () => {
    ticks.push(world.netcode.clock.ticks);
    unseen = world.netcode.own.length === 0 ? unseen + 1 : 0;
    assert.ok(unseen <= 3, `not seen for ${unseen} frames, at ${world.now} s`);
    mostMissing = Math.max(mostMissing, world.missingInARow);
  });
  assert.ok(ticks.some((at, i) => i > 0 && at < ticks[i - 1] - 10), "it has jumped back");
  assert.ok(mostMissing <= 3, `${mostMissing} steps had no input`);
});

test("after a step back, the next frame tells again where the own player is", () => {
  const prediction = new Prediction(predictor(), 0);
  const correct = (tick) => prediction.correct(0, tick, null, [{ id: 1, kind: "Ship", player: 0, x: 0, vx: 0 }], []);
  const advance = (tick) => prediction.advance(tick >>> 0, { x: 1 }, [], () => {});
  const first = 0xffff_fffa;
  correct(first);
  for (let i = 1; i <= 20; i++) advance(first + i);
  advance(first + 10);
  assert.equal(prediction.head, null);
  advance(first + 11);
  correct((first + 5) >>> 0);
  assert.ok(Math.abs(prediction.head.x - 6 * SPEED * TICK_S) < 0.01, `${prediction.head.x}`);
});

test("times that go back a little make no tick due again", () => {
  const clock = new PlayClock(TICK_HZ);
  const due = [];
  pass(clock, TICK_HZ, 0, 3, 0, (now) => due.push(...clock.advance(now), ...clock.advance(now - 0.01)));
  assert.deepEqual(due, due.map((_, i) => (due[0] + i) >>> 0));
});

test("a clock that is off by more ticks than the server takes jumps", () => {
  for (const [tickHz, offS, jumps] of [[30, 0.3, false], [30, 0.45, true], [128, 0.15, false], [128, 0.25, true], [240, 0.08, false], [240, 0.15, true]]) {
    const clock = new PlayClock(tickHz);
    const off = () => Math.abs(clock.server.arriving(clock.now) + clock.lead - clock.ticks);
    pass(clock, tickHz, 0, 3, 0.5);
    assert.ok(off() < 0.1, `${tickHz} Hz: ${off()}`);
    pass(clock, tickHz, 3, 1 / tickHz + 2 / 480, 0.5 - offS);
    assert.equal(off() < 1, jumps, `${tickHz} Hz, ${offS} s: ${off()} ticks`);
  }
});

test("events that nobody sees are bounded", () => {
  const world = new World();
  world.run(3);
  const shown = [];
  world.netcode.frame(null, world.now * 1000);
  world.shown.push = (told) => shown.push(told.event.n);
  for (let n = 0; n < 3000; n++) world.match.emit("event", { kind: "Count", n }, world.tick - 30);
  world.netcode.frame(null, world.now * 1000);
  assert.deepEqual(shown, Array.from({ length: 1024 }, (_, i) => 3000 - 1024 + i));
});

test("moments wrap as ticks do", () => {
  const world = new World({ tick: 0xffff_ffb0 });
  let before = null;
  world.run(8, () => {
    const { shownTick } = world.netcode;
    assert.ok(shownTick >= 0 && shownTick < 2 ** 32);
    if (before !== null && world.now > 3) {
      const passed = ((Math.floor(shownTick) - Math.floor(before)) | 0) + (shownTick % 1) - (before % 1);
      assert.ok(passed >= 0 && passed < 2, `it went on by ${passed}`);
    }
    before = shownTick;
  });
  const horns = world.shown.filter(({ event }) => event.kind === "Horn");
  assert.ok(horns.some(({ tick }) => tick > 0xffff_0000) && horns.some(({ tick }) => tick < 1000));
  for (const [i, { tick, shownTick }] of horns.entries()) {
    if (i > 0) assert.equal((tick - horns[i - 1].tick) >>> 0, 8);
    const late = ((Math.floor(shownTick) - tick) | 0) + (shownTick % 1);
    assert.ok(late >= 0 && (late < 2 || i < 4), `tick ${tick} was told at ${shownTick}`);
  }
});

test("inputs are missing only of one who plays", () => {
  let holds = null;
  const world = new World({ hold: () => holds });
  const { counts } = world.netcode;
  world.run(2);
  assert.ok(counts.frames > 50);
  assert.equal(counts.missing, 0);
  holds = { x: 1 };
  const before = world.missing;
  world.run(4);
  // The first ones are late, for the way is not known yet.
  assert.ok(counts.missing > 0 && counts.missing <= world.missing - before, `${counts.missing} of ${world.missing - before}`);
  const { missing } = counts;
  holds = null;
  world.run(2);
  assert.equal(counts.missing, missing);
  world.room.player = null;
  holds = { x: 1 };
  world.run(2);
  assert.equal(counts.missing, missing);
});

test("nothing moves towards an entity that may be another one", () => {
  const ship = (x) => [{ id: 1, kind: "Ship", x, vx: 0, player: 0 }];
  for (const [gap, expected] of [[256, 0.5], [257, 0]]) {
    const interpolation = new Interpolation(TICK_HZ, SCHEMA);
    interpolation.hear(0, ship(0));
    interpolation.hear(gap, ship(1));
    const server = { epoch: 0, drift: 0, jitterTicks: 0, arriving: () => gap / 2 + Interpolation.delayTicks({ jitterTicks: 0 }) };
    interpolation.advance(0, server);
    assert.ok(Math.abs(interpolation.list[0].x - expected) < 0.01, `${gap} ticks: ${interpolation.list[0].x}`);
    assert.equal(interpolation.isStarved, false);
  }
});

/** A room of these inputs, on a socket that keeps what is sent. */
async function seated(t, inputs) {
  const sent = [];
  let socket;
  class Socket {
    readyState = 1;
    bufferedAmount = 0;
    constructor() {
      socket = this;
      queueMicrotask(() => this.onopen());
    }
    send(bytes) {
      sent.push(bytes);
      // What is asked for second is a seat.
      if (sent.length === 2) queueMicrotask(() => say({ type: "Joined", ...joined }));
    }
    close() {}
  }
  const hear = (bytes) => socket.onmessage({ data: bytes.buffer });
  const say = (message) => hear(toBytes(ServerMessage, message));
  const schema = JSON.stringify({ game: "g", revision: 1, views: SCHEMA.views, own: [], inputs, events: [], messages: [] });
  const joined = {
    room: "K3V9QX", game: "g", player: 0, seats: 1, tickHz: TICK_HZ, tick: 100, schemaHash: 1, schema,
    config: "{}", roster: [], resumeToken: "", lingerS: 0, resumed: null,
  };
  const room = await new Client("ws://localhost", { WebSocket: Socket, reconnect: false }).join("g");
  const frame = (tick) => hear(new Frame(KEYFRAME, tick).bytes());
  t.after(() => {
    void room.leave();
    say({ type: "Left", tick: 0 });
  });
  return { room, sent, frame };
}

/** The stamp, the ack and the row of an input that was sent. */
function readInput(bytes) {
  const view = new DataView(bytes.buffer);
  return [view.getUint32(1, true), view.getUint32(5, true), bytes.slice(11)];
}

test("an input for a tick goes, whatever went before", async (t) => {
  const { room, sent, frame } = await seated(t, INPUTS);
  frame(100);
  sent.length = 0;
  for (const tick of [104, 105, 102, 102, 103]) assert.equal(room.inputFor(tick, 1, { x: 1 }), tick);
  frame(101);
  assert.equal(room.inputFor(103, 1, { x: 1 }), 103);
  assert.deepEqual(sent.map((bytes) => readInput(bytes).slice(0, 2)), [[104, 100], [105, 100], [102, 100], [102, 100], [103, 100], [103, 101]]);
});

test("an input names its kind, as a row does", async (t) => {
  const inputs = [...INPUTS, { name: "Dash", fields: [{ name: "far", kind: "uint", bits: 8 }, { name: "kind", kind: "uint", bits: 8 }] }];
  const { room, sent, frame } = await seated(t, inputs);
  const row = (kind, bits) => bits(new Bits().put(kind, 1)).bytes();
  const advanced = [];
  const netcode = new Netcode(room, {
    predictor: () => ({ ...predictor(), ahead: () => ({ x: 0 }), show: () => [{ id: 1, kind: "Ship", x: 0 }], advance: (_, input) => advanced.push(input) }),
  });
  let now = 1000;
  performance.now = () => now;
  const play = (input) => {
    frame(100 + Math.round((now - 1000) / 1000 * TICK_HZ));
    sent.length = advanced.length = 0;
    assert.equal(netcode.frame(input, now), 1);
    now += 1000 / TICK_HZ;
    return readInput(sent[0])[2];
  };
  assert.deepEqual(play({ kind: "Dash", far: 7 }), row(1, (bits) => bits.put(7, 8).put(0, 8)));
  assert.deepEqual(advanced[0], { kind: "Dash", far: 7 });
  assert.deepEqual(play({ kind: "Input", x: 1 }), row(0, (bits) => bits.put(129, 8).put(0, 1)));
  assert.deepEqual(play({ kind: "Dash", kind_: 9 }), row(1, (bits) => bits.put(0, 8).put(9, 8)));
  assert.throws(() => play({ x: 1 }), { code: "bad_row", message: /Input, Dash/ });

  // With one kind alone, `kind` is a field like others.
  const one = await seated(t, [inputs[1]]);
  const alone = new Netcode(one.room);
  one.frame(100);
  one.sent.length = 0;
  assert.equal(alone.frame({ far: 1, kind: 2 }, now), 1);
  assert.deepEqual(readInput(one.sent[0])[2], row(0, (bits) => bits.put(1, 8).put(2, 8)));
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
