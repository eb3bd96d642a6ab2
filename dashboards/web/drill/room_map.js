// The map of a drill: cases, people and crews, closed roads as far as the seat may know them; for controllers the truth too.
import { CityMap } from "../map/citymap.js";
import { CASE_STYLES, COLORS, caseStyle, postStyles, sprite } from "../map/glyphs.js";
import { LineLayer, MarkerLayer, NameLayer } from "../map/layers.js";
import { unpack } from "../map/pack.js";
import { el, fill } from "./dom.js";

const NEAR = 0.12;

export class RoomMap {
  /** @param {object} desk  the page: `part`, `t`, `say`, `base`. */
  constructor(desk) {
    Object.assign(this, { desk, cases: [], units: [], incidents: [], closures: [] });
  }

  async start() {
    const { desk } = this, { t } = desk;
    const response = await fetch(`${desk.base}/city`);
    if (!response.ok) throw new Error(t("map_failed"));
    const city = unpack(await response.arrayBuffer());
    this.roads = city.arrays;
    [this.x0, this.y0] = city.origin;
    const styles = postStyles(city.posts, city.posts.map((p) => p.department));
    this.posts = new Map(city.posts.map((p, i) => [p.name, { ...p, style: styles[i] }]));
    this.map = new CityMap(desk.part("map"), { label: t("map_label"), help: t("map_help"), onPick: (hit) => this.pick(hit) });
    this.map.setRoads(this.roads);
    this.trips = this.map.add(new LineLayer("trips", { order: 5 }));
    this.truth = this.map.add(new MarkerLayer("incidents", { order: 8 }));
    this.crews = this.map.add(new MarkerLayer("units", { order: 12, labels: NEAR }));
    this.troubles = this.map.add(new MarkerLayer("cases", { order: 15, labels: NEAR }));
    this.map.add(new NameLayer(city.areas.map((a) => ({ name: desk.say(a.name), x: a.x, y: a.y })), { order: 7 }));
    for (const [name, act] of [["zoom-in", () => this.map.zoomBy(1.5)], ["zoom-out", () => this.map.zoomBy(1 / 1.5)], ["fit", () => this.map.fit(true)]]) {
      desk.part(name).addEventListener("click", act);
    }
    this.update();
  }

  /** Take new data: any of cases, units, incidents, closures. */
  take(name, data) {
    this[name] = data;
    this.update();
  }

  update() {
    if (!this.map) return;
    const coming = new Set(this.units.filter((u) => u.doing === "on_the_way").map((u) => u.case));
    this.troubles.set(this.cases.map((c) => this._case(c, coming)));
    this.crews.set(this.units.map((u) => this._unit(u)));
    this.truth.set(this.incidents.filter((i) => i.fate === "open").map((i, k) => ({
      id: k, x: i.x_m - this.x0, y: i.y_m - this.y0, dx: -9, dy: 9,
      style: { shape: "diamond", size: 6, fill: "none", edge: COLORS.vermillion, dashed: true },
    })));
    this.trips.set(this.units.filter((u) => u.to_x_m !== undefined).map((u) => ({
      points: [u.x_m - this.x0, u.y_m - this.y0, u.to_x_m - this.x0, u.to_y_m - this.y0], color: COLORS.blue, width: 2, dash: [6, 4],
    })));
    const shut = this._closed(), key = shut.join();
    if (key !== this.shut) {
      this.shut = key;
      this.map.setClosed(shut);
    }
    this._legend();
  }

  _state(c, coming) {
    if (!c.open) return "closed";
    return c.attended ? "here" : coming.has(c.case) ? "way" : "waiting";
  }

  _case(c, coming) {
    const state = this._state(c, coming);
    return {
      id: c.case, x: c.x_m - this.x0, y: c.y_m - this.y0, dy: -10, label: `${c.case} ${this.desk.say(c.title)}`,
      style: caseStyle(state, { emergency: c.severity >= 3 && c.open, size: state === "closed" ? 6 : 10 }), alpha: state === "closed" ? 0.6 : 1,
    };
  }

  _unit(u) {
    const { style } = this.posts.get(u.post) ?? { style: { shape: "circle", fill: COLORS.grey, edge: COLORS.white } };
    const free = u.doing === "free" || u.doing === "delegated";
    return {
      id: u.code, x: u.x_m - this.x0, y: u.y_m - this.y0, dy: free ? 8 : 0, label: this.desk.say(u.name),
      style: { ...style, size: free ? 5.5 : 8 }, alpha: free ? 0.75 : 1,
    };
  }

  /** Return the road segments whose middle lies inside a closure. */
  _closed() {
    const { x, y, from, to } = this.roads, out = [];
    for (const c of this.closures) {
      const cx = c.x_m - this.x0, cy = c.y_m - this.y0;
      for (let i = 0; i < from.length; i++) {
        if (Math.hypot((x[from[i]] + x[to[i]]) / 2 - cx, (y[from[i]] + y[to[i]]) / 2 - cy) <= c.radius_m) out.push(i);
      }
    }
    return out;
  }

  /** Look at a case or a unit. */
  show(layer, id) {
    const item = this.map?.layer(layer).items.get(id);
    if (!item) return;
    this.map.centre(item.x, item.y, { scale: Math.max(this.map.view.scale, NEAR) });
    this.pick({ layer, id });
  }

  pick(hit) {
    for (const layer of [this.troubles, this.crews]) layer.select(hit && layer.name === hit.layer ? hit.id : null);
    const { desk } = this, box = desk.part("picked");
    const found = !hit ? null : hit.layer === "cases" ? this.cases.find((c) => c.case === hit.id) : hit.layer === "units" ? this.units.find((u) => u.code === hit.id) : null;
    const text = !found ? "" : hit.layer === "cases" ? desk.caseText(found) : desk.unitText(found);
    fill(box, text ? [el("p", {}, text)] : []);
  }

  _legend() {
    const { t, say } = this.desk, rows = [];
    for (const state of ["waiting", "way", "here", "closed"]) rows.push([{ ...CASE_STYLES[state], size: 8 }, t(`states.${state}`)]);
    for (const name of new Set(this.units.map((u) => u.post))) {
      const post = this.posts.get(name);
      if (post) rows.push([{ ...post.style, size: 7 }, say(post.title)]);
    }
    if (this.incidents.length) rows.push([{ shape: "diamond", size: 6, fill: "none", edge: COLORS.vermillion, dashed: true }, t("true_trouble")]);
    const key = rows.map((r) => r[1]).join();
    if (key === this.legendKey) return;
    this.legendKey = key;
    fill(this.desk.part("legend"), rows.map(([style, text]) => el("li", {}, swatch(style), text)));
  }
}

function swatch(style) {
  const image = sprite(style, 2), canvas = el("canvas", { "aria-hidden": "true", class: "swatch" });
  canvas.width = canvas.height = image.width;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas;
}
