"""hone: what a training program needs to be searched by Hone. One file, Python 3.8 and nothing else.

    import hone

    trial = hone.trial(defaults={"lr": 0.1, "hidden": 32})
    net = Net(trial.params.hidden)
    trial.load(net.read)                                    # a checkpoint, where there is one
    for epoch in trial.epochs():
        loss, acc = train_one_epoch(net, trial.params.lr)   # yours
        trial.save(net.write)                               # before report(): whole and synced when it is told
        trial.report(val_acc=acc, train_loss=loss)

Under `hone run` this speaks the trainer protocol (`hone help trainer`). By itself, `python3 train.py lr=0.03 epochs=3`, it
takes the defaults and prints its reports. Standard output and error stay yours; threads, pools and data loaders that you
start do not report, and of several ranks (torchrun, mpirun) only the first does.
"""
import difflib
import hashlib
import json
import math
import os
import random
import re
import select
import shutil
import stat
import sys
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Type, Union

__all__ = ["Error", "Params", "Trial", "seed_everything", "trial", "trials"]

LINE_MAX = 65536  # bytes of a line, proto/TRAINER.md 1
METRICS_MAX = 64
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")
RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")


class Error(RuntimeError):
    """What went wrong, where, and what to do instead."""


class Params(Dict[str, Any]):
    """The point of a trial: a dict whose names are attributes too.

    >>> p = Params(lr=0.1, momentum=0.9)
    >>> p.lr, p["momentum"], p.get("l2", 0)
    (0.1, 0.9, 0)
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError("there is no parameter %r here, only %s. One that is off (\"when\") has no value: "
                                 "params.get(%r, …), or defaults= of trial(); outside of Hone: %s=VALUE on the command line"
                                 % (name, ", ".join(sorted(self)) or "none", name, name)) from None


# ---- the two pipes ----

class _Pipes:
    """Lines of JSON to and from the slot. Nobody there any more (a broken pipe, the end of input) is `gone`."""

    def __init__(self, reads: int, writes: int) -> None:
        self.reads, self.writes, self.begun, self.gone = reads, writes, b"", False
        self.jobs, self.stop = [], ""  # type: List[Dict[str, Any]], str

    def say(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, allow_nan=False).encode() + b"\n"
        if len(line) > LINE_MAX:
            raise Error("a report of %d bytes: at most %d are taken; report fewer or shorter metrics" % (len(line), LINE_MAX))
        try:
            while line:
                line = line[os.write(self.writes, line):]
        except BrokenPipeError:
            self.gone = True

    def hear(self, wait_ms: Optional[int] = 0) -> None:
        """What has arrived: jobs to come, and the newest job's stop. Waits so long for the first word; None: for ever."""
        poll = select.poll()
        poll.register(self.reads, select.POLLIN)
        while not self.gone and poll.poll(wait_ms):
            chunk = os.read(self.reads, LINE_MAX)
            self.gone = not chunk
            *lines, self.begun = (self.begun + chunk).split(b"\n")
            for message in (json.loads(line) for line in lines if line.strip()):
                self.stop = message.get("stop", "")
                self.jobs += [message["job"]] if "job" in message else []
            wait_ms = 0

    def next_job(self) -> Optional[Dict[str, Any]]:
        while not self.jobs and not self.gone:
            self.hear(None)
        return self.jobs.pop(0) if self.jobs else None


def _environment(pid: int) -> Dict[str, str]:
    with open("/proc/%d/environ" % pid, "rb") as file:
        entries = file.read().decode(errors="surrogateescape").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _started_by_hone() -> Tuple[int, Dict[str, str]]:
    """The process that the slot started and its environment: the outermost ancestor that has our pipes in it, or we."""
    pid, env = os.getpid(), dict(os.environ)
    while True:
        try:
            with open("/proc/%d/stat" % pid) as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            above = _environment(parent)
        except (OSError, ValueError):
            return pid, env
        if any(above.get(name) != os.environ.get(name) for name in ("HONE_OUT_FD", "HONE_IN_FD", "HONE_DIR")):
            return pid, env
        pid, env = parent, above


def _is_child_of_pool() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _rank(started: Mapping[str, str]) -> int:
    """Ours among the ranks that a launcher between Hone and us has started; what Hone's own launcher said is not that."""
    for name in RANKS:
        if os.environ.get(name, "").isdigit() and started.get(name) != os.environ[name]:
            return int(os.environ[name])
    return 0


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def _open_pipes(pid: int) -> _Pipes:
    """A launcher closes what it does not know (torchrun does): then its own ends are opened once more."""
    fds = [int(os.environ["HONE_IN_FD"]), int(os.environ["HONE_OUT_FD"])]
    if pid != os.getpid():
        try:
            fds = [os.open("/proc/%d/fd/%d" % (pid, fd), mode | os.O_NONBLOCK)
                   for fd, mode in zip(fds, (os.O_RDONLY, os.O_WRONLY))]
            for fd in fds:
                os.set_blocking(fd, True)
        except OSError:
            pass
    if not all(map(_is_pipe, fds)):
        raise Error("the pipes to Hone (HONE_IN_FD, HONE_OUT_FD) are closed here: whoever started this program closed them. "
                    "Start it directly, or with subprocess.Popen(…, close_fds=False)")
    return _Pipes(*fds)


