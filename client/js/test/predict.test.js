// What the pages run ahead of the server is what the rules do, bit for bit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec } from "../fracas.js";
import { pageModule, random, traces } from "./support.js";

const TICKS = Number(process.env.FRACAS_TRACE_TICKS ?? 1_000_000);
const SEED = Number(process.env.FRACAS_CASE_SEED ?? 1);
/** How far what is only drawn may be from where the rules have it, in metres. */
const DRAWN_SLIP_M = 1e-3;
const ME = 0;

const { ArenaPredictor } = await pageModule("arena/predict.js");

/** Reads the numbers of a trace. */
class TraceReader {
  at = 0;

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd() {
    return this.at === this.bytes.length;
  }

  u8 = () => this.view.getUint8(this.at++);
  i8 = () => this.view.getInt8(this.at++);
  u16 = () => this.view.getUint16((this.at += 2) - 2, true);
  u32 = () => this.view.getUint32((this.at += 4) - 4, true);
  f32 = () => this.view.getFloat32((this.at += 4) - 4, true);
  place = () => ({ x: this.f32(), y: this.f32() });
  motion = () => ({ ...this.place(), vx: this.f32(), vy: this.f32() });
  text = (length) => this.bytes.toString("utf8", this.at, (this.at += length));
  list = (take) => Array.from({ length: this.u8() }, take);
}

/** The ship's part, of which every bit counts. */
const exact = ({ x, y, vx, vy, aim, beamReady, rocketReady, ammo }) => ({ x, y, vx, vy, aim, beamReady, rocketReady, ammo });

const isExact = (a, b) =>
  Object.is(a.x, b.x) && Object.is(a.y, b.y) && Object.is(a.vx, b.vx) && Object.is(a.vy, b.vy) && Object.is(a.aim, b.aim) &&
  a.beamReady === b.beamReady && a.rocketReady === b.rocketReady && a.ammo === b.ammo;

const isClose = (places, others) =>
  places.length === others.length &&
  places.every(({ x, y }, i) => Math.abs(x - others[i].x) < DRAWN_SLIP_M && Math.abs(y - others[i].y) < DRAWN_SLIP_M);

/** Plays a room's lives; counts what happened in them. */
function checkRoom(bytes, counts) {
  const from = new TraceReader(bytes);
  const config = JSON.parse(from.text(from.u32()));
  const tickHz = from.u16();
  const predictor = new ArenaPredictor(config, tickHz);
  let tick = 0;
  let others = [];
  let ahead = null;
  let foretold = [];
  const foretell = (event) => foretold.push(event);
  while (!from.isAtEnd) {
    switch (from.u8()) {
      case 0: {
        tick = from.u32();
        const own = { ...from.motion(), ammo: from.u8(), beam_wait: from.u16(), rocket_wait: from.u16() };
        const ship = { id: 1, kind: "Ship", player: ME, x: 0, y: 0, aim: from.f32(), health: from.u8(), alive: true, kills: 0, deaths: 0 };
        ahead = predictor.ahead({ tick, me: ME, own, entities: [ship] });
        counts.lives += 1;
        break;
      }
      case 1:
        others = from.list((_, i) => ({ id: i + 2, kind: "Ship", player: from.u8(), alive: from.u8() === 1, ...from.place() }));
        break;
      default: {
        tick = (tick + 1) >>> 0;
        const input = { x: from.i8(), y: from.i8(), aim: from.f32() };
        const fires = from.u8();
        input.beam = (fires & 1) !== 0;
        input.rocket = (fires & 2) !== 0;
        const wanted = { ...from.motion(), aim: from.f32(), beamReady: from.u32(), rocketReady: from.u32(), ammo: from.u8() };
        const rockets = from.list(from.place);
        const events = from.list(() => ({ kind: from.u8() === 0 ? "Beam" : "Explosion", ...from.place() }));
        const before = exact(ahead);
        foretold = [];
        predictor.advance(ahead, input, { tick, me: ME, others, foretell });
        counts.ticks += 1;
        counts.rockets += rockets.length;
        for (const { kind } of events) counts[kind] += 1;
        const where = () => ({ number: counts.ticks, tick, tickHz, config, input, others, before });
        if (!isExact(ahead, wanted)) {
          assert.deepEqual({ ...where(), after: exact(ahead) }, { ...where(), after: wanted }, `tick ${counts.ticks} differs`);
        }
        const ends = foretold.map(({ x, y, to_x = x, to_y = y }) => ({ x: to_x, y: to_y }));
        const kinds = (list) => list.map(({ kind }) => kind).join();
        if (!isClose(ahead.rockets, rockets) || !isClose(ends, events) || kinds(foretold) !== kinds(events)) {
          const drawn = { rockets: ahead.rockets.map(({ x, y }) => ({ x, y })), events: foretold };
          assert.deepEqual({ ...where(), drawn }, { ...where(), drawn: { rockets, events } }, `what is drawn of tick ${counts.ticks} differs`);
        }
      }
    }
  }
}

test("the predicted ship is that of the rules, bit for bit", async (t) => {
  const counts = { ticks: 0, lives: 0, rockets: 0, Beam: 0, Explosion: 0 };
  for await (const room of traces(TICKS, SEED)) checkRoom(room, counts);
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.ticks >= TICKS, `only ${counts.ticks} ticks`);
  for (const [what, count] of Object.entries(counts)) assert.ok(count > TICKS / 10_000, `${what}: ${count}`);
});

