#!/usr/bin/env python3
"""hone.open, hone.run and the studies that are written in Python, against the real executable; every snippet of the
documentation; the package as pip installs it. Speaks TAP."""
import doctest, glob, os, re, shutil, signal, sqlite3, subprocess, sys
import tap
import hone
import hone.callbacks, hone.study, hone.trainer

TRAIN = """
import hone
trial = hone.trial()
for epoch in trial.epochs():
    if trial.number == 3 and STOP:
        open("there", "w").close()
        while not trial.stopped: pass
        raise SystemExit(1)
    trial.report(val_acc=trial.params.lr / epoch, loss=epoch)
"""
SPACE = {"lr": hone.log(1e-3, 1), "hidden": hone.integer(1, 9), "deep": hone.choice(True, False, "half"),
         "off": hone.uniform(0, 1, when={"deep": ["half"]})}


def study(trials=6, stop=False, **more):
    with open("train.py", "w") as file:
        file.write(TRAIN.replace("STOP", str(stop)))
    return hone.Study("some-study", SPACE, command=["python3", "train.py"], maximize="val_acc", trials=trials, epochs=2, method="random",
                      seed=4, **more)


def test_what_was_found():
    found = study().run(workers=2, db="a.db")
    rows = found.trials()
    assert [row["trial"] for row in rows] == [1, 2, 3, 4, 5, 6] and found.trials("failed") == []
    assert found.best["score"] == max(row["lr"] for row in rows) == found.score == found.params.lr
    assert [row["rank"] for row in found.top(3)] == [1, 2, 3]
    points = found.points()
    assert {type(point["deep"]) for point in points.values()} == {bool, str} and {type(p.hidden) for p in points.values()} == {int}
    assert all(("off" in point) == (point["deep"] == "half") for point in points.values())
    assert [(r["epoch"], r["value"]) for r in found.curves("loss", trial=2)] == [(1, 1.0), (2, 2.0)] and len(found.curves()) == 24
    assert found.database.studies()[0]["study"] == "some-study" == hone.open("a.db").study().name
    assert found.space()["lr"] == {"log": [0.001, 1]} and found.findings() == []
    assert "6 of 6 trials" in repr(found) and sorted(glob.glob("a.db*")) == ["a.db", "a.db.d"]
    assert study().run(db="a.db").trials() == rows  # the same again: what was found
    assert hone.run(dict(study(), study="other"), db="a.db", workers=1).name == "other"
    assert hone.open("a.db").study("some-study").trials() == rows
    tap.raises(hone.Error, lambda: hone.open("a.db").study("none"), "there are other, some-study")
    try:
        import pandas  # noqa: F401
    except ImportError:
        tap.raises(hone.Error, found.frame, "pip install pandas")
    else:
        assert list(found.frame()["lr"]) == [row["lr"] for row in rows]


