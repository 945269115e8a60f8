#!/usr/bin/env python3
"""A worker of Hone, written from proto/PROTOCOL.md alone: numbers in brackets are its sections.

Needs pyzmq. It trains a toy by itself: the "loss" falls with the epochs and is least where every number of the point is
near 0.01. Jobs, reports, acknowledgements, checkpoints and reattachment are those of any worker.

    hone_worker.py tcp://127.0.0.1:7077 --name snake --slots 2 --epoch-seconds 0.05
"""
import argparse, collections, hashlib, json, math, os, platform, random, signal, socket, time, uuid
import zmq
from zmq.utils.monitor import recv_monitor_message

GONE = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | \
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
NEVER_MS = 24 * 3600 * 1000
SILENT_BEATS = 3  # without a word of the master: a new connection (6.6.4)


def toy(params, seed, epoch):
    """In (0, 1), a pure function: a resumed attempt gives the numbers of an undisturbed one."""
    numbers = [v for v in params.values() if isinstance(v, (int, float)) and not isinstance(v, bool)]
    far = sum((math.log10(abs(v) + 1e-12) + 2) ** 2 for v in numbers)
    return math.exp(-0.05 * far) * (1 - 0.5 / epoch) - 1e-6 * (seed % 7)


class Attempt:
    def __init__(self, job, now, epoch_s):
        self.job, self.epoch, self.stop, self.running, self.done_seq = job, 0, None, True, 0
        self.due = now + epoch_s

    def names(self):
        return {k: self.job[k] for k in ("study", "trial", "attempt", "token")}


