// What several tests need: bytes, random numbers, programs of the workspace.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? `${root}target`;

/** Bytes of hexadecimal digits; what follows a `#` is a comment. */
export function fromHex(text) {
  const digits = text.replace(/#.*$/gm, "").replace(/\s/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export const toHex = (bytes) => Buffer.from(bytes).toString("hex");

/** Bits as the protocol packs them, slowly. */
export class Bits {
  text = "";
  put(value, bits) {
    for (let i = 0; i < bits; i++) this.text += (value >>> i) & 1;
    return this;
  }
  bytes() {
    return Uint8Array.from(this.text.match(/.{1,8}/g), (byte) => Number.parseInt([...byte].reverse().join(""), 2));
  }
}

/** A seeded generator (mulberry32): a test that fails fails again. */
export function random(seed) {
  const unit = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { unit, below: (bound) => Math.floor(unit() * bound) };
}

/** The bytes, spoilt in a few places. */
export function mutate({ below }, bytes) {
  let spoilt = [...bytes];
  for (let i = below(4); i >= 0; i--) {
    const place = below(spoilt.length + 1);
    switch (below(6)) {
      case 0: spoilt.length = place; break;
      case 1: spoilt.splice(place, 0, below(256)); break;
      case 2: spoilt.push(...Array.from({ length: below(17) }, () => below(256))); break;
      case 3: if (place < spoilt.length) spoilt[place] ^= 1 << below(8); break;
      case 4: if (place < spoilt.length) spoilt[place] = 0xfa + below(6); break;
      default: spoilt = spoilt.concat(spoilt.slice(place, place + 32));
    }
  }
  return Uint8Array.from(spoilt);
}

/** The fenced blocks of docs/PROTOCOL.md that begin with this word, by the rest of that line. */
export function blocks(word) {
  const page = readFileSync(`${root}docs/PROTOCOL.md`, "utf8");
  const found = new Map();
  for (const [, first, text] of page.matchAll(/^```(.*)\n([^]*?)^```$/gm)) {
    if (first.startsWith(`${word} `)) found.set(first.slice(word.length + 1), text);
  }
  return found;
}

/** The schema that the page's examples are of, as a server sends it. */
export const exampleSchema = () => blocks("json").get("schema").split("\n").map((line) => line.trim()).join("");

/** Runs an example of a package of the workspace; `end` throws if it failed. */
function runExample(name, of, ...args) {
  const command = ["run", "--quiet", "--package", of, "--example", name, "--", ...args.map(String)];
  const child = spawn("cargo", command, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  const end = async () => {
    const code = await ended;
    if (code !== 0) throw new Error(`the example '${name}' ended with ${code}`);
  };
  return { output: child.stdout, end };
}

/** Random cases made by the Rust code: `shared/examples/vectors.rs`. */
export async function* vectors(cases, seed) {
  const { output, end } = runExample("vectors", "fracas-shared", cases, seed);
  for await (const line of createInterface({ input: output })) yield JSON.parse(line);
  await end();
}

/** Rooms in which the Rust code runs ships ahead, as their bytes: `games/arena/examples/traces.rs`. */
export async function* traces(ticks, seed) {
  const { output, end } = runExample("traces", "fracas-arena", ticks, seed);
  let bytes = Buffer.alloc(0);
  for await (const more of output) {
    bytes = Buffer.concat([bytes, more]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32LE(0)) {
      const room = bytes.subarray(4, 4 + bytes.readUInt32LE(0));
      yield room;
      bytes = bytes.subarray(4 + room.length);
    }
  }
  await end();
}

/** A module of the pages, by its path there. That it is one is said by no package.json, but by who loads it. */
export const pageModule = (path) => import(`data:text/javascript,${encodeURIComponent(readFileSync(`${root}assets/web/${path}`, "utf8"))}`);

/** Starts a server with these options; gives its address, and how to stop it. */
export function startServer(port = 0, ...options) {
  const program = process.env.FRACAS_SERVER ?? `${target}/debug/fracas-server`;
  const how = "run 'cargo build -p fracas-server', or set FRACAS_SERVER";
  return start(program, how, ["--listen", `127.0.0.1:${port}`, ...(options.includes("--admin-listen") ? [] : ["--admin-listen", "off"]), ...options]);
}

/** Starts what says back what it hears by Socket.IO and Engine.IO. */
export function startConformance() {
  const program = process.env.FRACAS_CONFORMANCE ?? `${target}/debug/examples/socketio_conformance`;
  const how = "run 'cargo build -p fracas-server --example socketio_conformance', or set FRACAS_CONFORMANCE";
  return start(program, how, ["--listen", "127.0.0.1:0"]);
}

async function start(program, how, options) {
  if (!existsSync(program)) throw new Error(`there is no ${program}: ${how}`);
  const child = spawn(program, options, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const [url, admin] = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/http:\/\/[\d.]+:\d+/g);
      if (found) resolve(found);
    });
    ended.then((code) => reject(new Error(`the server ended with ${code}`)));
  });
  const stop = (signal = "SIGTERM") => {
    child.kill(signal);
    return ended;
  };
  return { url, admin, pid: child.pid, port: Number(new URL(url).port), stop };
}
