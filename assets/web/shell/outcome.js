/** The time between two matches: who won, and when the next one begins. */

import { make, part, write } from "./dom.js";

const LINES_MAX = 10;
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };
const rules = new Intl.PluralRules("en", { type: "ordinal" });

const ordinal = (number) => `${number}${ENDINGS[rules.select(number)]}`;

export class Outcome {
  #room;
  #nextTick = null;

  constructor(room, colorOf, unit) {
    this.#room = room;
    room.on("outcome", (outcome) => this.#show(outcome, colorOf, unit));
    room.on("match_began", () => this.hide());
    room.on("join", () => this.hide());
  }

  get isShown() {
    return this.#nextTick !== null;
  }

  #show({ standings, nextMatchTick }, colorOf, unit) {
    const { player, roster } = this.#room;
    this.#nextTick = nextMatchTick;
    const names = new Map([...roster].map(([seat, { name }]) => [seat, name]));
    const place = standings.findIndex((line) => line.player === player);
    const winner = standings[0];
    write(part("outcome-title"), place === 0 ? "You win" : `${names.get(winner?.player) ?? "Nobody"} wins`);
    write(part("outcome-place"), place < 0 ? "" : `You came ${ordinal(place + 1)} of ${standings.length}.`);
    const shown = standings.map((line, i) => ({ ...line, rank: i + 1 })).filter(({ rank }) => rank <= LINES_MAX || rank === place + 1);
    part("standings").replaceChildren(...shown.map((line) => {
      const dot = make("i");
      dot.style.background = colorOf(line.player);
      const who = make("td", { className: "who" }, dot, names.get(line.player) ?? `Seat ${line.player}`);
      if (roster.get(line.player)?.isBot) who.append(make("small", {}, "bot"));
      return make("tr", { className: line.player === player ? "own" : "" },
        make("td", { className: "quiet" }, String(line.rank)), who, make("td", { className: "number" }, `${line.score}`));
    }));
    write(part("outcome-unit"), unit);
    part("outcome").hidden = false;
    this.update();
  }

  /** Counts down. */
  update() {
    if (this.#nextTick === null) return;
    const { state, tickHz } = this.#room;
    const left = Math.ceil((this.#nextTick - state.tick) / tickHz);
    write(part("outcome-next"), left > 0 ? `The next match begins in ${left} s.` : "The next match begins.");
    // What ended while the page slept is over.
    if (left < -3) this.hide();
  }

  hide() {
    this.#nextTick = null;
    part("outcome").hidden = true;
  }
}
