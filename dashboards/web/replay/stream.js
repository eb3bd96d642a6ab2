// The viewer's end of the stream: asks for the windows it needs, keeps a bounded number, and comes back after a loss.
import { unpack } from "../map/pack.js";
import { Frame } from "./tracks.js";

const KEPT = 40;
const AHEAD_S = 20;
const MOST_AHEAD = 9;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

export class Stream {
  /**
   * @param {string} url  ws: or wss: address
   * @param {object} about  what the server says once about the run
   * @param {object} hooks  `onFrame(frame)`, `onState("open"|"lost"|"failed", sentence)`
   */
  constructor(url, about, roads, hooks) {
    Object.assign(this, { url, about, roads, hooks, frames: new Map(), asked: new Set(), wait: FIRST_WAIT_MS, received: 0 });
    this._connect();
  }

  _connect() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.asked.clear();
      this.hooks.onState("open");
      if (this.last) this.want(...this.last);
    };
    socket.onmessage = (e) => this._take(e.data);
    socket.onclose = () => {
      if (this.ended) return;
      this.hooks.onState("lost");
      setTimeout(() => { if (!this.ended) this._connect(); }, this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    };
  }

  _take(data) {
    if (typeof data === "string") {
      this.ended = true;
      this.hooks.onState("failed", JSON.parse(data).error);
      return;
    }
    const frame = new Frame(unpack(data), this.about, this.roads);
    this.received++;
    this.frames.set(frame.number, frame);
    this.asked.delete(frame.number);
    this._forget(frame.number);
    this.hooks.onFrame(frame);
  }

  _forget(number) {
    const around = this.last ? Math.floor(this.last[0] / this.about.window_min) : number;
    while (this.frames.size > KEPT) {
      let far = number;
      for (const n of this.frames.keys()) if (Math.abs(n - around) > Math.abs(far - around)) far = n;
      if (far === around) return;
      this.frames.delete(far);
    }
  }

  /** Return the window that holds a time, or undefined while it is on its way. */
  at(minute) {
    return this.frames.get(Math.min(Math.floor(minute / this.about.window_min), this.about.windows - 1));
  }

  /** Ask for what a clock at this minute and speed (simulated seconds a second) will need soon. */
  want(minute, speed) {
    this.last = [minute, speed];
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const first = Math.min(Math.floor(minute / this.about.window_min), this.about.windows - 1);
    const ahead = Math.min(MOST_AHEAD, 1 + Math.ceil((AHEAD_S * speed) / 60 / this.about.window_min));
    const missing = [];
    for (let n = first; n <= Math.min(first + ahead, this.about.windows - 1); n++) if (!this.frames.has(n)) missing.push(n);
    if (first > 0 && !this.frames.has(first - 1)) missing.push(first - 1); // what happened just before, for the list
    // Ask again only for something new, or when what is needed now waits behind what was wanted before.
    if (!missing.length || missing.every((n) => this.asked.has(n)) && (missing[0] !== first || this.urgent === first)) return;
    this.urgent = first;
    this.asked = new Set(missing);
    this.socket.send(JSON.stringify({ windows: missing }));
  }

  /** Drop the connection for good. */
  close() {
    this.ended = true;
    this.socket.close();
  }
}
