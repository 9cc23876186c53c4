// The load tester's report as a page, of a real run, opened from its file.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";

import { runBots, startServer } from "../support.js";
import { browserTest } from "./browser.js";

const server = await startServer();
const folder = mkdtempSync(join(tmpdir(), "report-"));
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

browserTest("a report is whole by itself, on a screen of any size and without its script", async (open) => {
  const file = join(folder, "report.html");
  const code = await runBots("--url", server.url, "--metrics", "off", "--clients", "8", "--duration", "3s", "--html", file,
    "--expect", "joined>=8", "--save-violations", join(folder, "violations"));
  assert.equal(code, 0);
  const url = pathToFileURL(file).href;
  for (const options of [{}, { viewport: { width: 360, height: 640 } }, { javaScriptEnabled: false, colorScheme: "dark" }]) {
    const ann = await open("about:blank", options);
    const requests = [];
    ann.page.on("request", (request) => requests.push(request.url()));
    await ann.page.goto(url);
    assert.deepEqual(requests, [url], "nothing but the page itself is asked for");
    assert.ok(await ann.page.locator("svg[role=img], [role=img] svg").count() >= 5, "there are plots");
    const text = await ann.page.locator("body").innerText();
    for (const part of ["update gap", "joined>=8", "arena"]) assert.match(text.toLowerCase(), new RegExp(part));
    const { scrollWidth, clientWidth } = await ann.page.locator("html").evaluate(({ scrollWidth, clientWidth }) => ({ scrollWidth, clientWidth }));
    assert.ok(scrollWidth <= clientWidth, `${scrollWidth} px wide on ${clientWidth}`);
  }
});
