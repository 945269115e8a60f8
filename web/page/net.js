// What the page asks the server, and the key it shows there. The key comes in the address once (#token=…), leaves it at
// once, and stays in the memory of this tab.

const STORE = "hone.token";

export class Refused extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

// "#token=T" or "#token=T&/study/NAME": kept, and out of the address bar.
export function takeToken() {
  const found = /^#token=([\w-]+)(?:&(\/.*))?$/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(STORE, found[1]);
  history.replaceState(null, "", `${location.pathname}#${found[2] ?? "/"}`);
}

export async function get(path, query = {}, signal = undefined) {
  const token = sessionStorage.getItem(STORE);
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const search = given.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  const answer = await fetch(`/api/${path}${search ? `?${search}` : ""}`, {
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    cache: "no-store",
    signal,
  });
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, said.error ?? `the server answered ${answer.status}`, said.hint ?? "");
}
