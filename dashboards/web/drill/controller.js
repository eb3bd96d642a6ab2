// The controller's page: clock and speed, open decisions, the list of injects, injects of one's own, evaluation, the end.
import { AdhocForm } from "./adhoc.js";
import { AfterEnd } from "./after.js";
import { elapsed, el, fill, put } from "./dom.js";
import { Desk, STILL_MS } from "./desk.js";
import { injectRow } from "./injects.js";
import { NotesForm, scoreNodes } from "./evaluation.js";

const SPEEDS = [0.5, 1, 2, 5, 10, 20, 30, 60];
const KEYS = { p: "toggle", j: "jump", n: "note", i: "adhoc" };

class Controller extends Desk {
  constructor() {
    super();
    this._bar();
    this.adhoc = new AdhocForm(this, this.part("adhoc"));
    this.notes = new NotesForm(this, this.part("notes"));
    this.after = new AfterEnd(this);
    this.decided = [];
    this.opened = new Map();
    this.branches = { progress: null, found: [] };
    document.addEventListener("keydown", (e) => this._key(e));
    this.begin();
  }

  // ---------------------------------------------------------------- the bar
  _bar() {
    const { t } = this, button = (name, act, css = "") => el("button", { type: "button", class: css, "data-act": name, onclick: act }, t(`acts.${name}`));
    this.time = el("strong", { class: "time" });
    this.passed = el("span", { class: "passed" });
    this.real = el("span", { class: "real" });
    this.status = el("span", { class: "status tag" });
    this.toggle = button("start", () => this.act(this.toggle.dataset.act), "primary");
    this.step = button("step", () => this.act("step", { minutes: 1 }));
    this.jump = button("jump", () => this.act("jump"));
    this.speed = el("select", { id: "speed" }, ...SPEEDS.map((x) => el("option", { value: String(x) }, t("speed_value", { x }))));
    this.speed.addEventListener("change", () => this.act("speed", { speed: Number(this.speed.value) }));
    this.stop = el("details", { class: "stop" }, el("summary", {}, t("acts.stop")), this._stopForm());
    this.shortcuts = el("input", { type: "checkbox", checked: true });
    const codes = el("div", { class: "codes" }, el("span", {}, t("code"), " ", el("strong", { class: "room-code" }, this.code), " ", el("span", { class: "note", "data-part": "join-at" }, this.address ? t("join_at", { address: `${this.address}/drill` }) : t("apart"))), el("details", {}, el("summary", {}, t("control_code")), el("code", { "data-part": "control-code" }), el("p", { class: "note" }, t("control_note"))));
    const keys = el("details", { class: "keys" }, el("summary", {}, t("keyboard")), el("p", { class: "note" }, t("keyboard_text")), el("label", { class: "check" }, this.shortcuts, " ", t("shortcuts")));
    this.part("controls").append(
      el("div", { class: "bar" },
        el("div", { class: "clock" }, el("span", { class: "clock-label" }, t("exercise_time")), this.time, this.passed, this.status, this.real),
        el("div", { class: "buttons", role: "group", "aria-label": t("clock_group") }, this.toggle, this.step, this.jump, el("label", { class: "speed", for: "speed" }, t("speed"), " ", this.speed), this.stop),
        codes, keys));
  }

