// Real clients of Socket.IO in the same matches as everyone else. FRACAS_PLAY_S and FRACAS_TICKS make the long
// tests longer.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { io } from "socket.io-client";
import { WebSocket } from "ws";

import { Client } from "../fracas.js";
import { startServer } from "./support.js";

const PLAY_S = Number(process.env.FRACAS_PLAY_S ?? 3);
const TICKS = Number(process.env.FRACAS_TICKS ?? 300);
const TIMEOUT_MS = 60_000 + PLAY_S * 1000 + TICKS * 20;
const GROWTH_MAX_KIB = 4 * 1024;

const server = await startServer();
const quick = await startServer(0, "--game", "dots.tick_hz=240");
const hasty = await startServer(0, "--game", "dots.linger_s=2");
after(() => Promise.all([server.stop(), quick.stop(), hasty.stop()]));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const next = (socket, event, isIt = () => true) => new Promise((resolve) => {
  const listener = (...args) => {
    if (!isIt(...args)) return;
    socket.off(event, listener);
    resolve(args[0]);
  };
  socket.on(event, listener);
});
const ways = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

function open(url, auth, transports = ways.upgrade, more = {}) {
  return io(url, { transports, auth, forceNew: true, ...more });
}

/** Connected, and in a room of the game. */
async function seated(url, { name = "Ann", state = "json", game = "dots", transports, ...more } = {}) {
  const socket = open(url, { name, state }, transports, more);
  const joined = next(socket, "joined");
  const answer = await socket.emitWithAck("join", { game });
  assert.equal(answer.ok, true, JSON.stringify(answer));
  return { socket, joined: await joined };
}

describe("socket.io-client", { concurrency: true, timeout: TIMEOUT_MS }, () => {
  for (const [way, transports] of Object.entries(ways)) {
    test(`plays by ${way}`, { timeout: TIMEOUT_MS }, async (t) => {
      const { socket, joined } = await seated(server.url, { transports, game: "arena" });
      const ticks = [];
      let [inputTick, newest] = [0, 0];
      socket.on("state", (state) => {
        ticks.push(state.tick);
        newest = state.tick;
        assert.ok(state.inputTick >= inputTick, "inputs are acknowledged in order");
        inputTick = state.inputTick;
        assert.ok(state.entities.some(({ kind, player }) => kind === "Ship" && player === joined.player));
      });
      await next(socket, "state");
      // The fields of an input, as the schema tells them.
      const neutral = Object.fromEntries(joined.schema.inputs[0].fields.map(({ name, kind, names }) => [name, kind === "bool" ? false : names ? names[0] : kind === "entity" || kind === "player" ? null : 0]));
      const timer = setInterval(() => socket.emit("input", { ...neutral, tick: newest + 3 }), 1000 / joined.tickHz);
      await pause(PLAY_S * 1000);
      clearInterval(timer);
      const said = next(socket, "message", ({ player }) => player === joined.player);
      socket.emit("message", { text: "well played" });
      assert.deepEqual(await said, { player: joined.player, to: "all", text: "well played" });
      assert.equal(socket.io.engine.transport.name, way === "polling" ? "polling" : "websocket");
      const left = await socket.emitWithAck("leave");
      assert.equal(left.ok, true);
      const [first, last] = [ticks[0], ticks.at(-1)];
      assert.ok(left.tick - last <= 2, `the last state is of tick ${last}, and the player left at ${left.tick}`);
      for (let i = 1; i < ticks.length; i++) assert.ok(ticks[i] > ticks[i - 1], "no state is overtaken");
      assert.ok(inputTick > first, `inputs are used: ${inputTick}`);
      t.diagnostic(`${way}: ${ticks.length} states for ${last - first + 1} ticks, inputs acknowledged up to ${inputTick}`);
      socket.disconnect();
    });
  }

  test("is refused with a reason", async () => {
    const socket = open(server.url, { name: "x".repeat(33) });
    assert.match((await next(socket, "connect_error")).message, /^bad_name: a name has 1 to 32 bytes/);
    socket.auth = { name: "Ann" };
    socket.connect();
    await next(socket, "connect");
    assert.equal((await socket.emitWithAck("joinById", { room: "K3V9QX" })).code, "no_such_room");
    const { rooms, total } = await socket.emitWithAck("list", { game: "dots" });
    assert.equal(rooms.length, total);
    assert.equal(rooms[0].game, "dots");
    socket.disconnect();
  });

  test("takes a seat that was reserved over HTTP", async () => {
    const answer = await fetch(`${server.url}/matchmake/create/dots`, { method: "POST", body: "{}" });
    const { room, ticket } = await answer.json();
    const socket = open(server.url, { name: "Ann", ticket });
    const joined = await next(socket, "joined");
    assert.equal(joined.room, room);
    socket.disconnect();
    const late = open(server.url, { name: "Bob", ticket });
    assert.match((await next(late, "connect_error")).message, /^bad_ticket: /);
    late.disconnect();
  });

  test("talks to all, to others and to one", async () => {
    const ann = await seated(server.url, { name: "Ann", game: "arena" });
    const bob = await seated(server.url, { name: "Bob", game: "arena" });
    const heard = { ann: [], bob: [] };
    ann.socket.on("message", ({ text }) => heard.ann.push(text));
    bob.socket.on("message", ({ text }) => heard.bob.push(text));
    ann.socket.emit("message", { text: "to others", to: "others" });
    ann.socket.emit("message", { text: "to Bob", to: bob.joined.player });
    ann.socket.emit("message", { text: "to all" });
    while (!heard.ann.includes("to all") || !heard.bob.includes("to all")) await pause(20);
    const ours = (texts) => texts.filter((text) => text.startsWith("to "));
    assert.deepEqual(ours(heard.ann), ["to all"]);
    assert.deepEqual(ours(heard.bob), ["to others", "to Bob", "to all"]);
    for (const { socket } of [ann, bob]) socket.disconnect();
  });

  for (const [way, transports] of Object.entries(ways)) {
    test(`comes back to its seat by ${way}`, async () => {
      const auth = { name: "Ann", state: "json" };
      const socket = open(server.url, (tell) => tell(auth), transports, { reconnectionDelay: 50 });
      const joined = next(socket, "joined");
      await socket.emitWithAck("join", { game: "dots" });
      const before = await joined;
      auth.resume = before.resumeToken;
      await next(socket, "state");
      const [again, reason] = [next(socket, "joined"), next(socket, "disconnect")];
      // As a line that is lost: the client says nothing.
      socket.io.engine.transport.close = () => {};
      socket.io.engine.close();
      await reason;
      socket.connect();
      const after = await again;
      assert.deepEqual([after.room, after.player], [before.room, before.player]);
      assert.deepEqual(after.resumed, { missed: 0 });
      await next(socket, "state");
      socket.disconnect();
    });
  }

  test("is told when the server stops, and comes back to the next one", async () => {
    const first = await startServer();
    const { socket } = await seated(first.url, { reconnectionDelay: 100, reconnectionDelayMax: 200 });
    await next(socket, "state");
    const [close, reason] = [next(socket, "close"), next(socket, "disconnect")];
    await first.stop();
    const { name, code, comesBack, retryAfterMs } = await close;
    assert.deepEqual([name, code, comesBack], ["restart", 1012, true]);
    assert.ok(retryAfterMs > 0);
    assert.match(await reason, /^transport/);
    const back = next(socket, "connect");
    const second = await startServer(first.port);
    await back;
    assert.equal((await socket.emitWithAck("join", { game: "dots" })).ok, true);
    socket.disconnect();
    await second.stop();
  });
});

