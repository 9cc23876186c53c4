/** What plays behind the start: a match of nobody, made up as it goes. */

import { wantsStillness } from "/shell/dom.js";
import { seatColor } from "./palette.js";
import { Scene } from "./scene.js";
import { Walls } from "./walls.js";

const ROWS = [
  "##############################################",
  "#............#....................#..........#",
  "#............#....................#..........#",
  "#....###...........####..####................#",
  "#....#................................####...#",
  "#....#....................................#..#",
  "#..............#..............#..............#",
  "###......###...#....##........#...###......###",
  "#...................##.......................#",
  "#............................................#",
  "#......#..........................#..........#",
  "#......#.......###......###.......#......#...#",
  "#......#.................................#...#",
  "#.............#................#.........#...#",
  "#.............#................#.............#",
  "###......###........##............###......###",
  "#...................##.......................#",
  "#....#.....................................#.#",
  "#....#................................#......#",
  "#....###...........####..####.......###......#",
  "#............#....................#..........#",
  "#............#....................#..........#",
  "##############################################",
];
const SHIPS = 9;
const SHOT_EVERY_MS = 420;
const ROCKET_SPEED_MPS = 13;

export class Attract {
  #scene;
  #ships;
  #pickups;
  #rockets = [];
  #shotAt = 0;

  constructor(stage) {
    this.#scene = new Scene(stage, new Walls(ROWS));
    this.#ships = Array.from({ length: SHIPS }, (_, player) => ({ kind: "Ship", alive: true, player, x: 0, y: 0, aim: 0 }));
    this.#pickups = [[9.5, 9.5, "Health"], [36.5, 13.5, "Ammo"], [22.5, 5.5, "Ammo"], [22.5, 18.5, "Health"]].map(
      ([x, y, item]) => ({ kind: "Pickup", item, present: true, x, y }),
    );
  }

  draw(now, dtMs) {
    const time = wantsStillness.matches ? 40 : now / 1000;
    for (const ship of this.#ships) this.#fly(ship, time);
    if (!wantsStillness.matches) this.#fight(now, dtMs);
    this.#scene.x = 23 + Math.sin(time / 17) * 4;
    this.#scene.y = 11.5 + Math.sin(time / 13) * 1.5;
    this.#scene.draw(now, dtMs, [...this.#pickups, ...this.#rockets, ...this.#ships]);
  }

  /** Round and round, each its own way. */
  #fly(ship, time) {
    const { player } = ship;
    const at = (when) => {
      const turn = when * (0.35 + player * 0.021) + player * 2.1;
      return [23 + Math.cos(turn) * (10 + (player % 4) * 3.5), 11.5 + Math.sin(turn * (1 + (player % 3) * 0.5)) * (4 + (player % 3) * 2.8)];
    };
    [ship.x, ship.y] = at(time);
    const [x, y] = at(time + 0.15);
    ship.aim = Math.atan2(y - ship.y, x - ship.x);
    ship.vx = (x - ship.x) / 0.15;
    ship.vy = (y - ship.y) / 0.15;
  }

  #fight(now, dtMs) {
    const { effects } = this.#scene;
    for (const rocket of this.#rockets) {
      rocket.x += (rocket.vx * dtMs) / 1000;
      rocket.y += (rocket.vy * dtMs) / 1000;
      if (now > rocket.endsAt) effects.explosion(now, rocket.x, rocket.y, 2);
    }
    this.#rockets = this.#rockets.filter((rocket) => now <= rocket.endsAt);
    if (now - this.#shotAt < SHOT_EVERY_MS) return;
    this.#shotAt = now;
    const by = this.#ships[Math.floor(Math.random() * SHIPS)];
    const others = this.#ships.filter((ship) => ship !== by && Math.hypot(ship.x - by.x, ship.y - by.y) < 12);
    const target = others[Math.floor(Math.random() * others.length)];
    if (!target) return;
    const turn = Math.atan2(target.y - by.y, target.x - by.x);
    if (Math.random() < 0.7) {
      effects.beam(now, by.x + Math.cos(turn) * 0.5, by.y + Math.sin(turn) * 0.5, target.x, target.y, seatColor(by.player));
      this.#scene.flash(target.player, now);
    } else {
      const [vx, vy] = [Math.cos(turn) * ROCKET_SPEED_MPS, Math.sin(turn) * ROCKET_SPEED_MPS];
      const far = Math.hypot(target.x - by.x, target.y - by.y);
      this.#rockets.push({ kind: "Rocket", player: by.player, x: by.x, y: by.y, vx, vy, endsAt: now + (far / ROCKET_SPEED_MPS) * 1000 });
    }
  }
}
