// The side panel: what is followed, who and what there is now, what happens, and the legend. Lists are rebuilt at most
// twice a second, and never while the pointer or the focus is in them.
import { caseStyle, sprite, UNKNOWN_STYLE } from "../map/glyphs.js";
import { el } from "./words.js";
import { READY, STATES } from "./tracks.js";

const MOST_LISTED = 40;
const MOST_EVENTS = 60;
const QUIET = new Set(["assign", "arrive", "judge", "settle"]);
const LOUD = new Set(["whistle", "deadline", "sham", "repeat", "lost", "petition", "supervise", "bounce", "release", "grow"]);

export class Panel {
  constructor(root, { about, names, calendar, t, styles, onFollow }) {
    Object.assign(this, { root, about, names, calendar, t, styles, onFollow });
    const find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.now = find("now");
    this.cases = find("cases");
    this.people = find("people");
    this.events = find("events");
    this.speech = find("speech");
    this.announce = find("announce");
    this.spoken = 0;
    this.waiting = [];
    this._legend(find("legend"));
  }

  // ---------------------------------------------------------------- now

  /** Show counts and lists of a frame's minute. */
  show(frame) {
    const counts = frame.counts(), t = this.t;
    this.now.replaceChildren(
      el("p", {}, el("strong", {}, String(counts.cases.slice(0, 4).reduce((a, b) => a + b, 0))), ` ${t("open_now")}`),
      el("ul", { class: "tally" }, ...STATES.slice(0, 4).map((state, i) =>
        el("li", {}, this._icon(caseStyle(state, { size: 7 })), el("b", {}, String(counts.cases[i])), ` ${t(`states.${state}`)}`)),
        el("li", {}, this._icon(UNKNOWN_STYLE), el("b", {}, String(counts.unknown)), ` ${t("unknown_now")}`)),
      el("p", { class: "crew" }, ...this.about.activities.flatMap((name, i) =>
        i && counts.people[i] ? [el("span", {}, el("b", {}, String(counts.people[i])), ` ${t(`activities.${name}`)}`)] : [])),
    );
    if (this._free(this.cases)) this._listCases(frame);
    if (this._free(this.people)) this._listPeople(frame);
  }

  _free(list) { return list.closest("details").open && !list.matches(":hover") && !list.contains(document.activeElement); }

  _listCases(frame) {
    const rows = [], a = frame.a;
    for (let i = 0; i < a.c_case.length; i++) {
      const state = frame.caseState[i];
      if (state > 3) continue;
      const whistle = frame.whistled(i);
      const rank = (a.c_emergency[i] ? 0 : 4) + [1, 1, 0, 3][state] - (whistle ? 0.5 : 0);
      rows.push({ i, rank, state, whistle, since: a.c_reported[i] });
    }
    rows.sort((p, q) => p.rank - q.rank || q.since - p.since);
    this._fill(this.cases, rows, ({ i, state, whistle }) => {
      const id = a.c_case[i], style = caseStyle(STATES[state], { whistle, emergency: a.c_emergency[i] === 1, size: 7 });
      const words = [this.t(`states.${STATES[state]}`), ...(whistle ? [this.t("states.whistle")] : [])].join(" · ");
      return this._button(style, this.t("case", { n: id, type: this.names.type(a.c_type[i]) }), words, () => this.onFollow({ case: id }));
    });
  }

  _listPeople(frame) {
    const rows = [];
    for (let k = 0; k < frame.who.length; k++) {
      if (frame.state[k] >= READY) rows.push({ k, rank: frame.driving[k] ? 0 : 1 });
    }
    rows.sort((p, q) => p.rank - q.rank || frame.who[p.k] - frame.who[q.k]);
    this._fill(this.people, rows, ({ k }) => {
      const s = frame.who[k], doing = frame.person(s);
      const style = { ...this.styles[this.about.staff.post[s]], size: 6 };
      const words = [this.names.activity(doing), ...(doing.case >= 0 ? [this.t("with_case", { n: doing.case })] : [])].join(" · ");
      return this._button(style, this.names.person(s), words, () => this.onFollow({ staff: s }));
    });
  }

