// An inject of one's own in two clicks: write, send. What it does to the model is chosen below, where wanted.
import { el, fill } from "./dom.js";

const KINDS = ["none", "incident", "off_duty", "recall"];
const CHANNELS = ["message", "phone", "radio", "system", "in_person", "news"];

export class AdhocForm {
  constructor(desk, root) {
    Object.assign(this, { desk, names: "" });
    const { t } = desk;
    this.field = el("textarea", { id: "adhoc-text", rows: 2, maxlength: "2000" });
    this.to = el("fieldset", { class: "to" }, el("legend", {}, t("to")));
    const select = (id, names, words) => el("select", { id }, ...names.map((n) => el("option", { value: n }, t(`${words}.${n}`))));
    this.channel = select("adhoc-channel", CHANNELS, "channels");
    this.kind = select("adhoc-kind", KINDS, "adhoc_kinds");
    this.what = el("select", { id: "adhoc-what" });
    this.count = el("input", { id: "adhoc-count", type: "number", min: "1", max: "20", value: "1" });
    this.severity = el("select", { id: "adhoc-severity" }, ...[1, 2, 3, 4].map((n) => el("option", { value: String(n), selected: n === 2 }, String(n))));
    const pair = (label, field) => el("div", {}, el("label", { for: field.id }, label), field);
    this.whatRow = pair(t("adhoc_what"), this.what);
    this.countRow = pair(t("adhoc_count"), this.count);
    this.severityRow = pair(t("adhoc_severity"), this.severity);
    this.kind.addEventListener("change", () => this._kind());
    const more = el("details", {}, el("summary", {}, t("adhoc_more")), el("div", { class: "pairs" }, pair(t("channel"), this.channel), pair(t("adhoc_effect"), this.kind), this.whatRow, this.severityRow, this.countRow));
    const form = el("form", { class: "inline-form adhoc-form" }, el("label", { for: "adhoc-text" }, t("adhoc_text")), this.field, this.to, more, el("button", { type: "submit", class: "primary", "data-act": "adhoc" }, t("adhoc_send")));
    form.addEventListener("submit", (e) => this._send(e));
    root.append(form);
    this._kind();
    fetch(`${desk.base}/choices`).then((r) => r.json()).then((found) => { this.choices = found; this._kind(); }).catch(() => desk.problem(t("map_failed")));
  }

  /** Name the roles that may be told, once they are known; all players are chosen. */
  roles(roles) {
    const names = Object.keys(roles).join();
    if (names === this.names) return;
    this.names = names;
    const { desk } = this;
    fill(this.to, [el("legend", {}, desk.t("to")), ...Object.entries(roles).map(([name, role]) => el("label", { class: "check" }, el("input", { type: "checkbox", value: name, checked: role.kind === "player" }), " ", desk.say(role.title)))]);
  }

  _kind() {
    const kind = this.kind.value, { desk, choices } = this;
    const list = !choices || kind === "none" ? [] : kind === "incident" ? choices.types : choices.posts;
    fill(this.what, list.map((one) => el("option", { value: one.name }, desk.say(one.title))));
    this.whatRow.hidden = kind === "none";
    this.severityRow.hidden = kind !== "incident";
    this.countRow.hidden = kind === "none" || kind === "incident";
  }

  async _send(e) {
    e.preventDefault();
    const text = this.field.value.trim(), kind = this.kind.value, { desk } = this;
    const to = [...this.to.querySelectorAll("input:checked")].map((box) => box.value);
    const effect = kind === "incident" ? { kind, type: this.what.value, severity: Number(this.severity.value) } : { kind, post: this.what.value, count: Number(this.count.value) };
    const content = { channel: this.channel.value, effects: kind === "none" ? [] : [effect] };
    if (text) Object.assign(content, { to, text: { en: text, zh: text } });
    if (!text && kind === "none") {
      desk.problem(desk.t("adhoc_empty"));
      return;
    }
    if (await desk.act("adhoc", { content })) {
      this.field.value = "";
      this.kind.value = "none";
      this._kind();
      desk.polite(desk.t("adhoc_sent"));
    }
  }
}
