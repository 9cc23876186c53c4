// The first page, as its visitors see it.

import assert from "node:assert/strict";
import { after } from "node:test";

import { startServer } from "../support.js";
import { BACK_TIME_MAX_MS, browserTest } from "./browser.js";

const server = await startServer(0);
const quiet = await startServer(0, "--game", "arena.bots=0");
// Nobody hides, nobody lives long, and no match ends, which would begin the score anew.
const field = ["#".repeat(16), "#S......S.....S#", "#..............#", "#S......S.....S#", "#".repeat(16)];
const deadlyRules = { map: JSON.stringify(field), "ship.health": 1, respawn_s: 1, score_limit: 1000, time_limit_s: 3600 };
const deadly = await startServer(0, ...Object.entries(deadlyRules).flatMap(([name, value]) => ["--game", `arena.config.${name}=${value}`]));
after(() => Promise.all([server.stop(), quiet.stop(), deadly.stop()]));

const place = () => ({ room: window.fracas.room.id, player: window.fracas.player });
const ownDeaths = () => [...window.fracas.room.state.ofKind("Ship")].find(({ player }) => player === window.fracas.player)?.deaths;

browserTest("a visitor gives a name and plays against bots", async (open) => {
  const ann = await open(server.url);
  await ann.part("lobby").getByTestId(/^room-/).waitFor();
  await ann.play("Ann");
  const player = await ann.read(() => window.fracas.player);
  const names = await ann.read(() => [...window.fracas.room.roster.values()].map(({ name, isBot }) => ({ name, isBot })));
  assert.ok(names.some(({ name, isBot }) => name === "Ann" && !isBot));
  assert.ok(names.filter(({ isBot }) => isBot).length >= 3, "bots play too");
  await ann.until(() => window.fracas.entities > 8);

  const before = await ann.read(() => window.fracas.position.x);
  await ann.watchFlights();
  await ann.page.keyboard.down("KeyD");
  await ann.sawFly(player, "right");
  await ann.until((x) => Math.abs(window.fracas.position?.x - x) > 0.5, before);
  await ann.page.keyboard.up("KeyD");
  await ann.until(() => /ticks\/s/.test(document.querySelector("[data-testid=readout]").textContent));
  for (const testid of ["scoreboard", "clock", "vitals"]) assert.ok(await ann.part(testid).isVisible(), testid);

  await ann.part("leave").click();
  await ann.part("start").waitFor();
  assert.equal(await ann.read(() => window.fracas.connection), "none");
});

browserTest("two players see each other move, shoot and talk", async (open) => {
  const [ann, bob] = await Promise.all([open(quiet.url), open(quiet.url)]);
  await ann.play("Ann");
  await bob.part("name").fill("Bob");
  await bob.part(`room-${await ann.room()}`).getByRole("button").click();
  await bob.joined();
  assert.equal(await bob.room(), await ann.room());

  for (const [one, other] of [[ann, bob], [bob, ann]]) {
    await other.watchFlights();
    await one.page.keyboard.down("ArrowRight");
    await other.sawFly(await one.read(() => window.fracas.player), "right");
    await one.page.keyboard.up("ArrowRight");
  }

  for (const [one, other] of [[ann, bob], [bob, ann]]) {
    const player = await one.read(() => window.fracas.player);
    await other.read(() => {
      window.beams = [];
      window.fracas.room.onMessage("Beam", (beam) => window.beams.push(beam.player));
    });
    await one.page.mouse.move(900, 300);
    await one.page.mouse.down();
    await other.until((player) => window.beams.includes(player), player);
    await one.page.mouse.up();
  }

  await ann.page.keyboard.press("Enter");
  await ann.page.keyboard.type("well aimed <b>Bob</b>");
  await ann.page.keyboard.press("Enter");
  for (const visitor of [ann, bob]) {
    await visitor.until(() => window.fracas.chat.some(({ name, text }) => name === "Ann" && text === "well aimed <b>Bob</b>"));
    assert.match(await visitor.part("chat-lines").textContent(), /Ann well aimed <b>Bob<\/b>/);
  }
});

browserTest("who reloads the page is the same player with the same score", async (open) => {
  const [ann, bob] = await Promise.all([open(deadly.url), open(deadly.url)]);
  await ann.play("Ann");
  await bob.play("Bob");
  assert.equal(await bob.room(), await ann.room());
  // The bots see to it that there is a score to keep.
  await ann.until(ownDeaths);
  const [was, deaths] = [await ann.read(place), await ann.read(ownDeaths)];
  await bob.read(() => {
    window.left = [];
    window.fracas.room.on("player_left", ({ name }) => window.left.push(name));
  });

  const began = performance.now();
  await ann.page.reload();
  await ann.joined(BACK_TIME_MAX_MS);
  const took = performance.now() - began;
  assert.ok(took < BACK_TIME_MAX_MS, `back after ${Math.round(took)} ms`);
  assert.deepEqual(await ann.read(place), was);
  assert.ok((await ann.until(ownDeaths)) >= deaths);
  assert.equal(await ann.read(() => window.fracas.room.roster.get(window.fracas.player).name), "Ann");
  assert.match(await ann.read(() => window.fracas.notice), /^Back in your seat/);
  assert.deepEqual(await bob.read(() => window.left), [], "nobody saw ann leave");

  await ann.part("leave").click();
  await ann.page.reload();
  await ann.part("start").waitFor();
  assert.equal(await ann.read(() => window.fracas.connection), "none", "who has left does not come back");
});

browserTest("a gamepad flies, aims and shoots", async (open) => {
  const ann = await open(quiet.url);
  await ann.read(() => {
    window.pad = { connected: true, axes: [0, 0, 0, 0], buttons: Array.from({ length: 17 }, () => ({ pressed: false })) };
    navigator.getGamepads = () => [null, window.pad];
  });
  await ann.play("Ann");
  const player = await ann.read(() => window.fracas.player);
  await ann.watchFlights();
  for (const [x, where] of [[1, "right"], [-1, "left"]]) {
    await ann.read((x) => (window.pad.axes = [x, 0, 0, -1]), x);
    await ann.sawFly(player, where);
  }
  await ann.read(() => {
    window.shots = new Set();
    for (const kind of ["Beam", "Explosion"]) {
      window.fracas.room.onMessage(kind, ({ player }) => player === window.fracas.player && window.shots.add(kind));
    }
    window.pad.buttons[7].pressed = window.pad.buttons[6].pressed = true;
  });
  await ann.until(() => window.shots.has("Beam") && window.shots.has("Explosion"));
});
