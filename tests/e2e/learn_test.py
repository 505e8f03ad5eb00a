"""Learn mode: what a plugin would need, printed as configuration that gives it."""
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import unittest

from cli_lib import PENSTOCK, TIMEOUT_S, environment, run
from penstock_host import plugin_file

WANTS = "org.penstock.test.wants"
DEEDS = "open stat connect mincore memfd rwx mprotect mlock"


def descendants(pid):
    """Of that process, by the kernel's own lists."""
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = [int(word) for word in f.read().split()]
    except OSError:
        return found
    for child in children:
        found += [child, *descendants(child)]
    return found


class Learn(unittest.TestCase):
    def setUp(self):
        # Not below the folder in which boxes of ours keep their state.
        self.dir = tempfile.mkdtemp(prefix="learn-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.dir, 0o755)
        self.file = os.path.join(self.dir, "model.bin")
        with open(self.file, "w", encoding="ascii") as f:
            f.write("model")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]

    def params(self, deeds):
        return json.dumps({"deeds": deeds, "file": self.file, "port": str(self.port)}, separators=(",", ":"))

    def learn(self, deeds, *more):
        answer = run("plugin", "learn", plugin_file("wants"), "-P", self.params(deeds), *more)
        self.assertEqual(answer.status, 0, answer)
        return answer

    def settings(self, deeds, *more):
        return self.learn(deeds, "--json", *more).json()

    def run_with(self, config, deeds):
        answer = run("run", plugin_file("wants"), "--config", config, "-P", self.params(deeds))
        self.assertEqual(answer.status, 0, answer)
        return answer.json()

    def test_the_snippet_names_it_and_gives_it(self):
        answer = self.learn(DEEDS + " ptrace write")
        self.assertEqual(answer.out.splitlines(), [
            "# wants, in one task: it needs what its configuration does not give",
            f"# It connected to 127.0.0.1:{self.port} (TCP)",
            "# Never allowed, and ends the task: ptrace",
            "# Refused with an error in every profile but off; most plugins do without: mlock",
            f"# Written to, but only a task's own directory can be: {self.file}",
            f'plugin "{WANTS}" {{', '    pipeline "wants" {', "        profile = network",
            f"        connect_ports = {{{self.port}}}", "        extra_syscalls = {mincore}",
            f'        inputs = {{"{self.file}"}}', "        jit = yes", "    }", "}"])
        config = os.path.join(self.dir, "learned.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(answer.out)
        self.assertEqual(run("config", "check", "--config", config).status, 0)
        bare = os.path.join(self.dir, "bare.conf")
        with open(bare, "w", encoding="utf-8"):
            pass
        allowed = DEEDS.split()
        before, after = self.run_with(bare, DEEDS), self.run_with(config, DEEDS)
        self.assertEqual([d for d in allowed if before[d] == 0], [])
        self.assertEqual([d for d in allowed if after[d] != 0], ["mlock"])
        again = self.learn(DEEDS, "--config", config)
        self.assertIn("its configuration gives what it needs", again.out)

    def test_each_deed_alone(self):
        none = {"connect_ports": [], "extra_syscalls": [], "inputs": [], "jit": False}
        table = {
            "": {}, "flock": {}, "mlock": {}, "ptrace": {}, "write": {},
            "open": {"inputs": [self.file]}, "stat": {"inputs": [self.file]},
            "connect": {"profile": "network", "connect_ports": [str(self.port)]},
            "mincore": {"extra_syscalls": ["mincore"]}, "memfd": {"extra_syscalls": ["memfd_create"]},
            "rwx": {"jit": True}, "mprotect": {"jit": True}, "rwx memfd": {"jit": True},
        }
        for deeds, wanted in table.items():
            with self.subTest(deeds=deeds):
                got = self.settings(deeds)
                self.assertEqual(got["settings"], {**none, **wanted})
                self.assertEqual((got["task"], got["new"], got["complete"]), ("OK", bool(wanted), True))
                self.assertEqual(got["never_allowed"], ["ptrace"] if deeds == "ptrace" else [])
                self.assertEqual(got["refused"], ["mlock"] if deeds == "mlock" else [])

    def test_what_is_configured_stays(self):
        at = f"plugin.{WANTS}.pipeline.wants"
        sets = ("--set", f"{at}.profile=network", "--set", f"{at}.connect_ports=1", "--set",
                f"{at}.extra_syscalls=getxattr", "--set", f"{at}.inputs={self.dir}")
        got = self.settings("open connect mincore", *sets)["settings"]
        self.assertEqual((got["connect_ports"], got["extra_syscalls"], got["inputs"]),
                         (["1", str(self.port)], ["getxattr", "mincore"], [self.dir]))

    def test_nothing_reaches_the_network(self):
        self.settings("connect")
        self.server.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.server.accept()

    def test_a_task_that_fails(self):
        answer = run("plugin", "learn", plugin_file("misbehave"), "--pipeline", "crash")
        self.assertEqual(answer.status, 0, answer)
        self.assertIn("the task failed (CRASH), so this may not be all", answer.err)
        answer = run("plugin", "learn", plugin_file("misbehave"), "--pipeline", "ptrace", "--json")
        self.assertEqual((answer.json()["task"], answer.json()["never_allowed"]), ("OK", ["ptrace"]))

    def test_what_cannot_be_learned(self):
        for status, words, args in (
                (3, "no plugin", ["/nowhere.so"]), (1, "is broken", [plugin_file("no_symbol")]),
                (2, "has", [plugin_file("misbehave")]),
                (1, "nothing to learn", [plugin_file("wants"), "--set",
                                         f"plugin.{WANTS}.pipeline.wants.profile=off"])):
            answer = run("plugin", "learn", *args)
            self.assertEqual(answer.status, status, answer)
            self.assertIn(words, answer.err)

    def test_the_box_dies_with_its_supervisor(self):
        with subprocess.Popen([PENSTOCK, "plugin", "learn", plugin_file("misbehave"), "--pipeline", "sleep", "-t", "60s",
                               "-v"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()) as process:
            for line in process.stderr:
                if b"box ready" in line:
                    break
            pids = descendants(process.pid)
            self.assertGreaterEqual(len(pids), 3)  # launcher, warden, zygote
            handles = [os.pidfd_open(pid) for pid in pids]
            process.send_signal(signal.SIGKILL)
            ended = [bool(select.select([handle], [], [], TIMEOUT_S)[0]) for handle in handles]
            for handle in handles:
                os.close(handle)
            self.assertEqual(ended, [True] * len(pids))


if __name__ == "__main__":
    unittest.main()
