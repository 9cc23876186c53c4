// The page that shows any room of any game.

import assert from "node:assert/strict";
import { after } from "node:test";

import { WebSocket } from "ws";

import { Client } from "../../fracas.js";
import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const server = await startServer();
after(() => server.stop());

for (const [game, kind] of [["arena", "Ship"], ["dots", "View"]]) {
  browserTest(`a running room of ${game} is seen from inside`, async (open) => {
    const client = new Client(server.url, { WebSocket, name: "Player" });
    const played = await client.joinOrCreate(game);
    const ann = await open(`${server.url}/inspect?game=${game}&room=${played.id}`);
    await ann.until((id) => document.querySelector("[data-testid=room]").value === id, played.id);
    await ann.part("join").click();
    await ann.until(() => window.fracas.connection === "joined" && window.fracas.entities > 0);
    assert.equal(await ann.room(), played.id);
    await ann.until((kind) => document.querySelector("[data-testid=entities]").textContent.includes(kind), kind);
    assert.match(await ann.part("schema").textContent(), new RegExp(kind));

    const shown = await ann.part("entities").textContent();
    await ann.until((shown) => document.querySelector("[data-testid=entities]").textContent !== shown, shown);
    await ann.part("join").click();
    await ann.until(() => window.fracas.connection === "none");
    await played.leave();
  });
}
