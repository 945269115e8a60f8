"""What a search has found: the database, read through its views for people (`hone help queries`).

    db = hone.open("results.db")
    db.studies()                         # a dict for each, the newest first
    found = db.study("spiral")           # or db.study(): the newest
    found.best, found.trials(), found.curves("val_loss"), found.frame()

Readers never hold up the master: each question is a read-only connection of its own, and ends with its answer.
"""
import contextlib
import json
import os
import sqlite3
import time
import urllib.parse
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .trainer import Error, Params

__all__ = ["Database", "Results", "SCHEMA", "connect"]

SCHEMA = 5  # user_version of the database: how many files sql/migrate has (tools/lint compares)
TRIES = 5

Row = Dict[str, Any]


class Database:
    """A file of Hone's. Opening it looks at what it is; every question reads what is there by then."""

    def __init__(self, path: "str | os.PathLike[str]") -> None:
        self.path = os.path.abspath(path)
        if not os.path.isfile(self.path):
            raise Error("%s: no such file; hone.run(study, db=…) or `hone run --db` makes one" % self.path)
        try:
            version = self.sql("PRAGMA user_version")[0]["user_version"]
            known = self.sql("SELECT count(*) AS n FROM sqlite_master WHERE name = 'study_progress'")[0]["n"]
        except sqlite3.DatabaseError as problem:
            raise Error("%s: %s" % (self.path, problem)) from None
        if not known:
            raise Error("%s: a database, but not one of Hone's" % self.path)
        if version != SCHEMA:
            raise Error("%s: version %d of the database, and this library reads %d. %s" % (self.path, version, SCHEMA, (
                "Take the library of the hone that wrote it: pip install ./python" if version > SCHEMA else
                "Copy the file, then let today's hone bring it up to date: hone master --db %s, and ^C" % self.path)))

    def __repr__(self) -> str:
        return "hone.open(%r)" % self.path

    def sql(self, query: str, *values: Any) -> List[Row]:
        """The rows of one SELECT, as dicts.

        db.sql("SELECT trial, lr FROM spiral WHERE lr > ?", 0.01)
        """
        for tries in range(TRIES):
            before = self._stamp()
            with contextlib.suppress(*([sqlite3.DatabaseError] if tries + 1 < TRIES and not before[0] else [])):
                rows = self._read(query, values, before[0])
                if before[0] or self._stamp() == before:
                    return rows
        return self._read(query, values, True)

    def _stamp(self) -> Tuple[bool, int, int, int]:
        """Whether somebody writes (a log that holds something), and what the file looked like."""
        with contextlib.suppress(OSError):
            if os.path.getsize(self.path + "-wal"):
                return True, 0, 0, 0
        at = os.stat(self.path)
        return False, at.st_mtime_ns, at.st_size, at.st_ino

    def _read(self, query: str, values: Sequence[Any], live: bool) -> List[Row]:
        """At rest the file is read as immutable: even a read-only connection would else leave two files beside it."""
        where = "file:%s?%s" % (urllib.parse.quote(self.path), "mode=ro" if live else "mode=ro&immutable=1")
        with contextlib.closing(sqlite3.connect(where, uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def studies(self) -> List[Row]:
        """View study_progress: the newest first; counts by status, best_score, best_trial, end_reason, …"""
        return self.sql("SELECT * FROM study_progress")

    def study(self, name: Optional[str] = None) -> "Results":
        """The study of that name, else the newest one."""
        names = [row["study"] for row in self.studies()]
        if not names:
            raise Error("%s: no study yet" % self.path)
        if name is not None and name not in names:
            raise Error("%s: no study %r; there are %s" % (self.path, name, ", ".join(names)))
        return Results(self, name or names[0])


class Results:
    """A study's results, as they are when asked for."""

    def __init__(self, database: Database, name: str) -> None:
        self.database, self.name = database, name
        self.interrupted = False  #: ended by ^C: what is here is what was done by then

    def __repr__(self) -> str:
        at = self.progress()
        return "<hone.Results %s: %d of %d trials complete, best %s %s>" % (self.name, at["complete"], at["trials"],
                                                                            at["metric"], at["best_score"])

    def progress(self) -> Row:
        """How far it is: one row of Database.studies()."""
        return self.database.sql("SELECT * FROM study_progress WHERE study = ?", self.name)[0]

    def trials(self, status: Optional[str] = None) -> List[Row]:
        """A dict for each trial with its parameters, metrics (of best_epoch) and the rest of the study's own view."""
        rows = self.database.sql('SELECT * FROM "%s" ORDER BY trial' % self.name)
        return [row for row in rows if status in (None, row["status"])]

    def space(self) -> Row:
        """The parameters as the study file has them."""
        rows = self.database.sql("SELECT definition FROM study WHERE name = ?", self.name)
        return dict(json.loads(rows[0]["definition"])["space"])

    def points(self) -> Dict[int, Params]:
        """Each trial's parameters, to the last digit; without those that are off."""
        space = self.space()
        return {row["trial"]: Params({name: _value(row[name], axis) for name, axis in space.items() if row[name] is not None})
                for row in self.trials()}

    def top(self, count: int = 10) -> List[Row]:
        """The best trials, the best first: rank, trial, score, params (a Params), best_epoch, …"""
        points = self.points()
        rows = self.database.sql("SELECT * FROM leaderboard WHERE study = ? AND rank <= ? ORDER BY rank", self.name, count)
        return [dict(row, params=points[row["trial"]]) for row in rows]

    @property
    def best(self) -> Optional[Row]:
        """top(1), or None while no trial has a score."""
        return next(iter(self.top(1)), None)

    @property
    def params(self) -> Params:
        """The parameters of the best trial."""
        return Params(self._of_best("params"))

    @property
    def score(self) -> float:
        """The score of the best trial."""
        return float(self._of_best("score"))

    def _of_best(self, key: str) -> Any:
        best = self.best
        if best is None:
            raise Error("%s: no trial has a score (yet); .progress() tells how far it is" % self.name)
        return best[key]

    def front(self) -> List[Row]:
        """Of several metrics: the trials that no other beats in all; params and metrics are dicts."""
        points = self.points()
        rows = self.database.sql("SELECT * FROM pareto WHERE study = ?", self.name)
        return [dict(row, params=points[row["trial"]], metrics=json.loads(row["metrics"])) for row in rows]

    def curves(self, metric: Optional[str] = None, trial: Optional[int] = None) -> List[Row]:
        """Learning curves: a dict for each trial, metric and epoch, with its value."""
        return self.database.sql(
            "SELECT trial, metric, epoch, value, seconds, attempt FROM learning_curves"
            " WHERE study = ?1 AND metric = coalesce(?2, metric) AND trial = coalesce(?3, trial)"
            " ORDER BY trial, metric, epoch", self.name, metric, trial)

    def findings(self) -> List[Row]:
        """What looked wrong with a training: rule, text, advice."""
        return self.database.sql("SELECT * FROM findings WHERE study = ?", self.name)

    def frame(self, rows: Optional[List[Row]] = None) -> Any:
        """trials(), or rows of yours, as a pandas DataFrame."""
        try:
            import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise Error("frame() needs pandas: pip install pandas; trials() is the same as a list of dicts") from None
        return pandas.DataFrame.from_records(self.trials() if rows is None else rows)

    def wait(self, rest_s: float = 1.0) -> "Results":
        """Returns when the study has ended; looks at it every rest_s seconds."""
        while self.progress()["end_reason"] is None:
            time.sleep(rest_s)
        return self


def _value(stored: Any, axis: Row) -> Any:
    """SQLite has no true and false: they are 1 and 0 there."""
    for one in axis.get("choice", ()):
        if isinstance(one, bool) and stored == int(one):
            return one
    return stored if {"choice", "values", "int"} & set(axis) else float(stored)


def connect(path: "str | os.PathLike[str]") -> Database:
    """hone.open: a database of Hone's, read-only, also while a master writes it."""
    return Database(path)
