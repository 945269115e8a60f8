#!/usr/bin/env python3
"""What a trial costs beside the function: hone.minimize, and Optuna in memory and on SQLite, one after the other in each round.

    PYTHONPATH=python build/.venv/bin/python bench/functions.py [TRIALS [ROUNDS]]       HONE names the executable

One JSON line per sampler: milliseconds of wall clock for each trial (median of the rounds), and the ratio to Optuna's. Hone's search
is in a database on disk with each epoch committed, as Optuna's is on SQLite.
"""
import json
import os
import statistics
import sys
import tempfile
import time
import warnings

import hone

warnings.simplefilter("ignore")
import optuna  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
AXES = "abcd"


def ours(method, trials, folder):
    hone.minimize(lambda p: sum(v * v for v in p.values()), {a: hone.uniform(-5, 5) for a in AXES}, trials, method=method, seed=1,
                  db=os.path.join(folder, "hone.db"))


def theirs(sampler, trials, storage):
    study = optuna.create_study(sampler=sampler(seed=1), storage=storage)
    study.optimize(lambda t: sum(t.suggest_float(a, -5, 5) ** 2 for a in AXES), n_trials=trials)


def ms_per_trial(call, trials):
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        call(folder)
        return (time.perf_counter() - began) * 1000 / trials


def main():
    trials, rounds = (int(word) for word in (sys.argv[1:] + ["200", "5"][len(sys.argv) - 1:])[:2])
    for name, method, sampler in (("random", "random", optuna.samplers.RandomSampler), ("tpe", "tpe", optuna.samplers.TPESampler)):
        took = {"hone": [], "optuna_memory": [], "optuna_sqlite": []}
        for _ in range(rounds):
            took["hone"].append(ms_per_trial(lambda folder: ours(method, trials, folder), trials))
            took["optuna_memory"].append(ms_per_trial(lambda folder: theirs(sampler, trials, None), trials))
            took["optuna_sqlite"].append(ms_per_trial(lambda folder: theirs(sampler, trials, "sqlite:///%s/o.db" % folder), trials))
        median = {who: statistics.median(each) for who, each in took.items()}
        print(json.dumps(dict({"bench": "functions", "sampler": name, "trials": trials, "rounds": rounds, "optuna": optuna.__version__},
                              **{who + "_ms": round(ms, 3) for who, ms in median.items()},
                              ratio_sqlite=round(median["hone"] / median["optuna_sqlite"], 3),
                              ratio_memory=round(median["hone"] / median["optuna_memory"], 3))), flush=True)


if __name__ == "__main__":
    main()
