/**
 * Fracas for JavaScript: joins matches of a Fracas server, from browsers and from Node, and reads and
 * writes any game by the schema that the server sends. The server's docs/PROTOCOL.md tells the protocol
 * byte for byte. Whatever a server sends ends in a value within the limits or in a `FracasError`.
 *
 * In this order: control messages, bits, schemas and rows, frames, the state, the input clock, events,
 * `Room`, `Client`.
 * @module
 */

const PROTOCOL_VERSION = 3;
const PROGRAM = "fracas.js 0.1.0";

// Limits of the protocol, by their names there.
const CLIENT_MESSAGE_BYTES_MAX = 4096;
const SERVER_MESSAGE_BYTES_MAX = 262_144;
const FRAME_BYTES_MAX = 262_144;
const OPTIONS_BYTES_MAX = 2048;
const SCHEMA_BYTES_MAX = 65_536;
const KINDS_MAX = 32;
const FIELDS_MAX = 64;
const ENUM_NAMES_MAX = 256;
const NAME_LENGTH_MAX = 64;
const ENTITIES_MAX = 4096;
const SEATS_MAX = 1000;
const TICK_HZ_MAX = 240;
const TEXT_BYTES_MAX = 255;
const BASELINE_AGE_MAX = 64;
const WIRE_ID_QUARANTINE_TICKS = 256;

// Limits of this module's own patience and memory.
const INPUT_LEAD_TICKS_MAX = 24;
const FRAMES_LOST_IN_A_ROW_MAX = 3;
const SEND_BUFFER_BYTES_MAX = 65_536;
/** Below the server's 60 control and game messages, so that acks and pings always fit. */
const MESSAGES_PER_S_MAX = 50;
const PINGS_WAITING_MAX = 16;
const LISTING_BYTES_MAX = 1_048_576;
const REQUEST_TIME_MAX_MS = 10_000;
const LEAVE_TIME_MAX_MS = 2_000;
const ACK_INTERVAL_MS = 1_000;
const PROBE_AFTER_MS = 2_000;
const SILENCE_TIME_MAX_MS = 5_000;
/** A server that asks for more patience is not obeyed. */
const RETRY_AFTER_MAX_MS = 60_000;
/** How we close a connection without giving the seat back, which 1000 would. */
const CLOSE_TO_COME_BACK = 3000;
/** A connection that lived so long was good: counting tries begins again. */
const STABLE_AFTER_MS = 10_000;

/** What goes wrong: `code` is for programs, such as `room_full`; the message is a sentence for people. */
export class FracasError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "FracasError";
    this.code = code;
  }
}

/** @param {string} problem */
const malformed = (problem) => new FracasError("malformed", `what the server sent cannot be read: ${problem}`);

const tooShort = () => malformed("it ends in the middle of a value");
const noFrame = () => malformed("a frame is malformed");
const tooLong = () => malformed("bytes are left over");

/** @param {unknown} error @returns {FracasError} */
const asFracasError = (error) => (error instanceof FracasError ? error : malformed(String(error)));

/** @param {string} json */
function parseJson(json) {
  try {
    return JSON.parse(json);
  } catch {
    throw malformed("it is not JSON");
  }
}

/** `RoomFull` to `room_full`. @param {string} name */
const snakeCase = (name) => name.replace(/(?!^)([A-Z])/g, "_$1").toLowerCase();

const utf8 = new TextEncoder();
/** For control messages, where bytes that are no UTF-8 are an error. */
const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** For rows, where they become replacement characters. */
const lenientText = new TextDecoder("utf-8", { ignoreBOM: true });

// ---- Control messages: types as data, and one table for each direction.

/**
 * How values of a type are written and read.
 * @typedef {{put(out: BitWriter, value: any): void, take(from: BitReader): any}} Type
 * @typedef {{type: string, [field: string]: any}} Message
 */

/** Reads numbers bit by bit: the first one is the lowest of the first byte. */
class BitReader {
  /** @param {Uint8Array} bytes @param {number} start the byte to begin with */
  constructor(bytes, start) {
    this.bytes = bytes;
    this.at = start * 8;
  }

  /** How many bits are. */
  get left() {
    return this.bytes.length * 8 - this.at;
  }

  /** The next 0 to 32 bits. @param {number} bits */
  take(bits) {
    if (bits > this.left) throw tooShort();
    let value = 0;
    for (let taken = 0; taken < bits; ) {
      const shift = this.at & 7;
      const count = Math.min(8 - shift, bits - taken);
      value += ((this.bytes[this.at >> 3] >> shift) & ((1 << count) - 1)) * 2 ** taken;
      taken += count;
      this.at += count;
    }
    return value;
  }

  /** Less than a byte may be left, all zero. */
  end() {
    if (this.left > 7 || this.take(this.left) > 0) throw tooLong();
  }
}

/** Writes them so. */
class BitWriter {
  /** @type {number[]} */
  bytes = [];

  /** @param {number} start before it are bytes of zeros */
  constructor(start) {
    this.at = start * 8;
  }

  /** @param {number} value without higher bits @param {number} bits */
  put(value, bits) {
    while (bits > 0) {
      const shift = this.at & 7;
      const count = Math.min(8 - shift, bits);
      this.bytes[this.at >> 3] |= (value & ((1 << count) - 1)) << shift;
      value >>>= count;
      bits -= count;
      this.at += count;
    }
  }

  /** @param {Uint8Array} bytes */
  putBytes(bytes) {
    for (const byte of bytes) this.put(byte, 8);
  }

  finish() {
    return Uint8Array.from(this.bytes);
  }
}

/** @param {BitReader | RangeReader} from @param {number} length */
const takeBytes = (from, length) => Uint8Array.from({ length }, () => from.take(8));

/**
 * A string, by the kinds of fields that it may be in.
 * @typedef {{bytes: Uint8Array, text: string}} TableString
 */
const NO_BYTES = new Uint8Array(0);
const NO_STRING = { bytes: NO_BYTES, text: "" };

/** @param {BitReader | RangeReader} bits @returns {TableString} */
function takeString(bits) {
  const bytes = takeBytes(bits, bits.take(8));
  return { bytes, text: lenientText.decode(bytes) };
}

/** @type {Type} */
const u32 = {
  put(out, value) {
    if (value < 251) return out.put(value, 8);
    const isShort = value < 0x10000;
    out.put(isShort ? 251 : 252, 8);
    out.put(value, isShort ? 16 : 32);
  },
  take(from) {
    const first = from.take(8);
    if (first < 251) return first;
    if (first > 252) throw malformed("a number is too large");
    return from.take(first === 251 ? 16 : 32);
  },
};
/** @type {Type} */
const u16 = {
  put: u32.put,
  take(from) {
    const value = u32.take(from);
    if (value > 0xffff) throw malformed("a number is too large");
    return value;
  },
};
/** @type {Type} */
const i32 = {
  put: (out, value) => u32.put(out, ((value << 1) ^ (value >> 31)) >>> 0),
  take(from) {
    const zigzag = u32.take(from);
    return (zigzag >>> 1) ^ -(zigzag & 1);
  },
};
/** @type {Type} */
const bool = {
  put: (out, value) => out.put(value ? 1 : 0, 8),
  take(from) {
    const value = from.take(8);
    if (value > 1) throw malformed("a bool is neither 0 nor 1");
    return value === 1;
  },
};
/** @type {Type} */
const string = {
  put(out, value) {
    const bytes = utf8.encode(value);
    u32.put(out, bytes.length);
    out.putBytes(bytes);
  },
  take(from) {
    const length = u32.take(from);
    if (length * 8 > from.left) throw tooShort();
    try {
      return strictText.decode(takeBytes(from, length));
    } catch {
      throw malformed("a string is not UTF-8");
    }
  },
};
/** @type {(type: Type) => Type} null stands for none */
const option = (type) => ({
  put(out, value) {
    bool.put(out, value !== null);
    if (value !== null) type.put(out, value);
  },
  take: (from) => (bool.take(from) ? type.take(from) : null),
});
/** @type {(type: Type) => Type} */
const list = (type) => ({
  put(out, values) {
    u32.put(out, values.length);
    for (const value of values) type.put(out, value);
  },
  take(from) {
    const count = u32.take(from);
    // Every value has a byte at least, so a forged count costs nothing.
    if (count * 8 > from.left) throw tooShort();
    return Array.from({ length: count }, () => type.take(from));
  },
});
/** @type {(fields: Record<string, Type>) => Type} */
const struct = (fields) => {
  const entries = Object.entries(fields);
  return {
    put(out, value) {
      for (const [name, type] of entries) type.put(out, value[name]);
    },
    take(from) {
      /** @type {Record<string, any>} */
      const value = {};
      for (const [name, type] of entries) value[name] = type.take(from);
      return value;
    },
  };
};
/** Variants by number, which is their place here. @type {(variants: Record<string, Record<string, Type>>) => Type} */
const oneOf = (variants) => {
  const names = Object.keys(variants);
  const types = Object.values(variants).map(struct);
  return {
    put(out, value) {
      const number = names.indexOf(value.type);
      u32.put(out, number);
      types[number].put(out, value);
    },
    take(from) {
      const number = u32.take(from);
      if (number >= names.length) throw malformed(`no message has the number ${number}; update this client`);
      return { type: names[number], ...types[number].take(from) };
    },
  };
};

const RosterEntry = { player: u16, name: string, isBot: bool, isAway: bool };
const Standing = struct({ player: u16, score: i32 });
const RoomInfo = struct({
  room: string, game: string, players: u16, bots: u16, seats: u16, tickHz: u16, metadata: string,
  spectators: u16, hasPassword: bool, isLocked: bool,
});

const RoomWanted = oneOf({
  JoinOrCreate: { game: string, options: string },
  Join: { game: string },
  Create: { game: string, options: string },
  ById: { room: string, password: string },
  Reserved: { ticket: string },
  Spectate: { room: string, password: string },
  Resume: { token: string, received: option(u32), attempt: option(u32) },
});

const Hearers = oneOf({ All: {}, Others: {}, One: { player: u16 } });

