#!/usr/bin/env python3
"""A trainer in plain Python that speaks Hone's trainer protocol (proto/TRAINER.md).

It learns to tell the inside of a disc from the outside with one hidden layer and stochastic gradient
descent. What matters for your own trainer is in Hone: where the numbers come from, how an epoch is
reported, how a checkpoint is kept and resumed, and how to stop when asked. The rest is any training.

Without Hone it runs too:  python3 train.py --lr 0.3 --hidden 8
"""
import argparse
import json
import math
import os
import random
import select


class Hone:
    """One trial: what to train, and the two pipes."""

    def __init__(self):
        env = os.environ
        self.params = json.loads(env.get("HONE_PARAMS", "{}"))
        self.seed = int(env.get("HONE_SEED", 1))
        self.until = int(env.get("HONE_UNTIL", 10))      # stop after this epoch
        self.epochs = int(env.get("HONE_EPOCHS", 10))    # length of the whole training, for schedules
        self.trial = int(env.get("HONE_TRIAL", 0))
        self.dir = env.get("HONE_DIR")
        self.resume = env.get("HONE_RESUME")             # a checkpoint to go on from
        self.inside = "HONE_OUT_FD" in env
        self.out = os.fdopen(int(env["HONE_OUT_FD"]), "w") if self.inside else None
        self.heard = b""

    def report(self, epoch, metrics, checkpoint=None):
        """One line per epoch. NaN and infinity are null: JSON has neither."""
        line = {"epoch": epoch}
        line.update((name, value if math.isfinite(value) else None) for name, value in metrics.items())
        if checkpoint:
            line["checkpoint"] = checkpoint
        print(json.dumps(line), file=self.out, flush=True)

    def save(self, epoch, state):
        """Whole and synced before it is reported: a temporary name, fsync, rename."""
        if not self.dir:
            return None
        name = "t%05d.e%03d.json" % (self.trial, epoch)
        path = os.path.join(self.dir, name)
        with open(path + ".tmp", "w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(path + ".tmp", path)
        folder = os.open(self.dir, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return name

    def stopped(self):
        """Was {"stop":...} said? Looked at once per epoch, without waiting."""
        fd = int(os.environ.get("HONE_IN_FD", -1))
        while fd >= 0 and select.select([fd], [], [], 0)[0]:
            chunk = os.read(fd, 65536)
            if not chunk:
                return True                              # the slot is gone
            self.heard += chunk
        lines = self.heard.split(b"\n")
        self.heard = lines.pop()
        return any("stop" in json.loads(line) for line in lines if line.strip())


def samples(count, stream):
    """Points of the plane and whether they lie in the disc. The same ones in every trial."""
    rng = random.Random("disc %s" % stream)
    points = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(count)]
    return [((x, y), math.hypot(x, y) < 0.7) for x, y in points]


def forward(net, point):
    hidden = [math.tanh(w[0] * point[0] + w[1] * point[1] + w[2]) for w in net["in"]]
    z = net["bias"] + sum(v * h for v, h in zip(net["out"], hidden))
    return hidden, 1 / (1 + math.exp(-max(-60.0, min(60.0, z))))


def new_net(hidden, seed):
    rng = random.Random(seed)
    return {"in": [[rng.gauss(0, 2), rng.gauss(0, 2), rng.gauss(0, 1)] for _ in range(hidden)],
            "out": [rng.gauss(0, 0.1) for _ in range(hidden)], "bias": 0.0}


def train_epoch(net, data, lr):
    for point, inside in data:
        hidden, p = forward(net, point)
        slope = lr * (p - inside)
        for i, h in enumerate(hidden):
            back = slope * net["out"][i] * (1 - h * h)
            net["out"][i] -= slope * h
            for j, x in enumerate((point[0], point[1], 1)):
                net["in"][i][j] -= back * x
        net["bias"] -= slope


def measure(net, data):
    loss = right = 0
    for point, inside in data:
        p = forward(net, point)[1]
        loss -= math.log(max(1e-12, p if inside else 1 - p))
        right += (p > 0.5) == inside
    return loss / len(data), right / len(data)


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--lr", type=float, default=0.3)
    args.add_argument("--hidden", type=int, default=8)
    args = args.parse_args()

    hone = Hone()
    train, val = samples(800, "train"), samples(400, "val")
    epoch, net = 0, new_net(args.hidden, hone.seed)
    if hone.resume:
        with open(hone.resume) as file:
            state = json.load(file)
        epoch, net = state["epoch"], state["net"]

    decay = hone.params.get("decay", 0)                  # absent where its "when" does not hold
    while epoch < hone.until and not hone.stopped():
        # Everything random depends on seed and epoch alone: a resumed run gives the same numbers.
        order = random.Random("%d %d" % (hone.seed, epoch)).sample(train, len(train))
        train_epoch(net, order, args.lr * math.exp(-decay * epoch))
        epoch += 1
        loss, acc = measure(net, val)
        hone.report(epoch, {"val_loss": loss, "val_acc": acc}, hone.save(epoch, {"epoch": epoch, "net": net}))


if __name__ == "__main__":
    main()
