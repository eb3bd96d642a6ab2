// One row of the master events list: when it is due, what it says, what is expected, and what can be done with it.
import { elapsed, el } from "./dom.js";

const SIGNS = { waiting: "○", held: "⏸", released: "●", skipped: "✕" };

/** Return the row of an inject. */
export function injectRow(desk, i) {
  const { t, say } = desk, waiting = i.status === "waiting" || i.status === "held";
  const when = i.released_min !== null ? t("released_at", { t: elapsed(i.released_min) }) : i.due_min !== null ? t("due_at", { t: elapsed(i.due_min) }) : t(`trigger.${i.trigger}`);
  const act = (name) => el("button", { type: "button", class: "quiet", "data-key": `${name}-${i.id}`, "aria-label": t("act_on", { act: t(`acts.${name}`), id: i.id }), onclick: () => desk.act(name === "repeat" ? "release" : name, { inject: i.id }) }, t(`acts.${name}`));
  const more = el("details", { "data-key": `more-${i.id}` }, el("summary", { "aria-label": t("more_about", { id: i.id }) }, t("more")),
    i.text ? el("p", {}, t("from", { channel: "", sender: say(i.sender) || t("control") }).trim(), " ", say(i.text)) : null,
    el("p", { class: "note" }, t("to_roles", { roles: i.to.map((r) => say(desk.you?.roles[r]?.title) || r).join(t("comma")) || "–" })),
    i.expected ? el("p", {}, t("expected", { text: say(i.expected) })) : null,
    i.effects.length ? el("p", { class: "note" }, t("effects", { list: i.effects.map((e) => t(`effect_kinds.${e}`)).join(t("comma")) })) : null,
    waiting ? retimeForm(desk, i) : null);
  return el("li", { class: `inject ${i.status}`, "data-inject": i.id },
    el("p", { class: "inject-head" }, el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[i.status]), el("strong", {}, i.id), el("span", { class: "tag" }, say(i.status_text)), el("span", { class: "note" }, when)),
    i.failed ? el("p", { class: "problem" }, say(i.failed)) : null,
    el("div", { class: "buttons" }, act(i.status === "released" ? "repeat" : "release"), waiting && i.status !== "held" ? act("hold") : null, waiting ? act("skip") : null, more));
}

function retimeForm(desk, i) {
  const { t } = desk, field = el("input", { type: "number", min: "0", step: "1", required: true, "data-key": `at-${i.id}`, id: `at-${i.id}` });
  const form = el("form", { class: "inline-form" }, el("label", { for: `at-${i.id}` }, t("new_minute")), field, el("button", { type: "submit", class: "quiet" }, t("acts.retime")));
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    desk.act("retime", { inject: i.id, at_min: Number(field.value) });
  });
  return form;
}
