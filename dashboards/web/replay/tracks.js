// One window of a run, ready to be asked where everybody is at a minute. It draws nothing and asks nobody.

export const OFF = 0, REST = 1, PATROL = 2, DELEGATED = 3, READY = 4, TRAVEL = 5, HOLD = 6, WORK = 7, MOVE = 8;
export const STATES = ["waiting", "way", "here", "between", "closed"];
const PEOPLE_PX = 5.5, CASES_PX = 8;
const MOST_BESIDE = 61; // then they begin to lie on each other: a hundred at one desk must not fill a quarter
const GOLDEN = 2.399963;
const AT_CASE_PX = 8;

/** Offsets (px) of things at one point: a spiral in which each keeps its place. */
function sideBySide(count, key, step, dx, dy) {
  const seen = new Map();
  for (let k = 0; k < count; k++) {
    const at = key(k), i = (seen.get(at) ?? 0) % MOST_BESIDE;
    seen.set(at, i + 1);
    dx[k] = i ? step * Math.sqrt(i) * Math.cos(i * GOLDEN) : 0;
    dy[k] = i ? step * Math.sqrt(i) * Math.sin(i * GOLDEN) : 0;
  }
}

/** A window of a run. */
export class Frame {
  /** @param block  an unpacked window @param about  what is said once about the run @param roads  the unpacked city */
  constructor(block, about, roads) {
    const a = block.arrays;
    Object.assign(this, { number: block.number, start: block.start_min, end: block.end_min, a, about, roads });
    this.caseRow = new Map();
    for (let i = 0; i < a.c_case.length; i++) this.caseRow.set(a.c_case[i], i);
    this._people();
    const n = a.c_case.length;
    this.caseState = new Uint8Array(n);
    this.present = new Uint16Array(n);
    this.coming = new Uint16Array(n);
    this.cdx = new Float32Array(n);
    this.cdy = new Float32Array(n);
    sideBySide(n, (i) => `${a.c_x[i]},${a.c_y[i]}`, CASES_PX, this.cdx, this.cdy);
    this.minute = NaN;
  }

  _people() {
    const staff = this.a.s_staff, first = [], who = [];
    for (let i = 0; i < staff.length; i++) {
      if (i === 0 || staff[i] !== staff[i - 1]) { first.push(i); who.push(staff[i]); }
    }
    first.push(staff.length);
    this.first = Int32Array.from(first);
    this.who = Int32Array.from(who);
    const m = who.length;
    this.row = Int32Array.from(first.slice(0, m));
    this.x = new Float32Array(m);
    this.y = new Float32Array(m);
    this.state = new Uint8Array(m);
    this.driving = new Uint8Array(m);
    this.atCase = new Uint8Array(m);
    this.personRow = new Map(who.map((s, k) => [s, k]));
    this.dx = new Float32Array(m);
    this.dy = new Float32Array(m);
    sideBySide(m, (k) => this.a.s_place[first[k]], PEOPLE_PX, this.dx, this.dy);
  }

  /** Bring every person and case to a minute of the run. */
  go(minute) {
    if (minute === this.minute) return;
    const t = minute - this.start, a = this.a;
    if (!(minute >= this.minute)) for (let k = 0; k < this.who.length; k++) this.row[k] = this.first[k];
    this.minute = minute;
    this.present.fill(0);
    this.coming.fill(0);
    for (let k = 0; k < this.who.length; k++) {
      let i = this.row[k];
      const last = this.first[k + 1] - 1;
      while (i < last && a.s_start[i + 1] <= t) i++;
      this.row[k] = i;
      if (a.s_start[i] > t) { this.state[k] = OFF; continue; }
      const state = a.s_activity[i];
      this.state[k] = state;
      this._locate(k, i, t);
      const c = a.s_case[i];
      if (c >= 0 && state >= TRAVEL) {
        const row = this.caseRow.get(c);
        if (row !== undefined) (state === TRAVEL ? this.coming : this.present)[row]++;
      }
    }
    this._cases(t);
  }

