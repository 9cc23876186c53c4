// The server goes away and comes back.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

for (const signal of ["SIGTERM", "SIGKILL"]) {
  browserTest(`after ${signal} a server with a journal goes on with the same match`, async (open) => {
    const folder = mkdtempSync(join(tmpdir(), "fracas-"));
    const journal = ["--journal", "on", "--data-dir", folder];
    let keeping = await startServer(0, ...journal);
    try {
      const visitor = await open(keeping.url);
      await visitor.play();
      visitor.expect(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|response code: 503/);
      const where = () => [window.fracas.room.id, window.fracas.room.player];
      const before = await visitor.read(where);
      const tick = await visitor.read(() => window.fracas.room.state.tick);
      await keeping.stop(signal);
      await visitor.until(() => window.fracas.connection === "away");
      keeping = await startServer(keeping.port, ...journal);
      await visitor.joined(BACK_TIME_MAX_MS);
      await visitor.until((tick) => window.fracas.room.state.tick > tick, tick);
      assert.deepEqual(await visitor.read(where), before);
      await visitor.until(() => /^Back in your seat. The match goes on: it stood still for \d/.test(window.fracas.notice));
    } finally {
      await keeping.stop();
      rmSync(folder, { recursive: true });
    }
  });
}
