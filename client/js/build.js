// `npm run build`: makes fracas.min.js of fracas.js.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { minify } from "terser";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Properties that nobody outside of fracas.js may know of, and that no key in quotes and nothing of a platform is called. */
const INTERNAL = [
  "at", "codec", "codecOf", "codes", "comesBack", "end", "entered", "finish", "isKeyframe", "isString", "key", "known", "left", "list",
  "named", "needsKeyframe", "next", "number", "offset", "old", "older", "part", "parts", "put", "putBytes", "putRow", "range", "rows", "sentAt", "take",
  "takeResidual", "takeRow", "takeSmall", "takeToken", "union", "updated", "wanted",
];

/** What fracas.min.js holds: the same ES module, without comments, spaces and long names. */
export async function minified() {
  const { name, version, license } = JSON.parse(readFileSync(here("package.json"), "utf8"));
  const { code } = await minify(readFileSync(here("fracas.js"), "utf8"), {
    module: true,
    // What the source is written in: nothing is rewritten for older browsers.
    ecma: 2022,
    // `unsafe` puts texts together by `+`. Fewer kinds of statements pack better.
    compress: { passes: 3, unsafe: true, if_return: false, sequences: false },
    mangle: { properties: { regex: new RegExp(`^(${INTERNAL.join("|")})$`), builtins: true } },
    format: { comments: false },
  });
  // One keyword for both, which packs better; no text has this word.
  const small = code.replace(/\bconst\b/g, "let");
  return `/*! ${name} ${version}; ${license}; source: fracas.js or /fracas.src.js */\n${small}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(here("fracas.min.js"), await minified());