# ---- a trial ----

class Trial:
    """One training: what to train, until when, and whom to tell. Made by trial() or trials()."""

    def __init__(self, job: Mapping[str, Any], pipes: Optional[_Pipes], reports: bool,
                 defaults: Optional[Mapping[str, Any]] = None) -> None:
        resume = job.get("resume") or {}
        self.point = Params(job["params"])  #: what the study says, and nothing else
        self.params = Params(defaults or {}, **job["params"])  #: the same, and your defaults for what it leaves open
        self.seed = int(job["seed"])  #: the only source of randomness a trainer may use
        self.until = int(job["until"])  #: stop after this epoch
        self.length = int(job["epochs"])  #: epochs of the whole training: what schedules count in
        self.study, self.metric = job.get("study"), job.get("metric")
        self.number, self.attempt = int(job.get("trial", 0)), int(job.get("attempt", 0))
        self.dir, self.base = job.get("dir"), job.get("base")
        self.resume = resume.get("path")  #: the checkpoint to go on from, or None
        self.epoch = int(resume.get("epoch", 0))  #: how many epochs are done and reported
        self.reports = reports  #: False in processes that only help: other ranks, pools, data loaders
        self._pipes, self._pid = pipes, os.getpid()
        self._loaded = self._failed = self._noted_metric = False
        self._saved, self._findings = None, []  # type: Optional[str], List[Dict[str, str]]

    def __repr__(self) -> str:
        return "<hone.Trial %s/%d %s>" % (self.study or "by itself", self.number, dict(self.params))

    @property
    def inside(self) -> bool:
        """Was this started by Hone?"""
        return self.dir is not None

    @property
    def stopped(self) -> bool:
        """Has Hone asked for an end? Looked at without waiting; epochs() does it for you between epochs."""
        return bool(self._heard())

    def _heard(self) -> str:
        """"epoch": after this one. "now": what is newest counts. Nobody there any more is "now"."""
        if not (self._pipes and self._is_ours()):
            return ""
        self._pipes.hear()
        return "now" if self._pipes.gone else self._pipes.stop

    def _is_ours(self) -> bool:
        return self.reports and os.getpid() == self._pid

    def epochs(self, reseed: bool = False, agree: Optional[Callable[[bool], bool]] = None) -> Iterator[int]:
        """The epochs to train, from the one after the checkpoint. Ends where Hone says so: at a rung, when it is stopped.

        With reseed every epoch begins with seed_everything(trial, epoch): a training that goes on from a checkpoint then
        draws what one that was left alone draws, without keeping the states of generators. Several ranks have to stop
        in the same epoch: with torch.distributed they do; else agree(stop) gives everybody what the first rank heard.
        """
        if self.resume and not self._loaded:
            raise Error("there is a checkpoint of epoch %d and load() was not called: training would begin anew and count "
                        "from %d. Call trial.load() before trial.epochs()" % (self.epoch, self.epoch + 1))
        while self.epoch < self.until and not (agree or _agree)(self.stopped):
            now = self.epoch + 1
            if reseed:
                seed_everything(self, now)
            yield now
            if not self.reports:
                self.epoch = now
            elif self.epoch < now and self._heard() != "now":
                raise Error("epoch %d ended without trial.report(…): one report per epoch" % now)

    def report(self, metrics: Optional[Mapping[str, Any]] = None, /, **named: Any) -> None:
        """The state after one more epoch. Numbers, or what has .item(); NaN and infinity say that it diverged.

        trial.report(val_acc=0.71, train_loss=0.92)   or, for names that are no words: trial.report({"val-acc": 0.71})
        """
        values = dict(metrics or {}, **named)
        line = {name: _number(name, value) for name, value in values.items()}
        if not line or len(line) > METRICS_MAX:
            raise Error("report() takes 1 to %d metrics, not %d" % (METRICS_MAX, len(line)))
        if self.epoch >= self.until:
            raise Error("epoch %d is the last one of this job; there is none to report after it" % self.until)
        if os.getpid() != self._pid:
            return  # a fork of the one that reports
        self.epoch += 1
        if self.reports and self._pipes:
            self._tell(line)
        elif self.reports:
            print("epoch %d" % self.epoch, *("%s %s" % (name, "diverged" if value is None else "%.6g" % value)
                                             for name, value in line.items()), sep="  ", flush=True)

    def _tell(self, line: Mapping[str, Any]) -> None:
        if self.metric and self.metric not in line and not self._noted_metric:
            self._noted_metric = True
            self.note("epoch %d has no %s, the metric of this study; it has %s" % (self.epoch, self.metric, ", ".join(line)))
        message = dict(line, epoch=self.epoch)
        if self._saved:
            message["checkpoint"] = self._saved
        if self._findings:
            message["findings"] = self._findings
        self._pipes.say(message)  # type: ignore[union-attr]
        self._saved, self._findings = None, []

    def finding(self, rule: str, text: str, action: str = "warn", advice: Optional[str] = None) -> None:
        """What looks wrong with this training, with the next report; action: suggest, warn, or stop (it is hopeless)."""
        finding = {"rule": rule[:16], "action": action, "text": text[:200]}
        self._findings.append(dict(finding, advice=advice[:200]) if advice else finding)

    def note(self, text: str) -> None:
        """A sentence for the trial's log (`hone show`)."""
        if self._pipes and self._is_ours():
            self._pipes.say({"note": text[:1000]})

    # ---- checkpoints ----

    def save(self, state: Union[bytes, str, "os.PathLike[str]", Callable[[str], Any]], suffix: str = ".ckpt") -> Optional[str]:
        """Keeps the state after this epoch; the next report() names it. Call it before report(), in every epoch or some.

        state is bytes, the path of a file (copied), or a function that writes to the path it is given:
            trial.save(pickle.dumps(net))
            trial.save(lambda path: torch.save(net.state_dict(), path))
        Put in whatever the next epoch depends on (optimiser, schedule). By itself, outside of Hone, nothing is kept.
        """
        if not self.dir or not self._is_ours():
            return None
        name = "t%05d.e%03d%s" % (self.number, self.epoch + 1, suffix)
        path, partial = os.path.join(self.dir, name), os.path.join(self.dir, "part-" + name)
        if callable(state):
            state(partial)
        elif isinstance(state, (bytes, bytearray, memoryview)):
            with open(partial, "wb") as file:
                file.write(state)
        else:
            shutil.copyfile(state, partial)
        if not os.path.isfile(partial):
            raise Error("%r wrote no file %s: a checkpoint is one file at the path that is given" % (state, partial))
        _sync(partial)
        os.rename(partial, path)
        _sync(self.dir)
        self._saved = name
        return path

    def load(self, read: Optional[Callable[[str], Any]] = None) -> Any:
        """The checkpoint to go on from: its bytes, or what read(path) makes of it; None where there is none.

            state = trial.load(torch.load)
            if state: net.load_state_dict(state)
        """
        self._loaded = True
        if not self.resume:
            return None
        if read:
            return read(self.resume)
        with open(self.resume, "rb") as file:
            return file.read()

    # ---- how it ends ----

    def failed(self, text: str, cause: str = "error") -> None:
        """This attempt failed; cause is error or oom. What `with trial:` says of an exception."""
        self._failed = True
        if self._pipes and self._is_ours():
            self._pipes.say({"done": False, "cause": cause, "text": text[:1000]})

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> None:
        if kind and issubclass(kind, Exception):
            oom = issubclass(kind, MemoryError) or kind.__name__ == "OutOfMemoryError"
            self.failed("%s: %s" % (kind.__name__, problem), "oom" if oom else "error")


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _number(name: str, value: Any) -> Optional[float]:
    if not NAME.match(name) or name in ("epoch", "checkpoint", "findings"):
        raise Error("report(%s=…): not a name for a metric: letters, digits, _ . -, at most 64, and none of epoch, checkpoint, "
                    "findings" % name)
    if value is None or isinstance(value, int):
        return value if value is None else int(value)
    try:
        value = float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):
        raise Error("report(%s=%.60r): a metric is a number, or an array that holds exactly one" % (name, value)) from None
    return value if math.isfinite(value) else None


