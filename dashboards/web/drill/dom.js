// Small helpers of the drill pages: elements, keyed lists that keep the focus, words, times.

/** Make an element: `el("p", {class: "x", onclick: f}, "text", child)`. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return made;
}

/** Replace what stands in an element; whoever had the focus by `data-key` gets it back, with what was typed. */
export function fill(root, nodes) {
  const active = document.activeElement, key = root.contains(active) ? active.dataset.key : undefined;
  const typed = new Map();
  for (const field of root.querySelectorAll("input[data-key], textarea[data-key], select[data-key]")) typed.set(field.dataset.key, field.value);
  const opened = new Set([...root.querySelectorAll("details[data-key][open]")].map((d) => d.dataset.key));
  root.replaceChildren(...nodes);
  for (const field of root.querySelectorAll("input[data-key], textarea[data-key], select[data-key]")) {
    if (typed.has(field.dataset.key) && field.type !== "checkbox") field.value = typed.get(field.dataset.key);
  }
  for (const d of root.querySelectorAll("details[data-key]")) if (opened.has(d.dataset.key)) d.open = true;
  if (key) root.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

/** Return `t(key, fields)` over a flat table of texts. */
export function reader(table) {
  return (key, fields = {}) => {
    const found = table[key];
    if (found === undefined) throw new Error(`no text ${key}`);
    return found.replace(/\{(\w+)\}/g, (whole, name) => (name in fields ? String(fields[name]) : whole));
  };
}

/** Exercise minutes as `T+1:05`. */
export function elapsed(minutes) {
  const whole = Math.floor(minutes + 1e-9);
  return `T+${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Set text only when it differs, so that nothing is read out or painted for nothing. */
export function put(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}
