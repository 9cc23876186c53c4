// What frames by themselves do not show: which entities are the same, and what is forgotten.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec, FrameDecoder, State } from "../fracas.js";
import { Bits } from "./support.js";

const kinds = [{ name: "Flag", fields: [{ name: "text", kind: "text" }, { name: "n", kind: "uint", bits: 8 }] }];
const codec = new Codec(JSON.stringify({ game: "g", revision: 1, views: kinds, own: [], inputs: [], events: [], messages: [] }));

/** The head of a frame without a hash; `strings` are pairs of a place and a letter. */
function frame(tick, age, strings) {
  const bits = new Bits().put(2, 8).put(tick, 32).put(age ? 0 : 1, 1);
  if (age) bits.put(age, 8);
  bits.put(0, 1).put(strings.length ? 1 : 0, 1);
  if (strings.length) bits.put(strings.length, 10);
  for (const [place, letter] of strings) bits.put(place, 10).put(1, 8).put(letter.charCodeAt(0), 8);
  return bits;
}

const enter = (bits, id, place, n) => bits.put(1, 1).put(id, 16).put(0, 1).put(place, 10).put(n, 8);
const end = (bits) => bits.put(0, 1).bytes();

/** A viewer that has seen entity 1, with the text "A" of place 3, in tick 100. */
function viewer() {
  const frames = new FrameDecoder(codec);
  const state = new State();
  const show = (bytes) => {
    const change = frames.decode(bytes);
    return change && state.apply(change, frames.strings, true);
  };
  show(end(enter(frame(100, 0, [[3, "A"]]), 1, 3, 7)));
  return { frames, state, show };
}

test("an entity stays the same object over keyframes, for as long as ids rest", () => {
  const { state, show } = viewer();
  const flag = state.get(1);
  assert.deepEqual(show(end(enter(frame(356, 0, [[3, "A"]]), 1, 3, 8))), { added: [], removed: [], changed: [[flag, { n: 7 }]] });
  assert.equal(state.get(1), flag);
  const later = show(end(enter(frame(356 + 257, 0, [[3, "A"]]), 1, 3, 8)));
  assert.deepEqual([later.removed, later.added], [[flag], [state.get(1)]]);
  assert.notEqual(state.get(1), flag);
  // Back in time: another match.
  assert.equal(show(end(enter(frame(5, 0, [[3, "A"]]), 1, 3, 8))).removed.length, 1);
});

test("another string at the same place is a change", () => {
  const { state, show } = viewer();
  const { changed } = show(end(frame(101, 1, [[3, "B"]]).put(0, 1)));
  assert.deepEqual(changed, [[{ id: 1, kind: "Flag", text: "B", n: 7 }, { text: "A" }]]);
  assert.equal(state.tick, 101);
});

test("a string that no row names is forgotten", () => {
  const { frames, show } = viewer();
  // Entity 1 leaves, entity 2 enters without a text; then entity 3 names what was forgotten.
  show(end(enter(frame(101, 1, []).put(0b11, 2), 2, 0, 7)));
  assert.equal(frames.strings.size, 0);
  assert.throws(() => show(end(enter(frame(102, 1, []).put(0, 1), 3, 3, 7))), { code: "malformed", message: /a string is missing/ });
});

test("what fails changes nothing, and deltas are passed over until a keyframe comes", () => {
  const { frames, state, show } = viewer();
  const check = (bytes, code) => {
    frames.needsKeyframe = false;
    assert.throws(() => show(bytes), { name: "FracasError", code });
    assert.deepEqual([...state.values()], [{ id: 1, kind: "Flag", text: "A", n: 7 }]);
    assert.equal(frames.tick, 100);
    assert.equal(show(end(frame(101, 1, []).put(0, 1))), null);
  };
  check(end(enter(frame(101, 1, []).put(0, 1), 1, 0, 7)), "malformed");
  check(end(enter(frame(101, 1, []).put(0, 1), 0, 0, 7)), "malformed");
  check(end(frame(101, 1, []).put(0b01, 2).put(0b001, 3)), "malformed");
  check(end(frame(101, 1, [[0, "A"]]).put(0, 1)), "malformed");
  check(end(frame(101, 65, []).put(0, 1)), "malformed");
  check(end(frame(102, 1, []).put(0, 1)), "wrong_baseline");
  check(Uint8Array.from([...end(frame(101, 1, []).put(0, 1)), 0]), "malformed");
  check(Uint8Array.of(2), "malformed");
  show(end(frame(103, 0, [])));
  assert.equal(state.size, 0);
});

test("more entities than a world holds are refused, in little time", () => {
  const frames = new FrameDecoder(codec);
  const bits = frame(1, 0, []);
  for (let id = 1; id <= 4097; id++) enter(bits, id, 0, 0);
  const bytes = end(bits);
  const started = performance.now();
  assert.throws(() => frames.decode(bytes), { code: "malformed", message: /more entities/ });
  assert.ok(performance.now() - started < 1000);
});
