// The replay's layers on the map: troubles nobody knows, cases, trips, people. Each draws straight from a Frame's arrays.
import { caseStyle, COLORS, sprite, UNKNOWN_STYLE } from "../map/glyphs.js";
import { caption, halo, stamp } from "../map/layers.js";
import { HOLD, MOVE, OFF, READY, STATES, TRAVEL, WORK } from "./tracks.js";

const REACH_PX = 16;
const MOST_TRIPS = 150;
const LINGER_MIN = 20;
const MOST_QUIET_MARKS = 1200;
const QUIET_SIZE = 4.2, BUSY_SIZE = 7;
const ZOOM = (view) => (view.scale > 0.5 ? 1.4 : view.scale > 0.2 ? 1.15 : view.scale > 0.12 ? 1 : 0.8);

class FrameLayer {
  constructor(name, order) { Object.assign(this, { name, order, visible: true, frame: null, chosen: null, marks: new Map() }); }

  /** Return the mark under a small number, made once for a zoom: spelling styles out for each mark would cost more than drawing. */
  mark(number, view, zoom, style) {
    if (this.markedFor !== view.ratio * 100 + zoom) {
      this.marks.clear();
      this.markedFor = view.ratio * 100 + zoom;
    }
    let made = this.marks.get(number);
    if (!made) this.marks.set(number, (made = sprite(style(), view.ratio)));
    return made;
  }

  nearest(count, at, sx, sy, view, offset) {
    let best = -1, least = REACH_PX;
    for (let k = 0; k < count; k++) {
      if (!at.shown(k)) continue;
      const [dx, dy] = offset ? offset(k) : [0, 0];
      const d = Math.hypot(view.x(at.x[k]) + dx - sx, view.y(at.y[k]) + dy - sy);
      if (d < least) { least = d; best = k; }
    }
    return best < 0 ? null : { row: best, distance: least };
  }
}

/** Troubles that have occurred and that nobody has told of: true state. */
export class UnknownLayer extends FrameLayer {
  constructor() { super("unknown", 10); }

  draw(c, view) {
    const f = this.frame;
    if (!f) return;
    const { i_x: x, i_y: y, i_occurred: from, i_known: known, i_ended: ended } = f.a, t = f.minute - f.start;
    const image = sprite(UNKNOWN_STYLE, view.ratio);
    c.globalAlpha = 0.75;
    for (let i = 0; i < x.length; i++) {
      if (from[i] > t || known[i] <= t || ended[i] <= t) continue;
      const sx = view.x(x[i]), sy = view.y(y[i]);
      if (sx > -9 && sy > -9 && sx < view.width + 9 && sy < view.height + 9) stamp(c, image, sx, sy);
    }
    c.globalAlpha = 1;
  }
}

/** Cases that the system knows. */
export class CaseLayer extends FrameLayer {
  constructor() {
    super("cases", 20);
    this.between = true;
  }

  look(view) {
    const size = view.scale > 0.5 ? 10 : view.scale > 0.2 ? 8.5 : view.scale > 0.12 ? 7 : 5.5;
    return { size, spread: size / 6 };
  }

  draw(c, view) {
    const f = this.frame;
    if (!f) return;
    const { c_x: x, c_y: y, c_closed: closed, c_case: id, c_emergency: emergency } = f.a, t = f.minute - f.start;
    const { size, spread } = this.look(view);
    const crowded = this._crowded(f);
    for (const pass of this.between ? [3, 4, 0, 1, 2] : [4, 0, 1, 2]) { // what waits for papers lies lowest, what is being handled on top
      if (crowded && pass >= 3) {
        this._dots(c, view, pass, spread);
        continue;
      }
      for (let i = 0; i < x.length; i++) {
        if (f.caseState[i] !== pass || id[i] === this.chosen) continue;
        const sx = view.x(x[i]) + f.cdx[i] * spread, sy = view.y(y[i]) + f.cdy[i] * spread;
        if (!(sx > -20 && sy > -20 && sx < view.width + 20 && sy < view.height + 20)) continue;
        c.globalAlpha = pass === 4 ? Math.max(0.15, 1 - (t - closed[i]) / LINGER_MIN) : pass === 3 ? 0.85 : 1;
        const whistle = pass < 4 && f.whistled(i), urgent = emergency[i] === 1;
        const number = pass * 4 + (whistle ? 2 : 0) + (urgent ? 1 : 0);
        stamp(c, this.mark(number, view, size, () => caseStyle(STATES[pass], { whistle, emergency: urgent, size: pass === 3 ? size * 0.72 : size })), sx, sy);
      }
    }
    c.globalAlpha = 1;
    this._chosen(c, view, size + 3);
  }

