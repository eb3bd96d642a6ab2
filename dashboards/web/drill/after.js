// The end: report, recording, its seal, closing the room; and branches, which compare another answer with the one given.
import { elapsed, el, fill, put } from "./dom.js";

const FUTURES = 30;

export class AfterEnd {
  constructor(desk) {
    this.desk = desk;
    const { t, base, lang } = desk, other = lang === "en" ? "zh" : "en";
    this.hash = el("code", {});
    this.reason = el("p", { class: "note" });
    this.head = el("h2", {}, t("ended"));
    const close = el("form", { method: "post", action: `${base}/close` }, el("button", { type: "submit" }, t("close_room")));
    desk.part("ended").append(
      this.head, this.reason,
      el("p", { class: "buttons" },
        el("a", { class: "button primary", href: `${base}/aar?lang=${lang}`, target: "_blank", "data-part": "aar" }, t("aar")),
        el("a", { class: "button", href: `${base}/aar?lang=${other}`, target: "_blank", hreflang: other, lang: other }, t("aar_other")),
        el("a", { class: "button", href: `${base}/recording`, download: "" }, t("recording"))),
      el("p", { class: "note" }, t("seal"), " ", this.hash), close);
  }

  seal(you) {
    put(this.hash, you.last_hash);
    put(this.head, this.desk.t(you.failure ? "halted" : "ended"));
    put(this.reason, you.failure ? `${this.desk.say(you.failure)} ${this.desk.t("halted_note")}` : you.stop_reason ? this.desk.t("stopped_because", { reason: you.stop_reason }) : "");
  }

  show(over) { this.desk.part("ended").hidden = !over; }

  /** Return what was decided, newest first; after the end each with other answers to compare. */
  decidedNodes(decided, branches, over) {
    const { t } = this.desk;
    if (!decided.length) return [el("p", { class: "note" }, t("none_decided"))];
    return [over ? el("p", { class: "note" }, t("branch_note", { n: FUTURES })) : null, el("ol", { class: "rows" }, ...[...decided].reverse().map((d) => this._row(d, branches, over)))].filter(Boolean);
  }

  _row(d, branches, over) {
    const { t, say } = this.desk, same = d.chosen === d.rule_option;
    const found = branches.found.filter((b) => b.decision === d.id), busy = branches.progress;
    return el("li", { "data-decided": d.id },
      el("p", {}, el("time", {}, elapsed(d.at_min)), " ", el("strong", {}, d.id), ` ${say(d.role_title)}: `, say(d.title)),
      el("p", {}, t(`how.${d.how}`, { answer: say(d.answer) || "–", s: d.took_s }), same ? ` · ${t("as_rule")}` : ` · ${t("rule_would", { answer: say(d.rule) || "–" })}`),
      d.reason ? el("p", { class: "note" }, t("because", { reason: d.reason })) : null,
      over ? this._form(d, busy) : null, ...found.map((b) => this._found(b)));
  }

  _form(d, busy) {
    const { t, say } = this.desk, others = d.options.filter((o) => o.id !== d.chosen);
    if (!others.length) return null;
    if (busy?.decision === d.id) return el("p", { role: "status", class: "note" }, t("branching", busy));
    const field = el("select", { id: `other-${d.id}`, "data-key": `other-${d.id}` }, ...others.map((o) => el("option", { value: o.id }, say(o.short))));
    const form = el("form", { class: "inline-form branch" }, el("label", { for: `other-${d.id}` }, t("other_answer")), field, el("button", { type: "submit", disabled: Boolean(busy) }, t("branch")));
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.desk.act("branch", { decision: d.id, option: field.value, futures: FUTURES });
    });
    return form;
  }

  _found(b) {
    const { t, say } = this.desk, number = (x) => (x === null ? "–" : String(Number(x.toPrecision(3))));
    const head = ["criterion", "unit", "recorded", "branch", "difference", "verdict"].map((n) => el("th", { scope: "col" }, t(`branch_columns.${n}`)));
    const seen = b.rows.filter((r) => r.recorded_value !== null || r.branch_value !== null || r.difference !== null);
    const rows = seen.map((r) => el("tr", {}, el("th", { scope: "row" }, say(r.title)), el("td", {}, say(r.unit)), el("td", { class: "n" }, number(r.recorded_value)), el("td", { class: "n" }, number(r.branch_value)), el("td", { class: "n" }, r.difference === null ? "–" : t("interval", { d: number(r.difference), low: number(r.low), high: number(r.high) })), el("td", {}, say(r.verdict))));
    const name = t("branch_title", { other: say(b.other), recorded: say(b.recorded) });
    return el("section", { class: "branch-found" }, el("h3", {}, name), el("p", { class: "note" }, t("branch_how", { n: b.futures }), b.same ? ` ${t("branch_same")}` : "", seen.length < b.rows.length ? ` ${t("branch_unseen", { n: b.rows.length - seen.length })}` : ""),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name }, el("table", {}, el("caption", {}, name), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows))));
  }
}
