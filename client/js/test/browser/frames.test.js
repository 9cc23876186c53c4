// How smoothly a full match is drawn: a figure, for machines differ.

import assert from "node:assert/strict";
import { after } from "node:test";

import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const WATCHED_S = 10;

const server = await startServer(0, "--game", "arena.seats=16", "--game", "arena.bots=15");
after(() => server.stop());

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const figures = (times) => {
  const sorted = times.toSorted((a, b) => a - b);
  return `p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p99 ${quantile(sorted, 0.99).toFixed(1)} ms`;
};

browserTest("a match of 16 is drawn", async (open, t) => {
  const ann = await open(server.url);
  await ann.play("Ann");
  assert.equal(await ann.read(() => window.fracas.room.roster.size), 16);
  await ann.page.mouse.move(900, 300);
  await ann.page.mouse.down();
  const end = await ann.read((seconds) => {
    const { room } = window.fracas;
    window.fracas.clearTimes();
    return room.state.tick + seconds * room.tickHz;
  }, WATCHED_S);
  await ann.until((end) => window.fracas.room.state.tick >= end, end, 3 * WATCHED_S * 1000);
  const { frameTimes, drawTimes } = await ann.read(({ frameTimes, drawTimes } = window.fracas) => ({ frameTimes, drawTimes }));
  assert.ok(frameTimes.length > 0 && drawTimes.length > 0);
  t.diagnostic(`16 ships at 1280x720, ${frameTimes.length} frames: ${figures(frameTimes)} from one to the next; ${figures(drawTimes)} of it drawing`);
});
