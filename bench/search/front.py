"""Optuna on the problems of front.c: python bench/search/front.py SEEDS[:PROBLEM,...] SAMPLER... (random, nsga2, tpe): JSON lines."""

import json
import math
import statistics
import sys

import optuna

LOOKS = (50, 100, 200, 400)
optuna.logging.set_verbosity(optuna.logging.ERROR)


def unit(trial, n):
    return [trial.suggest_float("abcdefghij"[i], 0, 1) for i in range(n)]


def zdt(trial):
    x = unit(trial, 10)
    return x[0], 1 + sum(x[1:])  # 1 + 9 * mean of nine


def zdt1(trial):
    f, g = zdt(trial)
    return f, g * (1 - math.sqrt(f / g))


def zdt2(trial):
    f, g = zdt(trial)
    return f, g * (1 - (f / g) ** 2)


def zdt3(trial):
    f, g = zdt(trial)
    return f, g * (1 - math.sqrt(f / g) - f / g * math.sin(10 * math.pi * f))


def dtlz2(trial):
    x = unit(trial, 6)
    g = sum((v - 0.5) ** 2 for v in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return (1 + g) * math.cos(a) * math.cos(b), (1 + g) * math.cos(a) * math.sin(b), (1 + g) * math.sin(a)


def net(trial):
    lr, l2 = trial.suggest_float("lr", 1e-6, 10, log=True), trial.suggest_float("l2", 1e-7, 1, log=True)
    hidden, depth = trial.suggest_int("hidden", 16, 1024, log=True), trial.suggest_int("depth", 1, 6)
    d, w = math.log10(lr) + 1.5 + 0.3 * math.log2(depth), math.log10(l2) + 4
    error = min(0.9, 0.02 + 0.05 * d * d + 0.01 * w * w + 0.5 / math.sqrt(hidden * depth))
    return error, math.log10(hidden * hidden * depth)


def grid_front(f):
    return [f(i / 62, j / 63) for i in range(63) for j in range(63)]


def front_net(u, v):
    hidden, depth = float(round(16 * 64**u)), 1 + math.floor(v * 6)
    return 0.02 + 0.5 / math.sqrt(hidden * depth), math.log10(hidden * hidden * depth)


def front_dtlz2(u, v):
    a, b = u * math.pi / 2, v * math.pi / 2
    return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)


LINE = [i / 3999 for i in range(4000)]
PROBLEMS = {
    "zdt1": (zdt1, (1.1, 7), lambda: [(u, 1 - math.sqrt(u)) for u in LINE]),
    "zdt2": (zdt2, (1.1, 7), lambda: [(u, 1 - u * u) for u in LINE]),
    "zdt3": (zdt3, (1.1, 7), lambda: [(u, 1 - math.sqrt(u) - u * math.sin(10 * math.pi * u)) for u in LINE]),
    "dtlz2": (dtlz2, (2, 2, 2), lambda: grid_front(front_dtlz2)),
    "net": (net, (0.9, 7), lambda: grid_front(front_net)),
}


def area(points, reference):
    total, low = 0.0, reference[1]
    for x, y in sorted(points):
        if x < reference[0] and y < low:
            total += (reference[0] - x) * (low - y)
            low = y
    return total


def hypervolume(points, reference):
    points = [p for p in points if all(v < r for v, r in zip(p, reference))]
    if len(reference) == 2:
        return area([p[:2] for p in points], reference)
    total, points = 0.0, sorted(points, key=lambda p: p[2])
    for i, p in enumerate(points):
        above = points[i + 1][2] if i + 1 < len(points) else reference[2]
        if above > p[2]:
            total += (above - p[2]) * area([q[:2] for q in points[: i + 1]], reference)
    return total


def sampler(name, seed):
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def main():
    seeds, _, wanted = sys.argv[1].partition(":")
    seeds = int(seeds)
    for problem in wanted.split(",") if wanted else PROBLEMS:
        objective, reference, front = PROBLEMS[problem]
        everything = hypervolume(front(), reference)
        for name in sys.argv[2:]:
            missing = []
            for seed in range(1, seeds + 1):
                study = optuna.create_study(directions=["minimize"] * len(reference), sampler=sampler(name, seed))
                study.optimize(objective, n_trials=LOOKS[-1])
                points = [t.values for t in study.trials]
                missing.append([1 - hypervolume(points[:n], reference) / everything for n in LOOKS])
            line = {"bench": "front", "problem": problem, "method": "optuna-" + name, "optuna": optuna.__version__, "seeds": seeds}
            for look, n in enumerate(LOOKS):
                line["missing_at_%d" % n] = float("%.4g" % statistics.median(m[look] for m in missing))
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
