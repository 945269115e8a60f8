// What is typed above the table: words and comparisons, all of which must hold. "lr<1e-3 gp w2" keeps the trials of gp
// on w2 with a learning rate below a thousandth.

const COMPARISON = /^(.+?)(<=|>=|!=|<|>|=)(.*)$/;
const OPERATORS = {
  "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

// A function of a trial. `columns` are those of the table: {name, of(trial)}.
export function parseFilter(text, columns) {
  const tests = text.trim().split(/\s+/).filter(Boolean).map((word) => comparison(word, columns) ?? contains(word, columns));
  return (trial) => tests.every((test) => test(trial));
}

function comparison(word, columns) {
  const found = COMPARISON.exec(word);
  const column = found && columns.find((c) => c.name.toLowerCase() === found[1].toLowerCase());
  if (!column) return null;
  const wanted = found[3] !== "" && Number.isFinite(Number(found[3])) ? Number(found[3]) : found[3];
  const holds = OPERATORS[found[2]];
  return (trial) => {
    const value = column.of(trial);
    if (value === null || value === undefined) return false;
    return typeof wanted === "number" ? typeof value === "number" && holds(value, wanted) : holds(String(value), wanted);
  };
}

function contains(word, columns) {
  const part = word.toLowerCase();
  return (trial) => columns.some((column) => String(column.of(trial) ?? "").toLowerCase().includes(part));
}
