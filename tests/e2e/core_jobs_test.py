"""Jobs: their tasks are found, counted and cancelled together, and their end is told; fan-out."""
import time
import unittest

from penstock_host import Host, wait_for

MISBEHAVE = "org.penstock.test.misbehave"
ONCE = f'plugin "{MISBEHAVE}" {{ pipeline "fail_retry" {{ max_attempts = 1 }} }}'


def job(client, job_id="j"):
    return client.ask("QUERY", {"job_id": job_id})[1]["job"]


def counts(client, job_id="j"):
    found = job(client, job_id)
    return tuple(found[k] for k in ("tasks", "open", "succeeded", "failed", "cancelled"))


class Jobs(unittest.TestCase):
    def test_counts_and_end(self):
        for durable in (True, False):
            with self.subTest(durable=durable), Host(plugins=["misbehave"], host="max_concurrent = 1",
                                                     sections=ONCE) as host:
                client, other, watcher = host.client(), host.client(), host.client(control=True)
                watcher.ask("WATCH", {"all": True, "events": ["state"]})
                self.assertIsNone(job(client))
                client.submit("sleep", {"ms": 60000}, task_id="s", job_id="j", durable=durable, events=["state"])
                client.submit("spin_ms", {"ms": 1}, job_id="j", durable=durable)
                client.submit("fail_retry", job_id="j", durable=durable)
                for _ in range(3):
                    client.receive("ACCEPTED")
                self.assertEqual(counts(client), (3, 3, 0, 0, 0))
                self.assertIsNone(job(other))
                self.assertEqual(counts(watcher), (3, 3, 0, 0, 0))
                client.ask("CANCEL", {"task_id": "s"})
                event = client.receive("EVENT")[1]
                while event["kind"] != "job":
                    event = client.receive("EVENT")[1]
                self.assertEqual((event["job_id"], event["tasks"], event["open"], event["succeeded"], event["failed"],
                                  event["cancelled"]), ("j", 3, 0, 1, 1, 1))
                self.assertAlmostEqual(event["finished"], time.time() * 1000, delta=20000)
                self.assertEqual(counts(client), (3, 0, 1, 1, 1))
                event = watcher.receive("EVENT")[1]
                while event["kind"] != "job":
                    event = watcher.receive("EVENT")[1]
                self.assertEqual(event["job_id"], "j")

    def test_cancel_and_list_see_the_own_job_only(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1") as host:
            one, two = host.client(), host.client()
            for client in (one, two):
                for i in range(2):
                    client.submit("sleep", {"ms": 60000}, task_id=f"t{i}", job_id="j")
                    client.receive("ACCEPTED")
                client.submit("sleep", {"ms": 60000}, task_id="x", job_id="k")
                client.receive("ACCEPTED")
            listed = one.ask("LIST", {"job_id": "j"})[1]["tasks"]
            self.assertEqual([t["task_id"] for t in listed], ["t1", "t0"])
            page = one.ask("LIST", {"job_id": "j", "limit": 1})[1]
            self.assertEqual([t["task_id"] for t in page["tasks"]], ["t1"])
            rest = one.ask("LIST", {"job_id": "j", "limit": 1, "cursor": page["cursor"]})[1]
            self.assertEqual(([t["task_id"] for t in rest["tasks"]], "cursor" in rest), (["t0"], False))
            found = one.ask("CANCEL", {"job_id": "j"})[1]["tasks"]
            self.assertEqual(sorted(t["task_id"] for t in found), ["t0", "t1"])
            for _ in range(2):
                self.assertEqual(one.receive("RESULT")[1]["status"], "cancelled")
            self.assertEqual(counts(one), (2, 0, 0, 0, 2))
            self.assertEqual(counts(two), (2, 2, 0, 0, 0))
            operator = host.client(control=True)
            self.assertEqual(counts(operator), (4, 2, 0, 0, 2))
            self.assertEqual(len(operator.ask("CANCEL", {"job_id": "j"})[1]["tasks"]), 4)
            two.receive("RESULT")
            two.receive("RESULT")
            operator.ask("CANCEL", {"job_id": "k"})

    def test_after_a_restart_counts_are_right(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1", sections=ONCE) as host:
            client = host.client()
            welcome = client.ask("HELLO", {})[1]
            client.submit("fail_retry", task_id="f", job_id="j")
            client.submit("spin_ms", {"ms": 1}, task_id="ok", job_id="j")
            for _ in range(2):
                client.receive("RESULT")
            client.ask("ACK", {"task_ids": ["f", "ok"], "reply": True})
            client.submit("sleep", {"ms": 500}, task_id="s", job_id="j")
            client.receive("ACCEPTED")
            host.kill_core()
            again = host.client()
            self.assertTrue(again.ask("HELLO", {"resume": welcome["resume"]})[1]["resumed"])
            again.ask("WATCH", {"events": ["state"]})
            self.assertEqual(counts(again), (3, 1, 1, 1, 0))
            event = again.receive("EVENT")[1]
            while event["kind"] != "job":
                event = again.receive("EVENT")[1]
            self.assertEqual((event["tasks"], event["succeeded"], event["failed"]), (3, 2, 1))


class FanOut(unittest.TestCase):
    def test_after_a_kill_children_are_there_once(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1") as host:
            client = host.client()
            resume = client.ask("HELLO", {})[1]["resume"]
            for round_ in range(3):
                client.submit("next", {"n": 50}, task_id=f"p{round_}", job_id=f"j{round_}")
                result = client.receive("RESULT")[1]
                while result["task_id"] != f"p{round_}":
                    result = client.receive("RESULT")[1]
                host.kill_core()  # the children are queued by now, or run
                self.assertEqual(result["children"], [f"p{round_}-spin-{i}" for i in range(50)])
                client = host.client()
                client.ask("HELLO", {"resume": resume})
                wait_for(lambda: counts(client, f"j{round_}")[:2] == (51, 0), "all have ended")
                listed = client.ask("LIST", {"job_id": f"j{round_}", "limit": 1000})[1]["tasks"]
                self.assertEqual(sorted(t["task_id"] for t in listed), sorted(result["children"] + [f"p{round_}"]))

    def test_a_kill_at_any_time(self):
        with Host(plugins=["misbehave"]) as host:
            client = host.client()
            resume = client.ask("HELLO", {})[1]["resume"]
            for i in range(6):
                client.submit("next", {"n": 20}, task_id=f"p{i}", job_id="j", children="none")
                client.receive("ACCEPTED")
                if i % 2 == 0:
                    host.kill_core()
                    client = host.client()
                    client.ask("HELLO", {"resume": resume})
            wait_for(lambda: counts(client) == (126, 0, 126, 0, 0), "all have ended, once")

    def test_limits(self):
        with Host(plugins=["misbehave"], host="queue_max = 10") as host:
            client = host.client()
            for params, code in (({"n": 1001}, "CONTRACT_VIOLATION"), ({"n": 11}, "OVERLOADED")):
                result = client.run("next", params, max_attempts=1)[0]
                self.assertEqual((result["error"]["code"], result.get("children")), (code, None))
            self.assertEqual(len(client.ask("LIST")[1]["tasks"]), 2)


if __name__ == "__main__":
    unittest.main()
