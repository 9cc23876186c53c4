// Dots: its page, and the page of another site that client/js/README.md shows.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after } from "node:test";

import { WebSocket } from "ws";

import { Client } from "../../fracas.js";
import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const LINES_MAX = 40;

const server = await startServer(0, "--game", "dots.bots=3");
after(() => server.stop());

browserTest("dots are steered by keys and by the pointer", async (open) => {
  const ann = await open(`${server.url}/dots`);
  await ann.play("Ann");
  const isFarFrom = ({ x, y }) => window.fracas.position && Math.hypot(window.fracas.position.x - x, window.fracas.position.y - y) > 2;
  const begin = await ann.read(() => window.fracas.position);
  const key = begin.x < 20 ? "KeyD" : "KeyA";
  await ann.page.keyboard.down(key);
  await ann.until(isFarFrom, begin);
  await ann.page.keyboard.up(key);

  const turn = await ann.read(() => window.fracas.position);
  await ann.page.mouse.move(640, turn.y < 20 ? 700 : 20);
  await ann.until(isFarFrom, turn);
  assert.match(await ann.part("scoreboard").textContent(), /Ann/);
  assert.ok(await ann.read(() => window.fracas.entities) > 10, "there is something to eat");
  await ann.part("leave").click();
  await ann.part("start").waitFor();
});

browserTest("the page of the README plays dots from any site", async (open) => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, block] = /^```html\n([^]*?)^```$/m.exec(readme);
  assert.ok(block.trimEnd().split("\n").length <= LINES_MAX);
  const files = new Map([
    ["/", ["text/html", block.replace("localhost:3000", new URL(server.url).host)]],
    ["/fracas.js", ["text/javascript", readFileSync(new URL("../../fracas.js", import.meta.url))]],
    ["/favicon.ico", ["image/png", ""]],
  ]);
  const site = createServer(({ url }, response) => {
    const [type, text] = files.get(url) ?? [];
    response.writeHead(type ? 200 : 404, { "content-type": type ?? "text/plain" }).end(text);
  }).listen(0, "127.0.0.1");
  await once(site, "listening");

  const client = new Client(server.url, { WebSocket, name: "Watcher" });
  const room = await client.joinOrCreate("dots");
  try {
    const ann = await open(`http://127.0.0.1:${site.address().port}/`);
    const dotOf = (name) => [...room.state.ofKind("View")].find(({ player }) => room.roster.get(player)?.name === name);
    const until = (isTrue) => new Promise((resolve) => {
      const off = room.onStateChange(() => isTrue() && resolve(off()));
    });
    await until(() => dotOf("Ann"));
    const { x, y } = dotOf("Ann");
    const { width, height } = await ann.page.locator("canvas").boundingBox();
    await ann.page.mouse.move(x < 20 ? width - 20 : 20, y < 20 ? height - 20 : 20);
    await until(() => dotOf("Ann") && Math.hypot(dotOf("Ann").x - x, dotOf("Ann").y - y) > 2);
    await ann.until(() => {
      const { width, height } = document.querySelector("canvas");
      const { data } = document.querySelector("canvas").getContext("2d").getImageData(0, 0, width, height);
      // The ground, pellets, others and the own dot.
      return new Set(new Uint32Array(data.buffer)).size >= 4;
    });
  } finally {
    await room.leave();
    site.close();
  }
});
