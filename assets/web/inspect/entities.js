/** A live table for each kind of entities, sorted by any field, filtered by words. */

import { make, part, write } from "/shell/dom.js";

const LINES_MAX = 300;
/** How long a value that changed is marked. */
const FRESH_MS = 400;

/** A value as a person reads it. */
export function shown(value) {
  if (value === null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(3);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return String(value);
}

/** Whether every word is in the entity: `Ship`, or `player=3`. */
function matcherOf(filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return (entity) => words.every((word) => {
    const [key, value] = word.split("=");
    if (value !== undefined) return Object.entries(entity).some(([name, is]) => name.toLowerCase() === key && shown(is).toLowerCase() === value);
    return Object.values(entity).some((is) => shown(is).toLowerCase().includes(word));
  });
}

export class EntityTables {
  #room;
  #tables = new Map();

  constructor(room) {
    this.#room = room;
    this.#build();
  }

  #build() {
    part("entities").replaceChildren();
    this.#tables.clear();
    for (const kind of this.#room.schema.views) {
      const fields = ["id", ...kind.fields.map(({ name }) => (name === "id" || name === "kind" ? `${name}_` : name))];
      const table = { name: kind.name, fields, sort: "id", isDown: false, rows: [], title: make("h3"), body: make("tbody"), heads: new Map() };
      const head = make("tr");
      for (const field of fields) {
        const cell = make("th", {}, make("button", { onclick: () => this.#sort(table, field) }, field));
        table.heads.set(field, cell);
        head.append(cell);
      }
      table.heads.get("id").ariaSort = "ascending";
      part("entities").append(table.title, make("table", {}, make("thead", {}, head), table.body));
      this.#tables.set(kind.name, table);
    }
  }

  #sort(table, field) {
    table.isDown = table.sort === field && !table.isDown;
    table.heads.get(table.sort).ariaSort = null;
    table.sort = field;
    table.heads.get(field).ariaSort = table.isDown ? "descending" : "ascending";
    this.update();
  }

  /** Writes what has changed. */
  update() {
    const matches = matcherOf(part("filter").value);
    const now = performance.now();
    const byKind = new Map([...this.#tables.keys()].map((name) => [name, []]));
    let count = 0;
    for (const entity of this.#room.state.values()) {
      if (!matches(entity)) continue;
      byKind.get(entity.kind)?.push(entity);
      count += 1;
    }
    write(part("count"), `${count} of ${this.#room.state.size}`);
    for (const [name, entities] of byKind) this.#write(this.#tables.get(name), entities, now);
  }

  #write(table, entities, now) {
    const { sort, isDown, rows, body, fields } = table;
    const order = isDown ? -1 : 1;
    entities.sort((a, b) => (a[sort] < b[sort] ? -order : a[sort] > b[sort] ? order : a.id - b.id));
    write(table.title, `${table.name} (${entities.length})`);
    const count = Math.min(entities.length, LINES_MAX);
    while (rows.length > count) rows.pop().line.remove();
    while (rows.length < count) {
      const cells = fields.map(() => ({ cell: make("td"), changedAt: 0 }));
      const row = { id: null, cells, line: make("tr", {}, ...cells.map(({ cell }) => cell)) };
      rows.push(row);
      body.append(row.line);
    }
    for (let i = 0; i < count; i++) this.#writeRow(rows[i], entities[i], fields, now);
  }

  #writeRow(row, entity, fields, now) {
    const isOther = row.id !== entity.id;
    row.id = entity.id;
    row.line.className = entity.player === this.#room.player ? "own" : "";
    for (let i = 0; i < fields.length; i++) {
      const place = row.cells[i];
      const text = shown(entity[fields[i]]);
      if (place.cell.textContent !== text) {
        place.cell.textContent = text;
        place.changedAt = isOther ? 0 : now;
      }
      const kind = place.changedAt && now - place.changedAt < FRESH_MS ? "fresh" : "";
      if (place.cell.className !== kind) place.cell.className = kind;
    }
  }
}
