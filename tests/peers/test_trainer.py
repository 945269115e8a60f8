#!/usr/bin/env python3
"""python/hone/trainer.py under the real `hone run`: checkpoints, rungs, stops, ranks, forks, failures. Speaks TAP."""
import glob, json, os, shutil, subprocess, sys
import tap
import hone

HEAD = "import json, os, random, select, sys\nimport hone\n"
# A training whose every number hangs on params, seed and the epochs before it.
LOOP = HEAD + """
trial = hone.trial(defaults={"lr": 0.1, "mode": ""})
net = json.loads(trial.load() or '{"weight": 5.0}')
for epoch in trial.epochs(reseed=True):
    net["weight"] -= trial.params.lr * (net["weight"] + random.gauss(0, 0.1))
    BODY
    trial.save(json.dumps(net).encode())
    trial.report(val_loss=net["weight"] ** 2, weight=net["weight"])
"""


def write(text, name="train.py"):
    with open(name, "w") as file:
        file.write(text)


def search(db="hone.db", check=False, slots=1, **more):
    """A study of train.py with three fixed points, searched."""
    study = hone.Study("s", {"lr": hone.log(0.01, 0.5)}, command=more.pop("command", ["python3", "train.py"]), minimize="val_loss",
                       trials=more.pop("trials", 3), epochs=more.pop("epochs", 5), method="random", seed=1, **more)
    study["trainer"]["seed"] = 7
    return study.run(workers=1, db=db, check=check, slots=slots)


def attempts(found):
    return found.database.sql("SELECT t.number AS trial, a.* FROM attempt a JOIN trial t ON t.id = a.trial ORDER BY t.number, a.attempt")


def numbers(found):
    return [(row["trial"], row["epoch"], row["metric"], row["value"]) for row in found.curves()]


def undisturbed():
    write(LOOP.replace("BODY", ""))
    return search("left-alone.db")


def test_passes_the_checks_and_trains():
    """The gates of Hone itself: a report, the same numbers from the same seed, and from a checkpoint."""
    write(LOOP.replace("BODY", ""))
    found = search(check=True)
    gates = {row["gate"]: row["verdict"] for row in found.database.sql("SELECT gate, verdict FROM study_checks")}
    assert gates == {"G4": "good", "G5": "good", "G6": "good"}, gates
    assert found.progress()["complete"] == 3 and found.progress()["epochs"] == 15
    assert found.best["score"] == min(row["value"] for row in found.curves("val_loss"))


def test_killed_goes_on_to_the_same_numbers():
    """kill -9 of the trainer in its third epoch: the next attempt resumes after the second, and nobody sees a difference."""
    expected = numbers(undisturbed())
    write(LOOP.replace("BODY", "if epoch == 3 and trial.attempt == 1: os.kill(os.getpid(), 9)"))
    found = search("killed.db")
    assert numbers(found) == expected
    assert [(a["attempt"], a["from_epoch"]) for a in attempts(found)] == [(1, 0), (2, 2)] * 3


def test_torn_checkpoint_does_not_count():
    """Killed while it writes: what was reported is whole, and the rest was never named."""
    expected = numbers(undisturbed())
    write(LOOP.replace("BODY", "if epoch == 3 and trial.attempt == 1: trial.save(lambda path: (open(path, 'wb').write(b'{'), os.kill(os.getpid(), 9)))"))
    assert numbers(search("torn.db")) == expected


def test_rungs_pause_and_promote():
    """ASHA: paused at a rung, promoted, resumed from its checkpoint, to the numbers of a training that never paused."""
    write(LOOP.replace("BODY", ""))
    alone = {(t, e, m): v for t, e, m, v in numbers(search("alone.db", trials=9, epochs=9))}
    found = search(trials=9, epochs=9, prune={"method": "asha"})
    assert {key: alone[key] for key in ((t, e, m) for t, e, m, _ in numbers(found))} == {(t, e, m): v for t, e, m, v in numbers(found)}
    resumed = [a["from_epoch"] for a in attempts(found) if a["attempt"] > 1]
    assert resumed and set(resumed) <= {1, 3}, resumed
    assert {a["outcome"] for a in attempts(found)} <= {"finished", "stopped"}
    assert found.progress()["pruned"] and found.progress()["complete"]


def test_stop_in_mid_epoch():
    """Told to stop in its second epoch, it reports that one and ends well: 2 epochs of 5."""
    write(HEAD + """
trial = hone.trial()
for epoch in trial.epochs():
    if trial.number == 2:
        while not os.path.exists("waits"):
            os.sched_yield()
        trial.report(val_loss=0.0)
        continue
    if epoch == 2 and not trial.stopped:                    # the job's own line has been read; the next one is the stop
        open("waits", "w").close()
        select.select([int(os.environ["HONE_IN_FD"])], [], [])
        assert trial.stopped
    trial.report(val_loss=1.0 / epoch)
""")
    found = search(trials=2, slots=2, budget={"target": 0.001})
    rows = {row["trial"]: row for row in found.trials()}
    assert (rows[1]["status"], rows[1]["epochs"], rows[1]["val_loss"]) == ("pruned", 2, 0.5), rows
    assert found.database.sql("SELECT cause FROM trial WHERE number = 1") == [{"cause": "budget"}]
    assert attempts(found)[0]["outcome"] == "stopped", attempts(found)


