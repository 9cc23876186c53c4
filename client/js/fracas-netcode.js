/**
 * Netcode for fracas.js: one's own player ahead of the server, others behind, both smooth. It is what the
 * Rust client's `Play` is; docs/NETCODE.md of the server tells how it works.
 *
 * In this order: the server's clock, the player's own clock, others, prediction, `Netcode`.
 * @module
 */

// Times are in seconds, as `performance.now()` has them divided by 1000; ticks are counted from an epoch, which
// is the tick of the first frame, so that they are small numbers with a fraction.

/** The way is as long as the fastest of the messages of so many seconds. */
const WINDOW_S = 1.5;
/** A round trip measured for so long is no accident. */
const SURE_AFTER_S = 0.3;
/** So long no stall keeps all messages. */
const LATEST_S = 0.75;
/** Jitter is told by the latest messages of each of so many spans. */
const SPAN_S = 0.5, SPANS = 8;
/** Drift is told by the fastest message of each of so many seconds; with fewer it is taken to be none. */
const MINIMA = 20, MINIMA_NEEDED = 6;
/** A second whose fastest message is so much off those before has another way. */
const STEP_S = 0.03;
const DRIFT_MAX = 0.02;
const SAMPLES_MAX = 512;

/** @param {[number, number][]} samples at a time each, oldest first @param {number} at @param {number} value @param {number} since */
function push(samples, at, value, since) {
  let gone = 0;
  while (gone < samples.length && (samples[gone][0] < since || samples.length - gone >= SAMPLES_MAX)) gone++;
  samples.splice(0, gone);
  samples.push([at, value]);
}

/** @param {[number, number][]} samples */
const least = (samples) => samples.reduce((least, [, value]) => Math.min(least, value), Infinity);

/**
 * An estimate of the server's tick: offset, drift and jitter of its clock as seen from here. The way is taken
 * to be as long there as back.
 */
export class ServerClock {
  /** The first frame's tick, from which the others are counted. @type {number | null} */
  epoch = null;
  /** By how much this machine's clock is faster than the server's: 0.01 for 1 %. */
  drift = 0;
  /** When the last frame came. */
  heardAt = -Infinity;
  #tickS;
  /** When frames came, and how much later than their ticks. @type {[number, number][]} */
  #arrivals = [];
  /** When it was found that an input and its frame took how long. @type {[number, number][]} */
  #roundTrips = [];
  /** How much later than its tick the fastest frame of a second came, and when. @type {[number, number][]} */
  #minima = [];
  /** The largest excess of a span over the fastest, and when the span began. @type {[number, number][]} */
  #spans = [];

  /** @param {number} tickHz */
  constructor(tickHz) {
    this.#tickS = 1 / tickHz;
  }