/** Refusals and their sentences. Those with a `$` come with a text to stand there. @type {Record<string, string>} */
const REFUSALS = {
  NoSuchGame: "no game '$' is hosted here",
  NoSuchRoom: "no room '$'; it may have ended",
  RoomFull: "all seats of room '$' are taken",
  BadOption: "option $",
  BadName: "a name has 1 to 32 bytes and no control characters",
  AlreadyInRoom: "already in a room; leave it first",
  TooManyRooms: "the server has no place for another room",
  Stopping: "the server is stopping",
  RoomLocked: "room '$' is locked",
  BadTicket: "this seat reservation is no longer good; ask for another",
  BadChat: "a chat message has 1 to 300 bytes and no control characters",
  ChatVetoed: "the game did not let your message through",
  Busy: "the server has too much to do; try again soon",
  SeatLost: "the seat was not kept any longer; join again",
  WrongPassword: "room '$' needs its password",
  BannedFrom: "you may not come back to room '$'",
  SpectatorsFull: "as many watch room '$' as may",
  Spectating: "who watches has no say; take a seat",
  TooManyFromAddress: "too many $ from your address",
  BadRoomCode: "'$' is no room code; one has 6 letters and digits, such as K3V9QX, without I, L, O, 0 and 1",
  Elsewhere: "this server takes nobody new; join elsewhere",
};
/** @type {(refusal: [string, string]) => [string, Record<string, Type>]} */
const refusalType = ([name, sentence]) => [name, sentence.includes("$") ? { text: string } : {}];
const Refusal = oneOf(Object.fromEntries(Object.entries(REFUSALS).map(refusalType)));

/** For `toBytes` and `fromBytes`. */
export const ClientMessage = oneOf({
  Hello: { protocol: u16, name: string, client: string },
  Join: { room: RoomWanted, schemaHash: u32 },
  Leave: {},
  List: { game: option(string), skip: u32 },
  Ack: { tick: u32 },
  Resync: {},
  Ping: { nonce: u32 },
  Say: { to: Hearers, text: string },
});

/** What `Room` does not know by name becomes an event: its name in snake case, with its fields. */
export const ServerMessage = oneOf({
  Welcome: { protocol: u16, server: string },
  Joined: {
    room: string, game: string, player: option(u16), seats: u16, tickHz: u16, tick: u32, schemaHash: u32,
    schema: option(string), config: string, roster: list(struct(RosterEntry)), resumeToken: string,
    lingerS: u16, resumed: option(struct({ missed: u32, received: u32, attempt: u32 })),
  },
  Refused: { refusal: Refusal },
  Left: { tick: u32 },
  Rooms: { rooms: list(RoomInfo), total: u32 },
  PlayerJoined: RosterEntry,
  PlayerLeft: { player: u16 },
  Outcome: { standings: list(Standing), nextMatchTick: u32 },
  MatchBegan: { tick: u32 },
  TimeDropped: { tick: u32, ticks: u32 },
  Pong: { nonce: u32 },
  Said: { player: u16, to: Hearers, text: string },
  PlayerAway: { player: u16 },
  PlayerBack: { player: u16 },
  RetryAfter: { ms: u32 },
  Notification: { text: string },
});

/** Of a room, all others are reliable: both ends count them, so that who comes back misses none. */
const UNRELIABLE = ["Welcome", "Joined", "Refused", "Left", "Rooms", "Pong", "RetryAfter"];

/** A whole control message, tag and all. @param {Type} type @param {Message} message */
export function toBytes(type, message) {
  const out = new BitWriter(1);
  type.put(out, message);
  return out.finish();
}

/** @param {Type} type @param {Uint8Array} bytes @returns {Message} */
export function fromBytes(type, bytes) {
  if (bytes.length > SERVER_MESSAGE_BYTES_MAX + 1) throw malformed("it is longer than a message may be");
  const from = new BitReader(bytes, 1);
  const message = type.take(from);
  from.end();
  return message;
}

// ---- Schemas, and rows by them.

/**
 * A schema as the server sends it.
 * @typedef {{name: string, kind: string, bits?: number, min?: number, step?: number, names?: string[]}} SchemaField
 * @typedef {{name: string, fields: SchemaField[]}[]} SchemaKinds
 * @typedef {{game: string, revision: number, views: SchemaKinds, own: SchemaKinds, inputs: SchemaKinds,
 *   events: SchemaKinds, messages: SchemaKinds}} Schema
 *
 * A row as an object: the name of its kind, and its fields by name.
 * @typedef {{kind: string, [field: string]: any}} Row
 * @typedef {Row & {id: number}} Entity
 */

/** Bits of the kinds of fields that do not say it. */
/** @type {Record<string, number>} */
const FIXED_BITS = { bool: 1, entity: 16, player: 10, text: 10, bytes: 10 };

/** Bits that tell apart so many things. @param {number} things */
const indexBits = (things) => Math.max(1, 32 - Math.clz32(things - 1));

/** @param {unknown} name */
const isName = (name) => typeof name === "string" && name.length > 0 && name.length <= NAME_LENGTH_MAX;

/** @param {unknown} list @param {number} max */
const isList = (list, max) => Array.isArray(list) && list.length <= max;

/** @param {string} problem */
const badSchema = (problem) => new FracasError("bad_schema", `the game's schema cannot be used: ${problem}`);

class Field {
  /** @param {any} field @param {string} place */
  constructor(field, place) {
    const { name, kind, min = 0, step = 1, names = [] } = field;
    const fail = (/** @type {string} */ problem) => badSchema(`${place}.${name}: ${problem}`);
    const isSized = ["uint", "int", "fixed", "angle"].includes(kind);
    const bits = isSized ? field.bits : kind === "enum" ? indexBits(names.length) : FIXED_BITS[kind];
    if (!isName(name)) throw fail("a name has 1 to 64 letters");
    if (bits === undefined) throw fail(`no kind of field '${kind}' is known; update this client`);
    if (!Number.isInteger(bits) || bits < 1 || bits > 32) throw fail("`bits` must be from 1 to 32");
    if (!Number.isFinite(min) || !Number.isFinite(step) || step <= 0) throw fail("`step` must be above 0");
    if (kind === "enum" && !(isList(names, ENUM_NAMES_MAX) && names.length > 0 && names.every(isName))) {
      throw fail("an enum has 1 to 256 names");
    }
    /** @type {string} */
    this.name = name;
    /** Its property of an object, of which some are taken. */
    this.key = name === "id" || name === "kind" || name === "__proto__" ? `${name}_` : name;
    /** @type {string} */
    this.kind = kind;
    /** @type {number} */
    this.bits = bits;
    this.parts = 2 ** bits;
    this.isString = kind in NO_STRING;
    /** @type {number} */
    this.min = min;
    /** @type {number} */
    this.step = step;
    /** @type {string[]} */
    this.names = names;
  }

  /** The value of a code; of no string. Numbers are as exact as the rules hold them: 32-bit floats. @param {number} code */
  value(code) {
    switch (this.kind) {
      case "fixed": return Math.fround(this.min + code * this.step);
      case "angle": return Math.fround((code * 2 * Math.PI) / this.parts);
      case "uint": return code;
      case "int": return code - this.parts / 2;
      case "bool": return code === 1;
      case "enum": return this.names[code] ?? null;
      case "player": return code === 0 || code > SEATS_MAX ? null : code - 1;
      default: return code === 0 ? null : code;
    }
  }

  /** @param {TableString} string */
  string(string) {
    return string[/** @type {"text" | "bytes"} */ (this.kind)];
  }

  /**
   * The code of a value; of no string. Numbers are rounded and clamped; nothing stands for 0, false,
   * the first name or none.
   * @param {any} value
   */
  code(value) {
    if (value === undefined || value === null) value = this.kind === "enum" ? this.names[0] : 0;
    else if (this.kind === "player") value += 1;
    const wanted = this.kind === "enum" ? "string" : this.kind === "bool" ? typeof value : "number";
    if (typeof value !== wanted) throw badRow(`'${this.name}' is a ${this.kind}, not ${JSON.stringify(value)}`);
    switch (this.kind) {
      case "fixed": return this.#clamp((Math.fround(value) - this.min) / this.step);
      case "angle": {
        const { parts } = this;
        const part = Math.round((Math.fround(value) / (2 * Math.PI)) * parts) % parts;
        return (part < 0 ? part + parts : part) >>> 0;
      }
      case "int": return this.#clamp(Math.round(value || 0) + this.parts / 2);
      case "bool": return value ? 1 : 0;
      case "enum": {
        const place = this.names.indexOf(value);
        if (place < 0) throw badRow(`'${this.name}' is one of ${this.names.join(", ")}, not '${value}'`);
        return place;
      }
      case "player": return value > SEATS_MAX ? 0 : this.#clamp(value);
      default: return this.#clamp(value);
    }
  }

  /** @param {number} number */
  #clamp(number) {
    const code = Math.round(number);
    return code > 0 ? Math.min(code, this.parts - 1) : 0;
  }
}

class Kind {
  /** @param {any} kind @param {number} number @param {string} union */
  constructor(kind, number, union) {
    const place = `${union}.${kind?.name}`;
    if (!isName(kind?.name)) throw badSchema(`${place}: a name has 1 to 64 letters`);
    if (!isList(kind.fields, FIELDS_MAX)) throw badSchema(`${place}: at most 64 fields`);
    /** @type {string} */
    this.name = kind.name;
    this.number = number;
    /** @type {Field[]} */
    this.fields = kind.fields.map((/** @type {any} */ field) => new Field(field ?? {}, place));
  }
}

/** @param {string} problem */
const badRow = (problem) => new FracasError("bad_row", `this does not fit the game's schema: ${problem}`);

/** The kinds of rows of one union. */
class Kinds {
  /** @param {any} schema @param {string} union */
  constructor(schema, union) {
    const kinds = schema[union];
    if (!isList(kinds, KINDS_MAX)) throw badSchema(`${union}: at most 32 kinds`);
    /** @type {Kind[]} */
    this.list = kinds.map((/** @type {any} */ kind, /** @type {number} */ number) => new Kind(kind, number, union));
    this.bits = indexBits(kinds.length);
    this.union = union;
  }

  /** @param {BitReader} bits */
  take(bits) {
    const kind = this.list[bits.take(this.bits)];
    if (kind === undefined) throw malformed("a row is of no kind");
    return kind;
  }

  /** @param {string | undefined} name none when there is one kind alone */
  named(name) {
    const kind = name === undefined && this.list.length === 1 ? this.list[0] : this.list.find((kind) => kind.name === name);
    if (kind) return kind;
    const names = this.list.map((kind) => kind.name).join(", ") || "none";
    throw badRow(`the kinds of its ${this.union} are: ${names}; not '${name}'`);
  }

  /** A row that stands alone, as an object. @param {BitReader} bits */
  takeRow(bits) {
    const kind = this.take(bits);
    /** @type {Row} */
    const row = { kind: kind.name };
    for (const field of kind.fields) {
      row[field.key] = field.isString ? field.string(takeString(bits)) : field.value(bits.take(field.bits));
    }
    return row;
  }

