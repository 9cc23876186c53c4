// Frames over long times: of a room that learns, by a line that delays and breaks, to a viewer that stalls, resumes and
// joins again; and frames of random bytes. What is held then is what the room thinks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec, FrameDecoder, State } from "../fracas.js";
import { MODEL, AGE, COMINGS, KEYFRAME, chains, fromHex, toHex } from "./support.js";

const CASES = Number(process.env.FRACAS_CHAINS ?? 300);
const SEED = Number(process.env.FRACAS_CASE_SEED ?? 1);

/** The view hash of a decoder's rows. */
function hashOf({ tick, rows }) {
  let hash = tick;
  const mix = (number) => {
    hash = Math.imul(hash ^ number, 0x9e3779b1);
    hash ^= hash >>> 15;
  };
  for (const { id, kind, codes } of rows) {
    mix((id << 8) | kind.number);
    codes.forEach(mix);
  }
  return hash >>> 0;
}

test("replicas are those of the Rust code over long times, whatever comes in between", async () => {
  const seen = { [KEYFRAME]: 0, [MODEL]: 0, [COMINGS]: 0, [AGE]: 0, spoilt: 0 };
  for await (const { schema, frames } of chains(CASES, SEED)) {
    const decoder = new FrameDecoder(new Codec(schema));
    const state = new State();
    for (const { bytes, error, tick, hash, strings } of frames) {
      const frame = fromHex(bytes);
      if (error) {
        assert.throws(() => decoder.decode(frame), { name: "FracasError", code: error }, bytes);
        decoder.needsKeyframe = false;
        seen.spoilt += 1;
        continue;
      }
      state.apply(decoder.decode(frame), decoder.strings, true);
      assert.equal(decoder.tick, tick);
      assert.equal(hashOf(decoder), hash, bytes);
      assert.deepEqual(Object.fromEntries([...decoder.strings].map(([place, string]) => [place, toHex(string.bytes)])), strings);
      assert.equal(state.size, decoder.rows.length);
      for (const { entity, kind, codes } of decoder.rows) {
        kind.fields.forEach((field, i) => field.isString || assert.equal(entity[field.key], field.value(codes[i])));
      }
      for (const flag of Object.keys(seen)) if (frame[1] & Number(flag)) seen[flag] += 1;
    }
  }
  for (const [what, times] of Object.entries(seen)) assert.ok(times >= CASES, `${what}: ${times} times`);
});
