// A player's page, made for a phone first: the clock, what is asked of me, what I was told, what I know.
import { elapsed, el, fill, put } from "./dom.js";
import { Desk, STILL_MS } from "./desk.js";

const HURRY_S = 15;

class Player extends Desk {
  constructor() {
    super();
    const { t } = this;
    const head = this.part("clockbar");
    this.time = el("strong", { class: "time" });
    this.passed = el("span", { class: "passed" });
    this.status = el("span", { class: "status" });
    head.append(el("span", { class: "clock-label" }, t("exercise_time")), this.time, this.passed, this.status);
    this._noteForm();
    this.begin();
  }

  onClock(c) {
    put(this.time, c.time);
    put(this.passed, c.t_min === undefined ? "" : elapsed(c.t_min));
    put(this.status, this.t(`status.${c.status}`));
    this.root.dataset.status = c.status;
    const mine = Object.keys(c.left)[0];
    if (mine) this._countdown(c.left[mine], c.status);
    const line = this.part("state");
    const text = c.status !== "running" ? this.t(`player_status.${c.status}`) : mine ? "" : c.held ? this.t("others_decide") : "";
    put(line, text);
  }

  onYou(you) {
    put(document.querySelector("h1"), this.say(you.role_title));
    const facts = [el("p", { class: "role-name" }, this.say(you.role_title))];
    if (you.title) facts.push(el("p", { class: "note" }, this.say(you.title)));
    if (you.brief) facts.push(el("p", {}, this.say(you.brief)));
    fill(this.part("you"), facts);
    this._messages(you.messages);
    this._decision(you.decisions[0]);
  }

  _messages(messages) {
    const nodes = this.messageNodes(messages, (m) => m.acknowledged
      ? el("p", { class: "note" }, `✓ ${this.t("acknowledged")}`)
      : el("button", { type: "button", "data-key": `ack${m.id}`, "aria-label": this.t("acknowledge_one", { text: this.say(m.text).slice(0, 60) }), onclick: () => this.act("acknowledge", { message: m.id }) }, this.t("acknowledge")));
    this.list("messages", nodes, "no_messages");
    const newest = messages.at(-1);
    if (newest && newest.id !== this.newest) {
      this.newest = newest.id;
      if (!newest.acknowledged) this.polite(this.t("new_message", { text: this.say(newest.text) }));
    }
  }

  _decision(d) {
    const slot = this.part("decision"), key = d ? `${d.id}|${d.options.map((o) => o.id).join()}` : "";
    if (key === this.decisionKey) return;
    this.decisionKey = key;
    document.title = `${d ? "● " : ""}${document.title.replace(/^● /, "")}`;
    if (!d) {
      fill(slot, []);
      this.decision = null;
      return;
    }
    const { t, say } = this;
    this.decision = d;
    this.since = performance.now();
    this.left = el("span", { class: "left" });
    this.bar = el("progress", { max: d.answer_within_s, value: d.answer_within_s, "aria-label": t("time_left") });
    this.reason = el("input", { id: "reason", maxlength: "400", autocomplete: "off", "data-key": `reason${d.id}` });
    const options = d.options.map((o, i) => el("li", {}, el("button", { type: "button", class: "option", "data-option": o.id, "data-key": `o${o.id}`, onclick: () => this._answer(d, o) }, el("span", { class: "number", "aria-hidden": "true" }, String(i + 1)), el("span", {}, say(o.text)))));
    fill(slot, [el("section", { class: "card decision", "aria-labelledby": "h-decision" },
      el("p", { class: "countdown" }, el("span", {}, t("decide_now", { id: d.id })), this.left), this.bar,
      el("h2", { id: "h-decision", tabindex: "-1" }, say(d.title)), ...d.details.map((x) => el("p", {}, say(x))),
      el("ol", { class: "options" }, ...options),
      el("label", { for: "reason" }, t("reason")), this.reason,
      d.case ? el("button", { type: "button", class: "quiet", onclick: () => this.map.show("cases", d.case) }, t("show_on_map")) : null)]);
    this.alarm(key, t("decision_alarm", { title: say(d.title), seconds: Math.round(d.answer_within_s) }));
    if (window.matchMedia("(max-width: 720px)").matches) slot.scrollIntoView({ block: "start" });
    if (this.clock?.left[d.id] !== undefined) this._countdown(this.clock.left[d.id], this.clock.status);
  }

  _countdown(left, status) {
    if (!this.decision || !this.left) return;
    const paused = status === "paused";
    put(this.left, paused ? this.t("countdown_paused", { n: Math.ceil(left) }) : this.t("seconds_left", { n: Math.ceil(left) }));
    this.bar.value = left;
    this.left.classList.toggle("hurry", left <= HURRY_S);
    for (const button of this.part("decision").querySelectorAll(".option")) button.disabled = paused;
    if (left <= HURRY_S && !paused) this.alarm(`hurry${this.decisionKey}`, this.t("hurry", { n: Math.ceil(left) }));
  }

  async _answer(d, option) {
    if (this.answering || performance.now() - this.since < STILL_MS) return;
    this.answering = true;
    try {
      await this._decide(d, option);
    } finally {
      this.answering = false;
    }
  }

  async _decide(d, option) {
    const reason = this.reason.value;
    if (await this.act("decide", { decision: d.id, option: option.id, reason })) this.polite(this.t("answered", { answer: this.say(option.short) }));
  }

  on_cases(cases) { this.list("cases", this.caseButtons(cases, 40), "no_cases"); }

  on_units(units) { this.list("units", this.unitButtons(units), "no_units"); }

  _noteForm() {
    const { t } = this, field = el("textarea", { id: "own-note", rows: 2, maxlength: "1000" });
    const form = el("form", { class: "inline-form" }, el("label", { for: "own-note" }, t("note_label")), field, el("button", { type: "submit" }, t("write_down")));
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      if (field.value.trim() && await this.act("note", { text: field.value })) {
        field.value = "";
        this.polite(t("written_down"));
      }
    });
    this.part("note").append(form);
  }
}

document.querySelector("[data-drill]").desk = new Player();