  /**
   * @param {BitWriter} bits
   * @param {string | undefined} name
   * @param {Record<string, any>} values by the names of fields
   */
  putRow(bits, name, values) {
    const kind = this.named(name);
    for (const key of Object.keys(values)) {
      if (!kind.fields.some((field) => field.name === key)) {
        throw badRow(`${kind.name} has no field '${key}', only ${kind.fields.map((field) => field.name).join(", ")}`);
      }
    }
    bits.put(kind.number, this.bits);
    for (const field of kind.fields) {
      const value = values[field.name];
      if (!field.isString) {
        bits.put(field.code(value), field.bits);
        continue;
      }
      const bytes = stringBytes(field, value);
      bits.put(bytes.length, 8);
      bits.putBytes(bytes);
    }
  }
}

/** Longer strings are cut, as the rules do; text between two letters. @param {Field} field @param {any} value */
function stringBytes(field, value) {
  if (value === undefined || value === null) return NO_BYTES;
  if (field.kind === "bytes") {
    if (!(value instanceof Uint8Array)) throw badRow(`'${field.name}' is a Uint8Array`);
    return value.subarray(0, TEXT_BYTES_MAX);
  }
  if (typeof value !== "string") throw badRow(`'${field.name}' is a string`);
  // No letter has less than a byte, so more of them need not be encoded.
  const bytes = utf8.encode(value.slice(0, TEXT_BYTES_MAX + 1));
  let end = Math.min(bytes.length, TEXT_BYTES_MAX);
  while (end < bytes.length && (bytes[end] & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** Reads and writes the rows of one game. */
export class Codec {
  /** @param {string} json the schema */
  constructor(json) {
    if (json.length > SCHEMA_BYTES_MAX) throw badSchema("it is too long");
    const schema = parseJson(json);
    if (!isName(schema?.game)) throw badSchema("game: an id has 1 to 64 letters");
    /** @type {Schema} */
    this.schema = schema;
    this.views = new Kinds(schema, "views");
    this.own = new Kinds(schema, "own");
    this.inputs = new Kinds(schema, "inputs");
    this.events = new Kinds(schema, "events");
    this.messages = new Kinds(schema, "messages");
  }

  /** An input whose stamp and ack are still to be written. @param {string | undefined} kind @param {Record<string, any>} values */
  inputBytes(kind, values) {
    return this.#rowBytes(1, 11, this.inputs, kind, values);
  }

  /** @param {string | undefined} kind @param {Record<string, any>} values */
  messageBytes(kind, values) {
    return this.#rowBytes(2, 1, this.messages, kind, values);
  }

  /** @param {number} tag @param {number} head in bytes @param {Kinds} kinds @param {string | undefined} kind @param {Record<string, any>} values */
  #rowBytes(tag, head, kinds, kind, values) {
    const bits = new BitWriter(head);
    kinds.putRow(bits, kind, values);
    const bytes = bits.finish();
    if (bytes.length > CLIENT_MESSAGE_BYTES_MAX) throw badRow(`it has more than ${CLIENT_MESSAGE_BYTES_MAX} bytes`);
    bytes[0] = tag;
    return bytes;
  }

  /** Reads an own message. @param {Uint8Array} bytes */
  readOwn(bytes) {
    const bits = new BitReader(bytes, 1);
    const inputTick = bits.take(32);
    const margin = (bits.take(8) << 24) >> 24;
    const own = (bits.take(8) & 1) === 1 ? this.own.takeRow(bits) : null;
    bits.end();
    return { inputTick, margin: margin === -128 ? null : margin, own };
  }

  /** Reads an events message. @param {Uint8Array} bytes */
  readEvents(bytes) {
    const bits = new BitReader(bytes, 1);
    const tick = bits.take(32);
    const count = bits.take(8);
    const events = [];
    for (let i = 0; i < count; i++) events.push(this.events.takeRow(bits));
    bits.end();
    return { tick, events };
  }
}

/**
 * Writes for which tick an input is, the newest tick that is here, and how many 1/1024 of a tick before the
 * stamp the moment is that the screen shows.
 * @param {Uint8Array} input @param {number} stamp @param {number} ack @param {number} viewLag
 */
export function stampInput(input, stamp, ack, viewLag) {
  const bits = new BitWriter(0);
  bits.put(stamp, 32);
  bits.put(ack, 32);
  bits.put(viewLag, 16);
  input.set(bits.finish(), 1);
}

// ---- Frames.

/**
 * Reads a range coder's numbers; behind the end are zeros. Of whole bytes at most six of those are read, so whoever
 * reads on has lost the way.
 */
class RangeReader {
  range = 1;
  /** How far the coded number is above the lowest of the range. */
  offset = 0;
  /** How much of the range each of the parts has that were looked at last. */
  part = 0;

  /** @param {Uint8Array} bytes @param {number} at */
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
    while (this.range < 2 ** 48) this.#grow();
  }

  #grow() {
    const { bytes, at } = this;
    if (at > bytes.length + 4) throw tooShort();
    this.range *= 65_536;
    this.offset = this.offset * 65_536 + ((bytes[at] << 8) | bytes[at + 1]);
    this.at = at + 2;
  }

  /** Where the coded number is among so many equal parts of the range. @param {number} parts */
  #find(parts) {
    this.part = Math.floor(this.range / parts);
    const place = this.offset / this.part;
    if (place >= parts) throw noFrame();
    return place;
  }

  /** Takes what was found between these parts. @param {number} from @param {number} to */
  #narrow(from, to) {
    this.offset -= this.part * from;
    this.range = this.part * (to - from);
    if (this.range < 2 ** 32) this.#grow();
  }

  /** The next 0 to 32 bits. @param {number} bits @returns {number} */
  take(bits) {
    if (bits > 16) return this.take(bits - 16) * 65_536 + this.take(16);
    const value = Math.floor(this.#find(1 << bits));
    this.#narrow(value, value + 1);
    return value;
  }

  /** A number of one bit more, of which the highest is 1. @param {number} bits */
  #takeLong(bits) {
    return 2 ** bits + this.take(bits);
  }

  /** A number that is mostly 0. */
  takeSmall() {
    return this.take(1) && this.#takeLong(this.take(4));
  }

  /** Between which of these edges it is, in 16,384ths; likely behind this one. @param {number[]} edges @param {number} at */
  takeToken(edges, at) {
    const place = this.#find(16_384);
    while (place < edges[at]) at--;
    while (place >= edges[at + 1]) at++;
    this.#narrow(edges[at], edges[at + 1] ?? 16_384);
    return at;
  }

  /** What a prediction was wrong by, modulo 2^32. @param {number} shape @param {number} phase */
  takeResidual(shape, phase) {
    // Of a wide one, the lowest bits are as they are, and the phase makes no difference.
    const shift = Math.max((shape - 256) >> 6, 0);
    if (shift) {
      shape -= (shift - 1) << 6;
      phase = 4;
    }
    const token = this.takeToken(TABLES[(shape << 3) | phase] ??= makeTable(shape, phase), 30);
    let step = token - 30;
    if (token % 60 === 0) {
      const bits = this.take(5) + 3;
      if (bits > 32) throw noFrame();
      const further = this.#takeLong(bits) - 8;
      step += token ? further : -further;
    }
    // To the nearest step; of those above, 0 is the first.
    return shift && step ? (step << shift) + this.take(shift) - (((step > 0 ? 3 : 1) << shift) >> 1) : step;
  }
}

/** How often a prediction is right, in 1,024ths. */
const SPIKES = [0, 64, 128, 256, 384, 512, 640, 768, 832, 896, 960, 992, 1008, 1016, 1020, 1022];
/** By shape and phase, as they are needed. @type {number[][]} */
const TABLES = new Array(3072);

/**
 * Frequencies up to each token, in 16,384ths. Doubles round alike everywhere, in this order.
 * @param {number} shape @param {number} phase
 */
function makeTable(shape, phase) {
  const isWide = shape > 319;
  const spike = SPIKES[shape & 15] / 1024;
  // No such power is so near to half a number that an engine's last bits matter.
  const decay = Math.round(65_536 * Math.exp(-(2 ** (+isWide - (shape >> 4) / 4)))) / 65_536;
  let growth = 1;
  for (let i = 0; i < 232 + phase; i++) growth /= decay;
  const before = [0];
  for (let token = 1; token < 61; token++) {
    before[token] = token + 31 + Math.floor(16_261 * ((1 - spike) * (1 / (1 + growth)) + (token > 30 ? spike : 0)));
    // Of wide ones the spike alone is right to the quantum, and 0 steps are a token more.
    if (!isWide || token !== 30) for (let i = 0; i < 8; i++) growth *= decay;
  }
  return before;
}

/** How likely a row is to change, in 16,384ths, as edges. */
const CHANCES = [8, 24, 64, 160, 400, 1000, 2200, 4600, 8192, 11784, 14184, 15384, 15984, 16224, 16320, 16376]
  .map((chance) => [0, chance]);
/** Eighths of the last difference, and of what that differed from the one before, that a field goes on by. */
const OF_LAST = [0, 2, 4, 5, 6, 7, 8, 6, 7, 8, 8, 8, 8, 8, 8, 8];
const OF_SECOND = [0, 0, 0, 0, 0, 0, 0, -2, -2, -1, -2, -3, -4, -5, 4, 8];

/**
 * How frames are coded: of each kind how deltas of one tick are, then of each how older ones are. Each has five places
 * among the chances; and for each field a predictor and eight shapes, which are 16 times a scale and a spike.
 * @typedef {number[][][]} Model
 */

/** @param {Kind} kind */
const firstModel = ({ fields }) => [[4, 10, 8, 13, 8], ...fields.map(({ kind, bits }) => (
  ["int", "fixed", "angle"].includes(kind)
    ? [6, 0xe8, 0xa4, 0xb4, 0xe4, 0x124, 0x164, 0x1c4, 0x184]
    : [0, ...Array(8).fill(Math.min(4 * bits + 2, 60) * 16 + 10)]
))];

/** The model that differs from this one as a frame says. @param {RangeReader} bits @param {Model} model */
const takeModel = (bits, model) => model.map((kind) => (
  bits.take(1) ? kind.map((part, i) => (
    i && !bits.take(1) ? part : part.map((old, j) => (
      !i || !j ? bits.take(4) : bits.take(1) ? bits.take(7) * 16 + bits.take(4) : old
    ))
  )) : kind
));

/** An entity's row: its codes, which are never written again, and those of the two ticks before, where they are known. */
class EntityRow {
  /** @type {any} */
  codes;
  /** @type {number[] | undefined} */
  old;
  /** @type {number[] | undefined} */
  older;
  /** @type {Entity | undefined} */
  entity;

