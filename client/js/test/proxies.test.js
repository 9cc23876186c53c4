// Clients of Socket.IO through nginx and HAProxy, over two servers, by the configurations of docs/PROXIES.md.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { io } from "socket.io-client";

import { startServer } from "./support.js";

const TIMEOUT_MS = 40_000;
const PAGE = readFileSync(new URL("../../../docs/PROXIES.md", import.meta.url), "utf8");
const PLAYERS = 6;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const next = (socket, event) => new Promise((resolve) => socket.once(event, resolve));

/** The page's block of this kind and name, with our addresses in the place of its own. */
function block(kind, name, places) {
  const found = new RegExp(`^\`\`\`${kind} ${name}\\n([^]*?)^\`\`\`$`, "m").exec(PAGE);
  assert.ok(found, `${kind} ${name} is on the page`);
  let text = found[1];
  for (const [from, to] of places) {
    assert.ok(text.includes(from), `${name} has ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/** Waits until something listens. */
async function listening(port, child) {
  for (;;) {
    const isThere = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isThere) return;
    assert.equal(child.exitCode, null, "the proxy runs");
    await pause(20);
  }
}

const PROXIES = {
  nginx: {
    program: "/usr/sbin/nginx",
    start(folder, port, one, two) {
      const text = block("nginx", "nginx-two", [["127.0.0.1:3000", `127.0.0.1:${one}`], ["127.0.0.1:4000", `127.0.0.1:${two}`], ["listen 80;", `listen 127.0.0.1:${port};`]]);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`).join("\n");
      writeFileSync(join(folder, "nginx.conf"), `daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${temporary}\n${text}}\n`);
      return spawn(this.program, ["-p", folder, "-e", "stderr", "-c", "nginx.conf"], { stdio: "ignore" });
    },
  },
  HAProxy: {
    program: "/usr/sbin/haproxy",
    start(folder, port, one, two) {
      const text = block("haproxy", "haproxy-two", [["127.0.0.1:3000", `127.0.0.1:${one}`], ["127.0.0.1:4000", `127.0.0.1:${two}`], ["bind :80", `bind 127.0.0.1:${port}`]]);
      writeFileSync(join(folder, "haproxy.cfg"), text);
      return spawn(this.program, ["-f", join(folder, "haproxy.cfg")], { stdio: "ignore" });
    },
  },
};

/** A player who joins, and joins anew wherever the line is lost to. */
async function player(url, transports) {
  const auth = { name: "Ann", state: "json" };
  const socket = io(url, { transports, forceNew: true, withCredentials: true, reconnectionDelay: 100, reconnectionDelayMax: 500, auth: (tell) => tell(auth) });
  const player = { socket, closes: [], rooms: [], states: 0 };
  socket.on("connect", () => auth.resume === undefined && socket.emit("join", { game: "dots" }));
  socket.on("joined", ({ room, resumeToken }) => {
    auth.resume = resumeToken;
    player.rooms.push(room);
  });
  socket.on("connect_error", ({ message }) => {
    if (!message.startsWith("seat_lost")) return;
    delete auth.resume;
    socket.connect();
  });
  socket.on("close", (close) => player.closes.push(close.name));
  socket.on("state", () => (player.states += 1));
  await next(socket, "state");
  return player;
}

for (const [name, proxy] of Object.entries(PROXIES)) {
  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    const skip = !existsSync(proxy.program) && `there is no ${proxy.program}`;
    test(`players come through ${name} by ${transports.join(" and ")}, and go on when a server stops`, { timeout: TIMEOUT_MS, skip }, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "fracas-proxy-"));
      t.after(() => rmSync(folder, { recursive: true }));
      const servers = await Promise.all([startServer(0, "--trusted-proxies", "127.0.0.1"), startServer(0, "--trusted-proxies", "127.0.0.1")]);
      t.after(() => Promise.all(servers.map((server) => server.stop())));
      const port = await freePort();
      const child = proxy.start(folder, port, servers[0].port, servers[1].port);
      t.after(() => child.kill("SIGKILL"));
      await listening(port, child);

      const players = await Promise.all(Array.from({ length: PLAYERS }, () => player(`http://127.0.0.1:${port}`, transports)));
      t.after(() => players.forEach(({ socket }) => socket.disconnect()));
      const roomOf = async ({ url }) => new Set((await (await fetch(`${url}/rooms`)).json()).rooms.map(({ room }) => room));
      const [first, second] = await Promise.all(servers.map(roomOf));
      const on = (rooms) => players.filter((player) => rooms.has(player.rooms.at(-1)));
      assert.ok(on(first).length > 0 && on(second).length > 0, "both servers have players");
      if (transports.length > 1) for (const { socket } of players) while (socket.io.engine.transport.name !== "websocket") await pause(20);

      const [moved, stayed] = [on(first), on(second)];
      await servers[0].stop();
      for (const player of moved) while (player.rooms.length < 2) await pause(20);
      for (const player of moved) {
        assert.deepEqual(player.closes, ["restart"]);
        assert.ok(second.has(player.rooms.at(-1)), "on the other server");
      }
      for (const player of players) {
        const { states } = player;
        while (player.states < states + 10) await pause(20);
      }
      for (const { closes, rooms } of stayed) assert.deepEqual([closes, rooms.length], [[], 1], "the others noticed nothing");
      t.diagnostic(`${moved.length} of ${PLAYERS} moved to the other server`);
    });
  }
}
