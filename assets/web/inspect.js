/** The page that shows any room of any game, by its schema alone. */

import { make, part, write } from "/shell/dom.js";
import { Banner } from "/shell/banner.js";
import { expose } from "/shell/hooks.js";
import { rememberedName } from "/shell/name.js";
import { clientOf } from "/shell/server.js";
import { wordsOf } from "/shell/trouble.js";
import { EntityTables, shown } from "/inspect/entities.js";
import { showSchema } from "/inspect/schema.js";
import { Spark } from "/inspect/spark.js";

const UPDATE_EVERY_MS = 100;
const ROOMS_EVERY_MS = 4000;
const EVENTS_MAX = 200;

const client = clientOf(rememberedName());
const banner = new Banner(document.body);
const wanted = new URLSearchParams(location.search);
let room = null;
let tables = null;
let spark = null;
let log = [];

/** Fills the choices with what the server hosts. */
async function refresh() {
  if (!room && !document.hidden) {
    try {
      const { games } = await client.rooms();
      offer(part("game"), games.map((game) => [game, game]), wanted.get("game") ?? "arena");
      const { rooms } = await client.rooms(part("game").value);
      offer(part("room"), [["", "any"], ...rooms.map(({ room, players, bots }) => [room, `${room} (${players} + ${bots})`])], wanted.get("room") ?? "");
      if (part("trouble").dataset.of === "listing") part("trouble").hidden = true;
    } catch (error) {
      showTrouble(error, "listing");
    }
  }
}

/** Keeps what is chosen, if it is still offered. */
function offer(select, choices, first) {
  const chosen = select.options.length ? select.value : first;
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
  select.value = choices.some(([value]) => value === chosen) ? chosen : choices[0]?.[0] ?? "";
}

async function join() {
  part("trouble").hidden = true;
  part("join").disabled = true;
  try {
    const id = part("room").value;
    follow(await (id ? client.joinById(id) : client.joinOrCreate(part("game").value)));
  } catch (error) {
    showTrouble(error, "join");
  }
  part("join").disabled = false;
}

function follow(joined) {
  room = joined;
  banner.follow(room);
  log = [];
  spark = new Spark();
  const begin = () => {
    tables = new EntityTables(room);
    showSchema(room.schema);
  };
  begin();
  room.on("join", begin);
  room.onStateChange(() => spark.tick());
  const note = (kind, fields, tick) => {
    log.push(`${tick} ${kind} ${Object.entries(fields).filter(([key]) => key !== "kind").map(([key, value]) => `${key}=${shown(value)}`).join(" ")}`);
    if (log.length > EVENTS_MAX) log.shift();
  };
  room.onMessage("*", (event, tick) => note(event.kind, event, tick));
  for (const kind of ["player_joined", "player_left", "match_began", "time_dropped", "outcome"]) {
    room.on(kind, (fields) => note(kind, fields.standings ? {} : fields, room.state.tick));
  }
  room.onLeave((reason) => {
    room = null;
    write(part("join"), "Join");
    part("game").disabled = part("room").disabled = false;
    if (reason.name !== "normal") showTrouble(reason.error ?? reason, "join");
  });
  offer(part("room"), [[room.id, room.id]], room.id);
  write(part("join"), "Leave");
  part("game").disabled = part("room").disabled = true;
}

function showTrouble(error, of) {
  const text = wordsOf(error).join(" ");
  part("trouble").dataset.of = of;
  part("trouble").hidden = false;
  write(part("trouble"), text);
  banner.last = text;
}

function update() {
  if (!room || document.hidden) return;
  tables.update();
  spark.draw(room.tickHz);
  const own = Object.entries(room.state.own ?? {}).filter(([key]) => key !== "kind");
  const about = [["room", room.id], ["seat", room.player], ["tick", room.state.tick], ...own];
  part("own").replaceChildren(...about.flatMap(([key, value]) => [make("dt", { className: "quiet" }, key), make("dd", {}, shown(value))]));
  part("events").replaceChildren(...log.slice(-60).reverse().map((line) => make("li", {}, line)));
}

part("choice").addEventListener("submit", (event) => {
  event.preventDefault();
  void (room ? room.leave() : join());
});
part("game").addEventListener("change", () => void refresh());
setInterval(update, UPDATE_EVERY_MS);
setInterval(() => void refresh(), ROOMS_EVERY_MS);
void refresh();
expose({ stage: null, banner, room: () => room, position: () => null });
