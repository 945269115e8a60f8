#!/usr/bin/env python3
"""What rungs save on real trainings: epochs of MNIST until a search has the best that random search finds with full
trainings, as a share of the epochs that random search pays.

    HONE_MNIST=DIR bench/search/fidelity_mnist.py [SEEDS [TRIALS [EPOCHS]]]     default 5 seeds, 27 trials, 27 epochs

6,000 images train and 1,000 validate a net of 64 hidden units; learning rate, penalty, dropout and batch are searched.
$HONE is the executable (default build/hone). One JSON line per seed and search, then medians. Both searches have the
same seed, so the same points in the same order; the search with rungs may go on beyond random search's trials.
"""
import gzip
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile

PRUNE = {"method": "asha", "eta": 3, "min_epochs": 1}
SPACE = {
    "lr": {"log": [1e-4, 10]},
    "l2": {"log": [1e-7, 1]},
    "dropout": {"uniform": [0, 0.8]},
    "batch": {"values": [16, 32, 64, 128, 256]},
}


def read(folder, name):
    for path, opener in ((name, open), (name + ".gz", gzip.open)):
        full = os.path.join(folder, path)
        if os.path.exists(full):
            with opener(full, "rb") as file:
                return file.read()
    sys.exit(f"fidelity_mnist: there is no {name} in HONE_MNIST")


def cut(data, header, size, count):
    """The first `count` samples of an IDX file whose samples are `size` bytes."""
    return data[:4] + struct.pack(">I", count) + data[8:header] + data[header:header + size * count]


def make_data(source, folder, count):
    for part in ("train", "t10k"):
        most = count if part == "train" else 1000
        for kind, header, size in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            name = f"{part}-{kind}-ubyte"
            with open(os.path.join(folder, name), "wb") as file:
                file.write(cut(read(source, name), header, size, most))


def search(hone, folder, name, seed, trials, epochs, extra):
    study = {
        "study": name,
        "metric": {"name": "val_acc", "goal": "maximize"},
        "trainer": {"builtin": "mlp", "data": "idx:mnist", "val_part": 1 / 7, "seed": 1,
                    "layers": ["affine 64", "relu", "dropout"], "babysit": "off"},
        "space": SPACE,
        "search": {"method": "random", "trials": trials, "epochs": epochs, "seed": seed, "boundary": "off"},
        **extra,
    }
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(study, file)
    database = os.path.join(folder, name + ".db")
    subprocess.run([hone, "run", path, "--db", database, "--workers", "2", "--no-check", "-q"], check=True, cwd=folder,
                   stdout=subprocess.DEVNULL)
    sql = "SELECT count(*) AS epochs, max(value) AS best FROM (SELECT DISTINCT trial, epoch, value FROM epoch)"
    row = json.loads(subprocess.run([hone, "sql", "--db", database, "--json", sql], check=True, cwd=folder,
                                    capture_output=True, text=True).stdout)
    row = row[0] if isinstance(row, list) else row
    return row["epochs"], row["best"]


def main():
    seeds, trials, epochs = (int(sys.argv[i]) if len(sys.argv) > i else (5, 27, 27)[i - 1] for i in (1, 2, 3))
    hone = os.path.abspath(os.environ.get("HONE", "build/hone"))
    source = os.environ.get("HONE_MNIST") or sys.exit("fidelity_mnist: set HONE_MNIST to the folder of MNIST's files")
    ratios = []
    with tempfile.TemporaryDirectory(prefix="hone-bench-") as folder:
        os.mkdir(os.path.join(folder, "mnist"))
        make_data(os.path.abspath(source), os.path.join(folder, "mnist"), 7000)
        for seed in range(1, seeds + 1):
            paid, best = search(hone, folder, f"random{seed}", seed, trials, epochs, {})
            budget = {"prune": PRUNE, "budget": {"target": best, "epochs": paid}}
            spent, found = search(hone, folder, f"asha{seed}", seed, 50 * trials, epochs, budget)
            reached = found >= best
            ratios.append(spent / paid if reached else 1)
            print(json.dumps({"bench": "fidelity_mnist", "seed": seed, "random_epochs": paid, "random_best": best,
                              "asha_epochs": spent, "asha_best": found, "reached": reached,
                              "ratio": round(ratios[-1], 4)}), flush=True)
    print(json.dumps({"bench": "fidelity_mnist", "seeds": seeds, "median_ratio": round(statistics.median(ratios), 4)}))


if __name__ == "__main__":
    main()
