// A phone: a narrow screen and fingers.

import assert from "node:assert/strict";
import { after } from "node:test";

import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 3 };

const server = await startServer(0, "--game", "arena.bots=0");
const busy = await startServer(0, "--game", "arena.bots=7");
after(() => Promise.all([server.stop(), busy.stop()]));

/** The parts of the page that are seen and reach over the left or right edge of a window of this width. */
const outside = (width) => [...document.querySelectorAll("body, body *")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }))
  .filter((element) => element.getBoundingClientRect().right > width || element.getBoundingClientRect().left < 0)
  .map((element) => element.id || element.outerHTML);

/** The parts of the match that are seen and lie over one another. */
const overlapping = () => {
  const seen = [...document.querySelectorAll("#hud > *")].filter((part) => part.checkVisibility({ opacityProperty: true }) && part.textContent.trim() !== "" && part.id !== "callout");
  const box = (part) => part.getBoundingClientRect();
  const pairs = seen.flatMap((one, i) => seen.slice(i + 1).map((other) => [one, other]));
  return pairs.filter(([one, other]) => {
    const [a, b] = [box(one), box(other)];
    return Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  }).map(([one, other]) => `${one.id} and ${other.id}`);
};

for (const [name, viewport] of [["a small phone", { width: 320, height: 568 }], ["a phone", PHONE.viewport], ["a phone on its side", { width: 844, height: 390 }]]) {
  browserTest(`on ${name} a private room's code is seen, and nothing lies over it`, async (open) => {
    const ann = await open(busy.url, { ...PHONE, viewport });
    await ann.part("private").tap();
    await ann.joined();
    await ann.until(() => document.querySelectorAll("#feed li").length >= 3, null, 30_000);
    assert.equal(await ann.part("room-code").innerText(), await ann.room());
    assert.deepEqual(await ann.read(outside, viewport.width), [], "the match fits");
    assert.deepEqual(await ann.read(overlapping), []);
  });
}

browserTest("on a phone, two thumbs play", async (open) => {
  const ann = await open(server.url, PHONE);
  assert.deepEqual(await ann.read(outside, PHONE.viewport.width), [], "the start fits");
  await ann.part("name").fill("Ann");
  await ann.part("play").tap();
  await ann.joined();
  for (const testid of ["rocket", "talk", "leave"]) assert.ok(await ann.part(testid).isVisible(), testid);
  assert.deepEqual(await ann.read(outside, PHONE.viewport.width), [], "the match fits");

  const fingers = await ann.page.context().newCDPSession(ann.page);
  const touch = (type, ...touchPoints) => fingers.send("Input.dispatchTouchEvent", { type, touchPoints });
  const player = await ann.read(() => window.fracas.player);
  await ann.watchFlights();
  await touch("touchStart", { x: 100, y: 700, id: 1 });
  await touch("touchMove", { x: 150, y: 700, id: 1 });
  await ann.sawFly(player, "right");
  await touch("touchMove", { x: 50, y: 700, id: 1 });
  await ann.sawFly(player, "left");

  await ann.read(() => {
    window.beams = 0;
    window.fracas.room.onMessage("Beam", () => window.beams++);
  });
  await touch("touchStart", { x: 50, y: 700, id: 1 }, { x: 300, y: 700, id: 2 });
  await touch("touchMove", { x: 50, y: 700, id: 1 }, { x: 300, y: 640, id: 2 });
  await ann.until(() => window.beams > 0);
  await touch("touchEnd");
});