  /** @param {number} id @param {Kind} kind @param {number[]} next what `codes` become when the frame that is read turns out well */
  constructor(id, kind, next) {
    this.id = id;
    this.kind = kind;
    this.next = next;
  }
}

/** Takes what changed in rows of a kind. @param {RangeReader} bits @param {EntityRow[]} rows @param {Field[]} fields @param {number[][]} model @param {number} age */
function takeUpdates(bits, rows, fields, [chances, ...models], age) {
  if (!(rows[0] && fields[0] && bits.take(1))) return;
  if (!bits.take(1)) {
    rows = rows.filter(({ codes, old, older }) => !bits.takeToken(CHANCES[chances[older ? +(codes !== old) + 2 * +(old !== older) : 4]], 0));
  }
  const isMasked = bits.take(1);
  for (const row of rows) row.next = row.codes.slice();
  fields.forEach((field, i) => {
    if (isMasked && !bits.take(1)) return;
    const [predictor, ...shapes] = models[i];
    // Differences are taken modulo 2^bits, the nearest to zero.
    const spare = 32 - field.bits;
    for (const { next, old, older } of rows) {
      const code = next[i];
      const last = old ? ((code - old[i]) << spare) >> spare : 0;
      const second = older ? ((code - 2 * /** @type {number[]} */ (old)[i] + older[i]) << spare) >> spare : 0;
      // May have more than 32 bits.
      const eighths = OF_LAST[predictor] * age * last + OF_SECOND[predictor] * second + 4;
      const shape = shapes[old ? (second || last) && Math.min(33 - Math.clz32(Math.abs(second)), 6) : 7];
      // Six scales wider for each time that the age doubles, up to the widest.
      const residual = bits.takeResidual(Math.min(shape + 96 * (31 - Math.clz32(age)), shape | 0x7f0), eighths & 7);
      next[i] = ((code + Math.floor(eighths / 8) + residual) & (field.parts - 1)) >>> 0;
    }
  });
  // A row that stays equal keeps its codes.
  for (const row of rows) if (row.next.every((code, i) => code === row.codes[i])) row.next = row.codes;
}

/**
 * What a frame has changed. A keyframe's rows have all entered, and `left` and `updated` are empty. With strings, all
 * rows that stay count as updated, for the same place may hold another one now.
 * @typedef {{tick: number, isKeyframe: boolean, hash: number | undefined, left: EntityRow[],
 *   updated: EntityRow[], entered: EntityRow[]}} FrameChange
 */

/** What the flags of a frame say. */
const KEYFRAME = 1, HASH = 2, STRINGS = 4, MODEL = 8, COMINGS = 16, AGE = 32;

/** Decodes frames, each upon the one before. What fails to decode changes nothing. */
export class FrameDecoder {
  /** The tick of the newest frame; none before the first. @type {number | undefined} */
  tick;
  /** By kind, then by id. @type {EntityRow[]} */
  rows = [];
  /** By place. @type {Map<number, TableString>} */
  strings = new Map();
  /** Whether a frame was lost, so that deltas are passed over. */
  needsKeyframe = false;
  #kinds;
  /** @type {Model} */
  #model = [];

  /** @param {Codec} codec */
  constructor(codec) {
    this.#kinds = codec.views.list;
  }

