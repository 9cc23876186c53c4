// Which tick an input is for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { InputClock } from "../fracas.js";

/** Runs a clock against a server that is `way` ticks from here and back; gives how many inputs were late. */
function run(clock, first, ticks, way) {
  let late = 0, margin = null, inFlight = [];
  for (let tick = first; tick < first + ticks; tick++) {
    inFlight = inFlight.filter(({ arrives, stamp }) => {
      if (arrives > tick) return true;
      margin = stamp - tick;
      late += margin < 0 ? 1 : 0;
      return false;
    });
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
