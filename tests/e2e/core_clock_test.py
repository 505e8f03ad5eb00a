"""Deadlines, ttl and retention are promises on the wall clock: they hold while somebody sets it."""
import time
import unittest

from penstock_host import Clock, Host

HOUR = 3600 * 1000
NOTICED_S = 5  # within a second; a busy machine takes longer


class ClockSteps(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.host = Host(plugins=["echo", "misbehave"], host="max_concurrent = 1", environment=self.clock.environment)
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

    def test_retention(self):
        self.client.submit("echo", task_id="kept")
        self.result_of("kept")
        self.clock.step(-2 * HOUR)
        time.sleep(1.2)  # more than one sweep
        self.assertIsNotNone(self.client.ask("QUERY", {"task_id": "kept"})[1]["task"])
        self.clock.step(5 * HOUR)
        end = time.monotonic() + NOTICED_S
        while self.client.ask("QUERY", {"task_id": "kept"})[1]["task"] is not None:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