  /**
   * Takes a frame with its tag; null when it is a delta that is passed over.
   * @param {Uint8Array} message
   * @returns {FrameChange | null}
   */
  decode(message) {
    const { needsKeyframe } = this;
    // Until all went well.
    this.needsKeyframe = true;
    if (message.length > FRAME_BYTES_MAX + 1) throw malformed("it is longer than a message may be");
    const head = new BitReader(message, 1);
    const flags = head.take(8);
    const isKeyframe = (flags & KEYFRAME) > 0;
    if (!isKeyframe && needsKeyframe) return null;
    // A delta's is the one nearest to the last that ends so.
    const last = this.tick ?? 0;
    const tick = isKeyframe ? head.take(32) : (last + (((head.take(8) - last) << 24) >> 24)) >>> 0;
    const age = flags & AGE ? head.take(8) : isKeyframe ? 0 : 1;
    if (flags > 63 || (flags & AGE && (isKeyframe || age < 2 || age > BASELINE_AGE_MAX))) throw noFrame();
    const hash = flags & HASH ? head.take(32) : undefined;
    const baseline = (tick - age) >>> 0;
    if (!isKeyframe && this.tick !== baseline) throw new FracasError("wrong_baseline", `a frame builds on tick ${baseline}, which is not at hand`);

    const bits = new RangeReader(message, head.at / 8);
    const kinds = this.#kinds;
    /** @type {EntityRow[]} */
    const rows = [], left = [], updated = [], entered = [];
    /** @type {[EntityRow[], FrameDecoder["strings"], Model]} */
    let [old, strings, model] = isKeyframe ? [[], new Map(), [...kinds, ...kinds].map(firstModel)] : [this.rows, this.strings, this.#model];
    if (flags & STRINGS) strings = takeStrings(bits, strings);
    if (flags & MODEL) model = takeModel(bits, model);
    for (const kind of kinds) {
      const alike = old.filter((row) => row.kind === kind);
      if (flags & COMINGS && !isKeyframe) {
        let place = 0;
        for (let count = bits.takeSmall(); count--; ) {
          place += bits.takeSmall();
          if (place >= alike.length) throw noFrame();
          left.push(...alike.splice(place, 1));
        }
      }
      for (const row of alike) row.next = row.codes;
      takeUpdates(bits, alike, kind.fields, model[kind.number + (age > 1 ? kinds.length : 0)], age);
      updated.push(...alike.filter((row) => flags & STRINGS || row.next !== row.codes));
      if (flags & COMINGS) {
        let id = 0;
        let count = bits.takeSmall();
        if (rows.length + alike.length + count > ENTITIES_MAX) throw noFrame();
        while (count--) {
          id += bits.takeSmall() + 1;
          const row = new EntityRow(id, kind, kind.fields.map((field) => bits.take(field.bits)));
          entered.push(row);
          alike.push(row);
        }
        if (id > 0xffff) throw noFrame();
        alike.sort((a, b) => a.id - b.id);
      }
      rows.push(...alike);
    }
    if (entered.length && new Set(rows.map((row) => row.id)).size < rows.length) throw noFrame();
    if (bits.at < message.length) throw tooLong();
    strings = namedStrings(rows, strings);
    if (flags & HASH && hash !== viewHash(tick, rows)) {
      throw new FracasError("wrong_hash", `the state of tick ${tick} is not the server's`);
    }

    for (const row of rows) {
      row.older = age === 1 ? row.old : undefined;
      row.old = age === 1 ? row.codes : undefined;
      row.codes = row.next;
    }
    this.tick = tick;
    this.rows = rows;
    this.strings = strings;
    this.#model = model;
    this.needsKeyframe = false;
    return { tick, isKeyframe, hash, left, updated, entered };
  }
}

/** The strings of the baseline and, over them, the frame's. @param {RangeReader} bits @param {Map<number, TableString>} strings */
function takeStrings(bits, strings) {
  const written = new Map(strings);
  for (let count = bits.take(10); count--; ) {
    const place = bits.take(10);
    if (place === 0) throw noFrame();
    written.set(place, takeString(bits));
  }
  return written;
}

/** Of these strings, the ones that rows name. @param {EntityRow[]} rows @param {Map<number, TableString>} strings */
function namedStrings(rows, strings) {
  /** @type {Map<number, TableString>} */
  const named = new Map();
  for (const { kind, next } of rows) {
    next.forEach((place, i) => {
      if (!place || !kind.fields[i].isString) return;
      const string = strings.get(place);
      if (!string) throw noFrame();
      named.set(place, string);
    });
  }
  return named;
}

/** @param {number} tick @param {EntityRow[]} rows */
function viewHash(tick, rows) {
  let hash = tick;
  for (const { id, kind, next } of rows) {
    for (const number of [(id << 8) | kind.number, ...next]) {
      hash = Math.imul(hash ^ number, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
  }
  return hash >>> 0;
}

// ---- The state.

/**
 * What a player sees of a match: entities by id. An entity stays the same object until it leaves.
 * @extends {Map<number, Entity>}
 */
export class State extends Map {
  /** The tick of the newest frame; 0 before the first. */
  tick = 0;
  /** What this player alone sees; null before it was told, and in games without. @type {{kind: string, [field: string]: any} | null} */
  own = null;

  /** The entities of one kind. @param {string} kind */
  *ofKind(kind) {
    for (const entity of this.values()) if (entity.kind === kind) yield entity;
  }

  /**
   * Takes what a frame has changed, and gives it in terms of entities; the values before changes only
   * when asked to.
   * @internal
   * @param {FrameChange} change
   * @param {Map<number, TableString>} strings
   * @param {boolean} tellsChanges
   */
  apply(change, strings, tellsChanges) {
    /** @type {Entity[]} */
    const added = [], removed = [];
    /** @type {[Entity, Record<string, any>][]} */
    const changed = [];
    if (change.isKeyframe) {
      // After a longer gap an id may be another entity's.
      const gap = (change.tick - this.tick) | 0;
      const isNear = gap > 0 && gap <= WIRE_ID_QUARANTINE_TICKS;
      const stays = new Set();
      for (const row of change.entered) {
        const entity = this.get(row.id);
        if (isNear && entity?.kind === row.kind.name) stays.add((row.entity = entity));
      }
      for (const entity of this.values()) if (!stays.has(entity)) removed.push(entity);
    } else {
      for (const row of change.left) removed.push(/** @type {Entity} */ (row.entity));
    }
    for (const entity of removed) this.delete(entity.id);
    for (const row of [...change.updated, ...change.entered]) {
      const isNew = !row.entity;
      const entity = (row.entity ??= { id: row.id, kind: row.kind.name });
      if (isNew) {
        this.set(row.id, entity);
        added.push(entity);
      }
      /** @type {Record<string, any> | null} */
      let before = null;
      row.kind.fields.forEach((field, i) => {
        const code = row.codes[i];
        const value = field.isString ? field.string(strings.get(code) ?? NO_STRING) : field.value(code);
        const last = entity[field.key];
        if (value === last || (field.kind === "bytes" && areEqual(/** @type {Uint8Array} */ (value), last))) return;
        if (tellsChanges) (before ??= {})[field.key] = last;
        entity[field.key] = value;
      });
      if (before && !isNew) changed.push([entity, before]);
    }
    this.tick = change.tick;
    return { added, removed, changed };
  }
}

/** @param {Uint8Array} bytes @param {Uint8Array | undefined} others */
const areEqual = (bytes, others) => bytes.length === others?.length && bytes.every((byte, i) => byte === others[i]);

// ---- The input clock.

/** Seconds for which every input must have come early before the lead is lowered. */
const CALM_S = 2;
/** Each time that lowering proves wrong, twice as long, up to this. */
const CALM_MAX_S = 64;

/** @param {number} tick @param {number} other ticks wrap */
const isAfter = (tick, other) => ((tick - other) | 0) > 0;

/**
 * Stamps inputs with the tick in whose step they shall be used: the newest frame's plus a lead. The
 * lead is raised at once when an input comes late, and lowered when for some seconds each came a tick
 * or more too early, by half of what was too early. After a change, reports on inputs stamped before it are passed over.
 */
export class InputClock {
  /** How many ticks stamps are ahead of the newest frame. */
  lead = 1;
  /** @type {number | null} */
  #lastStamp = null;
  /** @type {number | null} */
  #settlesAt = null;
  #wasOnTime = false;
  /** @type {number | null} */
  #calmSince = null;
  #calmMarginMin = 127;
  #calmS = CALM_S;
  #tickHz;
  /** By what the calm is longer when the next input comes late: 2 when it was this clock that lowered the lead. */
  #calmGrowth = 1;

  /** @param {number} tickHz */
  constructor(tickHz) {
    this.#tickHz = tickHz;
  }

  /**
   * The stamp of an input made from the newest frame; null when that tick has its input already. One that is given is
   * taken as it is, for another clock may step back.
   * @param {number} newest @param {number} [given]
   */
  stamp(newest, given) {
    const stamp = given ?? (newest + this.lead) >>> 0;
    if (given === undefined && this.#lastStamp !== null && !isAfter(stamp, this.#lastStamp)) return null;
    this.#lastStamp = stamp;
    return stamp;
  }

  /** Takes how many ticks before its step the last input came, as told with the newest frame. @param {number} newest @param {number} margin */
  report(newest, margin) {
    if (this.#lastStamp === null) return;
    if (this.#settlesAt !== null && isAfter(this.#settlesAt, newest)) return;
    this.#settlesAt = null;
    if (margin < 0) {
      // One late input among many is jitter; the first ones tell how long the way is.
      const late = this.#wasOnTime ? 1 : -margin;
      this.#change(newest, margin, this.lead + late);
      this.#calmS = Math.min(this.#calmS * this.#calmGrowth, CALM_MAX_S);
      this.#calmGrowth = 1;
      this.#beginCalm();
      return;
    }
    this.#wasOnTime = true;
    this.#calmMarginMin = Math.min(this.#calmMarginMin, margin);
    this.#calmSince ??= newest;
    if (((newest - this.#calmSince) | 0) >= this.#calmS * this.#tickHz) {
      if (this.#calmMarginMin > 0 && this.lead > 1) {
        this.#change(newest, margin, this.lead - ((this.#calmMarginMin + 1) >> 1));
        this.#calmGrowth = 2;
      }
      this.#beginCalm();
    }
  }

  /** An input reported now was stamped `lead - margin` ticks ago: so long a report on the new lead takes. @param {number} newest @param {number} margin @param {number} lead */
  #change(newest, margin, lead) {
    this.#settlesAt = (newest + this.lead - margin + 1) >>> 0;
    this.lead = Math.min(Math.max(lead, 1), INPUT_LEAD_TICKS_MAX);
  }

  #beginCalm() {
    this.#calmSince = null;
    this.#calmMarginMin = 127;
  }
}

// ---- Events.

/** A listener's mistake is reported like any other, and harms nobody else. @param {unknown} error */
function report(error) {
  if (globalThis.reportError) globalThis.reportError(error);
  else queueMicrotask(() => { throw error; });
}

/**
 * Calls listeners by the names of events.
 * @template {{[event: string]: any[]}} Events
 */
export class Emitter {
  /** @type {Map<keyof Events, Function[]>} */
  #listeners = new Map();

  /**
   * Calls `listener` at each such event, until the function is called that this gives.
   * @template {keyof Events} E
   * @param {E} event
   * @param {(...args: Events[E]) => void} listener
   * @returns {() => void}
   */
  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return () => this.off(event, listener);
  }

  /**
   * Calls `listener` at the next such event only.
   * @template {keyof Events} E
   * @param {E} event
   * @param {(...args: Events[E]) => void} listener
   * @returns {() => void}
   */
  once(event, listener) {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  /**
   * @template {keyof Events} E
   * @param {E} event
   * @param {(...args: Events[E]) => void} listener
   */
  off(event, listener) {
    this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter((other) => other !== listener));
  }

  /**
   * @internal
   * @template {keyof Events} E
   * @param {E} event
   * @param {Events[E]} args
   */
  emit(event, ...args) {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(...args);
      } catch (error) {
        report(error);
      }
    }
  }
}

// ---- Rooms.

/**
 * Why a connection or a stay ended. `name` is a word for `code`, which is a WebSocket close code;
 * `error` is what stood in the way of coming back.
 * @typedef {{code: number, name: string, reason: string, willReconnect: boolean, error?: FracasError}} LeaveReason
 * @typedef {{player: number, name: string, isBot: boolean, isAway: boolean}} Player
 */

/** @type {Record<number, [name: string, comesBack: boolean, reason?: string]>} */
const CLOSES = {
  1000: ["normal", false, "goodbye"],
  1001: ["going_away", true],
  1002: ["not_web_socket", false],
  1006: ["lost", true, "the connection was lost"],
  1007: ["not_utf8", false],
  1009: ["message_too_long", false],
  1012: ["restart", true],
  4000: ["bad_message", false],
  4001: ["wrong_version", false],
  4002: ["hello_timeout", true],
  4003: ["idle_timeout", true],
  4004: ["too_fast", false],
  4005: ["too_slow", true],
  4006: ["room_ended", true],
  4007: ["room_failed", true],
  4008: ["room_hung", true],
  4009: ["replaced", false],
  4010: ["kicked", false],
  4011: ["banned", false],
};
const WRONG_VERSION = 4001;
const TOO_SLOW = 4005;

/** @param {number} code @param {string} [text] what came with it */
function closeReason(code, text) {
  const [name, comesBack, reason] = CLOSES[code] ?? [`closed_${code}`, true];
  // The server has said its own version.
  if (code === WRONG_VERSION) text = wrongVersion(text || "the server speaks another version of the protocol").message;
  return { code, name, reason: text || (reason ?? "the server closed the connection"), comesBack };
}

/** @param {string} theirs what the server speaks, in a sentence */
const wrongVersion = (theirs) => new FracasError(
  "wrong_version",
  `${theirs} and this client version ${PROTOCOL_VERSION}: use a client and a server of one release`,
);

/** Errors after which another try makes sense: those of connections, and refusals to who was there before. */
const PASSING = ["connect_error", "connect_timeout", "stopping", "busy"];
for (const [name, comesBack] of Object.values(CLOSES)) if (comesBack) PASSING.push(name);
/** Refusals after which the next room or seat that would do is asked for. */
const GIVES_WAY = ["NoSuchRoom", "RoomFull", "RoomLocked", "SeatLost", "WrongPassword", "SpectatorsFull"];
const REFUSED_FOR_NOW = ["TooManyRooms", "RoomFull", "RoomLocked", "NoSuchRoom"].map(snakeCase);

/**
 * What a room tells. A client tells the same of all its rooms, with the room as the last argument.
 *
 * - `connecting`, `connect`, `connect_error`, `connect_timeout`: a try to connect begins, has the
 *   server's greeting, fails. `connect_failed`: it was the last one of a first join.
 * - `disconnect`: the connection is gone. Then, when `willReconnect`: `reconnecting` before each
 *   try, and `reconnect` or `reconnect_failed`. `reconnect` is "continued" in the same seat with
 *   nothing missed; else "continuity_lost": so many messages of the room were missed in the same
 *   seat, or, where `missed` is null, it is another seat, perhaps of another room.
 * - `join`: in a room, also again. `leave`: out of it for good, once.
 * - `message`: an event of the game. `ping`: a round trip in milliseconds.
 * - `error`: something went wrong that needs no act of yours, such as a frame that was lost.
 * @typedef {{
 *   connecting: [], connect: [{server: string}], connect_error: [FracasError], connect_timeout: [FracasError],
 *   connect_failed: [FracasError], disconnect: [LeaveReason],
 *   reconnecting: [{attempt: number, delayMs: number}],
 *   reconnect: [{kind: "continued" | "continuity_lost", missed: number | null, isSameRoom: boolean, attempt: number}],
 *   reconnect_failed: [FracasError], join: [Room], leave: [LeaveReason], ping: [number], error: [FracasError],
 *   message: [type: string, event: any, tick: number],
 *   player_joined: [Player], player_left: [Player], player_away: [Player], player_back: [Player], notification: [{text: string}], match_began: [{tick: number}],
 *   outcome: [{standings: {player: number, score: number}[], nextMatchTick: number}],
 *   time_dropped: [{tick: number, ticks: number}], said: [{player: number, to: Message, text: string}],
 * }} RoomEvents
 */

/**
 * A seat in a room. Made by the methods of `Client`.
 * @extends {Emitter<RoomEvents & {[event: string]: any[]}>}
 */
export class Room extends Emitter {
  /** The room's id, for others to join by. Another one after `reconnect` into another room. */
  id = "";
  /** The game's id. */
  game = "";
  /** This client's seat, from 0; null for who only watches. @type {number | null} */
  player = null;
  /** How many seats the room has. */
  seats = 0;
  /** Ticks per second. */
  tickHz = 0;
  /** The game's schema. @type {Schema} */
  schema = { game: "", revision: 0, views: [], own: [], inputs: [], events: [], messages: [] };
  /** The game's config. @type {any} */
  config = {};
  /** Everyone in the room, by seat. @type {Map<number, Player>} */
  roster = new Map();
  /** What this player sees. */
  state = new State();
  /** The stamp of the newest input that the state holds; null before the first. @type {number | null} */
  inputTick = null;
  /**
   * How many ticks before their steps the inputs came since the step before, the least; negative when one was
   * late, null when none came.
   * @type {number | null}
   */
  inputMargin = null;

  #client;
  #wanted;
  /** @type {any} */
  #socket = null;
  /** The try to join that is under way. @type {{wanted: Message[], tries: number, end(error: FracasError | null): void} | null} */
  #joining = null;
  #isJoined = false;
  #isOver = false;
  #tries = 0;
  /** Ends a wait between two tries. */
  #wake = () => {};
  /** @type {Promise<LeaveReason> | null} */
  #leaving = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer = undefined;
  #joinedAt = 0;
  #heardAt = 0;
  #probedAt = 0;
  #ackedAt = 0;
  /** @type {number | undefined} */
  #acked = undefined;
  #sentSince = 0;
  #sentCount = 0;
  /** What takes the seat up again; empty without one. */
  #token = "";
  /** Reliable messages in this seat. */
  #received = 0;
  /** The latest try to take the seat up again. */
  #attempt = 0;
  /** When the server does not want to be asked again before. */
  #patientUntil = 0;

  /** @type {Codec | null} */
  #codec = null;
  /** @type {FrameDecoder | null} */
  #frames = null;
  #clock = new InputClock(1);
  #framesLost = 0;
  /** An input that waits for its tick. @type {Uint8Array | null} */
  #input = null;
  #nonce = 0;
  /** Whether anybody asked for it. */
  #tellsChanges = false;
  /** @type {Map<number, {sentAt: number, resolve(ms: number): void, reject(error: FracasError): void}>} */
  #pings = new Map();
  /** What the methods `on...` listen to: `state`, and `event`, `add`, `change`, `remove` with a kind or `*`. @type {Emitter<{[event: string]: any[]}>} */
  #match = new Emitter();

  /** @internal @param {Client} client @param {Message} wanted */
  constructor(client, wanted) {
    super();
    this.#client = client;
    this.#wanted = wanted;
  }

  /** Whether the connection stands and the seat is taken. */
  get isConnected() {
    return this.#isJoined;
  }

  /**
   * Takes this seat up again by `client.reconnect`, after a reload of the page too, as long as the
   * server keeps it. Whoever has it has the seat: keep it secret. Empty for who only watches.
   */
  get reconnectionToken() {
    return this.#token;
  }

  /**
   * Sends what the player does in the coming tick: `input({x: 1})`, or `input("Move", {x: 1})` when
   * the game has several kinds of inputs. To be called in every tick, for the server repeats the last
   * input for some ticks only. When this tick's input is sent already, the newest one waits for the
   * next. What does not fit the schema throws; without a connection nothing happens.
   * @param {string | Record<string, any>} kind
   * @param {Record<string, any>} [values]
   * @returns {number | null} the tick for which it was sent; null when it waits
   */
  input(kind, values) {
    if (!this.#isJoined || !this.#codec) return null;
    this.#input = typeof kind === "string" ? this.#codec.inputBytes(kind, values ?? {}) : this.#codec.inputBytes(undefined, kind);
    return this.#sendInput();
  }

  /**
   * Sends an input for this tick; of several for one tick the newest counts: for `Netcode`.
   * @internal
   * @param {number} tick @param {number} viewLag how many 1/1024 of a tick before it the moment is that is shown
   * @param {Record<string, any>} values
   * @param {string} [kind] when the game has several
   */
  inputFor(tick, viewLag, values, kind) {
    if (!this.#codec || !this.#isJoined) return null;
    this.#input = this.#codec.inputBytes(kind, values);
    const stamp = this.#sendInput(tick, viewLag);
    this.#input = null;
    return stamp;
  }

  /**
   * Sends a message of the game to its rules.
   * @param {string} type a kind of the schema's messages
   * @param {Record<string, any>} [payload]
   */
  send(type, payload = {}) {
    this.#sendCounted(() => /** @type {Codec} */ (this.#codec).messageBytes(type, payload));
  }

  /**
   * Says something in the room, where it becomes the event `said`; a refusal becomes an `error`.
   * @param {string} text
   * @param {"all" | "others" | number} [to] everyone, everyone but oneself, or one seat
   */
  say(text, to = "all") {
    const hearers = typeof to === "number" ? { type: "One", player: to } : { type: to === "all" ? "All" : "Others" };
    this.#sendCounted(() => toBytes(ClientMessage, { type: "Say", to: hearers, text }));
  }

  /** @param {() => Uint8Array} write */
  #sendCounted(write) {
    if (!this.#isJoined) throw new FracasError("not_connected", "there is no connection to send this on");
    const bytes = write();
    if (bytes.length > CLIENT_MESSAGE_BYTES_MAX) throw new FracasError("too_long", `a message has at most ${CLIENT_MESSAGE_BYTES_MAX} bytes`);
    const now = performance.now();
    if (now - this.#sentSince >= 1000) {
      this.#sentSince = now;
      this.#sentCount = 0;
    }
    if (++this.#sentCount > MESSAGES_PER_S_MAX) {
      throw new FracasError("too_fast", `at most ${MESSAGES_PER_S_MAX} messages go in a second; use inputs for more`);
    }
    if (!this.#send(bytes)) throw new FracasError("sends_piled_up", "the line is too slow");
  }

  /**
   * Calls `listener` at each event of this kind, or of all kinds for `*`. Gives a function that ends it.
   * @param {string} type
   * @param {(event: any, tick: number) => void} listener
   */
  onMessage(type, listener) {
    return this.#match.on(`event ${type}`, listener);
  }

  /** Calls `listener` after each frame. @param {(state: State) => void} listener */
  onStateChange(listener) {
    return this.#match.on("state", listener);
  }

  /**
   * Calls `listener` for each entity that is there or enters: `onAdd(listener)` or `onAdd("Ship", listener)`.
   * @param {string | ((entity: Entity) => void)} kind
   * @param {(entity: Entity) => void} [listener]
   */
  onAdd(kind, listener) {
    const off = this.#onKind("add", kind, listener);
    const call = typeof kind === "string" ? listener : kind;
    for (const entity of [...this.state.values()]) if (call && (call === kind || kind === "*" || kind === entity.kind)) call(entity);
    return off;
  }

  /**
   * Calls `listener` for each entity that has changed, with the values before of the fields that have.
   * @param {string | ((entity: Entity, before: Record<string, any>) => void)} kind
   * @param {(entity: Entity, before: Record<string, any>) => void} [listener]
   */
  onChange(kind, listener) {
    this.#tellsChanges = true;
    return this.#onKind("change", kind, listener);
  }

  /**
   * Calls `listener` for each entity that leaves.
   * @param {string | ((entity: Entity) => void)} kind
   * @param {(entity: Entity) => void} [listener]
   */
  onRemove(kind, listener) {
    return this.#onKind("remove", kind, listener);
  }

  /** @param {string} event @param {string | Function} kind @param {Function} [listener] */
  #onKind(event, kind, listener) {
    const [name, call] = typeof kind === "string" ? [kind, listener] : ["*", kind];
    return this.#match.on(`${event} ${name}`, /** @type {any} */ (call));
  }

  /** Tells those who listen to this kind, and to all. @param {string} event @param {Row} row @param {any[]} args */
  #tellKind(event, row, ...args) {
    this.#match.emit(`${event} ${row.kind}`, row, ...args);
    this.#match.emit(`${event} *`, row, ...args);
  }

  /** Calls `listener` once, when the stay is over for good, for whatever reason. @param {(reason: LeaveReason) => void} listener */
  onLeave(listener) {
    return this.on("leave", listener);
  }

  /** The round trip to the server and through its queues, in milliseconds. @returns {Promise<number>} */
  ping() {
    const nonce = (this.#nonce = (this.#nonce + 1) >>> 0);
    if (!this.#isJoined || this.#pings.size >= PINGS_WAITING_MAX || !this.#sendControl({ type: "Ping", nonce })) {
      return Promise.reject(new FracasError("not_connected", "there is no free line to ping on"));
    }
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#failPing(nonce, "no answer came to a ping"), REQUEST_TIME_MAX_MS);
      const settle = (/** @type {(how: any) => void} */ end) => (/** @type {any} */ how) => {
        clearTimeout(late);
        end(how);
      };
      this.#pings.set(nonce, {
        sentAt: performance.now(),
        resolve: settle(resolve),
        reject: settle(reject),
      });
    });
  }

  /** Gives the seat back and closes the connection. Ends attempts to reconnect, too. @returns {Promise<LeaveReason>} */
  leave() {
    this.#leaving ??= new Promise((resolve) => {
      if (this.#isOver) return resolve(leaveReason(closeReason(1000), false));
      this.on("leave", resolve);
      if (!this.#isJoined || !this.#sendControl({ type: "Leave" })) return this.#finish(closeReason(1000));
      const timer = setTimeout(() => this.#finish(closeReason(1000)), LEAVE_TIME_MAX_MS);
      this.on("leave", () => clearTimeout(timer));
    });
    return this.#leaving;
  }

  /** The first join. @internal @returns {Promise<Room>} */
  async open() {
    for (let tries = 1; ; tries++) {
      try {
        await this.#join([this.#wanted], tries);
        return this;
      } catch (error) {
        const { code } = asFracasError(error);
        if (tries < this.#client.options.connectTries && PASSING.includes(code)) {
          await this.#pause(this.#delay(tries));
          continue;
        }
        this.#isOver = true;
        if (code.startsWith("connect_")) this.#tell("connect_failed", asFracasError(error));
        throw error;
      }
    }
  }

  /** Comes back after the connection was lost, or ends the stay. @param {ReturnType<typeof closeReason>} reason */
  async #comeBack(reason) {
    // The seat; else another one in the room; else what was asked for once, if it still makes sense.
    const byId = { type: this.player === null ? "Spectate" : "ById", room: this.id, password: this.#wanted.password ?? "" };
    const again = ["JoinOrCreate", "Create", "Join"].includes(this.#wanted.type) ? [this.#wanted] : [];
    let error = new FracasError("reconnect_failed", "the connection broke again and again");
    while (this.#tries < this.#client.options.reconnect.tries) {
      const slow = reason.code === TOO_SLOW ? this.#client.options.reconnect.delayMaxMs : 0;
      const told = this.#patientUntil - performance.now();
      // Who is told a time comes a little later, not all at that very moment.
      const delayMs = Math.round(Math.max(this.#delay(this.#tries) + slow, told > 0 ? told + 250 * Math.random() : 0));
      this.#tries += 1;
      this.#tell("reconnecting", { attempt: this.#tries, delayMs });
      await this.#pause(delayMs);
      if (this.#isOver) return;
      try {
        const seat = this.#token ? [{ type: "Resume", token: this.#token, received: this.#received, attempt: ++this.#attempt }] : [];
        await this.#join([...seat, byId, ...again], this.#tries);
        return;
      } catch (failure) {
        error = asFracasError(failure);
        if (this.#isOver) return;
        if (error.code === "no_such_room" && again.length === 0) break;
        if (!PASSING.includes(error.code) && !REFUSED_FOR_NOW.includes(error.code)) break;
      }
    }
    this.#tell("reconnect_failed", error);
    this.#finish(reason, error);
  }

  /** Quick at first, then slower and slower; never in step with other clients. @param {number} tries before this one */
  #delay(tries) {
    const { delayMs, delayMaxMs } = this.#client.options.reconnect;
    return Math.round(Math.min(delayMs * 2 ** Math.max(0, tries - 7), delayMaxMs) * (0.5 + Math.random()));
  }

  /** @param {number} delayMs */
  #pause(delayMs) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /**
   * One try: connects and asks for the first of these rooms that there is.
   * @param {Message[]} wanted
   * @param {number} tries this one included
   * @returns {Promise<void>}
   */
  async #join(wanted, tries) {
    const { url, options } = this.#client;
    if (options.transport === "socket.io" && !options.WebSocket) await goOverSocketIo(this.#client);
    return new Promise((resolve, reject) => {
      this.#tell("connecting");
      let socket;
      try {
        socket = new options.WebSocket(withToken(url, options.token), `fracas.${PROTOCOL_VERSION}`);
      } catch (error) {
        return reject(new FracasError("connect_error", `${url} cannot be connected to: ${error}`));
      }
      const timer = setTimeout(() => {
        this.#endJoin(new FracasError("connect_timeout", `${url} gave no seat within ${options.connectTimeoutMs} ms`));
      }, options.connectTimeoutMs);
      this.#joining = {
        wanted,
        tries,
        end: (error) => {
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        },
      };
      this.#socket = socket;
      let problem = "";
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        options.transport ??= "websocket";
        this.#sendControl({ type: "Hello", protocol: PROTOCOL_VERSION, name: options.name, client: PROGRAM });
        this.#askForSeat();
      };
      socket.onmessage = (/** @type {{data: any}} */ { data }) => this.#handleMessage(data);
      socket.onerror = (/** @type {{message?: string}} */ { message }) => (problem ||= message ?? "");
      socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) => {
        if (this.#joining && code === 1006) {
          const error = new FracasError("connect_error", `no server of this protocol answers at ${url}${problem && `: ${problem}`}`);
          // Never had a WebSocket: perhaps none can be had.
          if (options.transport) this.#endJoin(error);
          else goOverSocketIo(this.#client, true).catch(() => {}).then(() => this.#endJoin(error));
        } else {
          this.#handleClose(closeReason(code, reason));
        }
      };
    });
  }

  #askForSeat() {
    const room = this.#joining?.wanted[0];
    const schemaHash = this.#client.known?.hash ?? 0;
    this.#sendControl({ type: "Join", room, schemaHash });
  }

  /** @param {FracasError} error */
  #endJoin(error) {
    const joining = this.#joining;
    if (!joining) return;
    this.#joining = null;
    this.#drop(CLOSE_TO_COME_BACK);
    if (error.code === "connect_timeout") this.#tell("connect_timeout", error);
    this.#tell("connect_error", error);
    joining.end(error);
  }

  /** Lets go of the socket; nothing that it does from now on matters. 1000 gives the seat back. @param {number} code @param {string} [reason] */
  #drop(code, reason) {
    const socket = this.#socket;
    this.#socket = null;
    this.#isJoined = false;
    this.#input = null;
    clearInterval(this.#timer);
    for (const nonce of [...this.#pings.keys()]) this.#failPing(nonce, "the connection was lost");
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = () => {};
    try {
      socket.close(code, reason);
    } catch {
      // It never was open.
    }
  }

  /** @param {ReturnType<typeof closeReason>} reason */
  #handleClose(reason) {
    if (this.#joining) return this.#endJoin(new FracasError(reason.name, reason.reason));
    this.#drop(CLOSE_TO_COME_BACK);
    if (this.#isOver) return;
    const willReconnect = reason.comesBack && this.#leaving === null && this.#client.options.reconnect.tries > 0;
    this.#tell("disconnect", leaveReason(reason, willReconnect));
    if (willReconnect) void this.#comeBack(reason);
    else this.#finish(this.#leaving ? closeReason(1000) : reason);
  }

  /** @param {ReturnType<typeof closeReason>} reason @param {FracasError} [error] */
  #finish(reason, error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endJoin(new FracasError("left", "the room was left"));
    this.#drop(1000);
    this.#wake();
    this.#tell("leave", { ...leaveReason(reason, false), ...(error && { error }) });
  }

  /** The server is not to be understood: another try would end the same way. @param {FracasError} error */
  #giveUp(error) {
    this.#tell("error", error);
    if (this.#joining) return this.#endJoin(error);
    this.#drop(4000, error.code);
    this.#handleClose({ code: 4000, name: error.code, reason: error.message, comesBack: false });
  }

  /** Tells listeners of the room, then those of the client. @param {string} event @param {any[]} args */
  #tell(event, ...args) {
    this.emit(event, ...args);
    this.#client.emit(event, ...args, this);
  }

  /** Whether it is on its way. @param {Uint8Array} bytes @returns {boolean} */
  #send(bytes) {
    if (!this.#isFree()) return false;
    this.#socket.send(bytes);
    return true;
  }

  #isFree() {
    return this.#socket?.readyState === 1 && this.#socket.bufferedAmount <= SEND_BUFFER_BYTES_MAX;
  }

  /** @param {Message} message */
  #sendControl(message) {
    return this.#send(toBytes(ClientMessage, message));
  }

  /**
   * The given stamp is for a client that has a clock; without it, the input is made from the newest frame.
   * @param {number} [tick] @param {number} [viewLag]
   */
  #sendInput(tick, viewLag) {
    const newest = this.#frames?.tick;
    if (this.#input === null || newest === undefined || !this.#isFree() || this.#leaving) return null;
    const stamp = this.#clock.stamp(newest, tick);
    if (stamp === null) return null;
    stampInput(this.#input, stamp, newest, viewLag ?? (stamp - newest) << 10);
    this.#send(this.#input);
    this.#input = null;
    this.#acked = newest;
    this.#ackedAt = performance.now();
    return stamp;
  }

  /** An ack rides on each input; without inputs it goes once a second. */
  #acknowledge() {
    const newest = this.#frames?.tick;
    const now = performance.now();
    if (newest === undefined || newest === this.#acked || now - this.#ackedAt < ACK_INTERVAL_MS) return;
    this.#ackedAt = now;
    if (this.#sendControl({ type: "Ack", tick: newest })) this.#acked = newest;
  }

  /** Once a second. */
  #watch() {
    const now = performance.now();
    if (now - this.#joinedAt > STABLE_AFTER_MS) this.#tries = 0;
    this.#acknowledge();
    if (this.#probedAt > 0 && now - this.#probedAt > SILENCE_TIME_MAX_MS) {
      this.#handleClose(closeReason(1006, "nothing came from the server for too long"));
    } else if (this.#probedAt === 0 && now - this.#heardAt > PROBE_AFTER_MS) {
      // After a sleep of the machine this line may be dead, or may have much to tell: ask.
      this.#probedAt = now;
      this.#sendControl({ type: "Ping", nonce: 0 });
    }
  }

  /** @param {number} nonce @param {string} problem */
  #failPing(nonce, problem) {
    this.#pings.get(nonce)?.reject(new FracasError("no_answer", problem));
    this.#pings.delete(nonce);
  }

  /** @param {unknown} data */
  #handleMessage(data) {
    this.#heardAt = performance.now();
    this.#probedAt = 0;
    try {
      if (!(data instanceof ArrayBuffer)) throw malformed("it is a message of text");
      const bytes = new Uint8Array(data);
      if (bytes[0] === 0) this.#handleControl(fromBytes(ServerMessage, bytes));
      else if (!(bytes[0] <= 3)) throw malformed(`no kind of message has the tag ${bytes[0]}`);
      // What was on its way when the room was left has no meaning any more.
      else if (!this.#isJoined || !this.#codec) return;
      else if (bytes[0] === 1) this.#handleOwn(this.#codec.readOwn(bytes));
      else if (bytes[0] === 2) this.#handleFrame(bytes);
      else {
        this.#received += 1;
        this.#handleEvents(this.#codec.readEvents(bytes));
      }
    } catch (error) {
      this.#giveUp(asFracasError(error));
    }
  }

  /** @param {Message} message */
  #handleControl(message) {
    const { type, ...fields } = message;
    if (this.#isJoined && !UNRELIABLE.includes(type)) this.#received += 1;
    switch (type) {
      case "Welcome":
        if (message.protocol !== PROTOCOL_VERSION) throw wrongVersion(`the server speaks version ${message.protocol} of the protocol`);
        return this.#tell("connect", { server: message.server });
      case "Joined":
        return this.#enter(message);
      case "Refused":
        return this.#handleRefusal(message.refusal);
      case "Left":
        return this.#finish(closeReason(1000));
      case "PlayerLeft":
      case "PlayerAway":
      case "PlayerBack": {
        const player = this.roster.get(message.player);
        if (!player) return;
        if (type === "PlayerLeft") this.roster.delete(message.player);
        else player.isAway = type === "PlayerAway";
        return this.#tell(snakeCase(type), player);
      }
      case "RetryAfter":
        this.#patientUntil = performance.now() + Math.min(message.ms, RETRY_AFTER_MAX_MS);
        return;
      case "Pong": {
        const ping = this.#pings.get(message.nonce);
        if (!ping) return;
        this.#pings.delete(message.nonce);
        const ms = performance.now() - ping.sentAt;
        ping.resolve(ms);
        return this.#tell("ping", ms);
      }
      case "PlayerJoined":
        if (message.player >= this.seats) throw malformed("the seat is none of the room's");
        this.roster.set(message.player, /** @type {Player} */ (fields));
      // falls through
      default:
        return this.#tell(snakeCase(type), fields);
    }
  }

  /** @param {Message} refusal */
  #handleRefusal(refusal) {
    const wanted = this.#joining?.wanted ?? [];
    if (GIVES_WAY.includes(refusal.type) && wanted.length > 1) {
      wanted.shift();
      return this.#askForSeat();
    }
    const error = new FracasError(snakeCase(refusal.type), REFUSALS[refusal.type].replace("$", () => refusal.text));
    if (this.#joining) this.#endJoin(error);
    else this.#tell("error", error);
  }

  /** @param {Message} joined */
  #enter(joined) {
    const joining = this.#joining;
    if (!joining) throw malformed("a seat came that was not asked for");
    if (joined.seats > SEATS_MAX || (joined.player ?? 0) >= joined.seats) throw malformed("the seat is none of the room's");
    if (joined.tickHz < 1 || joined.tickHz > TICK_HZ_MAX) throw malformed("the room has no allowed tick rate");
    this.#codec = this.#client.codecOf(joined.schemaHash, joined.schema);
    const config = parseJson(joined.config);
    const isAgain = this.id !== "";
    const isSameRoom = this.id === joined.room;
    const { missed = null, received = 0, attempt = 0 } = joined.resumed ?? {};
    const kind = missed === 0 ? "continued" : "continuity_lost";
    this.id = joined.room;
    this.game = joined.game;
    this.player = joined.player;
    this.seats = joined.seats;
    this.tickHz = joined.tickHz;
    this.schema = this.#codec.schema;
    this.config = config;
    this.roster = new Map(joined.roster.map((/** @type {Player} */ entry) => [entry.player, entry]));
    this.#token = joined.resumeToken;
    this.#received = received;
    this.#attempt = attempt;
    this.inputTick = null;
    this.inputMargin = null;
    this.#frames = new FrameDecoder(this.#codec);
    this.#clock = new InputClock(joined.tickHz);
    this.#framesLost = 0;
    this.#joining = null;
    this.#isJoined = true;
    this.#acked = undefined;
    this.#joinedAt = performance.now();
    // The first ack goes at once: it tells the server that the seat's token is here.
    this.#ackedAt = this.#joinedAt - ACK_INTERVAL_MS;
    this.#timer = setInterval(() => this.#watch(), 1000);
    this.#forgetState();
    joining.end(null);
    if (isAgain) this.#tell("reconnect", { kind, missed, isSameRoom, attempt: joining.tries });
    this.#tell("join", this);
  }

  /** Ids mean nothing across connections. */
  #forgetState() {
    const removed = [...this.state.values()];
    this.state.clear();
    this.state.own = null;
    for (const entity of removed) this.#tellKind("remove", entity);
  }

