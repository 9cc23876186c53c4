/** One seat in one game, by nothing but socket.io-client. */

import { io } from "/socket.io/socket.io.esm.min.js";

const PING_EVERY_MS = 2000;
const ANSWER_TIME_MAX_MS = 5000;
/** Before who was sent away asks again, unless told how long to wait. */
const PAUSE_MS = 1000;
/** The same input is said again after so many ticks, before the server takes the player to be gone. */
const REPEAT_TICKS = 8;

/** What became of a connection, by the words of Socket.IO. */
const LOST = {
  "ping timeout": "Nothing was heard from the server",
  "transport close": "The connection was lost",
  "transport error": "The connection was lost",
  "io server disconnect": "The server ended the connection",
};

/**
 * Joins a room of the game and comes back to its seat. `on` is called after what changes: the
 * transport, the ping, what went wrong.
 */
export class Line {
  /** `{ room, player, seats, config, ... }` once there is a seat. */
  joined = null;
  /** Who is in the room: entries `{ player, name, isBot, isAway }` by seat. */
  roster = new Map();
  /** "polling" or "websocket"; null without a connection. */
  transport = null;
  pingMs = null;
  /** What is wrong, in words; empty when nothing is. */
  trouble = "";
  /** Whether it has given up, until it is told to connect. */
  isOver = false;
  /** Called with the entry of who left. */
  onLeave = null;
  /** Called with what the server did not like. */
  onComplaint = null;
  #name;
  #resume = null;
  #last = null;
  #lastTick = 0;
  #tick = 0;
  #timer = 0;

  constructor(game, name, onChange) {
    this.game = game;
    this.#name = name;
    this.onChange = onChange;
    // With `forceNew`, each has a connection of its own: who has one has one seat.
    this.socket = io({
      forceNew: true,
      reconnectionDelay: 200,
      reconnectionDelayMax: 1500,
      auth: (tell) => tell({ name: this.#name, state: "json", ...(this.#resume && { resume: this.#resume }) }),
    });
    this.#followConnection();
    this.#followRoom();
    setInterval(() => this.#ping(), PING_EVERY_MS);
    // Who leaves the page gives the seat back.
    addEventListener("pagehide", () => this.socket.disconnect());
    addEventListener("pageshow", ({ persisted }) => persisted && this.connect());
  }

  nameOf(player) {
    return this.roster.get(player)?.name ?? `Seat ${player}`;
  }

  /** Comes in anew, under another name. */
  rename(name) {
    this.#name = name;
    this.socket.disconnect();
    this.connect();
  }

  /** Connects, after all was over. */
  connect() {
    this.isOver = false;
    this.socket.connect();
  }

  /** Says what the player does in the next tick; only when it is something else, or was long ago. */
  input(input) {
    if (!this.joined || !this.socket.connected) return;
    const text = JSON.stringify(input);
    if (text === this.#last && this.#tick - this.#lastTick < REPEAT_TICKS) return;
    [this.#last, this.#lastTick] = [text, this.#tick];
    this.socket.emit("input", input);
  }

  #followConnection() {
    const { socket } = this;
    socket.io.on("open", () => {
      const { engine } = socket.io;
      this.#change({ transport: engine.transport.name });
      engine.on("upgrade", ({ name }) => this.#change({ transport: name }));
    });
    socket.on("connect", () => {
      // Who showed a resume token is told of the seat without asking.
      if (!this.#resume) this.#join();
    });
    socket.on("connect_error", ({ message }) => {
      // The line could not be had: it is tried again without being asked for.
      if (socket.active) return this.#change({ trouble: "The server does not answer. Trying again…" });
      // The server has answered, and does not want this.
      if (message.startsWith("seat_lost")) {
        this.#resume = null;
        this.connect();
      } else {
        this.#giveUp(message.replace(/^\w+: /, ""));
      }
    });
    socket.on("close", ({ message, comesBack, retryAfterMs }) => {
      if (comesBack) this.#comeBack(message, retryAfterMs);
      else this.#giveUp(message);
    });
    socket.on("disconnect", (reason) => {
      this.#change({ transport: null, pingMs: null });
      if (reason === "io client disconnect") {
        this.#resume = this.joined = null;
      } else if (!this.trouble) {
        // By itself it comes back only when the line was lost, not when the server ended it.
        if (socket.active) this.#change({ trouble: `${LOST[reason] ?? reason}. Coming back…` });
        else this.#comeBack(LOST[reason] ?? reason);
      }
    });
    socket.on("error", ({ message }) => this.onComplaint?.(message));
  }

  #join() {
    this.socket.emit("join", { game: this.game }, (answer) => {
      if (!answer.ok) this.#again(answer.message, answer.retryAfterMs, () => this.socket.connected && this.#join());
    });
  }

  #followRoom() {
    const { socket, roster } = this;
    socket.on("joined", (joined) => {
      this.#resume = joined.resumeToken;
      this.#last = null;
      roster.clear();
      for (const entry of joined.roster) roster.set(entry.player, entry);
      this.#change({ joined, trouble: "" });
    });
    socket.on("state", ({ tick }) => (this.#tick = tick));
    socket.on("join", (entry) => roster.set(entry.player, entry));
    socket.on("leave", ({ player }) => {
      const entry = roster.get(player);
      roster.delete(player);
      this.onLeave?.(entry);
    });
    socket.on("away", ({ player }) => Object.assign(roster.get(player) ?? {}, { isAway: true }));
    socket.on("back", ({ player }) => Object.assign(roster.get(player) ?? {}, { isAway: false }));
  }

  async #ping() {
    if (!this.socket.connected) return;
    const began = performance.now();
    try {
      await this.socket.timeout(ANSWER_TIME_MAX_MS).emitWithAck("ping", 0);
      this.#change({ pingMs: performance.now() - began });
    } catch {
      this.#change({ pingMs: null });
    }
  }

  #comeBack(why, afterMs) {
    this.#again(why, afterMs, () => this.socket.connect());
  }

  #again(why, afterMs = PAUSE_MS, act) {
    this.#change({ trouble: `${why}. Trying again…` });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, afterMs);
  }

  #giveUp(trouble) {
    // It would come back by itself.
    this.socket.disconnect();
    this.#resume = null;
    this.#change({ trouble, isOver: true, joined: null });
  }

  #change(what) {
    Object.assign(this, what);
    this.onChange(this);
  }
}