  _locate(k, i, t) {
    const { a, roads } = this, state = a.s_activity[i], way = a.s_way[i];
    this.driving[k] = this.atCase[k] = 0;
    if ((state === TRAVEL || state === MOVE) && t >= a.s_depart[i]) {
      if (t < a.s_near[i] && way >= 0) {
        this.driving[k] = 1;
        this._along(k, way, (t - a.s_depart[i]) / (a.s_near[i] - a.s_depart[i]));
        return;
      }
      if (t >= a.s_near[i] && a.s_until[i] > a.s_near[i]) { // from the last junction to the door, straight
        const c = this.caseRow.get(a.s_case[i]), node = roads.place[a.s_to[i]];
        const f = Math.min(1, (t - a.s_near[i]) / (a.s_until[i] - a.s_near[i]));
        const x = c === undefined ? roads.x[node] : a.c_x[c], y = c === undefined ? roads.y[node] : a.c_y[c];
        this.driving[k] = 1;
        this.x[k] = roads.x[node] + f * (x - roads.x[node]);
        this.y[k] = roads.y[node] + f * (y - roads.y[node]);
        return;
      }
    }
    if (state === HOLD || state === WORK) {
      const c = this.caseRow.get(a.s_case[i]);
      if (c !== undefined && a.c_place[c] === a.s_place[i] && Number.isFinite(a.c_x[c])) {
        this.atCase[k] = 1;
        this.x[k] = a.c_x[c];
        this.y[k] = a.c_y[c];
        return;
      }
    }
    const node = roads.place[Math.max(a.s_place[i], 0)];
    this.x[k] = roads.x[node];
    this.y[k] = roads.y[node];
  }

  _along(k, way, share) {
    const { a, roads } = this;
    let low = a.w_first[way], high = a.w_first[way + 1] - 1;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (a.w_share[middle] <= share) low = middle; else high = middle;
    }
    const from = a.w_node[low], to = a.w_node[high], span = a.w_share[high] - a.w_share[low];
    const f = span > 0 ? Math.min(1, Math.max(0, (share - a.w_share[low]) / span)) : 0;
    this.x[k] = roads.x[from] + f * (roads.x[to] - roads.x[from]);
    this.y[k] = roads.y[from] + f * (roads.y[to] - roads.y[from]);
  }

  _cases(t) {
    const a = this.a;
    for (let i = 0; i < this.caseState.length; i++) {
      let state = 0;
      if (a.c_reported[i] > t) state = 255; // nobody has told of it yet
      else if (a.c_closed[i] <= t) state = 4;
      else if (this.present[i]) state = 2;
      else if (this.coming[i]) state = 1;
      else if (a.c_arrived[i] <= t) state = 3;
      this.caseState[i] = state;
    }
  }

  /** How far (px) a person is drawn from where they are: drivers not at all, at a case close to it, else side by side. */
  offset(k, zoom) {
    if (this.driving[k]) return [0, 0];
    if (this.atCase[k]) return [AT_CASE_PX * zoom * Math.cos(this.who[k] * GOLDEN), AT_CASE_PX * zoom * Math.sin(this.who[k] * GOLDEN)];
    return [this.dx[k] * zoom, this.dy[k] * zoom];
  }

  /** Whether departments are called to a case now. */
  whistled(i) {
    const t = this.minute - this.start;
    return this.a.c_whistle[i] <= t && this.a.c_whistled[i] > t;
  }

  /** Return what a person does now: `{activity, case, place, to, until, depart, way, ...}`, or null when off duty. */
  person(staff) {
    const k = this.personRow.get(staff);
    if (k === undefined || this.state[k] === OFF) return null;
    const i = this.row[k], a = this.a;
    const activity = this.state[k];
    const turningOut = activity === TRAVEL && this.minute - this.start < a.s_depart[i];
    return {
      k, segment: i, activity, turningOut, case: a.s_case[i], x: this.x[k], y: this.y[k], lights: a.s_lights[i] === 1,
      since: this.start + a.s_start[i], until: this.start + a.s_until[i], way: a.s_way[i],
    };
  }

  /** Return how many people do what, and how many cases are in which state. */
  counts() {
    const people = new Array(9).fill(0), cases = new Array(5).fill(0);
    for (const state of this.state) people[state]++;
    for (const state of this.caseState) if (state < 5) cases[state]++;
    let unknown = 0;
    const t = this.minute - this.start, a = this.a;
    for (let i = 0; i < a.i_known.length; i++) if (a.i_occurred[i] <= t && a.i_known[i] > t && a.i_ended[i] > t) unknown++;
    return { people, cases, unknown };
  }
}
