/** The first page: a name, a button, and the arena. */

import { part, write } from "/shell/dom.js";
import { Banner } from "/shell/banner.js";
import { Chat } from "/shell/chat.js";
import { expose } from "/shell/hooks.js";
import { Lobby } from "/shell/lobby.js";
import { NetPanel } from "/shell/net-panel.js";
import { rememberedName, takeName } from "/shell/name.js";
import { Readout } from "/shell/readout.js";
import { clientOf } from "/shell/server.js";
import { Stage } from "/shell/stage.js";
import { comeBack, forgetStay, keepStay, lastStay, leaveForGood } from "/shell/stay.js";
import { BAD_CODE, codeOf, wordsOf } from "/shell/trouble.js";
import { Attract } from "/arena/attract.js";
import { Controls } from "/arena/controls.js";
import { Match } from "/arena/match.js";

const GAME = "arena";
const stage = new Stage(part("stage"));
const banner = new Banner(document.body);
const chat = new Chat();
const readout = new Readout();
const controls = new Controls(part("stage"), part("rocket"));
const net = new NetPanel(document.body);
const attract = new Attract(stage);
const lobby = new Lobby(GAME, (roomId) => play("room", roomId));
/** The room that a link invited to. */
let invited = new URLSearchParams(location.search).get("room")?.trim().toUpperCase() ?? null;
let room = null;
let match = null;
let isJoining = false;

const ways = {
  open: (client) => client.joinOrCreate(GAME),
  room: (client, id) => client.joinById(id),
  private: (client) => client.create(GAME, { private: true }),
};

/** Joins in one of the ways, and shows the match or what went wrong. */
function play(way, roomId) {
  if (way === "room" && codeOf(roomId) === null) return showTrouble(BAD_CODE);
  return join("Joining…", async (client) => enter(await ways[way](client, codeOf(roomId)), way));
}

/** Takes the seat up again that this tab had before it was loaded anew. */
function resume(stay) {
  return join("Coming back…", async (client) => {
    const { way } = stay;
    const others = way === "open" ? [() => ways.open(client)] : [() => ways.room(client, stay.room)];
    const { room: joined, isSameSeat } = await comeBack(client, stay, others);
    enter(joined, way === "private" ? "room" : way);
    banner.show(isSameSeat ? "Back in your seat." : "Your seat was not kept. Back in another one.", { kind: "good", forMs: 2500 });
  });
}

async function join(words, by) {
  if (isJoining || room) return;
  isJoining = true;
  const name = takeName(part("name").value);
  part("name").value = name;
  part("trouble").hidden = true;
  part("play").disabled = true;
  write(part("play"), words);
  try {
    await by(clientOf(name));
  } catch (error) {
    showTrouble(error);
  }
  isJoining = false;
  part("play").disabled = false;
  write(part("play"), "Play");
}

function enter(joined, way) {
  room = joined;
  match = new Match(room, stage, controls);
  banner.follow(room);
  chat.follow(room);
  readout.follow(room, stage);
  net.follow(room, match.netcode);
  keepStay(room, { way });
  const isPrivate = way === "private";
  showRoom(isPrivate);
  room.on("join", () => showRoom(isPrivate));
  room.onLeave((reason) => leave(reason, way));
  if (isPrivate) banner.show(`Room ${room.id} is yours. Click its code to copy a link for friends.`, { kind: "good", forMs: 8000 });
  lobby.close();
  part("start").hidden = true;
  part("hud").hidden = false;
  document.documentElement.classList.add("playing");
  document.activeElement?.blur();
  controls.isEnabled = true;
  stage.intervals.clear();
}

/** Shows which room it is; the address of a private one is that of its link. */
function showRoom(isPrivate) {
  write(part("room-code"), room.id);
  if (isPrivate) history.replaceState(null, "", linkTo(room.id));
}

function linkTo(roomId) {
  const link = new URL(location.href);
  link.searchParams.set("room", roomId);
  return link.href;
}

/** Back to the start, or on to another match when the room is gone but not the wish to play. */
function leave(reason, way) {
  room = match = null;
  controls.isEnabled = false;
  part("hud").hidden = part("outcome").hidden = true;
  part("start").hidden = false;
  document.documentElement.classList.remove("playing");
  lobby.open();
  if (reason.name === "normal") return;
  if (way === "room" && ["no_such_room", "seat_lost"].includes(reason.error?.code)) {
    banner.show("That room has ended. Joining an open one…", { forMs: 4000 });
    forgetInvitation();
    void play("open");
  } else {
    showTrouble(reason.error ?? reason);
  }
}

function showTrouble(error) {
  const [title, text] = wordsOf(error);
  write(part("trouble-title"), title);
  write(part("trouble-text"), text);
  part("trouble").hidden = false;
  banner.last = `${title} ${text}`;
}

function forgetInvitation() {
  invited = null;
  part("invited").hidden = true;
  const plain = new URL(location.href);
  plain.searchParams.delete("room");
  history.replaceState(null, "", plain);
}

async function copyLink() {
  const link = linkTo(room.id);
  try {
    await navigator.clipboard.writeText(link);
    banner.show("The link is copied.", { kind: "good", forMs: 2500 });
  } catch {
    banner.show(`The link: ${link}`, { forMs: 10_000 });
  }
}

part("name").value = rememberedName();
if (invited) {
  write(part("invited-room"), invited);
  part("invited").hidden = false;
}
part("play-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void play(invited ? "room" : "open", invited);
});
part("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = part("code").value;
  if (code.trim()) void play("room", code);
});
part("trouble-play").addEventListener("click", () => {
  forgetInvitation();
  void play("open");
});
part("private").addEventListener("click", () => {
  forgetInvitation();
  void play("private");
});
part("share").addEventListener("click", () => {
  // Else the next rocket's space bar would press it again.
  part("share").blur();
  void copyLink();
});
part("talk").addEventListener("click", () => chat.open());
part("leave").addEventListener("click", () => {
  forgetInvitation();
  if (room) void leaveForGood(room);
});
for (const kind of ["keydown", "keyup"]) {
  addEventListener(kind, (event) => {
    if (event.code !== "Tab" || !match) return;
    event.preventDefault();
    match.hud.expand(kind === "keydown" && part("outcome").hidden);
  });
}
addEventListener("blur", () => match?.hud.expand(false));

expose({ stage, banner, chat, readout, room: () => room, position: () => match?.position ?? null, netcode: () => match?.netcode ?? null });
stage.run((now, dtMs) => {
  (match ?? attract).draw(now, dtMs);
  net.draw(now);
});
lobby.open();
const stay = lastStay();
if (stay && (invited === null || invited === stay.room)) void resume(stay);
else forgetStay();
