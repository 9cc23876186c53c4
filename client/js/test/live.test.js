// Against a real server: FRACAS_SERVER, or the one of the target folder.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { WebSocket, WebSocketServer } from "ws";

import { Client, ClientMessage, ServerMessage, fromBytes, toBytes } from "../fracas.js";
import { Frame, KEYFRAME, exampleSchema, startServer } from "./support.js";

const TIMEOUT_MS = 20_000;
const options = { WebSocket, name: "Ann" };
const quick = { ...options, reconnect: { delayMs: 20, delayMaxMs: 200, tries: 50 } };

/** The arguments of the next such event. */
const next = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

/** Ends when this is true after a frame. */
const until = (room, isTrue) => new Promise((resolve) => {
  const off = room.onStateChange(() => {
    if (!isTrue()) return;
    off();
    resolve();
  });
});

test("who shows the token may join", { timeout: TIMEOUT_MS }, async () => {
  const token = "correct+horse/battery&co";
  const guarded = await startServer(0, "--auth", "secret", "--auth-secret", token);
  const join = (more) => new Client(guarded.url, { ...options, connectTries: 1, ...more }).joinOrCreate("dots");
  try {
    const room = await join({ token });
    assert.equal(room.game, "dots");
    await assert.rejects(join({}), { code: "connect_error", message: /401/ });
    await assert.rejects(join({ token: "wrong" }), (error) => error.code === "connect_error" && !error.message.includes("wrong"));
    await room.leave();
  } finally {
    await guarded.stop();
  }
});

const mine = (room) => [...room.state.values()].find((entity) => entity.player === room.player);
const server = await startServer();
after(() => server.stop());

test("two players of dots see each other move", { timeout: TIMEOUT_MS }, async () => {
  const ann = await new Client(server.url, options).joinOrCreate("dots");
  const bob = await new Client(`localhost:${server.port}`, { ...options, name: "Bob" }).joinById(ann.id);
  assert.equal(bob.id, ann.id);
  assert.notEqual(bob.player, ann.player);
  assert.deepEqual([ann.game, ann.tickHz, ann.schema.game, typeof ann.config.field_m], ["dots", 20, "dots", "number"]);
  await until(bob, () => mine(bob) && mine(ann));
  assert.equal(bob.roster.get(ann.player).name, "Ann");
  // Ann has her own connection, on which a bot may still have Bob's seat.
  if (ann.roster.get(bob.player).name !== "Bob") await until(ann, () => ann.roster.get(bob.player).name === "Bob");

  const at = (viewer) => [...viewer.state.ofKind("View")].find((dot) => dot.player === ann.player);
  const { x } = at(bob);
  const moves = [];
  bob.onChange("View", (dot, before) => dot.player === ann.player && moves.push([before.x, dot.x]));
  const stamps = [];
  ann.onStateChange(() => stamps.push(ann.input({ x: x < 20 ? 127 : -127, y: 0 })));
  await until(bob, () => Math.abs(at(bob)?.x - x) > 1);
  for (const [from, to] of moves) assert.notEqual(from, to);
  const sent = stamps.filter((stamp) => stamp !== null);
  assert.ok(sent.length >= stamps.length / 2, "most ticks have their input");
  assert.deepEqual(sent, [...new Set(sent)].sort((a, b) => a - b));
  await until(ann, () => ann.inputTick !== null && ann.inputMargin !== null && ann.inputMargin >= 0);

  const heard = next(bob, "said");
  ann.say("hello", bob.player);
  assert.deepEqual(await heard, [{ player: ann.player, to: { type: "One", player: bob.player }, text: "hello" }]);
  const refused = next(ann, "error");
  ann.say("");
  assert.equal((await refused)[0].code, "bad_chat");

  const pings = next(ann, "ping");
  const ms = await ann.ping();
  assert.ok(ms > 0 && ms < 5_000);
  assert.deepEqual(await pings, [ms]);

  const gone = next(bob, "player_left");
  const left = [];
  ann.onLeave((reason) => left.push(reason));
  const reason = await ann.leave();
  assert.deepEqual(reason, { code: 1000, name: "normal", reason: "goodbye", willReconnect: false });
  assert.deepEqual(left, [reason]);
  assert.equal(await ann.leave().then((again) => again.code), 1000);
  assert.equal((await gone)[0].name, "Ann");
  assert.equal(ann.input({ x: 1 }), null);
  assert.throws(() => ann.send("Say"), { code: "not_connected" });
  await bob.leave();
});

