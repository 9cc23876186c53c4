/**
 * A bad line, simulated: to play a game as players far away know it. It is the line of shared/src/line.rs: one
 * connection, on which nothing is lost and nothing is overtaken, but all of it comes late.
 *
 * ```js
 * new Client(url, { WebSocket: conditioned(WebSocket, "4g") })
 * ```
 * @module
 */

/** A setting delays for so long at most. */
const DELAY_MAX_MS = 5_000;
const RATE_MIN_KBPS = 8;
/** What may be held back each way. */
const HELD_BYTES_MAX = 1_048_576;
const HELD_MESSAGES_MAX = 16_384;
/** How a connection is closed that was lost: 1000 would say goodbye. */
const CLOSE_LOST = 3000;
const LOST = 1006;
const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;

/**
 * How bad a line is. What is left out is 0, which changes nothing.
 *
 * - `latencyMs`: there and back, half of it each way; at most 5000, like the other delays.
 * - `jitterMs`: how much earlier or later than that each message comes at most, each way.
 * - `stallMs`, `stallEveryMs`: for how long nothing comes, and from one such stall to the next.
 * - `rateKbps`: kilobits per second each way, at least 8; 0 for as many as there are.
 * @typedef {{latencyMs?: number, jitterMs?: number, stallMs?: number, stallEveryMs?: number, rateKbps?: number}} LineProfile
 */

/** @type {(latencyMs: number, jitterMs: number, stallMs: number, stallEveryMs: number, rateKbps: number) => Required<LineProfile>} */
const profile = (latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps) => ({ latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps });

/** Names for usual lines. @type {Record<string, Required<LineProfile>>} */
export const LINE_PRESETS = {
  none: profile(0, 0, 0, 0, 0),
  lan: profile(1, 0, 0, 0, 0),
  broadband: profile(30, 3, 0, 0, 20_000),
  wifi: profile(40, 12, 80, 15_000, 10_000),
  "4g": profile(60, 40, 200, 10_000, 5_000),
  "3g": profile(200, 60, 400, 8_000, 1_000),
  satellite: profile(600, 30, 0, 0, 5_000),
};

/** A profile of a preset's name or of settings, when it may be one. @param {string | LineProfile} given @returns {Required<LineProfile>} */
function profileOf(given) {
  if (typeof given === "string") {
    if (!Object.hasOwn(LINE_PRESETS, given)) throw new RangeError(`'${given}' is no line: give one of ${Object.keys(LINE_PRESETS).join(", ")}, or settings`);
    return LINE_PRESETS[given];
  }
  const line = { ...LINE_PRESETS.none, ...given };
  const unknown = Object.keys(line).find((name) => !Object.hasOwn(LINE_PRESETS.none, name));
  if (unknown !== undefined) throw new RangeError(`a line has no \`${unknown}\`, only ${Object.keys(LINE_PRESETS.none).join(", ")}`);
  const { latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps } = line;
  for (const [name, value] of Object.entries({ latencyMs, jitterMs, stallMs })) check(name, value, 0, DELAY_MAX_MS);
  if (stallEveryMs !== 0) check("stallEveryMs", stallEveryMs, stallMs + 1, Infinity);
  if (rateKbps !== 0) check("rateKbps", rateKbps, RATE_MIN_KBPS, Infinity);
  return line;
}

/** @param {string} name @param {number} value @param {number} min @param {number} max */
function check(name, value, min, max) {
  if (!(value >= min && value <= max)) throw new RangeError(`\`${name}\`: ${value} is not from ${min} to ${max}`);
}

/** A seeded generator of numbers from 0 to 1 (mulberry32). @param {number} seed */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A line that connections share: how bad it is now, from when its time is counted, and the seed of its next direction.
 * @typedef {{profile: Required<LineProfile>, begunAt: number, seed: number}} Line
 *
 * What has not arrived yet, and when it does.
 * @typedef {{at: number, bytes: number, arrive: () => void}} Held
 */

/** One direction of a line, and what is on its way there. */
class Way {
  /** The oldest first. @type {Held[]} */
  #held = [];
  #heldBytes = 0;
  /** When the last bit of what was sent before has left. */
  #sentAt = 0;
  /** When what was sent before arrives. */
  #arrivesAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  #line;
  #random;

  /** @param {Line} line @param {number} seed */
  constructor(line, seed) {
    this.#line = line;
    this.#random = random(seed);
  }

  /** Bytes that have not arrived yet. */
  get heldBytes() {
    return this.#heldBytes;
  }

  /** @param {number} bytes */
  hasRoomFor(bytes) {
    return this.#heldBytes + bytes <= HELD_BYTES_MAX && this.#held.length < HELD_MESSAGES_MAX;
  }

  /** Calls `arrive` when so many bytes arrive that are sent now: at once when nothing delays them. @param {number} bytes @param {() => void} arrive */
  pass(bytes, arrive) {
    const now = this.#now();
    const at = this.#arrival(now, bytes);
    if (at <= now && this.#held.length === 0) return arrive();
    this.#held.push({ at, bytes, arrive });
    this.#heldBytes += bytes;
    if (this.#timer === undefined) this.#wake(now);
  }

  /** Forgets what has not arrived yet. */
  cut() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = [];
    this.#heldBytes = 0;
  }

  #now() {
    return performance.now() - this.#line.begunAt;
  }

