/** The page of dots: the smallest game, with the same shell as the first page. */

import { Netcode } from "/fracas-netcode.js";
import { make, part, wantsStillness, write } from "/shell/dom.js";
import { Banner } from "/shell/banner.js";
import { expose } from "/shell/hooks.js";
import { NetPanel } from "/shell/net-panel.js";
import { rememberedName, takeName } from "/shell/name.js";
import { Outcome } from "/shell/outcome.js";
import { Readout } from "/shell/readout.js";
import { clientOf } from "/shell/server.js";
import { Stage } from "/shell/stage.js";
import { comeBack, keepStay, lastStay, leaveForGood } from "/shell/stay.js";
import { wordsOf } from "/shell/trouble.js";
import { OWN, seatColor } from "/arena/palette.js";
import { Field } from "/dots/field.js";
import { Steer } from "/dots/steer.js";

const HUD_EVERY_MS = 150;
const stage = new Stage(part("stage"));
const banner = new Banner(document.body);
const readout = new Readout();
const net = new NetPanel(document.body);
const steer = new Steer(part("stage"));
const field = new Field(stage);
let netcode = null;
let room = null;
let own = null;
let outcome = null;
let hudAt = 0;

/** Behind the start: dots that drift. */
const drifting = Array.from({ length: 42 }, (_, i) => ({
  x: 0, y: 0, id: i, player: i < 7 ? i : null, mass: i < 7 ? 2 + ((i * 7) % 11) * 1.6 : 0.5,
}));

const colorOf = (player) => (player === room?.player ? OWN : seatColor(player));
const nameOf = (player) => room?.roster.get(player)?.name ?? "";

/** Joins, or takes up again the seat that this tab had before it was loaded anew. */
async function play(stay = null) {
  part("name").value = takeName(part("name").value);
  part("play").disabled = true;
  part("trouble").hidden = true;
  const client = clientOf(part("name").value);
  const join = () => client.joinOrCreate("dots");
  try {
    enter(stay ? (await comeBack(client, stay, [join])).room : await join());
  } catch (error) {
    showTrouble(error);
  }
  part("play").disabled = false;
}

function enter(joined) {
  room = joined;
  netcode = new Netcode(room);
  outcome = new Outcome(room, colorOf, "Mass");
  banner.follow(room);
  readout.follow(room, stage);
  net.follow(room, netcode);
  keepStay(room);
  room.onMessage("Eaten", ({ by, player }) => {
    if (player === room.player) call(`${nameOf(by)} ate you`);
    else if (by === room.player) call(`You ate ${nameOf(player)}`, "kill");
  });
  room.onLeave(leave);
  part("start").hidden = true;
  part("hud").hidden = false;
  steer.isEnabled = true;
  stage.intervals.clear();
}

function leave(reason) {
  room = own = outcome = netcode = null;
  steer.isEnabled = false;
  part("hud").hidden = part("outcome").hidden = true;
  part("start").hidden = false;
  if (reason.name !== "normal") showTrouble(reason.error ?? reason);
}

function showTrouble(error) {
  const [title, text] = wordsOf(error);
  write(part("trouble-title"), title);
  write(part("trouble-text"), text);
  part("trouble").hidden = false;
  banner.last = `${title} ${text}`;
}

function call(text, kind = "") {
  const word = make("span", { className: kind }, text);
  part("callout").replaceChildren(word);
  setTimeout(() => word.remove(), 1800);
}

const pixelsOf = ({ x, y }) => ({
  x: (field.view.left + x * field.view.scale) / stage.ratio,
  y: (field.view.top + y * field.view.scale) / stage.ratio,
});

function tell(dots) {
  const ranked = [...dots].sort((a, b) => b.mass - a.mass);
  part("scores").replaceChildren(...ranked.slice(0, 8).map(({ player, mass }) => {
    const dot = make("i");
    dot.style.background = colorOf(player);
    const who = make("td", { className: "who" }, dot, nameOf(player));
    if (room.roster.get(player)?.isBot) who.append(make("small", {}, "bot"));
    return make("tr", { className: player === room.player ? "own" : "" }, who, make("td", { className: "number" }, mass.toFixed(1)));
  }));
  write(part("clock"), `Goal ${room.config.goal_mass}`);
  outcome.update();
}

function draw(now, dtMs) {
  if (!room) {
    for (const dot of drifting) Object.assign(dot, driftOf(dot.id, wantsStillness.matches ? 9 : now / 1000));
    field.x = field.y = 20;
    field.draw(drifting, { side: 40, own: null, nameOf, mass: 3, dtMs });
    return;
  }
  net.draw(now);
  netcode.frame(steer.input(own && pixelsOf(own)), now);
  const dots = netcode.others.filter(({ player }) => player !== null);
  own = dots.find(({ player }) => player === room.player) ?? null;
  if (own) [field.x, field.y] = [own.x, own.y];
  field.draw(netcode.others, { side: room.config.field_m, own: room.player, nameOf, mass: own?.mass ?? 1, dtMs });
  if (now - hudAt > HUD_EVERY_MS) {
    hudAt = now;
    tell(dots);
  }
}

const driftOf = (id, time) => ({
  x: 20 + Math.sin(id * 2.4 + time * 0.07 * (1 + (id % 5) / 5)) * 17,
  y: 20 + Math.cos(id * 1.7 + time * 0.06 * (1 + (id % 7) / 7)) * 9,
});

part("name").value = rememberedName();
part("play-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!room) void play();
});
part("leave").addEventListener("click", () => room && void leaveForGood(room));
expose({ stage, banner, readout, room: () => room, position: () => own && { x: own.x, y: own.y }, netcode: () => netcode });
stage.run(draw);
const stay = lastStay();
if (stay) void play(stay);
