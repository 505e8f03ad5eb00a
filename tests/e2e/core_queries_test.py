"""QUERY and LIST: one view of what is in memory and what is in the journal."""
import json
import os
import subprocess
import time
import unittest

from penstock_host import BIN, Host


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["misbehave", "echo"], host="max_concurrent = 1").start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        self.client, self.secret = self.host.hello()
        self.operator = self.host.client(control=True)

    def task(self, client=None, **names):
        return (client or self.client).ask("QUERY", names)[1]["task"]

    def run_and_ack(self, task_id, pipeline="echo", params=None, inputs=None, client=None, **members):
        client = client or self.client
        client.submit(pipeline, params, inputs, task_id=task_id, **members)
        header = client.receive("RESULT")[1]
        client.ask("ACK", {"task_id": task_id, "reply": True})
        return header

    def test_a_task_that_has_left_memory(self):
        body = os.urandom(100000)
        before = self.run_and_ack("left", "echo", {"n": 1}, {"x": body}, metadata={"m": 1}, job_id="j", outputs={"digest": True})
        for where in ("journal", "after a restart"):
            with self.subTest(where=where):
                for client, names in ((self.client, {"task_id": "left"}), (self.client, {"uid": before["uid"]}),
                                      (self.host.client(), {"uid": before["uid"]}),  # a capability
                                      (self.operator, {"task_id": before["uid"]})):
                    client.send("QUERY", names)
                    _, info, frames = client.receive("INFO")
                    task = info["task"]
                    self.assertEqual((task["state"], task["status"], task["job_id"], task["pipeline"]),
                                     ("finished", "success", "j", "echo"))
                    self.assertTrue(frames == [body])
                    self.assertEqual(task["result"], before)
                self.assertIsNone(self.task(self.host.client(), task_id="left"))  # another's
            if where == "journal":
                self.host.kill_core()
                self.client, _ = self.host.hello(self.secret)
                self.operator = self.host.client(control=True)

    def test_unknown(self):
        self.assertIsNone(self.task(task_id="never"))
        self.assertIsNone(self.task(uid="00000000-0000-0000-0000-000000000000"))
        self.assertIsNone(self.task(self.operator, task_id="never"))
        self.assertIsNone(self.task())

    def test_history(self):
        self.run_and_ack("tries", "fail_retry", max_attempts=1)
        plain = self.task(task_id="tries")
        self.assertNotIn("history", plain)
        history = self.task(task_id="tries", history=True)["history"]
        self.assertEqual([h["event"] for h in history], ["accepted", "finished"])
        self.assertEqual((history[-1]["code"], history[-1]["attempt"]), ("TRANSIENT", 1))
        self.client.submit("crash", task_id="crashed")
        self.client.receive("RESULT")
        task = self.task(task_id="crashed", history=True)  # in memory, its history in the journal
        self.assertEqual((task["history"][-1]["code"], task["history"][-1]["details"]["signal"]), ("CRASH", "SIGSEGV"))
        self.assertEqual(task["result"]["error"]["details"]["signal"], "SIGSEGV")

    # ---- LIST

    def pages(self, client, limit, **filters):
        found, cursor = [], None
        while True:
            page = client.ask("LIST", {"limit": limit, **filters, **({"cursor": cursor} if cursor else {})})[1]
            self.assertLessEqual(len(page["tasks"]), limit)
            found += page["tasks"]
            cursor = page.get("cursor")
            if cursor is None:
                return found

    def names(self, client=None, limit=1000, **filters):
        return [t["task_id"] for t in self.pages(client or self.client, limit, **filters)]

    def test_one_order_and_no_gap(self):
        expected = []
        for i in range(12):  # acknowledged, waiting for that, in memory only, and both kinds of anonymous
            name = f"n{i:02}"
            durable = i % 4 != 2
            self.client.submit("echo", {}, task_id=name, durable=durable)
            self.client.receive("RESULT")
            if i % 4 != 1:
                self.client.ask("ACK", {"task_id": name, "reply": True})
            expected.insert(0, name)
        self.client.submit("spin_ms", {"ms": 30000}, task_id="runs", timeout_ms=60000, events=["state"])
        while self.client.receive("EVENT")[1]["state"] != "running":
            pass
        self.client.submit("echo", {}, task_id="waits")
        self.client.receive("ACCEPTED")
        expected = ["waits", "runs"] + expected
        for limit in (1, 2, 3, 5, 1000):
            with self.subTest(limit=limit):
                self.assertEqual(self.names(limit=limit), expected)
        self.assertEqual(self.names(state="queued"), ["waits"])
        self.assertEqual(self.names(state="running"), ["runs"])
        self.assertEqual(self.names(state="finished", limit=3), expected[2:])
        self.assertEqual(self.names(state="retry wait"), [])
        self.assertEqual(self.names(self.host.client()), [])
        self.assertEqual([n for n in self.names(self.operator, limit=7) if n in expected], expected)
        self.client.send("CANCEL", {"task_id": "runs"})
        for _ in range(2):
            self.client.receive("RESULT")
        self.host.kill_core()
        again, _ = self.host.hello(self.secret)
        kept = [n for n in expected if n[0] != "n" or int(n[1:]) % 4 != 2]  # memory is gone
        for limit in (2, 1000):
            self.assertEqual(self.names(again, limit=limit), kept)

    def test_filters(self):
        self.run_and_ack("a", "echo", job_id="j1", tenant="t1")
        self.run_and_ack("b", "fail_permanent", job_id="j1")
        now = time.time_ns() // 1000000 + 1
        while time.time_ns() // 1000000 <= now:
            pass
        self.run_and_ack("c", "fail_permanent", tenant="t1", job_id="j2")
        self.client.submit("echo", {}, task_id="d", job_id="j2")  # stays in memory
        self.client.receive("RESULT")
        for filters, expected in (({"job_id": "j1"}, ["b", "a"]), ({"tenant": "t1"}, ["c", "a"]),
                                  ({"pipeline": "echo"}, ["d", "a"]), ({"code": "PERMANENT"}, ["c", "b"]),
                                  ({"since": now}, ["d", "c"]), ({"until": now}, ["b", "a"]),
                                  ({"since": now, "code": "PERMANENT"}, ["c"]), ({"state": "dead", "job_id": "none"}, [])):
            with self.subTest(filters=filters):
                self.assertEqual(self.names(limit=1, **filters), expected)

    def test_refused(self):
        for header in ({"limit": 0}, {"limit": 1001}, {"cursor": "x"}, {"cursor": 5}, {"state": "lost"}, {"since": "now"},
                       {"until": -1}, {"job_id": 5}):
            with self.subTest(header=header):
                verb, refused, _ = self.client.ask("LIST", header)
                self.assertEqual((verb, refused["code"]), ("REFUSED", "INVALID_INPUT"))


