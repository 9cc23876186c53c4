/** Shows a game's schema: what travels, and in how many bits. */

import { make, part } from "/shell/dom.js";

const PARTS = { views: "Views", own: "Own", inputs: "Inputs", events: "Events", messages: "Messages" };

function describe({ kind, bits, min, step, names }) {
  if (names) return names.join(", ");
  if (step !== undefined) return `${bits} bits, from ${min ?? 0} by ${step}`;
  return bits === undefined ? "" : `${bits} bits${kind === "angle" ? " of a turn" : ""}`;
}

export function showSchema(schema) {
  const lists = Object.entries(PARTS).flatMap(([key, title]) => schema[key].map((kind) => {
    const lines = kind.fields.map((field) => make("tr", {},
      make("td", {}, field.name), make("td", { className: "quiet" }, field.kind), make("td", { className: "quiet" }, describe(field))));
    const summary = make("summary", {}, kind.name, make("span", { className: "quiet" }, ` ${title.toLowerCase()}, ${kind.fields.length} fields`));
    return make("details", {}, summary, make("table", {}, make("tbody", {}, ...lines)));
  }));
  part("schema").replaceChildren(make("p", { className: "quiet" }, `${schema.game}, revision ${schema.revision}`), ...lists);
}
