// Which tick an input is for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { InputClock } from "../fracas.js";

/** Runs a clock against a server that is `way` ticks from here and back; gives how many inputs were late. */
function run(clock, first, ticks, way) {
  let late = 0, margin = null, inFlight = [];
  for (let tick = first; tick < first + ticks; tick++) {
    // Of those that come together the latest is reported.
    const margins = inFlight.filter(({ arrives }) => arrives <= tick).map(({ stamp }) => stamp - tick);
    inFlight = inFlight.filter(({ arrives }) => arrives > tick);
    late += margins.filter((ticks) => ticks < 0).length;
    if (margins.length > 0) margin = Math.min(...margins);
    if (margin !== null) clock.report(tick, margin);
    const stamp = clock.stamp(tick);
    if (stamp !== null) inFlight.push({ arrives: tick + way(tick), stamp });
  }
  return late;
}

test("a near server needs one tick", () => {
  const clock = new InputClock(30);
  assert.equal(run(clock, 1, 900, () => 1), 0);
  assert.equal(clock.lead, 1);
});

test("the lead follows the way", () => {
  const clock = new InputClock(30);
  assert.ok(run(clock, 1, 300, () => 6) < 10, "raised at once");
  assert.equal(clock.lead, 6);
  run(clock, 301, 3000, () => 2);
  assert.equal(clock.lead, 2, "lowered when the margin stays high");
});

test("a hiccup costs one tick for a while", () => {
  const clock = new InputClock(30);
  run(clock, 1, 100, (tick) => (tick >= 50 && tick < 53 ? 2 : 1));
  assert.equal(clock.lead, 2);
  run(clock, 101, 400, () => 1);
  assert.equal(clock.lead, 1);
});

test("a stall costs little soon after it", () => {
  const clock = new InputClock(30);
  run(clock, 1, 170, (tick) => (tick >= 100 && tick < 160 ? 1 + Math.floor((160 - tick) / 5) : 1));
  assert.ok(clock.lead > 3, "it was raised meanwhile");
  run(clock, 171, 8 * 30, () => 1);
  assert.equal(clock.lead, 1);
});

test("what was lowered too early is lowered later the next time", () => {
  const clock = new InputClock(30);
  // Every four seconds nothing comes through for a moment.
  const way = (tick) => Math.max(4 - Math.min(tick % 120, 3), 1);
  const [often, seldom] = [run(clock, 1, 3000, way), run(clock, 3001, 3000, way)];
  assert.ok(seldom * 4 < often, `${often} were late at first, ${seldom} afterwards`);
});

test("stamps increase, also when ticks wrap, and the lead has bounds", () => {
  const clock = new InputClock(30);
  const first = 2 ** 32 - 6;
  let last = clock.stamp(first);
  for (let step = 0; step < 2000; step++) {
    const newest = (first + (step >> 1)) >>> 0;
    clock.report(newest, step % 700 < 100 ? -128 : 127);
    assert.ok(clock.lead >= 1 && clock.lead <= 24);
    const stamp = clock.stamp(newest);
    if (stamp === null) continue;
    assert.ok(((stamp - last) | 0) > 0);
    last = stamp;
  }
});

test("a stamp that is given is taken as it is, also when another clock steps back", () => {
  const clock = new InputClock(30);
  for (const stamp of [110, 111, 104, 104, 0xffff_fff0, 2]) assert.equal(clock.stamp(100, stamp), stamp);
  assert.equal(clock.stamp(100), 101);
  assert.equal(clock.stamp(100), null, "its own increase");
  assert.equal(clock.stamp(100, 101), 101);
});
