// The marks of the map: shapes in the colours of Okabe and Ito, drawn once into small canvases and then only copied.
// A mark never differs by colour alone: every department has a shape of its own, every state of a case its inner sign.

export const COLORS = {
  black: "#1b2026", grey: "#6b7580", orange: "#e69f00", sky: "#56b4e9", green: "#009e73", yellow: "#f0e442",
  blue: "#0072b2", vermillion: "#d55e00", purple: "#cc79a7", white: "#ffffff",
};

const TAU = Math.PI * 2;

function polygon(path, sides, radius, turn = -Math.PI / 2, inner = 0) {
  const points = inner ? sides * 2 : sides;
  for (let i = 0; i < points; i++) {
    const r = inner && i % 2 ? radius * inner : radius;
    const a = turn + (TAU * i) / points;
    path[i ? "lineTo" : "moveTo"](r * Math.cos(a), r * Math.sin(a));
  }
  path.closePath();
}

const SHAPES = {
  circle: (p, r) => p.arc(0, 0, r, 0, TAU),
  square: (p, r) => p.rect(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r),
  triangle: (p, r) => polygon(p, 3, 1.15 * r),
  "triangle-down": (p, r) => polygon(p, 3, 1.15 * r, Math.PI / 2),
  diamond: (p, r) => polygon(p, 4, 1.15 * r),
  pentagon: (p, r) => polygon(p, 5, 1.08 * r),
  hexagon: (p, r) => polygon(p, 6, 1.05 * r),
  octagon: (p, r) => polygon(p, 8, 1.02 * r, -Math.PI / 8),
  star: (p, r) => polygon(p, 5, 1.25 * r, -Math.PI / 2, 0.5),
  burst: (p, r) => polygon(p, 8, 1.25 * r, -Math.PI / 2, 0.72),
  tall: (p, r) => { p.moveTo(0, -1.3 * r); p.lineTo(0.8 * r, 0); p.lineTo(0, 1.3 * r); p.lineTo(-0.8 * r, 0); p.closePath(); },
  cross: (p, r) => {
    const a = 0.38 * r, b = 1.05 * r;
    for (const [i, [x, y]] of [[-a, -b], [a, -b], [a, -a], [b, -a], [b, a], [a, a], [a, b], [-a, b], [-a, a], [-b, a], [-b, -a], [-a, -a]].entries()) {
      p[i ? "lineTo" : "moveTo"](x, y);
    }
    p.closePath();
  },
  hourglass: (p, r) => { p.moveTo(-r, -r); p.lineTo(r, -r); p.lineTo(-r, r); p.lineTo(r, r); p.closePath(); },
  bubble: (p, r) => {
    p.roundRect(-1.05 * r, -1.1 * r, 2.1 * r, 1.8 * r, 0.4 * r);
    p.moveTo(-0.35 * r, 0.68 * r); p.lineTo(0, 1.3 * r); p.lineTo(0.35 * r, 0.68 * r); p.closePath();
  },
};

/** Names of the shapes there are. */
export const SHAPE_NAMES = Object.keys(SHAPES);

const MARKS = {
  wait: (c, r) => { c.fillRect(-0.14 * r, -0.78 * r, 0.28 * r, 0.72 * r); c.fillRect(-0.14 * r, 0.1 * r, 0.28 * r, 0.26 * r); },
  way: (c, r) => {
    c.beginPath(); c.moveTo(-0.62 * r, -0.2 * r); c.lineTo(0.35 * r, -0.2 * r);
    c.moveTo(0.02 * r, -0.62 * r); c.lineTo(0.5 * r, -0.2 * r); c.lineTo(0.02 * r, 0.22 * r);
    c.lineWidth = 0.26 * r; c.stroke();
  },
  here: (c, r) => { c.beginPath(); c.arc(0, -0.2 * r, 0.42 * r, 0, TAU); c.fill(); },
  pause: (c, r) => { for (const x of [-0.55, 0, 0.55]) { c.beginPath(); c.arc(x * r, -0.2 * r, 0.17 * r, 0, TAU); c.fill(); } },
  done: (c, r) => {
    c.beginPath(); c.moveTo(-0.55 * r, -0.2 * r); c.lineTo(-0.12 * r, 0.2 * r); c.lineTo(0.6 * r, -0.62 * r);
    c.lineWidth = 0.27 * r; c.stroke();
  },
  query: (c, r) => { c.font = `700 ${1.5 * r}px system-ui, sans-serif`; c.textAlign = "center"; c.textBaseline = "middle"; c.fillText("?", 0, 0.08 * r); },
};

const kept = new Map();

/**
 * Return a mark as a small picture (`half`: half its side, CSS px), its centre in the middle; equal styles share one.
 * @param {object} style  `shape`, `size` (radius, CSS px), `fill`, `edge`, `mark` (inner sign) and `ink` (its colour),
 *   `ring` (colour of a dashed outer ring), `halo` (colour of a second outline), `dashed`.
 * @param {number} ratio  device pixels per CSS pixel
 */
