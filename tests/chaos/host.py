"""A host that is made to suffer: its programs in a folder of their own, its state on a small disk of its own, and a file
layer under its core that knows what was not synced."""
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

import undo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from penstock_host import BIN, BOX_UID_BASE, BUILD, plugin_file  # noqa: E402
from processes import descendants, everything  # noqa: E402

DISK_BYTES = 96 << 20
PROGRAMS = ("penstockd", "penstock-launcher", "penstock-box", "penstock-shim", "penstock-symbols", "penstock-core")
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
START_S, END_S, SYNC_US = 60, 30, 1000

CONFIG = '''host {{
    runtime_dir = "{folder}/run"
    state_dir = "{folder}/disk/state"
    plugin_dirs = {{ "{folder}/plugins" }}
    box_uid_base = {uid_base}
    max_concurrent = 4
    queue_max = 2000
    heartbeat = 1s
    drain_timeout = 20s
    log_level = {level}
    journal_ballast = 1Mi
    journal_reserve = 4Mi
    {host}
}}
plugin "org.penstock.test.chaos" {{
    pipeline "chaos_fork" {{ timeout = 20s {retries} }}
    pipeline "chaos_warm" {{ mode = warm timeout = 20s {retries} }}
    pipeline "chaos_hard" {{ timeout = 5s cpu_limit = 200ms memory = 24M {retries} }}
    pipeline "chaos_wait" {{ timeout = 60s {retries} }}
    pipeline "chaos_flaky" {{ timeout = 20s {retries} }}
}}
{sections}
'''


def libc_call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def own_mounts():
    """Before anything is mounted or started: mounts of this process are its own. False: no right to."""
    try:
        libc_call("unshare", CLONE_NEWNS)
        libc_call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError:
        return False
    return True


def forgetful(folder, is_deaf=False):
    """The layer under the core that knows what was not synced. is_deaf: as if the core never synced at all."""
    layer = {"LD_PRELOAD": f"{os.path.abspath(BUILD)}/tests/chaos/chaos_forget.so", "FORGET_ROOT": f"{folder}/disk/state",
             "FORGET_LOG": f"{folder}/undo/log", "FORGET_SYNC_US": SYNC_US}
    return dict(layer, FORGET_DEAF=1) if is_deaf else layer


def _environment(layer):
    """ASan wants to be the first library; under a layer it is not, and may be the second."""
    options = os.environ.get("ASAN_OPTIONS", "")
    return dict(layer, ASAN_OPTIONS=f"{options}:verify_asan_link_order=0")


class Host:
    """layers: libraries under the core, each a dict for its environment; has_disk: own_mounts said so."""

    def __init__(self, folder, has_disk, sections="", environment=None, core=(), launcher=(), host="", level="warn"):
        self.folder, self.has_disk = folder, has_disk
        self.disk, self.state = f"{folder}/disk", f"{folder}/disk/state"
        self.log_path, self.fill_path = f"{folder}/log", f"{folder}/disk/fill"
        self.tasks, self.control = f"ipc://{folder}/run/tasks.sock", f"ipc://{folder}/run/control.sock"
        self.environment = dict(os.environ, **(environment or {}))
        self.process, self.starts = None, 0
        for name in ("bin", "plugins", "disk", "undo"):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
        os.chmod(folder, 0o755)
        os.chmod(f"{folder}/undo", 0o777)  # the core writes there, as a user of its own
        if has_disk:
            options = f"size={DISK_BYTES},mode=755".encode()
            libc_call("mount", b"chaos", self.disk.encode(), b"tmpfs", 0, options)
        shutil.copyfile(plugin_file("chaos"), f"{folder}/plugins/chaos.so")
        self._place_programs({"penstock-core": core, "penstock-launcher": launcher})
        with open(f"{folder}/plugins.conf", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(folder=folder, uid_base=BOX_UID_BASE, host=host, sections=sections, level=level,
                                  retries="max_attempts = 3 retry_delay = 50ms"))

    def _place_programs(self, layers):
        """The supervisor starts the roles that lie beside it; one that gets a layer is a script that sets it."""
        for name in PROGRAMS:
            target, real = f"{self.folder}/bin/{name}", os.path.abspath(f"{BIN}/{name}")
            variables = [f"{key}='{value}'" for layer in layers.get(name, ())
                         for key, value in _environment(layer).items()]
            if not variables:
                shutil.copy2(real, target)
                continue
            with open(target, "w", encoding="utf-8") as f:
                f.write(f"#!/bin/sh\nexec env {' '.join(variables)} '{real}' \"$@\"\n")
            os.chmod(target, 0o755)

    # ---- life

    def start(self):
        ready, write = os.pipe()
        self.starts += 1
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [f"{self.folder}/bin/penstockd", "--config", f"{self.folder}/plugins.conf", "--ready-fd", str(write)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[write], env=self.environment,
                start_new_session=True)
        os.close(write)
        readable, _, _ = select.select([ready], [], [], START_S)
        line = os.read(ready, 64) if readable else b""
        os.close(ready)
        return line == b"ready\n"

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def family(self):
        """Command names by pid, of penstockd and all below it."""
        if self.process is None or self.process.poll() is not None:
            return {}
        there = everything()
        if self.process.pid not in there:
            return {}
        return {pid: there[pid] for pid in descendants(self.process.pid, there)}

    def of_our_users(self):
        """What runs as a user of the host's own."""
        users = range(BOX_UID_BASE - 100, BOX_UID_BASE + 65536)
        return {pid: s["Name"] for pid, s in everything().items() if int(s["Uid"].split()[0]) in users}

    def pid_of(self, name):
        return next((pid for pid, s in self.family().items() if s["Name"] == name[:15]), None)

    def kill(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            return False

    def kill_all(self):
        """As the end of power does it: nothing of the host lives on."""
        if self.process is None:
            return
        family = list(self.family())
        for pid in family:
            self.kill(pid)
        self.process.wait()
        end = time.monotonic() + END_S
        while self.of_our_users() or any(os.path.exists(f"/proc/{pid}") for pid in family):
            for pid in self.of_our_users():
                self.kill(pid)
            if time.monotonic() > end:
                raise AssertionError(f"processes outlive a kill: {self.of_our_users()}")
            time.sleep(0.01)

    def lose_power(self, rng):
        """Everything is killed, and the disk keeps what was synced, and some of the rest. Returns what was lost."""
        self.kill_all()
        lost = undo.restore(f"{self.folder}/undo", self.state, rng)
        shutil.rmtree(f"{self.folder}/run", ignore_errors=True)  # it does not outlive a boot
        return lost

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=90)

    # ---- its disk

    def fill_disk(self):
        with open(self.fill_path, "ab", buffering=0) as f:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def free_disk(self):
        os.unlink(self.fill_path)

    def leave_disk(self):
        if self.has_disk:
            libc_call("umount", self.disk.encode())


def leave_line(name, text):
    """For tools/test, which shows it: ctest hides what a test that passed has printed."""
    os.makedirs(f"{BUILD}/chaos", exist_ok=True)
    with open(f"{BUILD}/chaos/{name}.txt", "w", encoding="utf-8") as f:
        f.write(text + "\n")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def is_address_sanitized(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return "libasan" in f.read()
