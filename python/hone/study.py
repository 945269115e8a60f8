"""A study written down in Python, and the executable that searches it.

    study = hone.Study("mine", {"lr": hone.log(1e-5, 1), "hidden": hone.integer(8, 256, log=True)},
                       command=["python3", "train.py"], minimize="val_loss", trials=40, epochs=5)
    found = study.run(workers=4, db="results.db")
    found.best["params"].lr

It is a dict, the study file (`hone help study-file`); hone.run() takes any such dict, or the path of a file.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import Any, Dict, Mapping, Optional, Sequence, Union

from .results import Database, Results
from .trainer import Error

__all__ = ["Study", "choice", "executable", "integer", "log", "logit", "run", "uniform", "values"]

Axis = Dict[str, Any]


def uniform(low: float, high: float, **more: Any) -> Axis:
    """A number, every value equally likely. more: step, or_zero, when, limits, boundary, as in the study file.

    >>> uniform(0, 0.8, step=0.1)
    {'uniform': [0, 0.8], 'step': 0.1}
    """
    return dict({"uniform": [low, high]}, **more)


def log(low: float, high: float, **more: Any) -> Axis:
    """A number > 0, every ratio equally likely. Values, never exponents.

    >>> log(1e-5, 1, or_zero=0.1)
    {'log': [1e-05, 1], 'or_zero': 0.1}
    """
    return dict({"log": [low, high]}, **more)


def logit(low: float, high: float, **more: Any) -> Axis:
    """A ratio between 0 and 1 that matters near its ends, such as a momentum."""
    return dict({"logit": [low, high]}, **more)


def integer(low: int, high: int, log: bool = False, **more: Any) -> Axis:
    """A whole number, both ends included.

    >>> integer(8, 256, log=True)
    {'int': [8, 256], 'log': True}
    """
    return dict({"int": [low, high]}, **(dict(more, log=True) if log else more))


def values(*numbers: float, **more: Any) -> Axis:
    """One of these numbers, which lie on a scale."""
    return dict({"values": list(numbers)}, **more)


def choice(*these: Any, **more: Any) -> Axis:
    """One of these texts, numbers, True or False.

    >>> choice("sgd", "adam"), choice(0.5, 0.9, when={"optimizer": ["sgd"]})
    ({'choice': ['sgd', 'adam']}, {'choice': [0.5, 0.9], 'when': {'optimizer': ['sgd']}})
    """
    return dict({"choice": list(these)}, **more)


class Study(Dict[str, Any]):
    """A study file as a dict. more are its other keys: prune, budget, enqueue, warm_start, keep, require, …

    >>> Study("s", {"x": uniform(0, 1)}, command=["./train"], minimize="loss", trials=9)["metric"]
    {'name': 'loss', 'goal': 'minimize'}
    """

    notes: Sequence[str] = ()  #: of a study that came from elsewhere: what could not be known or had to be changed

    def __init__(self, name: str, space: Mapping[str, Any], *, command: Optional[Sequence[str]] = None,
                 minimize: Optional[str] = None, maximize: Optional[str] = None, trials: Optional[int] = None,
                 epochs: Optional[int] = None, method: Optional[str] = None, seed: Optional[int] = None, **more: Any) -> None:
        if "metric" not in more:
            if (minimize is None) == (maximize is None):
                raise Error("Study(%r): say minimize=NAME or maximize=NAME (or, for several, metric=[…])" % name)
            more = {"metric": {"name": minimize or maximize, "goal": "minimize" if minimize else "maximize"}, **more}
        if command is not None:
            more["trainer"] = {"command": list(command)}
        search = {"method": method, "trials": trials, "epochs": epochs, "seed": seed, **more.pop("search", {})}
        super().__init__(study=name, space=dict(space), **more, search={k: v for k, v in search.items() if v is not None})

    def write(self, path: str) -> None:
        """As a file for `hone run`."""
        with open(path, "w") as file:
            json.dump(self, file, indent=2)
            file.write("\n")

    def run(self, workers: Optional[int] = None, db: str = "hone.db", **more: Any) -> Results:
        """hone.run(self, …)"""
        return run(self, workers, db, **more)


def executable() -> str:
    """The program `hone`: what $HONE says, else the one in PATH, else the one this checkout has built."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "hone")
    found = os.environ.get("HONE") or shutil.which("hone") or (os.path.realpath(here) if os.path.exists(here) else None)
    if not found:
        raise Error("there is no `hone` in PATH: `make install` puts it there, or say where it is with HONE=/path/to/hone")
    if not os.access(found, os.X_OK):
        raise Error("HONE=%s: not an executable file" % found)
    return os.path.abspath(found)


def run(study: Union[Mapping[str, Any], str, "os.PathLike[str]"], workers: Optional[int] = None, db: str = "hone.db", *,
        slots: int = 1, dir: Optional[str] = None, check: bool = True, fresh: bool = False, quiet: bool = True,
        options: Sequence[str] = ()) -> Results:
    """`hone run`: searches the study with workers on this machine, and returns what it found. Again: goes on, or returns.

    study    a dict, or the path of a study file
    workers  processes here (default: one per core, at most 8), each with so many slots
    dir      folder of relative paths (default: the study file's; of a dict: the working folder)
    check    look at the trainer before the first trial
    quiet    no progress on standard error
    options  more words for `hone run`, as in ["--set", "search.trials=100"]

    ^C stops it cleanly and resumably, and returns what is there (Results.interrupted).
    """
    path, text = ("-", json.dumps(study)) if isinstance(study, Mapping) else (os.fspath(study), None)
    words = [executable(), "run", path, "--db", db, "--slots", str(slots), "--json", *options]
    words += ["--workers", str(workers)] if workers is not None else []
    words += ["--dir", dir or os.getcwd()] if dir or text else []
    words += [flag for flag, wanted in (("--no-check", not check), ("--fresh", fresh), ("--quiet", quiet)) if wanted]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
                               stderr=subprocess.PIPE if quiet else None, start_new_session=True)
    interrupted = False
    while True:
        try:
            said, complained = process.communicate(text)
            break
        except KeyboardInterrupt:
            interrupted, text = True, None
            process.send_signal(signal.SIGINT)
    return _found(process.returncode, said, complained or "", db, interrupted)


def _found(code: int, said: str, complained: str, db: str, interrupted: bool) -> Results:
    """Status 1 may be a study in which nothing is complete and all is pruned, with a score: rungs stopped it."""
    name = json.loads(said)["study"]["study"] if said.strip() else None
    found = Database(db).study(name) if name or interrupted else None
    if found is None or (code == 1 and not found.trials("pruned")):
        raise Error("hone run ended with status %d%s" % (code, ": " + complained.strip() if complained else ""))
    sys.stderr.write(complained)
    found.interrupted = interrupted
    return found
