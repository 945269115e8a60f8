"""Ask and tell: the executable proposes, keeps and prunes; Python evaluates. What hone.minimize stands on.

Behind it is `hone run` with one slot for each evaluator. A slot's trainer is relay.py, which hands its two pipes over to
us: from there on we are the warm trainer, and a trial costs a line each way. The first relay that connects is the first
evaluator's, and so on; an evaluator whose slot is gone takes the next one.
"""
import array
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import weakref
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Union

from .results import Database, Results
from .study import executable
from .trainer import Error, Trial, _Pipes, _serve

__all__ = ["Asked", "Search"]

PR_SET_PDEATHSIG = 1
RELAY = ["python3", "-IS", "relay.py"]


class Asked(Trial):
    """A trial of a Search: evaluate its params, and tell."""

    def tell(self, value: Union[float, Mapping[str, Any]]) -> None:
        """Its score; or {name: value} where the study has several metrics. NaN: diverged, the worst there is."""
        if value is None:
            raise Error("the value of this trial is None: return (or tell) a number; float('nan') says that it diverged")
        self.report(value if isinstance(value, Mapping) else {str(self.metric): value})


class Search:
    """Ask and tell: iterate over it for trials, tell each its value. Ends what it started at the end of its `with`.

        with hone.Search({"x": hone.uniform(-5, 5)}, trials=20, seed=1) as search:
            for trial in search:
                trial.tell((trial.params.x - 2) ** 2)
        search.results.best

    A trial that was told nothing when the next one is asked for has failed. Arguments as of minimize().
    """

    def __init__(self, space: Mapping[str, Any], trials: int = 100, *, goal: str = "minimize", metric: Any = "value",
                 seed: Optional[int] = None, method: str = "auto", epochs: int = 1, workers: int = 1, name: str = "python",
                 db: Optional[str] = None, enqueue: Sequence[Mapping[str, Any]] = (), study: Optional[Mapping[str, Any]] = None,
                 quiet: bool = True) -> None:
        more = dict(study or {})
        self.workers, self.name, self.quiet = workers, name, quiet
        search: Dict[str, Any] = {"method": method, "trials": trials, "epochs": epochs, "parallel": workers, "boundary": "off"}
        if seed is not None:
            search["seed"] = seed
        self.definition = {
            "study": name, "metric": {"name": metric, "goal": goal} if isinstance(metric, str) else metric,
            "trainer": dict({"command": RELAY}, **({} if seed is None else {"seed": seed})), "space": dict(space),
            "max_attempts": 1,
            **({"enqueue": list(enqueue)} if enqueue else {}), **more, "search": dict(search, **more.get("search", {}))}
        self._kept = db is not None
        folder = os.path.dirname(os.path.abspath(db)) if db is not None else tempfile.mkdtemp(prefix="hone-")
        self.db = os.path.abspath(db) if db is not None else os.path.join(folder, "hone.db")
        if not self._kept:
            self._end_of_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._process: Optional["subprocess.Popen[bytes]"] = None

    # ---- beginning and end ----

    def __enter__(self) -> "Search":
        program = executable()
        folder = self.db + ".d/python"
        os.makedirs(folder, exist_ok=True)
        shutil.copyfile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay.py"), os.path.join(folder, "relay.py"))
        with open(os.path.join(folder, "study.json"), "w") as file:
            json.dump(self.definition, file)
        self._listener = _listen(folder)
        self._log = tempfile.TemporaryFile("w+")
        words = [program, "run", os.path.join(folder, "study.json"), "--db", self.db, "--workers", "1",
                 "--slots", str(self.workers), "--no-check", "--json"] + (["--quiet"] if self.quiet else [])
        prctl = ctypes.CDLL(None).prctl
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._log if self.quiet else None,
            start_new_session=True, preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM))  # when we are killed
        self._watch: Optional[threading.Thread] = None
        return self

    def watch(self) -> None:
        """When hone ends, nobody waits for a slot any more. A thread: begun only after evaluators were forked."""
        def look() -> None:
            self._process.wait()  # type: ignore[union-attr]
            self._listener.shutdown(socket.SHUT_RDWR)
        self._watch = threading.Thread(target=look, daemon=True)
        self._watch.start()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the search as ^C does: cleanly, and resumably where there is a db."""
        if self.is_running():
            self._process.send_signal(signal.SIGINT)  # type: ignore[union-attr]

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> None:
        self.stop()
        self._process.wait()  # type: ignore[union-attr]
        if self._watch:
            self._watch.join()
        self._listener.close()
        with self._log as log:
            log.seek(0)
            self._complaint = log.read().strip()
        code = self._process.returncode  # type: ignore[union-attr]
        if code in (2, 3) and kind is None:
            raise Error(self._complaint or "hone run ended with status %d" % code)

    # ---- trials ----

    def __iter__(self) -> Iterator[Asked]:
        if self._process is None:
            raise Error("a Search begins with its `with`: with hone.Search(…) as search: for trial in search: …")
        if self._watch is None:
            self.watch()
        return self.slots()

    def slots(self) -> Iterator[Asked]:
        """Trials for one evaluator: of one slot after the other."""
        while True:
            try:
                control = self._listener.accept()[0]
            except OSError:
                return
            with control, _taken(control) as pipes:
                if pipes is None:
                    continue
                try:
                    yield from _told(_serve(pipes, kind=Asked))
                finally:
                    with contextlib.suppress(OSError):
                        control.send(b"b")

    def last_failure(self) -> str:
        """What the function raised last, as far as anybody could tell."""
        rows = Database(self.db).sql(
            "SELECT detail FROM attempt WHERE outcome = 'failed' ORDER BY cause <> 'error', ended_ms DESC")
        return rows[0]["detail"] if rows else "no reason is known"

    @property
    def results(self) -> Results:
        """What is known so far. Without a db of yours it lives as long as this object, or the Results, do."""
        found = Database(self.db).study(self.name)
        found._owner = self  # type: ignore[attr-defined]
        return found


def _told(trials: Iterator[Trial]) -> Iterator[Any]:
    for trial in trials:
        began = trial.epoch
        yield trial
        if trial.epoch == began and not trial._failed:
            trial.failed("nothing was told about this trial")


def _listen(folder: str) -> socket.socket:
    """A Unix socket's path has 108 bytes, and a folder's name may have more: it is reached by its descriptor."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, "relay.sock"))
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("/proc/self/fd/%d/relay.sock" % at)
        listener.listen(128)
        return listener
    finally:
        os.close(at)


@contextlib.contextmanager
def _taken(control: socket.socket) -> Iterator[Optional[_Pipes]]:
    """The two descriptors a relay sends, closed at the end; None where the relay was ended first."""
    fds = array.array("i")
    _, extra, _, _ = control.recvmsg(1, socket.CMSG_LEN(2 * fds.itemsize))
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[:2 * fds.itemsize])
    try:
        yield _Pipes(*fds) if len(fds) == 2 else None
    finally:
        for fd in fds:
            os.close(fd)
