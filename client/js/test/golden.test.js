// Every example of docs/PROTOCOL.md, read and written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec, ClientMessage, FrameDecoder, ServerMessage, State, fromBytes, stampInput, toBytes } from "../fracas.js";
import { blocks, exampleSchema, fromHex, toHex } from "./support.js";

const golden = blocks("golden");
const used = new Set();

function example(name) {
  used.add(name);
  return fromHex(golden.get(name) ?? assert.fail(`docs/PROTOCOL.md has no example '${name}'`));
}

const join = (room, schemaHash = 0) => ({ type: "Join", room, schemaHash });

const clientMessages = {
  "client Hello": { type: "Hello", protocol: 3, name: "Ann", client: "web 1" },
  "client Join JoinOrCreate": join({ type: "JoinOrCreate", game: "tag", options: '{"seats":4}' }),
  "client Join Join": join({ type: "Join", game: "tag" }, 0xdeadbeef),
  "client Join Create": join({ type: "Create", game: "tag", options: "" }),
  "client Join ById": join({ type: "ById", room: "k3v9", password: "sesam" }),
  "client Join Reserved": join({ type: "Reserved", ticket: "t1ck" }),
  "client Join Spectate": join({ type: "Spectate", room: "k3v9", password: "" }),
  "client Join Resume": join({ type: "Resume", token: "k3v9-5ec2e7", received: 12, attempt: 3 }),
  "client Join Resume without a count": join({ type: "Resume", token: "k3v9-5ec2e7", received: null, attempt: null }),
  "client Leave": { type: "Leave" },
  "client List": { type: "List", game: "tag", skip: 100 },
  "client List of all games": { type: "List", game: null, skip: 0 },
  "client Ack": { type: "Ack", tick: 300 },
  "client Resync": { type: "Resync" },
  "client Ping": { type: "Ping", nonce: 250 },
  "client Say to all": { type: "Say", to: { type: "All" }, text: "hi" },
  "client Say to one": { type: "Say", to: { type: "One", player: 1 }, text: "hi" },
};

const ann = { player: 0, name: "Ann", isBot: false, isAway: false };
const ada = { player: 1, name: "Ada", isBot: true, isAway: false };
const joined = {
  type: "Joined", room: "k3v9", game: "tag", player: 0, seats: 300, tickHz: 30, tick: 100,
  schemaHash: 0xdeadbeef, schema: null, config: "{}", roster: [ann, ada],
  resumeToken: "k3v9-5ec2e7", lingerS: 20, resumed: null,
};
const serverMessages = {
  "server Welcome": { type: "Welcome", protocol: 3, server: "fracas" },
  "server Joined": joined,
  "server Joined again": { ...joined, roster: [ann, { ...ada, isAway: true }], resumed: { missed: 2, received: 12, attempt: 3 } },
  "server Joined to watch": { ...joined, player: null, roster: [], resumeToken: "" },
  "server Refused": { type: "Refused", refusal: { type: "RoomFull", text: "k3v9" } },
  "server Refused BadRoomCode": { type: "Refused", refusal: { type: "BadRoomCode", text: "k3v9" } },
  "server Left": { type: "Left", tick: 70_000 },
  "server Rooms": {
    type: "Rooms",
    rooms: [{
      room: "k3v9", game: "tag", players: 1, bots: 1, seats: 300, tickHz: 30, metadata: "{}",
      spectators: 2, hasPassword: true, isLocked: false,
    }],
    total: 251,
  },
  "server PlayerJoined": { type: "PlayerJoined", ...ada },
  "server PlayerLeft": { type: "PlayerLeft", player: 1 },
  "server Outcome": {
    type: "Outcome", standings: [{ player: 0, score: 7 }, { player: 1, score: -300 }], nextMatchTick: 480,
  },
  "server MatchBegan": { type: "MatchBegan", tick: 480 },
  "server TimeDropped": { type: "TimeDropped", tick: 500, ticks: 12 },
  "server Pong": { type: "Pong", nonce: 250 },
  "server Said": { type: "Said", player: 0, to: { type: "Others" }, text: "hi" },
  "server PlayerAway": { type: "PlayerAway", player: 1 },
  "server PlayerBack": { type: "PlayerBack", player: 1 },
  "server RetryAfter": { type: "RetryAfter", ms: 2000 },
  "server Notification": { type: "Notification", text: "hi" },
};

test("control messages are as on the page", () => {
  for (const [name, message] of Object.entries(clientMessages)) {
    assert.equal(toHex(toBytes(ClientMessage, message)), toHex(example(name)), name);
    assert.deepEqual(fromBytes(ClientMessage, example(name)), message, name);
  }
  for (const [name, message] of Object.entries(serverMessages)) {
    assert.equal(toHex(toBytes(ServerMessage, message)), toHex(example(name)), name);
    assert.deepEqual(fromBytes(ServerMessage, example(name)), message, name);
  }
});

test("rows are as on the page", () => {
  const codec = new Codec(exampleSchema());
  const input = codec.inputBytes(undefined, { x: 100, fire: true });
  stampInput(input, 103, 100, 4608);
  assert.equal(toHex(input), toHex(example("client input")));
  assert.equal(toHex(codec.messageBytes("Say", { text: "hi" })), toHex(example("client game message")));
  assert.deepEqual(codec.readEvents(example("server events")), {
    tick: 101,
    events: [{ kind: "Tagged", by: 0, player: 1 }, { kind: "Said", by: 0, text: "hi" }],
  });
  assert.deepEqual(codec.readOwn(example("server own")), { inputTick: 99, margin: -2, own: { kind: "Own", ammo: 30 } });
  assert.deepEqual(codec.readOwn(example("server own without a row")), { inputTick: 0, margin: null, own: null });
});

test("frames are as on the page", () => {
  const frames = new FrameDecoder(new Codec(exampleSchema()));
  const state = new State();
  const show = (name) => {
    const change = frames.decode(example(name));
    return { change, ...state.apply(change, frames.strings, true) };
  };

  show("server keyframe");
  const runner = { id: 1, kind: "Runner", player: 0, x: 10, aim: Math.fround(Math.PI / 2), name: "Ann" };
  assert.equal(state.tick, 100);
  assert.deepEqual([...state.values()], [runner, { id: 5, kind: "Flag", carrier: 1 }]);

  const { change, added, removed, changed } = show("server delta with a view hash");
  assert.equal(change.hash, 0x63d723a6);
  assert.deepEqual(removed, [{ id: 5, kind: "Flag", carrier: 1 }]);
  assert.deepEqual(added, [{ id: 6, kind: "Flag", carrier: null }]);
  const now = { ...runner, x: 10.5, aim: Math.fround((3 * Math.PI) / 2) };
  assert.deepEqual(changed, [[now, { x: 10, aim: runner.aim }]]);

  show("server delta of nothing");
  assert.equal(state.tick, 102);
  assert.deepEqual([...state.values()], [now, { id: 6, kind: "Flag", carrier: null }]);
});

test("all examples were looked at", () => {
  assert.deepEqual([...golden.keys()].filter((name) => !used.has(name)), []);
});
