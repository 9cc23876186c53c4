// `npm run build`: makes fracas.min.js of fracas.js.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { minify } from "terser";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** What fracas.min.js holds: the same ES module, without comments, spaces and long names. */
export async function minified() {
  const { name, version, license } = JSON.parse(readFileSync(here("package.json"), "utf8"));
  const { code } = await minify(readFileSync(here("fracas.js"), "utf8"), {
    module: true,
    // What the source is written in: nothing is rewritten for older browsers.
    ecma: 2022,
    compress: { passes: 3 },
    format: { comments: false },
  });
  return `/*! ${name} ${version}, minified; ${license}; source: fracas.js, or /fracas.src.js of a server */\n${code}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(here("fracas.min.js"), await minified());
