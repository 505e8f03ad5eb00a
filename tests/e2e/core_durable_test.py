"""Nothing that was accepted is lost: not with the core, not with the host, not with the client's connection."""
import json
import os
import signal
import unittest

from penstock_host import Host, wait_for

SLOW = {"ms": 30000}


def hello(host, resume=None):
    client = host.client()
    welcome = client.ask("HELLO", {"name": "test", **({"resume": resume} if resume else {})})[1]
    return client, welcome


def results(client, n):
    found = {}
    while len(found) < n:
        _, header, body = client.receive("RESULT")
        found.setdefault(header["task_id"], []).append((header, body))
    return found


class AfterAKill(unittest.TestCase):
    def test_queued_and_running_tasks_run_again(self):
        with Host(plugins=["misbehave", "echo"], host="max_concurrent = 1") as host:
            client, welcome = hello(host)
            self.assertTrue(welcome["durable"])
            client.submit("spin_ms", {"ms": 1000}, task_id="running", events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            large = os.urandom(300000)
            client.submit("echo", {"n": 12345678901234567890}, {"x": large}, task_id="queued", metadata={"a": 1})
            self.assertEqual(client.receive("ACCEPTED")[1]["durable"], True)
            host.kill_core()
            again, welcome = hello(host, welcome["resume"])
            self.assertTrue(welcome["resumed"])
            found = results(again, 2)
            self.assertEqual({k: v[0][0]["status"] for k, v in found.items()}, {"running": "success", "queued": "success"})
            header, body = found["queued"][0]
            self.assertEqual(header["metadata"], {"a": 1})
            self.assertTrue(body == [large], "the input came as it was")
            self.assertIn("12345678901234567890", json.dumps(header["data"]))

    def test_a_file_that_is_lost_costs_its_task_only(self):
        with Host(plugins=["misbehave", "echo"], host="max_concurrent = 1") as host:
            client, welcome = hello(host)
            large = os.urandom(200000)
            client.submit("echo", {}, {"x": large}, task_id="result")
            client.receive("RESULT")
            client.submit("spin_ms", {"ms": 4000}, task_id="running", events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            client.submit("echo", {}, {"x": large}, task_id="input")
            client.submit("echo", {}, {"x": b"small"}, task_id="small")
            while client.receive("ACCEPTED")[1]["task_id"] != "small":
                pass
            spool = os.path.join(host.dir, "state", "journal", "spool")
            self.assertEqual(len(os.listdir(spool)), 2)
            for name in os.listdir(spool):
                os.unlink(os.path.join(spool, name))
            host.kill_core()
            found = results(hello(host, welcome["resume"])[0], 4)
            codes = {k: v[0][0].get("error", {}).get("code", "OK") for k, v in found.items()}
            self.assertEqual(codes, {"result": "STORAGE_UNAVAILABLE", "input": "STORAGE_UNAVAILABLE", "running": "OK",
                                     "small": "OK"})
            self.assertIn("is missing", found["input"][0][0]["error"]["message"])
            self.assertEqual(found["small"][0][1], [b"small"])

    def test_an_unacknowledged_result_comes_again(self):
        with Host(plugins=["echo", "misbehave"]) as host:
            client, welcome = hello(host)
            data = os.urandom(200000)
            for i in range(3):
                client.submit("echo", {"i": i}, {"x": data}, task_id=f"t{i}", outputs={"digest": True})
            before = results(client, 3)
            client.ask("ACK", {"task_id": "t1", "reply": True})
            host.kill_core()
            again, welcome = hello(host, welcome["resume"])
            after = results(again, 2)
            self.assertEqual(sorted(after), ["t0", "t2"])
            for name, answers in after.items():
                old, new = before[name][0], answers[0]
                self.assertTrue(old[1] == new[1] == [data], name)
                for member in ("status", "data", "outputs", "uid", "attempt", "pipeline_version", "usage"):
                    self.assertEqual(old[0].get(member), new[0].get(member), member)

    def test_an_anonymous_task_is_found_by_its_uid(self):
        with Host(plugins=["echo", "misbehave"], host="max_concurrent = 1") as host:
            client = host.client()
            client.submit("spin_ms", {"ms": 300})
            uid = client.receive("ACCEPTED")[1]["uid"]
            host.kill_core()
            other = host.client()
            wait_for(lambda: other.ask("QUERY", {"uid": uid})[1]["task"]["state"] == "finished", "it has run")
            self.assertEqual(other.ask("QUERY", {"uid": uid})[1]["task"]["result"]["status"], "success")

    def test_the_same_task_attaches(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1") as host:
            client, welcome = hello(host)
            client.submit("spin_ms", {"ms": 2000}, task_id="a", idempotency_key="k")
            client.receive("ACCEPTED")
            client.submit("spin_ms", {"ms": 1}, task_id="without key")
            client.receive("ACCEPTED")
            host.kill_core()
            again, _ = hello(host, welcome["resume"])
            again.submit("spin_ms", {"ms": 1}, task_id="without key")
            self.assertTrue(again.receive("ACCEPTED")[1]["attached"])
            again.submit("spin_ms", {"ms": 2}, task_id="without key")
            self.assertEqual(again.receive("REFUSED")[1]["code"], "DUPLICATE")
            again.submit("spin_ms", {"ms": 2000}, task_id="a", idempotency_key="k")
            self.assertTrue(again.receive("ACCEPTED")[1]["attached"])
            again.submit("spin_ms", {"ms": 2000}, task_id="b", idempotency_key="k")
            self.assertTrue(again.receive("ACCEPTED")[1]["attached"])
            again.submit("spin_ms", {"ms": 2001}, task_id="c", idempotency_key="k")
            self.assertEqual(again.receive("REFUSED")[1]["code"], "DUPLICATE")
            found = results(again, 3)
            self.assertEqual({k: v[0][0]["cached"] for k, v in found.items()},
                             {"a": False, "b": True, "without key": False})

    def test_what_is_not_durable_is_gone(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\ndurable = no") as host:
            client, welcome = hello(host)
            self.assertFalse(welcome["durable"])
            client.submit("spin_ms", SLOW, timeout_ms=60000, task_id="memory")
            self.assertFalse(client.receive("ACCEPTED")[1]["durable"])
            client.submit("spin_ms", {"ms": 1}, task_id="disk", durable=True)
            self.assertTrue(client.receive("ACCEPTED")[1]["durable"])
            host.kill_core()
            again, _ = hello(host, welcome["resume"])
            self.assertEqual(again.receive("RESULT")[1]["task_id"], "disk")
            self.assertIsNone(again.ask("QUERY", {"task_id": "memory"})[1]["task"])


class Stops(unittest.TestCase):
    def test_a_second_term_leaves_tasks_for_the_next_start(self):
        host = Host(plugins=["misbehave"], host="max_concurrent = 1").start()
        client, welcome = hello(host)
        client.submit("spin_ms", SLOW, timeout_ms=60000, task_id="long", events=["state"])
        while client.receive("EVENT")[1]["state"] != "running":
            pass
        client.submit("spin_ms", {"ms": 1}, task_id="next")
        client.receive("ACCEPTED")
        host.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "draining" in host.log(), "it drains")
        host.process.send_signal(signal.SIGTERM)
        self.assertEqual(host.process.wait(timeout=60), 0)
        self.assertTrue(client.is_silent())
        host.start()
        again, welcome = hello(host, welcome["resume"])
        self.assertTrue(welcome["resumed"])
        self.assertEqual(again.ask("CANCEL", {"task_id": "long"})[1]["tasks"][0]["found"] in ("queued", "running"), True)
        found = results(again, 2)
        self.assertEqual({k: v[0][0]["status"] for k, v in found.items()}, {"long": "cancelled", "next": "success"})
        host.stop()

    def test_a_cancelled_task_does_not_run_again(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1") as host:
            client, welcome = hello(host)
            client.submit("spin_ms", {"ms": 2000}, task_id="first")
            client.submit("spin_ms", {"ms": 1}, task_id="second")
            client.receive("ACCEPTED")
            client.receive("ACCEPTED")
            client.ask("CANCEL", {"task_id": "second"})
            self.assertEqual(client.receive("RESULT")[1]["status"], "cancelled")
            host.kill_core()
            again, _ = hello(host, welcome["resume"])
            self.assertEqual({k: v[0][0]["status"] for k, v in results(again, 2).items()},
                             {"first": "success", "second": "cancelled"})


if __name__ == "__main__":
    unittest.main()
