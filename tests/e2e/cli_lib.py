"""What the tests of the command line share: running it, with and without a terminal."""
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import fcntl
import time

BUILD = os.environ.get("PENSTOCK_BUILD", "build/debug")
PENSTOCK = os.path.join(BUILD, "bin", "penstock")
TIMEOUT_S = 60


def environment(**more):
    """None takes a variable away."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_") and k not in (
        "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
    env.update({"LC_ALL": "C.UTF-8", "TERM": "xterm", "TZ": "UTC", "PENSTOCK_PATIENCE": "20s", **more})
    return {k: v for k, v in env.items() if v is not None}


class Answer:
    def __init__(self, status, out, err=""):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


def run(*args, env=None, stdin=b"", **more):
    done = subprocess.run([PENSTOCK, *args], input=stdin, capture_output=True, timeout=TIMEOUT_S,
                          env=environment(**(env or {})), check=False, **more)
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


class Terminal:
    """The command line on a terminal of so many columns; out is all that was drawn."""

    def __init__(self, *args, columns=80, env=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen([PENSTOCK, *args], stdin=slave, stdout=slave, stderr=slave,
                                        env=environment(**(env or {})), start_new_session=True)
        os.close(slave)
        self.out = ""

    def read_until(self, word=None):
        """Until the word was drawn, or (None) until the program has ended."""
        end = time.monotonic() + TIMEOUT_S
        while word is None or word not in self.out:
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{word!r} did not come: {self.out!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.out += data.decode(errors="replace")
        return self.out

    def signal(self, signo):
        self.process.send_signal(signo)

    def finish(self):
        self.read_until()
        os.close(self.master)
        return Answer(self.process.wait(timeout=TIMEOUT_S), self.out)


class FakeCore:
    def __init__(self):
        self.dir = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "cli_fake_core.py"), self.dir],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.control = os.path.join(self.dir, "control.sock")
        self.tasks = os.path.join(self.dir, "tasks.sock")

    def line(self):
        return self.process.stdout.readline().strip()

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