def test_while_a_master_writes():
    """Read in mid-search, again and again, until the third trial is under way; then told to stop by ^C."""
    definition = study(stop=True)
    definition.write("study.json")
    master = subprocess.Popen([tap.HONE, "run", "study.json", "--db", "b.db", "--workers", "1", "--no-check", "--quiet"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not os.path.exists("there"):
        os.sched_yield()
    found = hone.open("b.db").study()
    at = found.progress()
    assert (at["running"], at["complete"]) == (1, 2) and len(found.curves("val_acc")) == 4 and found.best["score"] > 0
    assert found.database._stamp()[0]  # it was the log that was read
    master.send_signal(signal.SIGINT)
    master.wait()
    assert found.progress()["running"] == 0 and not found.database._stamp()[0]


def test_interrupted_run():
    """^C in Python: hone stops cleanly, and what is there is returned."""
    script = "import hone, json; f = hone.run('study.json', workers=1, db='c.db', check=False); print(f.interrupted, f.progress()['complete'])"
    study(stop=True).write("study.json")
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, universal_newlines=True)
    while not os.path.exists("there"):
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "True 2\n"


def test_refuses_other_databases():
    study(trials=1).run(workers=1, db="d.db", check=False)
    for version, words in ((2, "bring it up to date"), (99, "pip install")):
        with sqlite3.connect("d.db") as db:
            db.execute("PRAGMA user_version = %d" % version)
        db.close()
        tap.raises(hone.Error, lambda: hone.open("d.db"), "version %d" % version, words)
    with sqlite3.connect("other.db") as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    tap.raises(hone.Error, lambda: hone.open("other.db"), "not one of Hone's")
    with open("text", "w") as file:
        file.write("not a database, and long enough to be looked at")
    tap.raises(hone.Error, lambda: hone.open("text"), "not a database")
    tap.raises(hone.Error, lambda: hone.open("nowhere.db"), "no such file")


def test_studies_that_are_refused():
    tap.raises(hone.Error, lambda: hone.Study("s", {}, minimize="a", maximize="b"), "minimize=NAME or maximize=NAME")
    tap.raises(hone.Error, lambda: hone.run({"study": "s"}), "hone run ended with status 2", "metric")
    tap.raises(hone.Error, lambda: hone.run("nowhere.json"), "nowhere.json")


def test_callbacks():
    """What a framework calls, in its order, on a trial outside of Hone."""
    class Said(hone.Trial):
        def __init__(self):
            super().__init__({"params": {}, "seed": 1, "until": 3, "epochs": 3}, None, False)
            self.said, self.end = [], False

        def report(self, metrics=None, /, **named):
            self.said.append(dict(metrics or {}, **named))
            self.epoch += 1
        stopped = property(lambda self: self.end)

    class Bag:
        def __init__(self, **of):
            self.__dict__.update(of)
    trial, model = Said(), Bag(stop_training=False)
    callback = hone.callbacks.KerasCallback(trial)
    callback.set_model(model), callback.set_params({}), callback.on_train_begin(), callback.on_batch_end(1, logs=None)
    callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    assert trial.said == [{"loss": 1.0, "val_loss": 2.0}] and not model.stop_training
    trial.end = True
    callback.on_epoch_end(1, {"loss": 0.5})
    assert model.stop_training

    trial, trainer = Said(), Bag(sanity_checking=True, callback_metrics={"val_loss": 1.5}, should_stop=False)
    callback = hone.callbacks.LightningCallback(trial)
    callback.setup(trainer, None, stage="fit"), callback.on_validation_end(trainer, None)
    assert trial.said == []  # the look before the first epoch is none
    trainer.sanity_checking = False
    callback.on_train_epoch_end(trainer, None)
    assert trial.said == [{"val_loss": 1.5}] and not trainer.should_stop
    for _ in range(2):
        callback.on_train_epoch_end(trainer, None)
    assert trainer.should_stop  # the last epoch of the job

    trial, control = Said(), Bag(should_training_stop=False)
    callback = hone.callbacks.TransformersCallback(trial)
    callback.on_init_end(None, None, control)
    callback.on_evaluate(None, None, control, metrics={"eval_loss": 0.5, "epoch": 1.0})
    assert trial.said == [{"eval_loss": 0.5}] and not control.should_training_stop
    trial.end = True
    callback.on_evaluate(None, None, control, metrics={"eval_loss": 0.25})
    assert control.should_training_stop


def test_snippets():
    """README.md of the library, of the house, and docs/coming-from.md: each Python block that imports hone runs, trainers
    under `hone run` and by themselves, and what reads a database after what makes it."""
    blocks = []
    for page in ("python/README.md", "README.md", "docs/coming-from.md"):
        with open(os.path.join(tap.ROOT, page)) as file:
            blocks += [block for block in re.findall(r"^```python\n(.*?)^```$", file.read(), re.M | re.S) if "import hone\n" in block]
    trainers = [block for block in blocks if "hone.trial(" in block]
    searches = [block for block in blocks if block not in trainers]
    assert len(trainers) == 2 and len(searches) == 8, (len(trainers), len(searches))
    for block in reversed(trainers):  # the first one stays, for the studies of the page
        with open("train.py", "w") as file:
            file.write("train_one_epoch = lambda params: params['lr']\n" * ("train_one_epoch" in block) + block)
        shown = tap.python("train.py", "lr=0.3", "epochs=2")
        said = tap.python("train.py", "lr=0.3").splitlines()
        assert len(said) == 10 and said[9].startswith("epoch 10  val_loss "), said
        assert hone.run(dict(hone.Study("try", {"lr": hone.log(0.01, 0.3)}, command=["python3", "train.py"], minimize="val_loss", trials=2,
                                        epochs=2)), workers=1, fresh=True).progress()["complete"] == 2
    with open(os.path.join(tap.ROOT, "python/README.md")) as file:
        assert "$ python3 train.py lr=0.3 epochs=2\n" + shown + "```" in file.read(), shown
    for block in sorted(searches, key=lambda block: "hone.open(" in block):
        tap.python("-c", block)


def test_docstrings():
    for module in (hone.trainer, hone.study):
        assert doctest.testmod(module).failed == 0
    for path in glob.glob(os.path.join(tap.ROOT, "python", "hone", "*.py")):
        with open(path) as file:
            text = file.read()
        compile(text, path, "exec", dont_inherit=True)
        assert text.startswith('"""') and max(map(len, text.splitlines())) <= 130, path


def test_installed_by_pip():
    """pip install ./python into an empty place: the version of the house, and the same library."""
    shutil.copytree(os.path.join(tap.ROOT, "python"), "python", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", "here", "./python"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, env=dict(os.environ, PYTHONWARNINGS=""))
    if pip.returncode and re.search("No module named pip|setuptools|connection", pip.stdout):
        raise tap.Skip("pip cannot build here: " + pip.stdout.splitlines()[-1])
    assert pip.returncode == 0, pip.stdout
    with open(os.path.join(tap.ROOT, "VERSION")) as file:
        version = file.read().strip()
    assert os.path.isdir("here/hone-%s.dist-info" % version), os.listdir("here")
    said = tap.python("-c", "import hone; print(hone.__file__); print(hone.minimize(lambda p: p.x, {'x': hone.uniform(0, 1)}, 3).score)",
                      env=dict(os.environ, PYTHONPATH="here"))
    assert "here/hone" in said


if __name__ == "__main__":
    sys.exit(tap.main(globals()))
