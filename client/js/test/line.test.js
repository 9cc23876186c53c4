// Simulated lines: between a client and a real server, and between two ends of ours.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { WebSocket, WebSocketServer } from "ws";

import { Client } from "../fracas.js";
import { LINE_PRESETS, conditioned } from "../fracas-line.js";
import { startServer } from "./support.js";

const TIMEOUT_MS = 30_000;
const MIB = 1_048_576;

const server = await startServer();
after(() => server.stop());

/** The arguments of the next such event. */
const next = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server of ours, which says back what it hears; `greet` gets each of its sockets. */
async function echo(greet = () => {}) {
  const http = createServer().listen(0, "127.0.0.1");
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket) => {
    socket.on("message", (data) => socket.send(data));
    socket.on("error", () => {});
    greet(socket);
  });
  await new Promise((resolve) => http.on("listening", resolve));
  after(() => {
    for (const socket of sockets.clients) socket.terminate();
    http.close();
  });
  return `ws://127.0.0.1:${http.address().port}`;
}

/** A connection that is open, and what it is told. */
async function open(url, LineSocket) {
  const socket = new LineSocket(url);
  socket.binaryType = "arraybuffer";
  const heard = [];
  const closed = new Promise((resolve) => (socket.onclose = resolve));
  socket.onmessage = ({ data }) => heard.push(new Uint32Array(data)[0]);
  await new Promise((resolve) => (socket.onopen = resolve));
  assert.equal(socket.readyState, 1);
  return { socket, heard, closed };
}

test("a round trip takes the latency at least", { timeout: TIMEOUT_MS }, async () => {
  const latencyMs = 120;
  const LineSocket = conditioned(WebSocket, { latencyMs });
  const room = await new Client(server.url, { WebSocket: LineSocket, name: "Ann" }).joinOrCreate("dots");
  for (let i = 0; i < 4; i++) {
    const ms = await room.ping();
    // Timers know whole milliseconds alone, and a round trip has several.
    assert.ok(ms >= latencyMs - 4, `${ms} ms`);
  }
  LineSocket.setProfile({ latencyMs: 2 * latencyMs, jitterMs: 20 });
  const ms = await room.ping();
  assert.ok(ms >= 2 * latencyMs - 2 * 20, `${ms} ms`);
  LineSocket.setProfile("none");
  assert.equal((await room.leave()).code, 1000);
});

test("a match goes on in order while its line changes", { timeout: TIMEOUT_MS }, async () => {
  const LineSocket = conditioned(WebSocket, "3g", 7);
  const ann = await new Client(server.url, { WebSocket: LineSocket, name: "Ann" }).create("dots");
  const bob = await new Client(server.url, { WebSocket, name: "Bob" }).joinById(ann.id);
  const problems = [];
  for (const event of ["error", "disconnect", "reconnecting"]) ann.on(event, (what) => problems.push([event, what]));
  const ticks = [];
  ann.onStateChange(({ tick }) => ticks.push(tick));
  const heard = { ann: [], bob: [] };
  ann.on("said", ({ text }) => heard.ann.push(text));
  bob.on("said", ({ text }) => heard.bob.push(text));
  // No more of them than a connection may say in a second, however late they come.
  const lines = ["satellite", "none", { latencyMs: 90, jitterMs: 90 }, { rateKbps: 64, stallMs: 300, stallEveryMs: 700 }];
  const answered = [];
  for (const [i, line] of lines.entries()) {
    LineSocket.setProfile(line);
    ann.say(`ann ${i}`);
    bob.say(`bob ${i}`);
    for (const n of [2 * i, 2 * i + 1]) void ann.ping().then(() => answered.push(n));
    await pause(200);
  }
  while (heard.ann.length < 2 * lines.length || heard.bob.length < 2 * lines.length || answered.length < 2 * lines.length) await pause(10);
  assert.deepEqual(answered, [...answered.keys()]);
  for (const texts of Object.values(heard)) {
    for (const name of ["ann", "bob"]) {
      assert.deepEqual(texts.filter((text) => text.startsWith(name)), lines.map((_, i) => `${name} ${i}`));
    }
  }
  assert.ok(ticks.length > 10, `${ticks.length} frames`);
  for (const [i, tick] of ticks.entries()) assert.ok(i === 0 || ((tick - ticks[i - 1]) | 0) > 0, `${ticks[i - 1]}, then ${tick}`);
  assert.deepEqual(problems, []);

  // Saying goodbye takes its way, and is heard.
  LineSocket.setProfile({ latencyMs: 200 });
  const gone = next(bob, "player_left");
  assert.equal((await ann.leave()).code, 1000);
  assert.equal((await gone)[0].name, "Ann");
  await bob.leave();
});

test("nothing is lost or overtaken, whatever the line was and is", { timeout: TIMEOUT_MS }, async () => {
  const LineSocket = conditioned(WebSocket, { latencyMs: 100, jitterMs: 200 }, 1);
  const { socket, heard, closed } = await open(await echo(), LineSocket);
  const buffer = new Uint32Array(1);
  const count = 400;
  for (let i = 0; i < count; i++) {
    if (i === 100) LineSocket.setProfile({ latencyMs: 10, rateKbps: 200 });
    if (i === 200) LineSocket.setProfile("none");
    if (i === 300) LineSocket.setProfile({ latencyMs: 300, stallMs: 100, stallEveryMs: 200 });
    // The same buffer again: what was sent is what it had then.
    buffer[0] = i;
    socket.send(i % 2 === 0 ? buffer : buffer.buffer);
    if (i % 40 === 0) await pause(5);
  }
  assert.ok(socket.bufferedAmount > 0);
  // What was sent before arrives, and what the other side said until then.
  while (heard.length < count) await pause(10);
  assert.deepEqual(heard, Array.from({ length: count }, (_, i) => i));
  assert.equal(socket.bufferedAmount, 0);
  socket.close(3001, "done");
  assert.equal(socket.readyState, 2);
  socket.send(buffer);
  assert.equal((await closed).code, 3001);
  assert.equal(socket.readyState, 3);
  assert.equal(heard.length, count);
});

