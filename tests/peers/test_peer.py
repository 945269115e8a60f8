#!/usr/bin/env python3
"""Peers that share no line with ours: hone_worker.py beside `hone worker`, through restarts of master and worker, and
storm.py. Speaks TAP. Needs pyzmq, and the executable in $HONE."""
import contextlib, json, os, signal, sqlite3, subprocess, sys, tempfile
import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
HONE = os.path.abspath(os.environ.get("HONE", "build/hone"))
PATIENCE_MS = 240000
STUDY = {
    "study": "s", "metric": {"name": "val_acc", "goal": "maximize"},
    "trainer": {"builtin": "mlp", "data": "spiral:n=300", "batch": 32, "seed": 1, "layers": ["affine 32", "relu"]},
    "space": {"lr": {"log": [1e-4, 1]}},
    "search": {"method": "random", "trials": 16, "epochs": 5, "seed": 7},
}


class Place:
    """A folder with a study, a master and workers; everything ends with it."""

    def __init__(self, folder):
        self.folder, self.address, self.all = folder, f"ipc://{folder}/m.sock", []
        self.context, self.calls = zmq.Context(), 0
        with open(f"{folder}/s.json", "w") as f:
            json.dump(STUDY, f)
        self.sock = None

    def start(self, *argv):
        log = open(f"{self.folder}/{len(self.all)}.log", "w")
        env = dict(os.environ, HONE_LOG="info", PYTHONUNBUFFERED="1")
        self.all.append(subprocess.Popen(argv, cwd=self.folder, stdout=log, stderr=log, env=env))
        return self.all[-1]

    def master(self, *more, lease="1s"):
        return self.start(HONE, "master", "s.json", "--bind", self.address, "--beat", "100ms", "--lease", lease, *more)

    def ours(self, name):
        return self.start(HONE, "worker", self.address, "--name", name)

    def snake(self, name, *more):
        return self.start(sys.executable, f"{HERE}/hone_worker.py", self.address, "--name", name, *more)

    def call(self, verb, **args):
        """An answer of the master, however often it has to be asked: it may be away."""
        for _ in range(PATIENCE_MS // 200):
            if not self.sock:
                self.sock = self.context.socket(zmq.DEALER)
                self.sock.setsockopt(zmq.LINGER, 0)
                self.sock.connect(self.address)
            self.calls += 1
            self.sock.send_multipart([b"HONE1 CALL", json.dumps({"id": self.calls, "verb": verb, "args": args}).encode()])
            if self.sock.poll(200):
                answer = json.loads(self.sock.recv_multipart()[1])
                if answer["id"] == self.calls and answer["code"] == 0:
                    return answer["result"]
            self.sock.close()
            self.sock = None
        raise AssertionError(f"no answer to {verb}")

    def await_epochs(self, count):
        while self.call("status")["status"]["epochs_done"] < count:
            self.sock.poll(20)  # nothing comes: only a rest

    def await_end(self):
        while self.call("status")["status"]["state"] != "ended":
            self.sock.poll(20)

    def row(self, sql):
        with contextlib.closing(sqlite3.connect(f"{self.folder}/hone.db")) as db:
            return db.execute(sql).fetchone()

    def check_complete(self):
        assert self.row("SELECT count(*) FROM trial WHERE status = 'complete'") == (16,)
        assert self.row("SELECT count(*), count(DISTINCT trial || ' ' || epoch) FROM epoch") == (80, 80)

    def close(self):
        for process in self.all:
            if process.poll() is None:
                process.terminate()
        for process in self.all:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.sock:
            self.sock.close()
        self.context.term()


def test_beside_ours(p):
    """A worker in Python and one of ours share a study, and both are sent home at its end."""
    master, snake = p.master("--once"), p.snake("snake", "--slots", "2", "--epoch-seconds", "0.2")
    p.await_epochs(1)  # ours is fast, but starts slowly: neither can end the study before the other is there
    ours = p.ours("ours")
    assert [w.wait(60) for w in (master, snake, ours)] == [0, 0, 0]
    p.check_complete()
    assert p.row("SELECT count(DISTINCT worker) FROM attempt") == (2,)


def test_reattaches_to_a_new_master(p):
    """kill -9 of the master, three times: the attempts go on where they were."""
    master, snake = p.master(), p.snake("snake", "--slots", "3", "--epoch-seconds", "0.05")
    for epochs in (10, 30, 50):
        p.await_epochs(epochs)
        master.kill()
        master.wait()
        master = p.master()
    p.await_end()
    p.check_complete()
    assert p.row("SELECT max(attempt), count(*) FROM attempt") == (1, 16)
    assert snake.poll() is None


def test_killed_goes_on_elsewhere(p):
    """kill -9 of the worker: another one resumes from its checkpoints."""
    p.master()
    snake = p.snake("snake", "--slots", "4", "--epoch-seconds", "0.05")
    p.await_epochs(6)
    snake.kill()
    p.snake("mamba", "--slots", "4", "--epoch-seconds", "0.01")
    p.await_end()
    p.check_complete()
    assert p.row("SELECT count(*) > 0 FROM attempt WHERE outcome = 'lost'") == (1,)
    assert p.row("SELECT count(*) > 0 FROM attempt WHERE from_epoch > 0") == (1,)


def test_leaves_politely(p):
    """SIGTERM: its trials are preempted, counted as nobody's failure, and go on elsewhere."""
    p.master()
    snake = p.snake("snake", "--slots", "4", "--epoch-seconds", "0.05")
    p.await_epochs(6)
    snake.send_signal(signal.SIGTERM)
    assert snake.wait(20) == 0
    p.snake("mamba", "--slots", "4", "--epoch-seconds", "0.01")
    p.await_end()
    p.check_complete()
    assert p.row("SELECT count(*) FROM attempt WHERE outcome = 'preempted'") == (4,)
    assert p.row("SELECT count(*) FROM attempt WHERE outcome = 'lost'") == (0,)


def test_leaves_after_its_jobs(p):
    """--jobs 3: three, and no more."""
    p.master()
    assert p.snake("snake", "--slots", "2", "--jobs", "3", "--epoch-seconds", "0.01").wait(30) == 0
    assert p.row("SELECT count(*) FROM attempt WHERE outcome = 'finished'") == (3,)


def test_storm(p):
    """10,000 messages that no master should take, while a study runs. Nobody is lost, however busy the machine."""
    p.master(lease="60s")
    p.snake("snake", "--slots", "2", "--epoch-seconds", "0.02")
    p.await_epochs(2)
    storm = p.start(sys.executable, f"{HERE}/storm.py", p.address, "--seed", "1", "--count", "10000")
    assert storm.wait(60) == 0
    p.await_end()
    p.check_complete()
    assert p.row("SELECT count(*) FROM attempt") == (16,)


def main():
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith("test_")]
    print(f"1..{len(tests)}")
    bad = 0
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="peer") as folder:
            p = Place(folder)
            try:
                test(p)
                print(f"ok {number} - {name}", flush=True)
            except Exception as error:
                bad += 1
                print(f"not ok {number} - {name}: {error!r}", flush=True)
                for i in range(len(p.all)):
                    with open(f"{folder}/{i}.log") as log:
                        print("".join(f"# {line}" for line in log.readlines()[-20:]))
            finally:
                p.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