  /** It tells of the frame that follows. @param {ReturnType<Codec["readOwn"]>} own */
  #handleOwn({ inputTick, margin, own }) {
    this.inputTick = inputTick === 0 ? null : inputTick;
    this.inputMargin = margin;
    if (own) this.state.own = own;
  }

  /** @param {Uint8Array} bytes */
  #handleFrame(bytes) {
    const frames = /** @type {FrameDecoder} */ (this.#frames);
    let change;
    try {
      change = frames.decode(bytes);
    } catch (error) {
      this.#framesLost += 1;
      if (this.#framesLost >= FRAMES_LOST_IN_A_ROW_MAX) {
        throw new FracasError("undecodable", `frames cannot be decoded, and keyframes do not help: ${asFracasError(error).message}`);
      }
      this.#sendControl({ type: "Resync" });
      return this.#tell("error", asFracasError(error));
    }
    if (change === null) return;
    this.#framesLost = 0;
    if (this.inputMargin !== null) this.#clock.report(change.tick, this.inputMargin);
    const { added, removed, changed } = this.state.apply(change, frames.strings, this.#tellsChanges);
    for (const entity of removed) this.#tellKind("remove", entity);
    for (const entity of added) this.#tellKind("add", entity);
    for (const [entity, before] of changed) this.#tellKind("change", entity, before);
    this.#match.emit("state", this.state);
    // After the listeners, whose input is newer than one that waits.
    this.#sendInput();
    this.#acknowledge();
  }

  /** @param {ReturnType<Codec["readEvents"]>} message */
  #handleEvents({ tick, events }) {
    for (const event of events) {
      this.#tellKind("event", event, tick);
      this.#tell("message", event.kind, event, tick);
    }
  }
}

