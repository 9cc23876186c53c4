// What the Rust code writes is what this module reads, and the other way round.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec, FracasError, ClientMessage, FrameDecoder, ServerMessage, State, fromBytes, stampInput, toBytes } from "../fracas.js";
import * as twin from "../fracas.min.js";
import { fromHex, mutate, random, toHex, vectors } from "./support.js";

const CASES = Number(process.env.FRACAS_CASES ?? 1_700);
const SEED = Number(process.env.FRACAS_CASE_SEED ?? 1);

/** The values of an object of ours in the way in which the vectors have them. */
function plain({ id, kind, ...fields }) {
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Uint8Array) fields[name] = toHex(value);
  }
  return { kind, values: fields };
}

/** Values of the vectors in the way in which we take them. */
function given(kinds, name, values) {
  const kind = kinds.find((kind) => kind.name === name);
  const entries = kind.fields.map((field) => [
    field.name,
    field.kind === "bytes" ? fromHex(values[field.name]) : values[field.name],
  ]);
  return Object.fromEntries(entries);
}

/** Reads frames; a copy of the state is changed only by what the decoder says has changed. */
function checkFrames(codec, wanted) {
  const frames = new FrameDecoder(codec);
  const state = new State();
  let before = new Map();
  for (const { bytes, tick, hash, entities } of wanted) {
    const change = frames.decode(fromHex(bytes));
    const { added, removed, changed } = state.apply(change, frames.strings, true);
    if (change.hash !== undefined) assert.equal(change.hash, hash);
    assert.equal(state.tick, tick);
    assert.deepEqual(frames.rows.map((row) => row.codes), entities.map((entity) => entity.codes));
    const byId = [...state.values()].sort((a, b) => a.id - b.id);
    assert.deepEqual(
      byId.map((entity) => ({ id: entity.id, ...plain(entity) })),
      entities.map(({ id, kind, values }) => ({ id, kind, values })).sort((a, b) => a.id - b.id),
    );

    const told = new Map(before);
    for (const { id } of removed) assert.ok(told.delete(id));
    for (const entity of added) told.set(entity.id, { ...entity });
    for (const [entity, old] of changed) {
      const copy = told.get(entity.id);
      for (const [name, value] of Object.entries(old)) {
        assert.deepEqual(value, copy[name]);
        assert.notDeepEqual(value, entity[name]);
        copy[name] = entity[name];
      }
    }
    assert.deepEqual(new Map([...told].sort(([a], [b]) => a - b)), new Map(byId.map((entity) => [entity.id, entity])));
    before = told;
  }
}

/** The minified module reads and writes the same. */
function checkTwin(codec, { schema, frames, own, events, input }) {
  const other = new twin.Codec(schema);
  const [decoder, twins] = [new FrameDecoder(codec), new twin.FrameDecoder(other)];
  const [state, others] = [new State(), new twin.State()];
  for (const { bytes } of frames) {
    const told = state.apply(decoder.decode(fromHex(bytes)), decoder.strings, true);
    assert.deepEqual(others.apply(twins.decode(fromHex(bytes)), twins.strings, true), told);
    assert.deepEqual([...others], [...state]);
  }
  assert.deepEqual(other.readOwn(fromHex(own.bytes)), codec.readOwn(fromHex(own.bytes)));
  assert.deepEqual(other.readEvents(fromHex(events.bytes)), codec.readEvents(fromHex(events.bytes)));
  if (input && input.bytes.length <= 2 * 4096) {
    const write = (codec) => codec.inputBytes(input.kind, given(codec.schema.inputs, input.kind, input.values));
    assert.deepEqual(write(other), write(codec));
  }
}

/** Spoilt messages end in a `FracasError` or in a value. */
function checkHostile(rng, codec, { frames, own, events, input }) {
  const survive = (read) => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof FracasError)) throw error;
    }
  };
  const decoder = new FrameDecoder(codec);
  const state = new State();
  for (const { bytes } of frames) {
    const frame = fromHex(bytes);
    for (let i = 0; i < 3; i++) {
      decoder.needsKeyframe = false;
      survive(() => {
        const change = decoder.decode(mutate(rng, frame));
        if (change) state.apply(change, decoder.strings);
      });
    }
    decoder.needsKeyframe = false;
    survive(() => {
      const change = decoder.decode(frame);
      if (change) state.apply(change, decoder.strings);
    });
    assert.equal(state.size, decoder.rows.length);
    for (const row of decoder.rows) assert.equal(state.get(row.id), row.entity);
  }
  survive(() => codec.readOwn(mutate(rng, fromHex(own.bytes))));
  survive(() => codec.readEvents(mutate(rng, fromHex(events.bytes))));
  survive(() => fromBytes(ServerMessage, mutate(rng, toBytes(ServerMessage, { type: "PlayerJoined", player: 700, name: "Ann", isBot: true }))));
  if (input) survive(() => fromBytes(ClientMessage, mutate(rng, toBytes(ClientMessage, { type: "List", game: "tag", skip: 70_000 }))));
}

