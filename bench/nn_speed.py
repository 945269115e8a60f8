#!/usr/bin/env python3
"""How fast the built-in trainer is beside PyTorch and beside its own matrix products. One JSON line per figure.

    tools/install bench && make build/hone build/bench/bench_nn
    python3 bench/nn_speed.py [ROUNDS]                        # 7

Rivals are the distribution's PyTorch and the newest release, which is installed once into build/.venv-torch. Each
round asks every rival for an epoch and the trainer for three, one after the other, so that all see the same machine;
one thread each, processor time, medians of the rounds' ratios.

  HONE_TORCH    what pip installs there ("torch"). A plain "torch" brings its GPU libraries too, 5 GB; where pip knows an
                index of CPU builds, "torch==2.13.0+cpu" is 1 GB.
  HONE_PYTHONS  instead: the interpreters to compare with, separated by colons
  HONE_BUILD    the build folder (build)

A figure below what was asked for says so in "reached"; the exit status is then 1.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("HONE_BUILD", "build")
HERE = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
STARTS = 20

# What the trainer is asked to reach: the distribution's PyTorch and a newer one, the share of its products' rate.
ASKED = {"mlp": {"old": 1.5, "new": 1.0, "share": 0.75}, "conv": {"old": 2.0, "new": 1.3, "share": 0.5}}
START_MS, MEMORY_MIB = 50, 20

missed = []


def say(what, reached, **figures):
    print(json.dumps({"bench": "nn", "what": what, **figures, "reached": reached}), flush=True)
    if not reached:
        missed.append(what)


# ---- rivals ----

def newest_python():
    """The interpreter that has the newest PyTorch; made on the first call."""
    folder = os.path.join(BUILD, ".venv-torch")
    python = os.path.join(folder, "bin", "python")
    if subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode if os.path.exists(python) else 1:
        print("nn_speed: installing", os.environ.get("HONE_TORCH", "torch"), "into", folder, file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", os.environ.get("HONE_TORCH", "torch"), "numpy"], check=True)
    return python


class Rival:
    """A PyTorch that waits to be asked for an epoch."""

    def __init__(self, python):
        self.process = subprocess.Popen([python, os.path.join(HERE, "nn_torch.py"), "epochs"], env=ENVIRONMENT, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.version = json.loads(self.process.stdout.readline() or '{"torch": null}')["torch"]
        self.age = "old" if self.version and self.version.startswith("1.") else "new"

    def epoch(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["epoch_s"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def rivals():
    listed = os.environ.get("HONE_PYTHONS")
    pythons = listed.split(":") if listed else ["/usr/bin/python3", newest_python()]
    found = []
    for python in pythons:
        rival = Rival(python)
        if rival.version:
            found.append(rival)
        else:
            say(f"{python} has no PyTorch", False)
    return found


# ---- epochs ----

def trainer_epoch(name):
    out = subprocess.run([f"{BUILD}/bench/bench_nn", name, "3"], check=True, stdout=subprocess.PIPE, env=ENVIRONMENT).stdout
    return json.loads(out.splitlines()[-1])


def compare(name, others, rounds):
    ours, theirs = [], {rival.version: [] for rival in others}
    for _ in range(rounds):
        for rival in others:
            theirs[rival.version].append(rival.epoch(name))
        ours.append(trainer_epoch(name))
    asked, seconds = ASKED[name], [line["epoch_s"] for line in ours]
    for rival in others:
        ratio = statistics.median(t / o for t, o in zip(theirs[rival.version], seconds))
        say(f"{name}: times as fast as PyTorch", ratio >= asked[rival.age], torch=rival.version, value=round(ratio, 2),
            asked=asked[rival.age], hone_s=round(statistics.median(seconds), 3),
            torch_s=round(statistics.median(theirs[rival.version]), 3))
    share = statistics.median(line["share"] for line in ours)
    say(f"{name}: rate over that of its products alone", share >= asked["share"], value=share, asked=asked["share"],
        lowest=min(line["share"] for line in ours))
    memory = max(line["rss_beside_data_mb"] for line in ours)
    say(f"{name}: memory beside the data", memory < MEMORY_MIB, value=memory, unit="MiB", asked_below=MEMORY_MIB)


# ---- start ----

def first_report(folder):
    """From the start of `hone train` to its first epoch report: a small made-up table, so that nothing but the start counts."""
    to_slot, from_slot = os.pipe(), os.pipe()
    trainer = {"builtin": "mlp", "data": "spiral:n=100", "layers": ["affine 16", "relu"]}
    job = {"study": "s", "trial": 1, "attempt": 1, "params": {}, "seed": 1, "until": 1, "epochs": 1, "metric": "val_acc",
           "dir": folder, "base": folder, "trainer": trainer}
    environment = dict(ENVIRONMENT, HONE_IN_FD=str(from_slot[0]), HONE_OUT_FD=str(to_slot[1]))
    os.write(from_slot[1], json.dumps({"job": job}).encode() + b"\n")
    start = time.monotonic()
    process = subprocess.Popen([f"{BUILD}/hone", "train"], env=environment, pass_fds=(from_slot[0], to_slot[1]))
    os.close(from_slot[0])
    os.close(to_slot[1])
    with os.fdopen(to_slot[0]) as lines:
        for line in lines:
            if "epoch" in json.loads(line):
                spent = time.monotonic() - start
                os.close(from_slot[1])
                process.wait()
                return spent
    raise SystemExit("nn_speed: hone train ended without a report")


def starts(others):
    with tempfile.TemporaryDirectory() as folder:
        ours = []
        for i in range(STARTS):
            attempt = os.path.join(folder, f"a{i}")
            os.mkdir(attempt)
            ours.append(first_report(attempt) * 1000)
    for rival in others:
        spent = []
        for _ in range(3):
            start = time.monotonic()
            subprocess.run([rival.process.args[0], "-c", "import torch"], check=True, env=ENVIRONMENT)
            spent.append((time.monotonic() - start) * 1000)
        print(json.dumps({"bench": "nn", "what": "start: import torch", "torch": rival.version,
                          "value": round(statistics.median(spent)), "unit": "ms"}))
    middle = statistics.median(ours)
    say("start: to the first report of a small training", middle < START_MS, value=round(middle, 1), unit="ms",
        asked_below=START_MS, highest=round(max(ours), 1))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    others = rivals()
    for name in ASKED:
        compare(name, others, rounds)
    starts(others)
    for rival in others:
        rival.close()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
