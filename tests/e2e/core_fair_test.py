"""Nobody starves another, limits are told by name, and reserved room is kept."""
import os
import time
import unittest

from penstock_host import Host

PATIENCE_S = 30
TENANTS = '''
tenant "narrow" { max_concurrent = 1  queue_max = 3 }
tenant "heavy" { weight = 4 }'''


def hello(host, name="test"):
    client = host.client()
    verb, header, _ = client.ask("HELLO", {"name": name})
    assert verb == "WELCOME", header
    return client


def answer(client):
    verb, header, _ = client.receive("ACCEPTED", "REFUSED")
    return header["code"] if verb == "REFUSED" else verb, header


class Case(unittest.TestCase):
    def accepted(self, client, *args, **members):
        client.submit(*args, **members)
        what, header = answer(client)
        self.assertEqual(what, "ACCEPTED", header)
        return header

    def refused(self, code, client, *args, **members):
        client.submit(*args, **members)
        what, header = answer(client)
        self.assertEqual(what, code, header)
        return header

    def stats(self, host):
        client = host.client(control=True)
        _, header, _ = client.ask("STATS")
        client.close()
        return header

    def wait_for(self, host, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition(stats := self.stats(host)):
            self.assertLess(time.monotonic(), end, stats)
        return stats

    def occupy(self, host, client, **members):
        """The one worker is busy for as long as the test needs."""
        self.accepted(client, "spin_ms", {"ms": 20000}, {}, task_id="busy", **members)
        self.wait_for(host, lambda s: s["capacity"]["running"] == 1)


class Fair(Case):
    def others_before(self, host, client, **members):
        before = self.stats(host)["tasks"]["succeeded"]
        client.submit("spin_ms", {"ms": 1}, {}, **members)
        _, header, _ = client.receive("RESULT", "REFUSED")
        self.assertEqual(header.get("status"), "success", header)
        return self.stats(host)["tasks"]["succeeded"] - before

    def test_a_flood_delays_others_by_a_few(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\nlog_level = error") as host:
            flood, quiet = hello(host, "flood"), hello(host, "quiet")
            for i in range(400):
                flood.submit("spin_ms", {"ms": 10}, {}, job_id=f"j{i % 100}", durable=False)
            self.wait_for(host, lambda s: s["capacity"]["queued"] > 300)
            for i in range(5):
                self.assertLess(self.others_before(host, quiet, job_id="mine", durable=False), 12)
            # Another job of the flooding client itself has its turn among a hundred others only.
            stats = self.stats(host)
            self.assertEqual(stats["tenants"][0]["client"], "flood")
            self.assertGreater(stats["tenants"][0]["queued"], 100)
            self.assertGreater(stats["oldest_wait_ms"], 0)
            self.assertEqual(stats["queued_by_priority"][5], stats["capacity"]["queued"])
            _, mine, _ = quiet.ask("STATS")
            self.assertNotIn("tenants", mine, "others are nobody's business")
            flood.send("CANCEL", {"job_id": "j0"})

    def test_a_tenant_that_may_run_one_at_a_time(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 2\nlog_level = error", sections=TENANTS) as host:
            client = hello(host)
            self.occupy(host, client, tenant="narrow")
            self.accepted(client, "spin_ms", {"ms": 1}, {}, tenant="narrow", task_id="second", priority=9)
            header, _ = client.run("spin_ms", {"ms": 1}, {}, tenant="other", task_id="third", priority=0)
            self.assertEqual((header["task_id"], header["status"]), ("third", "success"))
            client.ask("CANCEL", {"task_id": "busy"})
            found = [client.receive("RESULT")[1] for _ in range(2)]
            self.assertEqual([(h["task_id"], h["status"]) for h in found], [("busy", "cancelled"), ("second", "success")])


class Quotas(Case):
    def check(self, refused, code, option, found):
        self.assertEqual(refused["code"], code)
        self.assertIn(f"{option} is", refused["message"])
        self.assertIn(f"found {found} ", refused["message"])
        self.assertTrue(50 <= refused["retry_after_ms"] <= 60000, refused)

    def test_of_a_client(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\nclient_queue_max = 2\nlog_level = error") as host:
            one, two = hello(host, "one"), hello(host, "two")
            self.occupy(host, one)
            for i in range(2):
                self.accepted(one, "spin_ms", {"ms": 1}, {}, task_id=f"t{i}")
            self.check(self.refused("QUOTA", one, "spin_ms", {"ms": 1}, {}, tenant="elsewhere"), "QUOTA", "client_queue_max", 2)
            self.accepted(one, "spin_ms", {"ms": 1}, {}, task_id="t0")  # the same once more needs no room
            self.accepted(two, "spin_ms", {"ms": 1}, {})
            one.ask("CANCEL", {"task_id": "t1"})
            self.assertEqual(one.receive("RESULT")[1]["task_id"], "t1")
            self.accepted(one, "spin_ms", {"ms": 1}, {})
            one.ask("CANCEL", {"task_id": "busy"})

    def test_attached_tasks_count_too(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\nclient_queue_max = 1\nlog_level = error") as host:
            client = hello(host)
            self.occupy(host, client, idempotency_key="k")
            self.assertTrue(self.accepted(client, "spin_ms", {"ms": 20000}, {}, idempotency_key="k")["attached"])
            self.check(self.refused("QUOTA", client, "spin_ms", {"ms": 20000}, {}, idempotency_key="k"), "QUOTA",
                       "client_queue_max", 1)
            client.ask("CANCEL", {"task_id": "busy"})

    def test_tasks_that_wait_for_another_attempt_count_too(self):
        retry = 'plugin "org.penstock.test.misbehave" { pipeline "fail_retry" { retry_delay = 1h  retry_delay_max = 1h } }'
        with Host(plugins=["misbehave"], host="client_queue_max = 1\nlog_level = error", sections=retry) as host:
            client = hello(host)
            self.accepted(client, "fail_retry", {"until": 3}, {}, task_id="again", events=["state"])
            while client.receive("EVENT")[1]["state"] != "retry wait":
                pass
            self.check(self.refused("QUOTA", client, "spin_ms", {"ms": 1}, {}), "QUOTA", "client_queue_max", 1)
            client.ask("CANCEL", {"task_id": "again"})
            self.accepted(client, "spin_ms", {"ms": 1}, {})

    def test_of_bytes(self):
        options = "max_concurrent = 1\nclient_queue_max_bytes = 100Ki\ntenant_queue_max_bytes = 150Ki\nlog_level = error"
        with Host(plugins=["misbehave"], host=options) as host:
            one, two = hello(host, "one"), hello(host, "two")
            self.occupy(host, one)
            big = {"x": os.urandom(80 * 1024)}
            self.accepted(one, "spin_ms", {"ms": 1}, big, tenant="shared")
            refused = self.refused("QUOTA", one, "spin_ms", {"ms": 1}, big, tenant="shared")
            self.assertIn("client_queue_max_bytes is 102400", refused["message"])
            refused = self.refused("QUOTA", two, "spin_ms", {"ms": 1}, big, tenant="shared")
            self.assertIn("tenant_queue_max_bytes is 153600", refused["message"])
            self.accepted(two, "spin_ms", {"ms": 1}, big)
            one.ask("CANCEL", {"task_id": "busy"})

    def test_of_a_tenant_by_its_section(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\nlog_level = error", sections=TENANTS) as host:
            one, two = hello(host, "one"), hello(host, "two")
            self.occupy(host, one)
            for client in (one, two, one):
                self.accepted(client, "spin_ms", {"ms": 1}, {}, tenant="narrow")
            self.check(self.refused("QUOTA", two, "spin_ms", {"ms": 1}, {}, tenant="narrow"), "QUOTA", "tenant_queue_max", 3)
            for _ in range(5):
                self.accepted(two, "spin_ms", {"ms": 1}, {}, tenant="heavy")
            one.ask("CANCEL", {"task_id": "busy"})

    def test_come_again_not_all_at_once(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\nqueue_max = 20\nlog_level = error") as host:
            client = hello(host)
            for i in range(60):  # what runs in the meantime is what the estimate comes from
                client.submit("spin_ms", {"ms": 20}, {}, durable=False)
            answers = [answer(client) for _ in range(60)]
            waits = [h["retry_after_ms"] for what, h in answers if what == "OVERLOADED"]
            self.assertGreater(len(waits), 20)
            self.assertTrue(all(50 <= w <= 60000 for w in waits), waits)
            self.assertGreater(len(set(waits)), 5, "they differ")
            self.assertIn("queue_max is 20", [h for what, h in answers if what == "OVERLOADED"][0]["message"])


class Reserve(Case):
    OPTIONS = "max_concurrent = 1\nqueue_max = 4\nlog_level = error\nheartbeat = 1s\n"

    def reserve(self, client, expect="INFO", **members):
        verb, header, _ = client.ask("RESERVE", members)
        self.assertEqual(verb, expect, header)
        return header

    def test_bad_ones(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS) as host:
            refused = self.reserve(host.client(), "REFUSED", count=1)
            self.assertEqual((refused["code"], "HELLO" in refused["message"]), ("MALFORMED", True))
            client = hello(host)
            for members, where in (({}, "/count"), ({"count": -1}, "/count"), ({"count": 1.5}, "/count"), ({"count": "2"}, "/count"),
                                   ({"count": 1, "ttl_ms": 5}, "/ttl_ms"), ({"count": 1, "ttl_ms": 10**9}, "/ttl_ms"),
                                   ({"count": 1, "bytes": 0}, "/bytes"), ({"count": 1, "bytes": 2**50}, "/bytes"),
                                   ({"count": 1, "pipelines": "a"}, "/pipelines"), ({"count": 1, "pipelines": [1]}, "/pipelines"),
                                   ({"count": 1, "pipelines": ["a"] * 1001}, "/pipelines")):
                refused = self.reserve(client, "REFUSED", **members)
                self.assertEqual((refused["code"], refused["message"].split(":")[0]), ("INVALID_INPUT", where), members)
            self.assertEqual(self.stats(host)["reserved"], 0)

    def test_room_is_kept(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS) as host:
            mine, other = hello(host, "mine"), hello(host, "other")
            self.occupy(host, other)
            granted = self.reserve(mine, count=3, pipelines=["spin_ms"])
            self.assertEqual(granted["granted"], 3)
            self.assertEqual(granted["unavailable"], [])
            self.assertLess(abs(granted["until"] - time.time() * 1000 - 60000), 20000)
            self.accepted(other, "spin_ms", {"ms": 1}, {})
            self.assertIn("queue_max is 4, found 4", self.refused("OVERLOADED", other, "spin_ms", {"ms": 1}, {})["message"])
            self.refused("OVERLOADED", mine, "crash", {}, {})  # another pipeline: not under it
            self.refused("UNSUPPORTED_VERSION", mine, "spin_ms", {"ms": 1}, {}, pipeline_version="99.0.0")  # uses none
            for i in range(3):
                self.assertEqual(self.stats(host)["reserved"], 3 - i)
                self.accepted(mine, "spin_ms", {"ms": 1}, {}, task_id=f"t{i}")
                self.accepted(mine, "spin_ms", {"ms": 1}, {}, task_id=f"t{i}")  # the same: uses none
            self.refused("OVERLOADED", mine, "spin_ms", {"ms": 1}, {})
            other.ask("CANCEL", {"task_id": "busy"})

    def test_less_than_asked_for_and_why(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS + "client_queue_max = 2") as host:
            mine = hello(host)
            less = self.reserve(mine, count=3)
            self.assertEqual(less["granted"], 2)
            self.assertIn("client_queue_max is 2", less["reason"])
            self.assertTrue(50 <= less["retry_after_ms"] <= 60000)
            self.assertEqual(self.reserve(mine, count=2)["granted"], 2, "it replaces the one before")
            self.assertNotIn("reason", self.reserve(mine, count=1))
            self.assertEqual(self.stats(host)["reserved"], 1)
            none = self.reserve(mine, count=1, pipelines=["nobody_has_it"])
            self.assertEqual((none["granted"], none["unavailable"]), (0, ["nobody_has_it"]))
            some = self.reserve(mine, count=1, pipelines=["nobody_has_it", "spin_ms"])
            self.assertEqual((some["granted"], some["unavailable"]), (1, ["nobody_has_it"]))
            self.assertEqual(self.reserve(mine, count=0)["granted"], 0)
            self.assertEqual(self.stats(host)["reserved"], 0)

    def test_bytes(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS + "client_queue_max_bytes = 64Ki") as host:
            mine = hello(host)
            self.occupy(host, mine)
            self.assertEqual(self.reserve(mine, count=10, bytes=20000)["granted"], 3)
            self.refused("QUOTA", mine, "spin_ms", {"ms": 1}, {"x": bytes(30000)})  # larger than was said
            self.accepted(mine, "spin_ms", {"ms": 1}, {"x": bytes(19000)})
            self.assertEqual(self.stats(host)["reserved"], 2)
            mine.ask("CANCEL", {"task_id": "busy"})

    def test_it_ends(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS) as host:
            mine = hello(host)
            self.reserve(mine, count=2, ttl_ms=1000)
            self.wait_for(host, lambda s: s["reserved"] == 0)
            self.reserve(mine, count=2, ttl_ms=600000)  # and now not a word for three heartbeats
            self.wait_for(host, lambda s: s["reserved"] == 0)
            self.reserve(mine, count=2, ttl_ms=600000)
            start = time.monotonic()
            while time.monotonic() - start < 4.5:  # whoever says something keeps it
                self.assertEqual(mine.ask("PING")[0], "PONG")
                self.assertTrue(mine.is_silent(100))
            self.assertEqual(self.stats(host)["reserved"], 2)
            self.reserve(mine, count=0)

    def test_while_the_host_drains(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS) as host:
            mine, other, operator = hello(host), hello(host), host.client(control=True)
            self.reserve(mine, count=2)
            operator.ask("DRAIN")
            self.refused("DRAINING", other, "spin_ms", {"ms": 1}, {})
            told = self.reserve(mine, count=2)
            self.assertEqual((told["granted"], told["draining"]), (0, True))
            header, _ = mine.run("spin_ms", {"ms": 1}, {}, task_id="under it")
            self.assertEqual(header["status"], "success")
            self.reserve(mine, count=0)
            self.refused("DRAINING", mine, "spin_ms", {"ms": 1}, {})
            operator.ask("RESUME")
            self.accepted(mine, "spin_ms", {"ms": 1}, {})

    def test_a_stop_waits_for_what_was_reserved(self):
        with Host(plugins=["misbehave"], host=self.OPTIONS) as host:
            mine, operator = hello(host), host.client(control=True)
            self.reserve(mine, count=1)
            operator.ask("SHUTDOWN")
            header, _ = mine.run("spin_ms", {"ms": 1}, {}, task_id="last")
            self.assertEqual(header["status"], "success", header)
            self.assertEqual(host.process.wait(timeout=PATIENCE_S), 0)


if __name__ == "__main__":
    unittest.main()
