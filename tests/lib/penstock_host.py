"""A real penstockd for one test: own folders, own plugins, ends with the test.

    with Host(plugins=["misbehave"], host="max_concurrent = 2") as host:
        client = host.client()
        print(client.run("echo", {"a": 1}))
"""
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import zmq

BUILD = os.environ.get("PENSTOCK_BUILD", "build/debug")
BIN = os.path.join(BUILD, "bin")
START_TIMEOUT_S = 60
ANSWER_TIMEOUT_MS = 60000
# Processes are counted by user: no test beside this one has boxes of the same users.
BOX_UID_BASE = 200000000 + os.getpgrp() % 20000 * 65536


def plugin_file(name):
    for folder in ("plugins", "tests/plugins"):
        path = os.path.join(BUILD, folder, name + ".so")
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"no plugin {name}.so below {BUILD}")


def wait_for(condition, what, seconds=60):
    """Until it is so, or fails and says what was waited for; a Host as what shows its log."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"timed out: {what.log() if isinstance(what, Host) else what}")
        time.sleep(0.01)


class Host:
    """host: lines of host {}; sections: the rest of the configuration. prefix: a command that penstockd is given to;
    owner: whom the host's folder belongs to (with prefix: setpriv)."""

    def __init__(self, plugins=("echo",), host="", sections="", environment=None, keep_log=True, prefix=(), owner=None):
        self.dir = tempfile.mkdtemp(prefix="host-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.dir, 0o755)
        self.plugin_dir = os.path.join(self.dir, "plugins")
        self.log_path = os.path.join(self.dir, "log")
        self.tasks = os.path.join(self.dir, "run", "tasks.sock")
        self.control = os.path.join(self.dir, "run", "control.sock")
        self.config = os.path.join(self.dir, "plugins.conf")
        self.prefix = list(prefix)
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.last_log = None
        self.context = zmq.Context()
        if "box_uid_base" not in host:
            host += f"\n    box_uid_base = {BOX_UID_BASE}"
        os.mkdir(self.plugin_dir)
        for name in plugins:
            self.add_plugin(plugin_file(name))
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f'''host {{
    runtime_dir = "{self.dir}/run"
    state_dir = "{self.dir}/state"
    plugin_dirs = {{ "{self.plugin_dir}" }}
    {host}
}}
{sections}
''')
        if owner is not None:
            for path in (self.dir, self.plugin_dir):
                os.chown(path, owner, owner)

    def add_plugin(self, path):
        target = os.path.join(self.plugin_dir, os.path.basename(path))
        shutil.copyfile(path, target)
        os.chmod(target, 0o644)

    def start(self, extra=()):
        ready_read, ready_write = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, os.path.join(BIN, "penstockd"), "--config", self.config, "--ready-fd", str(ready_write),
                 *extra], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[ready_write], env=self.environment)
        os.close(ready_write)
        readable, _, _ = select.select([ready_read], [], [], START_TIMEOUT_S)
        line = os.read(ready_read, 64) if readable else b""
        os.close(ready_read)
        if line != b"ready\n":
            self.process.kill()
            self.process.wait()
            raise RuntimeError("penstockd did not get ready:\n" + self.log())
        return self

    def log(self):
        """What the host has logged; also after its end."""
        if self.last_log is not None:
            return self.last_log
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def children(self):
        """Pids of all processes below penstockd, by their command names."""
        found, todo = {}, [self.process.pid]
        while todo:
            pid = todo.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                    todo += [int(p) for p in f.read().split()]
                with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                    found[pid] = f.read().strip()
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def pid_of(self, name):
        return next(pid for pid, comm in self.children().items() if comm == name[:15])

    def kill_core(self):
        """Kills the core and waits until its successor serves."""
        served = self.log().count("msg=serving") + self.log().count(" serving ")
        os.kill(self.pid_of("penstock-core"), signal.SIGKILL)
        wait_for(lambda: self.log().count("msg=serving") + self.log().count(" serving ") > served,
                 "the core serves again", START_TIMEOUT_S)

    def hello(self, resume=None, **kwargs):
        """A client that can come back, and its secret."""
        client = self.client(**kwargs)
        header = {"name": "test", **({"resume": resume} if resume else {})}
        return client, client.ask("HELLO", header)[1]["resume"]

    def stop(self, expect=0):
        if self.process is None:
            return
        pids = self.children()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process = None
        self.context.destroy(linger=0)
        if expect is not None and status != expect:
            raise AssertionError(f"penstockd ended with {status}, expected {expect}:\n{self.log()}")
        left = [f"{pid} {comm}" for pid, comm in pids.items() if os.path.exists(f"/proc/{pid}")]
        if left:
            raise AssertionError(f"left behind: {left}")
        self.last_log = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write(self.log()[-20000:])
            if self.process is not None:
                self.process.kill()
                self.process.wait()
            self.context.destroy(linger=0)
            return
        self.stop()

    def socket(self, kind=zmq.DEALER, control=False):
        sock = self.context.socket(kind)
        sock.linger = 0
        sock.rcvtimeo = ANSWER_TIMEOUT_MS
        sock.connect("ipc://" + (self.control if control else self.tasks))
        return sock

    def client(self, **kwargs):
        return Client(self.socket(**kwargs))


class Clock:
    """Moves the wall clock of a host's core, and of nobody else: Host(environment=clock.environment)."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="clock-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.file.name, 0o644)
        self.environment = {"PENSTOCK_CLOCK_FILE": self.file.name}
        self.moved_ms = 0
        self.step(0)

    def step(self, milliseconds):
        """Forward, or back if below 0, from where it is."""
        self.moved_ms += milliseconds
        os.pwrite(self.file.fileno(), struct.pack("=q", self.moved_ms), 0)

    def now_ms(self):
        return int(time.time() * 1000) + self.moved_ms


class Client:
    """A DEALER that speaks PEN/1."""

    def __init__(self, sock):
        self.sock = sock

    def send(self, verb, header=None, *body):
        raw = header if isinstance(header, bytes) else json.dumps(header or {}).encode()
        self.sock.send_multipart([b"PEN/1", verb.encode(), raw, *body])

    def receive(self, *verbs):
        """The next message of one of these verbs (or of any): verb, header, body."""
        while True:
            frames = self.sock.recv_multipart()
            at = frames.index(b"PEN/1")
            verb = frames[at + 1].decode()
            if not verbs or verb in verbs:
                return verb, json.loads(frames[at + 2]), frames[at + 3:]

    def ask(self, verb, header=None, *body):
        self.send(verb, header, *body)
        return self.receive("WELCOME", "ACCEPTED", "REFUSED", "INFO", "PONG")

    def is_silent(self, milliseconds=200):
        return self.sock.poll(milliseconds) == 0

    def submit(self, pipeline, params=None, inputs=None, **members):
        header = {"pipeline": pipeline, "params": params or {}, **members}
        inputs = {"x": b"bytes"} if inputs is None else inputs  # the echo plugin wants one
        if inputs:
            header["inputs"] = [{"name": name, "frame": i} for i, name in enumerate(inputs)]
        self.send("SUBMIT", header, *inputs.values())

    def run(self, pipeline, params=None, inputs=None, **members):
        """RESULT or REFUSED: header and body."""
        self.submit(pipeline, params, inputs, **members)
        _, header, body = self.receive("RESULT", "REFUSED")
        return header, body

    def close(self):
        self.sock.close()
