"""An Optuna study (its SQLite file, schema 12 and older ones) as one of Hone's. Reads it with sqlite3 alone.

    study = hone.from_optuna("study.db")                             # the space, and its best points to try first
    study = hone.from_optuna("study.db", results="known.db")         # its results, as what the search knows from the start
    study.run(workers=4)

Optuna decides inside the function which parameters there are; a study file says so. Where one is absent in some trials and
the value of another one tells in which, without exception, that becomes its `when`; else `notes` say what is open.
"""
import contextlib
import json
import os
import re
import sqlite3
import urllib.parse
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from .search import Search
from .study import Study
from .trainer import Error

__all__ = ["from_optuna"]

COLUMNS = {"trial", "status", "best_epoch", "epochs", "worker", "started_at", "ended_at"}  # names the database uses itself
LEGACY = {"UniformDistribution": {}, "LogUniformDistribution": {"log": True}, "DiscreteUniformDistribution": {},
          "IntUniformDistribution": {}, "IntLogUniformDistribution": {"log": True}}

Row = Dict[str, Any]


def from_optuna(path: "str | os.PathLike[str]", study: Optional[str] = None, *, command: Sequence[str] = ("python3", "train.py"),
                trials: int = 100, best: int = 10, results: Optional[str] = None) -> Study:
    """The study of that name (or the only one) as a hone.Study.

    command  your trainer, in the place of the objective
    best     so many of its best points are tried first, beside those that wait in its queue
    results  a database for its finished trials, which the new study then has as `warm_start`; one metric only

    Study.notes tells what could not be known or had to be changed.
    """
    there = _Optuna(os.fspath(path), study)
    made = Study(there.name, there.space, command=command, metric=there.metric(), trials=trials,
                 epochs=there.epochs if there.epochs > 1 else None)
    queue = there.waiting + ([] if results else [trial["params"] for trial in there.ranked()[:best]])
    if queue:
        made["enqueue"] = queue
    if results:
        made["warm_start"] = {"study": there.write_results(results), "db": os.path.abspath(results)}
    made.notes = there.notes
    return made


