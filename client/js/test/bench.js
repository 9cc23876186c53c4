// How long a delta takes: decoding it, and decoding it into the state. `npm run bench`

import { Codec, FrameDecoder, State } from "../fracas.js";
import { Bits } from "./support.js";

const ENTITIES = 64;
const FRAMES = 20_000;

const fixed = (name, bits) => ({ name, kind: "fixed", min: -64, step: 0.03125, bits });
const fields = [
  { name: "player", kind: "player" }, fixed("x", 12), fixed("y", 12), fixed("vx", 10), fixed("vy", 10),
  { name: "aim", kind: "angle", bits: 10 }, { name: "health", kind: "uint", bits: 7 }, { name: "name", kind: "text" },
];
const codec = new Codec(JSON.stringify({
  game: "bench", revision: 1, views: [{ name: "Ship", fields }], own: [], inputs: [], events: [], messages: [],
}));

function keyframe() {
  const bits = new Bits().put(2, 8).put(0, 32).put(1, 1).put(0, 1).put(1, 1).put(1, 10).put(1, 10).put(1, 8).put(65, 8);
  for (let id = 1; id <= ENTITIES; id++) {
    bits.put(1, 1).put(id, 16).put(0, 1);
    for (const field of codec.views.list[0].fields) bits.put(field.kind === "text" ? 1 : id, field.bits);
  }
  return bits.put(0, 1).bytes();
}

/** Every entity moves and turns: five of eight fields change by a little. */
function delta(tick) {
  const bits = new Bits().put(2, 8).put(tick, 32).put(0, 1).put(1, 8).put(0, 2);
  for (let id = 1; id <= ENTITIES; id++) {
    bits.put(0b01, 2);
    codec.views.list[0].fields.forEach((field, i) => {
      const isChanged = i >= 1 && i <= 5;
      bits.put(isChanged ? 1 : 0, 1);
      if (isChanged) bits.put(1, 1).put(tick % 2 ? 4 : 3, field.smallBits);
    });
  }
  return bits.put(0, 1).bytes();
}

const deltas = [delta(1), delta(2)];
const view = deltas.map((bytes) => new DataView(bytes.buffer));

function run(isApplied) {
  const frames = new FrameDecoder(codec);
  const state = new State();
  state.apply(frames.decode(keyframe()), frames.strings);
  const started = performance.now();
  for (let tick = 1; tick <= FRAMES; tick++) {
    view[tick % 2].setUint32(1, tick, true);
    const change = frames.decode(deltas[tick % 2]);
    if (isApplied) state.apply(change, frames.strings);
  }
  return ((performance.now() - started) / FRAMES) * 1000;
}

for (let round = 0; round < 5; round++) {
  const [decoded, applied] = [run(false), run(true)];
  console.log(`${ENTITIES} entities, ${deltas[0].length} bytes: ${decoded.toFixed(1)} us decoded, ${applied.toFixed(1)} us in the state`);
}
