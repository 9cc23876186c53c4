// Frames from strangers: whatever the bytes are, reading them ends soon, in a state within the limits or in a
// `FracasError`, and does no harm to what comes after.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec, FracasError, FrameDecoder, State } from "../fracas.js";
import { AGE, KEYFRAME, fromHex, mutate, random, vectors } from "./support.js";

const FRAMES = Number(process.env.FRACAS_HOSTILE_FRAMES ?? 100_000);
const SEED = Number(process.env.FRACAS_CASE_SEED ?? 1);
const PER_CASE = 200;
/** Far beyond what any frame takes, and far below what a loop would. */
const TIME_MAX_MS = 2_000;
const BYTES_MAX = 256 * 1_048_576;

/** A head that may be, for the tick that a decoder is at, and random bytes. */
function anything({ below }, tick) {
  const flags = below(64);
  const isKeyframe = flags & KEYFRAME;
  const age = flags & AGE ? 2 + below(63) : 1;
  const next = tick + age;
  const head = isKeyframe ? [flags & ~AGE, below(256), below(256), below(256), below(256)] : [flags, next & 0xff];
  if (!isKeyframe && flags & AGE) head.push(age);
  const bytes = [() => 0, () => 0xff, () => below(256)][below(3)];
  return Uint8Array.from([2, ...head, ...Array.from({ length: below(4) ? below(60) : below(2000) }, bytes)]);
}

test("spoilt and random frames end in a state within the limits or in an error", { timeout: 3_600_000 }, async () => {
  const rng = random(SEED);
  const before = process.memoryUsage.rss();
  let [left, decoded, failed, slowest] = [FRAMES, 0, 0, 0];
  for await (const { schema, frames } of vectors(Math.ceil(FRAMES / PER_CASE), SEED)) {
    const codec = new Codec(schema);
    const decoder = new FrameDecoder(codec);
    const state = new State();
    for (let i = 0; i < PER_CASE && left > 0; i++, left--) {
      const good = fromHex(frames[rng.below(frames.length)].bytes);
      const frame = rng.below(2) ? mutate(rng, good) : anything(rng, decoder.tick ?? 0);
      const { tick, rows, strings } = decoder;
      const codes = rows.map((row) => row.codes);
      // As if it had never been told to wait.
      decoder.needsKeyframe = false;
      const started = performance.now();
      try {
        state.apply(decoder.decode(frame), decoder.strings, true);
        decoded += 1;
      } catch (error) {
        if (!(error instanceof FracasError)) throw error;
        failed += 1;
        assert.ok(decoder.needsKeyframe);
        assert.deepEqual([decoder.tick, decoder.rows, decoder.strings], [tick, rows, strings]);
        assert.deepEqual(rows.map((row) => row.codes), codes);
      }
      slowest = Math.max(slowest, performance.now() - started);
      assert.ok(decoder.rows.length <= 4096 && decoder.strings.size <= 1023);
      assert.equal(state.size, decoder.rows.length);
    }
    // What is good is read as ever.
    const first = frames.findIndex(({ bytes }) => fromHex(bytes)[1] & KEYFRAME);
    for (const { bytes, tick, entities } of frames.slice(first)) {
      state.apply(decoder.decode(fromHex(bytes)), decoder.strings, true);
      assert.equal(decoder.tick, tick);
      assert.deepEqual(decoder.rows.map((row) => row.codes), entities.map((entity) => entity.codes));
    }
  }
  assert.ok(decoded > FRAMES / 100 && failed > FRAMES / 2, `${decoded} decoded, ${failed} failed`);
  assert.ok(slowest < TIME_MAX_MS, `a frame took ${slowest} ms`);
  const grown = process.memoryUsage.rss() - before;
  assert.ok(grown < BYTES_MAX, `${grown} bytes more are held`);
});
