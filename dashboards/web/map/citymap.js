/*
 * A city map on canvas: the city's own roads below, layers of things above, no tiles and no other host.
 * Shared by the replay and by drills. Coordinates are metres (x east, y north) from whatever origin the caller uses.
 *
 *   const map = new CityMap(element, {label: "Map of the city", onPick: (hit) => ...});
 *   map.setRoads({x, y, from, to, class, place});          // typed arrays, as `unpack` returns them
 *   map.setClosed(indexesOfSegments);                      // drawn crossed out; [] opens them
 *   map.setNight(0.0 .. 1.0);
 *   map.add(new MarkerLayer("units"));                     // see layers.js: MarkerLayer, LineLayer, NameLayer
 *   map.layer("units").set([{id, x, y, style, label}]);    // live: map.invalidate() is called for you
 *   map.fit(); map.centre(x, y, {scale}); map.zoomBy(1.5); map.panBy(dx, dy);
 *   map.pick(sx, sy) -> {layer, id, item} | null;          // nearest thing under a point, top layer first
 *   map.draw();                                            // paint now; with map.driven = true nothing paints by itself
 *   map.frames                                             // painted frames, also as data-frames of the canvas
 *   map.destroy();
 *
 * A layer is any object with `name`, `order`, `visible`, `draw(c, view, map)` and, where things can be picked,
 * `hit(sx, sy, view) -> {id, distance, item} | null` (distance in CSS px). `view` has `x(mx)`, `y(my)` (metres to CSS px),
 * `scale` (px per metre), `width`, `height`, `ratio`. Two canvases lie on each other: roads are painted when the view
 * has come to rest (until then the last picture is moved and stretched), things whenever they change.
 */
import { Gestures } from "./gestures.js";
import { RoadPainter } from "./roads.js";

const MARGIN = 0.25;
const REST_MS = 90;

class View {
  constructor() { Object.assign(this, { cx: 0, cy: 0, scale: 0.1, width: 1, height: 1, ratio: 1 }); }
  x(mx) { return (mx - this.cx) * this.scale + this.width / 2; }
  y(my) { return this.height / 2 - (my - this.cy) * this.scale; }
  mx(sx) { return (sx - this.width / 2) / this.scale + this.cx; }
  my(sy) { return (this.height / 2 - sy) / this.scale + this.cy; }
  copy() { return Object.assign(new View(), this); }
}

export class CityMap {
  /**
   * @param {HTMLElement} root  an empty block with a size of its own
   * @param {object} options  `label` (accessible name), `help` (accessible description), `onPick(hit|null)`,
   *   `onView(byUser)`
   */
  constructor(root, options = {}) {
    this.root = root;
    this.options = options;
    this.view = new View();
    this.layers = [];
    this.frames = 0;
    this.bounds = null;
    this.night = 0;
    root.classList.add("citymap");
    this.ground = this._canvas("citymap-ground");
    this.ground.setAttribute("aria-hidden", "true");
    this.dark = document.createElement("div");
    this.dark.className = "citymap-night";
    root.append(this.dark);
    this.things = this._canvas("citymap-things");
    this.things.tabIndex = 0;
    this.things.setAttribute("role", "application");
    this.things.setAttribute("aria-label", options.label ?? "");
    if (options.help) this.things.setAttribute("aria-description", options.help);
    this.painter = new RoadPainter(root);
    this.gestures = new Gestures(this.things, this);
    this.observer = new ResizeObserver(() => this._resize());
    this.observer.observe(root);
    this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
    this._recolour = () => { this.painter.readColours(); this._renderGround(); this.invalidate(); };
    this.scheme.addEventListener("change", this._recolour);
    this._resize();
  }

  _canvas(name) {
    const canvas = document.createElement("canvas");
    canvas.className = name;
    this.root.append(canvas);
    return canvas;
  }

  /** Stop listening and forget everything. */
  destroy() {
    this.observer.disconnect();
    this.gestures.destroy();
    this.scheme.removeEventListener("change", this._recolour);
    cancelAnimationFrame(this._waiting);
    clearTimeout(this._rest);
    this.root.replaceChildren();
  }

  // ---------------------------------------------------------------- what is shown

  /** Take the road network and show all of it. */
  setRoads(roads) {
    this.painter.setRoads(roads);
    this.bounds = this.painter.bounds;
    this.fit();
  }

  /** Cross out segments that are closed now. */
  setClosed(segments) {
    this.painter.closed = segments;
    this._renderGround();
  }

  /** How dark it is outside, 0 to 1. */
  setNight(share) {
    const night = Math.round(share * 50) / 50;
    if (night === this.night) return;
    this.night = night;
    this.dark.style.opacity = String(0.34 * night);
    this.root.dataset.night = String(night);
  }

  /** Add a layer; the greatest `order` lies on top. Returns it. */
  add(layer) {
    layer.map = this;
    this.layers.push(layer);
    this.layers.sort((a, b) => a.order - b.order);
    this.invalidate();
    return layer;
  }

  /** Return the layer of a name. */
  layer(name) { return this.layers.find((layer) => layer.name === name); }

  /** Take a layer away. */
  remove(name) {
    this.layers = this.layers.filter((layer) => layer.name !== name);
    this.invalidate();
  }

