"""Optuna's samplers on the problems of problems.py: one JSON line for each run, added to the file named.

    rivals.py RESULTS.jsonl [--samplers random,sobol,tpe,cmaes,gp] [--seeds 0:30] [--noise]

The first line has the versions. A run: {"sampler", "problem", "seed", "regret": [after 25, 50, 100, 200 trials], "seconds"}; `compare` starts this in an
environment of its own. What the file has already is not run again. With --noise (tables alone) a trial is one
training, and the regret is that of the configuration the study then says is best.
"""
import argparse
import json
import math
import os
import time
import warnings

import problems

BUDGETS = (25, 50, 100, 200)


def sampler_of(name, seed):
    from optuna import samplers
    return {
        "random": lambda: samplers.RandomSampler(seed=seed),
        "sobol": lambda: samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=seed),
        "tpe": lambda: samplers.TPESampler(seed=seed),
        "cmaes": lambda: samplers.CmaEsSampler(seed=seed),
        "gp": lambda: samplers.GPSampler(seed=seed),
    }[name]()


def ask(trial, axes):
    x = []
    for i, (kind, low, high) in enumerate(axes):
        name = "x%d" % i
        if kind == "choice":
            x.append(trial.suggest_categorical(name, list(range(high + 1))))
        elif kind == "int":
            x.append(trial.suggest_int(name, low, high))
        else:
            x.append(trial.suggest_float(name, low, high, log=kind == "log"))
    return x


def run(sampler, problem, seed, noise):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler_of(sampler, seed))
    axes, least, curve = problems.axes(problem), problems.best(problem), []
    told, regret, started = math.inf, math.inf, time.process_time()
    for n in range(1, BUDGETS[-1] + 1):
        trial = study.ask()
        x = ask(trial, axes)
        y = problems.value(problem, x, seed)
        seen = problems.table(problem).one(x, seed) if noise else y
        study.tell(trial, seen)
        if seen < told:
            told, regret = seen, y - least
        if n in BUDGETS:
            curve.append(float("%.6g" % max(regret, 0)))
    return {"sampler": sampler, "problem": problem, "seed": seed, "regret": curve,
            "seconds": round(time.process_time() - started, 2)}


def done(path):
    if not os.path.exists(path):
        return set()
    with open(path) as f:
        rows = [json.loads(line) for line in f]
    return {(r["sampler"], r["problem"], r["seed"]) for r in rows if "regret" in r}


def versions():
    from importlib.metadata import version
    return {"rival": "optuna", **{name: version(name) for name in ("optuna", "cmaes", "torch", "scipy", "numpy")}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("results")
    parser.add_argument("--samplers", default="random,sobol,tpe,cmaes,gp")
    parser.add_argument("--seeds", default="0:30")
    parser.add_argument("--noise", action="store_true")
    a = parser.parse_args()
    warnings.filterwarnings("ignore")
    first, last = map(int, a.seeds.split(":"))
    have = done(a.results)
    if not os.path.exists(a.results):
        with open(a.results, "w") as f:
            f.write(json.dumps(versions()) + "\n")
    for seed in range(first, last):
        for problem in problems.TABLES if a.noise else problems.NAMES:
            for sampler in a.samplers.split(","):
                if (sampler, problem, seed) in have:
                    continue
                row = run(sampler, problem, seed, a.noise)
                with open(a.results, "a") as f:
                    f.write(json.dumps(row, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
