"""Against the real Avtomatika orchestrator: the whole path with a real host, and then the shim alone with a played core,
which can give results that no plugin of ours gives. Skipped where PENSTOCK_AVTOMATIKA_PYTHON names no such server."""
import json
import os
import random
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from orchestrators import Avtomatika
from path_lib import Path
from shim_core import FakeCore
from shim_test import SHIM, WAIT_S

TYPES = ("spin_ms", "crash", "fail_input", "progress", "thumbnail", "status", "echo")


class WholePath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.orchestrator = Avtomatika(types=TYPES)
        cls.path = Path(cls.orchestrator, ["thumbnail", "misbehave"], host="max_concurrent = 2\ndrain_timeout = 20s")

    @classmethod
    def tearDownClass(cls):
        cls.path.stop()
        cls.orchestrator.stop()

    def test_finished(self):
        job = self.path.run("spin_ms", {"ms": 7}, timeout_seconds=60)
        self.assertEqual((job["state"], job["data"].get("ms")), ("finished", 7), (job, self.path.host.log()))

    def test_many(self):
        jobs = [self.path.create("spin_ms", {"ms": i}, timeout_seconds=60) for i in range(10)]
        for i, job_id in enumerate(jobs):
            job = self.path.ended(job_id)
            self.assertEqual((job["state"], job["data"].get("ms")), ("finished", i), self.path.host.log())

    def test_failures(self):
        job = self.path.run("fail_input", timeout_seconds=60)
        self.assertEqual(job["state"], "failed", job)
        self.assertIn("invalid input", job["error"])
        job = self.path.run("crash", timeout_seconds=60)
        self.assertEqual(job["state"], "quarantined", job)

    def test_outputs_without_a_file_store(self):
        job = self.path.run("thumbnail", {"width": 10}, timeout_seconds=60)
        self.assertIn(job["state"], ("failed", "quarantined"), job)

    def test_progress(self):
        job_id = self.path.create("progress", {"n": 30, "ms": 100}, timeout_seconds=60)
        seen = set()
        while self.orchestrator.state(job_id)["state"] == "open":
            seen.add(self.orchestrator.state(job_id)["progress"])
            time.sleep(0.05)
        self.assertTrue([p for p in seen if p and 0 < p < 1], (seen, self.path.host.log()))
        self.assertEqual(self.path.ended(job_id)["state"], "finished")

    def test_killed_and_finished_by_the_same_run(self):
        job_id = self.path.create("progress", {"n": 30, "ms": 100}, timeout_seconds=100)
        end = time.monotonic() + WAIT_S
        while not self.orchestrator.state(job_id)["progress"]:
            self.assertLess(time.monotonic(), end, self.path.host.log())
            time.sleep(0.05)
        seen = len(self.path.host.log())
        for names in (["penstock-shim"], ["penstock-core"], ["penstock-core", "penstock-shim"]):
            before = self.path.host.log().count("connected with the core")
            for pid in [self.path.host.pid_of(name) for name in names]:
                os.kill(pid, signal.SIGKILL)
            while self.path.host.log().count("connected with the core") == before:
                self.assertLess(time.monotonic(), end, self.path.host.log())
                time.sleep(0.05)
        job = self.path.ended(job_id)
        log = self.path.host.log()[seen:]
        self.assertEqual((job["state"], job["data"].get("steps")), ("finished", 30), (job, log))
        self.assertEqual((log.count("task taken task_id"), log.count("result taken")), (0, 1), log)

    def test_cancelled(self):
        job_id = self.path.create("progress", {"n": 1000, "ms": 50}, timeout_seconds=100)
        while not self.orchestrator.state(job_id)["progress"]:
            time.sleep(0.05)
        self.assertEqual(self.orchestrator.cancel(job_id), 200)
        self.assertEqual(self.path.ended(job_id)["state"], "cancelled")
        client = self.path.host.client(control=True)
        self.addCleanup(client.close)
        end = time.monotonic() + WAIT_S
        while client.ask("STATS")[1]["capacity"]["running"] > 0:
            self.assertLess(time.monotonic(), end, self.path.host.log())
            time.sleep(0.05)


