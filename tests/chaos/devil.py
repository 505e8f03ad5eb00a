"""What befalls the host, its clients and its orchestrator; at random, from the seed."""
import os
import random
import signal
import socket
import threading
import time

# act: weight. Those that end the whole host also set the supervisor's pauses back, which grow with each death of a role.
ACTS = {"task": 8, "warden": 4, "core": 3, "launcher": 1, "shim": 2, "client": 3, "cut": 2, "penstockd": 1, "power": 2,
        "disk": 2, "reload": 2}
ENDS_ROLE = ("core", "launcher")
SLOW = (*ENDS_ROLE, "penstockd", "power")  # after these it takes a second until anything is done again
ROLE_DEATHS_MAX = 4
PAUSE_S, RESTART_S = (0.1, 0.8), 1.0
DISK_FULL_S = (0.3, 1.0)


class Line:
    """A connection that can be cut: hands what comes to its port on to another one."""

    def __init__(self, port):
        self.to, self.is_up, self.ends = port, True, []
        self.lock = threading.Lock()
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.door.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to)) if self.is_up else None
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            with self.lock:
                self.ends += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.is_up = False
        with self.lock:
            ends, self.ends = self.ends, []
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def mend(self):
        self.is_up = True

    def close(self):
        self.door.close()
        self.cut()


class Devil:
    """clients: objects with kill(); line: a Line or None. counts: how often each act was done."""

    def __init__(self, seed, host, clients, line, say):
        self.rng, self.host, self.clients, self.line, self.say = random.Random(f"{seed}/devil"), host, clients, line, say
        self.counts = dict.fromkeys(ACTS, 0)
        self.role_deaths = 0
        self.lost_sectors = 0
        self.is_over = False

    @property
    def kills(self):
        return sum(n for act, n in self.counts.items() if act not in ("cut", "disk", "reload"))

    def excuses(self):
        """How many tasks may say that they were killed. A shot at a box hits what is in its four slots. A task ends as
        INTERNAL when the host has died three times while it ran, and each death hits the four that run."""
        deaths = sum(self.counts[act] for act in (*ENDS_ROLE, "penstockd", "power"))
        return 4 * (self.counts["task"] + self.counts["warden"]) + 4 * deaths // 3

    def _boxes(self):
        """Pids of wardens, and of what is below them."""
        launcher = self.host.pid_of("penstock-launcher")
        family = self.host.family()
        wardens = [pid for pid, s in family.items() if int(s["PPid"]) == launcher]
        return wardens, [pid for pid, s in family.items() if int(s["PPid"]) in wardens]

    def _shoot(self, pids):
        return bool(pids) and self.host.kill(self.rng.choice(sorted(pids)))

    def _do_task(self):
        return self._shoot(self._boxes()[1])

    def _do_warden(self):
        return self._shoot(self._boxes()[0])

    def _do_role(self, name):
        pid = self.host.pid_of(name)
        return pid is not None and self.host.kill(pid)

    def _do_core(self):
        return self._do_role("penstock-core")

    def _do_launcher(self):
        return self._do_role("penstock-launcher")

    def _do_shim(self):
        return self._do_role("penstock-shim")

    def _do_client(self):
        running = [c for c in self.clients if c.is_running()]
        if not running:
            return False
        self.rng.choice(running).kill()
        return True

    def _do_cut(self):
        if self.line is None:
            return False
        self.line.cut()
        time.sleep(self.rng.uniform(*DISK_FULL_S))
        self.line.mend()
        return True

    def _do_penstockd(self):
        if self.rng.random() < 0.5:  # it alone: the rest has to notice
            self.host.process.send_signal(signal.SIGKILL)
        self.host.kill_all()
        self._restart()
        return True

    def _do_power(self):
        self.lost_sectors += self.host.lose_power(self.rng)
        self._restart()
        return True

    def _do_disk(self):
        if not self.host.has_disk:
            return False
        self.host.fill_disk()
        time.sleep(self.rng.uniform(*DISK_FULL_S))
        self.host.free_disk()
        return True

    def _do_reload(self):
        self.host.reload()
        return True

    def _restart(self):
        self.role_deaths = 0
        if not self.host.start():
            raise AssertionError("the host did not get ready again")

    def revive(self):
        """A host that ended by itself is started again, and that is said."""
        if self.host.process.poll() is not None:
            self.say(f"penstockd ended by itself with {self.host.process.returncode}")
            self.host.kill_all()
            self._restart()

    def one_act(self):
        acts = dict(ACTS)
        if self.role_deaths >= ROLE_DEATHS_MAX:
            acts = {act: n for act, n in acts.items() if act not in ENDS_ROLE}
            if not any(acts.values()):
                acts["penstockd"] = 1
        act = self.rng.choices(list(acts), list(acts.values()))[0]
        self.revive()
        if getattr(self, "_do_" + act)():
            self.counts[act] += 1
            self.role_deaths += act in ENDS_ROLE
            self.say(act)
        return act

    def run(self, until, deadline):
        """Acts until until() or the deadline (monotonic seconds)."""
        while not until() and time.monotonic() < deadline:
            act = self.one_act()
            time.sleep(self.rng.uniform(*PAUSE_S) + (RESTART_S if act in SLOW else 0))
