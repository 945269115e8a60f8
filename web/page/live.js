// The long poll: one request that waits until the database changes. Says what became of the connection; a hidden tab
// does not wait, for a browser has six connections for all of its tabs together.
import { get, Refused } from "/net.js";

const WAIT_S = 10; // and then one looks all the same: that a master has gone is no change of the database
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

export class Live {
  // onChange(): something is new; may return a promise, which is waited for. onState("live" | "lost" | "refused", error)
  constructor(onChange, onState) {
    this.onChange = onChange;
    this.onState = onState;
    this.version = null;
    this.failures = 0;
    document.addEventListener("visibilitychange", () => this.wake?.());
  }

  async run() {
    for (;;) {
      while (document.hidden) await new Promise((wake) => (this.wake = wake));
      try {
        await this.turn();
        this.failures = 0;
      } catch (error) {
        if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
          this.onState("refused", error);
          return;
        }
        this.onState("lost", error);
        await this.pause();
      }
    }
  }

  async turn() {
    const query = this.version === null ? { wait: 0 } : { since: this.version, wait: WAIT_S };
    const { version } = await get("changes", query);
    await this.onChange();
    this.version = version;
    this.onState("live");
  }

  pause() {
    const ms = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    return new Promise((done) => {
      this.wake = done;
      setTimeout(done, ms);
    });
  }
}
