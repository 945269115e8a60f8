// When nobody hands out trials, say so and what to type.
import { command, el, swap, withDb } from "/dom.js";

const WANTS_MASTER = new Set(["running", "unfinished", "checking", "pausing", "stopping"]);

// What the master has set aside stands still, and says why.
export class Unreadable {
  constructor() {
    this.root = el("div.notice.away", { role: "status", hidden: true });
  }

  update(study) {
    this.root.hidden = !study.unreadable;
    if (study.unreadable) swap(this.root, el("p", el("strong", `${study.study} is unreadable.`), ` ${study.unreadable}; ${study.unreadable_hint}.`));
  }
}

export class Away {
  constructor() {
    this.root = el("div.notice.away", { role: "status", hidden: true });
  }

  update(master, studies, db) {
    const waiting = studies.filter((s) => WANTS_MASTER.has(s.state));
    this.root.hidden = master !== "none" || !waiting.length;
    if (this.root.hidden || this.root.firstChild) return;
    swap(this.root, el("p", el("strong", "The master is away."), " Nobody hands out trials; workers that still train keep their results for it. To go on, the same command as before, or:"),
      command(withDb("hone master", db)));
  }
}
