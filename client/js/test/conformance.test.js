// The protocols of Engine.IO (version 4) and Socket.IO (version 5), spoken packet by packet to the example
// `socketio_conformance`. Written from the protocols' own texts.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { WebSocket } from "ws";

import { startConformance } from "./support.js";

const TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 300;
const PING_TIMEOUT_MS = 200;
const MAX_PAYLOAD = 1_000_000;
/** As often as a request may be overtaken by one that was sent after it. */
const TRIES = 20;
/** Between two packets of one body. */
const SEPARATOR = "\x1e";

const server = await startConformance();
after(() => server.stop());

const check = (name, run) => test(name, { timeout: TIMEOUT_MS }, run);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pathOf = { engine: "/engine.io/", socket: "/socket.io/" };
const polling = (kind, sid) => `${server.url}${pathOf[kind]}?EIO=4&transport=polling${sid ? `&sid=${sid}` : ""}`;

/** A session by polling. */
class Polling {
  constructor(kind, sid) {
    Object.assign(this, { kind, sid });
  }

  static async open(kind) {
    const answer = await fetch(polling(kind));
    assert.equal(answer.status, 200);
    const text = await answer.text();
    assert.equal(text[0], "0");
    const open = JSON.parse(text.slice(1));
    return Object.assign(new Polling(kind, open.sid), { open });
  }

  async post(body, headers = {}) {
    const answer = await fetch(polling(this.kind, this.sid), { method: "POST", body, headers: { "content-type": "text/plain", ...headers } });
    return { status: answer.status, text: await answer.text() };
  }

  async poll() {
    const answer = await fetch(polling(this.kind, this.sid));
    const text = await answer.text();
    return { status: answer.status, text, packets: text.split(SEPARATOR) };
  }

  /** The packets up to the first that is as wanted, pings left out and answered. */
  async until(isIt) {
    const seen = [];
    for (;;) {
      const { status, packets, text } = await this.poll();
      assert.equal(status, 200, text);
      for (const packet of packets) {
        if (packet === "2") await this.post("3");
        else seen.push(packet);
      }
      if (seen.some(isIt)) return seen;
    }
  }
}

/** A session by WebSocket; pings are answered unless `deaf`. */
class Line {
  waiting = [];
  wake = () => {};
  code = null;

  static open(kind, { sid, deaf = false } = {}) {
    const line = new Line();
    line.deaf = deaf;
    line.socket = new WebSocket(`${server.url.replace("http", "ws")}${pathOf[kind]}?EIO=4&transport=websocket${sid ? `&sid=${sid}` : ""}`);
    line.socket.on("message", (data, isBinary) => {
      const packet = isBinary ? data : data.toString();
      if (packet === "2" && !line.deaf) return line.socket.send("3");
      line.waiting.push(packet);
      line.wake();
    });
    line.socket.on("close", (code) => { line.code = code; line.wake(); });
    line.socket.on("error", () => {});
    return new Promise((resolve, reject) => {
      line.socket.once("open", () => resolve(line));
      line.socket.once("error", reject);
    });
  }

  send(packet) {
    this.socket.send(packet);
  }

  /** The next packet; null when the session is over. */
  async next() {
    while (this.waiting.length === 0) {
      if (this.code !== null) return null;
      await new Promise((resolve) => (this.wake = resolve));
    }
    const packet = this.waiting.shift();
    // The server says that it closes, and then closes the line.
    return packet === "1" ? this.next() : packet;
  }

  close() {
    this.socket.close();
  }
}

/** A session that has gone from polling to a WebSocket, and says so by what it said there. */
async function upgraded(word) {
  const session = await Polling.open("engine");
  const line = await Line.open("engine", { sid: session.sid });
  line.send("2probe");
  assert.equal(await line.next(), "3probe");
  line.send("5");
  line.send(`4${word}`);
  assert.equal(await line.next(), `4${word}`);
  return { session, line };
}

/** A line of Socket.IO that is connected to the namespace. */
async function connected(namespace = "/", auth = "") {
  const line = await Line.open("socket");
  assert.equal((await line.next())[0], "0");
  const place = namespace === "/" ? "" : `${namespace},`;
  line.send(`40${place}${auth}`);
  const answer = await line.next();
  assert.match(answer, new RegExp(`^40${place}\\{"sid":"[^"]+"\\}$`));
  line.auth = await line.next();
  return line;
}

