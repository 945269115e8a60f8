#!/usr/bin/env python3
"""Bad weather for a master: COUNT malformed, cut, oversized and out-of-order messages from SEED, then a ping.

    storm.py tcp://127.0.0.1:7077 --seed 1 --count 10000

Ends with 0 if the ping is answered. The same in C, for `make test`: tests/tools/storm.c. It grants no credit, so it is
given no job. Needs pyzmq."""
import argparse, json, random, sys
import zmq

NAMES = "HELLO WELCOME CREDIT JOB REPORT DONE ACK STOP BEAT BYE ERROR CALL ANSWER NOTHING".split()
EDGES = [0, 1, 2, 7, 2**16, 2**32, 2**53 - 1, 2**53, -1, 1.5, 1e300, None, "", "x", True, [], {}, [[]]]
FIELDS = "uuid name host pid slots version platform held seq study trial attempt token epoch metrics outcome id".split()


def nearly(rng):
    """A message as a worker would send it, about an attempt that is not its own."""
    attempt = {"study": rng.choice(["s", "nowhere"]), "trial": rng.randint(1, 40), "attempt": rng.randint(1, 3),
               "token": "%08x" % rng.getrandbits(32)}
    name = rng.choice(["HELLO", "REPORT", "DONE", "CREDIT", "CALL"])
    body = {
        "HELLO": {"uuid": "storm%d" % rng.randint(0, 3), "name": "storm", "host": "h", "pid": 1, "slots": 1,
                  "version": "0", "platform": "p", "held": [dict(attempt, epoch=rng.randint(0, 9)), {}, 7]},
        "REPORT": dict(attempt, seq=rng.randint(1, 99), epoch=rng.randint(1, 99), metrics={"val_acc": 1e300}),
        "DONE": dict(attempt, seq=rng.randint(1, 99), epoch=1, outcome="finished"),
        "CREDIT": {"jobs": 0},
        "CALL": {"id": 1, "verb": rng.choice(["status", "nonsense", "ping"]), "args": {}},
    }[name]
    return name, body


def frames(rng):
    kind = rng.random()
    if kind < 0.1:  # noise, from one frame to five
        return [rng.randbytes(rng.randint(0, 300)) for _ in range(rng.randint(1, 5))]
    if kind < 0.3:  # any name, any fields; never a CREDIT that grants something
        name = rng.choice([n for n in NAMES if n != "CREDIT"])
        return [b"HONE1 " + name.encode(), json.dumps({rng.choice(FIELDS): rng.choice(EDGES) for _ in range(4)}).encode()]
    name, body = nearly(rng)
    head, text = b"HONE%d %s" % (1 + (rng.random() < 0.05), name.encode()), json.dumps(body).encode()
    if kind < 0.5:  # cut
        return [head, text[:rng.randint(0, len(text) - 1)]]
    if kind < 0.6 and name != "CREDIT":  # damaged
        at = rng.randrange(len(text))
        return [head, text[:at] + rng.randbytes(1) + text[at + 1:]]
    if kind < 0.605:  # over the limit
        return [b"HONE1 BEAT", b" " * (2**20 + 1)]
    if kind < 0.62:  # deep
        return [b"HONE1 BEAT", b"[" * 5000]
    return [head, text]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("address")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10000)
    options = parser.parse_args()
    rng, context, peers = random.Random(options.seed), zmq.Context(), []
    for _ in range(8):
        peers.append(context.socket(zmq.DEALER))
        peers[-1].setsockopt(zmq.LINGER, 2000)
        peers[-1].setsockopt(zmq.SNDTIMEO, 30000)
        if len(peers) == 8:
            peers[-1].setsockopt(zmq.ROUTING_ID, b"mine")  # not served
        peers[-1].connect(options.address)
    for _ in range(options.count):
        rng.choice(peers).send_multipart(frames(rng))
    for peer in peers:
        peer.close()
    sock = context.socket(zmq.DEALER)
    sock.setsockopt(zmq.RCVTIMEO, 30000)
    sock.setsockopt(zmq.LINGER, 0)
    sock.connect(options.address)
    sock.send_multipart([b"HONE1 CALL", b'{"id":42,"verb":"ping","args":{}}'])
    name, body = sock.recv_multipart()
    sock.close()
    context.term()
    answer = json.loads(body)
    print(f"{options.count} messages sent; {name.decode()} {body.decode()}")
    return 0 if (name, answer["id"], answer["code"]) == (b"HONE1 ANSWER", 42, 0) else 1


if __name__ == "__main__":
    sys.exit(main())
