"""Figures of a race: medians, quartiles and ratios of regrets, from the lines that rivals.py and ours write."""
import json
import math
import os
import random

import problems

BUDGETS = (25, 50, 100, 200)
RESAMPLES = 2000


def read(path):
    """{(sampler, problem): {seed: [regret at each budget]}}, and the first line's versions if there are any."""
    curves, versions = {}, {}
    for line in open(path) if os.path.exists(path) else []:
        row = json.loads(line)
        if "regret" in row:
            curves.setdefault((row["sampler"], row["problem"]), {})[row["seed"]] = row["regret"]
        else:
            versions = row
    return curves, versions


def log_share(problem, seed, regret):
    """ln of the regret as a share of what random points have, floored."""
    return math.log(max(regret / problems.scale(problem, seed), problems.floor(problem)))


def quantile(values, q):
    s = sorted(values)
    at = q * (len(s) - 1)
    low = int(at)
    return s[low] + (at - low) * (s[min(low + 1, len(s) - 1)] - s[low])


def differences(ours, theirs, problem, k):
    """ln(our share / their share) by seed, for the seeds that both have run."""
    return [log_share(problem, s, ours[s][k]) - log_share(problem, s, theirs[s][k])
            for s in sorted(ours) if s in theirs and k < min(len(ours[s]), len(theirs[s]))]


def interval(groups):
    """95 % of the geometric mean over problems when seeds are drawn again, with replacement, within each problem."""
    rng, means = random.Random(1), []
    for _ in range(RESAMPLES):
        means.append(sum(sum(rng.choices(g, k=len(g))) / len(g) for g in groups) / len(groups))
    return [math.exp(quantile(means, 0.025)), math.exp(quantile(means, 0.975))]


def ratio(groups):
    """Of groups of differences, one for each problem: the geometric mean and its interval."""
    groups = [g for g in groups if g]
    if not groups:
        return None
    mean = math.exp(sum(sum(g) / len(g) for g in groups) / len(groups))
    return {"ratio": round(mean, 4), "interval": [round(v, 4) for v in interval(groups)],
            "problems": len(groups), "seeds": min(len(g) for g in groups)}


def best_rival(curves, samplers, problem, k):
    """The sampler whose share is least in the geometric mean over its seeds."""
    def mean(sampler):
        runs = curves.get((sampler, problem), {})
        shares = [log_share(problem, s, r[k]) for s, r in runs.items() if k < len(r)]
        return sum(shares) / len(shares) if shares else math.inf
    return min(samplers, key=mean)
