// The projector's page: a large clock, a few large figures, the map, and what all have been told. Readable at 8 metres.
import { elapsed, el, fill, put } from "./dom.js";
import { Desk } from "./desk.js";

class Projector extends Desk {
  constructor() {
    super();
    const { t } = this;
    this.time = el("strong", { class: "time" });
    this.passed = el("span", { class: "passed" });
    this.status = el("span", { class: "status" });
    this.real = el("span", { class: "real" });
    this.title = el("span", { class: "title" });
    this.part("bigclock").append(this.title, this.time, this.passed, this.status, this.real);
    this.figures = {};
    for (const name of ["open", "waiting", "way", "there", "free"]) {
      const value = el("strong", { class: "value" }, "–");
      this.figures[name] = value;
      this.part("kpis").append(el("div", { class: "kpi" }, value, el("span", {}, t(`kpi.${name}`))));
    }
    this.cases = [];
    this.units = [];
    this.begin();
  }

  onClock(c) {
    put(this.time, c.time);
    put(this.passed, c.t_min === undefined ? "" : elapsed(c.t_min));
    put(this.status, c.status === "running" && c.held ? this.t("others_decide") : this.t(`status.${c.status}`));
    put(this.real, this.t("real_time", { time: c.real }));
    this.root.dataset.status = c.status;
  }

  onYou(you) {
    put(this.title, this.say(you.title));
    this.list("messages", this.messageNodes(you.messages.slice(-4)), "no_messages");
  }

  on_cases(cases) {
    this.cases = cases;
    this._figures();
  }

  on_units(units) {
    this.units = units;
    this._figures();
  }

  _figures() {
    const open = this.cases.filter((c) => c.open), doing = (name) => this.units.filter((u) => u.doing === name).length;
    const coming = new Set(this.units.filter((u) => u.doing === "on_the_way").map((u) => u.case));
    put(this.figures.open, String(open.length));
    put(this.figures.waiting, String(open.filter((c) => !c.attended && !coming.has(c.case)).length));
    put(this.figures.way, String(doing("on_the_way")));
    put(this.figures.there, String(doing("busy") + doing("waiting_there")));
    put(this.figures.free, String(doing("free") + doing("delegated")));
  }

  onLine(item, text) { this.polite(text); }
}

document.querySelector("[data-drill]").desk = new Projector();
