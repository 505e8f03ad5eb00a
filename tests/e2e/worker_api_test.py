"""Avtomatika's worker API as a worker sees it, the same cases against ours and against the real orchestrator.

usage: worker_api_test.py devorch|avtomatika
"""
import json
import sys
import threading
import time
import unittest

from avtomatika_worker import Worker, call
from orchestrators import KINDS

RESULT = "/_worker/tasks/result"
EVENTS = "/_worker/events"
REGISTER = "/_worker/workers/register"
ODD_DATA = {
    "name": "ünï ✓ 😀", "quote": "a\"b\\c/d\b\f\n\r\t\x01\x7f", "nothing": None, "deep": {"nothing": None, "list": [None, {"x": None}]},
    "whole": 12.0, "minus": -0.0, "tenth": 0.1, "small": 1e-7, "edge": 0.00001, "past": 0.000001, "long": 123456789.123456789,
    "big": 9007199254740993, "max": 18446744073709551615, "min": -9223372036854775808, "empty": {}, "none": [], "yes": True,
    "😀": 1, "\uffff": 2, "z": 1, "Z": 2, "": 3,
}


class WorkerApi(unittest.TestCase):
    server = None
    maxDiff = None

    def setUp(self):
        self.kind = self.id().rsplit(".", 1)[1]
        self.worker = Worker(self.server.url, self.server.token, "w-" + self.kind)

    # helpers

    def error(self, answer, status, text):
        self.assertEqual((answer[0], answer[1].get("error")), (status, text))

    def answer(self, answer, expected, status=200):
        self.assertEqual((answer[0], answer[1]), (status, expected))

    def accepted(self, answer, transition):
        self.answer(answer, {"status": "accepted", "transition": transition})

    def ignored(self, answer, reason):
        self.assertEqual((answer[0], answer[1].get("status"), answer[1].get("reason")), (200, "ignored", reason))
        self.assertIsInstance(answer[1]["message"], str)

    def until(self, what, seconds=10):
        """The real one moves jobs on in the background."""
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "it did not happen in time")
            time.sleep(0.01)

    def register(self, worker=None, **more):
        answer = (worker or self.worker).register(self.kind, **more)
        self.assertEqual(answer[0], 200, answer)
        return answer

    def task(self, worker=None):
        """Polls until there is one."""
        for _ in range(20):
            status, task, _ = (worker or self.worker).poll()
            if status == 200:
                return task
            self.assertEqual(status, 204)
        return self.fail("no task came")

    def start(self, params=None, **members):
        """A job whose task the worker has."""
        self.register()
        job_id = self.server.create(self.kind, params or {}, **members)
        task = self.task()
        self.assertEqual(task["job_id"], job_id)
        return task

    def state(self, task):
        return self.server.state(task["job_id"])["state"]

    # cases

    def test_good_job(self):
        task = self.start({"w": 64, "ü": ["ß", None]}, priority=2)
        self.assertEqual(task["type"], self.kind)
        self.assertEqual(task["params"], {"w": 64, "ü": ["ß", None]})
        self.assertEqual(task["priority"], 2)
        self.assertRegex(task["task_id"], "^task-[0-9a-f-]{36}$")
        self.assertLess(abs(task["timestamp"] - time.time()), 5)
        self.assertEqual(task["tracing_context"], {})
        self.assertEqual(self.state(task), "open")
        self.accepted(self.worker.result(task, data={"thumb": "ü"}), "success_transition")
        self.until(lambda: self.state(task) == "finished")
        self.assertEqual(self.server.state(task["job_id"])["data"], {"thumb": "ü"})
        self.ignored(self.worker.result(task), "job_already_terminated")

    def test_odd_data_is_signed_alike(self):
        task = self.start()
        # No metadata of a result's own: the real server answers it 500 when the job has none.
        self.accepted(self.worker.result(task, data=ODD_DATA, error=None, extra={"a": None, "b": 1.5}),
                      "success_transition")

    def test_numbers_spelled_otherwise(self):
        """The signature is over the value, not over the text: 1E2 is 100, 0.10 is 0.1."""
        for text, value in (("1E2", 100), ("0.10", 0.1), ("1.5e-05", 1.5e-5), ("-0", 0), ("1e3", 1000.0),
                            ("100000000000000000000e-2", 1e18), ("12345678901234567890", 12345678901234567890)):
            task = self.start()
            body = self.worker.sign({"job_id": task["job_id"], "task_id": task["task_id"], "data": {"n": value}})
            plain = str(value) if isinstance(value, int) else repr(value)
            raw = json.dumps(body).replace(f'{{"n": {plain}}}', f'{{"n": {text}}}')
            self.assertIn(text, raw)
            answer = self.worker.send("POST", RESULT, raw=raw.encode())
            self.accepted(answer, "success_transition")

    def test_empty_poll(self):
        self.register()
        status, body, headers = self.worker.poll()
        self.assertEqual((status, body), (204, None))
        self.assertNotIn("content-length", headers)
        self.assertTrue(headers["x-rxon-version"])

    def test_poll_of_unknown_worker(self):
        self.assertEqual(self.worker.poll()[0], 204)

    def test_held_poll_gets_the_task(self):
        self.register()
        got = []
        poll = threading.Thread(target=lambda: got.append(self.task()))
        poll.start()
        job_id = self.server.create(self.kind, {})
        poll.join(20)
        self.assertEqual(got[0]["job_id"], job_id)

    def test_priority_and_age(self):
        self.register()
        order = [self.server.create(self.kind, {}, priority=p) for p in (1, 5, 1.5, 5)]
        if self.server.name == "avtomatika":
            self.until(lambda: all(self.server.job(job).get("current_task_id") for job in order))
        expected = [order[1], order[3], order[2], order[0]]
        self.assertEqual([self.task()["job_id"] for _ in order], expected)

    def test_tokens(self):
        path = f"/_worker/workers/{self.worker.id}/tasks/next"
        missing = "Unauthorized: Missing X-Worker-Token header or client certificate."
        self.error(call(self.server.url, "GET", path), 403, missing)
        self.error(Worker(self.server.url, "wrong", self.worker.id, self.server.token).poll(), 403,
                   "Unauthorized: No valid token found")
        for method, path in (("POST", REGISTER), ("POST", RESULT), ("POST", EVENTS), ("PATCH", "/_worker/workers/x")):
            self.error(call(self.server.url, method, path, {"worker_id": "x"}), 403, missing)
            self.error(call(self.server.url, method, path, {"worker_id": "x"}, {"X-Worker-Token": "no"}), 403,
                       "Unauthorized: No valid token found")
        self.error(call(self.server.url, "POST", REGISTER, {}, {"X-Worker-Token": "no"}), 403,
                   "Unauthorized: Invalid token or missing worker_id hint")

    def test_whose_id_counts(self):
        """On polls and heartbeats the path, else the header, else the body."""
        headers = self.worker.headers()
        headers["X-Worker-ID"] = "somebody-else"
        self.assertEqual(call(self.server.url, "GET", f"/_worker/workers/{self.worker.id}/tasks/next", None, headers)[0], 204)
        body = self.worker.sign({"worker_id": self.worker.id, "supported_skills": []})
        del headers["X-Worker-ID"]
        self.assertEqual(call(self.server.url, "POST", REGISTER, body, headers)[0], 200)
        body = self.worker.sign({"worker_id": "somebody-else"})
        self.error(self.worker.send("POST", REGISTER, body), 403, "Immediate sender ID mismatch")
        self.error(self.worker.send("POST", REGISTER, self.worker.sign({})), 400,
                   "Missing or invalid worker_id in registration data")

    def signed_calls(self):
        """Each signed call with a body that would pass."""
        task = self.start()
        yield "PATCH", "/_worker/workers/" + self.worker.id, {"worker_id": self.worker.id, "status": "idle"}, ("security",)
        yield "POST", REGISTER, {"worker_id": self.worker.id, "supported_skills": None}, ("security",)
        yield "POST", EVENTS, {"event_id": "e", "worker_id": self.worker.id, "origin_worker_id": self.worker.id,
                               "event_type": "x", "payload": {}, "bubbling_chain": ["a"]}, ("security", "bubbling_chain")
        yield "POST", RESULT, {"job_id": task["job_id"], "task_id": task["task_id"]}, ("security",)

    def test_signatures(self):
        for method, path, body, without in self.signed_calls():
            def send(changed, *drop, **more):
                message = self.worker.sign({**body, "event_id": str(time.monotonic_ns()), **changed}, without)
                message["security"].update(more)
                for name in drop:
                    message.pop(name, None) or message["security"].pop(name)
                return self.worker.send(method, path, message)

            now = int(time.time())
            no_time = "Missing required timestamp for replay protection"
            expired = "Message timestamp expired (replay protection)"
            wrong = "Invalid cryptographic signature"
            self.error(send({}, "timestamp"), 403, no_time)
            self.error(send({"timestamp": 0}), 403, no_time)
            self.error(send({"timestamp": None}), 403, no_time)
            self.error(send({"timestamp": now - 63}), 403, expired)
            self.error(send({"timestamp": now + 63}), 403, expired)
            self.error(send({}, "security"), 403, "Missing required security context")
            self.error(send({}, "signature"), 403, "Missing required cryptographic signature")
            self.error(send({}, signature="0" * 64), 403, wrong)
            self.error(send({}, signature="0"), 403, wrong)
            self.error(send({}, signer_id="w-9"), 403,
                       f"Message signer ID 'w-9' does not match worker ID '{self.worker.id}'")
            stranger = Worker(self.server.url, self.server.token, self.worker.id, "another secret")
            message = stranger.sign({**body, "event_id": str(time.monotonic_ns())}, without)
            self.error(stranger.send(method, path, message), 403, wrong)
            message = self.worker.sign({**body, "event_id": str(time.monotonic_ns())}, without)
            self.error(self.worker.send(method, path, {**message, "extra": 1}), 403, wrong)
            self.assertEqual(send({"timestamp": now - 55, "extra": {"ü": [1.0, None]}}, "signer_id")[0], 200)

    def test_replay(self):
        for method, path, body, without in self.signed_calls():
            message = self.worker.sign({**body, "event_id": str(time.monotonic_ns())}, without)
            self.assertEqual(self.worker.send(method, path, message)[0], 200)
            self.error(self.worker.send(method, path, message), 403, "Duplicate message detected (replay attack)")
        beat = {"worker_id": self.worker.id, "status": "idle", "nonce": None}
        message = self.worker.sign(beat)  # without a nonce the signature counts
        path = "/_worker/workers/" + self.worker.id
        self.assertEqual(self.worker.send("PATCH", path, message)[0], 200)
        self.error(self.worker.send("PATCH", path, message), 403, "Duplicate message detected (replay attack)")

    def test_broken_bodies(self):
        for method, path in (("POST", REGISTER), ("POST", RESULT), ("POST", EVENTS), ("PATCH", "/_worker/workers/x")):
            for raw in (b"{nope", b'{"a":1}x', b"\xff\xfe", b'"\\ud800"'):
                status, answer, _ = self.worker.send(method, path, raw=raw)
                self.assertEqual(status, 400, (path, raw))
                self.assertIsInstance(answer["error"], str)
        self.assertEqual(self.worker.send("POST", REGISTER, raw=b"")[0], 400)

    def test_too_big(self):
        text = "Maximum request body size 1048576 exceeded."
        for path in (REGISTER, RESULT, EVENTS):
            raw = b'{"a":"' + b"x" * (1024 * 1024) + b'"}'
            self.error(self.worker.send("POST", path, raw=raw), 413, text)

    def test_registration(self):
        answer = self.register(worker_type="t", resources={"devices": [{"type": "gpu", "model": None}], "properties": {"c": 1}},
                               installed_software={"ffmpeg": "5"}, installed_artifacts=[{"name": "a"}],
                               capabilities={"hostname": "h", "extra": {"x": False}}, skills_hash="h", extra_member=1)
        self.assertEqual(answer[1], {"status": "registered", "version": answer[2]["x-rxon-version"]})
        self.answer(self.worker.register(supported_skills=None), {"status": "registered", "version": answer[1]["version"]})
        headers = {**self.worker.headers(), "X-RXON-Version": "1.0b1"}
        body = self.worker.sign({"worker_id": self.worker.id})
        answer = call(self.server.url, "POST", REGISTER, body, headers)
        version = answer[1]["version"]
        self.assertEqual(answer[1]["warning"], f"Protocol version mismatch! Orchestrator: {version}, Worker: 1.0b1.")

    def test_registration_refused(self):
        for members, text in (
                ({"supported_skills": ["a"]}, "Expected `object`, got `str` - at `$.supported_skills[0]`"),
                ({"supported_skills": [{"name": "a"}, {"type": "a"}]}, "Object missing required field `name` - at `$.supported_skills[1]`"),
                ({"supported_skills": {"a": 1}}, "Expected `array | null`, got `object` - at `$.supported_skills`"),
                ({"resources": {"devices": "no"}}, "Expected `array | null`, got `str` - at `$.resources.devices`"),
                ({"capabilities": {"hostname": None}}, "Expected `str`, got `null` - at `$.capabilities.hostname`")):
            self.error(self.worker.register(**members), 400, "Invalid WorkerRegistration payload: "
                       + ("Failed to instantiate WorkerRegistration: " if self.server.name == "avtomatika" else "") + text)
        for bad in ("bad id", "x" * 129, "ä", "a/b"):
            worker = Worker(self.server.url, self.server.token, self.worker.id)
            body = {"worker_id": bad, "supported_skills": []}
            headers = {"X-Worker-Token": self.server.token}
            worker.id = bad
            self.error(call(self.server.url, "POST", REGISTER, worker.sign(body), headers), 400,
                       f"Invalid worker_id: '{bad}'. Must be alphanumeric, underscores, or hyphens only (max 128 characters).")

    def test_heartbeats(self):
        self.answer(self.worker.heartbeat(), {"status": "ok"})  # unknown, and not told so
        self.answer(self.worker.touch(), None)
        self.register(skills_hash="h1")
        self.answer(self.worker.touch(), {"status": "ttl_refreshed"})
        self.answer(self.worker.send("PATCH", "/_worker/workers/" + self.worker.id, {}), {"status": "ttl_refreshed"})
        self.answer(self.worker.heartbeat(usage={"cpu_load_percent": 12, "ram_used_gb": 3.25}, current_tasks=[], skills_hash="h1"),
                    {"status": "ok"})

    def test_full_sync(self):
        self.register(skills_hash="h1")
        self.answer(self.worker.heartbeat(skills_hash="h2", supported_skills=[]), {"status": "ok"})
        self.answer(self.worker.heartbeat(skills_hash="h2"), {"status": "ok", "require_full_sync": True})
        self.answer(self.worker.heartbeat(skills_hash="h3", supported_skills=[{"name": self.kind}]), {"status": "ok"})
        self.answer(self.worker.heartbeat(skills_hash="h3"), {"status": "ok"})
        self.server.create(self.kind, {})
        self.task()

    def test_results_ignored(self):
        task = self.start()
        self.ignored(self.worker.result({**task, "task_id": "task-x"}), "stale_task")
        self.ignored(self.worker.result({**task, "job_id": "nope"}), "job_not_found")
        other = Worker(self.server.url, self.server.token, "other-" + self.kind)
        self.ignored(other.result(task), "worker_mismatch")
        self.assertEqual(self.state(task), "open")
        self.accepted(self.worker.result(task, worker_id=None), "success_transition")

    def test_results_refused(self):
        task = self.start()
        self.error(self.worker.result(task, worker_id="w-2"), 403,
                   f"Forbidden: Authenticated worker '{self.worker.id}' cannot submit results for another worker 'w-2'.")
        self.assertEqual(self.worker.send("POST", RESULT, self.worker.sign({"status": "success"}))[0], 400)
        for members, text in (
                ({"data": [1]}, "Expected `object | null`, got `array` - at `$.data`"),
                ({"error": "x"}, "Expected `object | null`, got `str` - at `$.error`"),
                ({"error": {"code": "X"}}, "Object missing required field `message` - at `$.error`"),
                ({"status": ["x"]}, "Expected `str`, got `array` - at `$.status`"),
                ({"job_id": None}, "Expected `str`, got `null` - at `$.job_id`")):
            status, answer, _ = self.worker.result(task, **{"status": "success", **members})
            self.assertEqual(status, 400)
            self.assertTrue(answer["error"].startswith("Invalid TaskResult payload: "), answer)
            self.assertTrue(answer["error"].endswith(text), answer)
        self.accepted(self.worker.result(task), "success_transition")

    def test_failures_that_end_a_job(self):
        for code, state, text in (
                ("PERMANENT_ERROR", "quarantined", "Task failed with permanent error (PERMANENT_ERROR): it broke"),
                ("SECURITY_ERROR", "quarantined", "Task failed with permanent error (SECURITY_ERROR): it broke"),
                ("DEPENDENCY_ERROR", "quarantined", "Task failed with permanent error (DEPENDENCY_ERROR): it broke"),
                ("CONTRACT_VIOLATION_ERROR", "quarantined",
                 "Task failed with permanent error (CONTRACT_VIOLATION_ERROR): it broke"),
                ("INVALID_INPUT_ERROR", "failed", "Task failed due to invalid input: it broke"),
                ("INTEGRITY_MISMATCH_ERROR", "failed", "Task failed due to data integrity mismatch: it broke")):
            task = self.start()
            self.accepted(self.worker.fail(task, code), "failure_handled")
            seen = self.server.state(task["job_id"])
            self.assertEqual((seen["state"], seen["error"]), (state, text))
            self.ignored(self.worker.fail(task, code), "job_already_terminated")

    def test_retries(self):
        task = self.start()
        ids = [task["task_id"]]
        for code in ("TRANSIENT_ERROR", "TIMEOUT_ERROR", "SOMETHING_NEW"):
            self.accepted(self.worker.fail(task, code), "failure_handled")
            self.assertEqual(self.state(task), "open")
            old, task = task, self.task()
            self.assertEqual(task["job_id"], old["job_id"])
            ids.append(task["task_id"])
            self.ignored(self.worker.result(old), "stale_task")
        self.assertEqual(len(set(ids)), 4)
        self.accepted(self.worker.result(task, "failure"), "failure_handled")
        seen = self.server.state(task["job_id"])
        self.assertEqual(seen["state"], "quarantined")
        self.assertRegex(seen["error"], f"^Task {ids[3]} failed after 4 attempts: ")

    def test_success_after_a_retry(self):
        task = self.start()
        self.worker.fail(task, "RESOURCE_EXHAUSTED_ERROR")
        task = self.task()
        self.accepted(self.worker.result(task, data={"x": 1}), "success_transition")
        self.until(lambda: self.state(task) == "finished")

    def test_other_outcomes(self):
        task = self.start()
        self.accepted(self.worker.result(task, "cancelled"), "cancelled_handled")
        self.assertEqual(self.state(task), "cancelled")
        task = self.start()
        self.accepted(self.worker.result(task, "needs_review"), "unhandled_status_failure")
        seen = self.server.state(task["job_id"])
        self.assertEqual((seen["state"], seen["error"]), ("failed", "Worker returned unhandled status: needs_review"))

    def test_cancellation(self):
        task = self.start()
        self.answer(self.worker.heartbeat(current_tasks=[task["task_id"], task["job_id"]]), {"status": "ok"})
        self.assertEqual(self.server.cancel(task["job_id"]), 200)
        self.assertEqual(self.state(task), "cancelled")
        self.answer(self.worker.heartbeat(current_tasks=[task["task_id"]]), {"status": "ok"})
        self.answer(self.worker.heartbeat(current_tasks=[task["task_id"], task["job_id"]]),
                    {"status": "ok", "cancel_task_ids": [task["job_id"]]})
        self.accepted(self.worker.result(task, "cancelled"), "cancelled_handled")
        self.assertEqual(self.state(task), "cancelled")
        self.assertIn(self.server.cancel(task["job_id"]), (404, 409))

    def test_progress(self):
        task = self.start()
        self.answer(self.worker.event(task, "progress", {"progress": 0.25, "message": "hälf"}), {"status": "event_accepted"})
        seen = self.server.state(task["job_id"])
        self.assertEqual((seen["progress"], seen["message"]), (0.25, "hälf"))
        self.answer(self.worker.event(task, "other", {"x": 1}), {"status": "event_accepted"})
        self.answer(self.worker.event({**task, "job_id": "unknown"}, "progress", {}), {"status": "event_accepted"})
        self.assertEqual(self.server.state(task["job_id"])["progress"], 0.25)

    def test_events_refused(self):
        task = self.start()
        status, answer, _ = self.worker.event(task, "progress", "x")
        self.assertEqual((status, answer["status"]), (200, "error"))
        self.assertTrue(answer["message"].endswith("Expected `object`, got `str` - at `$.payload`"), answer)
        self.error(self.worker.event(task, "progress", {}, worker_id="w-9"), 403, "Immediate sender ID mismatch")
        other = Worker(self.server.url, self.server.token, "other-" + self.kind)
        self.error(other.event(task, "progress", {}), 403,
                   f"Forbidden: Worker '{other.id}' is not assigned to job '{task['job_id']}'")
        body = {"event_id": "e", "worker_id": self.worker.id, "origin_worker_id": self.worker.id, "event_type": "x",
                "payload": {}, "bubbling_chain": ["a"]}
        self.error(self.worker.send("POST", EVENTS, self.worker.sign(body)), 403, "Invalid cryptographic signature")

    def test_other_pages(self):
        self.assertEqual(self.worker.send("GET", "/_worker/nothing")[0], 404)
        self.assertEqual(self.worker.send("DELETE", "/_worker/workers/x")[0], 405)


def main():
    server = KINDS[sys.argv.pop(1)]
    names = unittest.TestLoader().getTestCaseNames(WorkerApi)
    options = ("--poll-timeout", "500ms", "--quiet") if server.name == "devorch" else ()
    WorkerApi.server = server(*options, types=names)
    program = unittest.main(exit=False, verbosity=1)
    status = WorkerApi.server.stop()
    sys.exit(0 if program.result.wasSuccessful() and status == 0 else 1)


if __name__ == "__main__":
    main()