  /** Takes that the frame of a tick has come. @param {number} now @param {number} tick */
  hear(now, tick) {
    this.epoch ??= tick;
    this.heardAt = now;
    const lateness = now - ((tick - this.epoch) | 0) * this.#tickS;
    push(this.#arrivals, now, lateness, now - WINDOW_S);
    this.#noteMinimum(now, lateness);
    const excess = lateness - this.#lateness(now);
    const span = this.#spans.at(-1);
    if (span && now - span[0] < SPAN_S) span[1] = Math.max(span[1], excess);
    else this.#spans = [...this.#spans.slice(1 - SPANS), [now, excess]];
  }

  /** Takes that a frame tells of an input that was sent so long ago. @param {number} now @param {number} took */
  noteRoundTrip(now, took) {
    push(this.#roundTrips, now, took, now - WINDOW_S);
  }

  /** The tick whose frame comes now when the way is as fast as it gets. @param {number} now */
  arriving(now) {
    return (now - this.#lateness(now)) / this.#tickS;
  }

  /** The tick that the server makes now. @param {number} now */
  tick(now) {
    // On average an input waits half a tick for its step.
    return this.arriving(now) + Math.max(0, (this.roundTripTicks ?? 0) - 0.5) / 2;
  }

  /** How long an input and the frame that tells of it take at least, the wait for its step counted in. */
  get roundTripTicks() {
    return this.#roundTrips.length > 0 ? least(this.#roundTrips) / this.#tickS : null;
  }

  /**
   * The same of the last moments alone: long enough to tell another way from a moment's standstill, as after
   * this page slept. Null when too little was measured.
   */
  get latestRoundTripTicks() {
    const first = this.#roundTrips[0], last = this.#roundTrips.at(-1);
    if (!last || last[0] - first[0] < SURE_AFTER_S) return null;
    return least(this.#roundTrips.filter(([at]) => last[0] - at <= LATEST_S)) / this.#tickS;
  }

  /** By how much frames are later than the fastest, usually at most. A single stall is not counted in. */
  get jitterTicks() {
    const most = this.#spans.map(([, most]) => most).sort((a, b) => a - b);
    return (most.at(-2) ?? most.at(-1) ?? 0) / this.#tickS;
  }

  /** @param {number} now */
  #lateness(now) {
    let lateness = Infinity;
    for (const [at, late] of this.#arrivals) lateness = Math.min(lateness, late + (now - at) * this.drift);
    return lateness === Infinity ? 0 : lateness;
  }

  /** @param {number} now @param {number} lateness */
  #noteMinimum(now, lateness) {
    const last = this.#minima.at(-1);
    if (last && Math.floor(last[0]) === Math.floor(now)) {
      if (lateness < last[1]) [last[0], last[1]] = [now, lateness];
      return;
    }
    this.#measureDrift();
    this.#minima = [...this.#minima.slice(1 - MINIMA), [now, lateness]];
  }

  /** The median of the slopes between all pairs, which a few odd ones do not move. */
  #measureDrift() {
    const points = this.#minima;
    const [before, last] = points.slice(-2);
    if (last && Math.abs(last[1] - before[1] - (last[0] - before[0]) * this.drift) > STEP_S) this.#minima = [last];
    if (this.#minima.length < MINIMA_NEEDED) return;
    const slopes = points.flatMap(([at, late], i) => points.slice(i + 1).map(([to, then]) => (then - late) / (to - at)));
    slopes.sort((a, b) => a - b);
    this.drift = Math.min(Math.max(slopes[slopes.length >> 1], -DRIFT_MAX), DRIFT_MAX);
  }
}

/** The share of an error, in ticks, by which a clock runs faster or slower. */
const SLEW_GAIN = 0.1;

/** A moment that glides to where it is to be: at most so much faster or slower than time, unless it is far off. */
class Glide {
  /** Where it stands; null before it does. @type {number | null} */
  ticks = null;
  #at = 0;
  #tickS;
  #slewMax;
  #jumpS;

  /** @param {number} tickHz @param {number} slewMax @param {number} jumpS */
  constructor(tickHz, slewMax, jumpS) {
    this.#tickS = 1 / tickHz;
    this.#slewMax = slewMax;
    this.#jumpS = jumpS;
  }

  /** @param {number} now @param {number} target @param {number} drift */
  advance(now, target, drift) {
    // A caller may mix the times of drawn frames with those of the clock, which are later.
    now = Math.max(now, this.#at);
    if (this.ticks === null) {
      this.ticks = target;
    } else {
      const expected = this.at(now, drift);
      const error = target - expected;
      const slew = Math.min(Math.max(error * SLEW_GAIN, -this.#slewMax), this.#slewMax);
      const isFar = Math.abs(error) * this.#tickS > this.#jumpS;
      this.ticks = isFar ? target : expected + (expected - this.ticks) * slew;
    }
    this.#at = now;
    return this.ticks;
  }

  /** Where it would stand without gliding. @param {number} now @param {number} drift */
  at(now, drift) {
    return (this.ticks ?? 0) + ((now - this.#at) * (1 - drift)) / this.#tickS;
  }
}

/**
 * When no frame has come for so long, the match may stand still: a player who went on would be far ahead of it,
 * and what it did would come in at once.
 */
const SILENCE_MAX_S = 0.5;
/** Ticks by which inputs are to be early at first, besides the round trip. */
const EARLY_TICKS = 1.5;
/** By so many ticks the lead is changed when inputs come late, or too early for some time. */
const LEAD_STEP = 0.35;
/** From one change for a late input to the next one. */
const HOLD_S = 1;
/** An input that is so late was held back by a stall of the line, unless there are more of them. */
const STALL_MARGIN = -3, STALLS_APART_S = 5;
/** For so long every input must have come early before the lead is lowered. */
const CALM_S = 4, CALM_MAX_S = 32;
/** A change of the round trip by so much is a new way; by less, it may be another wait for the step. */
const NEW_WAY_TICKS = 1.5;
/** After a change of the way, nothing is left of the old one in what was measured. */
const LOOK_AGAIN_S = 1.6;
/** Inputs of which no frame has told yet. */
const INPUTS_UNTOLD_MAX = 256;
/** Seconds whose ticks are due at once, as after the page slept, and so many in any case; older ones are passed over. */
const TICKS_DUE_MAX_S = 0.5, TICKS_DUE_MIN = 8;
const SLEW_MAX = 0.02;
/** What is further off is no longer glided away: in seconds, and in ticks, for the server takes no input that is much too early. */
const JUMP_S = 0.4, JUMP_TICKS = 24;

/**
 * The clock that a client's own player lives by: ahead of the frames that come by a lead, which the server's
 * reports of how early inputs came steer. It glides, at most 2 % faster or slower than time, and jumps only
 * when it is off by more than 0.4 s or 24 ticks.
 */
export class PlayClock {
  /** Ahead of the frame that arrives, in ticks. */
  lead = EARLY_TICKS;
  /** What is known of the server's clock. */
  server;
  #glide;
  #ticksDueMax;
  /** The round trip for which the lead was made. @type {number | null} */
  #roundTrip = null;
  /** The last tick that was due. @type {number | null} */
  #lastDue = null;
  /** Inputs of which no frame has told yet, and when they were sent. @type {[number, number][]} */
  #sent = [];
  /** @type {number | null} */
  #looksAgainAt = null;
  #raisedAt = -Infinity;
  #stalledAt = -Infinity;
  #calmSince = 0;
  #calmMargin = 127;
  #calmS = CALM_S;

  /** @param {number} tickHz */
  constructor(tickHz) {
    this.#ticksDueMax = Math.max(TICKS_DUE_MIN, Math.ceil(tickHz * TICKS_DUE_MAX_S));
    this.server = new ServerClock(tickHz);
    this.#glide = new Glide(tickHz, SLEW_MAX, Math.min(JUMP_S, JUMP_TICKS / tickHz));
  }

  /** Where the clock stands, in ticks from the epoch; null before the first frame. */
  get ticks() {
    return this.#glide.ticks;
  }

  /** Takes that a frame has come, and the least margin that it tells of. @param {number} now @param {number} tick @param {number | null} margin */
  hear(now, tick, margin) {
    this.server.hear(now, tick);
    if (margin === null) return;
    const stamp = (tick + margin) | 0;
    while (this.#sent.length > 0 && ((stamp - this.#sent[0][0]) | 0) > 0) this.#sent.shift();
    if (this.#sent.length > 0 && this.#sent[0][0] === stamp) {
      this.server.noteRoundTrip(now, now - this.#sent[0][1]);
      this.#findWay(now);
    }
    this.#steer(now, margin);
  }

  /** Takes that the input of a tick was sent. @param {number} now @param {number} tick */
  noteSent(now, tick) {
    if (this.#sent.length === INPUTS_UNTOLD_MAX) this.#sent.shift();
    this.#sent.push([tick | 0, now]);
  }

  /** @param {number} now */
  #findWay(now) {
    const roundTrip = /** @type {number} */ (this.server.roundTripTicks);
    if (this.#roundTrip === null) {
      this.lead = roundTrip + EARLY_TICKS;
      // It has stood somewhere, for inputs to tell the way.
      this.#glide.ticks = null;
      this.#roundTrip = roundTrip;
      return;
    }
    const latest = this.server.latestRoundTripTicks;
    if (latest === null) return;
    const looksAgain = this.#looksAgainAt !== null && now >= this.#looksAgainAt;
    const found = looksAgain ? roundTrip : latest;
    if (Math.abs(found - this.#roundTrip) > (looksAgain ? LEAD_STEP : NEW_WAY_TICKS)) {
      this.lead = Math.max(0, this.lead + found - this.#roundTrip);
      this.#roundTrip = found;
      // Once nothing of the old way is left in what was measured.
      this.#looksAgainAt = looksAgain ? null : now + LOOK_AGAIN_S;
    } else if (looksAgain) {
      this.#looksAgainAt = null;
    }
  }

  /** @param {number} now @param {number} margin */
  #steer(now, margin) {
    const { server } = this;
    const behind = server.arriving(now) + this.lead - this.#glide.at(now, server.drift);
    const isGliding = this.ticks === null || Math.abs(behind) > LEAD_STEP;
    if (isGliding || this.#roundTrip === null || margin < 0) {
      [this.#calmSince, this.#calmMargin] = [now, 127];
      // What comes while it glides was sent by another lead.
      if (margin < 0 && !isGliding && this.#roundTrip !== null) this.#raise(now, margin);
      return;
    }
    this.#calmMargin = Math.min(this.#calmMargin, margin);
    if (now - this.#calmSince < this.#calmS) return;
    if (this.#calmMargin > 0) this.lead = Math.max(0, this.lead - LEAD_STEP);
    [this.#calmSince, this.#calmMargin] = [now, 127];
  }

  /** @param {number} now @param {number} margin */
  #raise(now, margin) {
    if (margin <= STALL_MARGIN && now - this.#stalledAt > STALLS_APART_S) this.#stalledAt = now;
    // What a stall held back comes in at once, and a longer lead would be of no use then.
    if (now - this.#stalledAt <= HOLD_S || now - this.#raisedAt <= HOLD_S) return;
    this.lead += LEAD_STEP;
    this.#raisedAt = now;
    this.#calmS = Math.min(this.#calmS * 2, CALM_MAX_S);
  }

  /**
   * Moves on to now, and gives the ticks that have become due, oldest first; after a jump, only the last ones.
   * @param {number} now @returns {number[]}
   */
  advance(now) {
    const { server } = this;
    if (server.epoch === null || now - server.heardAt > SILENCE_MAX_S) return [];
    const last = Math.floor(this.#glide.advance(now, server.arriving(now) + this.lead, server.drift));
    // After a jump backwards, what was due before is due again: the player is to steer at once.
    const before = this.#lastDue !== null && this.#lastDue <= last ? this.#lastDue : last - 1;
    const first = Math.max(before + 1, last - this.#ticksDueMax + 1);
    this.#lastDue = last;
    const { epoch } = server;
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (epoch + first + i) >>> 0);
  }
}

/** Parts of a tick in which moments are told to the server. */
const PARTS = 1024;
/** What is kept in hand beyond the usual jitter. */
const SPARE_TICKS = 0.15;
/** For how long things move on by themselves when nothing newer has come. */
const EXTRAPOLATION_MAX_S = 0.1;
const FRAMES_MAX = 64;
/** For so long an id is not given to another entity, by its name in the protocol. */
const WIRE_ID_QUARANTINE_TICKS = 256;

/**
 * An entity as drawn: `id`, `kind` and its fields, those that move between two snapshots. `id` is null of
 * what only the client knows of yet.
 * @typedef {{id: number | null, kind: string, [field: string]: any}} Drawn
 * @typedef {{key: string, isAngle: boolean, velocity: string | undefined, jump: number}} Moving
 */

/** Which fields of each kind move. @param {import("./fracas.js").Schema} schema @returns {Map<string, Moving[]>} */
function movingFields(schema) {
  const moves = schema.views.map(({ name, fields }) => [
    name,
    fields.filter(({ kind }) => kind === "fixed" || kind === "angle").map(({ name, kind, ...more }) => ({
      key: name,
      isAngle: kind === "angle",
      velocity: /** @type {any} */ (more).velocity,
      jump: /** @type {any} */ (more).jump ?? Infinity,
    })),
  ]);
  return new Map(/** @type {[string, Moving[]][]} */ (moves));
}

/**
 * Moves an entity towards `to`, which is `seconds` later; one that jumps stays.
 * @param {Drawn} drawn which is as at the beginning @param {Drawn} to @param {Moving[]} moving
 * @param {number} part @param {number} seconds
 */
export function blend(drawn, to, moving, part, seconds) {
  for (const { key, velocity, jump } of moving) {
    if (jump === Infinity) continue;
    const [v0, v1] = velocity === undefined ? [0, 0] : [drawn[velocity], to[velocity]];
    const beside = Math.abs(to[key] - drawn[key] - ((v0 + v1) / 2) * seconds);
    if (beside > jump + ((Math.abs(v0) + Math.abs(v1)) / 2) * seconds) return;
  }
  const rest = 1 - part;
  // Places first, for they need the velocities as they were.
  for (const { key, isAngle, velocity } of moving) {
    if (isAngle) {
      const turn = (to[key] - drawn[key]) % (2 * Math.PI);
      drawn[key] += (turn > Math.PI ? turn - 2 * Math.PI : turn < -Math.PI ? turn + 2 * Math.PI : turn) * part;
    } else if (velocity !== undefined) {
      drawn[key] = drawn[key] * (1 + 2 * part) * rest * rest + drawn[velocity] * seconds * part * rest * rest
        + to[key] * part * part * (3 - 2 * part) - to[velocity] * seconds * part * part * rest;
    }
  }
  for (const { key, isAngle, velocity } of moving) {
    if (!isAngle && velocity === undefined) drawn[key] += (to[key] - drawn[key]) * part;
  }
}

/** Moves an entity on by its own velocities. @param {Drawn} drawn @param {Moving[]} moving @param {number} seconds */
function coast(drawn, moving, seconds) {
  for (const { key, velocity } of moving) if (velocity !== undefined) drawn[key] += drawn[velocity] * seconds;
}

/**
 * What others look like at the moment that is shown: one tick and the line's usual jitter behind the frames
 * that arrive, so that there is nearly always a snapshot on either side.
 */
export class Interpolation {
  /** The shown moment, in ticks from the epoch; null before the first frame. @type {number | null} */
  ticks = null;
  /** Whether there was no snapshot after it. */
  isStarved = false;
  /** Everything at that moment. @type {Drawn[]} */
  list = [];
  #tickS;
  #moving;
  #glide;
  /** Snapshots: entities by id. An entity that has not changed is the same object in the next. @type {{ticks: number, rows: Map<number, Drawn>}[]} */
  #frames = [];
  /** What is drawn, by id: the objects are used again. @type {Map<number, Drawn>} */
  #drawn = new Map();

  /** @param {number} tickHz @param {import("./fracas.js").Schema} schema */
  constructor(tickHz, schema) {
    this.#tickS = 1 / tickHz;
    this.#moving = movingFields(schema);
    this.#glide = new Glide(tickHz, 0.04, 0.5);
  }

  /** How far the shown moment is to be behind the arriving frames, in ticks. @param {ServerClock} server */
  static delayTicks(server) {
    return 1 + server.jitterTicks + SPARE_TICKS;
  }

  /** The fields of a kind that move. @param {string} kind */
  moving(kind) {
    return this.#moving.get(kind) ?? [];
  }

  /** Takes a frame. @param {number} ticks @param {Iterable<import("./fracas.js").Entity>} entities */
  hear(ticks, entities) {
    const before = this.#frames.at(-1);
    if (before && ticks <= before.ticks) this.#frames = [];
    /** @type {Map<number, Drawn>} */
    const rows = new Map();
    for (const entity of entities) {
      const last = before?.rows.get(entity.id);
      let isSame = last !== undefined && last.kind === entity.kind;
      if (last && isSame) for (const key in entity) if (last[key] !== entity[key]) isSame = false;
      rows.set(entity.id, last && isSame ? last : { ...entity });
    }
    this.#frames.push({ ticks, rows });
    // Those before the one that the shown moment is after are not needed any more.
    const shown = this.ticks ?? -Infinity;
    while (this.#frames.length > FRAMES_MAX || (this.#frames.length > 2 && this.#frames[1].ticks <= shown)) this.#frames.shift();
  }

  /** Moves on to the moment to show now. @param {number} now @param {ServerClock} server */
  advance(now, server) {
    if (server.epoch === null) return null;
    const ticks = this.#glide.advance(now, server.arriving(now) - Interpolation.delayTicks(server), server.drift);
    // As the server understands it.
    this.ticks = Math.floor(ticks * PARTS) / PARTS;
    this.#show(this.ticks);
    return this.ticks;
  }

  /** @param {number} ticks */
  #show(ticks) {
    const frames = this.#frames;
    let place = frames.length - 1;
    while (place > 0 && frames[place].ticks > ticks) place--;
    const from = frames[place], to = frames[place + 1];
    this.list.length = 0;
    if (!from) return;
    this.isStarved = !to && ticks > from.ticks;
    const ahead = Math.max(0, (ticks - from.ticks) * this.#tickS);
    // After so long, an id may be another entity's.
    const rows = to && to.ticks - from.ticks <= WIRE_ID_QUARANTINE_TICKS ? to.rows : null;
    for (const [id, row] of from.rows) {
      let drawn = this.#drawn.get(id);
      if (drawn?.kind === row.kind) Object.assign(drawn, row);
      else this.#drawn.set(id, (drawn = { ...row }));
      this.list.push(drawn);
      const next = rows?.get(id);
      // One that has not changed stands still, or what is drawn of it does.
      if (ahead === 0 || next === row) continue;
      const moving = this.moving(row.kind);
      if (to && next?.kind === row.kind) {
        const gap = to.ticks - from.ticks;
        blend(drawn, next, moving, (ticks - from.ticks) / gap, gap * this.#tickS);
      } else {
        // It leaves before the next snapshot, or there is none.
        coast(drawn, moving, Math.min(ahead, EXTRAPOLATION_MAX_S));
      }
    }
    if (this.#drawn.size > 2 * from.rows.size + 64) for (const id of this.#drawn.keys()) if (!from.rows.has(id)) this.#drawn.delete(id);
  }
}

/** What is left of a correction after each such time is 1/e. */
const SMOOTHING_S = 0.1;
/** A foretold event may happen so many ticks earlier or later. */
const EVENT_SLIP_TICKS = 2;
const PREDICTED_TICKS_MAX = 128;
const FORETOLD_MAX = 256;

/**
 * What a game supplies to run its own player ahead: what its rules do to it, on the same numbers.
 *
 * - `snap`: how far what is shown may be from what the server says before it is shown there at once.
 * - `ahead`: the own part of what the server has shown; null while there is nothing to predict.
 * - `advance`: does what one tick's step does to it, with an input as `Netcode.frame` takes it; `foretell` tells of an
 *   event at once.
 * - `show`: what to draw of it, the own entity first; `isAhead`: whether an entity is a part of it.
 * - `place`, `displace`: where the own entity is, and to move it for drawing.
 * - `isSameEvent`: whether a foretold event is this one of the server's.
 * @typedef {{snap: number, ahead(seen: {tick: number, me: number, own: any, entities: Iterable<any>}): any,
 *   copy(ahead: any): any,
 *   advance(ahead: any, input: any, step: {tick: number, me: number, others: Drawn[], foretell(event: any): void}): void,
 *   show(ahead: any): Drawn[], isAhead(entity: any, me: number): boolean, place(ahead: any): [number, number],
 *   displace(ahead: any, x: number, y: number): void, isSameEvent(predicted: any, event: any): boolean}} Predictor
 */

const ignore = () => {};

/** The own player's part of a match, run ahead of the server and corrected by each frame. */
export class Prediction {
  /** By how much the last frame corrected the prediction of its tick; null when there was none. @type {number | null} */
  correction = null;
  /** What was foretold, and by the last frame did not happen. @type {{tick: number, event: any}[]} */
  takenBack = [];
  /** The part after the last tick. @type {any} */
  head = null;
  #predictor;
  #me;
  /** @type {{tick: number, input: any, place: [number, number] | null}[]} */
  #ticks = [];
  #tick = 0;
  #offset = [0, 0];
  #offsetAt = 0;
  /** @type {{tick: number, event: any}[]} */
  #foretold = [];

  /** @param {Predictor} predictor @param {number} me */
  constructor(predictor, me) {
    this.#predictor = predictor;
    this.#me = me;
  }

  /**
   * Makes one more tick with this input.
   * @param {number} tick @param {any} input @param {Drawn[]} others @param {(event: any, tick: number) => void} tell
   */
  advance(tick, input, others, tell) {
    const last = this.#ticks.at(-1);
    if (last && ((last.tick + 1) >>> 0) !== tick) {
      // Some ticks were passed over: what leads here is no longer known. After a step back, the next frame tells it.
      this.#ticks = ((tick - last.tick) | 0) > 0 ? [] : this.#ticks.filter((predicted) => ((tick - predicted.tick) | 0) > 0);
      this.head = null;
    }
    if (this.head) {
      const foretell = (/** @type {any} */ event) => {
        if (this.#foretold.length === FORETOLD_MAX) this.#foretold.shift();
        this.#foretold.push({ tick, event });
        tell(event, tick);
      };
      this.#predictor.advance(this.head, input, { tick, me: this.#me, others, foretell });
    }
    if (this.#ticks.length === PREDICTED_TICKS_MAX) this.#ticks.shift();
    this.#ticks.push({ tick, input, place: this.head && this.#predictor.place(this.head) });
    this.#tick = tick;
  }

  /**
   * Takes what the server says of a tick.
   * @param {number} now @param {number} tick @param {any} own @param {Iterable<any>} entities @param {Drawn[]} others
   */
  correct(now, tick, own, entities, others) {
    const predictor = this.#predictor;
    const expected = this.#ticks.find((predicted) => predicted.tick === tick)?.place;
    const shown = this.head && this.#shownPlace(now);
    this.#ticks = this.#ticks.filter((predicted) => ((predicted.tick - tick) | 0) > 0);
    const isOpen = (/** @type {{tick: number}} */ foretold) => ((tick - foretold.tick) | 0) <= EVENT_SLIP_TICKS;
    this.takenBack = this.#foretold.filter((foretold) => !isOpen(foretold));
    this.#foretold = this.#foretold.filter(isOpen);
    this.correction = null;
    this.head = predictor.ahead({ tick, me: this.#me, own, entities });
    this.#tick = tick;
    if (!this.head) {
      for (const predicted of this.#ticks) predicted.place = null;
      this.#offset = [0, 0];
      return;
    }
    if (expected) {
      const [x, y] = predictor.place(this.head);
      this.correction = Math.hypot(expected[0] - x, expected[1] - y);
    }
    for (const predicted of this.#ticks) {
      if (predicted.tick !== ((this.#tick + 1) >>> 0)) break;
      predictor.advance(this.head, predicted.input, { tick: predicted.tick, me: this.#me, others, foretell: ignore });
      predicted.place = predictor.place(this.head);
      this.#tick = predicted.tick;
    }
    const [x, y] = predictor.place(this.head);
    this.#offset = shown ? [shown[0] - x, shown[1] - y] : [0, 0];
    if (Math.hypot(...this.#offset) > predictor.snap) this.#offset = [0, 0];
    this.#offsetAt = now;
  }

  /** Whether an entity is a part of what is predicted. @param {Drawn} drawn */
  isAhead(drawn) {
    return this.#predictor.isAhead(drawn, this.#me);
  }

  /** @param {number} now */
  #shownPlace(now) {
    const [x, y] = this.#predictor.place(this.head);
    const [offsetX, offsetY] = this.#offsetLeft(now);
    return [x + offsetX, y + offsetY];
  }

  /** What is left of the offset. @param {number} now */
  #offsetLeft(now) {
    const left = Math.exp(-(now - this.#offsetAt) / SMOOTHING_S);
    return [this.#offset[0] * left, this.#offset[1] * left];
  }

  /**
   * What is shown now: the way from the last tick to the next one, with the input that the player holds now,
   * so that it answers in the same frame. Null while there is nothing to predict.
   * @param {number} now @param {number} part @param {any} input @param {Drawn[]} others
   * @param {Interpolation} interpolation @param {number} seconds of a tick
   * @returns {Drawn[] | null}
   */
  show(now, part, input, others, interpolation, seconds) {
    if (!this.head) return null;
    const predictor = this.#predictor;
    const next = predictor.copy(this.head);
    predictor.advance(next, input, { tick: (this.#tick + 1) >>> 0, me: this.#me, others, foretell: ignore });
    const offset = this.#offsetLeft(now);
    const [from, to] = [predictor.place(this.head), predictor.place(next)];
    // Straight on, as it moves within a tick: on a curve it would answer later.
    const at = (/** @type {0 | 1} */ i) => (from[i] - to[i]) * (1 - part) + offset[i];
    predictor.displace(next, at(0), at(1));
    const drawn = predictor.show(next);
    predictor.show(this.head).forEach((ahead, i) => {
      if (i === 0 || drawn[i]?.id !== ahead.id || drawn[i].kind !== ahead.kind) return;
      blend(ahead, drawn[i], interpolation.moving(ahead.kind), part, seconds);
      drawn[i] = ahead;
    });
    return drawn;
  }

  /** Takes an event of the server's; whether it was foretold, so that it is shown already. @param {number} tick @param {any} event */
  confirm(tick, event) {
    const place = this.#foretold.findIndex(
      (foretold) => Math.abs((tick - foretold.tick) | 0) <= EVENT_SLIP_TICKS && this.#predictor.isSameEvent(foretold.event, event),
    );
    if (place >= 0) this.#foretold.splice(place, 1);
    return place >= 0;
  }
}

/** Events whose moment is not drawn yet. */
const EVENTS_WAITING_MAX = 1024;

/**
 * An input as `room.input` takes it: the kind, and the values.
 * @param {import("./fracas.js").Schema} schema @param {any} input @returns {[string | undefined, Record<string, any>]}
 */
function namedInput({ inputs }, input) {
  // With one kind alone, a field may be called so.
  if (inputs.length === 1) return [undefined, input];
  const { kind, kind_, ...values } = input;
  return [kind, kind_ === undefined ? values : { ...values, kind: kind_ }];
}

/**
 * A room as its player sees and plays it. Call `frame` for each frame that is drawn, and nothing else: inputs
 * go when they are due.
 *
 * `onEvent(event, tick, isForetold)` hears what happens, at the moment at which it is shown: what is foretold
 * at once, all else when its tick is drawn. `onTakenBack(event, tick)` hears what was foretold and did not happen.
 */
export class Netcode {
  /** What to draw of the own player, the own entity first; empty while there is nothing to predict. @type {Drawn[]} */
  own = [];
  /** What else to draw. @type {Drawn[]} */
  others = [];
  /** The moment at which others are shown, as a tick with a fraction; 0 before the first frame. */
  shownTick = 0;
  /** How often it happened: inputs sent, frames that came, while one plays of whose steps the input was `missing`, frames drawn without anything new, corrections. */
  counts = { sent: 0, frames: 0, missing: 0, drawn: 0, starved: 0, corrections: 0 };
  #room;
  #predictorOf;
  #onEvent;
  #onTakenBack;
  #clock = new PlayClock(1);
  /** @type {Interpolation} */
  #interpolation;
  /** @type {Prediction | null} */
  #prediction = null;
  /** @type {{tick: number, event: any}[]} */
  #events = [];
  /** The tick of the first input since one plays; null while one only watches. @type {number | null} */
  #playsSince = null;

  /**
   * @param {import("./fracas.js").Room} room
   * @param {{predictor?: ((room: import("./fracas.js").Room) => Predictor) | null, onEvent?: (event: any, tick: number, isForetold: boolean) => void,
   *   onTakenBack?: (event: any, tick: number) => void}} [options]
   *   `predictor` makes one for the room, and again when the connection was another one
   */
  constructor(room, { predictor = null, onEvent = ignore, onTakenBack = ignore } = {}) {
    this.#room = room;
    this.#predictorOf = predictor;
    this.#onEvent = onEvent;
    this.#onTakenBack = onTakenBack;
    this.#interpolation = new Interpolation(1, room.schema);
    this.#begin();
    room.on("join", () => this.#begin());
    room.onStateChange(() => this.#hear());
    room.onMessage("*", (event, tick) => {
      if (this.#prediction?.confirm(tick, event)) return;
      // So many wait only when no frames are drawn. The oldest is dropped: told now, it would be of what nobody sees,
      // and pile up with who hears it.
      if (this.#events.length === EVENTS_WAITING_MAX) this.#events.shift();
      this.#events.push({ tick, event });
    });
  }

  #begin() {
    const { tickHz, schema, player } = this.#room;
    this.#clock = new PlayClock(tickHz);
    this.#interpolation = new Interpolation(tickHz, schema);
    this.#prediction = player !== null && this.#predictorOf ? new Prediction(this.#predictorOf(this.#room), player) : null;
    this.own = [];
    this.others = [];
    this.#events = [];
    this.#playsSince = null;
  }

  /** The clock of the player, and of the server. */
  get clock() {
    return this.#clock;
  }

  /** By how much the last frame corrected the prediction of its tick; null when there was none. */
  get correction() {
    return this.#prediction?.correction ?? null;
  }

  /** How far the others are behind the frames that arrive, in ticks. */
  get delayTicks() {
    return Interpolation.delayTicks(this.#clock.server);
  }

  #hear() {
    const now = performance.now() / 1000;
    const { state, inputMargin, inputTick } = this.#room;
    this.#clock.hear(now, state.tick, inputMargin);
    const epoch = /** @type {number} */ (this.#clock.server.epoch);
    this.#interpolation.hear((state.tick - epoch) | 0, state.values());
    this.#prediction?.correct(now, state.tick, state.own, state.values(), this.others);
    for (const { event, tick } of this.#prediction?.takenBack ?? []) this.#onTakenBack(event, tick);
    this.counts.frames += 1;
    const plays = this.#playsSince !== null && ((state.tick - this.#playsSince) | 0) >= 0;
    if (plays && inputTick !== state.tick) this.counts.missing += 1;
    if ((this.correction ?? 0) > 1e-3) this.counts.corrections += 1;
    // A page that is hidden draws no frames, and what happened meanwhile is not to pile up.
    if (globalThis.document?.hidden) this.#events = [];
  }

  /**
   * Moves everything on to now, sends the inputs that are due, and leaves in `own` and `others` what to draw.
   * @param {any} input what the player holds now, `{ x: 1 }`, or `{ kind: "Move", x: 1 }` when the game has several kinds
   *   of inputs; null of one who only watches
   * @param {number} [nowMs] as `performance.now()` has it
   * @returns {number} how many inputs were sent
   */
  frame(input, nowMs = performance.now()) {
    const now = nowMs / 1000;
    const clock = this.#clock, interpolation = this.#interpolation, prediction = this.#prediction;
    const { epoch } = clock.server;
    if (epoch === null) return 0;
    const plays = input !== null && this.#room.player !== null;
    if (!plays) this.#playsSince = null;
    const sent = plays ? this.#send(now, input, interpolation.ticks) : 0;
    interpolation.advance(now, clock.server);
    this.counts.drawn += 1;
    if (interpolation.isStarved) this.counts.starved += 1;
    const seconds = 1 / this.#room.tickHz;
    const ticks = clock.ticks ?? 0;
    const part = ticks - Math.floor(ticks);
    this.own = (plays && prediction?.show(now, part, input, this.others, interpolation, seconds)) || [];
    // Between two lives the own entity is shown as everyone else is.
    this.others = this.own.length === 0 ? interpolation.list : interpolation.list.filter((drawn) => !prediction?.isAhead(drawn));
    const shown = interpolation.ticks ?? 0;
    const whole = Math.floor(shown);
    this.shownTick = ((epoch + whole) >>> 0) + (shown - whole);
    this.#tell(epoch, shown);
    return sent;
  }

  /** @param {number} now @param {any} input @param {number | null} shown */
  #send(now, input, shown) {
    const { epoch } = this.#clock.server;
    let sent = 0;
    for (const tick of this.#clock.advance(now)) {
      const lag = shown === null ? 0 : Math.max(1, Math.round((((tick - /** @type {number} */ (epoch)) | 0) - shown) * PARTS));
      const viewLag = Math.min(lag, 65_535);
      // A copy: the player's hands go on moving.
      const held = { ...input };
      this.#prediction?.advance(tick, held, this.others, (event, at) => this.#onEvent(event, at, true));
      const [kind, values] = namedInput(this.#room.schema, held);
      if (this.#room.inputFor(tick, viewLag, values, kind) === null) continue;
      this.#clock.noteSent(now, tick);
      this.#playsSince ??= tick;
      sent += 1;
    }
    this.counts.sent += sent;
    return sent;
  }

  /** Tells of the events whose moment is drawn now. @param {number} epoch @param {number} shown in ticks from it */
  #tell(epoch, shown) {
    const isDue = (/** @type {{tick: number}} */ { tick }) => ((tick - epoch) | 0) <= shown;
    const due = this.#events.filter(isDue);
    if (due.length === 0) return;
    this.#events = this.#events.filter((waiting) => !isDue(waiting));
    for (const { event, tick } of due) this.#onEvent(event, tick, false);
  }
}