test("arena tells what happens, and what a player alone sees", { timeout: TIMEOUT_MS }, async () => {
  const ann = await new Client(server.url, options).joinOrCreate("arena");
  const bob = await new Client(server.url, options).joinById(ann.id);
  const added = [];
  ann.onAdd("Ship", (ship) => added.push(ship.id));
  const seen = next(ann, "message");
  const beams = new Promise((resolve) => ann.onMessage("Beam", (beam) => beam.player === ann.player && resolve(beam)));
  ann.onStateChange(() => ann.input({ x: 20, aim: 1.5, beam: true }));
  bob.onStateChange(() => bob.input({ y: -20 }));
  await until(ann, () => mine(ann)?.alive);
  assert.ok(added.includes(mine(ann).id));
  const beam = await beams;
  assert.equal(typeof beam.to_x, "number");
  assert.equal(typeof (await seen)[2], "number");
  await until(ann, () => ann.state.own !== null);
  assert.equal(typeof ann.state.own.ammo, "number");
  assert.throws(() => ann.input({ jump: true }), { code: "bad_row" });
  await Promise.all([ann.leave(), bob.leave()]);
});

test("what is refused says why", { timeout: TIMEOUT_MS }, async () => {
  const client = new Client(server.url, options);
  await assert.rejects(client.joinOrCreate("chess"), { name: "FracasError", code: "no_such_game", message: "no game 'chess' is hosted here" });
  await assert.rejects(client.joinById("QQQQQQ"), { code: "no_such_room", message: "no room 'QQQQQQ'; it may have ended" });
  const badCode = "'nowhere' is no room code; one has 6 letters and digits, such as K3V9QX, without I, L, O, 0 and 1";
  await assert.rejects(client.joinById("nowhere"), { code: "bad_room_code", message: badCode });
  const http = await fetch(`${server.url}/matchmake/joinById/nowhere`, { method: "POST" });
  assert.deepEqual([http.status, await http.json()], [400, { code: "bad_room_code", message: badCode }]);
  await assert.rejects(client.create("dots", { seats: "many" }), { code: "bad_option" });
  await assert.rejects(client.create("dots", { text: "x".repeat(5000) }), { code: "too_long" });
  await assert.rejects(new Client(server.url, { WebSocket, name: "" }).join("dots"), { code: "bad_name" });
  await assert.rejects(client.consumeSeatReservation({ ticket: "none" }), { code: "bad_ticket" });
  const reserved = await fetch(`${server.url}/matchmake/joinOrCreate/dots`, { method: "POST" });
  const reservation = await reserved.json();
  const room = await client.consumeSeatReservation(reservation);
  assert.equal(room.id, reservation.room);
  await room.leave();
  const listing = await client.rooms("dots");
  assert.ok(listing.games.includes("arena"));
  assert.ok(listing.rooms.every((room) => room.game === "dots"));
  await assert.rejects(client.rooms("dots", Number.NaN).then(() => client.rooms("dots", 0.5)), { code: "bad_query" });
  assert.throws(() => new Client("ftp://x"), { code: "bad_url" });
  assert.throws(() => new Client("a b"), { code: "bad_url" });
  assert.equal(new Client("https://play.example", options).url, "wss://play.example/ws");
});

test("where no server is, connecting fails after some tries", { timeout: TIMEOUT_MS }, async () => {
  const client = new Client("ws://127.0.0.1:1", quick);
  const heard = [];
  for (const event of ["connecting", "connect_error", "connect_failed"]) client.on(event, () => heard.push(event));
  await assert.rejects(client.join("dots"), { code: "connect_error", message: /no server of this protocol answers at ws:\/\/127.0.0.1:1\/ws: / });
  const once = ["connecting", "connect_error"];
  assert.deepEqual(heard, [...once, ...once, ...once, "connect_failed"]);
});

