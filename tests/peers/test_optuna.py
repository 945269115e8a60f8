#!/usr/bin/env python3
"""To and from Optuna. With the real optuna where it is installed (tests/all peers brings it): what we export it loads, with
equal trials; what it writes we read. Without it only the way there and back. Speaks TAP."""
import json, math, subprocess, sys, warnings
import tap
import hone

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
except ImportError:
    optuna = None

SPACE = {"lr": hone.log(1e-5, 1), "wd": hone.log(1e-6, 0.1, or_zero=0.3), "n": hone.integer(1, 64, log=True),
         "k": hone.integer(1, 9, step=2), "q": hone.uniform(0, 1, step=0.25), "beta": hone.logit(0.5, 0.999),
         "size": hone.values(16, 32, 100), "opt": hone.choice("sgd", "adam", True, 3),
         "mom": hone.uniform(0, 1, when={"opt": ["sgd"]})}


def real():
    if not optuna:
        raise tap.Skip("no optuna here: pip install optuna, or tests/all peers")
    warnings.simplefilter("ignore")  # it warns of its own experiments
    return optuna


def loss(p, trial):
    if p.n == 1 or p.k == 9:
        raise ValueError("too small")
    for epoch in trial.epochs():
        trial.report(loss=float("nan") if p.lr > 0.5 else p.lr + 1 / epoch, lr=p.lr, train=epoch)


def searched():
    """A search with every distribution, and every way for a trial to end."""
    return hone.minimize(loss, SPACE, trials=60, epochs=9, seed=3, method="random", metric="loss", db="h.db", name="all-kinds",
                         study={"prune": {"method": "asha"}})


def load(path, name):
    return real().load_study(study_name=name, storage="sqlite:///" + path)


def test_export_is_optunas():
    """load_study, trials, best_trial, trials_dataframe, importances: all that a viewer asks for."""
    real()
    found = searched()
    assert hone.to_optuna("h.db", "o.db") == 60
    there = load("o.db", "all-kinds")
    rows, points = found.trials(), found.points()
    assert len(there.trials) == 60 and there.direction.name == "MINIMIZE" and there.metric_names == ["loss"]
    states = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
    assert {row["status"] for row in rows} == set(states)
    for mine, one in zip(rows, there.trials):
        assert one.number == mine["trial"] - 1 and one.state.name == states[mine["status"]]
        assert one.params == points[mine["trial"]] and {k: type(v) for k, v in one.params.items()} == {
            k: type(v) for k, v in points[mine["trial"]].items()}, (one.params, points[mine["trial"]])
        assert all(one.distributions[name]._contains(one.distributions[name].to_internal_repr(value)) for name, value in one.params.items())
        if one.state.name == "COMPLETE":
            one._validate()
            assert one.value == mine["loss"]
        curve = {r["epoch"]: r["value"] for r in found.curves("loss", trial=mine["trial"])}
        assert {step: None if math.isnan(v) else v for step, v in one.intermediate_values.items()} == curve
        if curve and one.state.name == "COMPLETE":
            assert one.user_attrs["metric.lr"] == one.params["lr"] and one.user_attrs["epochs"] == len(curve)
        assert (one.datetime_complete or one.datetime_start) >= one.datetime_start
    complete = [row for row in rows if row["status"] == "complete"]
    assert there.best_trial.number + 1 == min(complete, key=lambda row: row["loss"])["trial"]
    assert optuna.study.get_all_study_names("sqlite:///o.db") == ["all-kinds"]
    try:
        import pandas  # noqa: F401
    except ImportError:
        pass
    else:
        assert len(there.trials_dataframe()) == 60
    there.sampler = optuna.samplers.TPESampler(seed=1)
    there.enqueue_trial({"lr": 0.1})
    there.optimize(lambda trial: trial.suggest_float("lr", 1e-5, 1, log=True), n_trials=2)  # and it can go on
    assert len(there.trials) == 62


def test_export_of_several_metrics():
    real()
    found = hone.minimize(lambda p: {"a": p.x, "b": -p.x, "c": p.x ** 2}, {"x": hone.uniform(-1, 1)}, trials=15, seed=1, db="m.db",
                          metric=[{"name": "a", "goal": "minimize"}, {"name": "b", "goal": "minimize"}, {"name": "c", "goal": "maximize"}])
    hone.to_optuna("m.db", "o.db", study="python")
    there = load("o.db", "python")
    assert [d.name for d in there.directions] == ["MINIMIZE", "MINIMIZE", "MAXIMIZE"] and there.metric_names == ["a", "b", "c"]
    assert [one.values for one in there.trials] == [[row["a"], row["b"], row["c"]] for row in found.trials()]
    assert {t.number + 1 for t in there.best_trials} == {row["trial"] for row in found.front()}


def test_export_while_it_runs():
    """A study that is not over: its trials wait and run there, too."""
    real()
    with hone.Search({"x": hone.uniform(0, 1)}, trials=9, db="r.db", seed=1) as search:
        for trial in search:
            if trial.number == 3:
                assert hone.to_optuna("r.db", "o.db") >= 3
                break
            trial.tell(trial.params.x)
    states = [t.state.name for t in load("o.db", "python").trials]
    assert states[:3] == ["COMPLETE", "COMPLETE", "RUNNING"] and set(states[3:]) <= {"WAITING"}


