// Ready-made layers for a CityMap: marks at points that can be picked, lines, names of areas. All take live data.
import { COLORS, sprite } from "./glyphs.js";

const REACH_PX = 14;

/** Marks at points, each with an id. */
export class MarkerLayer {
  /**
   * @param {string} name
   * @param {object} options  `order` (default 10), `labels` (draw labels from this scale on, px per metre)
   */
  constructor(name, { order = 10, labels = Infinity } = {}) {
    Object.assign(this, { name, order, labels, visible: true, selected: null, items: new Map() });
  }

  /** Replace all marks: `[{id, x, y, style, label, alpha, dx, dy}]`; style as in glyphs.js, dx and dy in CSS px. */
  set(items) {
    this.items = new Map(items.map((item) => [item.id, item]));
    this.map?.invalidate();
  }

  /** Add a mark or change fields of one. */
  put(id, fields) {
    this.items.set(id, { ...this.items.get(id), ...fields, id });
    this.map?.invalidate();
  }

  /** Take a mark away. */
  delete(id) {
    this.items.delete(id);
    this.map?.invalidate();
  }

  /** Mark one as chosen (null: none). */
  select(id) {
    this.selected = id;
    this.map?.invalidate();
  }

  draw(c, view) {
    for (const item of this.items.values()) {
      const x = view.x(item.x) + (item.dx ?? 0), y = view.y(item.y) + (item.dy ?? 0);
      if (x < -40 || y < -40 || x > view.width + 40 || y > view.height + 40) continue;
      c.globalAlpha = item.alpha ?? 1;
      stamp(c, sprite(item.style, view.ratio), x, y);
      c.globalAlpha = 1;
      if (item.id === this.selected) halo(c, x, y, item.style.size);
      if (item.label && (view.scale >= this.labels || item.id === this.selected)) caption(c, item.label, x, y + item.style.size + 9);
    }
  }

  hit(sx, sy, view) {
    let best = null;
    for (const item of this.items.values()) {
      const distance = Math.hypot(view.x(item.x) + (item.dx ?? 0) - sx, view.y(item.y) + (item.dy ?? 0) - sy);
      if (distance <= Math.max(REACH_PX, item.style.size) && (!best || distance < best.distance)) best = { id: item.id, distance, item };
    }
    return best;
  }
}

/** Lines through points: `[{id, points: [x, y, x, y, ...], color, width, dash}]`. */
export class LineLayer {
  constructor(name, { order = 5 } = {}) { Object.assign(this, { name, order, visible: true, items: [] }); }

  set(items) {
    this.items = items;
    this.map?.invalidate();
  }

  draw(c, view) {
    c.lineJoin = c.lineCap = "round";
    for (const { points, color = COLORS.blue, width = 3, dash = [] } of this.items) {
      c.beginPath();
      for (let i = 0; i < points.length; i += 2) c[i ? "lineTo" : "moveTo"](view.x(points[i]), view.y(points[i + 1]));
      c.strokeStyle = color;
      c.lineWidth = width;
      c.setLineDash(dash);
      c.stroke();
    }
    c.setLineDash([]);
  }
}

/** Copy a mark onto a point, on whole pixels: between pixels the copy would be resampled, which costs four times as much. */
export function stamp(c, image, x, y) {
  const side = 2 * image.half;
  c.drawImage(image, Math.round(x) - image.half, Math.round(y) - image.half, side, side);
}

/** A ring round what is chosen: dark with a light edge, seen on any ground. */
export function halo(c, x, y, size) {
  for (const [width, color] of [[6, "#ffffff"], [3, "#1b2026"]]) {
    c.beginPath();
    c.arc(x, y, size + 9, 0, Math.PI * 2);
    c.strokeStyle = color;
    c.lineWidth = width;
    c.stroke();
  }
}

/** A line of text on a plate of its own, readable on any ground. */
export function caption(c, text, x, y) {
  c.font = "600 12.5px system-ui, 'Noto Sans CJK SC', sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  const half = c.measureText(text).width / 2 + 7;
  c.beginPath();
  c.roundRect(x - half, y - 11, 2 * half, 22, 5);
  c.fillStyle = "#ffffff";
  c.fill();
  c.strokeStyle = "#1b2026";
  c.lineWidth = 1.2;
  c.stroke();
  c.fillStyle = "#1b2026";
  c.fillText(text, x, y);
}

/** Names of areas where there is room for them. */
export class NameLayer {
  constructor(names, { order = 25, most = 40 } = {}) { Object.assign(this, { name: "names", order, most, names, visible: true, plates: new Map() }); }

  draw(c, view) {
    const taken = [];
    for (const { name, x, y } of this.names) {
      const plate = this._plate(name, view.ratio), sx = view.x(x), sy = view.y(y), half = plate.half;
      if (sx < -half || sx > view.width + half || sy < -20 || sy > view.height + 20) continue;
      if (taken.some((t) => Math.abs(t.x - sx) < t.half + half && Math.abs(t.y - sy) < 22)) continue;
      taken.push({ x: sx, y: sy, half });
      c.drawImage(plate, sx - half, sy - 11, 2 * half, 22);
      if (taken.length >= this.most) return;
    }
  }

  _plate(text, ratio) {
    const key = `${ratio}|${text}`;
    let plate = this.plates.get(key);
    if (plate) return plate;
    plate = document.createElement("canvas");
    const c = plate.getContext("2d"), font = "600 12.5px system-ui, 'Noto Sans CJK SC', sans-serif";
    c.font = font;
    plate.half = Math.ceil(c.measureText(text).width / 2 + 6);
    plate.width = Math.ceil(2 * plate.half * ratio);
    plate.height = Math.ceil(22 * ratio);
    c.scale(ratio, ratio);
    c.font = font;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineJoin = "round";
    c.lineWidth = 4;
    c.strokeStyle = "rgba(255, 255, 255, 0.9)";
    c.strokeText(text, plate.half, 11);
    c.fillStyle = "#1b2026";
    c.fillText(text, plate.half, 11);
    this.plates.set(key, plate);
    return plate;
  }
}