def _name(text: str, taken: Set[str]) -> str:
    """As study files have it: letters, digits, _ . -; at most 64; none that is taken."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:60]
    name = name if re.match(r"[A-Za-z_]", name) else "p_" + name
    while name.lower() in {one.lower() for one in taken}:
        name += "_"
    return name


class _Optuna:
    """What the file says of one study, in Hone's words."""

    def __init__(self, path: str, study: Optional[str]) -> None:
        self.path, self.notes = path, []  # type: str, List[str]
        if not os.path.isfile(path):
            raise Error("%s: no such file" % path)
        try:
            self._read(study)
        except sqlite3.DatabaseError as problem:
            raise Error("%s: not a database of Optuna's: %s" % (path, problem)) from None
        self._name_params()
        self.space = self._space()
        for trial in self.trials:
            trial["params"] = {self.names[name]: _value(value) for name, (value, _) in trial["raw"].items()
                               if self.names[name] in self.space}
        self._find_conditions()
        self.waiting = [{self.names[name]: _value(value) for name, value in fixed.items()
                         if self.names.get(name) in self.space} for fixed in self.fixed]

    def _sql(self, query: str, *values: Any) -> List[Row]:
        where = "file:%s?mode=ro" % urllib.parse.quote(os.path.abspath(self.path))
        with contextlib.closing(sqlite3.connect(where, uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values)]

    def _read(self, study: Optional[str]) -> None:
        studies = {row["study_name"]: row["study_id"] for row in self._sql("SELECT * FROM studies")}
        if study is None and len(studies) != 1 or study is not None and study not in studies:
            raise Error("%s: which study? There are %s" % (self.path, ", ".join(studies) or "none"))
        self.study = study or next(iter(studies))
        at = studies[self.study]
        self.name = _name(self.study, COLUMNS)
        self.goals = [row["direction"].lower() for row in
                      self._sql("SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", at)]
        said = self._sql("SELECT value_json FROM study_system_attributes WHERE study_id = ? AND key = 'study:metric_names'", at)
        names = json.loads(said[0]["value_json"]) if said else []
        self.metrics = [_name(name, set()) for name in names] or (
            ["value"] if len(self.goals) == 1 else ["value%d" % n for n in range(len(self.goals))])
        self.trials = [dict(row, raw={}, values=[], curve=[]) for row in self._sql(
            "SELECT trial_id, number, state FROM trials WHERE study_id = ? ORDER BY number", at)]
        by_id = {trial["trial_id"]: trial for trial in self.trials}
        mine = " FROM %s v JOIN trials t USING (trial_id) WHERE t.study_id = ? ORDER BY %s"
        for row in self._sql("SELECT v.*" + mine % ("trial_params", "v.param_id"), at):
            how = json.loads(row["distribution_json"])
            by_id[row["trial_id"]]["raw"][row["param_name"]] = (_external(row["param_value"], how), how)
        for row in self._sql("SELECT v.*" + mine % ("trial_values", "objective"), at):
            by_id[row["trial_id"]]["values"].append(row["value"] if row.get("value_type", "FINITE") == "FINITE" else None)
        for row in self._sql("SELECT v.*" + mine % ("trial_intermediate_values", "step"), at):
            by_id[row["trial_id"]]["curve"].append(row["intermediate_value"])
        self.fixed = [json.loads(row["value_json"]) for row in self._sql(
            "SELECT v.value_json" + (mine % ("trial_system_attributes", "number")).replace(
                "WHERE", "WHERE key = 'fixed_params' AND t.state = 'WAITING' AND"), at)]
        self.trials = [trial for trial in self.trials if trial["state"] in ("COMPLETE", "PRUNED", "FAIL")]
        self.epochs = max([len(trial["curve"]) for trial in self.trials], default=1) if self._curves_are_whole() else 1

    def _curves_are_whole(self) -> bool:
        """Does every value stand at the end of its curve? Then reports were epochs."""
        done = [trial for trial in self.trials if trial["state"] == "COMPLETE"]
        return len(self.goals) == 1 and bool(done) and all(trial["curve"][-1:] == trial["values"] for trial in done)

    def metric(self) -> Any:
        named = [{"name": name, "goal": goal} for name, goal in zip(self.metrics, self.goals)]
        if len(named) == 1:
            return dict(named[0], score="last") if self.epochs > 1 else named[0]
        return named

    # ---- the space ----

    def _name_params(self) -> None:
        self.names: Dict[str, str] = {}
        for trial in self.trials:
            for name in trial["raw"]:
                if name not in self.names:
                    self.names[name] = _name(name, COLUMNS | set(self.names.values()))
                    if self.names[name] != name:
                        self.notes.append("parameter %r is %s here" % (name, self.names[name]))

    def _space(self) -> Dict[str, Row]:
        if not self.names:
            raise Error("%s: no trial of study %r has parameters yet: there is no space to take over" % (self.path, self.study))
        space = {}
        for name, here in self.names.items():
            axis = self._axis(name)
            if axis is not None:
                space[here] = axis
            else:
                self.notes.append("parameter %s has one value alone and is left out" % here)
        return space

    def _axis(self, name: str) -> Optional[Row]:
        """The newest distribution's kind, and a range that covers all of them. None: one value alone."""
        seen = [trial["raw"][name][1] for trial in self.trials if name in trial["raw"]]
        newest = seen[-1]
        if newest["name"] == "CategoricalDistribution":
            named = [one for how in seen for one in how["attributes"].get("choices", [])]
            choices = _distinct([_value(one) for one in named])
            if any(one is not _value(one) for one in named):
                self.notes.append("parameter %s: choices that are no text, number or truth are their text here" % name)
            return {"choice": choices} if len(choices) > 1 else None
        ranges = [how["attributes"] for how in seen if "low" in how["attributes"]]
        low, high = min(one["low"] for one in ranges), max(one["high"] for one in ranges)
        if not low < high:
            return None
        about = dict(newest["attributes"], **LEGACY.get(newest["name"], {}))
        step = about.get("step") or about.get("q")
        if newest["name"].startswith("Int"):
            more = {"log": True} if about.get("log") else {"step": step} if step and step > 1 else {}
            return dict({"int": [int(low), int(high)]}, **more)
        return {"log": [low, high]} if about.get("log") else {"uniform": [low, high], **({"step": step} if step else {})}

    def _find_conditions(self) -> None:
        trials = [t for t in self.trials if t["state"] == "COMPLETE"] or self.trials
        count = {name: sum(name in trial["params"] for trial in trials) for name in self.space}
        for name, axis in self.space.items():
            if count[name] == len(trials):
                continue
            for other in sorted((o for o in self.space if count[o] > count[name]), key=lambda o: -count[o]):
                values = self._tells(trials, name, other)
                if values:
                    axis["when"] = {other: values}
                    break
            else:
                self.notes.append("parameter %s is absent in %d of %d trials, and no other one tells in which: here it is in "
                                  "every point" % (name, len(trials) - count[name], len(trials)))

    def _tells(self, trials: List[Row], name: str, other: str) -> Optional[List[Any]]:
        """The values of the other one with which this one is there, if it is absent with all others."""
        points = [trial["params"] for trial in trials]
        if not {"choice", "int"} & set(self.space[other]) or any(name in point and other not in point for point in points):
            return None
        there, absent = (_distinct([point[other] for point in points if other in point and (name in point) == is_there])
                         for is_there in (True, False))
        return there if there and absent and not any(one in absent for one in there) else None

    # ---- the trials ----

    def ranked(self) -> List[Row]:
        """Complete trials, the best first; of several metrics the front alone."""
        done = [t for t in self.trials if t["state"] == "COMPLETE" and len(t["values"]) == len(self.goals)
                and None not in t["values"]]
        signs = [-1 if goal == "maximize" else 1 for goal in self.goals]
        costs = {t["trial_id"]: [sign * value for sign, value in zip(signs, t["values"])] for t in done}
        if len(signs) == 1:
            return sorted(done, key=lambda t: costs[t["trial_id"]])
        return [t for t in done if not any(_dominates(other, costs[t["trial_id"]]) for other in costs.values())]

    def write_results(self, db: str) -> str:
        """The finished trials as a study of Hone's own: enqueued, and answered with what is known."""
        if len(self.goals) > 1:
            raise Error("results=: a study of several metrics takes no warm_start; leave it out, and its front is tried first")
        kept = ("COMPLETE", "PRUNED") if self.epochs > 1 else ("COMPLETE",)  # what ended early says nothing of the end
        done = [t for t in self.trials if t["state"] in kept and (t["curve"] or t["values"])]
        whole = [t for t in done if all(name in t["params"] or ("when" in axis and not _holds(axis["when"], t["params"]))
                                        for name, axis in self.space.items())]
        distinct = _distinct_by(whole, "params")
        if not distinct:
            raise Error("%s: study %r has no finished trial with a value for every parameter" % (self.path, self.study))
        if len(distinct) < len(done):
            self.notes.append("of %d finished trials %d lack a parameter and %d repeat a point: they are not among the results"
                              % (len(done), len(done) - len(whole), len(whole) - len(distinct)))
        name = _name("optuna-" + self.study, set())
        with Search(self.space, len(distinct), metric=self.metrics[0], goal=self.goals[0], method="random", seed=0,
                    epochs=self.epochs, name=name, db=db, enqueue=[t["params"] for t in distinct],
                    study={"metric": self.metric(), "description": "Optuna's study %s" % self.study}) as search:
            for trial in search:
                self._tell(trial, distinct[trial.number - 1])
        return name

    def _tell(self, trial: Any, known: Row) -> None:
        if self.epochs == 1:
            trial.tell({self.metrics[0]: known["values"][0]})
        for n, value in enumerate(known["curve"] if self.epochs > 1 else (), 1):
            if n == len(known["curve"]) and known["state"] == "PRUNED":
                trial.finding("optuna", "Optuna pruned it here", "stop")
            trial.report({self.metrics[0]: value})


def _dominates(one: List[float], other: List[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other))


def _holds(when: Mapping[str, Sequence[Any]], point: Mapping[str, Any]) -> bool:
    return all(point.get(name) in values for name, values in when.items())


def _distinct_by(rows: Sequence[Row], key: str) -> List[Row]:
    """The first of each, in their order; true is not 1."""
    first: Dict[str, Row] = {}
    for row in rows:
        first.setdefault(json.dumps(row[key], sort_keys=True), row)
    return list(first.values())


def _distinct(values: Sequence[Any]) -> List[Any]:
    return [row["is"] for row in _distinct_by([{"is": value} for value in values], "is")]


def _external(value: float, how: Row) -> Any:
    if how["name"] == "CategoricalDistribution":
        return how["attributes"]["choices"][int(value)]
    return int(value) if how["name"].startswith("Int") else value


def _value(value: Any) -> Any:
    """None and lists are choices in Optuna, and texts here."""
    return value if isinstance(value, (str, int, float)) else str(value)
