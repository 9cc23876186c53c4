/** The map, drawn once for each size: floor, walls with a side and an edge, and where things lie. */

const SIDE_PIXELS_MAX = 4096;
/** How far a wall's side reaches down, in metres. */
const SIDE_M = 0.34;

export class Walls {
  #rows;
  #canvas = document.createElement("canvas");
  #drawnFor = "";
  #scale = 1;

  /** @param {string[]} rows of the map: `#` is a wall */
  constructor(rows) {
    this.#rows = rows;
    this.width = rows[0]?.length ?? 0;
    this.height = rows.length;
  }

  isWall(x, y) {
    return (this.#rows[y]?.[x] ?? "#") === "#";
  }

  /** Makes sure that it is drawn for this many pixels a metre and these colours. */
  prepare(scale, colors) {
    const wanted = `${scale} ${colors.floor}`;
    if (this.#drawnFor === wanted) return;
    this.#drawnFor = wanted;
    this.#scale = Math.min(scale, SIDE_PIXELS_MAX / Math.max(this.width, this.height, 1));
    this.#canvas.width = Math.ceil(this.width * this.#scale);
    this.#canvas.height = Math.ceil(this.height * this.#scale);
    this.#paint(this.#canvas.getContext("2d", { alpha: false }), this.#scale, colors);
  }

  /** Draws what is seen with the map's corner at these pixels; beyond the map all is wall. */
  draw(pen, left, top, scale, colors) {
    const width = this.width * scale;
    const height = this.height * scale;
    const { canvas } = pen;
    if (left > 0 || top > 0 || left + width < canvas.width || top + height < canvas.height) {
      pen.fillStyle = colors.top;
      pen.fillRect(0, 0, canvas.width, canvas.height);
    }
    if (this.#scale === scale) pen.drawImage(this.#canvas, left, top);
    else pen.drawImage(this.#canvas, left, top, width, height);
  }

  #paint(pen, s, colors) {
    pen.fillStyle = colors.floor;
    pen.fillRect(0, 0, this.width * s, this.height * s);
    const each = (draw) => {
      for (let y = 0; y < this.height; y++) for (let x = 0; x < this.width; x++) draw(x, y);
    };
    // A cross at every second corner, to see one's own motion by.
    pen.fillStyle = colors.mark;
    const arm = Math.max(2, s * 0.12);
    const line = Math.max(1, Math.round(s * 0.045));
    each((x, y) => {
      if (x % 2 || y % 2 || this.isWall(x, y)) return;
      pen.fillRect(x * s - arm, y * s - line / 2, arm * 2, line);
      pen.fillRect(x * s - line / 2, y * s - arm, line, arm * 2);
    });
    const cells = (dx, dy, color) => {
      pen.fillStyle = color;
      each((x, y) => {
        if (!this.isWall(x, y)) return;
        const left = Math.round((x + dx) * s);
        const top = Math.round((y + dy) * s);
        pen.fillRect(left, top, Math.round((x + 1 + dx) * s) - left, Math.round((y + 1 + dy) * s) - top);
      });
    };
    cells(0.22, SIDE_M + 0.24, colors.shade);
    cells(0, SIDE_M, colors.side);
    cells(0, 0, colors.top);
    // The edges between walls and floor.
    pen.fillStyle = colors.edge;
    const edge = Math.max(1, Math.round(s * 0.07));
    each((x, y) => {
      if (!this.isWall(x, y)) return;
      const [left, top, right, bottom] = [x * s, y * s, (x + 1) * s, (y + 1) * s].map(Math.round);
      if (!this.isWall(x, y - 1)) pen.fillRect(left, top, right - left, edge);
      if (!this.isWall(x - 1, y)) pen.fillRect(left, top, edge, bottom - top);
      if (!this.isWall(x + 1, y)) pen.fillRect(right - edge, top, edge, bottom - top);
      if (!this.isWall(x, y + 1)) pen.fillRect(left, bottom - edge, right - left, edge);
    });
  }
}
