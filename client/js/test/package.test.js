// What others get: the minified module, and the package of npm.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import * as source from "../fracas.js";
import * as twin from "../fracas.min.js";
import { minified } from "../build.js";

const MINIFIED_GZIP_BYTES_MAX = 12_000;
const LICENSES = ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"];

const here = fileURLToPath(new URL("../", import.meta.url));
const read = (name) => readFileSync(join(here, name), "utf8");
const run = promisify(execFile);

test("the minified module is that of the source", async () => {
  assert.ok(read("fracas.min.js") === await minified(), "fracas.min.js is not what fracas.js gives: `npm run build`");
  assert.deepEqual(Object.keys(twin), Object.keys(source));
});

test("the minified module is small, and says what it is", () => {
  const text = read("fracas.min.js");
  const bytes = gzipSync(text, { level: 9 }).length;
  assert.ok(bytes < MINIFIED_GZIP_BYTES_MAX, `fracas.min.js has ${bytes} bytes when gzipped`);
  const { version, license } = JSON.parse(read("package.json"));
  const [first] = text.split("\n", 1);
  for (const part of [version, license, "fracas.js"]) assert.ok(first.includes(part), `${first}: no ${part}`);
});

test("the package has the licenses of the workspace", () => {
  for (const name of LICENSES) assert.equal(read(name), read(`../../${name}`), name);
});

test("the package works where it is installed", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "fracas-package-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // Packed from a copy: packing writes files, and other tests read them meanwhile.
  const copy = join(folder, "copy");
  const hasNoCopy = ["node_modules", "test"];
  for (const name of readdirSync(here)) if (!hasNoCopy.includes(name)) cpSync(join(here, name), join(copy, name));
  symlinkSync(join(here, "node_modules"), join(copy, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--json", "--silent", "--pack-destination", folder], { cwd: copy });
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[")));
  assert.deepEqual(
    files.map(({ path }) => path).sort(),
    [
      ...LICENSES, "README.md", "fracas-line.d.ts", "fracas-line.js", "fracas-netcode.d.ts", "fracas-netcode.js", "fracas-socketio.js",
      "fracas.d.ts", "fracas.js", "fracas.min.js", "package.json",
    ].sort(),
  );

  const app = join(folder, "app");
  mkdirSync(app);
  const write = (name, text) => writeFileSync(join(app, name), text);
  write("package.json", '{ "type": "module", "private": true }');
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(folder, filename)], { cwd: app });

  write("app.ts", `
    import { Client, FracasError, type Entity, type LeaveReason, type Room, type State } from "fracas-client";
    import { Client as Minified } from "fracas-client/fracas.min.js";
    import { Netcode, type Drawn, type Predictor } from "fracas-client/fracas-netcode.js";
    import { conditioned, type LineProfile } from "fracas-client/fracas-line.js";

    const LineSocket = conditioned(WebSocket, "4g");
    export const profile: LineProfile = { latencyMs: 100 };
    LineSocket.setProfile(profile);
    const client: Client = new Client("ws://localhost:3000", { name: "Ann", reconnect: false, WebSocket: LineSocket });
    export const other: Client = new Minified();
    const room: Room = await client.joinOrCreate("dots", { seats: 4 });
    room.onAdd("View", (dot: Entity) => console.log(dot.id.toFixed(), dot.x));
    room.onStateChange((state: State) => console.log(state.tick.toFixed(), [...state.ofKind("View")].length));
    room.onLeave(({ code, reason }: LeaveReason) => console.log(code.toFixed(), reason.trim()));
    const netcode = new Netcode(room, { onEvent: (event, tick, isForetold) => console.log(event.kind, tick.toFixed(), isForetold === true) });
    export const sent: number = netcode.frame({ x: 127, y: 0 });
    export const drawn: Drawn[] = netcode.others;
    export type Steers = Predictor["advance"];
    export const tick: number | null = room.input({ x: 127, y: 0 });
    export const ms: number = await room.ping();
    export const code: string = new FracasError("room_full", "all seats are taken").code;
    // @ts-expect-error: a name is a string
    new Client("ws://localhost:3000", { name: 1 });
    // @ts-expect-error: a line is not described by a number
    conditioned(WebSocket, 100);
    // @ts-expect-error: a game is named
    client.join();
    // @ts-expect-error: a seat has no such thing
    room.nothing();
  `);
  const options = { strict: true, noEmit: true, target: "es2022", module: "nodenext", types: [], lib: ["es2022", "dom", "dom.iterable"] };
  write("tsconfig.json", JSON.stringify({ compilerOptions: options, files: ["app.ts"] }));
  await run(process.execPath, [join(here, "node_modules/typescript/bin/tsc")], { cwd: app })
    .catch(({ stdout }) => assert.fail(`TypeScript does not take the package:\n${stdout}`));

  write("app.js", `
    import * as source from "fracas-client";
    import * as minified from "fracas-client/fracas.min.js";
    for (const { Client, FracasError } of [source, minified]) {
      const client = new Client("https://play.example", { WebSocket: class {} });
      console.log(client.url, new FracasError("a", "b").name);
    }
  `);
  const ran = await run(process.execPath, ["app.js"], { cwd: app });
  assert.equal(ran.stdout, "wss://play.example/ws FracasError\n".repeat(2));
});
