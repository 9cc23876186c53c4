// A page that was built for another server.

import assert from "node:assert/strict";
import { after } from "node:test";

import { startServer } from "../support.js";
import { browserTest } from "./browser.js";

const server = await startServer();
after(() => server.stop());

browserTest("a page of another version says so, with both versions", async (open) => {
  // The page gets a module that speaks the next version, as from a cache that has outlived its server.
  const readable = await (await fetch(`${server.url}/fracas.src.js`)).text();
  const next = readable.replace("const PROTOCOL_VERSION = 3;", "const PROTOCOL_VERSION = 4;");
  assert.notEqual(next, readable);
  const visitor = await open("about:blank");
  await visitor.page.route("**/fracas.js", (route) => route.fulfill({ contentType: "text/javascript", body: next }));
  await visitor.page.goto(server.url);
  await visitor.part("play").click();
  await visitor.part("trouble").waitFor();
  assert.match(await visitor.part("trouble").textContent(), /another version/);

  // And to a page of whoever uses the module.
  const said = await visitor.page.evaluate(async () => {
    const { Client } = await import("/fracas.js");
    return new Client().joinOrCreate("dots").then(() => "joined", ({ code, message }) => `${code}: ${message}`);
  });
  assert.equal(
    said,
    "wrong_version: the server speaks version 3 of the protocol and this client version 4: use a client and a server of one release",
  );
});
