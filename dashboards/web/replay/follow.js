// The card of what is followed: a person's doings, or a case's life with the record beside the truth. What lies after
// the playhead is named "later", so that the card says no more than the moment knows.
import { el } from "./words.js";

const FIELDS = [
  ["occurred", null, "occurred_min"], ["reported", "reported_min", null], ["assigned", "assigned_min", null],
  ["arrived", "arrived_min", "attended_min"], ["closed", "closed_min", null], ["resolved", null, "resolved_min"],
];

export class FollowCard {
  constructor(root, { about, names, calendar, t, fetchCase }) {
    Object.assign(this, { root, about, names, calendar, t, fetchCase, target: null, life: null, shown: "" });
  }

  /** Follow a case (`{case}`), a person (`{staff}`) or nothing (null). */
  async follow(target) {
    this.target = target;
    this.life = null;
    this.shown = "";
    if (target?.case === undefined) return;
    const life = await this.fetchCase(target.case);
    if (this.target === target) this.life = life;
  }

  /** Bring the card to a frame's minute. */
  show(frame) {
    const parts = !this.target ? null : this.target.case !== undefined ? this._case(frame) : this._person(frame);
    const key = parts ? parts.map((part) => part.outerHTML).join("") : "";
    if (key === this.shown && key) return;
    this.shown = key;
    this.root.replaceChildren(...(parts ?? [el("p", { class: "note" }, this.t("follow_hint"))]));
  }

  _person(frame) {
    const s = this.target.staff, doing = frame.person(s), name = el("h3", {}, this.names.person(s));
    if (!doing) return [name, el("p", {}, this.t("activities.off"))];
    const words = [this.names.activity(doing)];
    if (doing.case >= 0) words.push(this.t("with_case", { n: doing.case }));
    if (Number.isFinite(doing.until)) words.push(this.t("until", { time: this.calendar.hour(doing.until) }));
    if (doing.lights) words.push(this.t("lights"));
    return [name, el("p", {}, words.join(" · ")), el("p", { class: "note" }, this.calendar.short(doing.since))];
  }

  _case(frame) {
    const life = this.life, t = this.t, now = frame.minute;
    if (!life) return [el("h3", {}, t("case_short", { n: this.target.case }))];
    const row = frame.caseRow.get(life.case), told = life.reported_min <= now;
    const state = row === undefined || frame.caseState[row] > 4 ? null : t(`states.${["waiting", "way", "here", "between", "closed"][frame.caseState[row]]}`);
    return [
      el("h3", {}, t("case", { n: life.case, type: told ? this.names.typeNamed(life.filed_type) : "…" })),
      ...(state ? [el("p", {}, state)] : []),
      this._table(life, now),
      el("ol", { class: "life" }, ...this._history(life, now)),
      el("p", { class: "note" }, t("known_later")),
    ];
  }

  _table(life, now) {
    const t = this.t;
    const cell = (value) => el("td", {}, value), when = (value) => el("td", { class: "at" }, value);
    const at = (minute) => (minute === null ? t("never") : minute > now ? t("later") : this.calendar.short(minute));
    const rows = FIELDS.map(([key, record, truth]) =>
      el("tr", {}, el("th", { scope: "row" }, t(`fields.${key}`)), when(record ? at(life[record]) : "–"), when(truth ? at(life[truth]) : "–")));
    const kinds = el("tr", {}, el("th", { scope: "row" }, t("fields.type")), cell(this.names.typeNamed(life.filed_type)), cell(this.names.typeNamed(life.true_type)));
    const needs = life.needs.map((name) => this.names.departmentNamed(name)).join(", ") || "–";
    const needed = el("tr", {}, el("th", { scope: "row" }, t("fields.needs")), cell("–"), cell(needs));
    const due = el("tr", {}, el("th", { scope: "row" }, t("fields.deadline")), when(life.deadline_min === null ? "–" : this.calendar.short(life.deadline_min)), cell("–"));
    return el("table", {},
      el("thead", {}, el("tr", {}, el("td", {}), el("th", { scope: "col" }, t("record")), el("th", { scope: "col" }, t("truth")))),
      el("tbody", {}, kinds, ...rows, due, needed));
  }

  _history(life, now) {
    return life.history.filter((entry) => entry.time_min <= now).map((entry) => {
      const words = [this.t(`kinds.${entry.kind}`)];
      if (["refer", "bounce", "accept", "defer", "release", "force", "wasted"].includes(entry.kind)) {
        const department = this.about.departments[entry.value];
        if (department) words.push(department.title);
      } else if (entry.kind === "escalate") words.push(this.about.levels[entry.value] ?? "");
      if (entry.staff >= 0 && ["assign", "arrive"].includes(entry.kind)) words.push(this.names.person(entry.staff));
      return el("li", {}, el("time", {}, this.calendar.short(entry.time_min)), ` ${words.filter(Boolean).join(" · ")}`);
    });
  }
}