class CommandLine(unittest.TestCase):
    """penstock task list and show, stats, doctor: what they make of it."""

    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["misbehave", "echo"], sections="""
plugin "org.penstock.test.misbehave" {
    pipeline "fail_retry" { max_attempts = 3  retry_delay = 10ms }
}""").start()
        client, _ = cls.host.hello()
        for name, pipeline in (("good", "echo"), ("tries", "fail_retry"), ("bad", "fail_permanent")):
            client.submit(pipeline, task_id=name, tenant="acme", job_id="nightly")
            client.receive("RESULT")
            client.ask("ACK", {"task_id": name, "reply": True})

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def penstock(self, *words, status=0):
        done = subprocess.run([os.path.join(BIN, "penstock"), *words, "--socket", self.host.control], capture_output=True,
                              text=True, check=False, env=dict(os.environ, COLUMNS="80"))
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_list(self):
        for words, names in (((), ["bad", "tries", "good"]), (("--code", "TRANSIENT"), ["tries"]),
                             (("--since", "1h", "--state", "finished", "--limit", "2"), ["bad", "tries"]),
                             (("--until", "1h"), []), (("--tenant", "acme", "--pipeline", "echo"), ["good"]),
                             (("--state", "dead"), ["bad", "tries"]), (("--job", "none"), [])):
            with self.subTest(words=words):
                listed = json.loads(self.penstock("task", "list", "--json", *words))["tasks"]
                self.assertEqual([t["task_id"] for t in listed], names)
        self.penstock("task", "list", "--since", "soon", status=2)
        self.assertLessEqual(max(len(line) for line in self.penstock("task", "list").splitlines()), 80)

    def test_show(self):
        shown = self.penstock("task", "show", "tries")
        self.assertRegex(shown, r"(?m)^submitted +\S+ \S+ \(.+ ago\)$")
        self.assertRegex(shown, r"(?m)^state +finished, a dead letter$")
        for event in ("accepted", r"failed +1 .*TRANSIENT: not now", r"failed +2 .*TRANSIENT: not now",
                      r"finished +3 .*TRANSIENT: not now"):
            self.assertRegex(shown, r"(?m)^\S+ \S+ .*" + event)
        history = json.loads(self.penstock("task", "show", "tries", "--json"))["history"]
        self.assertEqual([h["event"] for h in history], ["accepted", "failed", "failed", "finished"])

    def test_where_tasks_are_kept(self):
        stats = self.penstock("stats")
        self.assertRegex(stats, r"(?m)^state folder +" + self.host.dir + "/state$")
        self.assertRegex(stats, r"(?m)^journal +takes tasks$")
        self.assertRegex(stats, r"(?m)^kept for +results 1 d, history 7 d")
        self.assertRegex(self.penstock("doctor", "--config", self.host.config), r"(?m)^ok +tasks kept +" + self.host.dir)


if __name__ == "__main__":
    unittest.main()
