/**
 * The own ship and its rockets, run ahead of the server: `Predict` of games/arena, in JavaScript.
 *
 * The ship is where the server will have it, bit for bit, so that nothing has to be corrected but what others do.
 * For that, every single operation is rounded to 32 bits as the rules' are, in their order; of numbers of 32 bits,
 * `+`, `-`, `*`, `/` and the root come out the same when they are rounded once more. Whoever changes the rules
 * changes this as well: client/js/test/predict.test.js tells what differs.
 *
 * Functions have the names of the rules'; vectors are two numbers, for nothing is to be allocated in every tick.
 */

const f32 = Math.fround;

// ---- What vectors can do, as glam does it.

/** @param {number} ax @param {number} ay @param {number} bx @param {number} by */
const dot = (ax, ay, bx, by) => f32(f32(ax * bx) + f32(ay * by));

/** @param {number} x @param {number} y */
const length = (x, y) => f32(Math.sqrt(dot(x, y, x, y)));

// ---- What travels: games/arena/src/rows.rs, shared/src/quant.rs.

/** To 1/1024 m from 0, as `Own` says it in 17 bits. @param {number} at */
const roundPosition = (at) => f32(Math.min(Math.max(Math.round(at * 1024), 0), 131_071) / 1024);

/** To 1/1024 m/s from -32, as `Own` says it in 16 bits. @param {number} speed */
const roundVelocity = (speed) => f32(Math.min(Math.max(Math.round((speed + 32) * 1024), 0), 65_535) / 1024 - 32);

/** A share of full speed as the server reads it: 8 bits. @param {number | null | undefined} share */
const shareAsSent = (share) => Math.min(Math.max(Math.round(share || 0), -128), 127);

/** An angle as the server reads it: 1024 parts of the circle. @param {number | null | undefined} radians */
function angleAsSent(radians) {
  const part = Math.round((f32(radians || 0) / (2 * Math.PI)) * 1024) & 1023;
  return f32((part * 2 * Math.PI) / 1024);
}

// ---- Ticks: they wrap after 32 bits.

/** @param {number} tick @param {number} other */
const isAfter = (tick, other) => ((tick - other) | 0) > 0;

/** How many ticks last at least this long; at least 1. @param {number} seconds @param {number} tickHz */
const ticksOf = (seconds, tickHz) => Math.max(Math.ceil(f32(f32(seconds) * tickHz)), 1);

/** How far before a wall a rocket explodes, in metres. */
const FUSE_M = f32(0.05);
/** How far apart an explosion may be from the one that was foretold, in metres. */
const EXPLOSION_SLIP_M = 1;
/** For how long a rocket that the server showed flies on at most: until the server says that it does no more. */
const UNKNOWN_LIFE_TICKS = 0x3fff_ffff;

/**
 * A rocket; without an id until the server shows it. `endsAt` is the tick in which it explodes where it is.
 * @typedef {{id: number | null, x: number, y: number, vx: number, vy: number, endsAt: number}} Rocket
 *
 * The own ship, with what it fired.
 * @typedef {{id: number, player: number, x: number, y: number, vx: number, vy: number, aim: number, health: number,
 *   ammo: number, beamReady: number, rocketReady: number, kills: number, deaths: number, rockets: Rocket[]}} Ahead
 *
 * What a player does in one tick, as `room.input` takes it.
 * @typedef {{x?: number, y?: number, aim?: number, beam?: boolean, rocket?: boolean}} Input
 *
 * An entity or an event: its fields, and the name of its kind.
 * @typedef {{kind: string, [field: string]: any}} Row
 */

/** Arena, as far as a client runs it ahead. What it gives and takes is as in shared/src/predict.rs. */
export class ArenaPredictor {
  /** How far what is shown may be from what the server says, in metres. Further: it is shown there at once. */
  snap = 2;
  #walls;
  #width;
  #height;
  #dt;
  #radius;
  #radiusDoubled;
  #speed;
  /** How much the speed changes in a tick. */
  #speedStep;
  /** The longest step that passes over no wall. */
  #stride;
  #isSolid;
  #beamTicks;
  #beamRange;
  #rocketTicks;
  #rocketSpeed;
  #rocketLife;

