// The strip under the map: how many cases were told of, when whistles were blown, how many are open; a slider lies on it.

export class Timeline {
  constructor(canvas, slider, about, calendar, t, onSeek) {
    Object.assign(this, { canvas, slider, about, calendar, t });
    slider.max = String(Math.floor(about.horizon_min - 1));
    slider.addEventListener("input", () => onSeek(Number(slider.value)));
    this.observer = new ResizeObserver(() => this.paint());
    this.observer.observe(canvas);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  /** Show the playhead; the picture itself does not change. */
  show(minute) {
    const { bin_min: bin, open } = this.about.timeline;
    this.slider.value = String(Math.floor(minute));
    const at = open[Math.min(Math.floor(minute / bin), open.length - 1)];
    const time = `${this.calendar.date(minute)} ${this.calendar.hour(minute)}`;
    this.slider.setAttribute("aria-valuetext", this.t("timeline_text", { time, open: at }));
  }

  paint() {
    const box = this.canvas.getBoundingClientRect(), ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (box.width < 10) return;
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    const c = this.canvas.getContext("2d"), w = box.width, h = box.height;
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    c.scale(ratio, ratio);
    this._days(c, w, h, colour);
    const { told, open, whistles } = this.about.timeline, n = told.length, step = w / n;
    const most = Math.max(1, ...told), mostOpen = Math.max(1, ...open);
    c.fillStyle = colour("--strip-bar");
    told.forEach((value, i) => c.fillRect(i * step, h - (value / most) * (h - 14), Math.max(step - 0.6, 0.6), (value / most) * (h - 14)));
    c.beginPath();
    open.forEach((value, i) => c[i ? "lineTo" : "moveTo"]((i + 0.5) * step, h - 2 - (value / mostOpen) * (h - 16)));
    c.strokeStyle = colour("--strip-line");
    c.lineWidth = 1.8;
    c.stroke();
    c.fillStyle = colour("--strip-whistle");
    whistles.forEach((value, i) => { if (value) c.fillRect((i + 0.5) * step - 1, 0, 2, 3 + Math.min(6, value)); });
  }

  _days(c, w, h, colour) {
    const { horizon_min: horizon, warm_up_min: warm } = this.about, days = horizon / 1440;
    if (warm > 0) {
      c.fillStyle = colour("--strip-warm");
      c.fillRect(0, 0, (warm / horizon) * w, h);
      c.fillStyle = colour("--strip-ink");
      c.font = "11px system-ui, 'Noto Sans CJK SC', sans-serif";
      c.textBaseline = "top";
      c.fillText(this.t("warm_up"), 6, 10);
    }
    const every = [1, 2, 7, 14, 28, 91].find((d) => (w / days) * d >= 26) ?? 182;
    c.strokeStyle = colour("--strip-day");
    c.lineWidth = 1;
    for (let d = every; d < days; d += every) {
      const x = Math.round((d / days) * w) + 0.5;
      c.beginPath();
      c.moveTo(x, h);
      c.lineTo(x, h - 7);
      c.stroke();
    }
  }
}
