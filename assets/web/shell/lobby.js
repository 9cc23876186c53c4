/** The list of open rooms, asked for again while it is seen. */

import { make, part } from "./dom.js";
import { clientOf } from "./server.js";

const EVERY_MS = 3000;

export class Lobby {
  #game;
  #onJoin;
  #timer = 0;
  #client = clientOf("Lobby");

  /** @param {string} game @param {(roomId: string) => void} onJoin */
  constructor(game, onJoin) {
    this.#game = game;
    this.#onJoin = onJoin;
  }

  open() {
    this.close();
    const again = async () => {
      const timer = this.#timer;
      await this.#refresh();
      if (timer === this.#timer) this.#timer = setTimeout(again, EVERY_MS);
    };
    this.#timer = setTimeout(again, 0);
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  async #refresh() {
    if (document.hidden) return;
    try {
      const { rooms, total } = await this.#client.rooms(this.#game);
      const more = total > rooms.length ? [note(`and ${total - rooms.length} more`)] : [];
      const lines = rooms.map((room) => this.#line(room));
      part("rooms").replaceChildren(...(lines.length ? lines : [note("No room is open. Play, and there is one.")]), ...more);
    } catch {
      part("rooms").replaceChildren(note("The server does not answer. Asking again…"));
    }
  }

  #line({ room, players, bots, seats }) {
    const isFull = players >= seats;
    const meter = make("span", { className: "meter", title: `${players} players and ${bots} bots on ${seats} seats` });
    const filled = (count, kind) => {
      const bar = make("i", { className: kind });
      bar.style.width = `${(100 * count) / seats}%`;
      return bar;
    };
    meter.append(filled(players, "players"), filled(bots, "bots"));
    const count = players === 0 ? "Nobody yet" : players === 1 ? "1 player" : `${players} players`;
    return make("li", { testid: `room-${room}` },
      make("code", {}, room),
      make("span", { className: "count" }, `${count}${bots ? `, ${bots} ${bots === 1 ? "bot" : "bots"}` : ""}`),
      meter,
      make("button", { className: "quiet", disabled: isFull, onclick: () => this.#onJoin(room) }, isFull ? "Full" : "Join"));
  }
}

const note = (text) => make("li", { className: "note" }, text);