  /** Whether so many cases are between steps or just closed that marks would only hide the city. */
  _crowded(f) {
    let n = 0;
    for (const state of f.caseState) if (state === 3 || state === 4) n++;
    return n > MOST_QUIET_MARKS;
  }

  _dots(c, view, pass, spread) {
    const f = this.frame, { c_x: x, c_y: y } = f.a;
    c.globalAlpha = pass === 4 ? 0.5 : 0.9;
    c.fillStyle = COLORS.grey;
    for (let i = 0; i < x.length; i++) {
      if (f.caseState[i] === pass) c.fillRect(Math.round(view.x(x[i]) + f.cdx[i] * spread) - 1, Math.round(view.y(y[i]) + f.cdy[i] * spread) - 1, 3, 3);
    }
    c.globalAlpha = 1;
  }

  _chosen(c, view, size) {
    const f = this.frame, i = this.chosen === null ? undefined : f.caseRow.get(this.chosen);
    if (i === undefined || f.caseState[i] > 4) return;
    const { spread } = this.look(view);
    const sx = view.x(f.a.c_x[i]) + f.cdx[i] * spread, sy = view.y(f.a.c_y[i]) + f.cdy[i] * spread;
    stamp(c, sprite(caseStyle(STATES[f.caseState[i]], { whistle: f.whistled(i), emergency: f.a.c_emergency[i] === 1, size }), view.ratio), sx, sy);
    halo(c, sx, sy, size + 4);
  }

  hit(sx, sy, view) {
    const f = this.frame;
    if (!f) return null;
    const at = { x: f.a.c_x, y: f.a.c_y, shown: (i) => f.caseState[i] <= 4 && (this.between || f.caseState[i] !== 3) };
    const { spread } = this.look(view);
    const found = this.nearest(f.caseState.length, at, sx, sy, view, (i) => [f.cdx[i] * spread, f.cdy[i] * spread]);
    return found && { id: f.a.c_case[found.row], distance: found.distance };
  }
}

/** The rest of the way of everybody who drives, and the whole way of whoever is followed. */
export class TripLayer extends FrameLayer {
  constructor(styles) {
    super("trips", 15);
    this.styles = styles;
  }

  draw(c, view) {
    const f = this.frame;
    if (!f) return;
    c.lineJoin = c.lineCap = "round";
    let driving = 0;
    for (let k = 0; k < f.who.length; k++) driving += f.driving[k];
    if (driving <= MOST_TRIPS) { // with more of them the streets could not be seen
      for (let k = 0; k < f.who.length; k++) if (f.driving[k] && f.who[k] !== this.chosen) this._trip(c, view, k, false);
    }
    const k = this.chosen === null ? undefined : f.personRow.get(this.chosen);
    if (k !== undefined && (f.state[k] === TRAVEL || f.state[k] === MOVE)) this._trip(c, view, k, true);
  }

