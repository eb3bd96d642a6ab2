// The replay page: fetches the run, joins clock, stream, map, timeline and panel, and draws a frame when there is one to draw.
import { CityMap } from "../map/citymap.js";
import { postStyles } from "../map/glyphs.js";
import { NameLayer } from "../map/layers.js";
import { unpack } from "../map/pack.js";
import { Clock, SPEEDS } from "./clock.js";
import { FollowCard } from "./follow.js";
import { bindKeys } from "./keys.js";
import { Names } from "./names.js";
import { Panel } from "./panel.js";
import { CaseLayer, PeopleLayer, TripLayer, UnknownLayer } from "./scene.js";
import { Stream } from "./stream.js";
import { Timeline } from "./timeline.js";
import { Calendar, el, reader } from "./words.js";

const PANEL_MS = 500;
const CALM_MS = 1000;
const FOLLOW_SCALE = 0.12;
const NUDGE_MIN = 1e-4;
export const GROUPS = {
  whistle: "whistle", emergency: "preempt,lost", deadline: "deadline", bounce: "bounce", sham: "sham", repeat: "repeat,petition,reopen",
  lost: "abandon", close: "close", arrive: "arrive",
};

class Player {
  constructor(root) {
    this.root = root;
    this.t = reader(JSON.parse(root.dataset.texts));
    this.query = new URLSearchParams({ study: root.dataset.study, arm: root.dataset.arm, replication: root.dataset.replication });
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.following = null;
    this.painted = 0;
  }

  async start() {
    this.status(`${this.t("loading")} ${this.t("loading_note")}`);
    let city;
    try {
      this.about = await this._json(`/replay/about?${this.query}&lang=${this.root.dataset.lang}`);
      const response = await fetch(`/replay/city?${this.query}`);
      if (!response.ok) throw new Error((await response.json()).error);
      city = unpack(await response.arrayBuffer());
    } catch (problem) {
      this.status(this.t("failed", { problem: problem.message }), true);
      return;
    }
    this._build(city);
    this.root.dataset.ready = "true";
    requestAnimationFrame((now) => this.frame(now));
  }

  async _json(address) {
    const response = await fetch(address), body = await response.json();
    if (!response.ok) throw new Error(body.error ?? response.statusText);
    return body;
  }

  _build(city) {
    const { about, t } = this;
    this.roads = city.arrays;
    this.eras = city.eras;
    this.calendar = new Calendar(about.start_date, t);
    this.names = new Names(about, t);
    const departments = about.staff.post.reduce((found, post, i) => {
      const d = about.staff.department[i];
      if (d >= 0) found[post] = about.departments[d].name;
      return found;
    }, about.posts.map(() => null));
    this.styles = postStyles(about.posts, departments);
    const at = Number(this.root.dataset.at);
    this.clock = new Clock(about.horizon_min, this.root.dataset.at !== "" && Number.isFinite(at) ? at : Math.min(about.warm_up_min, about.horizon_min / 2) + 9 * 60);
    this._map();
    const shared = { about, names: this.names, calendar: this.calendar, t, styles: this.styles, onFollow: (target) => this.follow(target, true) };
    this.panel = new Panel(this.root, shared);
    this.card = new FollowCard(this.part("card"), { ...shared, fetchCase: (n) => this._json(`/replay/case/${n}?${this.query}`) });
    this.timeline = new Timeline(this.part("strip"), this.part("slider"), about, this.calendar, t, (minute) => this.seek(minute));
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.stream = new Stream(`${scheme}//${location.host}/replay/stream?${this.query}`, about, this.roads, {
      onFrame: (frame) => {
        this.dirty = true;
        if (frame.end === this.freshFrom) this.fresh = true; // tell what happened just before, too
      },
      onState: (state, sentence) => this._link(state, sentence),
    });
    this._controls();
    this._provenance();
    this.clock.playing = !this.calm.matches && this.root.dataset.still === undefined;
    this.part("clock").hidden = false;
  }

  _map() {
    const { about, t } = this;
    this.map = new CityMap(this.part("map"), {
      label: t("map_label", { city: about.city }), help: t("map_help"),
      onPick: (hit) => { if (hit) this.follow(hit.layer === "cases" ? { case: hit.id } : { staff: hit.id }); },
      onView: (byUser) => { this.dirty = true; if (byUser) this.part("camera").checked = false; },
    });
    this.map.driven = true;
    this.map.setRoads(this.roads);
    this.layers = [new UnknownLayer(), new TripLayer(this.styles), new CaseLayer(), new PeopleLayer(this.styles)].map((layer) => this.map.add(layer));
    [this.unknown, this.trips, this.cases, this.people] = this.layers;
    this.map.add(new NameLayer(about.areas));
    this.era = -1;
  }