  /** Never before what was sent earlier, whatever the line was then. @param {number} now @param {number} bytes */
  #arrival(now, bytes) {
    const { latencyMs, jitterMs, stallMs, stallEveryMs, rateKbps } = this.#line.profile;
    let leavesAt = now;
    if (rateKbps > 0) leavesAt = this.#sentAt = Math.max(this.#sentAt, now) + (bytes * 8) / rateKbps;
    let arrivesAt = leavesAt + Math.max(0, latencyMs / 2 + (2 * this.#random() - 1) * jitterMs);
    // Stalls begin at every multiple of their interval but the first.
    if (stallEveryMs > 0 && arrivesAt >= stallEveryMs) arrivesAt += Math.max(0, stallMs - (arrivesAt % stallEveryMs));
    return (this.#arrivesAt = Math.max(this.#arrivesAt, arrivesAt));
  }

  /** @param {number} now */
  #wake(now) {
    clearTimeout(this.#timer);
    const [next] = this.#held;
    this.#timer = next && setTimeout(() => this.#deliver(), Math.max(0, next.at - now));
  }

  #deliver() {
    try {
      const now = this.#now();
      // Timers may come early.
      while (this.#held.length > 0 && this.#held[0].at <= now) {
        const { bytes, arrive } = /** @type {Held} */ (this.#held.shift());
        this.#heldBytes -= bytes;
        arrive();
      }
    } finally {
      // Also when a listener has failed.
      this.#wake(this.#now());
    }
  }
}

/** @param {any} data */
const bytesOf = (data) => data.byteLength ?? data.length ?? data.size;

/** What does not change when the sender goes on writing. @param {any} data */
function copyOf(data) {
  if (data instanceof ArrayBuffer) return data.slice(0);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return data;
}

/** What looks like a WebSocket, as far as fracas.js needs one, and has the real one at the far end of a line. */
class LineSocket {
  readyState = CONNECTING;
  /** @type {(event: any) => void} */
  onopen = () => {};
  /** @type {(event: {data: any}) => void} */
  onmessage = () => {};
  /** @type {(event: any) => void} */
  onerror = () => {};
  /** @type {(event: {code: number, reason: string}) => void} */
  onclose = () => {};
  #socket;
  #there;
  #back;
  /** Bytes for which there was no room. */
  #refusedBytes = 0;

  /** @param {Line} line @param {any} socket the real one */
  constructor(line, socket) {
    this.#socket = socket;
    this.#there = new Way(line, line.seed++);
    this.#back = new Way(line, line.seed++);
    // Opening and closing take their way as well, and their turn.
    socket.onopen = (/** @type {any} */ event) => this.#back.pass(0, () => this.#open(event));
    socket.onmessage = (/** @type {{data: any}} */ event) => this.#receive(event);
    socket.onerror = (/** @type {any} */ event) => this.#back.pass(0, () => this.onerror(event));
    socket.onclose = (/** @type {any} */ { code, reason }) => this.#back.pass(0, () => this.#end(code, reason));
  }

  get binaryType() {
    return this.#socket.binaryType;
  }

  set binaryType(type) {
    this.#socket.binaryType = type;
  }

  get bufferedAmount() {
    return this.#socket.bufferedAmount + this.#there.heldBytes + this.#refusedBytes;
  }

  /** @param {any} data */
  send(data) {
    if (this.readyState === CONNECTING) throw new DOMException("the connection is not open yet", "InvalidStateError");
    if (this.readyState !== OPEN) return;
    const bytes = bytesOf(data);
    if (!this.#there.hasRoomFor(bytes)) {
      this.#refusedBytes += bytes;
      return this.#lose("more was sent than a simulated line holds back: 1 MiB");
    }
    const copy = copyOf(data);
    this.#there.pass(bytes, () => {
      if (this.#socket.readyState === OPEN) this.#socket.send(copy);
    });
  }

  /** Closes it when what was sent before has arrived. @param {any[]} args code and reason */
  close(...args) {
    if (this.readyState >= CLOSING) return;
    this.readyState = CLOSING;
    if (this.#socket.readyState === CONNECTING) this.#socket.close(...args);
    else this.#there.pass(0, () => this.#socket.close(...args));
  }

  /** @param {any} event */
  #open(event) {
    if (this.readyState !== CONNECTING) return;
    this.readyState = OPEN;
    this.onopen(event);
  }

  /** @param {{data: any}} event */
  #receive(event) {
    const bytes = bytesOf(event.data);
    if (!this.#back.hasRoomFor(bytes)) return this.#lose("more came than a simulated line holds back: 1 MiB");
    this.#back.pass(bytes, () => {
      if (this.readyState === OPEN) this.onmessage(event);
    });
  }

  /** @param {string} reason */
  #lose(reason) {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = () => {};
    this.#there.cut();
    this.#back.cut();
    socket.close(CLOSE_LOST, reason);
    this.readyState = CLOSING;
    // Not from within a call of the one who is told.
    setTimeout(() => this.#end(LOST, reason), 0);
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.onclose({ code, reason });
  }
}

/**
 * A constructor of WebSockets on a bad line, for `new Client(url, { WebSocket })`. All connections of one
 * constructor share the line: stalls are at the same times. What is held back counts in `bufferedAmount`; with more
 * than 1 MiB of it, either way, the connection is lost.
 * @param {any} WebSocket the constructor of those on the real line
 * @param {string | LineProfile} profile a preset's name, or settings
 * @param {number} [seed] of the jitter
 * @returns {{new (...args: any[]): LineSocket, setProfile(profile: string | LineProfile): void}} `setProfile` makes
 *   it another line for what is sent from now on
 */
export function conditioned(WebSocket, profile, seed = Math.floor(Math.random() * 2 ** 32)) {
  const line = { profile: profileOf(profile), begunAt: performance.now(), seed };
  return class extends LineSocket {
    /** @param {string | LineProfile} profile */
    static setProfile(profile) {
      line.profile = profileOf(profile);
    }

    /** @param {any[]} args those of a WebSocket */
    constructor(...args) {
      super(line, new WebSocket(...args));
    }
  };
}
