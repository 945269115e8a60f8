// The page: the address says which view is shown, the long poll says when it looks again.
import { el, say, swap } from "/dom.js";
import { takeToken, Refused } from "/net.js";
import { Live } from "/live.js";
import { StudiesView } from "/studies.js";
import { StudyView } from "/study.js";
import { TrialView } from "/trial.js";
import { WorkersView } from "/workers.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const notice = document.getElementById("notice");
let view = null;

function viewOf(path) {
  const [first, name, second, number] = path.split("/").filter(Boolean).map(decodeURIComponent);
  if (first === "study" && name && second === "trial" && /^\d+$/.test(number ?? "")) return new TrialView(name, Number(number));
  if (first === "study" && name) return new StudyView(name);
  if (first === "workers") return new WorkersView();
  return new StudiesView();
}

function pathOf() {
  try {
    decodeURIComponent(location.hash);
    return location.hash.replace(/^#/, "");
  } catch {
    return "/";
  }
}

function markPage(path) {
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href") === "#/workers" ? path.startsWith("/workers") : !path.startsWith("/workers");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function show() {
  if (location.hash === "#main") return; // the skip link
  takeToken();
  const path = pathOf();
  view?.close?.();
  view = viewOf(path);
  document.title = view.title;
  markPage(path);
  swap(main, view.root);
  scrollTo(0, 0);
  main.setAttribute("aria-busy", "true"); // until it is told once what there is
  await refresh();
}

async function refresh() {
  const shown = view;
  try {
    await shown.refresh();
  } catch (error) {
    if (!(error instanceof Refused) || shown !== view) throw error;
    if (error.status === 404) swap(main, explain("There is no such thing here", error.message, error.hint));
    else throw error;
  }
  if (shown === view) main.removeAttribute("aria-busy");
}

function explain(title, ...lines) {
  return el("section.card.empty", el("h1", title), lines.filter(Boolean).map((line) => el("p", line)),
    el("p", el("a", { href: "#/" }, "All studies")));
}

function tell(text) {
  notice.hidden = !text;
  say(notice, text);
}

function onState(state, error) {
  connection.dataset.state = state;
  say(connection, { live: "live", lost: "connection lost, trying again …", refused: "not let in" }[state]);
  tell(state === "lost" ? `Connection lost, trying again. ${whatWasLost(error)}` : "");
  if (state !== "refused") return;
  main.removeAttribute("aria-busy");
  swap(main, explain("This address has no valid key", error.message,
    "The key is part of the address that “hone dash” printed (after #token=), and each start makes another one. Open that address again."));
}

function whatWasLost(error) {
  return error instanceof Refused ? `${error.message}${error.hint ? `; ${error.hint}` : ""}` : "Does “hone dash” still run?";
}

takeToken();
addEventListener("hashchange", () => show().catch((error) => onState(lostOr(error), error)));
const lostOr = (error) => (error instanceof Refused && [401, 403].includes(error.status) ? "refused" : "lost");
const live = new Live(() => (view ? refresh() : show()), onState);
live.run();
