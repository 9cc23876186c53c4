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

/** The flags of a frame. */
export const KEYFRAME = 1, HASH = 2, STRINGS = 4, MODEL = 8, COMINGS = 16, AGE = 32;

/** A frame with its tag, as docs/PROTOCOL.md has it: a head of whole bytes, and what is range coded. */
export class Frame {
  #bytes;
  #low = 0;
  #range = 2 ** 48;

  constructor(flags, tick, age = 1) {
    const isKeyframe = flags & KEYFRAME;
    const tickBytes = Array.from({ length: isKeyframe ? 4 : 1 }, (_, i) => (tick >>> (8 * i)) & 0xff);
    this.#bytes = [2, age > 1 ? flags | AGE : flags, ...tickBytes, ...(age > 1 ? [age] : [])];
  }

  /** What takes the parts from `before` to `end`, of 16,384. */
  put(before, end) {
    this.#put(Math.floor(this.#range / 16_384), before, end);
    return this;
  }

  /** Numbers, each in so many bits. */
  bits(...pairs) {
    for (let i = 0; i < pairs.length; i += 2) {
      const [value, bits] = pairs.slice(i, i + 2);
      if (bits > 16) this.bits(Math.floor(value / 65_536), bits - 16, value % 65_536, 16);
      else this.#put(Math.floor(this.#range / 2 ** bits), value, value + 1);
    }
    return this;
  }

  /** Small numbers. */
  small(...numbers) {
    for (const number of numbers) {
      const length = 31 - Math.clz32(number);
      if (number === 0) this.bits(0, 1);
      else this.bits(1, 1, length, 4, number - 2 ** length, length);
    }
    return this;
  }

  /** A residual of a shape. */
  residual(scale, spike, phase, residual) {
    const shift = scale < 20 ? 0 : Math.floor((scale - 20) / 4) + 1;
    const half = Math.floor(2 ** shift / 2);
    const step = Math.floor((residual + half) / 2 ** shift);
    const isPast = shift > 0 && step >= 0;
    const token = residual === 0 ? 30 : Math.min(Math.max(30 + step + (isPast ? 1 : 0), 0), 60);
    const before = table(scale, spike, shift > 0 ? 4 : phase);
    this.put(before[token], before[token + 1]);
    if (token === 0 || token === 60) {
      const further = Math.abs(step) - (isPast ? 29 : 30) + 8;
      const length = Math.floor(Math.log2(further));
      this.bits(length - 3, 5, further - 2 ** length, length);
    }
    return shift > 0 && token !== 30 ? this.bits(residual + half - step * 2 ** shift, shift) : this;
  }

  bytes() {
    for (let count = 0; ; count++) {
      const unit = 2 ** (48 - 8 * count);
      const value = Math.ceil(this.#low / unit) * unit;
      if (value >= this.#low + this.#range) continue;
      this.#add(value - this.#low);
      for (let i = 0; i < count; i++) this.#write();
      return Uint8Array.from(this.#bytes);
    }
  }

  #put(part, before, end) {
    this.#add(part * before);
    this.#range = part * (end - before);
    if (this.#range >= 2 ** 32) return;
    this.#range *= 65_536;
    this.#write();
    this.#write();
  }

  #write() {
    this.#bytes.push(Math.floor(this.#low / 2 ** 40));
    this.#low = (this.#low % 2 ** 40) * 256;
  }

  #add(more) {
    this.#low += more;
    if (this.#low < 2 ** 48) return;
    this.#low -= 2 ** 48;
    let at = this.#bytes.length - 1;
    while (this.#bytes[at] === 0xff) this.#bytes[at--] = 0;
    this.#bytes[at]++;
  }
}

const DECAYS = [
  24109, 28267, 32314, 36162, 39750, 43041, 46019, 48681, 51039, 53111, 54917, 56484, 57835, 58997, 59992, 60842, 61565, 62181, 62703, 63145,
];
const SPIKES = [0, 64, 128, 256, 384, 512, 640, 768, 832, 896, 960, 992, 1008, 1016, 1020, 1022];

/** What is before each token of a residual, as on the page. */
function table(scale, spike, phase) {
  const isWide = scale >= 20;
  const decay = DECAYS[isWide ? 16 + (scale % 4) : scale] / 65_536, right = SPIKES[spike] / 1024;
  let growth = 1;
  for (let i = 0; i < 232 + phase; i++) growth /= decay;
  const below = [];
  for (let edge = 0; edge < 61; edge++) {
    below.push(1 / (1 + growth));
    for (let i = 0; i < 8; i++) growth *= decay;
  }
  const before = [0];
  for (let token = 1; token < 61; token++) {
    const edge = isWide && token > 30 ? token - 2 : token - 1;
    before.push(token + 31 + Math.floor((16_384 - 61 - 62) * ((1 - right) * below[edge] + right * (token > 30 ? 1 : 0))));
  }
  return [...before, 16_384];
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

async function* exampleLines(name, ...args) {
  const { output, end } = runExample(name, "fracas-shared", ...args);
  for await (const line of createInterface({ input: output })) yield JSON.parse(line);
  await end();
}

/** Random cases made by the Rust code: `shared/examples/vectors.rs`. */
export const vectors = (cases, seed) => exampleLines("vectors", cases, seed);

/** Viewers' frames over long times, made by the Rust code: `shared/examples/chains.rs`. */
export const chains = (cases, seed) => exampleLines("chains", cases, seed);

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

const unless = (options, name, value) => (options.includes(name) ? [] : [name, value]);

/** Starts a server with these options; gives its address, and how to stop it. */
export function startServer(port = 0, ...options) {
  const program = process.env.FRACAS_SERVER ?? `${target}/debug/fracas-server`;
  const how = "run 'cargo build -p fracas-server', or set FRACAS_SERVER";
  return start(program, how, ["--listen", `127.0.0.1:${port}`, ...unless(options, "--admin-listen", "off"), ...unless(options, "--journal", "off"), ...options]);
}

/** Runs the load tester with these options; gives its exit code. */
export function runBots(...options) {
  const program = process.env.FRACAS_BOTS ?? `${target}/debug/fracas-bots`;
  if (!existsSync(program)) throw new Error(`there is no ${program}: run 'cargo build -p fracas-bots', or set FRACAS_BOTS`);
  const child = spawn(program, options, { stdio: "ignore" });
  return new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
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