  /**
   * @param {any} config the room's, with the rows of its map
   * @param {number} tickHz
   */
  constructor(config, tickHz) {
    const { map, ship, beam, rocket } = config;
    this.#width = map[0].length;
    this.#height = map.length;
    this.#walls = Uint8Array.from(map.join(""), (letter) => (letter === "#" ? 1 : 0));
    this.#dt = f32(1 / tickHz);
    this.#radius = f32(ship.radius_m);
    this.#radiusDoubled = f32(this.#radius * 2);
    this.#speed = f32(ship.speed_mps);
    this.#speedStep = f32(f32(ship.acceleration_mps2) * this.#dt);
    this.#stride = f32(this.#radius * 0.5);
    this.#isSolid = ship.solid;
    this.#beamTicks = ticksOf(beam.cooldown_s, tickHz);
    this.#beamRange = f32(beam.range_m);
    this.#rocketTicks = ticksOf(rocket.cooldown_s, tickHz);
    this.#rocketSpeed = f32(rocket.speed_mps);
    this.#rocketLife = ticksOf(rocket.life_s, tickHz);
  }

  /**
   * The own ship and its rockets as the server has shown them; null between two lives.
   * @param {{tick: number, me: number | null, own: any, entities: Iterable<Row>}} seen
   * @returns {Ahead | null}
   */
  ahead({ tick, me, own, entities }) {
    if (!own) return null;
    let ship = null;
    /** @type {Rocket[]} */
    const rockets = [];
    for (const entity of entities) {
      if (!this.isAhead(entity, me)) continue;
      if (entity.kind === "Ship") ship = entity;
      else {
        const { id, x, y, vx, vy } = entity;
        rockets.push({ id, x, y, vx, vy, endsAt: (tick + UNKNOWN_LIFE_TICKS) >>> 0 });
      }
    }
    if (!ship) return null;
    const { id, player, aim, health, kills, deaths } = ship;
    const { x, y, vx, vy, ammo } = own;
    const beamReady = (tick + own.beam_wait) >>> 0;
    const rocketReady = (tick + own.rocket_wait) >>> 0;
    return { id, player, x, y, vx, vy, aim, health, ammo, beamReady, rocketReady, kills, deaths, rockets };
  }

  /** One that goes its own way. @param {Ahead} ahead @returns {Ahead} */
  copy(ahead) {
    return { ...ahead, rockets: ahead.rockets.map((rocket) => ({ ...rocket })) };
  }

