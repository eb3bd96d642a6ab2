// The viewer's own clock: minutes of the run against seconds of the wall. It waits when a window has not come yet.

export const SPEEDS = [1, 10, 30, 60, 120, 300, 600];
const LONGEST_STEP_S = 0.25;

export class Clock {
  constructor(horizon, minute = 0) {
    Object.assign(this, { horizon, minute: Math.min(Math.max(minute, 0), horizon - 1e-3), speed: 60, playing: false, last: null });
  }

  /** Move on by what has passed since the last call; `ready` false holds the clock. */
  tick(nowMs, ready) {
    const passed = this.last === null ? 0 : Math.min((nowMs - this.last) / 1000, LONGEST_STEP_S);
    this.last = nowMs;
    if (!this.playing || !ready) return;
    this.minute += (passed * this.speed) / 60;
    if (this.minute >= this.horizon - 1e-3) {
      this.minute = this.horizon - 1e-3;
      this.playing = false;
    }
  }

  seek(minute) { this.minute = Math.min(Math.max(minute, 0), this.horizon - 1e-3); }

  faster(steps) {
    const i = SPEEDS.indexOf(this.speed) + steps;
    this.speed = SPEEDS[Math.min(Math.max(i, 0), SPEEDS.length - 1)];
  }
}
