// A real browser on the pages of a real server: Chromium, or Firefox when FRACAS_BROWSER says so.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, test } from "node:test";

import { chromium, firefox } from "playwright-core";

const TEST_TIME_MAX_MS = 40_000;
const WAIT_MAX_MS = 15_000;
/** Who had a seat has one again this long after a reload, or after the server listens again. */
export const BACK_TIME_MAX_MS = 5_000;

/** The browsers, each with what else its launch needs. */
const BROWSERS = {
  chromium: {
    type: chromium,
    variable: "CHROMIUM",
    programs: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
    more: {
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
      ],
    },
  },
  firefox: {
    type: firefox,
    variable: "FIREFOX",
    programs: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    // As it is installed, driven by WebDriver BiDi; else Playwright wants a build of its own.
    more: { channel: "moz-firefox" },
  },
};
const { type, variable, programs, more } = BROWSERS[process.env.FRACAS_BROWSER ?? "chromium"];

/** How a browser is launched that remembers nothing. */
function options() {
  const executablePath = process.env[variable] ?? programs.find((path) => existsSync(path));
  if (!executablePath) throw new Error(`there is none of ${programs.join(", ")}: install one, or name one by ${variable}`);
  return { executablePath, headless: true, ...more };
}

const shared = await type.launch(options());
after(() => shared.close());

/** A browser of one's own, to whose processes `signal` sends a signal. */
export async function ownBrowser() {
  const server = await type.launchServer(options());
  after(() => server.kill());
  const browser = await type.connect(server.wsEndpoint());
  // It leads a group of processes.
  const signal = (name) => process.kill(-server.process().pid, name);
  return { browser, signal };
}

/** Somebody with a browser of their own. */
class Visitor {
  /** What went wrong on the page: errors, uncaught or written to the console, and requests that failed. */
  problems = [];
  #expected = [];

  constructor(page) {
    this.page = page;
    page.on("pageerror", (error) => this.#note(`uncaught: ${error.stack ?? error}`));
    page.on("console", (message) => message.type() === "error" && this.#note(`console: ${message.text()} ${message.location().url}`));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText;
      // Whoever leaves a page ends its requests.
      if (!/ABORTED/.test(why)) this.#note(`request: ${request.url()} ${why}`);
    });
  }

  #note(problem) {
    if (!this.#expected.some((pattern) => pattern.test(problem))) this.problems.push(problem);
  }

  /** From now on such problems are none. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  part(testid) {
    return this.page.getByTestId(testid);
  }

  /** The first true answer of a function in the page. */
  async until(isTrue, argument, timeout = WAIT_MAX_MS) {
    try {
      const answer = await this.page.waitForFunction(isTrue, argument, { timeout });
      return await answer.jsonValue();
    } catch (error) {
      const state = await this.page.evaluate(() => `connection: ${window.fracas?.connection}, notice: ${window.fracas?.notice}`);
      error.message += `\nwaited for ${isTrue}\n${state}`;
      throw error;
    }
  }

  /** In a match, with a ship. */
  joined(timeout) {
    return this.until(() => window.fracas?.connection === "joined" && window.fracas.position !== null, null, timeout);
  }

  /** Presses the button, once there is one. */
  async play(name) {
    if (name) await this.part("name").fill(name);
    await this.part("play").click();
    await this.joined();
  }

  /** Reads `window.fracas`. */
  read(get, argument) {
    return this.page.evaluate(get, argument);
  }

  room() {
    return this.read(() => window.fracas.room.id);
  }

  /**
   * Keeps, from now on, which ships this page saw fly to the left and to the right. To be called
   * before they do, for a wall may stop them at once.
   */
  watchFlights() {
    return this.read(() => {
      window.flights = new Set();
      window.fracas.room.onStateChange((state) => {
        for (const { player, vx } of state.ofKind("Ship")) {
          if (Math.abs(vx) > 2) window.flights.add(`${player} ${vx > 0 ? "right" : "left"}`);
        }
      });
    });
  }

  /** Ends when this seat's ship has flown there. */
  sawFly(player, where) {
    return this.until((flight) => window.flights.has(flight), `${player} ${where}`);
  }
}

/** A test with visitors: `open(url, context, browser)` is a new one. When it ends, none has had a problem. */
export function browserTest(name, run) {
  test(name, { timeout: TEST_TIME_MAX_MS }, async (t) => {
    const visitors = [];
    const open = async (url, options, browser = shared) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
      context.setDefaultTimeout(WAIT_MAX_MS);
      const visitor = new Visitor(await context.newPage());
      visitors.push(visitor);
      await visitor.page.goto(url);
      return visitor;
    };
    const problems = () => visitors.flatMap((visitor) => visitor.problems);
    try {
      await run(open, t);
      assert.deepEqual(problems(), []);
    } catch (error) {
      for (const problem of problems()) t.diagnostic(problem);
      throw error;
    } finally {
      await Promise.all(visitors.map(({ page }) => page.context().close()));
    }
  });
}
