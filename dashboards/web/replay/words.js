// Words and times: texts come from the page, a time of the run becomes a date and an hour of its calendar.

/** Return `t(key, fields)` over a flat table of texts. */
export function reader(table) {
  return (key, fields = {}) => {
    const found = table[key];
    if (found === undefined) throw new Error(`no text ${key}`);
    return found.replace(/\{(\w+)\}/g, (whole, name) => (name in fields ? String(fields[name]) : whole));
  };
}

const two = (n) => String(n).padStart(2, "0");

/** Times of a run that starts on a date at midnight; only UTC is used, so no zone of the viewer enters. */
export class Calendar {
  constructor(startDate, t) {
    this.start = Date.parse(`${startDate}T00:00:00Z`);
    this.t = t;
  }

  /** `09:14`, or with seconds. */
  hour(minute, seconds = false) {
    const s = Math.floor((minute - Math.floor(minute / 1440) * 1440) * 60 + 1e-6);
    const text = `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}`;
    return seconds ? `${text}:${two(s % 60)}` : text;
  }

  /** Weekday and date. */
  date(minute) {
    const d = new Date(this.start + Math.floor(minute / 1440) * 86400000);
    const date = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
    return this.t("date", { weekday: this.t(`weekdays.d${d.getUTCDay()}`), date });
  }

  day(minute) { return this.t("day", { n: Math.floor(minute / 1440) + 1 }); }

  /** Day and hour, for lists. */
  short(minute) { return `${this.day(minute)} ${this.hour(minute)}`; }

  /** How dark it is, 0 to 1: dawn from 5 to 7, dusk from 18 to 20. */
  night(minute) {
    const h = (minute / 60) % 24;
    if (h < 5 || h > 20) return 1;
    if (h < 7) return (7 - h) / 2;
    return h > 18 ? (h - 18) / 2 : 0;
  }
}

/** Make an element: `el("button", {type: "button", class: "x", onclick}, "text", child)`. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
