#!/usr/bin/env python3
"""hone.minimize and hone.Search over the real executable: seeds, failures, workers, ends of every kind. Speaks TAP."""
import os, signal, subprocess, sys, threading
import tap
import hone

SPACE = {"x": hone.uniform(-5, 5), "y": hone.log(1e-3, 10)}


def bowl(p):
    return (p.x - 2) ** 2 + p["y"]


def points(found):
    return [(row["x"], row["y"], row["value"]) for row in found.trials()]


def picky(p):
    if p.x < 0:
        raise ValueError("x is %g" % p.x)
    return p.x


def test_finds_the_bottom():
    found = hone.minimize(bowl, SPACE, trials=40, seed=1)
    assert found.progress()["complete"] == 40 and not found.interrupted
    assert abs(found.params.x - 2) < 0.1 and found.score == bowl(found.params) == min(value for _, _, value in points(found))
    assert all(-5 <= x <= 5 and 1e-3 <= y <= 10 for x, y, _ in points(found))
    assert hone.maximize(bowl, SPACE, trials=30, seed=1).score > 40


def test_seed_gives_the_same_again():
    for method in ("auto", "tpe", "cma-es", "random"):
        one, two = (points(hone.minimize(bowl, SPACE, trials=25, seed=5, method=method)) for _ in range(2))
        assert one == two, method
    assert one != points(hone.minimize(bowl, SPACE, trials=25, seed=6, method=method))


def test_exceptions_fail_their_trial():
    for more in ({}, {"workers": 3}, {"workers": 3, "threads": True}):
        found = hone.minimize(picky, SPACE, trials=30, method="random", seed=3, **more)
        assert {row["status"]: row["x"] < 0 for row in found.trials()} == {"failed": True, "complete": False}, more
        text = found.database.sql("SELECT detail FROM attempt WHERE outcome = 'failed' LIMIT 1")[0]["detail"]
        assert text.startswith("ValueError: x is -"), text


def test_broken_function_is_raised():
    def broken(p):
        raise KeyError("nix")
    for more in ({}, {"workers": 2}, {"workers": 2, "threads": True}):
        tap.raises(hone.Error, lambda: hone.minimize(broken, SPACE, trials=50, **more), "first 10 trials", "KeyError: 'nix'")
    tap.raises(hone.Error, lambda: hone.minimize(lambda p: None, SPACE), "is None: return")
    tap.raises(hone.Error, lambda: hone.minimize(lambda p: "low", SPACE), "value='low'")


def test_workers_are_processes():
    pids = hone.minimize(lambda p: {"value": p.x, "pid": os.getpid()}, SPACE, trials=40, method="random", workers=2).curves("pid")
    assert len({row["value"] for row in pids}) == 2 and os.getpid() not in {row["value"] for row in pids}


def test_worker_that_dies_has_failed_its_trial():
    def deadly(p):
        if p.x > 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return p.x
    found = hone.minimize(deadly, SPACE, trials=20, method="random", seed=3, workers=2)
    assert {row["status"]: row["x"] > 0 for row in found.trials()} == {"failed": True, "complete": False}


def test_interrupted_keeps_what_is_there():
    calls = []

    def interrupt(p):
        calls.append(p)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return p.x
    found = hone.minimize(interrupt, SPACE, trials=20, method="random", db="kept.db")
    assert found.interrupted and found.progress()["complete"] == 4
    again = hone.minimize(bowl, SPACE, trials=20, method="random", db="kept.db")
    assert not again.interrupted and again.progress()["complete"] == 20 and len(calls) == 5


def test_interrupted_with_workers():
    def wait(p):
        if os.path.exists("third"):
            signal.pause()
        open("third" if os.path.exists("second") else "second", "w").close()
        return p.x
    watch = threading.Thread(target=lambda: [os.sched_yield() for _ in iter(lambda: os.path.exists("third"), True)] + [
        os.kill(os.getpid(), signal.SIGINT)])
    watch.start()
    found = hone.minimize(wait, SPACE, trials=20, workers=2, threads=False)
    watch.join()
    assert found.interrupted and 1 <= found.progress()["complete"] <= 4, found.progress()


