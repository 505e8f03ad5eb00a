"""Deadlines, ttl and retention are promises on the wall clock: they hold while somebody sets it."""
import time
import unittest

from penstock_host import Clock, Host

HOUR = 3600 * 1000
NOTICED_S = 5  # within a second; a busy machine takes longer


class ClockSteps(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.host = Host(plugins=["echo", "misbehave"], host="max_concurrent = 1\nresult_retention = 1h", environment=self.clock.environment)
        self.host.start()
        self.addCleanup(self.host.stop)
        self.client = self.host.client()
        self.client.ask("HELLO", {"name": "clock"})
        self.addCleanup(self.client.close)

    def run_long(self, ms, **members):
        """A task that holds the host's one slot."""
        self.client.submit("spin_ms", {"ms": ms}, task_id="long", events=["state"], **members)
        while self.client.receive("EVENT")[1]["state"] != "running":
            pass

    def wait_long(self, task_id, **members):
        """One that waits behind it. The clock must not be moved before it is accepted."""
        self.client.submit("echo", task_id=task_id, **members)
        self.client.receive("ACCEPTED")

    def result_of(self, task_id):
        header = self.client.receive("RESULT")[1]
        self.assertEqual(header["task_id"], task_id)
        return header

    def test_forward_while_it_waits(self):
        self.run_long(60000)
        self.wait_long("ttl", ttl_ms=HOUR)
        self.wait_long("patient", ttl_ms=4 * HOUR)
        self.wait_long("deadline", deadline=self.clock.now_ms() + 3 * HOUR)
        started = time.monotonic()
        self.clock.step(2 * HOUR)
        self.assertEqual(self.result_of("ttl")["error"]["code"], "EXPIRED")
        self.clock.step(3 * HOUR // 2)
        self.assertEqual(self.result_of("deadline")["error"]["code"], "EXPIRED")
        self.assertLess(time.monotonic() - started, 2 * NOTICED_S)
        self.client.send("CANCEL", {"task_id": "long"})
        self.result_of("long")
        self.assertEqual(self.result_of("patient")["status"], "success")

    def test_forward_while_it_runs(self):
        self.run_long(60000, deadline=self.clock.now_ms() + HOUR, ttl_ms=HOUR // 2)
        started = time.monotonic()
        self.clock.step(2 * HOUR)
        error = self.result_of("long")["error"]
        self.assertEqual(error["code"], "TIMEOUT")
        self.assertIn("deadline", error["message"])
        self.assertLess(time.monotonic() - started, NOTICED_S)

    def test_ttl_says_nothing_about_what_runs(self):
        self.run_long(1500, ttl_ms=HOUR)
        self.clock.step(2 * HOUR)
        self.assertEqual(self.result_of("long")["status"], "success")

    def test_back_while_it_waits(self):
        self.run_long(60000)
        self.wait_long("ttl", ttl_ms=300)
        self.clock.step(-HOUR)
        self.assertTrue(self.client.is_silent(1000))
        self.clock.step(HOUR)
        self.assertEqual(self.result_of("ttl")["error"]["code"], "EXPIRED")
        self.client.send("CANCEL", {"task_id": "long"})
        self.result_of("long")

    def test_back_while_it_runs(self):
        # The plugin asks should_stop, which looks at the machine's own clock: spin_ms does not.
        self.run_long(1500, deadline=self.clock.now_ms() + 700)
        self.clock.step(-HOUR)
        self.assertEqual(self.result_of("long")["status"], "success")

    def test_retention_in_memory(self):
        self.client.submit("echo", task_id="kept", durable=False)
        self.result_of("kept")
        self.clock.step(-2 * HOUR)
        time.sleep(1.2)  # more than one sweep
        self.assertIsNotNone(self.client.ask("QUERY", {"task_id": "kept"})[1]["task"])
        self.clock.step(5 * HOUR)
        end = time.monotonic() + NOTICED_S
        while self.client.ask("QUERY", {"task_id": "kept"})[1]["task"] is not None:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


class Retention(unittest.TestCase):
    """What is in the journal: a result waits for its client ten seconds, and stays in the history for twenty."""

    def setUp(self):
        self.clock = Clock()
        self.host = Host(plugins=["misbehave"], environment=self.clock.environment,
                         host="history_retention = 20s\nhistory_max = 5\nresult_retention = 10s")
        self.host.start()
        self.addCleanup(self.host.stop)
        self.client, self.secret = self.host.hello()

    def run_task(self, task_id, **members):
        self.client.submit("spin_ms", {"ms": 1}, {}, task_id=task_id, **members)
        return self.client.receive("RESULT")[1]

    def names(self):
        return [t["task_id"] for t in self.client.ask("LIST")[1]["tasks"]]

    def wait_for(self, condition):
        end = time.monotonic() + 3 * NOTICED_S
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def again(self):
        self.client, _ = self.host.hello(self.secret)

    def test_a_result_that_nobody_acknowledges(self):
        self.run_task("kept", idempotency_key="k")
        self.clock.step(11 * 1000)
        self.wait_for(lambda: "never acknowledged" in self.host.log())
        self.again()
        self.assertTrue(self.client.is_silent(500))  # it is not sent again
        self.assertEqual(self.client.ask("QUERY", {"task_id": "kept"})[1]["task"]["result"]["status"], "success")
        self.host.kill_core()
        self.again()
        self.assertTrue(self.client.is_silent(500))
        self.assertTrue(self.run_task("same", idempotency_key="k")["cached"])

    def test_history_ends(self):
        self.run_task("old", idempotency_key="k")
        self.client.ask("ACK", {"task_id": "old", "reply": True})
        self.assertEqual(self.names(), ["old"])
        self.clock.step(21 * 1000)
        self.wait_for(lambda: self.names() == [])
        self.assertIsNone(self.client.ask("QUERY", {"task_id": "old"})[1]["task"])
        self.assertFalse(self.run_task("new", idempotency_key="k")["cached"])

    def test_history_is_bounded(self):
        for i in range(12):
            self.run_task(f"t{i}")
            self.client.ask("ACK", {"task_id": f"t{i}", "reply": True})
        self.wait_for(lambda: len(self.names()) <= 6)
        self.assertEqual(self.names()[0], "t11")

    def test_ttl_and_deadline_hold_across_a_restart(self):
        for step, member in ((0, "ttl_ms"), (2 * HOUR, "deadline"), (2 * HOUR, "ttl_ms")):
            with self.subTest(step=step, member=member):
                value = (1500 if step == 0 else HOUR) + (self.clock.now_ms() if member == "deadline" else 0)
                for i in range(4):  # more than the slots
                    self.client.submit("spin_ms", {"ms": 60000}, {}, task_id=f"long{i}", job_id="long", timeout_ms=90000)
                    self.client.receive("ACCEPTED")
                self.client.submit("spin_ms", {"ms": 1}, {}, task_id="late", priority=1, **{member: value})
                self.client.receive("ACCEPTED")
                self.host.kill_core()
                self.clock.step(step)
                self.again()
                result = self.client.receive("RESULT")[1]
                self.assertEqual((result["task_id"], result["error"]["code"]), ("late", "EXPIRED"))
                self.client.ask("CANCEL", {"job_id": "long"})
                for _ in range(4):
                    self.client.receive("RESULT")
                self.client.ask("ACK", {"task_ids": ["late", "long0", "long1", "long2", "long3"], "reply": True})

    def test_stats_tell(self):
        stats = self.client.ask("STATS")[1]
        self.assertEqual((stats["retention"]["result_ms"], stats["retention"]["history_ms"], stats["retention"]["history_max"]),
                         (10000, 20000, 5))
        self.assertTrue(stats["durable"] and stats["journal"]["takes"])
        self.assertNotIn("state_dir", stats)
        self.run_task("one")
        self.assertGreater(self.client.ask("STATS")[1]["journal"]["commits"], 0)
        stats = self.host.client(control=True).ask("STATS")[1]
        self.assertEqual(stats["state_dir"], self.host.dir + "/state")


if __name__ == "__main__":
    unittest.main()