test("after a restart of the server, the client is back by itself", { timeout: 2 * TIMEOUT_MS }, async () => {
  const first = await startServer();
  const client = new Client(first.url, quick);
  const room = await client.joinOrCreate("dots");
  const heard = [];
  for (const event of ["disconnect", "reconnect", "leave"]) client.on(event, () => heard.push(event));
  room.onStateChange(() => room.input({ x: 127 }));
  await until(room, () => mine(room));
  const lost = next(room, "disconnect");
  const trying = next(client, "reconnecting");
  const stopped = first.stop();
  const [reason] = await lost;
  assert.deepEqual([reason.code, reason.name, reason.willReconnect], [1012, "restart", true]);
  assert.equal((await trying)[0].attempt, 1);
  await stopped;

  const back = next(room, "reconnect");
  const second = await startServer(first.port);
  const [{ kind, missed }] = await back;
  assert.deepEqual([kind, missed], ["continuity_lost", null], "the seat went with the server");
  await until(room, () => mine(room));

  // Killed without a word, and then back in the next one.
  const lostAgain = next(room, "disconnect");
  await second.stop("SIGKILL");
  assert.equal((await lostAgain)[0].name, "lost");
  const third = await startServer(first.port);
  await next(room, "reconnect");
  assert.deepEqual(heard, ["disconnect", "reconnect", "disconnect", "reconnect"]);

  // And leaving ends what would go on trying.
  const tryingAgain = next(room, "reconnecting");
  await third.stop("SIGKILL");
  await tryingAgain;
  assert.equal((await room.leave()).code, 1000);
  assert.deepEqual(heard.slice(-2), ["disconnect", "leave"]);
});

test("a seat outlives its connection, in the same page and in a new one", { timeout: TIMEOUT_MS }, async () => {
  const server = await startServer();
  after(() => server.stop());
  const client = new Client(server.url, quick);
  const bob = await client.create("dots", { seats: 4 });
  const sockets = [];
  class Losable extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const room = await new Client(server.url, { ...quick, WebSocket: Losable }).joinById(bob.id);
  const { player } = room;
  room.onStateChange(() => room.input({ x: 127 }));
  await until(room, () => mine(room));
  const back = next(room, "reconnect");
  sockets.at(-1).terminate();
  assert.deepEqual((await back)[0], { kind: "continued", missed: 0, isSameRoom: true, attempt: 1 });
  assert.equal(room.player, player);
  await until(room, () => mine(room));

  // A new page has nothing but the token; the old one is told, and does not fight for the seat.
  const replaced = next(room, "leave");
  const elsewhere = await new Client(server.url, quick).reconnect(room.reconnectionToken);
  assert.deepEqual([elsewhere.player, elsewhere.id], [player, bob.id]);
  assert.equal((await replaced)[0].name, "replaced");
  await until(elsewhere, () => mine(elsewhere));
  assert.equal(elsewhere.roster.get(player).name, "Ann");
  await elsewhere.leave();
  await assert.rejects(client.reconnect(room.reconnectionToken), { code: "seat_lost" });
  await bob.leave();
});

test("rooms have passwords, and those who only watch", { timeout: TIMEOUT_MS }, async () => {
  const server = await startServer();
  after(() => server.stop());
  const client = new Client(server.url, quick);
  const ann = await client.create("dots", { password: "sesam" });
  await assert.rejects(client.joinById(ann.id), { code: "wrong_password" });
  await assert.rejects(client.spectate(ann.id, { password: "Sesam" }), { code: "wrong_password" });
  const bob = await client.joinById(ann.id, { password: "sesam" });
  const eve = await client.spectate(ann.id, { password: "sesam" });
  assert.deepEqual([eve.player, eve.reconnectionToken], [null, ""]);
  await until(eve, () => eve.state.size > 0);
  const refused = next(eve, "error");
  eve.say("hello");
  assert.equal((await refused)[0].code, "spectating");
  const isListed = async () => (await client.rooms("dots")).rooms.find(({ room }) => room === ann.id);
  const { players, has_password, is_locked } = await isListed();
  assert.deepEqual({ players, has_password, is_locked }, { players: 2, has_password: true, is_locked: false });
  for (const room of [ann, bob, eve]) await room.leave();
});

/** A server of ours; `answer` gets each message and a way to send. */
async function fakeServer(answer) {
  const http = createServer().listen(0, "127.0.0.1");
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket) => {
    const send = (bytes) => socket.send(bytes);
    socket.on("message", (data) => answer(data[0] === 0 ? fromBytes(ClientMessage, data) : { type: "Row" }, send, socket));
    socket.on("error", () => {});
  });
  await new Promise((resolve) => http.on("listening", resolve));
  const stop = () => {
    for (const socket of sockets.clients) socket.terminate();
    http.close();
  };
  after(stop);
  return { url: `ws://127.0.0.1:${http.address().port}`, stop };
}

