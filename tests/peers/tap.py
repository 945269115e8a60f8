"""What the tests of the Python library share: TAP, a folder for each test, and the real executable in $HONE."""
import logging, os, subprocess, sys, tempfile, traceback

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HONE = os.path.abspath(os.environ.get("HONE", "build/hone"))
logging.getLogger("hone").setLevel(logging.CRITICAL)
os.environ.update(HONE=HONE, PYTHONPATH=os.path.join(ROOT, "python"), PYTHONWARNINGS="error")
sys.path.insert(0, os.path.join(ROOT, "python"))


class Skip(Exception):
    """Why a test cannot run here."""


def python(*words, ok=True, **more):
    """What a Python program prints; both outputs together where it is meant to fail."""
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, **more)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout if ok else done.stdout + done.stderr


def raises(kind, call, *has):
    """The text of the exception that call() raises."""
    try:
        call()
    except kind as problem:
        for text in has:
            assert text in str(problem), (text, str(problem))
        return str(problem)
    raise AssertionError("nothing was raised")


def main(names):
    """Runs every test_… of a module, each in an empty folder."""
    tests = [(n, f) for n, f in names.items() if n.startswith("test_")]
    print(f"1..{len(tests)}")
    bad = 0
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="hone-py") as folder:
            os.chdir(folder)
            try:
                test()
                print(f"ok {number} - {name}", flush=True)
            except Skip as reason:
                print(f"ok {number} # SKIP {name}: {reason}")
            except Exception:
                bad += 1
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
                print(f"not ok {number} - {name}", flush=True)
            os.chdir(ROOT)
    return 1 if bad else 0
