// What all three live pages share: texts, the link, the clock, the log, what is said aloud, cases and units in words.
import { el, fill, put, reader } from "./dom.js";
import { Link } from "./link.js";
import { RoomMap } from "./room_map.js";

const MOST_LINES = 400, GATHER_MS = 60;
export const STILL_MS = 900; // a second tap on what was just answered must not answer what has come in its place

export class Desk {
  constructor() {
    this.root = document.querySelector("[data-drill]");
    const { lang, base, texts, code, address } = this.root.dataset;
    Object.assign(this, { lang, base, code, address, t: reader(JSON.parse(texts)), clock: null, you: null, rows: new Map(), changed: new Set() });
    this.say = (both) => (both ? both[lang] ?? both.en : "");
    this.map = new RoomMap(this);
    this.map.start().catch((problem) => put(this.part("picked"), problem.message)).finally(() => { this.root.dataset.map = "true"; });
  }

  /** Begin to listen; subclasses have made their parts before. */
  begin() {
    this.link = new Link(this.base, { heard: (m) => this._heard(m), state: (name) => this._state(name) });
  }

  part(name) { return document.querySelector(`[data-part="${name}"]`); }

  _state(name) {
    const node = this.part("link");
    put(node, this.t(`link.${name}`));
    node.dataset.state = name;
    this.root.dataset.link = name;
    this.onLink?.(name);
  }

  _heard(message) {
    const { type, data } = message;
    if (type === "event") this.line(message);
    else if (type === "clock") {
      this.clock = message;
      this.onClock(message);
    } else if (type === "row" || type === "rows") this._rows(message.rows ?? [message]);
    else if (type === "you") {
      this.you = { ...data, messages: this._list("messages") };
      this.onYou(this.you);
      document.body.dataset.ready = "true";
    } else {
      if (["cases", "units", "incidents", "closures"].includes(type)) this.map.take(type, data);
      this[`on_${type}`]?.(data);
    }
  }

  _list(name) { return [...(this.rows.get(name)?.values() ?? [])]; }

  /** Take rows of lists that grow, and show each list once for all that came together. */
  _rows(rows) {
    for (const { list, id, data } of rows) {
      if (!this.rows.has(list)) this.rows.set(list, new Map());
      this.rows.get(list).set(id, data);
      this.changed.add(list);
    }
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      const changed = [...this.changed];
      this.changed.clear();
      for (const list of changed) {
        if (list !== "messages") this[`on_${list}`]?.(this._list(list));
        else if (this.you) this.onYou(Object.assign(this.you, { messages: this._list(list) }));
      }
    }, GATHER_MS);
  }

  /** Do something; a refusal is told where it can be seen and heard. */
  async act(name, fields = {}) {
    try {
      await this.link.send(name, fields);
      this.problem("");
      return true;
    } catch (problem) {
      this.problem(problem.said ? this.say(problem.said) : this.t("offline"));
      return false;
    }
  }

  problem(text) {
    let box = this.root.querySelector(".problem.live-problem");
    if (!box) {
      box = el("p", { class: "problem live-problem", role: "alert", hidden: true });
      this.root.prepend(box);
    }
    put(box, text);
    box.hidden = !text;
    clearTimeout(this.hiding);
    if (text) this.hiding = setTimeout(() => this.problem(""), 12000);
  }

  // ---------------------------------------------------------------- said aloud
  /** Say something when there is a pause in speech. */
  polite(text) { put(this.part("polite"), text); }

  /** Say something at once; each thing once. */
  alarm(key, text) {
    this.told ??= new Set();
    if (this.told.has(key)) return;
    this.told.add(key);
    put(this.part("alarm"), text);
  }

  // ---------------------------------------------------------------- the log
  line(item) {
    const list = this.part("feed");
    if (!list) return;
    const text = this.say(item.text);
    list.prepend(el("li", { class: `k-${item.kind}` }, el("time", {}, item.time), " ", text));
    while (list.children.length > MOST_LINES) list.lastChild.remove();
    this.onLine?.(item, text);
  }

  // ---------------------------------------------------------------- words
  caseText(c) {
    const { t, say } = this, parts = [t("case_line", { case: c.case, title: say(c.title), grid: say(c.grid), severity: c.severity, level: say(c.level) })];
    parts.push(t("case_age", { n: c.age_min ?? 0 }));
    if (!c.open) parts.push(t("states.closed"));
    else if (c.attended) parts.push(t("states.here"));
    else if (c.respond_in_min !== null) parts.push(c.respond_in_min >= 0 ? t("case_respond", { n: c.respond_in_min }) : t("case_late", { n: -c.respond_in_min }));
    if (c.owner) parts.push(t("case_owner", { name: say(c.owner) }));
    return parts.join(" · ");
  }

  unitText(u) {
    const { t, say } = this, parts = [say(u.name), t(`doing.${u.doing}`)];
    if (u.case) parts.push(t("for_case", { case: u.case }));
    if (u.arrives_in_min !== undefined) parts.push(t("arrives", { n: u.arrives_in_min }));
    return parts.join(" · ");
  }

  /** Return buttons for cases, open ones first, each leading to its place on the map. */
  caseButtons(cases, most = 60) {
    const open = [...cases].sort((a, b) => b.open - a.open || b.severity - a.severity || b.case - a.case).slice(0, most);
    return open.map((c) => el("li", { class: c.open ? "" : "closed" }, el("button", { type: "button", class: "row", "data-key": `c${c.case}`, onclick: () => this.map.show("cases", c.case) }, this.caseText(c))));
  }

  unitButtons(units) {
    const order = ["on_the_way", "busy", "waiting_there", "reserved", "free", "delegated", "off_duty"];
    const sorted = [...units].sort((a, b) => order.indexOf(a.doing) - order.indexOf(b.doing));
    return sorted.map((u) => el("li", {}, el("button", { type: "button", class: "row", "data-key": `u${u.code}`, onclick: () => this.map.show("units", u.code) }, this.unitText(u))));
  }

  list(name, items, empty) {
    fill(this.part(name), [items.length ? el("ul", { class: "rows" }, ...items) : el("p", { class: "note" }, this.t(empty))]);
  }

  messageNodes(messages, actions) {
    return [...messages].reverse().map((m) => el("li", { class: m.acknowledged ? "message" : "message unread" },
      el("p", { class: "from" }, this.t("from", { channel: this.say(m.channel), sender: this.say(m.sender) || this.t("control") })),
      el("p", { class: "body" }, this.say(m.text)), actions?.(m)));
  }
}