const config = {
  map: ["#######", "#S....#", "#.....#", "#######"],
  ship: { radius_m: 0.4, speed_mps: 8, acceleration_mps2: 60, solid: true },
  beam: { cooldown_s: 0.35, range_m: 24 },
  rocket: { cooldown_s: 0.9, speed_mps: 16, life_s: 2 },
};
const own = { x: 1.5, y: 1.5, vx: 0, vy: 0, ammo: 3, beam_wait: 0, rocket_wait: 4, respawn_wait: 0 };
const ship = { id: 7, kind: "Ship", player: ME, x: 1.5, y: 1.5, vx: 0, vy: 0, aim: 0, health: 60, alive: true, kills: 2, deaths: 1 };
const step = { tick: 101, me: ME, others: [], foretell: () => {} };

test("an input is taken with the numbers that travel", () => {
  const predictor = new ArenaPredictor(config, 30);
  const inputs = [{ name: "Input", fields: [
    { name: "x", kind: "int", bits: 8 }, { name: "y", kind: "int", bits: 8 }, { name: "aim", kind: "angle", bits: 10 },
    { name: "beam", kind: "bool" }, { name: "rocket", kind: "bool" },
  ] }];
  const codec = new Codec(JSON.stringify({ game: "arena", revision: 1, views: [], own: [], inputs, events: inputs, messages: [] }));
  // A row of 29 bits stands at the end of an input; events of one row begin with a tag, a tick and a count.
  const sent = (input) => codec.readEvents(Uint8Array.from([3, 0, 0, 0, 0, 1, ...codec.inputBytes("Input", input).subarray(-4)])).events[0];
  const led = (input) => {
    const ahead = predictor.ahead({ tick: 100, me: ME, own, entities: [ship] });
    predictor.advance(ahead, input, step);
    return exact(ahead);
  };
  const check = (input) => assert.deepEqual(led(input), led(sent(input)), JSON.stringify(input));
  const rng = random(SEED);
  const number = () => [Number.NaN, Infinity, 1e9, -1e9, 0, -0.5, 0.49, 127.5, -128.5][rng.below(14)] ?? (rng.unit() - 0.5) * 10 ** rng.below(6);
  check({});
  for (let i = 0; i < 20_000; i++) check({ x: number(), y: number(), aim: number(), beam: rng.below(2) === 1, rocket: rng.below(2) === 1 });
});

test("what is predicted is the own living ship and its rockets", () => {
  const predictor = new ArenaPredictor(config, 30);
  const rocket = { id: 9, kind: "Rocket", player: ME, x: 2.5, y: 1.5, vx: 16, vy: 0 };
  const others = [{ ...ship, id: 1, player: 3 }, { ...rocket, id: 2, player: 3 }, { id: 3, kind: "Pickup", item: "Ammo", x: 1, y: 1, present: true }];
  const entities = [...others, rocket, ship];
  assert.deepEqual(entities.filter((entity) => predictor.isAhead(entity, ME)), [rocket, ship]);
  assert.equal(predictor.ahead({ tick: 100, me: ME, own: null, entities }), null);
  assert.equal(predictor.ahead({ tick: 100, me: ME, own, entities: [...others, { ...ship, alive: false }] }), null);

  const ahead = predictor.ahead({ tick: 100, me: ME, own, entities });
  assert.deepEqual(predictor.show(ahead), [ship, rocket]);
  const copy = predictor.copy(ahead);
  predictor.advance(copy, { x: 127, aim: Math.PI / 2, rocket: true }, { ...step, tick: 104 });
  predictor.displace(copy, 0.5, -0.25);
  assert.deepEqual(predictor.show(ahead), [ship, rocket]);
  assert.deepEqual(predictor.place(ahead), [1.5, 1.5]);
  const [moved, shown, fired] = predictor.show(copy);
  assert.ok(moved.x > 2 && moved.y === 1.25 && moved.vx > 0);
  assert.deepEqual([shown.id, shown.player, fired.id, fired.player], [9, ME, null, ME]);
  assert.ok(shown.x > rocket.x && fired.vy > 15.9);
});

test("a foretold event is known again when it happens", () => {
  const predictor = new ArenaPredictor(config, 30);
  const ahead = predictor.ahead({ tick: 100, me: ME, own, entities: [ship] });
  const events = [];
  predictor.advance(ahead, { aim: 0, beam: true }, { ...step, others: [{ kind: "Ship", player: 2, x: 4.5, y: 1.5, alive: true }], foretell: (event) => events.push(event) });
  const [beam] = events;
  assert.deepEqual({ ...beam, to_x: Math.fround(beam.to_x).toFixed(3) }, { kind: "Beam", player: ME, x: 1.5, y: 1.5, to_x: "4.100", to_y: 1.5 });
  assert.ok(predictor.isSameEvent(beam, { ...beam, to_x: 3, to_y: 3 }));
  assert.ok(!predictor.isSameEvent(beam, { ...beam, player: 1 }));
  const explosion = { kind: "Explosion", player: ME, x: 1.5, y: 1.5 };
  assert.ok(predictor.isSameEvent(explosion, { ...explosion, x: 2.4 }));
  assert.ok(!predictor.isSameEvent(explosion, { ...explosion, x: 2.6 }));
  assert.ok(!predictor.isSameEvent(explosion, beam));
  assert.ok(!predictor.isSameEvent({ kind: "Hit", player: ME }, { kind: "Hit", player: ME }));
});