test("random schemas, frames and rows are read and written as by the Rust code", async () => {
  const rng = random(SEED);
  let frames = 0;
  for await (const vector of vectors(CASES, SEED)) {
    const codec = new Codec(vector.schema);
    checkFrames(codec, vector.frames);
    frames += vector.frames.length;

    const own = codec.readOwn(fromHex(vector.own.bytes));
    assert.deepEqual([own.inputTick, own.margin], [vector.own.inputTick, vector.own.margin]);
    assert.deepEqual(own.own && plain(own.own), vector.own.row);
    const events = codec.readEvents(fromHex(vector.events.bytes));
    assert.equal(events.tick, vector.events.tick);
    assert.deepEqual(events.events.map(plain), vector.events.rows);

    const { input, message } = vector;
    if (input && input.bytes.length <= 2 * 4096) {
      const bytes = codec.inputBytes(input.kind, given(codec.schema.inputs, input.kind, input.values));
      stampInput(bytes, input.tick, input.ack, input.viewLag);
      assert.equal(toHex(bytes), input.bytes);
    }
    if (message && message.bytes.length <= 2 * 4096) {
      const bytes = codec.messageBytes(message.kind, given(codec.schema.messages, message.kind, message.values));
      assert.equal(toHex(bytes), message.bytes);
    }
    checkTwin(codec, vector);
    checkHostile(rng, codec, vector);
  }
  assert.ok(frames >= CASES, `${frames} frames`);
});

test("spoilt schemas are refused", () => {
  const schema = (views) => JSON.stringify({ game: "g", revision: 1, views, own: [], inputs: [], events: [], messages: [] });
  const field = (rest) => [{ name: "V", fields: [{ name: "x", ...rest }] }];
  assert.ok(new Codec(schema(field({ kind: "uint", bits: 32 }))));
  const bad = [
    "", "null", "[]", "{}", '{"game":"g"}', schema(null), schema([{}]), schema([{ name: "V", fields: null }]),
    schema(field({ kind: "uint", bits: 33 })), schema(field({ kind: "int", bits: 0 })), schema(field({ kind: "int", bits: 1.5 })),
    schema(field({ kind: "fixed", min: 0, step: 0, bits: 3 })), schema(field({ kind: "fixed", min: "0", step: 1, bits: 3 })),
    schema(field({ kind: "enum", names: [] })), schema(field({ kind: "enum", names: [7] })), schema(field({ kind: "toString" })),
    schema(Array.from({ length: 33 }, (_, i) => ({ name: `V${i}`, fields: [] }))), " ".repeat(70_000),
  ];
  for (const json of bad) assert.throws(() => new Codec(json), FracasError, json.slice(0, 200));
});

test("a field may have the name of what an entity has already", () => {
  const fields = ["id", "kind", "__proto__", "constructor"].map((name) => ({ name, kind: "uint", bits: 8 }));
  const kinds = [{ name: "V", fields }];
  const codec = new Codec(JSON.stringify({ game: "g", revision: 1, views: [], own: [], inputs: [], events: kinds, messages: [] }));
  const { events } = codec.readEvents(fromHex("03 01000000 01  02 04 06 08 00"));
  assert.deepEqual(events, [{ kind: "V", id_: 1, kind_: 2, __proto___: 3, constructor: 4 }]);
});

test("what does not fit an input is said in a sentence", () => {
  const inputs = [{ name: "Move", fields: [{ name: "x", kind: "int", bits: 8 }, { name: "to", kind: "enum", names: ["left", "right"] }] }];
  const codec = new Codec(JSON.stringify({ game: "g", revision: 1, views: [], own: [], inputs, events: [], messages: [] }));
  const check = (values, sentence, kind) => assert.throws(() => codec.inputBytes(kind, values), { code: "bad_row", message: sentence });
  check({ y: 1 }, /no field 'y', only x, to/);
  check({ x: "1" }, /'x' is a int, not "1"/);
  check({ to: "up" }, /one of left, right, not 'up'/);
  check({}, /Move; not 'Jump'/, "Jump");
  // Too large numbers are clamped; what is missing is neutral.
  assert.equal(toHex(codec.inputBytes("Move", { x: 1e9 })), "01" + "00".repeat(10) + "fe01");
});
