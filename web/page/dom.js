// Elements. Every text on the page goes through here as a text node: names of studies, workers and metrics are
// whatever somebody typed, and never become markup.

// el("td.number", {title: "…", onclick: f}, "text", child, [more])
export function el(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  if (isProperties(rest[0])) set(node, rest.shift());
  node.append(...rest.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function isProperties(value) {
  return value && typeof value === "object" && !(value instanceof Node) && !Array.isArray(value);
}

function set(node, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
}

// Writes only what differs: a text that stays keeps its selection.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function swap(node, ...children) {
  node.replaceChildren(...children.flat().filter(Boolean));
}

// A command to type, with a button that copies it.
export function command(text) {
  const button = el("button.copy", { type: "button", title: "Copy", "aria-label": `Copy: ${text}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(button.previousSibling); // not a secure context: Ctrl+C does it
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return el("span.command", el("code", text), button);
}

// The database as a command names it: the usual one goes without.
export function withDb(text, db) {
  return !db || db === "hone.db" ? text : `${text} --db ${quoted(db)}`;
}

// A word in the shell as it is meant, whatever it contains.
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${String(word).replaceAll("'", `'\\''`)}'`;
}

export function badge(state, hue) {
  const dot = el("i.dot");
  if (hue) dot.style.background = hue;
  return el(`span.badge.is-${/^\w*/.exec(state)[0]}`, dot, state);
}

// Cards stand in pairs: one that has none is wide.
export function evenOut(cards) {
  for (const card of cards) card.classList.toggle("wide", card.dataset.alone === "yes");
  let open = null;
  for (const card of cards) open = card.classList.contains("wide") ? (open?.classList.add("wide"), null) : open ? null : card;
  open?.classList.add("wide");
}
