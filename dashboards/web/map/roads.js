// Paints the ground: land, roads by class, closed roads. It is asked only when the view rests.

const CLASSES = 3;
const WIDTH_M = [18, 13, 9];
const LEAST_PX = [1.7, 1.1, 0.6];
const MOST_PX = [9, 6, 4];

export class RoadPainter {
  constructor(root) {
    this.root = root;
    this.closed = [];
    this.colours = {};
    this.readColours();
  }

  /** Read the colours of the present scheme from the style sheet. */
  readColours() {
    const style = getComputedStyle(this.root);
    for (const name of ["land", "major", "middle", "minor", "closed"]) {
      this.colours[name] = style.getPropertyValue(`--map-${name}`).trim() || "#888888";
    }
  }

  setRoads(roads) {
    this.roads = roads;
    const order = [];
    for (let k = 0; k < CLASSES; k++) order.push([]);
    for (let i = 0; i < roads.from.length; i++) order[roads.class[i]].push(i);
    this.byClass = order.map((rows) => Int32Array.from(rows));
    const b = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    for (let i = 0; i < roads.x.length; i++) {
      b.left = Math.min(b.left, roads.x[i]);
      b.right = Math.max(b.right, roads.x[i]);
      b.bottom = Math.min(b.bottom, roads.y[i]);
      b.top = Math.max(b.top, roads.y[i]);
    }
    this.bounds = b;
  }

  paint(c, view) {
    c.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    c.fillStyle = this.colours.land;
    c.fillRect(0, 0, view.width, view.height);
    c.lineCap = "round";
    for (let k = CLASSES - 1; k >= 0; k--) {
      c.strokeStyle = [this.colours.major, this.colours.middle, this.colours.minor][k];
      c.lineWidth = Math.min(Math.max(WIDTH_M[k] * view.scale, LEAST_PX[k]), MOST_PX[k]);
      this._stroke(c, view, this.byClass[k]);
    }
    this._closed(c, view);
  }

  _stroke(c, view, rows) {
    const { x, y, from, to } = this.roads, s = view.scale;
    const ox = view.width / 2 - view.cx * s, oy = view.height / 2 + view.cy * s, w = view.width, h = view.height;
    let n = 0;
    c.beginPath();
    for (let k = 0; k < rows.length; k++) {
      const i = rows[k], a = from[i], b = to[i];
      const ax = ox + x[a] * s, ay = oy - y[a] * s, bx = ox + x[b] * s, by = oy - y[b] * s;
      if ((ax < 0 && bx < 0) || (ax > w && bx > w) || (ay < 0 && by < 0) || (ay > h && by > h)) continue;
      c.moveTo(ax, ay);
      c.lineTo(bx, by);
      if (++n % 2000 === 0) { c.stroke(); c.beginPath(); } // short paths are stroked much faster than one long one
    }
    c.stroke();
  }

  _closed(c, view) {
    if (!this.closed.length) return;
    c.strokeStyle = this.colours.closed;
    c.lineWidth = 4;
    c.setLineDash([5, 5]);
    this._stroke(c, view, this.closed);
    c.setLineDash([]);
  }
}
