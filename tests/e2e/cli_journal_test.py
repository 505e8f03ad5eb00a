"""penstock journal and what the doctor says of the journal: with a host that runs, without, for another user."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

from cli_lib import PENSTOCK, environment, run
from penstock_host import Host

IS_ROOT = os.geteuid() == 0
NOBODY = 65534


def folder():
    path = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
    os.chmod(path, 0o755)
    return path


class Case(unittest.TestCase):
    """A host with two tasks: one whose large input and result lie in files, one that is open."""

    def setUp(self):
        self.host = Host(plugins=["echo", "misbehave"], host="max_concurrent = 1").start()
        self.addCleanup(self.host.stop)
        client = self.host.client()
        client.ask("HELLO", {"name": "test"})
        client.submit("echo", {"n": 1}, {"x": os.urandom(100000)}, task_id="large")
        client.receive("RESULT")
        client.submit("spin_ms", {"ms": 600000}, task_id="runs")
        client.receive("ACCEPTED")
        self.state = os.path.join(self.host.dir, "state")
        self.env = {"PENSTOCK_HOST_STATE_DIR": self.state, "PENSTOCK_HOST_RUNTIME_DIR": folder()}

    def tearDown(self):
        self.kill()

    def kill(self):
        """The host, at once: what it has in its journal stays as it is."""
        if self.host.process is None:
            return
        pids = self.host.children()
        self.host.process.kill()
        self.host.process.wait()
        self.host.process = None
        end = time.monotonic() + 30
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            self.assertLess(time.monotonic(), end, pids)
            time.sleep(0.01)
        self.host.context.destroy(linger=0)

    def run_it(self, *args, **more):
        return run(*args, env=self.env, **more)

    def ok(self, *args):
        answer = self.run_it(*args)
        self.assertEqual(answer.status, 0, answer)
        return answer

    def fails(self, words, *args):
        answer = self.run_it(*args)
        self.assertEqual(answer.status, 1, answer)
        self.assertTrue(answer.err.startswith("penstock: "), answer)
        self.assertIn(words, answer.err)
        return answer

    def look(self):
        """What holds whether the host runs or not."""
        self.assertIn("all is well", self.ok("journal", "check").out)
        self.assertEqual(self.ok("journal", "check", "--json").json(), {"findings": []})
        status = self.ok("journal", "status", "--json").json()
        self.assertEqual(status["tasks"], {"open": 1, "unacknowledged": 1, "closed": 0, "dead": 0})
        self.assertEqual(status["version"], status["known_version"])
        self.assertEqual(status["spool_bytes"], 100000)
        self.assertIn("unacknowledged", self.ok("journal", "status").out)
        lines = [json.loads(line) for line in self.ok("journal", "export").out.splitlines()]
        self.assertEqual([t["task_id"] for t in lines], ["large", "runs"])
        self.assertEqual(lines[0]["result"]["code"], "OK")
        self.assertIn("base64", lines[0]["result"]["outputs"][0])
        self.assertEqual(lines[1]["header"]["params"], {"ms": 600000})


class Tools(Case):
    def test_with_a_host_and_without(self):
        self.look()
        self.kill()
        self.look()
        self.host.start()  # what the tools opened is still its user's

    def test_export_to_a_file(self):
        path = os.path.join(folder(), "tasks")
        self.assertEqual(self.ok("journal", "export", "--output", path).out, "")
        with open(path, encoding="utf-8") as f:
            self.assertEqual(len(f.readlines()), 2)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.fails("Not a directory", "journal", "export", "--output", os.path.join(path, "x"))

    def test_a_backup_is_a_journal(self):
        to = os.path.join(folder(), "backup")
        self.assertEqual(self.ok("journal", "backup", to, "--json").json()["to"], to)
        self.fails("File exists", "journal", "backup", to)
        self.kill()
        self.env["PENSTOCK_HOST_STATE_DIR"] = folder()
        shutil.copytree(to, os.path.join(self.env["PENSTOCK_HOST_STATE_DIR"], "journal"))
        self.look()

    def test_damage_is_found(self):
        self.kill()
        spool = os.path.join(self.state, "journal", "spool")
        for name in os.listdir(spool):
            os.unlink(os.path.join(spool, name))
        answer = self.run_it("journal", "check")
        self.assertEqual(answer.status, 1)
        self.assertIn("task large", answer.out)
        self.assertIn("put a backup back", answer.out)
        findings = self.run_it("journal", "check", "--json")
        self.assertEqual((findings.status, len(findings.json()["findings"])), (1, 1))

    def test_versions(self):
        self.kill()
        db = sqlite3.connect(os.path.join(self.state, "journal", "journal.db"))
        db.execute("PRAGMA user_version = 99")
        db.close()
        self.fails("use the newer program", "journal", "check")
        checks = self.run_it("doctor", "--json").json()["checks"]
        self.assertIn(("journal", "fail"), {(c["check"], c["state"]) for c in checks})

    def test_no_journal(self):
        self.env["PENSTOCK_HOST_STATE_DIR"] = folder()
        self.fails("no host has run with this state_dir", "journal", "check")

    @unittest.skipUnless(IS_ROOT, "not root")
    def test_another_user_is_told_what_is_missing(self):
        answer = subprocess.run([PENSTOCK, "journal", "check"], env=environment(**self.env, HOME="/"),
                                capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                                check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("run it as root, or as the user of the host", answer.stderr)


class Doctor(Case):
    def checks(self):
        return {c["check"]: c for c in self.run_it("doctor", "--json").json()["checks"]}

    def test_tells_of_the_journal(self):
        checks = self.checks()
        self.assertEqual(checks["journal"]["state"], "ok")
        self.assertIn("1 open, 1 unacknowledged", checks["journal"]["text"])
        self.assertIn("kept for 1d", checks["journal"]["text"])
        self.assertEqual(checks["journal room"]["state"], "ok")

    def test_tells_of_a_full_disk(self):
        self.env["PENSTOCK_HOST_JOURNAL_RESERVE"] = "1000G"
        room = self.checks()["journal room"]
        self.assertEqual(room["state"], "fail")
        self.assertIn("no durable task is taken", room["text"])
        self.assertIn("journal_reserve", room["remedy"])

    def test_before_the_first_start(self):
        self.env["PENSTOCK_HOST_STATE_DIR"] = folder()
        self.assertIn("is not there yet", self.checks()["journal"]["text"])


if __name__ == "__main__":
    unittest.main()
