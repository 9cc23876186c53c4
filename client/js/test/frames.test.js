// What frames by themselves do not show: which entities are the same, and what is forgotten.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec, FrameDecoder, State } from "../fracas.js";
import { AGE, COMINGS, Frame, KEYFRAME, STRINGS } from "./support.js";

const kinds = [{ name: "Flag", fields: [{ name: "text", kind: "text" }, { name: "n", kind: "uint", bits: 8 }] }];
const codec = new Codec(JSON.stringify({ game: "g", revision: 1, views: kinds, own: [], inputs: [], events: [], messages: [] }));
/** A frame up to its rows, a keyframe when it has no age; `strings` are pairs of a place and a letter. */
function frame(tick, age, strings, more = COMINGS) {
  const built = new Frame((age ? 0 : KEYFRAME) | (strings.length ? STRINGS : 0) | more, tick, age);
  if (strings.length) built.bits(strings.length, 10);
  for (const [place, letter] of strings) built.bits(place, 10, 1, 8, letter.charCodeAt(0), 8);
  return built;
}

const leave = (built, ...places) => built.small(places.length, ...places);
/** No row that stays has changed. */
const stay = (built) => built.bits(0, 1);
const enter = (built, ...rows) => {
  built.small(rows.length);
  for (const [gap, place, n] of rows) built.small(gap).bits(place, 10, n, 8);
  return built.bytes();
};
const keyframe = (tick, strings, ...rows) => enter(frame(tick, 0, strings), ...rows);

/** A viewer that has seen entity 1, with the text "A" of place 3, in tick 100. */
function viewer() {
  const frames = new FrameDecoder(codec);
  const state = new State();
  const show = (bytes) => {
    const change = frames.decode(bytes);
    return change && state.apply(change, frames.strings, true);
  };
  show(keyframe(100, [[3, "A"]], [0, 3, 7]));
  return { frames, state, show };
}

test("an entity stays the same object over keyframes, for as long as ids rest", () => {
  const { state, show } = viewer();
  const flag = state.get(1);
  assert.deepEqual(show(keyframe(356, [[3, "A"]], [0, 3, 8])), { added: [], removed: [], changed: [[flag, { n: 7 }]] });
  assert.equal(state.get(1), flag);
  const later = show(keyframe(356 + 257, [[3, "A"]], [0, 3, 8]));
  assert.deepEqual([later.removed, later.added], [[flag], [state.get(1)]]);
  assert.notEqual(state.get(1), flag);
  // Back in time: another match.
  assert.equal(show(keyframe(5, [[3, "A"]], [0, 3, 8])).removed.length, 1);
});

test("another string at the same place is a change", () => {
  const { state, show } = viewer();
  const { changed } = show(stay(frame(101, 1, [[3, "B"]], 0)).bytes());
  assert.deepEqual(changed, [[{ id: 1, kind: "Flag", text: "B", n: 7 }, { text: "A" }]]);
  assert.equal(state.tick, 101);
  // The same one again is none.
  assert.deepEqual(show(stay(frame(102, 1, [[3, "B"]], 0)).bytes()).changed, []);
});

test("a string that no row names is forgotten", () => {
  const { frames, show } = viewer();
  // Entity 1 leaves, entity 2 enters without a text; then entity 3 names what was forgotten.
  show(enter(leave(frame(101, 1, []), 0), [1, 0, 7]));
  assert.equal(frames.strings.size, 0);
  assert.throws(() => show(enter(stay(leave(frame(102, 1, []))), [2, 3, 7])), { code: "malformed" });
});

test("what fails changes nothing, and deltas are passed over until a keyframe comes", () => {
  const { frames, state, show } = viewer();
  const good = stay(frame(101, 1, [], 0)).bytes();
  const check = (bytes, code) => {
    frames.needsKeyframe = false;
    assert.throws(() => show(bytes), { name: "FracasError", code });
    assert.deepEqual([...state.values()], [{ id: 1, kind: "Flag", text: "A", n: 7 }]);
    assert.equal(frames.tick, 100);
    assert.equal(show(good), null);
  };
  // Entity 1 enters once more; there is no id 65,536; nobody else was there.
  check(enter(stay(leave(frame(101, 1, []))), [0, 0, 7]), "malformed");
  check(enter(stay(leave(frame(101, 1, []))), [65_535, 0, 7]), "malformed");
  check(enter(leave(frame(101, 1, []), 1)), "malformed");
  // Strings without a place, and of a row that names it.
  check(stay(frame(101, 1, [[0, "A"]], 0)).bytes(), "malformed");
  check(enter(stay(leave(frame(101, 1, []))), [1, 4, 7]), "malformed");
  // Heads that there are not, and those of other frames.
  check(Uint8Array.of(...good).with(1, 64), "malformed");
  check(Uint8Array.of(2, KEYFRAME | AGE, 101, 0, 0, 0, 2), "malformed");
  check(stay(frame(101, 65, [], 0)).bytes(), "malformed");
  check(stay(frame(102, 1, [], 0)).bytes(), "wrong_baseline");
  check(stay(frame(102, 3, [], 0)).bytes(), "wrong_baseline");
  // Too long, and too short.
  check(Uint8Array.of(...good, 1, 2, 3, 4, 5, 6, 7), "malformed");
  check(frame(101, 1, [..."abcdefgh"].map((letter, i) => [i + 1, letter]), 0).bytes().subarray(0, 6), "malformed");
  for (let length = 1; length < good.length; length++) check(good.subarray(0, length), "malformed");
  show(keyframe(103, []));
  assert.equal(state.size, 0);
});

test("a delta's tick is the nearest one that ends so", () => {
  const { frames, show } = viewer();
  show(keyframe(0xfffffffe, []));
  show(frame(0xffffffff, 1, [], 0).bytes());
  show(frame(63, 64, [], 0).bytes());
  assert.equal(frames.tick, 63);
});

test("more entities than a world holds are refused, in little time", () => {
  const frames = new FrameDecoder(codec);
  const started = performance.now();
  assert.equal(frames.decode(keyframe(1, [], ...Array(4096).fill([0, 0, 0]))).entered.length, 4096);
  assert.throws(() => frames.decode(keyframe(1, [], ...Array(4097).fill([0, 0, 0]))), { code: "malformed" });
  assert.ok(performance.now() - started < 1000);
});
