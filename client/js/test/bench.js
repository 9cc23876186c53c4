// How long a delta takes: decoding it, and decoding it into the state. `npm run bench`

import { Codec, FrameDecoder, State } from "../fracas.js";
import { COMINGS, Frame, KEYFRAME, random } from "./support.js";

const ENTITIES = 64;
const FRAMES = 4000;
/** The quickest of so many frames counts: what else the machine does is no matter here. */
const CHUNK = 200;

const fixed = (name, bits) => ({ name, kind: "fixed", min: -64, step: 0.03125, bits });
const fields = [fixed("x", 16), fixed("y", 16), fixed("vx", 12), { name: "aim", kind: "angle", bits: 10 }];
const codec = new Codec(JSON.stringify({
  game: "bench", revision: 1, views: [{ name: "Ship", fields }], own: [], inputs: [], events: [], messages: [],
}));
/** Of the first model: the chances that a row changes, by how it moved, in 16,384ths; scales and spikes. */
const CHANCES = [400, 14_184, 8192, 16_224], FRESH = 8192;
const SHAPES = [[14, 8], [10, 4], [11, 4], [14, 4], [18, 4], [22, 4], [28, 4], [24, 4]];

/** Every entity moves and turns, a little otherwise in each tick. */
function frames() {
  const { below } = random(1);
  const rows = Array.from({ length: ENTITIES }, () => ({
    moved: [0, 0],
    fields: fields.map(({ bits }) => ({ bits, code: below(2 ** bits), speed: below(9) - 4, last: 0, second: 0 })),
  }));
  const keyframe = new Frame(KEYFRAME | COMINGS, 0).small(ENTITIES);
  for (const row of rows) {
    keyframe.small(0);
    for (const { code, bits } of row.fields) keyframe.bits(code, bits);
  }
  const all = [keyframe.bytes()];
  for (let tick = 1; tick <= FRAMES; tick++) {
    // Some rows are coded, and each of their fields.
    const delta = new Frame(0, tick).bits(1, 1, 0, 1);
    for (const { moved: [last, before] } of rows) delta.put(0, tick > 2 ? CHANCES[last + 2 * before] : FRESH);
    delta.bits(0, 1);
    fields.forEach(({ bits }, i) => {
      const wrap = (number) => (number << (32 - bits)) >> (32 - bits);
      for (const row of rows) {
        const field = row.fields[i];
        const { last, second } = field;
        field.speed += below(5) - 2 - Math.sign(field.speed) * (below(20) === 0 ? 1 : 0);
        const phase = (8 * last + 4) & 7;
        const context = tick === 1 ? 7 : second ? Math.min(33 - Math.clz32(Math.abs(second)), 6) : last ? 1 : 0;
        delta.residual(...SHAPES[context], phase, wrap(field.speed - last));
        const now = wrap(field.speed);
        [field.last, field.second] = [now, tick > 1 ? wrap(now - last) : 0];
      }
    });
    for (const row of rows) row.moved = [row.fields.some(({ last }) => last) ? 1 : 0, row.moved[0]];
    all.push(delta.bytes());
  }
  return all;
}

const [keyframe, ...deltas] = frames();

/** Microseconds for each frame. */
function run(isApplied) {
  const decoder = new FrameDecoder(codec);
  const state = new State();
  state.apply(decoder.decode(keyframe), decoder.strings, false);
  let best = Infinity;
  for (let at = 0; at < FRAMES; at += CHUNK) {
    const started = performance.now();
    for (let i = at; i < at + CHUNK; i++) {
      const change = decoder.decode(deltas[i]);
      if (isApplied) state.apply(change, decoder.strings, false);
    }
    best = Math.min(best, ((performance.now() - started) / CHUNK) * 1000);
  }
  return best;
}

const bytes = Math.round(deltas.reduce((sum, delta) => sum + delta.length, 0) / FRAMES);
for (let round = 0; round < 5; round++) {
  const [decoded, applied] = [run(false), run(true)];
  console.log(`${ENTITIES} entities of ${fields.length} fields, ${bytes} bytes: ${decoded.toFixed(1)} us decoded, ${applied.toFixed(1)} us in the state`);
}
