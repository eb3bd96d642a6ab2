// The connection to a room: numbered log items without gaps, pictures of the present, commands with their replies.
// It comes back by itself within three seconds and says which item it had last, so that nothing of the log is lost.

const SILENT_MS = 2500;
const RETRY_MS = [100, 300, 700, 1200, 1800];
const GONE = [4401, 4403, 4404, 4409], ELSEWHERE = 4409;

export class Link {
  /** @param {string} base  address of the seat; `heard(message)` for every frame; `state(name)`: open, lost or gone. */
  constructor(base, { heard, state }) {
    Object.assign(this, { base, heard, state, last: -1, number: 0, waiting: new Map(), tries: 0 });
    this.connect();
    this.watch = setInterval(() => this._watch(), 500);
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("online", () => this._again());
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.base}/socket?after=${this.last}`);
    this.socket = socket;
    this.at = performance.now();
    socket.addEventListener("message", (e) => { if (socket === this.socket) this._take(JSON.parse(e.data)); });
    socket.addEventListener("close", (e) => { if (socket === this.socket) this._lost(e.code); });
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    this.socket?.close();
  }

  /** Ask for something to be done; rejects with the server's sentence in both languages (`said`). */
  send(act, fields = {}) {
    const id = ++this.number;
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(new Error("offline"));
        return;
      }
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ do: act, id, ...fields }));
    });
  }

  _take(message) {
    this.at = performance.now();
    if (message.type === "reply") {
      const asked = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.error) asked?.reject(Object.assign(new Error(message.error.en), { said: message.error }));
      else asked?.resolve();
      return;
    }
    if (message.type === "hello") {
      this.tries = 0;
      if (message.last < this.last) this.last = -1;
      this.state("open");
    }
    if (message.type === "event") {
      if (message.seq <= this.last) return;
      if (message.seq > this.last + 1) {
        this._again();
        return;
      }
      this.last = message.seq;
    }
    this.heard(message);
  }

  _lost(code) {
    for (const { reject } of this.waiting.values()) reject(new Error("offline"));
    this.waiting.clear();
    if (this.closed) return;
    if (GONE.includes(code)) {
      this.close();
      this.state(code === ELSEWHERE ? "elsewhere" : "gone");
      return;
    }
    this.state("lost");
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  _again() {
    const old = this.socket;
    this.socket = null;
    old?.close();
    if (!this.closed) this._lost(0);
  }

  _watch() {
    if (!this.closed && this.socket && performance.now() - this.at > SILENT_MS) this._again();
  }
}