/** A polling client that does what it is told. */
class Poller {
  static async seated(url, auth) {
    const poller = Object.assign(new Poller(), { url });
    const open = await (await fetch(poller.#address())).text();
    poller.sid = JSON.parse(open.slice(1)).sid;
    await poller.say(`40${JSON.stringify(auth)}`);
    await poller.until((packet) => packet.startsWith("40"));
    if (!auth.resume) await poller.say('42["join",{"game":"dots"}]');
    const joined = await poller.until((packet) => packet.startsWith('42["joined"'));
    return Object.assign(poller, { joined: JSON.parse(joined.slice(2))[1] });
  }

  #address() {
    return `${this.url}/socket.io/?EIO=4&transport=polling${this.sid ? `&sid=${this.sid}` : ""}`;
  }

  async say(packet) {
    assert.equal(await (await fetch(this.#address(), { method: "POST", body: packet })).text(), "ok");
  }

  async poll() {
    const answer = await fetch(this.#address());
    const text = await answer.text();
    if (answer.status !== 200) return { status: answer.status, packets: [text] };
    const packets = text.split("\x1e");
    if (packets.includes("2")) await this.say("3");
    return { status: 200, packets };
  }

  async until(isIt) {
    for (;;) {
      const { status, packets } = await this.poll();
      assert.equal(status, 200, packets[0]);
      const found = packets.find(isIt);
      if (found) return found;
    }
  }
}

const residentKib = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

describe("a polling client that stops polling", { concurrency: true, skip: !existsSync("/proc/self/status") }, () => {
  test("for 10 s is in its seat with a keyframe, and costs little", { timeout: TIMEOUT_MS }, async (t) => {
    const poller = await Poller.seated(server.url, { name: "Ann", state: "binary" });
    await poller.until((packet) => packet.startsWith('451-["delta"'));
    const before = residentKib(server.pid);
    await pause(10_000);
    const growth = residentKib(server.pid) - before;
    t.diagnostic(`${growth} KiB more, of the whole server`);
    assert.ok(growth < GROWTH_MAX_KIB, `${growth} KiB`);
    const begun = performance.now();
    await poller.until((packet) => packet.startsWith('451-["snapshot"'));
    assert.ok(performance.now() - begun < 5_000);
    await poller.say('420["leave"]');
    await poller.until((packet) => packet.startsWith('430[{"ok":true'));
  });

  test("for longer than its seat is kept is out", { timeout: TIMEOUT_MS }, async () => {
    const poller = await Poller.seated(hasty.url, { name: "Ann", state: "binary" });
    await poller.until((packet) => packet.startsWith('451-["delta"'));
    const watcher = await seated(hasty.url, { name: "Bob" });
    const isPoller = ({ player }) => player === poller.joined.player;
    const [away, left] = [next(watcher.socket, "away", isPoller), next(watcher.socket, "leave", isPoller)];
    // Its frames are acknowledged no longer, then its seat is kept for as long as the game says.
    await away;
    await left;
    assert.equal((await poller.poll()).status, 400);
    const late = open(hasty.url, { name: "Ann", resume: poller.joined.resumeToken });
    assert.match((await next(late, "connect_error")).message, /^seat_lost: /);
    late.disconnect();
    watcher.socket.disconnect();
  });
});

test("players of all doors see the same", { timeout: TIMEOUT_MS }, async (t) => {
  const seen = new Map();
  let compared = 0;
  /** Everyone tells what they saw of a tick, in one form. */
  const tell = (who, tick, entities) => {
    const view = JSON.stringify([...entities]
      .map(({ id, ...fields }) => [id, ...Object.keys(fields).sort().map((key) => typeof fields[key] === "number" ? Math.fround(fields[key]) : fields[key])])
      .sort(([a], [b]) => a - b));
    const others = seen.get(tick) ?? new Map();
    for (const [other, theirs] of others) {
      assert.equal(view, theirs, `tick ${tick}, ${who} and ${other}`);
      if (who.startsWith("Socket.IO") !== other.startsWith("Socket.IO")) compared = Math.max(compared, others.size);
    }
    seen.set(tick, others.set(who, view));
    // What all have seen, and what some have missed.
    if (seen.size > 1000) seen.delete(seen.keys().next().value);
    counts[who] = (counts[who] ?? 0) + 1;
  };
  const counts = {};
  const sdk = async (who, options) => {
    const room = await new Client(quick.url, { name: who.slice(0, 32), ...options }).joinOrCreate("dots");
    room.onStateChange((state) => tell(who, state.tick, state.values()));
    return room;
  };
  const rooms = await Promise.all([
    sdk("WebSocket", { WebSocket }),
    sdk("Socket.IO packets", { transport: "socket.io", io: (url, options) => io(url, { ...options, transports: ["websocket"] }) }),
    sdk("Socket.IO polling", { transport: "socket.io", io: (url, options) => io(url, { ...options, transports: ["polling"] }) }),
  ]);
  const { socket } = await seated(quick.url, { transports: ways.websocket });
  socket.on("state", ({ tick, entities }) => tell("Socket.IO JSON", tick, entities));
  const began = rooms[0].state.tick;
  while (rooms[0].state.tick < began + TICKS) await pause(50);
  assert.equal(Object.keys(counts).length, 4);
  assert.ok(compared >= 1);
  for (const [who, count] of Object.entries(counts)) {
    t.diagnostic(`${who}: ${count} states of ${TICKS} ticks`);
    assert.ok(who.endsWith("polling") || count > TICKS / 2, `${who} saw ${count}`);
  }
  socket.disconnect();
  await Promise.all(rooms.map((room) => room.leave()));
});

test("where no WebSocket can be had, the SDK goes over Socket.IO", { timeout: TIMEOUT_MS }, async () => {
  class Blocked {
    onclose = () => {};
    constructor() {
      setTimeout(() => this.onclose({ code: 1006, reason: "" }));
    }
    close() {}
  }
  const client = new Client(server.url, { name: "Ann", WebSocket: Blocked, io, reconnect: { delayMs: 20, tries: 20 } });
  const room = await client.joinOrCreate("dots");
  assert.ok((await room.ping()) < 5_000);
  assert.equal((await room.leave()).reason, "goodbye");
  await assert.rejects(new Client(server.url, { WebSocket: Blocked, io, transport: "websocket", connectTries: 1 }).joinOrCreate("dots"), { code: "connect_error" });
  // Where there is no server there is nothing to go over.
  await assert.rejects(new Client("ws://127.0.0.1:9", { WebSocket: Blocked, io, connectTries: 1 }).joinOrCreate("dots"), { code: "connect_error" });
});

const hasPython = spawnSync("python3", ["-c", "import socketio, aiohttp"]).status === 0;

test("python-socketio plays", { timeout: TIMEOUT_MS, skip: !hasPython && "pip install python-socketio aiohttp" }, (t) => {
  const script = fileURLToPath(new URL("socketio_player.py", import.meta.url));
  for (const way of Object.keys(ways)) {
    const { status, stdout, stderr } = spawnSync("python3", [script, server.url, way, String(PLAY_S)], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    t.diagnostic(stdout.trim());
  }
});
