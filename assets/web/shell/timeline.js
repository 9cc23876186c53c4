/**
 * Where everything is between two snapshots.
 *
 * Snapshots come once a tick, more or less; what is drawn is a moment about one tick and the usual jitter ago,
 * so that there is a snapshot on either side of it nearly always.
 */

const JITTER_MAX_MS = 100;
const EXTRAPOLATION_MAX_MS = 100;
/** An offset this far off is no jitter: the server's time jumped. */
const JUMP_MS = 400;
const SAMPLES = 4;
/** What moves further at once, beyond what its velocity explains, was put there. */
const TELEPORT_M = 2.5;

/** Tells which moment of the match to draw. */
export class Timeline {
  #tickMs;
  #base = null;
  #jitterMs = 2;
  #shown = 0;

  constructor(tickHz) {
    this.#tickMs = 1000 / tickHz;
  }

  /** Takes that the snapshot of a tick has come. */
  hear(tick, now) {
    const base = now - tick * this.#tickMs;
    if (this.#base === null || Math.abs(base - this.#base) > JUMP_MS) {
      this.#base = base;
      this.#shown = 0;
      return;
    }
    this.#jitterMs += (Math.abs(base - this.#base) - this.#jitterMs) * 0.05;
    this.#base += (base - this.#base) * 0.05;
  }

  /** The tick to draw, with its fraction. It never runs backwards. */
  tickAt(now) {
    if (this.#base === null) return 0;
    const delayMs = this.#tickMs + Math.min(2 * this.#jitterMs, JITTER_MAX_MS);
    this.#shown = Math.max(this.#shown, (now - this.#base - delayMs) / this.#tickMs);
    return this.#shown;
  }
}

const turn = (from, to) => Math.atan2(Math.sin(to - from), Math.cos(to - from));

/** One entity's way through the last snapshots. `x`, `y` and `aim` are those of the moment drawn. */
export class Track {
  x = 0;
  y = 0;
  aim = 0;
  /** When it left, in ticks; it is drawn until then. */
  endsAt = Infinity;
  #ticks = new Float64Array(SAMPLES);
  #xs = new Float32Array(SAMPLES);
  #ys = new Float32Array(SAMPLES);
  #aims = new Float32Array(SAMPLES);
  #count = 0;
  #wasAlive = true;

  constructor(entity, tick) {
    this.entity = entity;
    this.bornAt = tick;
  }

  /** Takes the entity's place in the snapshot of a tick. */
  push(tick, tickMs) {
    const { x, y, aim = 0, vx = 0, vy = 0, alive = true } = this.entity;
    const last = this.#count - 1;
    if (last >= 0) {
      const far = Math.hypot(x - this.#xs[last], y - this.#ys[last]);
      const seconds = ((tick - this.#ticks[last]) * tickMs) / 1000;
      const isPut = far > TELEPORT_M + (Math.hypot(vx, vy) + 8) * seconds;
      if (isPut || (alive && !this.#wasAlive)) this.#count = 0;
    }
    this.#wasAlive = alive;
    if (this.#count === SAMPLES) {
      for (const ring of [this.#ticks, this.#xs, this.#ys, this.#aims]) ring.copyWithin(0, 1);
      this.#count -= 1;
    }
    this.#ticks[this.#count] = tick;
    this.#xs[this.#count] = x;
    this.#ys[this.#count] = y;
    this.#aims[this.#count] = aim;
    this.#count += 1;
  }

  /** Moves to where it is at a tick. */
  show(tick, tickMs) {
    const ticks = this.#ticks;
    let next = this.#count - 1;
    if (tick >= ticks[next]) {
      // Nothing newer came: a little further along, then it waits.
      const aheadMs = Math.min((tick - ticks[next]) * tickMs, EXTRAPOLATION_MAX_MS);
      const { vx = 0, vy = 0, alive = true } = this.entity;
      const seconds = alive ? aheadMs / 1000 : 0;
      this.x = this.#xs[next] + vx * seconds;
      this.y = this.#ys[next] + vy * seconds;
      this.aim = this.#aims[next];
      return;
    }
    while (next > 0 && ticks[next - 1] > tick) next -= 1;
    const before = Math.max(next - 1, 0);
    const span = ticks[next] - ticks[before];
    const share = span > 0 ? Math.max(0, (tick - ticks[before]) / span) : 1;
    this.x = this.#xs[before] + (this.#xs[next] - this.#xs[before]) * share;
    this.y = this.#ys[before] + (this.#ys[next] - this.#ys[before]) * share;
    this.aim = this.#aims[before] + turn(this.#aims[before], this.#aims[next]) * share;
  }
}

/** The tracks of all entities of a room that have a place, by id; those that left follow until their time. */
export class Tracks {
  /** What to draw. */
  list = [];
  #byId = new Map();
  #tickMs = 50;
  #timeline = new Timeline(20);

  /** Follows a room; another connection begins another timeline. */
  follow(room) {
    const begin = () => {
      this.list.length = 0;
      this.#byId.clear();
      this.#tickMs = 1000 / room.tickHz;
      this.#timeline = new Timeline(room.tickHz);
    };
    begin();
    room.on("join", begin);
    room.onStateChange((state) => this.#take(state));
    room.onRemove("*", (entity) => {
      const track = this.#byId.get(entity.id);
      if (track?.entity !== entity) return;
      track.endsAt = room.state.tick;
      this.#byId.delete(entity.id);
    });
  }

  #take(state) {
    this.#timeline.hear(state.tick, performance.now());
    for (const entity of state.values()) {
      if (entity.x === undefined || entity.y === undefined) continue;
      let track = this.#byId.get(entity.id);
      if (!track) {
        track = new Track(entity, state.tick);
        this.#byId.set(entity.id, track);
        this.list.push(track);
      }
      track.push(state.tick, this.#tickMs);
    }
    // A hidden page draws no frames, and what has left is to be forgotten all the same.
    if (document.hidden) this.show(performance.now());
  }

  /** Moves everything to the moment to draw; gives its tick. */
  show(now) {
    const tick = this.#timeline.tickAt(now);
    let kept = 0;
    for (const track of this.list) {
      if (track.endsAt <= tick) continue;
      track.show(tick, this.#tickMs);
      this.list[kept++] = track;
    }
    this.list.length = kept;
    return tick;
  }
}