  // ---------------------------------------------------------------- where one looks

  /** Show everything. */
  fit(byUser = false) {
    const v = this.view, b = this.bounds;
    if (!b) return;
    const pad = Math.min(36, v.width / 10);
    v.cx = (b.left + b.right) / 2;
    v.cy = (b.bottom + b.top) / 2;
    const wide = Math.max(b.right - b.left, 50), high = Math.max(b.top - b.bottom, 50);
    v.scale = Math.min((v.width - 2 * pad) / wide, (v.height - 2 * pad) / high);
    this.least = v.scale / 3;
    this._moved(byUser);
  }

  /** Look at a point. */
  centre(x, y, { scale = this.view.scale, byUser = false } = {}) {
    this.view.cx = x;
    this.view.cy = y;
    this.view.scale = this._bounded(scale);
    this._moved(byUser);
  }

  /** Zoom by a factor, keeping the point (CSS px) where it is. */
  zoomBy(factor, sx = this.view.width / 2, sy = this.view.height / 2) {
    const v = this.view, mx = v.mx(sx), my = v.my(sy);
    v.scale = this._bounded(v.scale * factor);
    v.cx = mx - (sx - v.width / 2) / v.scale;
    v.cy = my - (v.height / 2 - sy) / v.scale;
    this._moved(true);
  }

  /** Move the picture by CSS px. */
  panBy(dx, dy) {
    this.view.cx -= dx / this.view.scale;
    this.view.cy += dy / this.view.scale;
    this._moved(true);
  }

  _bounded(scale) { return Math.min(Math.max(scale, this.least ?? 1e-4), 4); }

  _moved(byUser) {
    const b = this.bounds, v = this.view;
    if (b) {
      v.cx = Math.min(Math.max(v.cx, b.left), b.right);
      v.cy = Math.min(Math.max(v.cy, b.bottom), b.top);
    }
    this._blitGround();
    clearTimeout(this._rest);
    this._rest = setTimeout(() => this._renderGround(), REST_MS);
    this.invalidate();
    this.options.onView?.(byUser);
  }

  _resize() {
    const box = this.root.getBoundingClientRect(), v = this.view, first = v.width <= 1;
    if (box.width < 2 || box.height < 2) return;
    v.width = Math.round(box.width);
    v.height = Math.round(box.height);
    v.ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [this.ground, this.things]) {
      canvas.width = Math.round(v.width * v.ratio);
      canvas.height = Math.round(v.height * v.ratio);
    }
    if (first) this.fit();
    this._renderGround();
    this.draw();
  }

  // ---------------------------------------------------------------- painting

  /** Paint the roads anew on a picture somewhat larger than the view. */
  _renderGround() {
    clearTimeout(this._rest);
    const v = this.view, wide = v.copy();
    if (!this.bounds) return;
    wide.width = Math.round(v.width * (1 + 2 * MARGIN));
    wide.height = Math.round(v.height * (1 + 2 * MARGIN));
    this.picture ??= document.createElement("canvas");
    this.picture.width = Math.round(wide.width * v.ratio);
    this.picture.height = Math.round(wide.height * v.ratio);
    this.pictured = wide;
    const begun = performance.now();
    this.painter.paint(this.picture.getContext("2d"), wide);
    this.ground.dataset.paintMs = (performance.now() - begun).toFixed(1);
    this._blitGround();
  }

  _blitGround() {
    const c = this.ground.getContext("2d"), v = this.view, p = this.pictured;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = this.painter.colours.land;
    c.fillRect(0, 0, this.ground.width, this.ground.height);
    if (!p) return;
    const k = v.scale / p.scale;
    const left = v.width / 2 + (p.cx - v.cx) * v.scale - (p.width / 2) * k;
    const top = v.height / 2 - (p.cy - v.cy) * v.scale - (p.height / 2) * k;
    const r = v.ratio;
    c.drawImage(this.picture, Math.round(left * r), Math.round(top * r), Math.round(p.width * k * r), Math.round(p.height * k * r));
  }

  /** Paint the things soon; many calls paint once. */
  invalidate() {
    if (this._waiting || this.driven) return;
    this._waiting = requestAnimationFrame(() => { this._waiting = 0; this.draw(); });
  }

  /** Paint the things now. */
  draw() {
    const c = this.things.getContext("2d"), v = this.view;
    c.setTransform(v.ratio, 0, 0, v.ratio, 0, 0);
    c.clearRect(0, 0, v.width, v.height);
    for (const layer of this.layers) if (layer.visible !== false) layer.draw(c, v, this);
    this.frames++;
    this.things.dataset.frames = String(this.frames);
  }

  /** Return the nearest thing at a point of the canvas (CSS px), the topmost layer first. */
  pick(sx, sy) {
    for (const layer of [...this.layers].reverse()) {
      if (layer.visible === false || !layer.hit) continue;
      const hit = layer.hit(sx, sy, this.view);
      if (hit) return { ...hit, layer: layer.name };
    }
    return null;
  }

  /** Called by the gestures for a click or tap. */
  picked(sx, sy) { this.options.onPick?.(this.pick(sx, sy)); }
}