// ---- Engine.IO, handshake.

check("a handshake by polling tells the session", async () => {
  const { open } = await Polling.open("engine");
  assert.deepEqual(Object.keys(open).sort(), ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
  assert.equal(typeof open.sid, "string");
  const { pingInterval, pingTimeout, maxPayload, upgrades } = open;
  assert.deepEqual({ pingInterval, pingTimeout, maxPayload, upgrades },
    { pingInterval: PING_INTERVAL_MS, pingTimeout: PING_TIMEOUT_MS, maxPayload: MAX_PAYLOAD, upgrades: ["websocket"] });
});

check("a handshake by WebSocket tells the session, and no upgrade", async () => {
  const line = await Line.open("engine");
  const open = JSON.parse((await line.next()).slice(1));
  assert.deepEqual(open.upgrades, []);
  assert.equal(open.pingInterval, PING_INTERVAL_MS);
  line.close();
});

for (const [what, query] of [
  ["no version", "transport=polling"], ["another version", "EIO=abc&transport=polling"],
  ["no transport", "EIO=4"], ["another transport", "EIO=4&transport=abc"],
]) {
  check(`a handshake with ${what} is refused`, async () => {
    assert.equal((await fetch(`${server.url}/engine.io/?${query}`)).status, 400);
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/engine.io/?${query.replace("polling", "websocket")}`);
    await new Promise((resolve) => socket.on("error", resolve));
  });
}

check("a handshake by POST or PUT is refused", async () => {
  for (const method of ["POST", "PUT"]) {
    assert.equal((await fetch(polling("engine"), { method })).status, 400);
  }
});

check("two sessions have two secrets", async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, async () => (await Polling.open("engine")).sid));
  assert.equal(new Set(ids).size, 20);
});

// ---- Engine.IO, messages.

check("polling says back a text", async () => {
  const session = await Polling.open("engine");
  const { status, text } = await session.post("4hello");
  assert.deepEqual([status, text], [200, "ok"]);
  assert.deepEqual(await session.until((packet) => packet[0] === "4"), ["4hello"]);
});

check("polling says back several packets in their order, binary in base64", async () => {
  const session = await Polling.open("engine");
  await session.post(["4test1", "bAQIDBA==", "4test3 é€😀"].join(SEPARATOR));
  assert.deepEqual(await session.until((packet) => packet.startsWith("4test3")), ["4test1", "bAQIDBA==", "4test3 é€😀"]);
});

check("a WebSocket says back texts and bytes", async () => {
  const line = await Line.open("engine");
  await line.next();
  line.send("4hello é€😀");
  assert.equal(await line.next(), "4hello é€😀");
  line.send(Buffer.from([1, 2, 3, 4]));
  assert.deepEqual(await line.next(), Buffer.from([1, 2, 3, 4]));
  line.close();
});

check("requests of a session that there is not are refused", async () => {
  const session = new Polling("engine", "abcdefgh");
  assert.equal((await session.poll()).status, 400);
  assert.equal((await session.post("4x")).status, 400);
});

check("packets of no type end the session", async () => {
  const session = await Polling.open("engine");
  assert.equal((await session.post("abc")).status, 400);
  assert.equal((await session.poll()).status, 400);
  const line = await Line.open("engine");
  await line.next();
  line.send("abc");
  assert.equal(await line.next(), null);
});

check("two polls at one time end the session", async () => {
  const session = await Polling.open("engine");
  await session.poll();
  const statuses = (await Promise.all([session.poll(), session.poll()])).map(({ status }) => status);
  assert.ok(statuses.includes(400), `${statuses}`);
  assert.equal((await session.poll()).status, 400);
});

check("a post of as much as may be is taken, and one of more is not", async () => {
  const most = await Polling.open("engine");
  assert.equal((await most.post(`4${"x".repeat(MAX_PAYLOAD - 1)}`)).status, 200);
  const more = await Polling.open("engine");
  assert.equal((await more.post(`4${"x".repeat(MAX_PAYLOAD)}`)).status, 413);
});

// ---- Engine.IO, heartbeats.

check("polling has heartbeats", async () => {
  const session = await Polling.open("engine");
  for (let beat = 0; beat < 3; beat++) {
    assert.equal((await session.poll()).text, "2");
    await session.post("3");
  }
});

check("a WebSocket has heartbeats, an interval apart", async () => {
  const line = await Line.open("engine", { deaf: true });
  await line.next();
  const times = [];
  for (let beat = 0; beat < 4; beat++) {
    assert.equal(await line.next(), "2");
    times.push(performance.now());
    line.send("3");
  }
  // A known difference: the first one comes at once, not after an interval.
  for (let i = 1; i < times.length; i++) assert.ok(times[i] - times[i - 1] > PING_INTERVAL_MS / 2, `${times}`);
  line.close();
});

check("who answers no ping is closed", async () => {
  const line = await Line.open("engine", { deaf: true });
  await line.next();
  assert.equal(await line.next(), "2");
  assert.equal(await line.next(), null);
  const session = await Polling.open("engine");
  await pause(PING_INTERVAL_MS + PING_TIMEOUT_MS * 2);
  assert.equal((await session.poll()).status, 400);
});

// ---- Engine.IO, the end.

check("a session is closed by its client", async () => {
  let [session, answer] = [null, null];
  for (let tries = 0; tries < TRIES && answer?.status !== 200; tries++) {
    session = await Polling.open("engine");
    await session.poll();
    // Each on a line of its own: the second may be there before the first.
    [answer] = await Promise.all([session.poll(), session.post("1")]);
  }
  assert.ok(["6", ""].includes(answer.packets[0]), answer.text);
  assert.equal((await session.poll()).status, 400);
  const line = await Line.open("engine");
  await line.next();
  line.send("1");
  while (await line.next() === "2");
  assert.notEqual(line.code, null);
});

// ---- Engine.IO, upgrade.

check("a session goes from polling to a WebSocket", async () => {
  const { line } = await upgraded("hello");
  line.close();
});

check("a poll that waits is answered before the upgrade", async () => {
  const session = await Polling.open("engine");
  await session.poll();
  const waiting = session.poll();
  await session.post("3");
  const line = await Line.open("engine", { sid: session.sid });
  line.send("2probe");
  assert.equal(await line.next(), "3probe");
  assert.ok((await waiting).text.split(SEPARATOR).every((packet) => packet === "6" || packet === "2"));
  line.send("5");
  line.send("4hello");
  assert.equal(await line.next(), "4hello");
  line.close();
});

check("polls after the upgrade are refused", async () => {
  const { session } = await upgraded("there");
  assert.equal((await session.poll()).status, 400);
});

check("a second WebSocket of a session is of no use", async () => {
  const { session, line } = await upgraded("there");
  const second = await Line.open("engine", { sid: session.sid });
  assert.equal(await second.next(), null);
  line.send("4still there");
  assert.equal(await line.next(), "4still there");
  line.close();
});

// ---- Socket.IO, connecting.

check("a client connects to the main namespace", async () => {
  const line = await connected();
  assert.equal(line.auth, '42["auth",{}]');
  line.close();
});

check("a client connects with a payload", async () => {
  const line = await connected("/", '{"token":"123"}');
  assert.equal(line.auth, '42["auth",{"token":"123"}]');
  line.close();
});

check("a client connects to another namespace", async () => {
  const line = await connected("/custom", '{"token":"abc"}');
  assert.equal(line.auth, '42/custom,["auth",{"token":"abc"}]');
  line.close();
});

check("a client connects to two namespaces, and leaves one", async () => {
  const line = await connected();
  line.send("40/custom,");
  assert.match(await line.next(), /^40\/custom,/);
  assert.equal(await line.next(), '42/custom,["auth",{}]');
  line.send("41/custom,");
  line.send('42["message","to somebody"]');
  assert.equal(await line.next(), '42["message-back","to somebody"]');
  line.close();
});

check("there is no other namespace", async () => {
  const line = await Line.open("socket");
  await line.next();
  line.send("40/random");
  assert.equal(await line.next(), '44/random,{"message":"Invalid namespace"}');
  line.close();
});

check("who does not connect in time is closed", async () => {
  const line = await Line.open("socket");
  await line.next();
  assert.equal(await line.next(), null);
});

check("a packet before the connect ends the session", async () => {
  const line = await Line.open("socket");
  await line.next();
  line.send('42["message","early"]');
  assert.equal(await line.next(), null);
});

// ---- Socket.IO, messages.

check("texts are said back, whatever their arguments", async () => {
  const line = await connected();
  for (const args of ["", ",1", ',1,"2",{"3":[true]}', ",null,[],{},1.5,-7", ',"é€😀"']) {
    line.send(`42["message"${args}]`);
    assert.equal(await line.next(), `42["message-back"${args}]`);
  }
  line.close();
});

check("bytes are said back, wherever they are", async () => {
  const line = await connected();
  const place = (num) => `{"_placeholder":true,"num":${num}}`;
  line.send(`452-["message",${place(0)},{"deep":[${place(1)}]}]`);
  line.send(Buffer.from([1, 2, 3]));
  line.send(Buffer.from([4, 5, 6]));
  assert.equal(await line.next(), `452-["message-back",${place(0)},{"deep":[${place(1)}]}]`);
  assert.deepEqual(await line.next(), Buffer.from([1, 2, 3]));
  assert.deepEqual(await line.next(), Buffer.from([4, 5, 6]));
  line.close();
});

check("texts and bytes are acknowledged", async () => {
  const line = await connected();
  line.send('42456["message-with-ack",1,"2",{"3":[false]}]');
  assert.equal(await line.next(), '43456[1,"2",{"3":[false]}]');
  line.send('451-789["message-with-ack",{"_placeholder":true,"num":0}]');
  line.send(Buffer.from([1, 2, 3]));
  assert.equal(await line.next(), '461-789[{"_placeholder":true,"num":0}]');
  assert.deepEqual(await line.next(), Buffer.from([1, 2, 3]));
  line.close();
});

check("the server asks to be acknowledged", async () => {
  const line = await connected();
  line.send('42["emit-with-ack",1,"2"]');
  const [, id] = /^42(\d+)\["emit-with-ack",1,"2"\]$/.exec(await line.next());
  line.send(`43${id}[1,"2"]`);
  assert.equal(await line.next(), '42["emit-with-ack",1,"2"]');
  line.send(`451-["emit-with-ack",{"_placeholder":true,"num":0}]`);
  line.send(Buffer.from([1]));
  const [, second] = /^451-(\d+)\["emit-with-ack"/.exec(await line.next());
  await line.next();
  line.send(`461-${second}[{"_placeholder":true,"num":0}]`);
  line.send(Buffer.from([2]));
  assert.equal(await line.next(), '451-["emit-with-ack",{"_placeholder":true,"num":0}]');
  assert.deepEqual(await line.next(), Buffer.from([2]));
  line.close();
});

check("messages go by polling, too", async () => {
  const session = await Polling.open("socket");
  await session.post("40");
  await session.until((packet) => packet.startsWith('42["auth"'));
  await session.post(['451-["message",{"_placeholder":true,"num":0}]', "bAQID", '42["message","next"]'].join(SEPARATOR));
  assert.deepEqual(await session.until((packet) => packet.includes("next")), [
    '451-["message-back",{"_placeholder":true,"num":0}]', "bAQID", '42["message-back","next"]',
  ]);
});

// ---- Socket.IO, the end.

check("a client leaves the namespace and comes again", async () => {
  const line = await connected();
  line.send("41");
  line.send("40");
  assert.match(await line.next(), /^40\{"sid"/);
  assert.equal(await line.next(), '42["auth",{}]');
  line.close();
});

for (const packet of ["4abc", "42", "42{}", "42[", '42["message"', "4", "49", '451-["message",{"_placeholder":true,"num":0}]42']) {
  check(`${packet} ends the session`, async () => {
    const line = await connected();
    line.send(packet);
    if (packet.startsWith("451")) line.send("4another text");
    assert.equal(await line.next(), null);
  });
}
