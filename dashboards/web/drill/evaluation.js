// Score so far, ratings by an evaluator, and notes stamped with exercise time.
import { elapsed, el, fill } from "./dom.js";

const KINDS = ["evaluator", "controller", "player"], WRITTEN = ["evaluator", "controller"];

/** Return the scorecard: the total, each objective, each criterion with what was observed. */
export function scoreNodes(desk, score) {
  const { t, say } = desk, points = (x) => (x === null ? "–" : String(Math.round(x)));
  const out = [el("p", { class: "total" }, el("strong", {}, points(score.points)), " ", t("of_100"), " · ", say(score.grade))];
  for (const o of score.objectives) {
    out.push(el("h3", {}, say(o.title)), el("p", { class: "note" }, t("objective_line", { points: points(o.points), grade: say(o.grade), weight: o.weight })),
      el("ul", { class: "rows" }, ...o.criteria.map((c) => criterion(desk, c, points))));
  }
  return out;
}

function criterion(desk, c, points) {
  const { t, say } = desk;
  const line = c.by_evaluator ? t("by_evaluator") : t("observed", { value: say(c.value), target: say(c.target), state: say(c.state) });
  const field = el("input", { type: "number", min: "0", max: "100", step: "5", required: true, id: `rate-${c.id}`, "data-key": `rate-${c.id}` });
  const form = el("form", { class: "inline-form rate" }, el("label", { for: `rate-${c.id}`, class: "sr" }, t("rate_label", { title: say(c.title) })), field, el("button", { type: "submit", class: "quiet" }, t("rate")));
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    desk.act("rate", { criterion: c.id, points: Number(field.value) });
  });
  return el("li", {}, el("p", { class: "criterion" }, el("span", {}, say(c.title)), el("strong", {}, points(c.points))),
    el("p", { class: "note" }, line, c.rated ? ` · ${t("rated")}` : ""),
    c.by_evaluator ? form : el("details", { "data-key": `over-${c.id}` }, el("summary", {}, t("overrule")), form));
}

/** Notes: written here as an evaluator or a controller; remarks come from players. */
export class NotesForm {
  constructor(desk, root) {
    const { t } = desk;
    this.desk = desk;
    this.field = el("textarea", { id: "note-text", rows: 2, maxlength: "2000", required: true });
    this.listed = el("div", {});
    this.kind = el("select", { id: "note-kind" }, ...WRITTEN.map((kind) => el("option", { value: kind }, t(`note_kinds.${kind}`))));
    const form = el("form", { class: "inline-form" }, el("label", { for: "note-text" }, t("note_label")), this.field, el("label", { for: "note-kind" }, t("note_as")), this.kind, el("button", { type: "submit" }, t("write_down")));
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      if (await desk.act("note", { text: this.field.value, kind: this.kind.value })) this.field.value = "";
    });
    root.append(form, this.listed);
  }

  /** Show the notes of evaluators, of controllers and the players' remarks, each apart. */
  show(notes) {
    const { t } = this.desk, parts = [];
    for (const kind of KINDS) {
      const some = notes.filter((n) => n.kind === kind).reverse();
      if (some.length) parts.push(el("section", { "data-notes": kind }, el("h3", {}, t(`note_heads.${kind}`)), el("ol", { class: "rows" }, ...some.map((n) => this._row(n)))));
    }
    fill(this.listed, parts);
  }

  _row(n) {
    const { t, say } = this.desk, number = /\d+$/.exec(n.by)?.[0] ?? "";
    const who = n.role_title ? `${say(n.role_title)}${number && ` ${number}`}` : `${t("control")}${number && ` ${number}`}`;
    return el("li", {}, el("time", {}, elapsed(n.t_min)), ` ${t("note_by", { who, text: n.text })}`);
  }
}