class Shim(unittest.TestCase):
    """What the server checks: each signature over its own idea of our bytes."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        os.chmod(self.directory, 0o755)  # a shim that root starts is not root
        self.orchestrator = Avtomatika(types=TYPES)
        self.core = FakeCore(self.directory)
        self.core.pipelines = [{"slug": "echo", "version": "1.0.0", "summary": "große Sätze, 中文, \U0001f600", "state": "ready",
                                "params_schema": {"type": "object", "properties": {"x": {"type": "number", "maximum": 1.5e-7}}}}]
        self.log = open(os.path.join(self.directory, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [SHIM, "--config", "/dev/null", "--name", "t", "--core", self.core.endpoint, "--state-dir", self.directory,
             "--set", "shim.t.dialect=avtomatika", "--set", "shim.t.url=" + self.orchestrator.url,
             "--set", "shim.t.poll_timeout=1s", "--set", "shim.t.heartbeat_interval=500ms"],
            stdin=subprocess.DEVNULL, stderr=self.log, env=dict(os.environ, PENSTOCK_SHIM_T_TOKEN=self.orchestrator.token))
        self.logged("registered at the orchestrator")

    def tearDown(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(WAIT_S), 0, self.text())
        self.core.close()
        self.orchestrator.stop()
        self.log.close()

    def text(self):
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def logged(self, words):
        end = time.monotonic() + WAIT_S
        while words not in self.text():
            self.assertLess(time.monotonic(), end, self.text())
            time.sleep(0.02)

    def run_job(self, data, **result):
        job_id = self.orchestrator.create("echo", {}, timeout_seconds=60)
        task = self.core.take()
        self.core.result(task, data=data, **result)
        self.assertEqual(self.core.next("ACK")["task_id"], task["task_id"], self.text())
        end = time.monotonic() + WAIT_S
        while self.orchestrator.state(job_id)["state"] == "open":
            self.assertLess(time.monotonic(), end, self.text())
            time.sleep(0.02)
        return self.orchestrator.state(job_id)

    def check(self, data):
        job = self.run_job(data)
        self.assertEqual(job["state"], "finished", (data, job, self.text()[-3000:]))
        return job["data"]

    def test_cancelled_too_late(self):
        job_id = self.orchestrator.create("echo", {}, timeout_seconds=60)
        task = self.core.take()
        self.assertEqual(self.orchestrator.cancel(job_id), 200)
        self.core.next("CANCEL")
        self.core.result(task, data='{"a":1}')
        self.core.next("ACK")
        self.assertIn("came too late", self.text())
        self.assertEqual(self.orchestrator.state(job_id)["state"], "cancelled")
        self.assertNotIn("RESULT LOST", self.text())

    def test_numbers(self):
        rows = ["0.1", "1e-7", "12.0", "1e16", "-0.0", "-0", "1E3", "1.5e-300", "5e-324", "0.30000000000000004", "1e-5", "0.00001234",
                "123456789012345.6", "1234567890123456.7", "9007199254740993", "18446744073709551615", "-9223372036854775808",
                "1.7976931348623157e-308", "2.2250738585072014e-308", "0.1e1", "100e-2", "1.0000000000000002", "9.5367431640625e-7",
                "9007199254740992.0", "1e18", "4.35", "0.000001", "2.5e-5"]
        got = self.check('{"n":[' + ",".join(rows) + "]}")
        self.assertEqual(got["n"], [json.loads(row) for row in rows])

    def test_random_numbers(self):
        chance = random.Random(7)
        numbers = []
        while len(numbers) < 5000:
            v = struct.unpack("d", chance.randbytes(8))[0]
            if v == v and abs(v) < 1e18:
                numbers.append(v)
        numbers += [chance.uniform(-1e6, 1e6) for _ in range(2000)] + [round(chance.uniform(0, 1), 6) for _ in range(1000)]
        self.assertEqual(self.check(json.dumps({"n": numbers}))["n"], numbers)

    def test_texts_and_nulls(self):
        data = ('{ "z" : null , "a\\u00e4" : "\\ud83d\\ude00 \\/ \\b\\f\\n\\r\\t\\u0001\\u007f" , "ä": [null, {"x":null,"y":{"q":null}}],'
                '"\\u4e2d":"中","empty":{},"list":[], "quote\\"":"\\\\" }')
        got = self.check(data)
        self.assertEqual(got["aä"], "\U0001f600 / \b\f\n\r\t\x01\x7f")
        self.assertEqual((got["中"], got['quote"'], got["list"]), ("中", "\\", []))

    def test_deepest(self):
        job = self.run_job('{"a":' * 28 + "1" + "}" * 28)
        self.assertEqual(job["state"], "finished", (job, self.text()[-2000:]))

    def test_what_it_cannot_take(self):
        self.core.max_concurrent = 1
        for data in ('{"n":1e20}', '{"a":' * 40 + "1" + "}" * 40):
            job_id = self.orchestrator.create("echo", {}, timeout_seconds=60)
            while self.orchestrator.state(job_id)["state"] == "open":  # tried again, then put aside
                if self.core.has("SUBMIT"):
                    self.core.result(self.core.take(), data=data)
                time.sleep(0.02)
            job = self.orchestrator.state(job_id)
            self.assertEqual(job["state"], "quarantined", job)
            self.assertNotIn("RESULT LOST", self.text())
            self.assertNotIn("trying again", self.text())

    def test_largest(self):
        self.check('{"a":"' + "x" * (1024 * 1024 - 600) + '"}')


if __name__ == "__main__":
    unittest.main()