  _fill(list, rows, make) {
    const made = rows.slice(0, MOST_LISTED).map((row) => el("li", {}, make(row)));
    if (rows.length > MOST_LISTED) made.push(el("li", { class: "note" }, this.t("more", { n: rows.length - MOST_LISTED })));
    if (!rows.length) made.push(el("li", { class: "note" }, this.t("nobody")));
    list.replaceChildren(...made);
  }

  _button(style, name, words, onclick) {
    return el("button", { type: "button", class: "row", onclick }, this._icon(style), el("span", {}, el("b", {}, name), el("small", {}, words)));
  }

  _icon(style) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2), from = sprite(style, ratio);
    const icon = el("canvas", { class: "icon", "aria-hidden": "true", width: from.width, height: from.height });
    icon.style.width = icon.style.height = `${2 * from.half}px`;
    icon.getContext("2d").drawImage(from, 0, 0);
    return icon;
  }

  // ---------------------------------------------------------------- what happens

  /** Note the events of a frame between two minutes; `fresh` forgets what was told before. They appear with `flush`. */
  tell(frame, from, until, fresh = false) {
    const time = frame.a.v_time;
    if (fresh) {
      this.events.replaceChildren();
      this.waiting = [];
    }
    let i = firstAfter(time, from - frame.start);
    for (; i < time.length && frame.start + time[i] <= until; i++) this.waiting.push([frame, i]);
    if (this.waiting.length > MOST_EVENTS) this.waiting.splice(0, this.waiting.length - MOST_EVENTS);
  }

  /** Show the events noted since the last time. */
  flush() {
    if (!this.waiting.length) return;
    const items = this.waiting.map(([frame, i]) => this.names.event(frame, i));
    this.waiting = [];
    if (items.length === MOST_EVENTS) this.events.replaceChildren();
    this.events.prepend(...items.map((event) => this._event(event)).reverse());
    while (this.events.children.length > MOST_EVENTS) this.events.lastChild.remove();
    this._speak(items);
  }

  _event(event) {
    const follow = event.case >= 0 ? { case: event.case } : event.staff >= 0 ? { staff: event.staff } : null;
    const inside = [el("time", {}, this.calendar.hour(event.minute)), el("span", {}, el("b", {}, event.words), event.what ? el("small", {}, event.what) : null)];
    const css = LOUD.has(event.kind) ? "row loud" : "row";
    return el("li", {}, follow ? el("button", { type: "button", class: css, onclick: () => this.onFollow(follow) }, ...inside) : el("div", { class: css }, ...inside));
  }

  /** Read the most important event aloud, at most one in two seconds. */
  _speak(items) {
    const now = performance.now();
    if (!this.announce.checked || now - this.spoken < 2000) return;
    const event = items.findLast((one) => LOUD.has(one.kind)) ?? items.findLast((one) => !QUIET.has(one.kind));
    if (!event) return;
    this.spoken = now;
    this.speech.textContent = `${this.calendar.hour(event.minute)} ${event.words}. ${event.what}`;
  }

  // ---------------------------------------------------------------- legend

  _legend(root) {
    const t = this.t, item = (style, words) => el("li", {}, this._icon(style), el("span", {}, words));
    const seated = new Set(this.about.staff.post);
    const posts = this.about.posts.map((post, i) => [post, i]).filter(([, i]) => seated.has(i));
    root.replaceChildren(
      el("h3", {}, t("legend_cases")),
      el("ul", {}, ...STATES.map((state) => item(caseStyle(state, { size: 7 }), t(`states.${state}`))),
        item(caseStyle("waiting", { size: 6, whistle: true }), t("states.whistle")),
        item(caseStyle("waiting", { size: 6, emergency: true }), t("states.emergency")),
        item(UNKNOWN_STYLE, t("states.unknown"))),
      el("h3", {}, t("legend_staff")),
      el("ul", {}, ...posts.map(([post, i]) => item({ ...this.styles[i], size: 6 }, post.title))),
      ...["small", "line", "side", "not"].map((key) => el("p", { class: "note" }, t(`legend_${key}`))),
    );
  }
}

/** Index of the first time greater than a value; times ascend. */
function firstAfter(times, value) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] > value) high = middle; else low = middle + 1;
  }
  return low;
}
