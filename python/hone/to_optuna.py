"""A database of Hone's as one that Optuna, optuna-dashboard and its other viewers open.

    hone.to_optuna("results.db", "out.db")          then: optuna-dashboard sqlite:///out.db

Schema 12, which Optuna writes from 3.2 to 5.0. A copy to look at: the search stays where it is. Optuna counts trials from 0
and Hone from 1. A paused trial is RUNNING there, a cancelled one FAIL; one that diverged is PRUNED, without a value.
"""
import contextlib
import json
import math
import os
import sqlite3
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .results import Database, Results, Row
from .trainer import Error

__all__ = ["to_optuna"]

STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "cancelled": "FAIL", "running": "RUNNING",
          "paused": "RUNNING", "waiting": "WAITING"}

SCHEMA = """
CREATE TABLE studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id));
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256),
    PRIMARY KEY (version_info_id), CHECK (version_info_id=1));
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
CREATE TABLE study_directions (study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL,
    objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective),
    FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE study_user_attributes (study_user_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512),
    value_json TEXT, PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, "key"),
    FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE study_system_attributes (study_system_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512),
    value_json TEXT, PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, "key"),
    FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL,
    datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512),
    value_json TEXT, PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, "key"),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512),
    value_json TEXT, PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, "key"),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT,
    distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL,
    value FLOAT, value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL,
    step INTEGER NOT NULL, intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL,
    PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL,
    PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
INSERT INTO version_info VALUES (1, 12, '4.0.0');
INSERT INTO alembic_version VALUES ('v3.2.0.a');
"""


def to_optuna(db: "str | os.PathLike[str] | Database", out: "str | os.PathLike[str]", study: Optional[str] = None) -> int:
    """Writes all studies of a database, or one, into a new file; returns how many trials there are in it."""
    source = db if isinstance(db, Database) else Database(db)
    if os.path.exists(out):
        raise Error("%s: is there already; an export makes a new file" % os.fspath(out))
    names = [source.study(study).name] if study else [row["study"] for row in reversed(source.studies())]
    with contextlib.closing(sqlite3.connect(out)) as target, target:
        target.executescript(SCHEMA)
        return sum(_write_study(target, source.study(name)) for name in names)


def _insert(target: sqlite3.Connection, table: str, *values: Any) -> int:
    """A row with an id of its own, which is returned."""
    return target.execute("INSERT INTO %s VALUES (NULL%s)" % (table, ", ?" * len(values)), values).lastrowid or 0


def _write_study(target: sqlite3.Connection, found: Results) -> int:
    definition = json.loads(found.database.sql("SELECT definition FROM study WHERE name = ?", found.name)[0]["definition"])
    metrics = definition["metric"] if isinstance(definition["metric"], list) else [definition["metric"]]
    at = _insert(target, "studies", found.name)
    for objective, metric in enumerate(metrics):
        _insert(target, "study_directions", metric["goal"].upper(), at, objective)
    _insert(target, "study_system_attributes", at, "study:metric_names", json.dumps([metric["name"] for metric in metrics]))
    _insert(target, "study_user_attributes", at, "hone", json.dumps(definition))
    trials = found.database.sql(
        "SELECT t.number, t.status, t.cause, t.score FROM trial t JOIN study s ON s.id = t.study"
        " WHERE s.name = ? AND t.deleted_ms IS NULL AND t.sampler <> 'seeds' ORDER BY t.number", found.name)
    flat, points, values = {row["trial"]: row for row in found.trials()}, found.points(), _values(found, metrics)
    axes = {name: _distribution(axis, [point[name] for point in points.values() if name in point])
            for name, axis in found.space().items()}
    curves = _curves(found) if len(metrics) == 1 else {}
    for number, trial in enumerate(trials):
        key = trial["number"]
        row = _insert(target, "trials", number, at, STATES[trial["status"]], _when(flat[key]["started_at"]),
                      _when(flat[key]["ended_at"]) if trial["status"] not in ("running", "paused", "waiting") else None)
        _write_params(target, row, points[key], axes)
        if len(metrics) == 1 and trial["score"] is not None:
            values[key] = [trial["score"]]
        for objective, value in enumerate(values.get(key, ()) if trial["status"] in ("complete", "pruned") else ()):
            _insert(target, "trial_values", row, objective, value, "FINITE")
        for step, at_epoch in curves.get(key, ()):
            _insert(target, "trial_intermediate_values", row, step, at_epoch, "NAN" if at_epoch is None else "FINITE")
        _write_rest(target, row, flat[key], trial, definition["space"])
    return len(trials)


def _values(found: Results, metrics: List[Row]) -> Dict[int, List[float]]:
    """Of several metrics: all of them, turned back from the view's "more is better"."""
    if len(metrics) == 1:
        return {}
    signs = [1 if metric["goal"] == "maximize" else -1 for metric in metrics]
    rows = found.database.sql("SELECT trial, y1, y2, y3 FROM trial_scores WHERE study = ?", found.name)
    return {row["trial"]: [sign * row[y] for sign, y in zip(signs, ("y1", "y2", "y3"))] for row in rows}


def _curves(found: Results) -> Dict[int, List[Tuple[int, Optional[float]]]]:
    curves: Dict[int, List[Tuple[int, Optional[float]]]] = {}
    for row in found.curves(found.progress()["metric"]):
        curves.setdefault(row["trial"], []).append((row["epoch"], row["value"]))
    return curves


def _distribution(axis: Mapping[str, Any], seen: Iterable[Any]) -> Row:
    """Its range covers what was tried: walls may have moved, and zero lies beyond a log axis."""
    kind = next((kind for kind in ("int", "uniform", "logit", "log") if kind in axis), None)
    if kind is None:
        choices = list(axis.get("choice", axis.get("values", ()))) + ([0] if axis.get("or_zero") else [])
        return {"name": "CategoricalDistribution", "attributes": {"choices": choices}}
    low, high = min([axis[kind][0], *seen]), max([axis[kind][1], *seen])
    log = (kind == "log" or bool(axis.get("log"))) and low > 0
    step = None if log or axis.get("or_zero") else axis.get("step")
    if step:
        high = low + math.floor((high - low) / step + 1e-9) * step
    if kind == "int":
        return {"name": "IntDistribution", "attributes": {"log": log, "step": int(step or 1), "low": int(low), "high": int(high)}}
    return {"name": "FloatDistribution", "attributes": {"step": step, "low": float(low), "high": float(high), "log": log}}


def _write_params(target: sqlite3.Connection, row: int, point: Mapping[str, Any], axes: Mapping[str, Row]) -> None:
    for name, value in point.items():
        axis = axes[name]
        if axis["name"] == "CategoricalDistribution":
            choices = axis["attributes"]["choices"]
            value = next(i for i, one in enumerate(choices) if one == value and isinstance(one, bool) == isinstance(value, bool))
        _insert(target, "trial_params", row, name, float(value), json.dumps(axis))


def _write_rest(target: sqlite3.Connection, row: int, flat: Row, trial: Row, space: Mapping[str, Any]) -> None:
    """What Optuna has no column for: attributes."""
    for name, value in dict(flat, trial=trial["number"], cause=trial["cause"]).items():
        if name not in space and name not in ("started_at", "ended_at") and value is not None:
            _insert(target, "trial_user_attributes", row, name, json.dumps(value))


def _when(text: Optional[str]) -> Optional[str]:
    """2026-11-23T05:54:00.123Z as SQLAlchemy writes it, still UTC."""
    return text and text.replace("T", " ").replace("Z", "000")
