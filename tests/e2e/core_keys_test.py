"""Idempotency keys over time: while it runs, after its end, acknowledged, after a kill, and with other content."""
import time
import unittest

from penstock_host import Host

HOST = "max_concurrent = 2"


def run(client, **members):
    """RESULT, or REFUSED."""
    client.submit("spin_ms", {"ms": members.pop("ms", 1)}, inputs=members.pop("inputs", None), wait=True, **members)
    return client.receive("RESULT", "REFUSED")[1]


class Keys(unittest.TestCase):
    """What answers for a key, and what is refused, is the same at each of these times."""

    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["misbehave", "echo"], host=HOST).start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def check_cached(self, client, first, **key):
        again = run(client, **key)
        self.assertEqual((again["status"], again["cached"], again["data"]), ("success", True, first["data"]))
        self.assertNotEqual(again["uid"], first["uid"])
        if "idempotency_key" in key:
            self.assertEqual(run(client, **dict(key, ms=2))["code"], "DUPLICATE")
            self.assertEqual(run(client, **dict(key, inputs={"x": b"other"}))["code"], "DUPLICATE")
        return again

    def acknowledge(self, client, *results):
        client.ask("ACK", {"task_ids": [r["task_id"] for r in results], "reply": True})

    def test_at_all_times(self):
        for durable in (True, False):
            for key in ({"idempotency_key": f"k{durable}"}, {"content_key": True, "inputs": {"x": b"%d" % durable}}):
                with self.subTest(durable=durable, key=key):
                    client, secret = self.host.hello()
                    key["durable"] = durable
                    first = run(client, **key)
                    self.assertFalse(first["cached"])
                    second = self.check_cached(client, first, **key)
                    self.acknowledge(client, first, second)
                    third = self.check_cached(client, first, **key)
                    if durable:
                        self.acknowledge(client, third)
                        self.host.kill_core()
                        client, _ = self.host.hello(secret)
                        self.check_cached(client, first, **key)
                        self.host.kill_core()
                        client, _ = self.host.hello(secret)
                        self.check_cached(client, first, **key)

    def test_outputs_come_from_the_journal_too(self):
        client, _ = self.host.hello()
        body = b"y" * 300000
        client.submit("echo", {}, {"x": body}, idempotency_key="out", task_id="first")
        client.receive("RESULT")
        client.ask("ACK", {"task_id": "first", "reply": True})
        client.submit("echo", {}, {"x": body}, idempotency_key="out", metadata={"mine": 2}, outputs={"digest": True})
        accepted = client.receive("ACCEPTED")[1]
        self.assertEqual((accepted["state"], accepted["attached"]), ("finished", True))
        _, header, frames = client.receive("RESULT")
        self.assertTrue(frames == [body])
        self.assertEqual((header["cached"], header["metadata"], len(header["outputs"][0]["sha256"])), (True, {"mine": 2}, 64))

    def test_many_at_once_run_once(self):
        client, _ = self.host.hello()
        for round_ in range(2):  # the second one finds it in the journal
            for i in range(20):
                client.submit("spin_ms", {"ms": 100}, idempotency_key="flight", task_id=f"f{round_}-{i}")
            results = [client.receive("RESULT")[1] for _ in range(20)]
            self.assertEqual(sum(not r["cached"] for r in results), 1 - round_)
            self.acknowledge(client, *results)

    def test_many_keys_at_once(self):
        """More than the journal is asked at a time: they wait for their turn, in their order."""
        client, secret = self.host.hello()
        for round_ in range(2):
            for i in range(1000):
                client.submit("spin_ms", {"ms": 1}, {}, idempotency_key=f"burst{i}", task_id=f"b{round_}-{i}", priority=9)
            verbs, results = set(), []
            while len(results) < 1000:
                verb, header, _ = client.receive("ACCEPTED", "REFUSED", "RESULT")
                verbs.add(verb)
                if verb == "RESULT":
                    results.append(header)
            self.assertEqual(verbs, {"ACCEPTED", "RESULT"})
            self.assertEqual({r["cached"] for r in results}, {round_ == 1})
            self.acknowledge(client, *results)

    def test_other_content_at_once(self):
        client, _ = self.host.hello()
        client.submit("spin_ms", {"ms": 1}, idempotency_key="both", task_id="a")
        client.submit("spin_ms", {"ms": 2}, idempotency_key="both", task_id="b")
        answers = {h["task_id"]: verb for verb, h, _ in (client.receive("ACCEPTED", "REFUSED") for _ in range(2))}
        self.assertEqual(answers, {"a": "ACCEPTED", "b": "REFUSED"})

    def test_whose_keys(self):
        one, _ = self.host.hello()
        two, _ = self.host.hello()
        first = run(one, idempotency_key="mine")
        self.acknowledge(one, first)
        self.assertFalse(run(two, idempotency_key="mine")["cached"])
        for client, tenant, cached in ((one, "acme", False), (two, "acme", True), (two, "other", False)):
            result = run(client, idempotency_key="shared", tenant=tenant)
            self.assertEqual(result["cached"], cached, tenant)
            self.acknowledge(client, result)
        self.assertFalse(run(two, idempotency_key="shared")["cached"])  # without a tenant: its own
        self.host.kill_core()
        three, _ = self.host.hello()
        self.assertTrue(run(three, idempotency_key="shared", tenant="acme")["cached"])
        self.assertEqual(run(three, idempotency_key="shared", tenant="acme", ms=5)["code"], "DUPLICATE")
        self.assertFalse(run(three, idempotency_key="shared")["cached"])

    def test_failures_that_a_retry_may_mend_do_not_answer(self):
        for pipeline, answers in (("fail_retry", False), ("fail_permanent", True)):
            client, secret = self.host.hello()
            for i in range(3):
                client.submit(pipeline, idempotency_key="fails", task_id=f"t{i}", max_attempts=1)
                result = client.receive("RESULT")[1]
                self.assertEqual((result["status"], result["cached"]), ("failure", answers and i > 0))
                client.ask("ACK", {"task_id": f"t{i}", "reply": True})
                if i == 1:
                    self.host.kill_core()
                    client, _ = self.host.hello(secret)

    def test_a_cancelled_one_does_not_answer(self):
        client, _ = self.host.hello()
        client.submit("spin_ms", {"ms": 30000}, idempotency_key="gone", task_id="c", timeout_ms=60000)
        client.receive("ACCEPTED")
        client.send("CANCEL", {"task_id": "c"})
        self.assertEqual(client.receive("RESULT")[1]["status"], "cancelled")
        client.ask("ACK", {"task_id": "c", "reply": True})
        client.submit("spin_ms", {"ms": 30000}, idempotency_key="gone", task_id="d", timeout_ms=200)
        self.assertFalse(client.receive("RESULT")[1]["cached"])


if __name__ == "__main__":
    unittest.main()