def _agree(stop: bool) -> bool:
    """All ranks of torch.distributed do what the first one heard."""
    dist = getattr(sys.modules.get("torch"), "distributed", None)
    if not (dist and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return stop
    said = [stop]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def seed_everything(of: Union[Trial, int], epoch: int = 0) -> Tuple[str, ...]:
    """Seeds random and, where they are imported already, numpy, torch and tensorflow; says which.

    Call it after your imports. With epoch the numbers are of that epoch alone (Trial.epochs(reseed=True)).
    """
    seed = of.seed if isinstance(of, Trial) else int(of)
    if epoch:
        seed = int.from_bytes(hashlib.sha256(b"%d %d" % (seed, epoch)).digest()[:6], "big")
    random.seed(seed)
    done = ["random"]
    for name, path in (("numpy", "random.seed"), ("torch", "manual_seed"), ("tensorflow", "random.set_seed")):
        at: Any = sys.modules.get(name)
        for part in path.split("."):
            at = getattr(at, part, None)
        if callable(at):
            at(seed % 2**32)
            done.append(name)
    return tuple(done)


# ---- where a trial comes from ----

def _job_of(env: Mapping[str, str]) -> Dict[str, Any]:
    names = ("study", "trial", "attempt", "seed", "until", "epochs", "metric", "dir", "base")
    job: Dict[str, Any] = {name: env.get("HONE_" + name.upper()) for name in names}
    job["params"] = json.loads(env["HONE_PARAMS"])
    if env.get("HONE_RESUME"):
        job["resume"] = {"path": env["HONE_RESUME"], "epoch": env["HONE_RESUME_EPOCH"]}
    return job


def _job_by_hand(words: List[str], defaults: Optional[Mapping[str, Any]], epochs: int) -> Dict[str, Any]:
    """`lr=0.1 seed=3 epochs=5` of the command line; words without = or with a dash are somebody else's."""
    given: Dict[str, Any] = {"seed": 1, "epochs": epochs}
    for word in words:
        name, is_one, text = word.partition("=")
        if not is_one or not NAME.match(name):
            continue
        known = None if defaults is None else [*defaults, "seed", "epochs"]
        if known is not None and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise Error("%s: there is no parameter %r here%s; there are %s"
                        % (word, name, "; did you mean %r?" % near[0] if near else "", ", ".join(known)))
        try:
            given[name] = text if isinstance((defaults or {}).get(name), str) else json.loads(text)
        except ValueError:
            given[name] = text
        if isinstance(given[name], str) and isinstance({"seed": 1, "epochs": 1, **(defaults or {})}.get(name), (int, float)):
            raise Error("%s: %s is a number" % (word, name))
    own = {name: given.pop(name) for name in ("seed", "epochs") if name not in (defaults or {})}
    length = own.get("epochs", epochs)
    return {"params": given, "seed": own.get("seed", 1), "until": length, "epochs": length}


def _by_hand(defaults: Optional[Mapping[str, Any]], epochs: int, rank: Optional[int]) -> Trial:
    if rank is None:
        rank = 1 if _is_child_of_pool() else _rank({})
    return Trial(_job_by_hand(sys.argv[1:], defaults, epochs), None, rank == 0, defaults)


def _who(rank: Optional[int]) -> Tuple[Optional[_Pipes], bool]:
    """Our pipes, and whether it is we who report."""
    pid, env = _started_by_hone()
    if rank is None:
        rank = 1 if _is_child_of_pool() else _rank(env if pid != os.getpid() or _is_pipe(int(os.environ["HONE_OUT_FD"])) else {})
    return (_open_pipes(pid), True) if rank == 0 else (None, False)


def trial(defaults: Optional[Mapping[str, Any]] = None, epochs: int = 10, rank: Optional[int] = None) -> Trial:
    """The trial this process was started for; outside of Hone one of the defaults and of `name=value` words.

    defaults  values of parameters that the study does not set (or that are off); outside of Hone all that there are
    epochs    the length of a training outside of Hone
    rank      which of several processes this is, where no launcher says so (torch.multiprocessing.spawn); 0 reports
    """
    if "HONE_PARAMS" not in os.environ:
        return _by_hand(defaults, epochs, rank)
    pipes, reports = _who(rank)
    return Trial(_job_of(os.environ), pipes, reports, defaults)


def trials(defaults: Optional[Mapping[str, Any]] = None, epochs: int = 10) -> Iterator[Trial]:
    """One trial after the other in one process: what is slow to start (imports, data, a GPU) starts once.

        for trial in hone.trials():
            with trial:
                train(trial)

    An exception inside `with trial:` ends the process; Hone starts a new one.
    """
    if "HONE_PARAMS" not in os.environ:
        yield _by_hand(defaults, epochs, None)
        return
    pipes, reports = _who(None)
    if not pipes:
        raise Error("trials() is for one process; several ranks take hone.trial()")
    yield from _serve(pipes, defaults)


def _serve(pipes: _Pipes, defaults: Optional[Mapping[str, Any]] = None, kind: Type[Trial] = Trial) -> Iterator[Trial]:
    """A warm trainer: job, trial, done, and the next job; until nobody is there."""
    pipes.say({"ready": True})
    job = pipes.next_job()
    while job:
        now = kind(job, pipes, True, defaults)
        yield now
        sys.stdout.flush()  # what was printed belongs into this trial's log
        if not now._failed:
            pipes.say({"done": True})
        job = pipes.next_job()