const welcome = (protocol = 3) => toBytes(ServerMessage, { type: "Welcome", protocol, server: "fake" });
const joined = (rest = {}) => toBytes(ServerMessage, {
  type: "Joined", room: "r1", game: "tag", player: 0, seats: 2, tickHz: 20, tick: 1, schemaHash: 7,
  schema: exampleSchema(), config: "{}", roster: [], resumeToken: "r1-t0k3n", lingerS: 20, resumed: null, ...rest,
});
const welcoming = (then) => (message, send, socket) => {
  if (message.type === "Leave") send(toBytes(ServerMessage, { type: "Left", tick: 1 }));
  if (message.type === "Hello") send(welcome());
  if (message.type === "Join") send(joined());
  then?.(message, send, socket);
};

test("another version of the protocol is said in a sentence", { timeout: TIMEOUT_MS }, async () => {
  const sentence = (theirs) => ({
    code: "wrong_version",
    message: `the server speaks ${theirs} of the protocol and this client version 3: use a client and a server of one release`,
  });
  const says = await fakeServer((_, send) => send(welcome(4)));
  await assert.rejects(new Client(says.url, quick).join("tag"), sentence("version 4"));
  const closes = await fakeServer((_, send, socket) => socket.close(4001, "the server speaks version 4 of the protocol"));
  await assert.rejects(new Client(closes.url, quick).join("tag"), sentence("version 4"));
  const isSilent = await fakeServer((_, send, socket) => socket.close(4001));
  await assert.rejects(new Client(isSilent.url, quick).join("tag"), sentence("another version"));
});

test("a client of another version is told by a real server", { timeout: TIMEOUT_MS }, async () => {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws`, ["fracas.5", "fracas.4"]);
  const opened = new Promise((resolve) => socket.on("open", () => resolve(socket.protocol)));
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve([code, String(reason)])));
  assert.equal(await opened, "fracas.5");
  assert.deepEqual(await closed, [4001, "the server speaks version 3 of the protocol"]);
});

test("a server that says nothing is given up", { timeout: TIMEOUT_MS }, async () => {
  const { url } = await fakeServer(() => {});
  const client = new Client(url, { ...quick, connectTimeoutMs: 50, connectTries: 1 });
  const late = next(client, "connect_timeout");
  await assert.rejects(client.join("tag"), { code: "connect_timeout" });
  await late;
});

test("seats that cannot be end the join", { timeout: TIMEOUT_MS }, async () => {
  for (const rest of [{ player: 2 }, { tickHz: 0 }, { seats: 1001 }, { schema: null }, { schema: "{}" }, { config: "{" }]) {
    const { url, stop } = await fakeServer((message, send) => message.type === "Join" && send(joined(rest)));
    await assert.rejects(new Client(url, quick).join("tag"), { name: "FracasError" });
    stop();
  }
});

test("after a lost frame comes one request for a keyframe; after three the client leaves", { timeout: TIMEOUT_MS }, async () => {
  let resyncs = 0;
  const badDelta = new Frame(0, 9).bytes();
  const badKeyframe = Uint8Array.from([...new Frame(KEYFRAME, 9).bytes(), 1, 2, 3, 4, 5, 6, 7, 8]);
  const { url } = await fakeServer(welcoming((message, send) => {
    if (message.type === "Join") for (let i = 0; i < 20; i++) send(badDelta);
    if (message.type === "Resync" && ++resyncs >= 1) send(badKeyframe);
  }));
  const room = await new Client(url, quick).join("tag");
  const errors = [];
  room.on("error", (error) => errors.push(error.code));
  const [reason] = await next(room, "leave");
  assert.equal(reason.name, "undecodable");
  assert.equal(resyncs, 2);
  assert.deepEqual(errors.slice(-1), ["undecodable"]);
});

test("a room that ends at once does not keep a client busy for ever", { timeout: TIMEOUT_MS }, async () => {
  let joins = 0;
  const { url } = await fakeServer(welcoming((message, _, socket) => {
    if (message.type === "Join") socket.close(4007), joins++;
  }));
  const room = await new Client(url, { ...options, reconnect: { delayMs: 1, delayMaxMs: 4, tries: 5 } }).join("tag");
  const [reason] = await next(room, "leave");
  assert.deepEqual([reason.code, reason.name, reason.willReconnect], [4007, "room_failed", false]);
  assert.equal(joins, 6);
});

test("a listener that fails harms nobody else", { timeout: TIMEOUT_MS }, async () => {
  const { url } = await fakeServer(welcoming());
  const client = new Client(url, quick);
  const reported = new Promise((resolve) => (globalThis.reportError = resolve));
  client.on("connect", () => { throw new Error("a mistake"); });
  const connected = next(client, "connect");
  const room = await client.join("tag");
  await connected;
  assert.equal((await reported).message, "a mistake");
  await room.leave();
});
