"""What samplers are raced on: six tables of real trainings and eight functions, for rivals.py and compare.

Every problem is minimised: f(x, seed), x a list with one number per axis. The seed names the instance (where the optimum
lies) of ackley10s and logbowl5*, and the sampler's own seed. ours.c has the same problems; `compare` holds both
against each other on fixed points. Tables (HONE_HPO names their folder) are searched by index.
"""
import functools
import gzip
import math
import os
import struct

MASK = (1 << 64) - 1


def unit(seed, j):
    """splitmix64 of (seed, j) as a number in [0, 1): instances are the same for every sampler."""
    z = (seed * 1000003 + j + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return (z >> 11) / float(1 << 53)


# ---- functions ----

def branin(x, seed):
    a = x[1] - 5.1 / (4 * math.pi**2) * x[0] * x[0] + 5 / math.pi * x[0] - 6
    return a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


HARTMANN_A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
HARTMANN_P = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
              [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
HARTMANN_C = [1.0, 1.2, 3.0, 3.2]


def hartmann6(x, seed):
    return -sum(c * math.exp(-sum(a[j] * (x[j] - 1e-4 * p[j]) ** 2 for j in range(6)))
                for c, a, p in zip(HARTMANN_C, HARTMANN_A, HARTMANN_P))


def rosenlog4(x, seed):
    z = [math.log10(v) for v in x]
    return sum(100 * (z[i + 1] - z[i] ** 2) ** 2 + (1 - z[i]) ** 2 for i in range(3))


def ackley10(x, seed):
    d = len(x)
    return (-20 * math.exp(-0.2 * math.sqrt(sum(v * v for v in x) / d))
            - math.exp(sum(math.cos(2 * math.pi * v) for v in x) / d) + 20 + math.e)


def ackley10s(x, seed):
    return ackley10([x[i] - (unit(seed, 100 + i) - 0.5) * 32.768 for i in range(10)], seed)


def levy8mi(x, seed):
    w = [1 + (v - 1) / 4 for v in x]
    s = math.sin(math.pi * w[0]) ** 2
    s += sum((w[i] - 1) ** 2 * (1 + 10 * math.sin(math.pi * w[i] + 1) ** 2) for i in range(7))
    return s + (w[7] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[7]) ** 2)


def bowl(x, seed, centre):
    return sum(10 ** (2 * unit(seed, 200 + i) - 1) * (math.log10(x[i]) - centre[i]) ** 2 for i in range(3))


def logbowl5(x, seed):
    return bowl(x, seed, [-5.5 + 6 * unit(seed, 300 + i) for i in range(3)])


def logbowl5out(x, seed):
    return bowl(x, seed, [2.0, -7.0, -5.5 + 6 * unit(seed, 302)])


def out_floor(seed):
    """The least that logbowl5out has inside its box, a0 + a1."""
    return sum(10 ** (2 * unit(seed, 200 + i) - 1) for i in range(2))


def real(low, high):
    return ("real", low, high)


def log(low, high):
    return ("log", low, high)


def whole(low, high):
    return ("int", low, high)


def choice(n):
    return ("choice", 0, n - 1)


FUNCTIONS = {
    "branin": (branin, [real(-5, 10), real(0, 15)], 0.39788735772973816),
    "hartmann6": (hartmann6, [real(0, 1)] * 6, -3.322368011391339),
    "rosenlog4": (rosenlog4, [log(1e-3, 1e3)] * 4, 0.0),
    "ackley10": (ackley10, [real(-32.768, 32.768)] * 10, 0.0),
    "ackley10s": (ackley10s, [real(-32.768, 32.768)] * 10, 0.0),
    "levy8mi": (levy8mi, [real(-10, 10)] * 4 + [whole(-10, 10)] * 4, 0.0),
    "logbowl5": (logbowl5, [log(1e-6, 1e1)] * 5, 0.0),
    "logbowl5out": (logbowl5out, [log(1e-6, 1e1)] * 5, 0.0),
}

# ---- tables ----

MLP = [whole(0, 9), whole(0, 9), whole(0, 2), whole(0, 9), whole(0, 9)]
FCNET = [choice(2), choice(2), whole(0, 3), whole(0, 2), whole(0, 2), whole(0, 5), choice(2), whole(0, 5), whole(0, 5)]
TABLES = {name: (MLP, 5, -1) for name in ("car", "phoneme", "vehicle", "segment")}
TABLES.update({name: (FCNET, 4, 1) for name in ("naval_propulsion", "parkinsons_telemonitoring")})


class Table:
    def __init__(self, name):
        self.axes, self.repetitions, sign = TABLES[name]
        folder = os.environ.get("HONE_HPO") or exit("HONE_HPO must name the folder of the tables")
        with gzip.open(os.path.join(folder, name + ".f32.gz")) as f:
            raw = f.read()
        self.each = [sign * v for v in struct.unpack("<%df" % (len(raw) // 4), raw)]
        r = self.repetitions
        self.mean = [sum(self.each[k:k + r]) / r for k in range(0, len(self.each), r)]
        ordered = sorted(self.mean)
        self.best, self.median = ordered[0], ordered[len(ordered) // 2]

    def index(self, x):
        at = 0
        for v, (_, _, high) in zip(x, self.axes):
            at = at * (high + 1) + int(v)
        return at

    def one(self, x, seed, repeat=0):
        """What one training gave: which repetition depends on the configuration, and the next on the repeat."""
        at = self.index(x)
        first = int(unit(seed, 100000 + at) * self.repetitions)
        return self.each[at * self.repetitions + (first + repeat) % self.repetitions]


table = functools.lru_cache(Table)

# ---- either ----

NAMES = list(TABLES) + list(FUNCTIONS)


def axes(name):
    return TABLES[name][0] if name in TABLES else FUNCTIONS[name][1]


def value(name, x, seed):
    return table(name).mean[table(name).index(x)] if name in TABLES else FUNCTIONS[name][0](x, seed)


def best(name):
    return table(name).best if name in TABLES else FUNCTIONS[name][2]


def place(axis, u):
    """The value of one axis at u in [0, 1)."""
    kind, low, high = axis
    if kind == "real":
        return low + u * (high - low)
    if kind == "log":
        return math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
    return low + int(u * (high - low + 1))


@functools.lru_cache(maxsize=None)
def scale(name, seed):
    """The median of random points less the optimum: what a regret is divided by."""
    if name in TABLES:
        return table(name).median - table(name).best
    y = sorted(value(name, [place(a, unit(seed, 1000000 + 100 * k + i)) for i, a in enumerate(axes(name))], seed)
               for k in range(2001))
    return y[1000] - best(name)


def floor(name):
    return 1e-4 if name in TABLES else 1e-6
