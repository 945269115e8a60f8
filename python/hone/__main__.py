"""python -m hone: to and from Optuna."""
import argparse
import json
import os
import sys
from typing import List, Optional

from .from_optuna import from_optuna
from .to_optuna import to_optuna
from .trainer import Error


def main(words: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m hone", description="To and from Optuna. The search itself is `hone`.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    come = verbs.add_parser("from-optuna", help="a study of Optuna's SQLite file, as a study file on standard output")
    come.add_argument("file")
    come.add_argument("--study", help="which, where there are several")
    come.add_argument("--best", type=int, default=10, help="so many of its best points are tried first (10)")
    come.add_argument("--results", metavar="DB", help="put its results into this database, for warm_start")
    go = verbs.add_parser("to-optuna", help="a database of Hone's, for Optuna and optuna-dashboard")
    go.add_argument("db")
    go.add_argument("out")
    go.add_argument("--study", help="this one alone")
    given = parser.parse_args(words)
    try:
        if given.verb == "from-optuna":
            study = from_optuna(given.file, given.study, best=given.best, results=given.results)
            print(json.dumps(study, indent=2))
            print(*("note: " + note for note in study.notes), sep="\n", end="\n" if study.notes else "", file=sys.stderr)
        else:
            print("%d trials in %s; optuna-dashboard sqlite:///%s" % (
                to_optuna(given.db, given.out, given.study), given.out, os.path.basename(given.out)))
    except Error as problem:
        print("python3 -m hone: %s" % problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
