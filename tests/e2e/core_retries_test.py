"""Failed tasks are tried again as their pipeline says, and causes of the host's own cost them nothing."""
import os
import signal
import time
import unittest

from penstock_host import Host, wait_for

MISBEHAVE = "org.penstock.test.misbehave"


def policy(pipeline="fail_retry", **options):
    """Sections of a configuration; unless they say otherwise, pauses are short."""
    options = {"retry_delay": "1ms", **options}
    lines = " ".join(f"{k} = {v}" for k, v in options.items())
    return f'plugin "{MISBEHAVE}" {{ pipeline "{pipeline}" {{ {lines} }} }}'


def until(client, state, seconds=30):
    """The next state event that says so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        event = client.receive("EVENT")[1]
        if event["kind"] == "state" and event["state"] == state:
            return event
    raise AssertionError(f"no event {state}")


class Policy(unittest.TestCase):
    def test_again_until_it_works(self):
        with Host(plugins=["misbehave"], sections=policy()) as host:
            client = host.client()
            client.submit("fail_retry", {"until": 3}, events=["state"])
            seen = []
            while not seen or seen[-1][0] != "finished":
                event = client.receive("EVENT")[1]
                seen.append((event["state"], event["attempt"], event.get("code")))
                if event["state"] == "retry wait":
                    self.assertAlmostEqual(event["retry_at"], time.time() * 1000, delta=5000)
            self.assertEqual(seen, [("queued", 1, None), ("running", 1, None), ("retry wait", 1, "TRANSIENT"),
                                    ("queued", 2, None), ("running", 2, None), ("retry wait", 2, "TRANSIENT"),
                                    ("queued", 3, None), ("running", 3, None), ("finished", 3, None)])
            result = client.receive("RESULT")[1]
            self.assertEqual((result["status"], result["attempt"], result["data"]), ("success", 3, {"attempt": 3}))

    def test_how_often(self):
        for options, members, expected in (
                ({}, {}, 3), ({"max_attempts": 5}, {}, 5), ({"max_attempts": 1}, {}, 1), ({}, {"max_attempts": 2}, 2),
                ({"max_attempts": 2}, {"max_attempts": 100}, 2),  # whether it may run twice, the pipeline knows
                ({"retry_on": "CRASH"}, {}, 1)):
            with self.subTest(options=options, members=members):
                with Host(plugins=["misbehave"], sections=policy(**options)) as host:
                    result, _ = host.client().run("fail_retry", **members)
                    self.assertEqual((result["status"], result["error"]["code"], result["attempt"]),
                                     ("failure", "TRANSIENT", expected))

    def test_which_codes(self):
        for pipeline, code, attempts in (("crash", "CRASH", 3), ("fail_input", "INVALID_INPUT", 1),
                                         ("fail_permanent", "PERMANENT", 1), ("noresult", "NO_RESULT", 1)):
            with self.subTest(pipeline=pipeline):
                with Host(plugins=["misbehave"], sections=policy(pipeline)) as host:
                    result, _ = host.client().run(pipeline)
                    self.assertEqual((result["error"]["code"], result["attempt"]), (code, attempts))

    def test_pauses_grow(self):
        with Host(plugins=["misbehave"], sections=policy(retry_delay="200ms", max_attempts=4,
                                                         retry_delay_max="500ms")) as host:
            client = host.client()
            client.submit("fail_retry", events=["state"])
            pauses = []
            for _ in range(3):
                began = time.monotonic()
                until(client, "retry wait")
                until(client, "queued")
                pauses.append(time.monotonic() - began)
            for pause, least in zip(pauses, (0.1, 0.2, 0.25)):
                self.assertGreaterEqual(pause, least * 0.9)
            self.assertEqual(client.receive("RESULT")[1]["attempt"], 4)

    def test_the_first_codes_are_told_by_query(self):
        with Host(plugins=["misbehave"], sections=policy(retry_delay="1h")) as host:
            client = host.client()
            client.submit("fail_retry", task_id="t", events=["state"])
            until(client, "retry wait")
            task = client.ask("QUERY", {"task_id": "t"})[1]["task"]
            self.assertEqual((task["state"], task["code"], task["attempt"]), ("retry wait", "TRANSIENT", 1))
            self.assertGreater(task["retry_at"], time.time() * 1000 + 60000)
            listed = client.ask("LIST", {"state": "retry wait"})[1]["tasks"]
            self.assertEqual([t["task_id"] for t in listed], ["t"])


class Waiting(unittest.TestCase):
    def wait(self, host, **members):
        client = host.client()
        client.submit("fail_retry", task_id="t", events=["state"], **members)
        until(client, "retry wait")
        return client

    def test_cancel(self):
        for durable in (True, False):
            with Host(plugins=["misbehave"], sections=policy(retry_delay="1h")) as host:
                client = self.wait(host, durable=durable)
                self.assertEqual(client.ask("CANCEL", {"task_id": "t"})[1]["tasks"][0]["found"], "retry wait")
                result = client.receive("RESULT")[1]
                self.assertEqual((result["status"], result["attempt"]), ("cancelled", 1))

    def test_a_ttl_ends_the_wait(self):
        with Host(plugins=["misbehave"], sections=policy(retry_delay="2s", retry_delay_max="2s")) as host:
            started = time.monotonic()
            result, _ = host.client().run("fail_retry", ttl_ms=700)
            self.assertEqual((result["error"]["code"], result["attempt"]), ("TRANSIENT", 1))
            self.assertLess(time.monotonic() - started, 0.9 + 5)  # an attempt behind its end is not waited for

    def test_behind_the_wait_it_may_still_expire(self):
        sections = policy(retry_delay="500ms", retry_delay_max="500ms")
        with Host(plugins=["misbehave"], host="max_concurrent = 1", sections=sections) as host:
            client = self.wait(host, ttl_ms=1500)
            client.submit("spin_ms", {"ms": 3000}, task_id="busy")
            results = {r["task_id"]: r for r in (client.receive("RESULT")[1] for _ in range(2))}
            self.assertEqual(results["t"]["error"]["code"], "EXPIRED")
            self.assertEqual(results["busy"]["status"], "success")

    def test_followers_wait_with_their_leader(self):
        with Host(plugins=["misbehave"], sections=policy(retry_delay="300ms")) as host:
            client = self.wait(host, idempotency_key="k", max_attempts=2)
            client.submit("fail_retry", {"until": 2}, task_id="other", idempotency_key="k2")
            client.submit("fail_retry", task_id="f", idempotency_key="k", max_attempts=1)
            attached = {a["task_id"]: a["attached"] for a in (client.receive("ACCEPTED")[1] for _ in range(2))}
            self.assertEqual(attached, {"other": False, "f": True})
            results = {r["task_id"]: r for r in (client.receive("RESULT")[1] for _ in range(3))}
            self.assertEqual(results["t"]["attempt"], 2)
            self.assertEqual(results["other"]["status"], "success")

    def test_the_end_of_the_host_does_not_wait(self):
        host = Host(plugins=["misbehave"], sections=policy(retry_delay="1h")).start()
        self.wait(host)
        started = time.monotonic()
        host.stop()
        self.assertLess(time.monotonic() - started, 20)


class OurOwnFault(unittest.TestCase):
    def test_a_lost_box_is_no_attempt(self):
        with Host(plugins=["misbehave"], sections=policy("sleep", max_attempts=1)) as host:
            client = host.client()
            client.submit("sleep", {"ms": 1500}, events=["state"])
            for _ in range(2):
                until(client, "running")
                os.kill(host.pid_of("penstock-box"), signal.SIGKILL)
            result = client.receive("RESULT")[1]
            self.assertEqual((result["status"], result["attempt"]), ("success", 1))


def history(client, task_id):
    task = client.ask("QUERY", {"task_id": task_id, "history": True})[1]["task"]
    return [(h["event"], h.get("attempt", 0)) for h in task["history"] if h["event"] != "accepted"]


class AcrossDeaths(unittest.TestCase):
    def hello(self, host, resume=""):
        client = host.client()
        return client, client.ask("HELLO", {"resume": resume})[1]["resume"]

    def test_attempts_and_pauses_are_remembered(self):
        with Host(plugins=["misbehave"], sections=policy(retry_delay="3s", retry_delay_max="3s",
                                                         max_attempts=2)) as host:
            client, resume = self.hello(host)
            client.submit("fail_retry", task_id="t", events=["state"])
            at = until(client, "retry wait")["retry_at"]
            wait_for(lambda: history(client, "t") == [("failed", 1)], "it is noted")
            host.kill_core()
            client, _ = self.hello(host, resume)
            task = client.ask("QUERY", {"task_id": "t"})[1]["task"]
            self.assertEqual((task["state"], task["attempt"], task["retry_at"]), ("retry wait", 1, at))
            result = client.receive("RESULT")[1]
            self.assertEqual((result["attempt"], result["error"]["code"]), (2, "TRANSIENT"))
            self.assertGreaterEqual(time.time() * 1000, at)
            self.assertEqual(history(client, "t"), [("failed", 1), ("finished", 2)])

    def test_what_takes_the_host_with_it_ends(self):
        with Host(plugins=["misbehave"], sections=policy("sleep", max_attempts=1)) as host:
            client, resume = self.hello(host)
            client.submit("sleep", {"ms": 600000}, task_id="t", timeout_ms=900000)
            client.receive("ACCEPTED")
            for n in range(3):
                wait_for(lambda: history(client, "t")[-1:] == [("started", n + 1)], "it is at work")
                host.kill_core()
                client, _ = self.hello(host, resume)
            result = client.receive("RESULT")[1]
            self.assertEqual((result["error"]["code"], result["error"]["message"], result["attempt"]),
                             ("INTERNAL", "the host died 3 times while it ran", 3))
            self.assertTrue(client.ask("QUERY", {"task_id": "t"})[1]["task"]["dead"])
            self.assertEqual([e for e, _ in history(client, "t")], ["started", "interrupted"] * 3 + ["finished"])

    def test_a_death_of_the_host_is_no_failure_of_the_task(self):
        with Host(plugins=["misbehave"], sections=policy("sleep", max_attempts=1)) as host:
            client, resume = self.hello(host)
            client.submit("sleep", {"ms": 2000}, task_id="t")
            client.receive("ACCEPTED")
            wait_for(lambda: history(client, "t") == [("started", 1)], "it is at work")
            host.kill_core()
            client, _ = self.hello(host, resume)
            result = client.receive("RESULT")[1]
            self.assertEqual((result["status"], result["attempt"]), ("success", 2))

    def test_an_orderly_end_is_no_death(self):
        host = Host(plugins=["misbehave"], sections=policy("sleep")).start()
        client, resume = self.hello(host)
        client.submit("sleep", {"ms": 3000}, task_id="t")
        client.receive("ACCEPTED")
        for _ in range(2):
            wait_for(lambda: history(client, "t")[-1:] == [("started", 1)], "it is at work")
            host.client(control=True).ask("SHUTDOWN", {"now": True})
            self.assertEqual(host.process.wait(timeout=60), 0)
            host.start()
            client, _ = self.hello(host, resume)
        result = client.receive("RESULT")[1]
        self.assertEqual((result["status"], result["attempt"]), ("success", 1))
        self.assertEqual([e for e, _ in history(client, "t")], ["started", "requeued"] * 2 + ["started", "finished"])
        host.stop()


if __name__ == "__main__":
    unittest.main()
