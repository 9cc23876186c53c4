// The page that plays over Socket.IO: with WebSockets, and where there are none.

import assert from "node:assert/strict";
import { after } from "node:test";

import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

// With no bots, all that is drawn is drawn by visitors.
const options = ["--game", "canvas.bots=0", "--game", "dots.bots=3"];
const TOKEN = "sixteen-letters!";
const admin = ["--admin-listen", "127.0.0.1:0", "--admin-token", TOKEN];
// A page that goes may have no time to say so: its seat is free soon all the same.
const server = await startServer(0, ...options, "--game", "canvas.linger_s=2", ...admin);
after(() => server.stop());

const isJoined = () => window.fracas?.connection === "joined";

/** Somebody on the page, by this name, with a seat in both rooms. */
async function visit(open, name, { url = server.url, withoutWebSocket = false } = {}) {
  const visitor = await open("about:blank");
  if (withoutWebSocket) await visitor.page.addInitScript(() => delete window.WebSocket);
  await visitor.page.goto(`${url}/socketio.html`);
  await visitor.until(isJoined);
  await visitor.part("name").fill(name);
  await visitor.part("name").press("Enter");
  await visitor.until((name) => window.fracas.names.canvas === name && window.fracas.names.dots === name, name);
  // Who takes another name leaves first. A poll that crosses the goodbye on its way finds no session.
  visitor.problems = visitor.problems.filter((problem) => !/status of 400 .*transport=polling.*&sid=/.test(problem));
  return visitor;
}

async function say(visitor, text) {
  await visitor.part("text").fill(text);
  await visitor.part("send").click();
}

/** Draws a line from one place to another, each a share of the paper's sides. */
async function draw({ page }, from, to) {
  const { x, y, width, height } = await page.getByTestId("paper").boundingBox();
  const at = ([left, top]) => [x + left * width, y + top * height];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 8 });
  await page.mouse.up();
}

/** Ends when there is this colour at this place of the paper. */
const sees = (visitor, place, color) => visitor.until(([[left, top], color]) => {
  const paper = document.querySelector("#paper");
  const [x, y] = [Math.round(left * paper.width), Math.round(top * paper.height)];
  const [r, g, b, a] = paper.getContext("2d").getImageData(x, y, 1, 1).data;
  return a === 255 && [r, g, b].join() === color;
}, [place, color]);

const RED = "255,84,54";
const BLUE = "47,134,235";

/** Moves over the field until the own dot has gone there, away from where it was. */
async function moveDot(visitor) {
  const begin = await visitor.read(() => window.fracas.position);
  const { x, y, width, height } = await visitor.part("field").boundingBox();
  await visitor.page.mouse.move(begin.x < 20 ? x + width - 5 : x + 5, y + height / 2);
  await visitor.until(({ x, y }) => window.fracas.position && Math.hypot(window.fracas.position.x - x, window.fracas.position.y - y) > 3, begin);
}

browserTest("two visitors see what each says and draws", async (open) => {
  const ann = await visit(open, "Ann");
  await draw(ann, [0.2, 0.3], [0.4, 0.3]);
  const bob = await visit(open, "Bob");
  await sees(bob, [0.3, 0.3], BLUE);
  await bob.page.getByRole("radio", { name: "Red" }).click();
  await draw(bob, [0.6, 0.2], [0.6, 0.8]);
  await sees(ann, [0.6, 0.5], RED);

  await say(ann, "Hello <b>Bob</b>");
  await bob.part("said").getByText("Hello <b>Bob</b>").waitFor();
  await say(bob, "Hello Ann");
  const line = ann.part("said").locator("li", { hasText: "Hello Ann" });
  assert.equal(await line.locator("b").textContent(), "Bob");

  await ann.part("clear").click();
  await bob.part("said").getByText("Ann took a new sheet.").waitFor();
  await bob.until(() => window.fracas.pieces === 0);
  for (const visitor of [ann, bob]) {
    await visitor.until(() => ["canvas", "dots"].every((game) => window.fracas.lines[game].transport === "websocket"));
    assert.equal(await visitor.part("canvas-transport").textContent(), "websocket");
    await moveDot(visitor);
  }
  await bob.page.goto("about:blank");
  await ann.part("said").getByText("Bob left.").waitFor();
});

browserTest("what the operator says to a room or to a player is shown", async (open) => {
  const ann = await visit(open, "Ann", { withoutWebSocket: true });
  const bob = await visit(open, "Bob");
  const tell = async (path, text) => {
    const body = JSON.stringify({ text });
    const { status } = await fetch(`${server.admin}/admin/${path}/message`, { method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, body });
    assert.equal(status, 204);
  };
  const seat = (visitor, game) => visitor.read((game) => {
    const { room, player } = window.fracas.lines[game].joined;
    return { room, player };
  }, game);
  const { room, player } = await seat(bob, "canvas");
  await tell(`players/${room}-${player}`, "For <i>Bob</i>");
  await tell(`rooms/${room}`, "For all who draw");
  await tell(`rooms/${(await seat(ann, "dots")).room}`, "For all dots");
  for (const visitor of [ann, bob]) {
    await visitor.part("notes").getByText("For all who draw").waitFor();
    await visitor.part("notes").getByText("For all dots").waitFor();
  }
  await bob.part("notes").getByText("For <i>Bob</i>").waitFor();
  assert.equal(await ann.part("notes").getByText("For <i>Bob</i>").count(), 0);
});

browserTest("without WebSockets it plays by polling", async (open) => {
  const ann = await visit(open, "Ann", { withoutWebSocket: true });
  const bob = await visit(open, "Bob");
  await moveDot(ann);
  await draw(ann, [0.2, 0.3], [0.4, 0.3]);
  await sees(bob, [0.3, 0.3], BLUE);
  await draw(bob, [0.6, 0.2], [0.6, 0.8]);
  await sees(ann, [0.6, 0.5], BLUE);
  await say(bob, "Do you see this?");
  await ann.part("said").getByText("Do you see this?").waitFor();
  for (const game of ["canvas", "dots"]) {
    assert.equal(await ann.part(`${game}-transport`).textContent(), "polling");
    await ann.until((game) => window.fracas.lines[game].pingMs !== null, game);
  }
});

browserTest("who is cut off comes back to the seat, and to another one when it was not kept", async (open) => {
  const own = await startServer(0, ...options);
  try {
    const ann = await visit(open, "Ann", { url: own.url });
    const seat = () => ann.read(() => window.fracas.lines.canvas.joined.player);
    const before = await seat();
    await draw(ann, [0.2, 0.3], [0.4, 0.3]);
    await ann.until(() => window.fracas.pieces === 1);
    await ann.until(() => window.fracas.lines.canvas.transport === "websocket");
    // Socket.IO is not asked: it would say goodbye.
    await ann.read(() => window.fracas.lines.canvas.socket.io.engine.transport.ws.close());
    await ann.part("said").getByText("You are back in your seat.").waitFor();
    assert.equal(await seat(), before);
    await ann.until(() => window.fracas.pieces === 1);

    ann.expect(/socket\.io/);
    const { port } = own;
    await own.stop();
    await ann.part("canvas-trouble").waitFor();
    const room = await ann.read(() => window.fracas.lines.canvas.joined.room);
    const again = await startServer(port, ...options);
    try {
      await ann.until((room) => window.fracas.lines.canvas.joined.room !== room && !window.fracas.notice, room);
      await moveDot(ann);
      await draw(ann, [0.2, 0.3], [0.4, 0.3]);
      await ann.until(() => window.fracas.pieces === 1);
    } finally {
      await again.stop();
    }
  } finally {
    await own.stop();
  }
});
