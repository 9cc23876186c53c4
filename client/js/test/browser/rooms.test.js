// Rooms that are found by their links.

import assert from "node:assert/strict";
import { after } from "node:test";

import { WebSocket } from "ws";

import { Client } from "../../fracas.js";
import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const server = await startServer();
after(() => server.stop());

browserTest("the link of a private room leads into it", async (open) => {
  const ann = await open(server.url);
  await ann.part("private").click();
  await ann.joined();
  const room = await ann.room();
  assert.equal(await ann.part("room-code").textContent(), room);

  const bob = await open(server.url);
  await bob.part("lobby").getByTestId(/^room-/).waitFor();
  assert.equal(await bob.part(`room-${room}`).count(), 0, "a private room is not listed");
  await bob.page.goto(ann.page.url());
  await bob.play("Bob");
  assert.equal(await bob.room(), room);
  await ann.until(() => [...window.fracas.room.roster.values()].some(({ name }) => name === "Bob"));
});

browserTest("rooms that are full, locked, gone or mistyped each say so", async (open) => {
  const client = new Client(server.url, { WebSocket, name: "Alone" });
  const full = await client.create("arena", { seats: 1 });
  const locked = await client.create("arena", { locked: true });
  const guarded = await client.create("arena", { password: "sesam" });
  const ann = await open(server.url);
  for (const [code, words] of [
    ["QQQQQQ", /There is no such room/],
    [full.id, /That room is full/],
    [locked.id.toLowerCase(), /That room is locked/],
    [guarded.id, /That room has a password/],
    ["K3V9Q", /That is no room's code/],
    ["K3V9Q0", /That is no room's code/],
  ]) {
    await ann.part("code").fill(` ${code} `);
    await ann.part("join-code").click();
    await ann.until((words) => new RegExp(words).test(document.querySelector("[data-testid=trouble]").innerText), words.source);
    await ann.page.goto(`${server.url}/?room=${code}`);
    await ann.part("play").click();
    await ann.part("trouble").waitFor();
    assert.match(await ann.part("trouble").textContent(), words);
  }
  await ann.part("trouble-play").click();
  await ann.joined();
  for (const room of [full, locked, guarded]) {
    assert.notEqual(await ann.room(), room.id);
    await room.leave();
  }
});
