"""Dead letters: what failed for good is kept with inputs and history, run again or thrown away by an operator."""
import os
import time
import unittest

from cli_lib import run
from penstock_host import Host, wait_for

MISBEHAVE = "org.penstock.test.misbehave"
SECTIONS = f'''plugin "{MISBEHAVE}" {{
    pipeline "fail_retry" {{ max_attempts = 2 retry_delay = 1ms }}
    pipeline "fail_permanent" {{ }}
    pipeline "sleep" {{ }}
    pipeline "crash" {{ max_attempts = 1 }}
    pipeline "fail_input" {{ dead_letters = no }}
}}'''


def dead(operator, **words):
    return [t["task_id"] for t in operator.ask("LIST", {"state": "dead", **words})[1]["tasks"]]


def ask(operator, verb, **words):
    kind, answer, _ = operator.ask(verb, words)
    assert kind == "INFO", answer
    return answer


class DeadLetters(unittest.TestCase):
    def fill(self, host, client, *pipelines, **members):
        for i, pipeline in enumerate(pipelines):
            client.submit(pipeline, task_id=f"{pipeline}-{i}", **members)
        for _ in pipelines:
            client.receive("RESULT")

    def test_which_tasks_become_one(self):
        with Host(plugins=["misbehave"], sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            self.fill(host, client, "fail_retry", "fail_permanent", "fail_input", "spin_ms")
            client.submit("fail_permanent", task_id="here", durable=False)
            client.receive("RESULT")
            client.submit("sleep", task_id="cancelled", events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            client.ask("CANCEL", {"task_id": "cancelled"})
            self.assertEqual(client.receive("RESULT")[1]["status"], "cancelled")
            self.assertEqual(sorted(dead(operator)), ["fail_permanent-1", "fail_retry-0"])
            self.assertEqual(operator.ask("STATS")[1]["dead_letters"], 2)
            task = client.ask("QUERY", {"task_id": "fail_retry-0", "history": True})[1]["task"]
            self.assertTrue(task["dead"])
            self.assertEqual(task["history"][0]["event"], "accepted")
            self.assertEqual([(h["event"], h["attempt"], h["code"]) for h in task["history"][1:]],
                             [("failed", 1, "TRANSIENT"), ("finished", 2, "TRANSIENT")])

    def test_requeue_by_name(self):
        with Host(plugins=["misbehave", "echo"], sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            client.ask("HELLO", {"name": "c"})
            data = os.urandom(200000)
            client.submit("fail_retry", {"until": 100}, {"x": data}, task_id="t", job_id="j", metadata={"m": 1},
                          idempotency_key="k", deadline=int(time.time() * 1000) + 3600000)
            first = client.receive("RESULT")[1]
            answer = ask(operator, "RETRY", uid=first["uid"])
            self.assertEqual((answer["requeued"], answer["more"]), (1, False))
            again = answer["tasks"][0]
            self.assertEqual((again["task_id"], again["retry_of"]), ("t-retry-1", first["uid"]))
            result = client.receive("RESULT")[1]
            self.assertEqual((result["task_id"], result["uid"], result["retry_of"], result["metadata"], result["cached"]),
                             ("t-retry-1", again["uid"], first["uid"], {"m": 1}, False))
            self.assertEqual(dead(operator), ["t-retry-1"])  # the one in its place
            self.assertEqual(client.ask("QUERY", {"job_id": "j"})[1]["job"]["tasks"], 1)
            client.ask("ACK", {"task_ids": ["t", "t-retry-1"], "reply": True})
            answer = ask(operator, "RETRY", task_id="t-retry-1")
            self.assertEqual(answer["tasks"][0]["task_id"], "t-retry-1")  # nobody has that name any more
            self.assertEqual(client.receive("RESULT")[1]["retry_of"], again["uid"])
            self.assertEqual(ask(operator, "RETRY", uid=first["uid"])["requeued"], 0)

    def test_filters(self):
        with Host(plugins=["misbehave"], sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            before = int(time.time() * 1000)
            self.fill(host, client, "fail_retry", "fail_permanent", "crash", "fail_permanent", job_id="j", tenant="a")
            after = int(time.time() * 1000) + 1
            for words, n in (({"pipeline": "fail_permanent"}, 2), ({"code": "CRASH"}, 1), ({"job_id": "j"}, 4),
                             ({"job_id": "x"}, 0), ({"tenant": "a", "code": "TRANSIENT"}, 1), ({"all": True}, 4),
                             ({"since": before}, 4), ({"until": before}, 0), ({"since": after}, 0),
                             ({"since": before, "until": after, "code": "PERMANENT"}, 2)):
                found = ask(operator, "RETRY", dry_run=True, **words)
                self.assertEqual((found["found"], len(found["tasks"]), found["more"]), (n, n, False), words)
            self.assertEqual(ask(operator, "PURGE", dry_run=True, all=True, limit=3)["more"], True)
            self.assertEqual(len(dead(operator)), 4)
            for verb in ("RETRY", "PURGE"):
                self.assertEqual(client.ask(verb, {"all": True})[1]["code"], "UNAUTHORIZED")
                for header in ({}, {"dry_run": True}, {"all": False}, {"limit": 5}, {"all": True, "limit": 0},
                               {"pipeline": 5}, {"since": -1}):
                    self.assertEqual(operator.ask(verb, header)[1]["code"], "INVALID_INPUT", header)
            self.assertEqual(ask(operator, "PURGE", pipeline="fail_permanent")["purged"], 2)
            self.assertEqual(sorted(dead(operator)), ["crash-2", "fail_retry-0"])
            wait_for(lambda: operator.ask("STATS")[1]["dead_letters"] == 2, "they are counted")
            self.assertIsNotNone(client.ask("QUERY", {"task_id": "fail_permanent-1"})[1]["task"])

    def test_many_at_once(self):
        with Host(plugins=["misbehave"], sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            client.ask("HELLO", {"name": "c"})
            self.fill(host, client, *["fail_permanent"] * 30)
            operator.send("RETRY", {"all": True, "request": "1"})
            operator.send("RETRY", {"all": True, "request": "2"})
            answers = {a["request"]: a for a in (operator.receive("INFO", "REFUSED")[1] for _ in range(2))}
            self.assertEqual((answers["1"]["requeued"], answers["2"]["code"]), (30, "OVERLOADED"))
            self.assertEqual(len(set(t["uid"] for t in answers["1"]["tasks"])), 30)
            for _ in range(30):
                self.assertIn("retry_of", client.receive("RESULT")[1])
            wait_for(lambda: len(dead(operator)) == 30, "all have failed again")
            limited = ask(operator, "PURGE", all=True, limit=10)
            self.assertEqual((limited["purged"], limited["more"]), (10, True))
            self.assertEqual(ask(operator, "PURGE", all=True)["purged"], 20)

    def test_a_full_queue_stops_it(self):
        with Host(plugins=["misbehave"], host="queue_max = 5\n max_concurrent = 1", sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            for _ in range(10):
                client.run("fail_permanent")
            client.submit("sleep", task_id="s", events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            answer = ask(operator, "RETRY", all=True)
            self.assertEqual((answer["requeued"], answer["more"], answer["reason"]), (5, True, "the queue is full"))
            self.assertEqual(len(dead(operator)), 5)
            client.ask("CANCEL", {"task_id": "s"})

    def test_they_do_not_stay_for_ever(self):
        with Host(plugins=["misbehave"], host="dead_letters_max = 3\n history_retention = 1s", sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            for i in range(6):  # one after the other: age is told in milliseconds
                client.run("fail_permanent", task_id=f"fail_permanent-{i}")
            wait_for(lambda: operator.ask("STATS")[1]["dead_letters"] == 3, "the oldest have gone")
            found = ask(operator, "RETRY", all=True, dry_run=True)["tasks"]
            self.assertEqual([t["task_id"] for t in found], [f"fail_permanent-{i}" for i in (5, 4, 3)])

    def test_after_a_kill(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1", sections=SECTIONS) as host:
            client, operator = host.client(), host.client(control=True)
            resume = client.ask("HELLO", {"name": "c"})[1]["resume"]
            self.fill(host, client, "fail_permanent", "crash")
            client.ask("ACK", {"task_id": "crash-1", "reply": True})
            ask(operator, "RETRY", all=True, dry_run=True)  # its answer comes when the ACK is durable
            host.kill_core()
            client, operator = host.client(), host.client(control=True)
            client.ask("HELLO", {"resume": resume})
            self.assertEqual(client.receive("RESULT")[1]["task_id"], "fail_permanent-0")
            wait_for(lambda: operator.ask("STATS")[1]["dead_letters"] == 2, "they are counted")
            client.submit("sleep", {"ms": 2000}, task_id="s", events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            again = ask(operator, "RETRY", all=True)["tasks"]
            self.assertEqual({t["task_id"] for t in again}, {"fail_permanent-0-retry-1", "crash-1"})
            host.kill_core()
            client, operator = host.client(), host.client(control=True)
            client.ask("HELLO", {"resume": resume})
            results = {}
            while len(results) < 4:
                result = client.receive("RESULT")[1]
                results[result["uid"]] = result
            for task in again:  # once each, under the names that were told
                self.assertEqual((results[task["uid"]]["task_id"], results[task["uid"]]["retry_of"]),
                                 (task["task_id"], task["retry_of"]))
            self.assertEqual(sorted(dead(operator)), ["crash-1", "fail_permanent-0-retry-1"])


class CommandLine(unittest.TestCase):
    def penstock(self, host, *words, status=0):
        answer = run("dlq", *words, "--socket", host.control)
        self.assertEqual(answer.status, status, answer)
        return answer

    def test_list_show_requeue_purge(self):
        with Host(plugins=["misbehave"], sections=SECTIONS) as host:
            client = host.client()
            client.ask("HELLO", {"name": "c"})
            for i, pipeline in enumerate(("fail_retry", "fail_permanent", "crash")):
                client.submit(pipeline, task_id=f"{pipeline}-{i}", job_id="j")
                client.receive("RESULT")
            listed = self.penstock(host, "list").out.splitlines()
            self.assertEqual([line.split()[0] for line in listed], ["TASK", "crash-2", "fail_permanent-1", "fail_retry-0"])
            self.assertIn("TRANSIENT", listed[3])
            for words, n in ((["--code", "CRASH"], 1), (["--pipeline", "crash", "--code", "TRANSIENT"], 0),
                             (["--after", "1h"], 3), (["--before", "1h"], 0), (["--job", "j", "--limit", "2"], 2)):
                self.assertEqual(len(self.penstock(host, "list", "--json", *words).json()["tasks"]), n, words)
            shown = self.penstock(host, "show", "fail_retry-0").out
            self.assertRegex(shown, r"failed +1 .*TRANSIENT: not now")
            self.assertRegex(shown, r"finished +2 .*TRANSIENT")
            self.assertIn("SIGSEGV", self.penstock(host, "show", "crash-2").out)
            self.penstock(host, "show", "nothing", status=3)
            self.penstock(host, "requeue", status=2)
            self.penstock(host, "requeue", "x", "--all", status=2)
            self.penstock(host, "requeue", "--code", "NOTHING", status=2)
            self.penstock(host, "list", "--before", "soon", status=2)
            self.assertIn("no dead letter", self.penstock(host, "requeue", "nothing", status=3).err)
            dry = self.penstock(host, "requeue", "--all", "--dry-run", "--json").json()
            self.assertEqual((dry["found"], len(dry["tasks"])), (3, 3))
            done = self.penstock(host, "requeue", "--job", "j", "--code", "PERMANENT", "--json").json()
            self.assertEqual((done["requeued"], done["tasks"][0]["task_id"]), (1, "fail_permanent-1-retry-1"))
            self.assertEqual(client.receive("RESULT")[1]["task_id"], "fail_permanent-1-retry-1")
            self.assertIn("repeats", self.penstock(host, "show", "fail_permanent-1-retry-1").out)
            self.penstock(host, "show", "fail_permanent-1", status=3)  # it is none any more
            self.assertIn("--yes", self.penstock(host, "purge", "--all", status=2).err)
            self.assertEqual(self.penstock(host, "purge", "crash-2", "--yes", "--json").json()["purged"], 1)
            self.assertEqual(self.penstock(host, "purge", "--all", "--yes", "--json").json()["purged"], 2)
            self.assertIn("no dead letters", self.penstock(host, "list").err)

    def test_submit_may_ask_for_fewer_attempts(self):
        with Host(plugins=["misbehave"], sections=SECTIONS) as host:
            for words, attempts in (([], 2), (["--max-attempts", "1"], 1), (["--max-attempts", "50"], 2)):
                run("task", "submit", "fail_retry", "--id", "t" + "".join(words), "--wait", *words, "--socket", host.control)
                task = self.penstock(host, "list", "--limit", "1", "--json").json()["tasks"][0]
                self.assertEqual((task["task_id"], task["attempt"]), ("t" + "".join(words), attempts))

    def test_a_full_queue_is_told(self):
        with Host(plugins=["misbehave"], host="queue_max = 1\n max_concurrent = 1", sections=SECTIONS) as host:
            client = host.client()
            for _ in range(3):
                client.run("fail_permanent")
            client.submit("sleep", task_id="s", events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            answer = self.penstock(host, "requeue", "--all", status=75)
            self.assertIn("1 requeued", answer.err)
            client.ask("CANCEL", {"task_id": "s"})


if __name__ == "__main__":
    unittest.main()
