"""What boxes guarantee, as an operator meets it: the log, STATS, doctor, and a host that does not start below what is
required. Walls are taken away with PENSTOCK_WITHOUT, as a machine without them would."""
import json
import os
import subprocess
import tempfile
import unittest

from cli_lib import run
from penstock_host import BIN, BUILD, Host, plugin_file

NAMES = ["fs", "net", "process", "syscalls", "memory", "pids", "cpu", "kill", "wx", "disk"]
REFUSED = 78


def penstock(*args, env=None, prefix=()):
    folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
    os.chmod(folder, 0o755)
    places = {"TMPDIR": folder, "PENSTOCK_HOST_RUNTIME_DIR": os.path.join(folder, "no-host"),
              "PENSTOCK_HOST_STATE_DIR": os.path.join(folder, "no-host")}
    if prefix:
        done = subprocess.run([*prefix, os.path.join(BIN, "penstock"), *args], env={**os.environ, **places, **(env or {})},
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr
    answer = run(*args, env={**places, **(env or {})})
    return answer.status, answer.out, answer.err


class Daemon(unittest.TestCase):
    def refused(self, without, host="", plugins=("echo",)):
        """The log of a host that must not start."""
        h = Host(plugins, host=host, environment={"PENSTOCK_WITHOUT": without})
        done = subprocess.run([os.path.join(BIN, "penstockd"), "--config", h.config], env=h.environment, timeout=30,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        # At once and once: what this machine lacks does not come with another try.
        self.assertEqual(done.stderr.count("role started role=launcher"), 1, done.stderr)
        self.assertNotIn("penstockd: host is ready", done.stderr)
        self.assertFalse(os.path.exists(h.tasks))
        h.context.destroy()
        return done.stderr

    def test_default_require(self):
        log = self.refused("seccomp")
        self.assertIn("walls are left out for a test", log)
        self.assertIn("process is none and must be at least weak: it starts and signals processes: no seccomp", log)
        self.assertIn("syscalls is none and must be at least weak", log)

    def test_no_plugin_at_all(self):
        # Nothing to scan: the host must not be ready before it knows what boxes hold.
        self.refused("seccomp", plugins=())

    def test_require_more(self):
        self.assertIn("wx is none and must be at least weak", self.refused("mdwe", 'require = { "fs", "wx" }'))
        self.assertIn("kill is weak and must be strong", self.refused("pidns", 'require_strong = { "kill" }'))

    def test_without_landlock(self):
        # A box then takes one task at a time, and the host knows it before it asks for more.
        with Host(host="max_concurrent = 4", environment={"PENSTOCK_WITHOUT": "landlock"}) as host:
            client = host.client()
            for i in range(3):
                client.submit("echo", task_id=f"t{i}")
            for _ in range(3):
                self.assertEqual(client.receive("RESULT", "REFUSED")[1]["status"], "success")
            client.close()

    def test_require_less(self):
        with Host(host="require = {}", environment={"PENSTOCK_WITHOUT": "seccomp"}) as host:
            client = host.client()
            _, stats, _ = client.ask("STATS")
            self.assertEqual(stats["guarantees"]["process"]["level"], "none")
            self.assertIn("no seccomp", stats["guarantees"]["process"]["reason"])
            self.assertEqual(client.run("echo")[0]["status"], "success")
            client.close()
            self.assertRegex(host.log(), r"warn penstock-launcher: guarantee name=process level=none")

    def test_stats_and_log(self):
        with Host() as host:
            env = {"PENSTOCK_CONFIG": host.config, "PENSTOCK_HOST_RUNTIME_DIR": None, "PENSTOCK_HOST_STATE_DIR": None}
            client = host.client()
            guarantees = client.ask("STATS")[1]["guarantees"]
            client.close()
            self.assertEqual(list(guarantees), NAMES)
            for name, g in guarantees.items():
                self.assertIn(g["level"], ("strong", "weak", "none"))
                self.assertEqual("reason" in g, g["level"] != "strong", name)
                self.assertRegex(host.log(), f"penstock-launcher: guarantee name={name} level={g['level']}")
            status, out, _ = penstock("stats", env=env)
            self.assertEqual(status, 0)
            self.assertRegex(out, r"(?m)^guarantees +fs \w+, net \w+, process \w+")


class Doctor(unittest.TestCase):
    def test_refused(self):
        status, out, _ = penstock("doctor", env={"PENSTOCK_WITHOUT": "seccomp"})
        self.assertEqual(status, 1)
        self.assertRegex(out, r"(?m)^fail  process +none +it starts and signals processes")
        self.assertIn("a host does not start here: it requires what fails above", " ".join(out.split()))

    def test_below_require_strong(self):
        status, out, _ = penstock("doctor", env={"PENSTOCK_WITHOUT": "pidns", "PENSTOCK_HOST_REQUIRE_STRONG": "kill"})
        self.assertEqual(status, 1)
        self.assertRegex(out, r"(?m)^fail  kill +weak +warden and launcher")

    def test_in_a_container(self):
        status, out, err = penstock("doctor", prefix=[os.path.join(BUILD, "tests", "no_namespaces")])
        self.assertEqual(status, 0, out + err)
        self.assertRegex(out, r"(?m)^ok    fs +strong  landlock")
        self.assertRegex(out, r"(?m)^warn  kill +weak +warden and launcher")
        self.assertRegex(out, r"(?m)^ +-> ")

    def test_json(self):
        status, out, _ = penstock("doctor", "--json")
        self.assertEqual(status, 0)
        answer = json.loads(out)
        self.assertEqual(list(answer["guarantees"]), NAMES)
        checks = {c["check"]: c for c in answer["checks"]}
        self.assertTrue(checks["fs"]["text"].startswith(answer["guarantees"]["fs"]["level"]))


class Run(unittest.TestCase):
    def test_refused(self):
        status, out, err = penstock("run", plugin_file("echo"), env={"PENSTOCK_WITHOUT": "seccomp"})
        self.assertEqual((status, out), (1, ""))
        self.assertIn("boxes do not hold here what is required: process is none", err)
        status, _, err = penstock("plugin", "check", plugin_file("echo"), env={"PENSTOCK_WITHOUT": "seccomp"})
        self.assertEqual(status, 1)
        self.assertIn("process is none", err)


if __name__ == "__main__":
    unittest.main()
