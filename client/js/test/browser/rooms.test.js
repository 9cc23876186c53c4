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

browserTest("a link to no room, or to a full one, says so and offers another", async (open) => {
  const client = new Client(server.url, { WebSocket, name: "Alone" });
  const full = await client.create("arena", { seats: 1 });
  const ann = await open(`${server.url}/?room=NOSUCH`);
  for (const [link, words] of [["NOSUCH", /There is no such room/], [full.id, /That room is full/]]) {
    await ann.page.goto(`${server.url}/?room=${link}`);
    await ann.part("play").click();
    await ann.part("trouble").waitFor();
    assert.match(await ann.part("trouble").textContent(), words);
  }
  await ann.part("trouble-play").click();
  await ann.joined();
  assert.notEqual(await ann.room(), full.id);
  await full.leave();
});
