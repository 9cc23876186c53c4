// The server goes away and comes back.

import assert from "node:assert/strict";
import { after } from "node:test";

import { startServer } from "../support.js";
import { BACK_TIME_MAX_MS, browserTest } from "./browser.js";

let server = await startServer();
after(() => server.stop());

for (const [signal, words] of [["SIGTERM", /^The server restarts/], ["SIGKILL", /^The connection was lost/]]) {
  browserTest(`after ${signal} and a start, both players are back in a match`, async (open) => {
    const visitors = await Promise.all([open(server.url), open(server.url)]);
    for (const visitor of visitors) {
      await visitor.play();
      // Who comes while the old server still gives its last word is told that it is stopping.
      visitor.expect(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|response code: 503/);
    }
    await server.stop(signal);
    for (const visitor of visitors) {
      await visitor.until(() => window.fracas.connection === "away" && document.querySelector("[data-testid=banner]").checkVisibility());
      assert.match(await visitor.part("banner").textContent(), words);
    }

    server = await startServer(server.port);
    const began = performance.now();
    await Promise.all(visitors.map((visitor) => visitor.joined(BACK_TIME_MAX_MS)));
    const took = performance.now() - began;
    assert.ok(took < BACK_TIME_MAX_MS, `back after ${Math.round(took)} ms`);
    for (const visitor of visitors) assert.match(await visitor.read(() => window.fracas.notice), /^Back/);
    const tick = await visitors[0].read(() => window.fracas.room.state.tick);
    await visitors[0].until((tick) => window.fracas.room.state.tick > tick + 5, tick);
  });
}
