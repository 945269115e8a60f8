"""Hone for Python: the trainer's side, the asking side and the defining side. README.md shows each in a few lines.

`hone/trainer.py` alone, copied as hone.py (`hone help hone.py > hone.py`), is the trainer's side in one file.
"""
from .from_optuna import from_optuna
from .function import maximize, minimize
from .results import Database, Results
from .results import connect as open
from .search import Search
from .study import Study, choice, executable, integer, log, logit, run, uniform, values
from .to_optuna import to_optuna
from .trainer import Error, Params, Trial, seed_everything, trial, trials

__all__ = [
    "Database", "Error", "Params", "Results", "Search", "Study", "Trial", "choice", "executable", "from_optuna", "integer",
    "log", "logit", "maximize", "minimize", "run", "seed_everything", "to_optuna", "trial", "trials", "uniform", "values"]
