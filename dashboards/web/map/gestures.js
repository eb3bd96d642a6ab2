// Wheel, drag, pinch and keys of a CityMap: they only call zoomBy, panBy, fit and picked.

const CLICK_PX = 6;
const STEP_PX = 60;

export class Gestures {
  constructor(canvas, map) {
    this.canvas = canvas;
    this.map = map;
    this.pointers = new Map();
    this.listening = new AbortController();
    const on = (type, handler, options = {}) =>
      canvas.addEventListener(type, handler, { signal: this.listening.signal, ...options });
    on("wheel", (e) => this._wheel(e), { passive: false });
    on("pointerdown", (e) => this._down(e));
    on("pointermove", (e) => this._move(e));
    on("pointerup", (e) => this._up(e));
    on("pointercancel", (e) => this.pointers.delete(e.pointerId));
    on("dblclick", (e) => map.zoomBy(1.8, ...this._at(e)));
    on("keydown", (e) => this._key(e));
  }

  destroy() { this.listening.abort(); }

  _at(e) {
    const box = this.canvas.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  _wheel(e) {
    e.preventDefault();
    const lines = e.deltaMode === 1 ? 16 : 1;
    this.map.zoomBy(Math.exp(-Math.max(-240, Math.min(240, e.deltaY * lines)) * 0.0025), ...this._at(e));
  }

  _down(e) {
    if (e.button > 0) return;
    this.canvas.setPointerCapture(e.pointerId);
    const [x, y] = this._at(e);
    this.pointers.set(e.pointerId, { x, y });
    this.travelled = this.pointers.size > 1 ? Infinity : 0;
  }

  _move(e) {
    const p = this.pointers.get(e.pointerId);
    if (!p) return;
    const [x, y] = this._at(e), before = this._spread();
    const dx = x - p.x, dy = y - p.y;
    p.x = x;
    p.y = y;
    this.travelled += Math.abs(dx) + Math.abs(dy);
    if (this.pointers.size === 1) {
      if (this.travelled > CLICK_PX) this.map.panBy(dx, dy);
    } else if (this.pointers.size === 2) {
      const after = this._spread();
      this.map.panBy(after.x - before.x, after.y - before.y);
      if (before.d > 8) this.map.zoomBy(after.d / before.d, after.x, after.y);
    }
  }

  _spread() {
    const [a, b] = [...this.pointers.values()];
    if (!b) return { x: a.x, y: a.y, d: 0 };
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, d: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  _up(e) {
    if (!this.pointers.delete(e.pointerId)) return;
    if (this.pointers.size === 0 && this.travelled <= CLICK_PX) this.map.picked(...this._at(e));
  }

  _key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const moves = { ArrowLeft: [STEP_PX, 0], ArrowRight: [-STEP_PX, 0], ArrowUp: [0, STEP_PX], ArrowDown: [0, -STEP_PX] };
    if (moves[e.key]) this.map.panBy(...moves[e.key]);
    else if (e.key === "+" || e.key === "=") this.map.zoomBy(1.4);
    else if (e.key === "-") this.map.zoomBy(1 / 1.4);
    else if (e.key === "0") this.map.fit(true);
    else if (e.key === "Enter") this.map.picked(this.map.view.width / 2, this.map.view.height / 2);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }
}