/** @param {ReturnType<typeof closeReason>} reason @param {boolean} willReconnect @returns {LeaveReason} */
const leaveReason = ({ comesBack, ...reason }, willReconnect) => ({ ...reason, willReconnect });

// ---- Clients.

/** @param {any} client @param {boolean} [isFallback] */
const goOverSocketIo = async (client, isFallback) => (await import("./fracas-socketio.js")).useSocketIo(client, isFallback);

/**
 * - `name`: the player's, 1 to 32 bytes.
 * - `token`: what a server that does not let everyone in wants to see.
 * - `WebSocket`: a constructor, where there is no global one, such as that of the package `ws`.
 * - `transport`: `websocket` or `socket.io` for that alone; without it, Socket.IO where no WebSocket can be had.
 * - `io`: the function of `socket.io-client`; without it, the server's is loaded, where that can be.
 * - `connectTries`, `connectTimeoutMs`: of a first join.
 * - `reconnect`: how often to try after a connection was lost, the first pauses between tries and the
 *   longest one; `false` for never.
 * @typedef {{name?: string, token?: string, WebSocket?: any, transport?: "websocket" | "socket.io", io?: any, connectTries?: number, connectTimeoutMs?: number,
 *   reconnect?: false | {tries?: number, delayMs?: number, delayMaxMs?: number}}} ClientOptions
 */