  _provenance() {
    const { about, t } = this;
    const words = about.agrees === null ? "" : about.agrees ? t("agrees") : t("differs", { measures: about.differing.join(", ") });
    this.part("provenance").textContent = words;
    this.part("provenance").classList.toggle("problem", about.agrees === false);
  }

  // ---------------------------------------------------------------- controls

  _controls() {
    const on = (name, type, handler) => this.part(name).addEventListener(type, handler);
    const speed = this.part("speed");
    for (const n of SPEEDS) speed.append(el("option", { value: n, selected: n === this.clock.speed }, this.t("speed_value", { n })));
    for (const [name, kinds] of Object.entries(GROUPS)) {
      const n = kinds.split(",").reduce((sum, kind) => sum + this.about.told[kind], 0);
      if (n) this.part("group").append(el("option", { value: name }, this.t("group_count", { group: this.t(`groups.${name}`), n })));
    }
    on("play", "click", () => this.toggle());
    on("back", "click", () => this.seek(this.clock.minute - 60));
    on("on", "click", () => this.seek(this.clock.minute + 60));
    on("previous", "click", () => this.jump(true));
    on("next", "click", () => this.jump(false));
    on("speed", "change", () => this.setSpeed(Number(speed.value)));
    on("zoom-in", "click", () => this.map.zoomBy(1.5));
    on("zoom-out", "click", () => this.map.zoomBy(1 / 1.5));
    on("fit", "click", () => { this.part("camera").checked = false; this.map.fit(true); });
    on("unfollow", "click", () => this.follow(null));
    on("which", "submit", () => { this.part("which").elements.at.value = String(Math.floor(this.clock.minute)); });
    on("find", "submit", (e) => { e.preventDefault(); this._find(); });
    for (const [name, change] of [["show-unknown", (v) => { this.unknown.visible = v; }], ["show-quiet", (v) => { this.people.quiet = v; }], ["show-trips", (v) => { this.trips.visible = v; }], ["show-between", (v) => { this.cases.between = v; }]]) {
      on(name, "change", (e) => { change(e.target.checked); this.dirty = true; });
    }
    for (const section of this.root.querySelectorAll("details")) {
      section.addEventListener("toggle", () => { this.panelAt = 0; this.dirty = true; });
    }
    bindKeys(this);
    window.addEventListener("pagehide", () => this.stream.close());
  }

  async _find() {
    const n = Number(this.part("find-number").value);
    if (!Number.isInteger(n) || n < 0 || n >= this.about.cases) return;
    await this.follow({ case: n }, true);
    const life = this.card.life;
    if (life && (life.reported_min > this.clock.minute || (life.closed_min ?? Infinity) < this.clock.minute)) this.seek(life.reported_min);
  }

  toggle() {
    this.clock.playing = !this.clock.playing;
    this._button();
  }

  _button() {
    const play = this.part("play"), words = this.t(this.clock.playing ? "pause" : "play");
    if (play.dataset.playing === String(this.clock.playing)) return;
    play.dataset.playing = String(this.clock.playing);
    play.setAttribute("aria-label", words);
    play.title = words;
    this.root.dataset.playing = String(this.clock.playing);
  }

  setSpeed(n) {
    this.clock.speed = n;
    this.part("speed").value = String(n);
  }

  seek(minute) {
    this.clock.seek(minute);
    this.fresh = true;
    this.dirty = true;
  }

  /** Go to the next (or the previous) event of the chosen group and follow its case. */
  async jump(back) {
    const group = this.part("group").value;
    const after = this.clock.minute - (back ? 2 * NUDGE_MIN : 0); // one that was jumped to lies a nudge behind
    const { event } = await this._json(`/replay/next?${this.query}&after=${after}&back=${back}&kinds=${GROUPS[group]}`);
    if (!event) {
      this.status(this.t("no_more"), true);
      return;
    }
    this.seek(event.time_min + NUDGE_MIN);
    if (event.case >= 0) this.follow({ case: event.case }, true);
  }

  async follow(target, camera = false) {
    this.following = target;
    this.cases.chosen = target?.case ?? null;
    this.people.chosen = this.trips.chosen = target?.staff ?? null;
    this.people.label = target?.staff === undefined ? "" : this.names.person(target.staff);
    this.part("unfollow").hidden = !target;
    this.root.dataset.following = target ? Object.entries(target)[0].join(" ") : "";
    if (camera && target) this.part("camera").checked = true;
    this.arriving = camera;
    this.dirty = true;
    try {
      await this.card.follow(target);
    } catch (problem) {
      this.status(problem.message, true);
    }
    this.dirty = true;
  }