test("what was said before a goodbye is heard before it, either way", { timeout: TIMEOUT_MS }, async () => {
  const heardThere = [];
  const closedThere = [];
  const url = await echo((socket) => {
    socket.on("message", (data) => {
      heardThere.push(data.readUInt32LE(0));
      if (heardThere.at(-1) === 9) socket.close(4001, "enough");
    });
    socket.on("close", (code) => closedThere.push(code));
  });
  const LineSocket = conditioned(WebSocket, { latencyMs: 60, jitterMs: 60 }, 3);
  const first = await open(url, LineSocket);
  for (let i = 0; i < 10; i++) first.socket.send(Uint32Array.of(i));
  const { code, reason } = await first.closed;
  assert.deepEqual([code, String(reason)], [4001, "enough"]);
  assert.deepEqual(first.heard, heardThere);

  const second = await open(url, LineSocket);
  for (let i = 20; i < 30; i++) second.socket.send(Uint32Array.of(i));
  second.socket.close(3002);
  assert.equal((await second.closed).code, 3002);
  assert.deepEqual(heardThere.slice(10), [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  assert.ok(closedThere.includes(3002));
});

test("where nothing is held back, nothing waits", { timeout: TIMEOUT_MS }, async () => {
  const real = [];
  class Known extends WebSocket {
    constructor(...args) {
      super(...args);
      real.push(this);
    }
  }
  const { socket, heard } = await open(await echo(), conditioned(Known, "none"));
  let sent = 0;
  real[0].send = () => sent++;
  socket.send(Uint32Array.of(1));
  assert.equal(sent, 1);
  real[0].onmessage({ data: Uint32Array.of(6).buffer });
  assert.equal(heard.at(-1), 6);
  socket.close();
});

test("a line holds back 1 MiB each way, and with more it is lost", { timeout: TIMEOUT_MS }, async () => {
  const piece = new Uint8Array(65_536);
  const slow = { latencyMs: 5_000 };
  const closedThere = [];
  const url = await echo((socket) => {
    socket.on("close", (code) => closedThere.push(code));
    socket.once("message", () => {
      for (let i = 0; i < 20; i++) socket.send(piece);
    });
  });
  const LineSocket = conditioned(WebSocket, "none");
  const out = await open(url, LineSocket);
  const incoming = await open(url, LineSocket);
  incoming.socket.send(Uint32Array.of(1));
  LineSocket.setProfile(slow);
  for (let i = 0; i < MIB / piece.length; i++) out.socket.send(piece);
  assert.deepEqual([out.socket.bufferedAmount, out.socket.readyState], [MIB, 1]);
  out.socket.send(piece);
  assert.ok(out.socket.bufferedAmount >= piece.length);
  assert.deepEqual(await out.closed, { code: 1006, reason: "more was sent than a simulated line holds back: 1 MiB" });
  assert.deepEqual(await incoming.closed, { code: 1006, reason: "more came than a simulated line holds back: 1 MiB" });
  assert.deepEqual([out.heard, incoming.heard], [[], []]);
  while (closedThere.length < 2) await pause(10);
  assert.deepEqual(closedThere, [3000, 3000]);
});

test("where nobody answers, it says so as a WebSocket does", { timeout: TIMEOUT_MS }, async () => {
  const client = new Client("ws://127.0.0.1:1", { WebSocket: conditioned(WebSocket, "broadband"), connectTries: 1 });
  await assert.rejects(client.join("dots"), { code: "connect_error" });
  const socket = new (conditioned(WebSocket, "broadband"))("ws://127.0.0.1:1");
  assert.throws(() => socket.send(new Uint8Array(1)), { name: "InvalidStateError" });
  const closed = new Promise((resolve) => (socket.onclose = resolve));
  socket.close();
  assert.equal((await closed).code, 1006);
});

test("lines have the names and bounds of the Rust code", () => {
  const source = readFileSync(new URL("../../../shared/src/line.rs", import.meta.url), "utf8");
  const [, table] = /LINE_PRESETS[^=]*= &\[([^]*?)\n\];/.exec(source);
  const presets = [...table.matchAll(/\("(\w+)", profile\(([\d_, ]+)\)\)/g)].map(([, name, numbers]) => {
    const [latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps] = numbers.split(",").map((number) => Number(number.replace("_", "")));
    return [name, { latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps }];
  });
  assert.deepEqual(Object.fromEntries(presets), LINE_PRESETS);

  const check = (profile, sentence) => {
    assert.throws(() => conditioned(WebSocket, profile), { name: "RangeError", message: sentence });
    assert.throws(() => conditioned(WebSocket, "none").setProfile(profile), { name: "RangeError", message: sentence });
  };
  check("5g", "'5g' is no line: give one of none, lan, broadband, wifi, 4g, 3g, satellite, or settings");
  check("toString", /is no line/);
  check({ latency: 5 }, "a line has no `latency`, only latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps");
  check({ latencyMs: 5001 }, "`latencyMs`: 5001 is not from 0 to 5000");
  check({ jitterMs: Number.NaN }, "`jitterMs`: NaN is not from 0 to 5000");
  check({ stallMs: 200, stallEveryMs: 100 }, "`stallEveryMs`: 100 is not from 201 to Infinity");
  check({ rateKbps: 7 }, "`rateKbps`: 7 is not from 8 to Infinity");
});