class Worker:
    def __init__(self, options):
        self.options, self.context = options, zmq.Context()
        self.uuid, self.store, self.root = uuid.uuid4().hex, "", None
        self.held = {}  # token -> Attempt, from JOB until its DONE is acknowledged (6.5.3)
        self.kept = collections.deque()  # (seq, name, body) not acknowledged yet (6.3.7)
        self.seq = self.sent_seq = self.received = self.taken = 0
        self.beat_s, self.retry_s, self.leaving, self.dismissed = 2.0, 0.1, False, False
        self.sock = None
        self.welcomed = False
        self.retry_at = 0.0

    # ---- the connection ----

    def open(self, now):
        """A fresh socket for every connection, so that nothing stale is sent (4.8)."""
        self.sock = self.context.socket(zmq.DEALER)
        self.sock.setsockopt(zmq.LINGER, 500)
        self.sock.setsockopt(zmq.RECONNECT_IVL, NEVER_MS)
        self.sock.setsockopt(zmq.CONNECT_TIMEOUT, 2000)
        self.monitor = self.sock.get_monitor_socket(GONE | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.sock.connect(self.options.address)
        self.heard = self.said = now

    def close(self, now):
        self.sock.disable_monitor()
        self.monitor.close(0)
        self.sock.close(0)
        self.sock, self.welcomed = None, False
        self.retry_at = now + self.retry_s * (1 + random.random())
        self.retry_s = min(2.0, self.retry_s * 2)

    def send(self, name, body):
        self.sock.send_multipart([b"HONE1 " + name.encode(), json.dumps(body).encode()], zmq.DONTWAIT)
        self.said = time.monotonic()

    def hello(self):
        """First on every connection, and after ERROR hello (6.1.1, 6.1.2)."""
        held = [dict(a.names(), epoch=a.epoch) for a in self.held.values()]
        body = {"uuid": self.uuid, "name": self.options.name, "host": socket.gethostname(), "pid": os.getpid(),
                "slots": self.options.slots, "version": "0.1-py", "platform": platform.platform()[:128], "held": held}
        if held:
            body["store"] = self.store
        self.welcomed, self.received, self.credit, self.sent_seq = False, 0, 0, 0
        self.send("HELLO", body)

    # ---- what the master says ----

    def on_welcome(self, m, now):
        if self.store and self.store != m["store"]:  # nobody will ask for these (6.1.7)
            self.held.clear()
            self.kept.clear()
        self.store, self.beat_s, self.retry_s = m["store"], m["beat_ms"] / 1000, 0.1
        self.root, self.welcomed, self.dismissed = None, True, False
        try:
            with open(os.path.join(m["root"], "probe")) as f:
                if f.read().rstrip("\n") == m["probe"]:
                    self.root = m["root"]  # we see the master's folder (6.8.1)
        except OSError:
            pass

    def on_job(self, m, now):
        if not self.welcomed or m["token"] in self.held:  # (6.1.3, 6.2.4)
            return
        self.received += 1
        attempt = self.held[m["token"]] = Attempt(m, now, self.options.epoch_seconds)
        if self.leaving or sum(a.running for a in self.held.values()) > self.options.slots:
            self.end(attempt, "refused")
        elif m.get("resume"):
            attempt.epoch = self.resume(m["resume"])

    def on_check(self, m, now):
        """It counts as a job, and is over at once (6.10)."""
        if self.welcomed:
            self.received += 1
            result = {"gate": "G4", "name": "one epoch", "verdict": "skipped", "text": "there is no trainer here"}
            self.send("CHECKED", {"study": m["study"], "token": m["token"], "results": [result]})

    def on_stop(self, m, now):
        attempt = self.held.get(m["token"])
        if attempt and attempt.running:
            attempt.stop = m["when"]
            if m["when"] == "now":
                self.end(attempt, "stopped")

    def on_ack(self, m, now):
        while self.kept and self.kept[0][0] <= m["seq"]:
            self.kept.popleft()
        self.held = {t: a for t, a in self.held.items() if a.running or a.done_seq > m["seq"]}

    def on_error(self, m, now):
        print(f"{self.options.name}: the master says {m['code']}: {m['text']}", flush=True)
        if m["code"] == "hello":
            self.hello()
        elif m["code"] in ("malformed", "version"):
            raise SystemExit(3)

    def on_bye(self, m, now):
        self.dismissed = True

    def on_message(self, frames, now):
        name, body = frames[0].decode().removeprefix("HONE1 ").lower(), json.loads(frames[1])
        self.heard = now
        if name == "hello":  # our own: TCP has connected us to ourselves (4.9)
            self.heard = -math.inf
        getattr(self, "on_" + name, lambda m, now: None)(body, now)  # BEAT: being heard is all of it

    # ---- training ----

    def keep(self, name, body):
        self.seq += 1
        self.kept.append((self.seq, name, dict(body, seq=self.seq)))
        return self.seq

    def end(self, attempt, outcome):
        attempt.running, self.taken = False, self.taken + (outcome != "refused")
        attempt.done_seq = self.keep("DONE", dict(attempt.names(), epoch=attempt.epoch, outcome=outcome))

    def resume(self, r):
        path = os.path.join(self.root or "", r["path"])
        try:
            with open(path, "rb") as f:
                data = f.read()
        except OSError:
            return 0  # from the start (6.2.5)
        whole = len(data) == r["bytes"] and hashlib.blake2b(data, digest_size=16).hexdigest() == r["hash"]
        return json.loads(data)["epoch"] if whole else 0

    def checkpoint(self, attempt):
        """Whole, synced, renamed, in the attempt's own folder (6.3.6, 6.8.1)."""
        below = "%s/t%05d/a%d" % (attempt.job["study"], attempt.job["trial"], attempt.job["attempt"])
        os.makedirs(os.path.join(self.root, below), exist_ok=True)
        name, data = f"{below}/e{attempt.epoch}.ckpt", json.dumps({"epoch": attempt.epoch}).encode()
        with open(os.path.join(self.root, name + ".tmp"), "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.rename(os.path.join(self.root, name + ".tmp"), os.path.join(self.root, name))
        return {"path": name, "bytes": len(data), "hash": hashlib.blake2b(data, digest_size=16).hexdigest()}

    def train(self, now):
        for attempt in [a for a in self.held.values() if a.running and a.due <= now]:
            job, attempt.epoch = attempt.job, attempt.epoch + 1
            attempt.due += self.options.epoch_seconds
            value = toy(job["params"], job["seed"], attempt.epoch)
            report = dict(attempt.names(), epoch=attempt.epoch, seconds=self.options.epoch_seconds,
                          metrics={job["metric"]: value, "toy_loss": 1 - value})
            if self.root:
                report["checkpoint"] = self.checkpoint(attempt)
            self.keep("REPORT", report)
            if attempt.epoch >= job["until"]:
                self.end(attempt, "finished")
            elif attempt.stop:
                self.end(attempt, "stopped")

    # ---- the loop ----

    def speak(self, now):
        for seq, name, body in self.kept:  # in order, once per connection (6.1.4)
            if seq > self.sent_seq:
                self.send(name, body)
                self.sent_seq = seq
        room = self.options.slots - sum(a.running for a in self.held.values())
        if self.options.jobs:
            room = min(room, self.options.jobs - self.taken - sum(a.running for a in self.held.values()))
        if not self.leaving and self.received + room > self.credit:
            self.credit = self.received + room
            self.send("CREDIT", {"jobs": self.credit})
        if now - self.said >= self.beat_s:
            self.send("BEAT", {})

    def listen(self, wake, now):
        poller = zmq.Poller()
        poller.register(wake, zmq.POLLIN)
        until = [now + self.beat_s / 2] + [a.due for a in self.held.values() if a.running]
        if self.sock:
            poller.register(self.sock, zmq.POLLIN)
            poller.register(self.monitor, zmq.POLLIN)
        else:
            until.append(self.retry_at)
        ready = dict(poller.poll(max(0, math.ceil((min(until) - now) * 1000))))
        now = time.monotonic()
        if wake in ready:
            os.read(wake, 512)
            self.leaving = True
            for attempt in [a for a in self.held.values() if a.running]:
                self.end(attempt, "preempted")  # (6.7.1)
        gone = False
        while self.sock and self.monitor.poll(0):
            if recv_monitor_message(self.monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.hello()
            else:
                gone = True
        while self.sock and self.sock.poll(0):  # what came before the cut may be an ACK
            self.on_message(self.sock.recv_multipart(), now)
        if self.sock and (gone or now - self.heard > SILENT_BEATS * self.beat_s):
            self.close(now)

    def run(self):
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        while True:
            now = time.monotonic()
            if not self.sock and now >= self.retry_at:
                self.open(now)
            self.train(now)
            if self.welcomed:
                self.speak(now)
            enough = self.options.jobs and self.taken >= self.options.jobs
            if not self.held and (self.leaving or self.dismissed or enough):
                break
            self.listen(wake, now)
        if self.welcomed:
            self.send("BYE", {"reason": "no more work" if self.dismissed else "leaving"})
        if self.sock:
            self.sock.disable_monitor()
            self.monitor.close(0)
            self.sock.close()  # LINGER lets BYE go
        self.context.term()
        print(f"{self.options.name}: {self.taken} attempts, {self.seq} messages acknowledged", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("address")
    parser.add_argument("--name", default=f"py-{os.getpid()}")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=0, help="leave after so many attempts (0: stay)")
    parser.add_argument("--epoch-seconds", type=float, default=0.05)
    Worker(parser.parse_args()).run()


if __name__ == "__main__":
    main()