def test_killed_takes_everything_along():
    """kill -9 of the Python process: no hone, no relay stays; and its database goes on, with nothing failed."""
    with open("killed.py", "w") as file:
        file.write("import os, hone\nn = []\n"
                   "f = lambda p: n.append(p) or (os.kill(os.getpid(), 9) if len(n) == 7 and not os.path.exists('again') else p.x)\n"
                   "print(hone.minimize(f, {'x': hone.uniform(0, 1)}, trials=12, method='random', db='k.db').progress())\n")
    assert subprocess.run([sys.executable, "killed.py"], stdout=subprocess.DEVNULL).returncode == -9
    open("again", "w").close()
    subprocess.run(["flock", "k.db.lock", "true"])  # held by the master until it has gone
    said = tap.python("killed.py")
    assert "'complete': 12" in said and "'failed': 0" in said, said


def test_epochs_and_rungs():
    def train(p, trial):
        for epoch in trial.epochs():
            trial.report(value=p.x + 1 / epoch, epoch_seen=epoch)
    found = hone.minimize(train, SPACE, trials=27, epochs=9, seed=1, study={"prune": {"method": "asha"}})
    at = found.progress()
    assert at["pruned"] and at["complete"] and at["pruned"] + at["complete"] == 27 and at["epochs"] < 27 * 9


def test_several_metrics_conditions_and_points_to_try():
    space = dict(SPACE, kind=hone.choice("a", "b"), only_a=hone.integer(1, 9, when={"kind": "a"}))
    found = hone.minimize(lambda p: {"one": p.x, "two": -p.x + p.get("only_a", 0)}, space, trials=20, enqueue=[{"x": -5, "kind": "a"}],
                          metric=[{"name": "one", "goal": "minimize"}, {"name": "two", "goal": "minimize"}])
    rows = found.trials()
    assert (rows[0]["x"], rows[0]["kind"]) == (-5, "a") and all((row["only_a"] is None) == (row["kind"] == "b") for row in rows)
    assert found.front() and set(found.front()[0]["metrics"]) == {"one", "two"}


def test_ask_and_tell():
    with hone.Search(SPACE, trials=20, seed=1) as search:
        for trial in search:
            if trial.number != 3:
                trial.tell(bowl(trial.params))
            if trial.number == 8:
                break
    at = search.results.progress()
    assert (at["complete"], at["failed"]) == (7, 1), at
    tap.raises(hone.Error, lambda: next(iter(hone.Search(SPACE))), "with hone.Search")


def test_nothing_is_left():
    """Temporary databases go with their results; threads, processes and descriptors with the call."""
    count = len(os.listdir("/proc/self/fd"))
    found = hone.minimize(bowl, SPACE, trials=3, workers=2)
    folder = os.path.dirname(found.database.path)
    assert os.path.isdir(folder) and len(os.listdir("/proc/self/fd")) == count and threading.active_count() == 1
    del found
    assert not os.path.exists(folder)


def test_mistakes_are_told():
    tap.raises(hone.Error, lambda: hone.minimize(bowl, {"x": hone.log(0, 1)}), "space.x.log[0]: must be > 0", "hint")
    tap.raises(hone.Error, lambda: hone.minimize(bowl, SPACE, trials=5, db="a.db") and hone.minimize(bowl, SPACE, trials=6, db="a.db"),
               "search.trials: differs")
    os.environ["HONE"] = "nowhere"
    try:
        tap.raises(hone.Error, lambda: hone.minimize(bowl, SPACE), "not an executable")
    finally:
        os.environ["HONE"] = tap.HONE


if __name__ == "__main__":
    sys.exit(tap.main(globals()))
