"""A Python function, searched in three lines.

    import hone
    found = hone.minimize(lambda p: (p.x - 2) ** 2 + p.y, {"x": hone.uniform(-5, 5), "y": hone.log(1e-3, 10)}, trials=40)
    print(found.params.x, found.score)
"""
import logging
import multiprocessing
import multiprocessing.connection
import threading
from typing import Any, Callable, List, Mapping, Optional

from .results import Results
from .search import Asked, Search
from .trainer import Error

__all__ = ["maximize", "minimize"]

HOPELESS = 10  # so many failures before the first success: the function is broken, not the point
Function = Callable[..., Any]


def minimize(function: Function, space: Mapping[str, Any], trials: int = 100, *, workers: int = 1, threads: bool = False,
             **more: Any) -> Results:
    """The point where function(params) is least, sought with so many trials of Hone's samplers.

    function  takes a Params (p.lr, p["lr"]) and returns a number, or {name: value} for several metrics. An exception
              fails that trial and is logged; where the first ten all fail, the last one is raised. With epochs=N it is
              function(params, trial): for epoch in trial.epochs(): …; trial.report(value=…), and rungs have something to see
    space     {"lr": hone.log(1e-5, 1), …}. Its ends stay where they are; study={"search": {"boundary": "expand"}} lets walls move
    workers   so many at once, each in a process of its own, forked from this one (threads=True: threads of this one)
    seed      the same numbers again, with one worker; several finish in the order that they happen to
    method    "auto", "gp", "tpe", "cma-es", "random", … (`hone help samplers`)
    enqueue   points to try first: [{"lr": 0.01}]
    db        keep everything in this database, and go on from it when called again; else it goes with the Results
    study     further keys of a study file: {"prune": {"method": "asha"}, "require": ["a < b"], "budget": {"wall": "10m"}}
    metric    its name, "value" if left out; or a list of {"name": …, "goal": …}
    name, epochs, quiet

    ^C returns what is there by then: Results.interrupted.
    """
    return _optimise(function, space, trials, workers, threads, dict(more, goal="minimize"))


def maximize(function: Function, space: Mapping[str, Any], trials: int = 100, *, workers: int = 1, threads: bool = False,
             **more: Any) -> Results:
    """minimize(), the other way."""
    return _optimise(function, space, trials, workers, threads, dict(more, goal="maximize"))


class _Hopeless(Exception):
    pass


class _Evaluator:
    """Calls the function and tells; gives up on one that never worked."""

    def __init__(self, function: Function, epochs: int) -> None:
        self.function, self.epochs = function, epochs
        self.told = self.failures = 0

    def evaluate(self, trial: Asked) -> None:
        try:
            if self.epochs > 1:
                self.function(trial.params, trial)
            else:
                trial.tell(self.function(trial.params))
            self.told += 1
        except Exception as problem:
            self.failures += 1
            trial.failed("%s: %s" % (type(problem).__name__, problem))
            if not self.told and self.failures >= HOPELESS:
                raise _Hopeless() from problem
            logging.getLogger("hone").warning("trial %d failed, with %s", trial.number, dict(trial.params), exc_info=True)


def _optimise(function: Function, space: Mapping[str, Any], trials: int, workers: int, threads: bool, more: Any) -> Results:
    evaluator = _Evaluator(function, more.get("epochs", 1))
    interrupted, broken = False, None  # type: bool, Optional[BaseException]
    with Search(space, trials, workers=workers, **more) as search:
        try:
            if workers == 1:
                for trial in search:
                    evaluator.evaluate(trial)
            elif threads:
                _in_threads(search, evaluator)
            else:
                _in_processes(search, evaluator)
        except KeyboardInterrupt:
            interrupted = True
        except _Hopeless as problem:
            broken = problem.__cause__ or problem
    if broken:
        raise Error("the function failed in the first %d trials: %s" % (HOPELESS, _why(search, broken))) from broken
    found = search.results
    found.interrupted = interrupted
    return found


def _why(search: Search, problem: BaseException) -> str:
    if not isinstance(problem, _Hopeless):
        return "%s: %s" % (type(problem).__name__, problem)
    return search.last_failure()


def _in_threads(search: Search, evaluator: _Evaluator) -> None:
    broken: List[BaseException] = []

    def evaluate() -> None:
        try:
            for trial in search.slots():
                evaluator.evaluate(trial)
        except _Hopeless as problem:
            broken.append(problem)
            search.stop()
    crew = [threading.Thread(target=evaluate, daemon=True) for _ in range(search.workers)]
    search.watch()
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    if broken:
        raise broken[0]


def _in_processes(search: Search, evaluator: _Evaluator) -> None:
    """Evaluators are forked before any thread of ours; one that dies has failed its trial, and another takes its place."""
    fork = multiprocessing.get_context("fork")

    def evaluate() -> None:
        try:
            for trial in search.slots():
                evaluator.evaluate(trial)
        except _Hopeless:
            raise SystemExit(HOPELESS) from None
        except KeyboardInterrupt:
            pass
    crew = [fork.Process(target=evaluate, daemon=False) for _ in range(search.workers)]
    for one in crew:
        one.start()
    search.watch()
    try:
        while crew:
            multiprocessing.connection.wait([one.sentinel for one in crew])
            for one in [one for one in crew if not one.is_alive()]:
                crew.remove(one)
                if one.exitcode == HOPELESS:
                    raise _Hopeless()
                if one.exitcode and search.is_running():
                    crew.append(fork.Process(target=evaluate))
                    crew[-1].start()
    finally:
        for one in crew:
            one.terminate()
            one.join()
