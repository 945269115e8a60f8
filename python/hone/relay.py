"""The trainer that hone.minimize gives to Hone: it hands its two pipes over to whoever evaluates, and waits.

Runs in a folder that has relay.sock; the evaluator says one byte when it is through. If the evaluator died (its
connection ended, others still listen) this ends with status 1, and the trial has failed; if nobody listens any more, the
whole search is ending, and it stays until that ends it too: a trial that nobody evaluates has not failed.
"""
import array
import os
import signal
import socket
import sys


def connect() -> socket.socket:
    here = socket.socket(socket.AF_UNIX)
    try:
        here.connect("relay.sock")
    except OSError:
        signal.pause()
    return here


def main() -> int:
    here = connect()
    fds = [int(os.environ["HONE_IN_FD"]), int(os.environ["HONE_OUT_FD"])]
    try:
        here.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    except OSError:
        signal.pause()
    for fd in fds:
        os.close(fd)
    if here.recv(1):
        return 0
    connect()
    print("the process that evaluated this trial died")
    return 1


if __name__ == "__main__":
    sys.exit(main())