  _trip(c, view, k, mine) {
    const f = this.frame, a = f.a, i = f.row[k], way = a.s_way[i], t = f.minute - f.start, roads = f.roads;
    const fill = this.styles[f.about.staff.post[f.who[k]]].edge === "#ffffff" ? this.styles[f.about.staff.post[f.who[k]]].fill : "#0072b2";
    c.strokeStyle = fill;
    c.globalAlpha = mine ? 0.95 : 0.5;
    c.lineWidth = mine ? 4.5 : 2.5;
    if (way >= 0 && t < a.s_near[i]) {
      const share = Math.max(0, (t - a.s_depart[i]) / (a.s_near[i] - a.s_depart[i]));
      c.setLineDash(a.w_open[way] ? [] : [2, 7]);
      c.beginPath();
      c.moveTo(view.x(f.x[k]), view.y(f.y[k]));
      for (let n = a.w_first[way]; n < a.w_first[way + 1]; n++) {
        if (a.w_share[n] > share) c.lineTo(view.x(roads.x[a.w_node[n]]), view.y(roads.y[a.w_node[n]]));
      }
      c.stroke();
    }
    const row = f.caseRow.get(a.s_case[i]);
    if (row !== undefined && a.s_until[i] > a.s_near[i]) {
      const node = roads.place[a.s_to[i]], near = t < a.s_near[i];
      c.setLineDash([3, 5]);
      c.beginPath();
      c.moveTo(view.x(near ? roads.x[node] : f.x[k]), view.y(near ? roads.y[node] : f.y[k]));
      c.lineTo(view.x(a.c_x[row]), view.y(a.c_y[row]));
      c.stroke();
    }
    c.setLineDash([]);
    c.globalAlpha = 1;
  }
}

/** Everybody on duty. Whoever is with a case or drives is large; who waits, patrols or does delegated work small. */
export class PeopleLayer extends FrameLayer {
  constructor(styles) {
    super("people", 30);
    this.styles = styles;
    this.quiet = true;
  }

  _shown(state) { return state !== OFF && (this.quiet || state >= READY); }

  draw(c, view) {
    const f = this.frame;
    if (!f) return;
    const post = f.about.staff.post, zoom = ZOOM(view);
    this.drawn = 0;
    for (const busy of [false, true]) {
      c.globalAlpha = busy ? 1 : 0.62;
      for (let k = 0; k < f.who.length; k++) {
        const state = f.state[k];
        if (!this._shown(state) || (state >= READY) !== busy) continue;
        const [dx, dy] = f.offset(k, zoom), sx = view.x(f.x[k]) + dx, sy = view.y(f.y[k]) + dy;
        if (!(sx > -20 && sy > -20 && sx < view.width + 20 && sy < view.height + 20)) continue;
        const still = state === WORK || state === HOLD, dashed = state === HOLD || state === READY;
        const size = (busy ? (still ? BUSY_SIZE - 1 : BUSY_SIZE) : QUIET_SIZE) * zoom, moving = f.driving[k] === 1;
        const number = post[f.who[k]] * 16 + (busy ? 8 : 0) + (still ? 4 : 0) + (dashed ? 2 : 0) + (moving ? 1 : 0);
        const style = () => ({ ...this.styles[post[f.who[k]]], size, dashed, halo: moving ? "#1b2026" : undefined });
        stamp(c, this.mark(number, view, zoom, style), sx, sy);
        this.drawn++;
        if (f.who[k] === this.chosen) this._name(c, sx, sy, size);
      }
    }
    c.globalAlpha = 1;
  }

  _name(c, sx, sy, size) {
    c.globalAlpha = 1;
    halo(c, sx, sy, size);
    if (this.label) caption(c, this.label, sx, sy + size + 20);
  }

  hit(sx, sy, view) {
    const f = this.frame;
    if (!f) return null;
    const zoom = ZOOM(view);
    const at = { x: f.x, y: f.y, shown: (k) => this._shown(f.state[k]) };
    const found = this.nearest(f.who.length, at, sx, sy, view, (k) => f.offset(k, zoom));
    return found && { id: f.who[found.row], distance: found.distance };
  }
}
