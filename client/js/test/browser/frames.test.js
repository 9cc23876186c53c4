// How smoothly a full match is drawn: 16 ships among more than 200 other things. A figure, for machines differ.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const WATCHED_S = Number(process.env.FRACAS_WATCHED_S ?? 5);
const SHIPS = 16;
const PICKUPS = 205;

/** The map with so many pickups, evenly strewn. */
function strewn(map) {
  const floors = map.filter((row) => row).join("").split("").filter((cell) => cell === ".").length;
  const every = Math.floor(floors / PICKUPS);
  let floor = 0;
  let placed = 0;
  return map.map((row) => row.replace(/\./g, () => (floor++ % every === 0 && placed++ < PICKUPS ? "HA"[placed % 2] : ".")));
}

const folder = mkdtempSync(join(tmpdir(), "fracas-frames-"));
after(() => rmSync(folder, { recursive: true }));
const map = readFileSync(new URL("../../../../assets/maps/crossfire.txt", import.meta.url), "utf8").trim().split("\n");
const rows = strewn(map.map((row) => row.replace(/[HA]/g, "."))).map((row) => `"${row}"`).join(",\n");
writeFileSync(join(folder, "fracas.toml"), `
[games.arena]
seats = ${SHIPS}
bots = ${SHIPS - 1}
[games.arena.config]
map = [${rows}]
rocket = { cooldown_s = 0.3, ammo_at_start = 60, ammo_max = 60 }
score_limit = 1000
`);
const server = await startServer(0, "--config", join(folder, "fracas.toml"));
after(() => server.stop());

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const figures = (times) => {
  const sorted = times.toSorted((a, b) => a - b);
  return `p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p99 ${quantile(sorted, 0.99).toFixed(1)} ms, max ${sorted.at(-1).toFixed(1)} ms`;
};

browserTest("a match of 16 ships among 200 other things is drawn", async (open, t) => {
  const ann = await open(server.url);
  await ann.play("Ann");
  assert.equal(await ann.read(() => window.fracas.room.roster.size), SHIPS);
  const entities = await ann.read(() => window.fracas.entities);
  assert.ok(entities >= SHIPS + 200, `${entities} entities`);
  await ann.page.mouse.move(900, 300);
  await ann.page.mouse.down();
  const end = await ann.read((seconds) => {
    const { room } = window.fracas;
    window.fracas.clearTimes();
    return room.state.tick + seconds * room.tickHz;
  }, WATCHED_S);
  await ann.until((end) => window.fracas.room.state.tick >= end, end, 6 * WATCHED_S * 1000);
  const { frameTimes, drawTimes } = await ann.read(({ frameTimes, drawTimes } = window.fracas) => ({ frameTimes, drawTimes }));
  assert.ok(frameTimes.length > 0 && drawTimes.length > 0);
  t.diagnostic(`${entities} entities at 1280x720, ${frameTimes.length} frames: ${figures(frameTimes)} from one to the next; ${figures(drawTimes)} of it drawing`);
});