def test_diverged_and_what_a_metric_may_be():
    write(HEAD + """
class Array:
    def item(self): return 0.5
trial = hone.trial()
for epoch in trial.epochs():
    trial.report({"val-acc": Array()}, val_loss=float("nan") if trial.number == 2 else epoch, count=3, flag=True)
""")
    found = search(trials=2, epochs=2)
    rows = found.database.sql("SELECT number, status, cause FROM trial")
    assert rows == [{"number": 1, "status": "complete", "cause": None}, {"number": 2, "status": "pruned", "cause": "diverged"}]
    assert {(r["metric"], r["value"]) for r in found.curves(trial=1) if r["epoch"] == 1} == {
        ("val-acc", 0.5), ("val_loss", 1.0), ("count", 3.0), ("flag", 1.0)}


def test_failures_have_their_cause():
    write(HEAD + """
with hone.trial() as trial:
    raise {1: KeyError("nix"), 2: MemoryError("4 GB")}.get(trial.number, hone.Error("so"))
""")
    program = [tap.HONE, "run", "-", "--db", "f.db", "--workers", "1", "--no-check", "--quiet", "--dir", "."]
    study = hone.Study("s", {"lr": hone.log(0.01, 1)}, command=["python3", "train.py"], minimize="v", trials=3, max_attempts=1)
    assert subprocess.run(program, input=json.dumps(study).encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 1
    rows = hone.open("f.db").sql("SELECT cause, detail FROM attempt ORDER BY trial")
    assert [r["cause"] for r in rows] == ["error", "oom", "error"], rows
    for row, text in zip(rows, ("KeyError: 'nix'", "MemoryError: 4 GB", "Error: so")):
        assert text in row["detail"], row


def test_mistakes_are_told():
    """Each ends the trial with a sentence that says what to do."""
    write(HEAD + """
trial = hone.trial()
for epoch in trial.epochs():
    {1: lambda: None, 2: lambda: trial.report(), 3: lambda: trial.report(val_loss="low"), 4: lambda: trial.report(epoch=1),
     5: lambda: [trial.report(val_loss=1), trial.report(val_loss=1), trial.report(val_loss=1)],
     6: lambda: trial.save(lambda path: None), 7: lambda: trial.params.dropout, 8: lambda: trial.report({"n%d" % i: i for i in range(65)})}[trial.number]()
""")
    found = search(trials=8, epochs=2, max_attempts=1)  # the fifth had reported all there was to report
    assert [row["trial"] for row in found.trials("complete")] == [5] and found.progress()["failed"] == 7
    told = [row["detail"] for row in hone.open("hone.db").sql("SELECT detail FROM attempt ORDER BY trial")]
    for detail, text in zip(told, ("epoch 1 ended without trial.report", "1 to 64 metrics, not 0", "val_loss='low'", "not a name for a metric",
                                   "epoch 2 is the last", "wrote no file", "no parameter 'dropout'", "1 to 64 metrics, not 65")):
        assert text in detail, (text, detail)


def test_checkpoint_that_nobody_loads():
    write(LOOP.replace("trial.load() or ", "").replace("BODY", "if epoch == 3 and trial.attempt == 1: os.kill(os.getpid(), 9)"))
    tap.raises(hone.Error, lambda: search(trials=1, max_attempts=2))
    assert "load() was not called" in hone.open("hone.db").sql("SELECT detail FROM attempt WHERE attempt = 2")[0]["detail"]


def test_warm():
    """trials(): three trials, one process, each from the start or from its checkpoint."""
    expected = numbers(undisturbed())
    write(LOOP.replace("trial = hone.trial(defaults={\"lr\": 0.1, \"mode\": \"\"})", "for trial in hone.trials():").replace("BODY", "").replace(
        "\nnet", "\n  net").replace("\nfor epoch", "\n  for epoch").replace("\n    ", "\n      ") + "  print('pid', os.getpid())\n")
    found = search("warm.db")
    assert numbers(found) == expected
    logs = subprocess.run(["cat", *glob.glob("warm.db.d/**/log", recursive=True)], stdout=subprocess.PIPE).stdout.split()
    assert len(logs) == 6 and len(set(logs)) == 2, logs  # "pid N" in each


def test_warm_trial_that_fails_fails_alone():
    write(HEAD + """
for trial in hone.trials():
    with trial:
        for epoch in trial.epochs():
            trial.report(val_loss=1 / (trial.number - 2))
""")
    found = search(trials=4, epochs=1, max_attempts=1)
    assert [row["status"] for row in found.trials()] == ["complete", "failed", "complete", "complete"]
    assert "ZeroDivisionError" in hone.open("hone.db").sql("SELECT detail FROM attempt WHERE outcome = 'failed'")[0]["detail"]


def test_helpers_do_not_report():
    """A fork, a pool and a child that begins anew: one report per epoch all the same."""
    write(HEAD + """
import multiprocessing
def help_with(n):
    trial.report(val_loss=99)
    return n
def begin_anew(n):
    mine = hone.trial()
    assert not mine.reports
    for epoch in mine.epochs(): mine.report(val_loss=99)
trial = None
if __name__ == "__main__":
    trial = hone.trial()
    for epoch in trial.epochs():
        for way in ("fork", "spawn"):
            with multiprocessing.get_context(way).Pool(2) as pool:
                pool.map(help_with if way == "fork" else begin_anew, [1, 2, 3])
        pid = os.fork()
        if not pid:
            trial.report(val_loss=99)
            os._exit(0)
        os.waitpid(pid, 0)
        trial.report(val_loss=epoch)
""")
    found = search(trials=1, epochs=2)
    assert [r["value"] for r in found.curves("val_loss")] == [1.0, 2.0]


def test_ranks():
    """A launcher that closes what it does not know: its first rank finds the pipes again, the others keep still."""
    write("""
import os, subprocess, sys
ranks = [subprocess.Popen([sys.executable, "train.py"], start_new_session=True, env=dict(os.environ, RANK=str(n))) for n in range(3)]
sys.exit(max(rank.wait() for rank in ranks))
""", "launch.py")
    write(LOOP.replace("BODY", "open('rank%s.%d' % (os.environ['RANK'], epoch), 'w').close()"))
    found = search(trials=2, command=["python3", "launch.py"])
    assert found.progress()["complete"] == 2 and found.progress()["epochs"] == 10
    assert sorted(glob.glob("rank*.5")) == ["rank0.5", "rank1.5", "rank2.5"]
    write(LOOP.replace("BODY", ""))
    os.environ["SLURM_PROCID"] = "3"  # what started the worker numbers workers, not us
    try:
        assert search("slurm.db", trials=1).progress()["complete"] == 1
    finally:
        del os.environ["SLURM_PROCID"]


def test_ranks_stop_together():
    """What the first rank hears reaches the others by whatever they agree with; torch.distributed by itself."""
    write(HEAD + """
class dist:
    is_available = is_initialized = staticmethod(lambda: True)
    get_world_size = staticmethod(lambda: 2)
    @staticmethod
    def broadcast_object_list(said, src): said[0] = True if trial.epoch == 3 else said[0]
sys.modules["torch"] = type(sys)("torch")
sys.modules["torch"].distributed = dist
trial = hone.trial(rank=1)
assert not trial.reports and list(trial.epochs()) == [1, 2, 3]
trial = hone.trial(rank=1)
assert list(trial.epochs(agree=lambda stop: trial.epoch == 2)) == [1, 2]
""")
    tap.python("train.py")


def test_by_itself():
    write(LOOP.replace("BODY", ""))
    assert tap.python("train.py", "lr=0.5", "epochs=2", "--mine").splitlines()[1].startswith("epoch 2  val_loss ")
    assert len(tap.python("train.py").splitlines()) == 10
    assert tap.python("train.py", "seed=2") != tap.python("train.py", "seed=3")
    assert tap.python("train.py", "mode=007") == tap.python("train.py")
    assert "did you mean 'lr'" in tap.python("train.py", "lrr=1", ok=False)
    assert "lr is a number" in tap.python("train.py", "lr=fast", ok=False)
    assert os.listdir(".") == ["train.py"]


def test_seeds_what_is_there():
    write(HEAD + """
calls = []
for name in ("numpy", "torch"):
    sys.modules[name] = type(sys)(name)
sys.modules["numpy"].random = type(sys)("random")
sys.modules["numpy"].random.seed = sys.modules["torch"].manual_seed = calls.append
assert hone.seed_everything(2**53 - 1) == ("random", "numpy", "torch") and calls == [2**32 - 1] * 2
one = random.random()
hone.seed_everything(hone.trial(), 4), hone.seed_everything(2**53 - 1)
assert random.random() == one and calls[2] == calls[3] != calls[1]
""")
    tap.python("train.py")


def test_one_file():
    """`hone help hone.py` is the trainer's side, and needs nothing beside it."""
    page = subprocess.run([tap.HONE, "help", "hone.py"], stdout=subprocess.PIPE, check=True).stdout
    shutil.copyfile(os.path.join(tap.ROOT, "python", "hone", "trainer.py"), "hone.py")
    with open("hone.py", "rb") as file:
        assert file.read() == page
    write(LOOP.replace("BODY", "assert hone.__file__ == os.path.abspath('hone.py')"))
    assert search().progress()["complete"] == 3


if __name__ == "__main__":
    sys.exit(tap.main(globals()))
