// The arena over a line of 100 ms with 20 ms of jitter, as a player sees it: frame by frame, in a real browser.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { after } from "node:test";

import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

/** Where to keep a picture of the net graph, if anywhere. */
const PICTURE = process.env.FRACAS_PICTURE;
/** What a place is shown to, in metres. */
const STEP_M = 1 / 32;
/** From one frame to the next, in milliseconds: with more, this machine has too much else to do. */
const BUSY_MS = 60;

const field = ["#".repeat(40), ...Array.from({ length: 14 }, (_, y) => `#${y % 4 === 1 ? "S".padEnd(19, ".") + "S".padEnd(19, ".") : ".".repeat(38)}#`), "#".repeat(40)];
const rules = { map: JSON.stringify(field), "beam.damage": 1, "rocket.damage": 1, "ship.health": 127, score_limit: 1000, time_limit_s: 3600 };
const config = Object.entries(rules).flatMap(([name, value]) => ["--game", `arena.config.${name}=${value}`]);
const server = await startServer(0, ...config);
after(() => server.stop());

/** Keeps what is drawn in each frame, and when a key was pressed. */
function record() {
  window.frames = [];
  window.keys = [];
  addEventListener("keydown", ({ code }) => window.keys.push({ code, frame: window.frames.length }), true);
  const frame = (now) => {
    requestAnimationFrame(frame);
    const { netcode, player } = window.fracas;
    if (!netcode) return;
    const ship = ({ kind }) => kind === "Ship";
    const own = netcode.own.find(ship);
    const others = netcode.others.filter((drawn) => ship(drawn) && drawn.player !== player && drawn.alive);
    window.frames.push({
      now,
      own: own && { x: own.x, y: own.y },
      shownTick: netcode.shownTick,
      starved: netcode.counts.starved,
      others: others.map(({ player, x, y, vx, vy, deaths }) => ({ player, x, y, vx, vy, deaths })),
    });
  };
  // After the page's own, which draws.
  requestAnimationFrame(frame);
}

browserTest("a key answers in the same frame, and others glide", async (open) => {
  const ann = await open(`${server.url}/?line=100`);
  await ann.play("Ann");
  await ann.part("net").waitFor({ state: "hidden" });
  await ann.page.keyboard.press("KeyN");
  await ann.part("net").waitFor();
  await ann.until(() => window.fracas.netcode.clock.server.roundTripTicks !== null);
  // Until the clocks have found the way.
  await ann.until(() => window.fracas.netcode.counts.frames > 150);
  const tripMs = await ann.read(() => (window.fracas.netcode.clock.server.roundTripTicks * 1000) / window.fracas.room.tickHz);
  assert.ok(tripMs >= 60, `the line is conditioned: ${tripMs} ms`);
  await ann.read(record);
  for (let turn = 0; turn < 6; turn++) {
    for (const key of ["KeyD", "KeyA"]) {
      // Only what stands still shows what a key does.
      await ann.until(() => {
        const [before, last] = window.frames.slice(-2);
        return before?.own && last?.own && before.own.x === last.own.x;
      });
      await ann.page.keyboard.down(key);
      await ann.until((count) => window.keys.length === count, turn * 2 + (key === "KeyD" ? 1 : 2));
      await ann.page.waitForTimeout(250);
      await ann.page.keyboard.up(key);
    }
  }
  const { frames, keys } = await ann.read(() => ({ frames: window.frames, keys: window.keys }));
  if (PICTURE) {
    mkdirSync(dirname(PICTURE), { recursive: true });
    await ann.page.screenshot({ path: PICTURE });
  }

  // A machine that is too busy to draw is no judge of smoothness.
  const isDrawn = (i) => frames[i].now - frames[i - 1].now < BUSY_MS;
  const answers = keys.map(({ code, frame }) => {
    const sign = code === "KeyD" ? 1 : -1;
    const moved = (i) => (frames[i].own.x - frames[frame - 1].own.x) * sign > 0;
    // A key that came when a tick had just begun has moved nothing yet.
    assert.ok(moved(frame) || moved(frame + 1), `${code} moved nothing within a frame`);
    return moved(frame);
  });
  assert.ok(answers.filter(Boolean).length >= answers.length / 2, `${answers} answered in the same frame`);

  const jumps = [];
  for (let i = 1; i < frames.length; i++) {
    const ticks = frames[i].shownTick - frames[i - 1].shownTick;
    assert.ok(ticks >= 0, "what is shown never goes back");
    // When this machine was too busy to take frames in, there was nothing to move towards.
    if (!isDrawn(i) || frames[i].starved !== frames[Math.max(0, i - 15)].starved) continue;
    for (const other of frames[i].others) {
      const last = frames[i - 1].others.find(({ player, deaths }) => player === other.player && deaths === other.deaths);
      if (!last) continue;
      const speed = Math.max(Math.hypot(last.vx, last.vy), Math.hypot(other.vx, other.vy));
      jumps.push(Math.hypot(other.x - last.x, other.y - last.y) / ((speed * ticks) / 30 + STEP_M));
    }
  }
  assert.ok(jumps.length > 500, `${jumps.length} moves of others`);
  const largest = Math.max(...jumps);
  assert.ok(largest <= 2, `somebody jumped by ${largest} times its way`);
});