  /**
   * Does what one tick's step does, in place. `others` are all others as the screen shows them.
   * @param {Ahead} ahead
   * @param {Input} input as it is given to `room.input`: it is taken with the numbers that travel
   * @param {{tick: number, me: number, others: Row[], foretell(event: Row): void}} step
   */
  advance(ahead, input, { tick, me, others, foretell }) {
    this.#obey(ahead, input);
    if (this.#isSolid) {
      for (const other of others) {
        if (isOtherShip(other, me)) this.#giveWay(ahead, f32(other.x), f32(other.y));
      }
    }
    if (this.#firesBeam(ahead, input, tick)) foretell(this.#beam(ahead, me, others));
    if (this.#firesRocket(ahead, input, tick)) ahead.rockets.push(this.#launch(ahead, tick));
    const { rockets } = ahead;
    let flying = 0;
    for (let i = 0; i < rockets.length; i++) {
      const rocket = rockets[i];
      if (this.#flyRocket(rocket, tick)) rockets[flying++] = rocket;
      else foretell({ kind: "Explosion", player: me, x: rocket.x, y: rocket.y });
    }
    rockets.length = flying;
  }

  /**
   * What is to be shown of it, the ship first; without an id is what the server has not shown yet.
   * @param {Ahead} ahead
   * @returns {(Row & {id: number | null})[]}
   */
  show({ id, player, x, y, vx, vy, aim, health, kills, deaths, rockets }) {
    /** @type {(Row & {id: number | null})[]} */
    const shown = [{ id, kind: "Ship", player, x, y, vx, vy, aim, health, alive: health > 0, kills, deaths }];
    for (const { id, x, y, vx, vy } of rockets) shown.push({ id, kind: "Rocket", player, x, y, vx, vy });
    return shown;
  }

  /** Whether it is predicted, and so not to be shown as the server shows it. @param {Row} entity @param {number | null} me */
  isAhead({ kind, player, alive }, me) {
    return player === me && (kind === "Rocket" || (kind === "Ship" && alive));
  }

  /** Where the ship is. @param {Ahead} ahead @returns {[number, number]} */
  place({ x, y }) {
    return [x, y];
  }

  /** Moves the ship, to show it where a mistake is not seen. @param {Ahead} ahead @param {number} x @param {number} y by so much */
  displace(ahead, x, y) {
    ahead.x = f32(ahead.x + f32(x));
    ahead.y = f32(ahead.y + f32(y));
  }

  /** Whether a predicted event is this one of the server's, in the same tick. @param {Row} predicted @param {Row} event */
  isSameEvent(predicted, event) {
    if (predicted.kind !== event.kind || predicted.player !== event.player) return false;
    if (event.kind === "Beam") return true;
    return event.kind === "Explosion" && Math.hypot(predicted.x - event.x, predicted.y - event.y) < EXPLOSION_SLIP_M;
  }

  // ---- The ship: games/arena/src/ship.rs.

  /** Aims and flies for one tick. @param {Ahead} ship @param {Input} input */
  #obey(ship, input) {
    ship.aim = angleAsSent(input.aim);
    this.#fly(ship, f32(shareAsSent(input.x) / 127), f32(shareAsSent(input.y) / 127));
  }

  /** Flies for one tick, with a wish of length 0 to 1 for the share of full speed. @param {Ahead} ship @param {number} wishX @param {number} wishY */
  #fly(ship, wishX, wishY) {
    // `clamp_length_max(1)`: the length is taken of what is longer alone.
    const wishSquared = dot(wishX, wishY, wishX, wishY);
    if (wishSquared > 1) {
      const wish = f32(Math.sqrt(wishSquared));
      wishX = f32(wishX / wish);
      wishY = f32(wishY / wish);
    }
    this.#moveTowards(ship, f32(wishX * this.#speed), f32(wishY * this.#speed));
    // In steps shorter than the radius, so that no wall is passed over at any tick rate.
    const way = f32(length(ship.vx, ship.vy) * this.#dt);
    const steps = Math.max(Math.ceil(f32(way / this.#stride)), 1);
    const stepS = f32(this.#dt / steps);
    for (let step = 0; step < steps; step++) {
      ship.x = f32(ship.x + f32(ship.vx * stepS));
      ship.y = f32(ship.y + f32(ship.vy * stepS));
      this.#keepOutOfWalls(ship);
    }
    settle(ship);
  }

  /** Brings the velocity nearer to this one, as `move_towards` does. @param {Ahead} ship @param {number} vx @param {number} vy */
  #moveTowards(ship, vx, vy) {
    const missingX = f32(vx - ship.vx);
    const missingY = f32(vy - ship.vy);
    const missing = length(missingX, missingY);
    if (missing <= this.#speedStep || missing <= f32(1e-4)) {
      ship.vx = vx;
      ship.vy = vy;
      return;
    }
    ship.vx = f32(ship.vx + f32(f32(missingX / missing) * this.#speedStep));
    ship.vy = f32(ship.vy + f32(f32(missingY / missing) * this.#speedStep));
  }

  /** Moves out of the way of another ship by half of what they overlap. @param {Ahead} ship @param {number} otherX @param {number} otherY */
  #giveWay(ship, otherX, otherY) {
    const awayX = f32(ship.x - otherX);
    const awayY = f32(ship.y - otherY);
    const distance = length(awayX, awayY);
    const overlap = f32(this.#radiusDoubled - distance);
    if (overlap <= 0) return;
    // `normalize_or`: two ships at the very same place go apart along x.
    const scale = f32(1 / distance);
    const isSomewhere = scale < Infinity;
    const outX = isSomewhere ? f32(awayX * scale) : 1;
    const outY = isSomewhere ? f32(awayY * scale) : 0;
    const half = f32(overlap * 0.5);
    ship.x = f32(ship.x + f32(outX * half));
    ship.y = f32(ship.y + f32(outY * half));
    stopInwards(ship, outX, outY);
    this.#keepOutOfWalls(ship);
    settle(ship);
  }

  /**
   * Moves the circle out of the cells around its middle and takes the speed into them away: first at
   * the four sides, then at the corners.
   * @param {Ahead} ship
   */
  #keepOutOfWalls(ship) {
    const radius = this.#radius;
    const column = Math.floor(ship.x);
    const row = Math.floor(ship.y);
    const left = f32(column + radius);
    const right = f32(column + 1 - radius);
    const top = f32(row + radius);
    const bottom = f32(row + 1 - radius);
    if (ship.x < left && this.#isWall(column - 1, row)) {
      ship.x = left;
      ship.vx = Math.max(ship.vx, 0);
    }
    if (ship.x > right && this.#isWall(column + 1, row)) {
      ship.x = right;
      ship.vx = Math.min(ship.vx, 0);
    }
    if (ship.y < top && this.#isWall(column, row - 1)) {
      ship.y = top;
      ship.vy = Math.max(ship.vy, 0);
    }
    if (ship.y > bottom && this.#isWall(column, row + 1)) {
      ship.y = bottom;
      ship.vy = Math.min(ship.vy, 0);
    }
    for (let corner = 0; corner < 4; corner++) {
      const isRight = corner & 1;
      const isLower = corner >> 1;
      const cornerX = column + isRight;
      const cornerY = row + isLower;
      const awayX = f32(ship.x - cornerX);
      const awayY = f32(ship.y - cornerY);
      const distance = length(awayX, awayY);
      // The cell beyond the corner.
      if (distance < radius && distance > 0 && this.#isWall(cornerX - 1 + isRight, cornerY - 1 + isLower)) {
        const outX = f32(awayX / distance);
        const outY = f32(awayY / distance);
        ship.x = f32(cornerX + f32(outX * radius));
        ship.y = f32(cornerY + f32(outY * radius));
        stopInwards(ship, outX, outY);
      }
    }
  }

  /** Whether a cell is wall, as all beyond the map is. @param {number} column @param {number} row */
  #isWall(column, row) {
    const isInside = column >= 0 && column < this.#width && row >= 0 && row < this.#height;
    return !isInside || this.#walls[row * this.#width + column] === 1;
  }

  /** Fires the beam if that is asked for and it is ready. @param {Ahead} ship @param {Input} input @param {number} now */
  #firesBeam(ship, input, now) {
    if (!input.beam || isAfter(ship.beamReady, now)) return false;
    ship.beamReady = (now + this.#beamTicks) >>> 0;
    return true;
  }

  /** Fires a rocket if that is asked for, one is left and it is ready. @param {Ahead} ship @param {Input} input @param {number} now */
  #firesRocket(ship, input, now) {
    if (!input.rocket || ship.ammo === 0 || isAfter(ship.rocketReady, now)) return false;
    ship.rocketReady = (now + this.#rocketTicks) >>> 0;
    ship.ammo -= 1;
    return true;
  }

  // ---- Beams and rockets: games/arena/src/weapons.rs, targets.rs and map.rs. Nothing of them comes back to the
  // ship. So it is enough that sine and cosine are close to those of the rules, to 1e-6, whoever's they are: they
  // only say where to draw something until the server says it.

  /** Where a beam goes: to the first ship or wall that it meets, or as far as it reaches. @param {Ahead} ship @param {number} me @param {Row[]} others */
  #beam({ x, y, aim }, me, others) {
    const directionX = f32(Math.cos(aim));
    const directionY = f32(Math.sin(aim));
    const range = this.#reach(x, y, directionX, directionY, this.#beamRange);
    let distance = range;
    for (const other of others) {
      if (!isOtherShip(other, me)) continue;
      distance = Math.min(distance, this.#meets(f32(f32(other.x) - x), f32(f32(other.y) - y), directionX, directionY));
    }
    const to_x = f32(x + f32(directionX * distance));
    const to_y = f32(y + f32(directionY * distance));
    return { kind: "Beam", player: me, x, y, to_x, to_y };
  }

  /**
   * How far along a ray it enters the circle of a ship that is so far away; 0 from within, infinity if it misses.
   * @param {number} wayX @param {number} wayY @param {number} directionX @param {number} directionY
   */
  #meets(wayX, wayY, directionX, directionY) {
    const waySquared = dot(wayX, wayY, wayX, wayY);
    const radiusSquared = f32(this.#radius * this.#radius);
    if (waySquared <= radiusSquared) return 0;
    const along = dot(wayX, wayY, directionX, directionY);
    const halfChordSquared = f32(radiusSquared - f32(waySquared - f32(along * along)));
    return along > 0 && halfChordSquared >= 0 ? f32(along - f32(Math.sqrt(halfChordSquared))) : Infinity;
  }

  /** A rocket as it leaves the ship. @param {Ahead} ship @param {number} now @returns {Rocket} */
  #launch({ x, y, aim }, now) {
    const vx = f32(f32(Math.cos(aim)) * this.#rocketSpeed);
    const vy = f32(f32(Math.sin(aim)) * this.#rocketSpeed);
    return { id: null, x, y, vx, vy, endsAt: (now + this.#rocketLife) >>> 0 };
  }

  /** Flies a rocket for one tick; whether it still flies then. Whom it hits is the server's to tell. @param {Rocket} rocket @param {number} now */
  #flyRocket(rocket, now) {
    const way = f32(this.#rocketSpeed * this.#dt);
    const directionX = f32(rocket.vx / this.#rocketSpeed);
    const directionY = f32(rocket.vy / this.#rocketSpeed);
    const free = this.#reach(rocket.x, rocket.y, directionX, directionY, way);
    const stop = free < way ? Math.max(f32(free - FUSE_M), 0) : free;
    rocket.x = f32(rocket.x + f32(directionX * stop));
    rocket.y = f32(rocket.y + f32(directionY * stop));
    return free >= way && isAfter(rocket.endsAt, now);
  }

  /**
   * How far one comes along a unit vector before there is a wall, at most `range`: from cell to cell (Amanatides
   * and Woo, 1987).
   * @param {number} x @param {number} y @param {number} directionX @param {number} directionY @param {number} range
   */
  #reach(x, y, directionX, directionY, range) {
    let column = Math.floor(x);
    let row = Math.floor(y);
    const stepX = directionX < 0 ? -1 : 1;
    const stepY = directionY < 0 ? -1 : 1;
    // The distance along the ray from one border between cells to the next, and to the first.
    const betweenX = f32(Math.abs(1 / directionX));
    const betweenY = f32(Math.abs(1 / directionY));
    let borderX = firstBorder(x, directionX, betweenX);
    let borderY = firstBorder(y, directionY, betweenY);
    let travelled = 0;
    while (!this.#isWall(column, row)) {
      if (borderX < borderY) {
        travelled = borderX;
        borderX = f32(borderX + betweenX);
        column += stepX;
      } else {
        travelled = borderY;
        borderY = f32(borderY + betweenY);
        row += stepY;
      }
      if (travelled >= range) return range;
    }
    return travelled;
  }
}

/**
 * Whether it is another player's living ship. A screen shows the own one as one of the others for a moment, when a
 * life begins.
 * @param {Row} row @param {number} me
 */
const isOtherShip = ({ kind, player, alive }, me) => kind === "Ship" && alive && player !== me;

/** Rounds to what a client is told. @param {Ahead} ship */
function settle(ship) {
  ship.x = roundPosition(ship.x);
  ship.y = roundPosition(ship.y);
  ship.vx = roundVelocity(ship.vx);
  ship.vy = roundVelocity(ship.vy);
}

/** Takes the speed against this unit vector away. @param {Ahead} ship @param {number} outX @param {number} outY */
function stopInwards(ship, outX, outY) {
  const inwards = Math.min(dot(ship.vx, ship.vy, outX, outY), 0);
  ship.vx = f32(ship.vx - f32(outX * inwards));
  ship.vy = f32(ship.vy - f32(outY * inwards));
}

/** How far along a ray the first border between cells is; never, along an axis that it does not move on. @param {number} from @param {number} direction @param {number} between */
function firstBorder(from, direction, between) {
  if (between === Infinity) return Infinity;
  const floor = Math.floor(from);
  return f32((direction > 0 ? f32(floor + 1 - from) : f32(from - floor)) * between);
}