def test_there_and_back():
    """Out and in again, without optuna: the space, the conditions, the best points."""
    found = searched()
    hone.to_optuna("h.db", "o.db")
    back = hone.from_optuna("o.db", results="known.db")
    space = back["space"]
    assert space["lr"]["log"] == [1e-5, 1] and space["n"] == {"int": [1, 64], "log": True}
    assert space["k"] == {"int": [1, 9], "step": 2} and space["q"] == {"uniform": [0, 1], "step": 0.25}
    assert space["mom"]["when"] == {"opt": ["sgd"]} and set(map(str, space["opt"]["choice"])) == {"sgd", "adam", "True", "3"}
    assert space["size"]["choice"] == [16, 32, 100] and back["metric"]["goal"] == "minimize"
    known = hone.open("known.db").study(back["warm_start"]["study"])
    assert known.score == found.score and known.params == found.params
    with open("train.py", "w") as file:
        file.write("import hone\ntrial = hone.trial()\nfor epoch in trial.epochs(): trial.report(loss=trial.params.lr + 1 / epoch)\n")
    more = hone.run(dict(back, search={"trials": 3, "epochs": 9, "seed": 1}), workers=1, db="next.db")
    assert more.progress()["complete"] == 3
    assert more.database.sql("SELECT count(*) AS n FROM warm")[0]["n"] > 9


def test_import_of_a_real_study():
    o = real()
    there = o.create_study(storage="sqlite:///o.db", study_name="my study/1", direction="maximize", sampler=o.samplers.RandomSampler(seed=1))
    there.set_metric_names(["val acc"])

    def objective(trial):
        x = trial.suggest_float("x", 1e-5, 1, log=True)
        kind = trial.suggest_categorical("kind", ["a", "b", None])
        if kind == "a":
            trial.suggest_float("only a", 0, 1, step=0.25)
            if trial.suggest_int("deep", 1, 3) >= 2:
                trial.suggest_int("deeper", 2, 64, log=True)
        if trial.number % 2:
            trial.suggest_float("odd", 0, 1)
        trial.suggest_categorical("status", [True, False])
        trial.suggest_float("one", 2, 2)
        for step in range(4):
            trial.report(x * (step + 1), step)
            if trial.number % 5 == 4 and step == 1:
                raise o.TrialPruned()
        if trial.number == 7:
            return None
        return x * 4
    there.enqueue_trial({"x": 0.25, "kind": "b"})
    there.optimize(objective, n_trials=60)
    there.enqueue_trial({"x": 0.125, "kind": None})

    study = hone.from_optuna("o.db", trials=12)
    assert study["study"] == "my_study_1" and study["metric"] == {"name": "val_acc", "goal": "maximize", "score": "last"}
    assert study["search"] == {"trials": 12, "epochs": 4}
    assert study["space"] == {
        "x": {"log": [1e-5, 1]}, "kind": study["space"]["kind"], "odd": {"uniform": [0, 1]}, "status_": {"choice": [True, False]},
        "only_a": {"uniform": [0, 1], "step": 0.25, "when": {"kind": ["a"]}},
        "deep": {"int": [1, 3], "when": {"kind": ["a"]}},
        "deeper": {"int": [2, 64], "log": True, "when": {"deep": study["space"]["deeper"]["when"]["deep"]}}}
    assert sorted(study["space"]["kind"]["choice"]) == ["None", "a", "b"] and sorted(study["space"]["deeper"]["when"]["deep"]) == [2, 3]
    assert len(study.notes) == 5 and "odd is absent in 24 of 47" in " ".join(study.notes), study.notes
    assert study["enqueue"][0] == {"x": 0.125, "kind": "None"} and study["enqueue"][1]["x"] == there.best_params["x"]

    known = hone.from_optuna("o.db", results="known.db")
    rows = hone.open("known.db").study(known["warm_start"]["study"]).trials()
    trials = [t for t in there.trials if t.state.name in ("COMPLETE", "PRUNED") and "odd" in t.params]
    assert len(trials) == 29 and "30 lack a parameter and 0 repeat" in known.notes[-1], (len(trials), known.notes)
    assert [(row["x"], row["val_acc"], row["status"], row["epochs"]) for row in rows] == [
        (t.params["x"], t.intermediate_values[max(t.intermediate_values)], t.state.name.lower(), len(t.intermediate_values)) for t in trials]
    with open("s.json", "w") as file:
        json.dump(study, file)
    assert subprocess.run([tap.HONE, "check", "--quick", "s.json"], stdout=subprocess.DEVNULL).returncode == 0


def test_commands():
    hone.minimize(lambda p: p.x, {"x": hone.uniform(0, 1)}, trials=6, db="h.db")
    assert tap.python("-m", "hone", "to-optuna", "h.db", "o.db") == "6 trials in o.db; optuna-dashboard sqlite:///o.db\n"
    study = json.loads(tap.python("-m", "hone", "from-optuna", "o.db", "--best", "2"))
    assert len(study["enqueue"]) == 2 and study["space"] == {"x": {"uniform": [0, 1]}}
    assert json.loads(tap.python("-m", "hone", "from-optuna", "o.db", "--results", "k.db"))["warm_start"]["study"] == "optuna-python"
    assert "is there already" in tap.python("-m", "hone", "to-optuna", "h.db", "o.db", ok=False)
    assert "not a database of Optuna's" in tap.python("-m", "hone", "from-optuna", "h.db", ok=False)
    assert "which study? There are python" in tap.python("-m", "hone", "from-optuna", "o.db", "--study", "x", ok=False)
    assert "no such file" in tap.python("-m", "hone", "from-optuna", "nowhere", ok=False)


if __name__ == "__main__":
    sys.exit(tap.main(globals()))
