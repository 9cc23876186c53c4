// Lines and laptops that go away for a while: afterwards it is the same player in the same seat.

import assert from "node:assert/strict";
import { createServer, connect } from "node:net";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startServer } from "../support.js";
import { BACK_TIME_MAX_MS, browserTest, ownBrowser } from "./browser.js";

/** A laptop's lid is closed for so long. */
const ASLEEP_MS = 10_000;
/** A client finds out after so long that nothing comes any more. */
const FOUND_OUT_MS = 15_000;

const server = await startServer(0, "--game", "arena.bots=3");
after(() => server.stop());

const seat = () => `${window.fracas.room.id} ${window.fracas.player}`;
const countReturns = () => {
  window.returns = [];
  window.fracas.room.on("reconnect", ({ kind }) => window.returns.push(kind));
};

/** Passes connections on, until `swallow`: from then on nothing passes of those there are, and no end either. */
async function startLine() {
  let pairs = [];
  const line = createServer((near) => {
    const far = connect(server.port, "127.0.0.1");
    const pair = [near, far];
    pairs.push(pair);
    near.on("data", (data) => pair.isDead || far.write(data));
    far.on("data", (data) => pair.isDead || near.write(data));
    near.on("close", () => pair.isDead || far.destroy());
    far.on("close", () => pair.isDead || near.destroy());
    for (const end of pair) end.on("error", () => {});
  });
  await new Promise((resolve) => line.listen(0, "127.0.0.1", resolve));
  after(() => {
    for (const end of pairs.flat()) end.destroy();
    line.close();
  });
  const swallow = () => {
    for (const pair of pairs) pair.isDead = true;
  };
  return { url: `http://127.0.0.1:${line.address().port}`, swallow };
}

browserTest("a line that dies without a word is found out, and the seat is taken up again", async (open) => {
  const line = await startLine();
  const ann = await open(line.url);
  await ann.play("Ann");
  const was = await ann.read(seat);
  await ann.read(countReturns);
  line.swallow();
  await ann.until(() => window.returns.length > 0, null, FOUND_OUT_MS);
  await ann.joined(BACK_TIME_MAX_MS);
  assert.equal(await ann.read(seat), was);
  assert.match(await ann.read(() => window.fracas.notice), /^Back in your seat/);
});

browserTest("a laptop that slept is back in its seat", async (open) => {
  const laptop = await ownBrowser();
  const ann = await open(server.url, {}, laptop.browser);
  await ann.play("Ann");
  const was = await ann.read(seat);
  laptop.signal("SIGSTOP");
  await sleep(ASLEEP_MS);
  laptop.signal("SIGCONT");
  const tick = await ann.read(() => window.fracas.room.state.tick);
  await ann.until((tick) => window.fracas.connection === "joined" && window.fracas.room.state.tick > tick + 30, tick);
  await ann.joined(BACK_TIME_MAX_MS);
  assert.equal(await ann.read(seat), was);
});
