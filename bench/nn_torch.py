#!/usr/bin/env python3
"""PyTorch's side of two comparisons with the built-in trainer.

    make build/bench/nn_dump
    python3 bench/nn_torch.py agree     # do they compute the same? every tensor within 1e-5, else exit status 1
    python3 bench/nn_torch.py epochs    # which is faster? answers bench/nn_speed.py, which see

Needs PyTorch; HONE_BUILD names the build folder (build).
"""
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import torch
import torch.nn.functional as F

BUILD = os.environ.get("HONE_BUILD", "build")


# ---- the same network once more, from the list of texts and the flat weights ----

def window(text):
    """'conv 3x2x6 stride 2 pad 1' -> [3, 2, 6], 2, 1"""
    words = text.split()
    sizes = [int(n) for n in words[1].split("x")]
    options = dict(zip(words[2::2], (int(n) for n in words[3::2])))
    return sizes, options


def forward(case, params):
    x = torch.tensor(case["x"]).view(-1, *case["shape"])
    left, masks = list(params), [torch.tensor(m) for m in case.get("masks", [])]
    n = x.shape[0]

    def affine(x, units):
        x = x.reshape(n, -1)
        w, b = left.pop(0), left.pop(0)
        return (x @ w.view(x.shape[1], units) + b).view(n, units, 1, 1)

    for text in case["layers"]:
        kind = text.split()[0]
        if kind == "affine":
            x = affine(x, int(text.split()[1]))
        elif kind == "conv":
            (h, w, filters), options = window(text)
            weight, bias = left.pop(0), left.pop(0)
            x = F.conv2d(x, weight.view(filters, x.shape[1], h, w), bias,
                         stride=options.get("stride", 1), padding=options.get("pad", h // 2))
        elif kind == "pool":
            sizes, options = window(text)
            x = F.max_pool2d(x, sizes[0], options.get("stride", sizes[0]))
        elif kind == "batchnorm":
            gamma, beta = left.pop(0), left.pop(0)
            x = F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
        elif kind == "maxout":
            k = int(text.split()[1])
            x = x.view(n, x.shape[1] // k, k, *x.shape[2:]).max(dim=2).values
        elif kind == "dropout":
            x = x * masks.pop(0).view(x.shape)
        elif kind == "flatten":
            x = x.reshape(n, -1, 1, 1)
        elif kind == "leaky":
            slope = float(text.split()[1]) if " " in text else 0.01
            x = F.leaky_relu(x, slope)
        else:
            x = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[kind](x)
    return affine(x, 5).view(n, 5)


def loss_of(case, scores):
    y = torch.tensor(case["y"])
    if case["loss_kind"] == "softmax":
        return F.cross_entropy(scores, y)
    margins = scores - scores.gather(1, y[:, None]) + 1
    return (margins.clamp(min=0).sum() - len(y)) / len(y)


def leaves(case):
    return [torch.tensor(p).requires_grad_() for p in case["params"]]


# ---- agreement ----

def distance(a, b):
    b = torch.tensor(b)
    scale = b.norm()
    return float((a.detach().reshape(-1) - b).norm() / (scale if scale > 0 else 1))


def gradients(case):
    params = leaves(case)
    scores = forward(case, params)
    loss = loss_of(case, scores)
    loss.backward()
    found = {"scores": distance(scores, case["scores"]), "loss": abs(float(loss) / case["loss"] - 1)}
    largest = max(float(p.grad.norm()) for p in params)
    for i, (p, g) in enumerate(zip(params, case["grads"])):
        if float(p.grad.norm()) > 1e-5 * largest:  # a bias before batchnorm has no gradient but rounding
            found[f"grad {i}"] = distance(p.grad, g)
    return found


def steps(case):
    params, lr, l2 = leaves(case), 0.01, 0.01
    groups = [{"params": params[0::2], "weight_decay": l2}, {"params": params[1::2], "weight_decay": 0}]
    rules = {
        "sgd": lambda: torch.optim.SGD(groups, lr),
        "momentum": lambda: torch.optim.SGD(groups, lr, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD(groups, lr, momentum=0.9, nesterov=True),
        "nesterov_ahead": lambda: torch.optim.SGD(groups, lr, momentum=0.9, nesterov=True),
        "adagrad": lambda: torch.optim.Adagrad(groups, lr, eps=1e-8),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr, alpha=0.9),
        "adam": lambda: torch.optim.Adam(groups, lr),
        "adamw": lambda: torch.optim.AdamW(groups, lr),
    }
    rule = rules[case["rule"]]()
    for _ in range(10):
        rule.zero_grad()
        loss_of(case, forward(case, params)).backward()
        rule.step()
    return {f"params {i}": distance(p, a) for i, (p, a) in enumerate(zip(params, case["after"]))}


def agree():
    worst = 0.0
    for line in subprocess.run([f"{BUILD}/bench/nn_dump"], check=True, stdout=subprocess.PIPE).stdout.splitlines():
        case = json.loads(line)
        found = gradients(case) if case["what"] == "gradients" else steps(case)
        name, value = max(found.items(), key=lambda item: item[1])
        worst = max(worst, value)
        print(json.dumps({"what": case["what"], "rule": case.get("rule"), "layers": len(case["layers"]),
                          "tensors": len(found), "worst": name, "distance": value}))
    print(json.dumps({"torch": torch.__version__, "worst": worst, "agree": worst <= 1e-5}))
    return 0 if worst <= 1e-5 else 1


# ---- speed: bench/nn_speed.py asks for one epoch at a time ----

def mlp():
    net = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128), torch.nn.ReLU(),
                              torch.nn.Linear(128, 10))
    return net, (torch.rand(60000, 784) - 0.5) * 3.46, 128


def conv():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                              torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                              torch.nn.Flatten(), torch.nn.Linear(1568, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    return net, (torch.rand(6000, 1, 28, 28) - 0.5) * 3.46, 64


def epoch(net, x, y, batch, rule):
    start = time.process_time()
    order = torch.randperm(len(x))
    for at in range(0, len(x), batch):
        rows = order[at:at + batch]
        rule.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        rule.step()
    return time.process_time() - start


def epochs():
    """Says its version, then answers each line, "mlp" or "conv", with the processor seconds of one epoch."""
    torch.set_num_threads(1)
    made = {}
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name not in made:
            net, x, batch = {"mlp": mlp, "conv": conv}[name]()
            rule = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
            made[name] = net, x, torch.randint(0, 10, (len(x),)), batch, rule
            epoch(*made[name])  # the first one also fills its caches
        print(json.dumps({"epoch_s": epoch(*made[name])}), flush=True)
    return 0


if __name__ == "__main__":
    commands = {"agree": agree, "epochs": epochs}
    sys.exit(commands[sys.argv[1]]() if len(sys.argv) == 2 and sys.argv[1] in commands else __doc__)