/**
 * A server, as one player meets it. Each room that it joins has a connection of its own.
 * @extends {Emitter<{[event: string]: any[]}>}
 */
export class Client extends Emitter {
  /**
   * @param {string | URL} [url] such as `ws://localhost:3000`, `https://play.example` or
   *   `localhost:3000`; without it, the server of the page
   * @param {ClientOptions} [options]
   */
  constructor(url, options = {}) {
    super();
    /** Where its WebSocket is. */
    this.url = socketUrl(url);
    const { name = "Player", token = "", transport, io, connectTries = 3, connectTimeoutMs = REQUEST_TIME_MAX_MS, reconnect } = options;
    const isOverSocketIo = transport === "socket.io";
    const socket = isOverSocketIo ? null : options.WebSocket ?? globalThis.WebSocket;
    if (!socket && !isOverSocketIo) {
      throw new FracasError("no_web_socket", "there is no global WebSocket: give one, `new Client(url, { WebSocket })`, such as that of the package `ws`");
    }
    /** @internal */
    this.options = {
      name,
      token,
      WebSocket: socket,
      transport,
      io,
      connectTries,
      connectTimeoutMs,
      reconnect: { delayMs: 100, delayMaxMs: 5000, tries: reconnect === false ? 0 : 30, ...reconnect },
    };
    /** The schema of the last room, in case that the next one has the same. @internal @type {{hash: number, codec: Codec} | null} */
    this.known = null;
  }

  /**
   * Joins an open room of the game made with equal options, or a new one.
   * @param {string} game
   * @param {object} [options] of the room, such as `{seats: 4}`
   */
  async joinOrCreate(game, options) {
    return this.#open({ type: "JoinOrCreate", game, options: optionsJson(options) });
  }

  /** Makes a room and joins it. @param {string} game @param {object} [options] */
  async create(game, options) {
    return this.#open({ type: "Create", game, options: optionsJson(options) });
  }

  /** Joins an open room of the game. @param {string} game */
  join(game) {
    return this.#open({ type: "Join", game });
  }

  /** Joins this room. @param {string} roomId @param {{password?: string}} [options] */
  joinById(roomId, { password = "" } = {}) {
    return this.#open({ type: "ById", room: roomId, password });
  }

  /** Watches this room without a seat. @param {string} roomId @param {{password?: string}} [options] */
  spectate(roomId, { password = "" } = {}) {
    return this.#open({ type: "Spectate", room: roomId, password });
  }

  /**
   * Takes the seat of a `room.reconnectionToken` up again, in place of whoever has it. Refused with
   * `seat_lost` when the server does not keep it any more.
   * @param {string} token
   */
  reconnect(token) {
    return this.#open({ type: "Resume", token, received: null, attempt: null });
  }

  /** Takes a seat that the server's matchmaking reserved. @param {{ticket: string}} reservation */
  consumeSeatReservation(reservation) {
    return this.#open({ type: "Reserved", ticket: reservation.ticket });
  }

  /**
   * Lists the rooms of a game or of all, the oldest first: at most 100, `skip` of them passed over.
   * @param {string} [game]
   * @param {number} [skip]
   * @returns {Promise<{games: string[], rooms: {room: string, game: string, players: number, bots: number,
   *   seats: number, tick_hz: number, metadata: any}[], total: number}>} all games of the server, the
   *   rooms, and how many there are in all
   */
  async rooms(game, skip = 0) {
    const url = new URL("rooms", this.url.replace(/^ws/, "http"));
    if (game !== undefined) url.searchParams.set("game", game);
    if (skip > 0) url.searchParams.set("skip", String(skip));
    let response, text;
    try {
      response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIME_MAX_MS) });
      text = await textOf(response);
    } catch (error) {
      throw error instanceof FracasError ? error : new FracasError("connect_error", `${url} does not answer: ${error}`);
    }
    const body = parseJson(text);
    if (!response.ok) throw new FracasError(String(body?.code), String(body?.message));
    return body;
  }

  /** The codec of a schema that was sent or is known. @internal @param {number} hash @param {string | null} json */
  codecOf(hash, json) {
    if (json !== null) this.known = { hash, codec: new Codec(json) };
    if (this.known?.hash !== hash) throw malformed("no schema came, although it was asked for");
    return this.known.codec;
  }

  /** @param {Message} wanted */
  #open(wanted) {
    return new Room(this, wanted).open();
  }
}

/** @param {object | undefined} options */
function optionsJson(options) {
  const json = options === undefined ? "" : JSON.stringify(options);
  if (utf8.encode(json).length > OPTIONS_BYTES_MAX) throw new FracasError("too_long", `options have at most ${OPTIONS_BYTES_MAX} bytes`);
  return json;
}

/** @param {string | URL | undefined} url */
function socketUrl(url) {
  const text = String(url ?? globalThis.location?.origin ?? "");
  let parsed;
  try {
    parsed = new URL(text.includes("://") ? text : `ws://${text}`);
  } catch {
    throw new FracasError("bad_url", `'${text}' is no address; one looks like ws://localhost:3000`);
  }
  const scheme = parsed.protocol.replace(/^http/, "ws");
  if (scheme !== "ws:" && scheme !== "wss:") {
    throw new FracasError("bad_url", `'${text}' begins with '${parsed.protocol}': an address begins with ws:// or wss://`);
  }
  return `${scheme}//${parsed.host}${parsed.pathname === "/" ? "/ws" : parsed.pathname}${parsed.search}`;
}

/** A browser cannot put it into the head. @param {string} url @param {string} token */
function withToken(url, token) {
  return token === "" ? url : `${url}${url.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
}

/** @param {Response} response */
async function textOf(response) {
  let text = "";
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    text += piece.value;
    if (text.length > LISTING_BYTES_MAX) {
      await reader?.cancel();
      throw malformed("the listing is too long");
    }
  }
  return text;
}