  _stopForm() {
    const { t } = this, reason = el("input", { id: "stop-reason", maxlength: "300", required: true });
    const form = el("form", { class: "inline-form" }, el("label", { for: "stop-reason" }, t("stop_reason")), reason, el("button", { type: "submit" }, t("stop_now")));
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      if (await this.act("stop", { reason: reason.value })) this.stop.open = false;
    });
    return form;
  }

  _key(e) {
    const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(e.target.tagName) || e.target.closest?.(".citymap");
    const what = KEYS[e.key.toLowerCase()];
    if (!what || typing || !this.shortcuts.checked || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    if (what === "toggle") this.toggle.click();
    else if (what === "jump") this.jump.click();
    else if (what === "note") this.notes.field.focus();
    else this.adhoc.field.focus();
  }

  onClock(c) {
    put(this.time, c.time);
    put(this.passed, this.t("passed_of", { t: elapsed(c.t_min), length: Math.round(c.length_min) }));
    put(this.real, this.t("real_time", { time: c.real }));
    put(this.status, this.t(`status.${c.status}`));
    this.root.dataset.status = c.status;
    this.root.dataset.minute = String(c.t_min);
    const next = { scheduled: "start", running: "pause", paused: "resume" }[c.status];
    if (next && this.toggle.dataset.act !== next) {
      this.toggle.dataset.act = next;
      put(this.toggle, this.t(`acts.${next}`));
    }
    const over = !next, live = c.status === "running" || c.status === "paused";
    this.toggle.hidden = over;
    this.stop.hidden = over;
    this.step.disabled = this.jump.disabled = !live || c.held;
    this.speed.disabled = over;
    if (document.activeElement !== this.speed && this.speed.value !== String(c.speed)) this.speed.value = String(c.speed);
    for (const [id, left] of Object.entries(c.left)) {
      const node = this.root.querySelector(`[data-left="${id}"]`);
      put(node, this.t(c.status === "paused" ? "countdown_paused" : "seconds_left", { n: Math.ceil(left) }));
    }
    if (over !== this.over) {
      this.over = over;
      this.root.toggleAttribute("data-over", over);
      this.after.show(over, c.status);
      this._decided();
    }
  }

  // ---------------------------------------------------------------- parts
  onYou(you) {
    put(document.querySelector("h1"), this.say(you.title));
    this.adhoc.roles(you.roles);
    this._roles();
    this._open(you.decisions);
    this.after.seal(you);
  }

  on_presence(data) {
    this.presence = data.roles;
    put(this.part("control-code"), data.control);
    this._roles();
  }

  on_recovered(said) {
    const node = this.part("recovered");
    put(node, this.say(said));
    node.hidden = false;
  }

  on_read(read) {
    this.read = read;
    this._roles();
  }

  _roles() {
    if (!this.you || !this.presence) return;
    const { t, say } = this, rows = Object.entries(this.you.roles).map(([name, role]) => {
      const here = this.presence[name] ?? { joined: 0, connected: 0 }, read = this.read?.[name];
      const box = el("input", { type: "checkbox", "data-key": `rule-${name}`, checked: this.you.unfilled.includes(name) });
      box.addEventListener("change", () => this.act("unfilled", { role: name, by_rule: box.checked }));
      const seats = here.seats?.map(([n, on]) => el("li", {}, `${t(on ? "seat_on" : "seat_off", { n })} `, el("button", { type: "button", class: "quiet", "data-key": `free-${name}-${n}`, onclick: () => this.act("free", { role: name, number: n }) }, t("free_seat", { n }))));
      return el("li", {}, el("p", {}, el("strong", {}, say(role.title)), " ", el("span", { class: "note" }, t("presence", here), read && role.kind === "player" ? ` · ${t("read_of", read)}` : "")),
        role.kind === "player" ? el("label", { class: "check" }, box, " ", t("rule_decides")) : null,
        seats?.length ? el("details", { "data-key": `seats-${name}` }, el("summary", {}, t("seats")), el("ul", { class: "rows" }, ...seats)) : null);
    });
    fill(this.part("roles"), [el("ul", { class: "rows" }, ...rows), el("p", { class: "note" }, t("roles_note"))]);
  }

  _open(decisions) {
    const { t, say } = this;
    for (const d of decisions) this.opened.has(d.id) || this.opened.set(d.id, performance.now());
    for (const d of decisions) this.alarm(d.id, t("decision_open", { id: d.id, role: say(d.role_title) }));
    const nodes = decisions.map((d) => el("article", { class: "open-decision" },
      el("p", { class: "countdown" }, el("strong", {}, `${d.id} · ${say(d.role_title)}`), el("span", { class: "left", "data-left": d.id })),
      el("p", { class: "question" }, say(d.title)), ...d.details.map((x) => el("p", { class: "note" }, say(x))),
      el("p", {}, t("rule_would", { answer: say(d.rule) || "–" })),
      el("div", { class: "buttons" }, el("button", { type: "button", "data-key": `x${d.id}`, onclick: () => this._still(d.id) || this.act("expire", { decision: d.id }) }, t("let_rule")), d.case ? el("button", { type: "button", onclick: () => this.map.show("cases", d.case) }, t("show_on_map")) : null),
      el("details", { "data-key": `d${d.id}` }, el("summary", {}, t("answer_for", { n: d.options.length })), el("ul", { class: "rows" }, ...d.options.map((o) => el("li", {}, el("button", { type: "button", class: "row", "data-option": o.id, onclick: () => this._still(d.id) || this.act("decide", { decision: d.id, option: o.id }) }, say(o.text))))))));
    fill(this.part("decisions"), nodes.length ? nodes : [el("p", { class: "note" }, t("none_open"))]);
  }

  /** Whether a decision has only just come up, perhaps under a finger that meant the one before. */
  _still(id) { return performance.now() - (this.opened.get(id) ?? 0) < STILL_MS; }

  on_injects(injects) {
    this.injects = injects;
    fill(this.part("injects"), [el("ol", { class: "rows msel" }, ...injects.map((i) => injectRow(this, i)))]);
  }

  on_decided(decided) {
    this.decided = decided;
    this._decided();
  }

  on_branches(data) {
    this.branches = data;
    this._decided();
  }

  _decided() {
    fill(this.part("decided"), this.after.decidedNodes(this.decided, this.branches, Boolean(this.over)));
  }

  on_score(score) { fill(this.part("score"), scoreNodes(this, score)); }

  on_notes(notes) { this.notes.show(notes); }

  on_fault() { this.problem(this.t("fault")); }
}

document.querySelector("[data-drill]").desk = new Controller();