export function sprite(style, ratio) {
  const key = `${style.shape}|${style.size}|${style.fill}|${style.edge}|${style.mark}|${style.ink}|${style.ring}|${style.halo}|${style.dashed}|${ratio}`;
  let made = kept.get(key);
  if (made) return made;
  const r = style.size, half = Math.ceil(r * (style.ring ? 2.1 : 1.6) + 2), side = Math.ceil(2 * half * ratio);
  const canvas = new OffscreenCanvas(side, side);
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  c.translate(half, half);
  paint(c, style, r);
  made = canvas.transferToImageBitmap(); // a still picture is copied several times faster than a live canvas
  made.half = half;
  if (kept.size > 500) kept.clear();
  kept.set(key, made);
  return made;
}

function paint(c, style, r) {
  const path = new Path2D();
  (SHAPES[style.shape] ?? SHAPES.circle)(path, r);
  c.lineJoin = "round";
  c.lineCap = "round";
  if (style.halo) { c.strokeStyle = style.halo; c.lineWidth = 4; c.stroke(path); }
  if (style.fill !== "none") { c.fillStyle = style.fill; c.fill(path); }
  c.setLineDash(style.dashed ? [2.5, 2] : []);
  c.strokeStyle = style.edge ?? COLORS.white;
  c.lineWidth = Math.max(1.2, r * 0.22);
  c.stroke(path);
  c.setLineDash([]);
  if (style.mark) {
    c.fillStyle = c.strokeStyle = style.ink ?? COLORS.black;
    MARKS[style.mark](c, r);
  }
  if (style.ring) {
    c.beginPath();
    c.arc(0, 0, r * 1.8, 0, TAU);
    c.strokeStyle = style.ring;
    c.lineWidth = 2.4;
    c.setLineDash([4, 3]);
    c.stroke();
    c.setLineDash([]);
  }
}

const DEPARTMENTS = {
  police: ["square", "blue"], fire: ["triangle", "vermillion"], ambulance: ["cross", "green"],
  urban_management: ["diamond", "orange"], market: ["pentagon", "orange"], housing: ["hexagon", "orange"],
  labour: ["tall", "orange"], civil_affairs: ["hourglass", "orange"], emergency: ["triangle-down", "vermillion"],
  environment: ["octagon", "green"], health: ["star", "green"], justice: ["hexagon", "purple"],
};
const KINDS = {
  grid_member: ["circle", "sky"], volunteer: ["circle", "white"], cadre: ["octagon", "purple"],
  mediator: ["hexagon", "green"], coordinator: ["star", "purple"], operator: ["square", "grey"], unit: ["tall", "blue"],
};
const SPARE = [["pentagon", "blue"], ["diamond", "blue"], ["octagon", "orange"], ["triangle-down", "green"], ["star", "vermillion"],
  ["hourglass", "blue"], ["tall", "purple"], ["pentagon", "green"], ["diamond", "purple"], ["triangle", "blue"]];

/**
 * Return shape and colour of each post: by its department where it has one, else by its kind; always the same for the
 * departments that the product ships, and distinct for others as far as there are shapes.
 * @param {{name: string, kind: string}[]} posts
 * @param {(string|null)[]} departments  name of each post's department
 */
export function postStyles(posts, departments) {
  const given = new Map();
  return posts.map((post, i) => {
    const department = departments[i];
    let look = department ? DEPARTMENTS[department] : KINDS[post.kind];
    if (!look) {
      const key = department ?? post.name;
      if (!given.has(key)) given.set(key, SPARE[given.size % SPARE.length]);
      look = given.get(key);
    }
    const [shape, color] = look;
    const open = color === "white";
    return { shape, fill: open ? COLORS.white : COLORS[color], edge: open ? COLORS.blue : COLORS.white };
  });
}

/** Styles of cases by state; `whistle` and `emergency` are added to any of them. */
export const CASE_STYLES = {
  waiting: { shape: "bubble", fill: "#ffffff", edge: COLORS.vermillion, mark: "wait", ink: "#a63c00" },
  way: { shape: "bubble", fill: "#ffe9b8", edge: "#8a5a00", mark: "way", ink: "#5a3a00" },
  here: { shape: "bubble", fill: COLORS.green, edge: "#ffffff", mark: "here", ink: "#ffffff" },
  between: { shape: "bubble", fill: "#e8ebee", edge: COLORS.grey, mark: "pause", ink: "#3a434c" },
  closed: { shape: "bubble", fill: "#ffffff", edge: COLORS.grey, mark: "done", ink: COLORS.blue },
};

/** Return the style of a case in a state. */
export function caseStyle(state, { whistle = false, emergency = false, size = 8 } = {}) {
  return {
    ...CASE_STYLES[state], size: emergency ? size + 2 : size, halo: emergency ? COLORS.vermillion : undefined,
    ring: whistle ? "#8f3a76" : undefined,
  };
}

/** A trouble that nobody has told of: true state, unknown to the record. */
export const UNKNOWN_STYLE = { shape: "diamond", size: 4.5, fill: "none", edge: COLORS.grey, dashed: true };
