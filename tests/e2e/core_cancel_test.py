"""CANCEL says what it found, and what it says holds: in each state, of a job, and across a kill."""
import unittest

from penstock_host import Host

LONG = {"ms": 60000}
POLICY = '''plugin "org.penstock.test.misbehave" {
    pipeline "fail_retry" { max_attempts = 5  retry_delay = 1h  retry_delay_max = 1h }
}'''


class Cancel(unittest.TestCase):
    def setUp(self):
        self.host = Host(plugins=["misbehave"], host="max_concurrent = 1", sections=POLICY).start()
        self.addCleanup(self.host.stop)
        self.client, self.secret = self.host.hello()
        self.addCleanup(self.stop_everything)

    def stop_everything(self):
        client = self.host.client(control=True)
        for task in client.ask("LIST")[1]["tasks"]:
            client.ask("CANCEL", {"uid": task["uid"]})

    def submit(self, pipeline, task_id, params=None, until="queued", **members):
        self.client.submit(pipeline, params, {}, task_id=task_id, events=["state"], timeout_ms=120000, **members)
        while self.client.receive("EVENT")[1]["state"] != until:
            pass

    def cancel(self, **names):
        return [t["found"] for t in self.client.ask("CANCEL", names)[1]["tasks"]]

    def result(self, client=None):
        return (client or self.client).receive("RESULT")[1]

    def state_of(self, client, task_id):
        return client.ask("QUERY", {"task_id": task_id})[1]["task"]["state"]

    def test_each_state(self):
        """What is found, and what the RESULT says then."""
        for durable in (True, False):
            d = {"durable": durable}
            with self.subTest(durable=durable):
                self.assertEqual(self.cancel(task_id="never"), ["unknown"])
                self.assertEqual(self.cancel(uid="00000000-0000-0000-0000-000000000000"), ["unknown"])
                self.submit("fail_retry", "retry", until="retry wait", **d)
                self.submit("spin_ms", "runs", LONG, until="running", **d)
                self.submit("spin_ms", "queued", LONG, **d)
                for task, found in (("queued", "queued"), ("runs", "running"), ("retry", "retry wait")):
                    self.assertEqual(self.cancel(task_id=task), [found])
                    result = self.result()
                    self.assertEqual((result["task_id"], result["status"]), (task, "cancelled"))
                    self.assertEqual(self.cancel(task_id=task), ["finished"])
                    self.assertEqual(self.cancel(uid=result["uid"]), ["finished"])
                    self.client.ask("ACK", {"task_id": task, "reply": True})
                    if durable:  # it has left memory
                        self.assertEqual(self.cancel(task_id=task), ["finished"])

    def test_one_that_is_just_being_accepted(self):
        self.submit("spin_ms", "runs", LONG, until="running")
        for i in range(20):
            self.client.submit("spin_ms", LONG, {}, task_id=f"t{i}")
            self.client.send("CANCEL", {"task_id": f"t{i}"})
        found = [self.client.receive("INFO")[1]["tasks"][0]["found"] for _ in range(20)]
        self.assertEqual(set(found), {"queued"})

    def test_the_answer_comes_before_the_results(self):
        self.submit("spin_ms", "runs", LONG, until="running")
        for i in range(5):
            self.submit("spin_ms", f"q{i}", LONG, job_id="job")
        self.client.send("CANCEL", {"job_id": "job"})
        verbs = [self.client.receive("INFO", "RESULT")[0] for _ in range(6)]
        self.assertEqual(verbs, ["INFO"] + 5 * ["RESULT"])

    def test_answered_queued_it_never_runs(self):
        self.submit("spin_ms", "runs", LONG, until="running")
        for i in range(10):
            self.submit("spin_ms", f"q{i}", {"ms": 1})
        self.assertEqual(self.cancel(task_id="runs"), ["running"])
        for i in range(10):
            self.client.send("CANCEL", {"task_id": f"q{i}"})
        found = {}
        while len(found) < 10:
            task = self.client.receive("INFO")[1]["tasks"][0]
            found[task["task_id"]] = task["found"]
        self.host.kill_core()
        again, _ = self.host.hello(self.secret)
        results = {r["task_id"]: r["status"] for r in (self.result(again) for _ in range(11))}
        # What was told as running may have succeeded; what was told as queued has not run.
        for task, state in found.items():
            self.assertIn(results[task], {"queued": ("cancelled",), "running": ("cancelled", "success"),
                                          "finished": ("success",)}[state], (task, state))
        self.assertEqual(results["runs"], "cancelled")  # it does not run again

    def test_running_and_the_host_dies(self):
        """Asked to stop, it does not run again only because the host died before it had stopped."""
        for i in range(3):
            with self.subTest(i=i):
                self.submit("spin_ms", f"r{i}", LONG, until="running")
                self.assertEqual(self.cancel(task_id=f"r{i}"), ["running"])
                self.host.kill_core()
                self.client, _ = self.host.hello(self.secret)
                result = self.result()
                self.assertEqual((result["task_id"], result["status"]), (f"r{i}", "cancelled"))
                self.client.ask("ACK", {"task_id": f"r{i}", "reply": True})

    def test_job(self):
        self.submit("spin_ms", "runs", LONG, until="running", job_id="job")
        self.submit("spin_ms", "queued", LONG, job_id="job")
        self.submit("spin_ms", "other", {"ms": 1}, job_id="another")
        other, _ = self.host.hello()
        self.assertEqual(other.ask("CANCEL", {"job_id": "job"})[1]["tasks"], [])  # not its tasks
        self.assertEqual(self.cancel(job_id="none"), [])
        self.assertEqual(self.cancel(job_id="job"), ["running", "queued"])
        results = {r["task_id"]: r["status"] for r in (self.result() for _ in range(3))}
        self.assertEqual(results, {"runs": "cancelled", "queued": "cancelled", "other": "success"})

    def cancel_parent(self, name, durable):
        """A task that starts children is cancelled with its job while it runs: what was found, and all results."""
        self.client.submit("next", {"n": 3}, {}, task_id=name, job_id=name, events=["state"], durable=durable)
        while self.client.receive("EVENT")[1]["state"] != "running":
            pass
        self.client.send("CANCEL", {"job_id": name})
        found, results = None, {}
        while found is None or len(results) < 1 + len(results.get(name, {}).get("children", [])):
            verb, header, _ = self.client.receive("INFO", "RESULT")
            if verb == "INFO":
                found = {t["task_id"]: t["found"] for t in header["tasks"]}
            else:
                results[header["task_id"]] = header
        self.client.ask("ACK", {"task_ids": list(results), "reply": True})
        return found, results

    def test_children_that_come_later(self):
        """A parent that is done before it notices has started children: they are cancelled."""
        with_children = 0
        for i in range(20):
            name = f"p{i}"
            found, results = self.cancel_parent(name, durable=i % 2 == 0)
            if found[name] == "running":
                statuses = {r["status"] for task, r in results.items() if task != name}
                self.assertLessEqual(statuses, {"cancelled"}, results)
                with_children += bool(statuses)
        self.assertGreater(with_children, 0)


if __name__ == "__main__":
    unittest.main()