  status(words, stays = false) {
    this.part("status").textContent = words;
    this.part("status").hidden = !words;
    this.sticky = stays ? performance.now() + 4000 : 0;
  }

  _link(state, sentence) {
    this.lost = state === "lost";
    this.root.dataset.link = state;
    if (state === "failed") {
      this.broken = true;
      this.clock.playing = false;
      this.status(this.t("failed", { problem: sentence }), true);
    }
  }

  // ---------------------------------------------------------------- each frame

  frame(now) {
    requestAnimationFrame((next) => this.frame(next));
    const frame = this.stream.at(this.clock.minute);
    this.clock.tick(now, frame !== undefined);
    this._button();
    if (!this.asked || now - this.asked > 200 || this.fresh) {
      this.asked = now;
      this.stream.want(this.clock.minute, this.clock.speed);
    }
    this._say(now, frame);
    const current = this.stream.at(this.clock.minute);
    if (!current) return;
    if (!this.dirty && !this.clock.playing) return;
    if (this.calm.matches && !this.dirty && now - (this.calmAt ?? 0) < CALM_MS) return; // few, still pictures
    this.calmAt = now;
    this.dirty = false;
    this.paint(current, now);
  }

  _say(now, frame) {
    if (this.broken) return;
    if (this.lost) this.status(this.t("lost"));
    else if (!frame) this.status(this.t("fetching", { time: this.calendar.short(this.clock.minute) }));
    else if (now > this.sticky && !this.part("status").hidden) this.status("");
  }

  paint(frame, now) {
    const minute = this.clock.minute;
    frame.go(minute);
    for (const layer of this.layers) layer.frame = frame;
    this._camera(frame);
    this.map.setNight(this.calendar.night(minute));
    this._closures(minute);
    this.map.draw();
    this.root.dataset.minute = minute.toFixed(3);
    this.part("hour").textContent = this.calendar.hour(minute, this.clock.speed <= 60);
    this._tell(frame, minute);
    if (now - (this.panelAt ?? 0) > PANEL_MS || this.fresh) {
      this.panelAt = now;
      this.panel.flush();
      this.part("date").textContent = `${this.calendar.day(minute)} · ${this.calendar.date(minute)}`;
      this.timeline.show(minute);
      this.panel.show(frame);
      this.card.show(frame);
      this._address(minute);
    } else if (!this.clock.playing) { // the panel must say what the map shows, also after the last step
      this.later ||= setTimeout(() => { this.later = 0; this.dirty = true; }, PANEL_MS);
    }
    this.fresh = false;
  }

  _tell(frame, minute) {
    if (this.fresh || this.told === undefined || minute < this.told) {
      const before = this.stream.frames.get(frame.number - 1);
      this.panel.tell(before ?? frame, minute - this.about.window_min, minute, true);
      if (before) this.panel.tell(frame, frame.start - 1, minute);
      this.freshFrom = before ? null : frame.start;
    } else {
      for (let n = Math.floor(this.told / this.about.window_min); n <= frame.number; n++) {
        const one = this.stream.frames.get(n);
        if (one) this.panel.tell(one, this.told, minute);
      }
    }
    this.told = minute;
  }

  _camera(frame) {
    if (!this.following || !this.part("camera").checked) return;
    const at = this._where(frame), v = this.map.view;
    if (!at || !Number.isFinite(at.x)) return;
    const sx = v.x(at.x), sy = v.y(at.y), inside = Math.abs(sx - v.width / 2) < v.width * 0.3 && Math.abs(sy - v.height / 2) < v.height * 0.3;
    if (inside && !this.arriving) return;
    this.arriving = false;
    this.map.centre(at.x, at.y, { scale: Math.max(v.scale, FOLLOW_SCALE) });
    this.dirty = false;
  }

  _where(frame) {
    if (this.following.staff !== undefined) return frame.person(this.following.staff);
    const row = frame.caseRow.get(this.following.case);
    return row === undefined ? null : { x: frame.a.c_x[row], y: frame.a.c_y[row] };
  }

  _closures(minute) {
    let era = 0;
    while (era + 1 < this.eras.length && this.eras[era + 1] <= minute) era++;
    if (era === this.era) return;
    this.era = era;
    this.map.setClosed(this.roads[`closed${era}`]);
  }

  /** Keep the address true, so that a link shows a colleague the same minute. */
  _address(minute) {
    if (this.clock.playing) return;
    const address = new URL(location.href);
    address.searchParams.set("at", String(Math.floor(minute)));
    if (address.href !== location.href) history.replaceState(null, "", address);
  }
}

const root = document.querySelector("[data-replay]");
if (root) {
  const player = new Player(root);
  root.player = player; // for the benchmark and for curious hands in the console
  player.start();
}
