/** What stands around the match: scores, feed, health, rockets, clock, and words in the middle. */

import { make, part, write } from "/shell/dom.js";
import { OWN, seatColor } from "./palette.js";

const FEED_LINES_MAX = 5;
const FEED_TIME_MS = 6000;
const COMPACT_LINES = 5;

export class Hud {
  #room;
  #scores = "";
  #rockets = "";
  #calloutTimer = 0;
  isExpanded = false;

  constructor(room) {
    this.#room = room;
    part("feed").replaceChildren();
    part("callout").textContent = "";
  }

  nameOf = (player) => this.#room.roster.get(player)?.name ?? `Seat ${player}`;

  colorOf = (player) => (player === this.#room.player ? OWN : seatColor(player));

  #name(player) {
    const name = make("b", {}, this.nameOf(player));
    name.style.color = this.colorOf(player);
    return name;
  }

  /** Who shot whom. */
  tellKill({ killer, victim, weapon }) {
    const isOwn = killer === this.#room.player || victim === this.#room.player;
    const line = make("li", { className: isOwn ? "own" : "" }, this.#name(killer), make("i", { className: weapon.toLowerCase(), title: weapon }), this.#name(victim));
    if (killer === victim) line.replaceChildren(this.#name(victim), " fell");
    part("feed").append(line);
    while (part("feed").children.length > FEED_LINES_MAX) part("feed").firstChild.remove();
    setTimeout(() => line.remove(), FEED_TIME_MS);
  }

  /** Words in the middle for a moment, or until the next ones. */
  call(text, kind = "", forMs = 1600) {
    clearTimeout(this.#calloutTimer);
    const callout = part("callout");
    callout.replaceChildren(make("span", { className: kind }, text));
    if (forMs) this.#calloutTimer = setTimeout(() => callout.replaceChildren(), forMs);
  }

  /** Some times a second. */
  update(ships, own, clockEndsAt) {
    this.#showScores(ships);
    const { state, tickHz, config } = this.#room;
    const left = clockEndsAt === null ? 0 : Math.max(0, Math.ceil((clockEndsAt - state.tick) / tickHz));
    write(part("clock"), `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
    part("clock").classList.toggle("late", left <= 15);
    const ship = ships.find(({ player }) => player === this.#room.player);
    const health = ship?.alive ? ship.health : 0;
    const max = config.ship?.health ?? 100;
    write(part("health-number"), String(health));
    part("health-bar").style.width = `${(100 * health) / max}%`;
    part("vitals").classList.toggle("low", health <= max * 0.35);
    const ammo = own?.ammo ?? 0;
    const rockets = `${ammo} of ${config.rocket?.ammo_max ?? 9}`;
    if (rockets !== this.#rockets) {
      this.#rockets = rockets;
      const all = Array.from({ length: config.rocket?.ammo_max ?? 9 }, (_, i) => make("i", { className: i < ammo ? "full" : "" }));
      part("rockets").replaceChildren(...all);
      part("rockets").title = `${rockets} rockets`;
      write(part("rocket-count"), String(ammo));
    }
    const wait = own?.respawn_wait ?? 0;
    part("respawn").hidden = wait === 0 || ship?.alive !== false;
    if (wait > 0) write(part("respawn-number"), (wait / tickHz).toFixed(1));
  }

  #showScores(ships) {
    const ranked = [...ships].sort((a, b) => b.kills - a.kills || a.deaths - b.deaths || a.player - b.player);
    const { player, roster } = this.#room;
    const place = ranked.findIndex((ship) => ship.player === player);
    const shown = this.isExpanded ? ranked : ranked.filter((_, i) => i < COMPACT_LINES - (place >= COMPACT_LINES ? 1 : 0) || i === place);
    const lines = shown.map((ship) => [ranked.indexOf(ship) + 1, this.nameOf(ship.player), ship.kills, ship.deaths, roster.get(ship.player)?.isBot ?? false, ship.player]);
    const key = JSON.stringify([lines, player]);
    if (key === this.#scores) return;
    this.#scores = key;
    part("scores").replaceChildren(...lines.map(([rank, name, kills, deaths, isBot, seat]) => {
      const dot = make("i");
      dot.style.background = this.colorOf(seat);
      const who = make("td", { className: "who" }, dot, name);
      if (isBot) who.append(make("small", {}, "bot"));
      return make("tr", { className: seat === player ? "own" : "" },
        make("td", { className: "quiet" }, String(rank)), who,
        make("td", { className: "number" }, String(kills)), make("td", { className: "number quiet" }, String(deaths)));
    }));
  }

  expand(isExpanded) {
    this.isExpanded = isExpanded;
    part("scoreboard").classList.toggle("expanded", isExpanded);
  }
}
