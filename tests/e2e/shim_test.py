"""penstock-shim between a core and an orchestrator that are both played by the test."""
import os
import queue
import signal
import subprocess
import tempfile
import time
import unittest

from shim_core import FakeCore
from shim_orchestrator import TOKEN, Orchestrator

BUILD = os.environ.get("PENSTOCK_BUILD", "build/debug")
SHIM = os.path.join(BUILD, "bin", "penstock-shim")
WAIT_S = 30


class Case(unittest.TestCase):
    """One shim, one core, one orchestrator for each test; options: lines of the section."""

    options, host, max_concurrent, may_cut = "", "drain_timeout = 20s", 2, False

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="shim-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.directory, 0o755)  # a shim that root starts is not root
        self.orchestrator = Orchestrator()
        self.core = FakeCore(self.directory, self.max_concurrent)
        self.may_fault = False
        self.process = None
        self.addCleanup(self.clean)
        self.prepare()
        self.start()

    def prepare(self):
        pass

    def write_configuration(self):
        path = os.path.join(self.directory, "shim.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'''host {{
    runtime_dir = "{self.directory}"
    state_dir = "{self.directory}/state"
    log_level = debug
    {self.host}
}}
shim "test" {{
    dialect = avtomatika
    url = "{self.orchestrator.url}/"
    poll_timeout = 1s
    heartbeat_interval = 400ms
    {self.options}
}}
''')
        return path

    def start(self):
        self.log_path = os.path.join(self.directory, "log")
        environment = dict(os.environ, PENSTOCK_SHIM_TEST_TOKEN=TOKEN)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [SHIM, "--config", self.write_configuration(), "--name", "test", "--core", self.core.endpoint],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def clean(self):
        faults = list(self.orchestrator.faults)  # a poll that is cut by the end of the test is none
        status = self.process.poll()
        if status is None:
            for number in (signal.SIGTERM, signal.SIGINT):  # the second one ends it at once
                self.process.send_signal(number)
            try:
                status = self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.orchestrator.stop()
        self.core.close()
        self.assertEqual(status, 0, self.log())
        if self.may_cut:
            faults = [fault for fault in faults if fault != "a poll was cut"]
        if not self.may_fault:
            self.assertEqual(faults, [], self.log())

    def run(self, result=None):
        """Shows the shim's log if the test failed."""
        before = len(result.errors) + len(result.failures)
        super().run(result)
        if len(result.errors) + len(result.failures) > before and getattr(self, "process", None) is not None:
            print(self.log()[-8000:])
        return result

    def stop(self, expect=0):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(WAIT_S), expect, self.log())

    def registered(self):
        return self.orchestrator.next("register")

    def begin(self, **task):
        """A task that the core has accepted."""
        self.orchestrator.give(**task)
        return self.core.take()

    def result(self):
        return self.orchestrator.next("result")["body"]

    def status_is(self, status):
        return self.orchestrator.until("heartbeat", lambda r: r["body"] and r["body"]["status"] == status)["body"]

    def until(self, is_true):
        end = time.monotonic() + WAIT_S
        while not is_true():
            self.assertLess(time.monotonic(), end, self.log())
            time.sleep(0.01)

    def logged(self, words):
        self.until(lambda: words in self.log())


class Presence(Case):
    def test_registration(self):
        request = self.registered()
        body = request["body"]
        self.assertRegex(body["worker_id"], "^penstock-[0-9a-f]{12}$")
        self.assertEqual(body["worker_type"], "penstock")
        self.assertEqual([s["name"] for s in body["supported_skills"]], ["echo", "review"])
        echo, review = body["supported_skills"]
        self.assertEqual((echo["type"], echo["version"], echo["description"]), ("echo", "1.0.0", "returns what it is given"))
        self.assertEqual(echo["input_schema"], {"type": "object"})
        self.assertNotIn("output_statuses", echo)
        self.assertEqual(review["output_statuses"], ["needs_review"])
        self.assertEqual(len(body["skills_hash"]), 64)
        self.assertGreater(body["resources"]["properties"]["cpu_cores"], 0)
        self.assertEqual(request["headers"]["X-Worker-Token"], TOKEN)
        self.assertEqual(request["headers"]["X-Worker-ID"], body["worker_id"])
        self.assertRegex(request["headers"]["X-RXON-Version"], r"^1\.0b\d+$")
        self.assertEqual((self.core.hellos[0]["kind"], self.core.hellos[0]["push"]), ("shim", ["capacity"]))
        self.stop()
        # The id is kept.
        self.start()
        self.assertEqual(self.registered()["body"]["worker_id"], body["worker_id"])

    def test_heartbeats_of_an_idle_worker_are_empty(self):
        self.registered()
        beats = [self.orchestrator.next("heartbeat") for _ in range(3)]
        self.assertTrue(all(b["raw"] == b"" for b in beats), beats)
        self.assertGreater(beats[2]["at"] - beats[0]["at"], 0.6)

    def test_unknown_to_the_server(self):
        self.registered()
        self.orchestrator.say["heartbeat"].append((200, b"null"))
        self.registered()
        self.assertIn("does not know this worker", self.log())

    def test_full_sync(self):
        body = self.registered()["body"]
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "require_full_sync": True}))
        beat = self.orchestrator.until("heartbeat", lambda r: r["body"])["body"]
        self.assertEqual(beat["supported_skills"], body["supported_skills"])
        self.assertEqual(beat["skills_hash"], body["skills_hash"])
        self.assertEqual(beat["status"], "idle")

    def test_new_pipelines(self):
        first = self.registered()["body"]
        self.core.pipelines = self.core.pipelines[:1]
        self.process.send_signal(signal.SIGHUP)
        beat = self.orchestrator.until("heartbeat", lambda r: r["body"])["body"]
        self.assertEqual([s["name"] for s in beat["supported_skills"]], ["echo"])
        self.assertNotEqual(beat["skills_hash"], first["skills_hash"])

    def test_goodbye(self):
        self.registered()
        self.orchestrator.next("poll")
        self.stop()
        self.assertEqual(self.status_is("draining")["current_tasks"], [])
        goodbye = self.status_is("offline")
        self.assertEqual(goodbye["supported_skills"], [])
        self.assertNotIn("skills_hash", goodbye)


class Registering(Case):
    def prepare(self):
        self.orchestrator.say["register"].extend(self.answers())

    def answers(self):
        return [(500, {"error": "bug"}), (503, b"Service is initializing"), (429, {"error": "slow"}, [("Retry-After", "1")])]

    def test_again_until_it_works(self):
        times = [self.registered()["at"] for _ in range(4)]
        self.orchestrator.next("poll")
        self.assertGreater(times[1] - times[0], 0.7)
        self.assertGreater(times[2] - times[1], 1.4)
        self.assertGreater(times[3] - times[2], 0.9)


class WrongToken(Case):
    def prepare(self):
        self.orchestrator.say["register"].extend([(403, {"error": "Unauthorized: No valid token found"})] * 9)

    def test_one_line_and_no_hurry(self):
        self.registered()
        self.logged("does not accept this worker's token")
        with self.assertRaises(queue.Empty):
            self.orchestrator.next("register", 2)
        self.assertEqual(self.log().count("does not accept"), 1)
        self.assertEqual(self.orchestrator.counts["poll"], 0)
        self.stop()
        self.assertEqual(self.orchestrator.counts["heartbeat"], 0)


class Tasks(Case):
    def test_whole_way(self):
        deadline = time.time() + 100.5
        self.orchestrator.give(params={"a": 1.50, "b": ["ü", None]}, deadline=deadline, priority=3,
                               tracing_context={"traceparent": "00-1-2-01"}, metadata={"tenant": "t1"})
        task = self.core.next("SUBMIT")
        self.assertEqual((task["pipeline"], task["task_id"], task["job_id"]), ("echo", "task-1", "job-1"))
        self.assertEqual(task["params"], {"a": 1.50, "b": ["ü", None]})
        self.assertEqual(task["metadata"], {"job_id": "job-1", "task_id": "task-1", "metadata": {"tenant": "t1"}})
        self.assertEqual(task["trace"], {"traceparent": "00-1-2-01"})
        self.assertAlmostEqual(task["deadline"], deadline * 1000, delta=2)
        self.assertTrue(5 < task["priority"] < 9)
        self.assertEqual((task["events"], task["children"], task.get("wait")), (["progress"], "none", None))
        self.assertEqual(task["max_attempts"], 1)  # the orchestrator tries again by itself
        self.core.accept(task)
        self.core.result(task, data='{"x": 0.1, "y":12.0,"z":[null,{"n":null}],"ö":"ä \\u00e4"}')
        body = self.result()
        self.assertEqual((body["status"], body["task_id"], body["job_id"]), ("success", "task-1", "job-1"))
        self.assertEqual(body["data"], {"x": 0.1, "y": 12.0, "z": [None, {"n": None}], "ö": "ä ä"})
        self.assertEqual(self.core.next("ACK")["task_id"], "task-1")

    def test_ack_only_when_taken(self):
        task = self.begin()
        say = self.orchestrator.say["result"]
        say.extend([(503, {"error": "busy"}), (500, {"error": "bug"}), (429, {"error": "slow"}, [("Retry-After", "1")]),
                    (403, {"error": "Duplicate message detected (replay attack)"})])
        self.core.result(task, data="{}")
        times = []
        for _ in range(5):
            self.assertFalse(self.core.has("ACK"))
            times.append(self.orchestrator.next("result")["at"])
        self.core.next("ACK")
        pauses = [b - a for a, b in zip(times, times[1:])]
        self.assertGreater(pauses[0], 0.7)
        self.assertGreater(pauses[1], 1.4)
        self.assertGreater(pauses[2], 2.9)

    def test_ignored_counts_as_taken(self):
        task = self.begin()
        self.orchestrator.say["result"].append((200, {"status": "ignored", "reason": "stale_task", "message": "m"}))
        self.core.result(task)
        self.core.next("ACK")
        self.logged("stale_task")

    def test_final_refusals(self):
        answers = [(400, {"error": "Invalid TaskResult payload"}), (403, {"error": "Invalid cryptographic signature"})]
        for i, answer in enumerate(answers):
            self.orchestrator.say["result"].append(answer)
            task = self.begin(task_id=f"t{i}")
            self.core.result(task)
            self.assertEqual(self.core.next("ACK")["task_id"], f"t{i}")
        self.assertEqual(self.log().count("RESULT LOST"), 2)
        self.assertEqual(self.orchestrator.counts["result"], 2)

    def test_too_big_for_the_server(self):
        task = self.begin()
        self.orchestrator.say["result"].append((413, {"error": "Maximum request body size 1048576 exceeded"}))
        self.core.result(task, data='{"a":1}')
        self.assertEqual(self.result()["status"], "success")
        self.assertEqual(self.result()["error"]["code"], "LIMIT_EXCEEDED_ERROR")
        self.core.next("ACK")

    def test_results_that_cannot_be_sent(self):
        rows = ['{"big":"' + "x" * (1 << 20) + '"}', '{"n":1e20}', "[" * 40 + "]" * 40, '{"n":123456789012345678901234}']
        for i, data in enumerate(rows):
            task = self.begin(task_id=f"t{i}")
            self.core.result(task, data=data)
            body = self.result()
            self.assertEqual((body["status"], body["error"]["code"]), ("failure", "LIMIT_EXCEEDED_ERROR"), i)
            self.assertEqual(self.core.next("ACK")["task_id"], f"t{i}")

    def test_statuses(self):
        rows = [
            (("needs_review",), {}, "needs_review", None),
            (("failure",), {"error": {"code": "CRASH", "message": "signal 11", "details": {"signal": 11}}}, "failure", "INTERNAL_ERROR"),
            (("failure",), {"error": {"code": "INVALID_INPUT", "message": "m"}}, "failure", "INVALID_INPUT_ERROR"),
            (("failure",), {"error": {"code": "OOM", "message": "m"}}, "failure", "RESOURCE_EXHAUSTED_ERROR"),
            (("failure",), {"error": {"code": "TIMEOUT", "message": "m"}}, "failure", "TIMEOUT_ERROR"),
            (("failure",), {"error": {"code": "CONTRACT_VIOLATION", "message": "m"}}, "failure", "CONTRACT_VIOLATION_ERROR"),
            (("failure",), {"error": {"code": "PERMANENT", "message": "m"}}, "failure", "PERMANENT_ERROR"),
            (("cancelled",), {"error": {"code": "CANCELLED", "message": "m"}}, "cancelled", None),
        ]
        for i, (positional, named, status, code) in enumerate(rows):
            task = self.begin(task_id=f"t{i}")
            self.core.result(task, *positional, **named)
            body = self.result()
            self.assertEqual((body["status"], body.get("error", {}).get("code")), (status, code))
            if code == "INTERNAL_ERROR":
                self.assertEqual(body["error"], {"code": "INTERNAL_ERROR", "message": "signal 11", "details": {
                    "code": "CRASH", "fault": "plugin", "details": {"signal": 11}}})

    def test_data_that_is_no_object(self):
        for i, (data, expected) in enumerate([("[1,2]", {"data": [1, 2]}), ('"x"', {"data": "x"}), (None, None)]):
            task = self.begin(task_id=f"t{i}")
            self.core.result(task, data=data)
            self.assertEqual(self.result().get("data"), expected)

    def test_unknown_skill(self):
        for i, name in enumerate(("nothing", "sick")):
            self.orchestrator.give(kind=name, task_id=f"t{i}")
            body = self.result()
            self.assertEqual(body["error"]["code"], "PERMANENT_ERROR")
            self.assertEqual(body["error"]["message"], f"Unsupported skill: {name}")
        self.assertFalse(self.core.has("SUBMIT"))
        # Here the list was right a moment ago.
        self.orchestrator.give(task_id="t9")
        self.core.refuse(self.core.next("SUBMIT"), "UNKNOWN_PIPELINE")
        self.assertEqual(self.result()["error"]["message"], "Unsupported skill: echo")

    def test_refused(self):
        self.orchestrator.give()
        details = {"errors": [{"path": "/params/w", "message": "must be an integer"}]}
        self.core.refuse(self.core.next("SUBMIT"), "INVALID_INPUT", "/params/w: must be an integer", details=details)
        body = self.result()
        self.assertEqual((body["error"]["code"], body["error"]["message"]),
                         ("INVALID_INPUT_ERROR", "/params/w: must be an integer"))
        self.assertEqual(body["error"]["details"]["details"], details)
        self.orchestrator.give(task_id="task-2")  # refused tasks need no ACK
        self.core.take()
        self.assertFalse(self.core.has("ACK"))

    def test_no_room_for_a_while(self):
        self.orchestrator.give()
        times = []
        for code in ("OVERLOADED", "DRAINING", "OVERLOADED"):
            task = self.core.next("SUBMIT")
            times.append(time.monotonic())
            self.core.refuse(task, code, retry_after_ms=300)
        self.core.accept(self.core.next("SUBMIT"))
        self.assertGreater(times[1] - times[0], 0.25)

    def test_no_room_until_the_deadline(self):
        self.orchestrator.give(deadline=time.time() + 1)
        while self.orchestrator.requests["result"].empty():
            try:
                self.core.refuse(self.core.next("SUBMIT", 0.1), "OVERLOADED")
            except queue.Empty:
                pass
        self.assertEqual(self.result()["error"]["code"], "RESOURCE_EXHAUSTED_ERROR")

    def test_tasks_that_cannot_be_read(self):
        bad = b'{"job_id":"j","task_id":"t-bad","type":"echo","params":{"a":1,"a":2}}'
        for raw in (b"[]", b'{"job_id":"j"}', b"\xff", bad):
            self.orchestrator.tasks.put(raw)
        body = self.result()
        self.assertEqual((body["task_id"], body["error"]["code"]), ("t-bad", "INVALID_INPUT_ERROR"))
        self.begin()

    def test_the_same_task_twice(self):
        self.begin()
        self.orchestrator.give()
        self.logged("here already")
        self.assertFalse(self.core.has("SUBMIT"))


class Limits(Case):
    max_concurrent = 1

    def test_no_poll_while_full(self):
        task = self.begin()
        self.status_is("busy")
        before = self.orchestrator.counts["poll"]
        self.orchestrator.give(task_id="task-2")
        beats = [self.orchestrator.next("heartbeat") for _ in range(3)]
        self.assertEqual(self.orchestrator.counts["poll"], before)
        listed = [b["body"]["current_tasks"] for b in beats if b["body"]]
        self.assertIn(["task-1", "job-1"], listed)
        self.core.result(task)
        self.assertEqual(self.core.next("SUBMIT")["task_id"], "task-2")

    def test_no_poll_without_room(self):
        self.registered()
        self.orchestrator.next("poll")
        self.core.draining = True
        self.core.tell_capacity()
        self.status_is("busy")
        before = self.orchestrator.counts["poll"]
        for _ in range(3):
            self.orchestrator.next("heartbeat")
        self.assertLessEqual(self.orchestrator.counts["poll"], before + 1)
        self.core.draining = False
        self.core.tell_capacity()
        self.status_is("idle")
        self.until(lambda: self.orchestrator.counts["poll"] > before + 1)


class Polls(Case):
    def test_pauses(self):
        self.registered()
        self.orchestrator.next("poll")
        self.orchestrator.say["poll"].append((429, {"error": '{"error": "Too Many Requests"}'}, [("Retry-After", "2")]))
        self.orchestrator.say["poll"].append((500, {"error": "'str' object has no attribute 'get'"}))
        times = [self.orchestrator.next("poll")["at"] for _ in range(4)]
        pauses = sorted(b - a for a, b in zip(times, times[1:]))
        self.assertGreater(pauses[-1], 4.9)
        self.assertGreater(pauses[-2], 1.9)

    def test_empty_polls_do_not_spin(self):
        self.orchestrator.say["poll"].extend([(204,)] * 4)
        times = [self.orchestrator.next("poll")["at"] for _ in range(4)]
        self.assertGreater(times[3] - times[0], 1.4)

    def test_credentials_taken_away(self):
        self.registered()
        self.orchestrator.next("poll")
        self.orchestrator.say["poll"].append((403, {"error": "Unauthorized: No valid token found"}))
        self.logged("does not accept this worker's token")
        before = self.orchestrator.counts["poll"]
        for _ in range(3):
            self.orchestrator.next("heartbeat")
        self.assertLessEqual(self.orchestrator.counts["poll"], before + 1)

    def test_orchestrator_away_and_back(self):
        task = self.begin()
        self.orchestrator.stop()
        self.core.result(task, data="{}")
        self.logged("registering again")
        self.assertFalse(self.core.has("ACK"))
        self.orchestrator.requests.clear()
        self.orchestrator.is_registered = False
        self.orchestrator.start()
        self.registered()
        self.assertEqual(self.result()["task_id"], "task-1")
        self.core.next("ACK")
        self.begin(task_id="task-2")


class Progress(Case):
    def test_events(self):
        task = self.begin()
        for i in range(1, 20):
            self.core.progress(task, i / 20, f"step {i}")
        first, second = self.orchestrator.next("event"), self.orchestrator.next("event")
        body = first["body"]
        self.assertEqual((body["event_type"], body["target_job_id"], body["target_task_id"], body["origin_task_id"]),
                         ("progress", "job-1", "task-1", "task-1"))
        self.assertEqual(second["body"]["payload"], {"progress": 0.95, "message": "step 19"})
        self.assertGreater(second["at"] - first["at"], 1.9)
        self.core.result(task)
        self.result()

    def test_events_never_block_results(self):
        task = self.begin()
        self.orchestrator.say["event"].append((429, {"error": "slow"}))
        self.core.progress(task, 0.5)
        self.orchestrator.next("event")
        self.core.progress(task, 0.6)
        self.core.result(task)
        self.result()
        self.core.next("ACK")
        self.assertEqual(self.orchestrator.counts["event"], 1)


class Cancelling(Case):
    def cancel(self, name):
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": [name]}))

    def test_by_job(self):
        task = self.begin()
        self.cancel("job-1")
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-1")
        self.core.fail(task, "CANCELLED", status="cancelled")
        body = self.result()
        self.assertEqual(body["status"], "cancelled")
        self.assertNotIn("data", body)
        self.core.next("ACK")

    def test_by_task_too_late(self):
        task = self.begin()
        self.cancel("task-1")
        self.core.next("CANCEL")
        self.core.result(task, data='{"a":1}')
        self.assertEqual(self.result()["status"], "cancelled")  # a success would move the job on

    def test_before_the_core_has_room(self):
        self.orchestrator.give()
        self.core.refuse(self.core.next("SUBMIT"), "OVERLOADED", retry_after_ms=9000)
        self.cancel("job-1")
        self.assertEqual(self.result()["status"], "cancelled")

    def test_another_one(self):
        self.begin()
        self.cancel("job-7")
        self.orchestrator.next("heartbeat")
        self.orchestrator.next("heartbeat")
        self.assertFalse(self.core.has("CANCEL"))


class CoreGone(Case):
    def test_restarted_core_loses_tasks(self):
        self.begin()
        self.logged("task accepted")
        self.core.restart()
        body = self.result()
        self.assertEqual((body["status"], body["error"]["code"]), ("failure", "TRANSIENT_ERROR"))
        self.begin(task_id="task-2")

    def test_silent_core(self):
        task = self.begin()
        self.core.is_silent = True
        self.status_is("busy")
        self.core.is_silent = False
        self.status_is("idle")
        self.assertIn("resume", self.core.hellos[-1])
        # It kept the client: the task goes on, and its result may come twice.
        self.orchestrator.say["result"].append((503, {"error": "busy"}))
        self.core.result(task)
        self.core.result(task)
        self.assertEqual(self.result()["status"], "success")
        self.core.next("ACK")
        self.assertEqual(self.result()["status"], "success")
        self.core.result(task)
        self.core.next("ACK")  # once more: it had not heard
        self.assertEqual(self.orchestrator.counts["result"], 2)

    def test_submit_is_sent_again(self):
        self.orchestrator.give()
        self.core.next("SUBMIT")  # and no answer
        task = self.core.take()
        self.core.result(task)
        self.result()

    def test_core_that_hangs_up(self):
        self.begin()
        self.core.send("REFUSED", {"code": "MALFORMED", "message": "what?"})
        self.until(lambda: len(self.core.hellos) > 1)
        self.assertFalse(self.core.has("SUBMIT"))


class NoCore(Case):
    def prepare(self):
        self.core.stop()
        os.unlink(self.core.endpoint[len("ipc://"):]) if os.path.exists(self.core.endpoint[len("ipc://"):]) else None

    def test_core_comes_later(self):
        self.logged("the core is not there")
        self.assertEqual(self.orchestrator.counts["register"], 0)
        self.core.start()
        self.registered()
        self.begin()


class Draining(Case):
    def test_runs_what_it_has_and_what_the_poll_brings(self):
        self.orchestrator.poll_s = 3
        task = self.begin()
        self.orchestrator.next("poll")
        self.until(lambda: self.orchestrator.polls_held == 1)
        self.process.send_signal(signal.SIGTERM)
        self.status_is("draining")
        self.core.result(task)
        self.result()
        self.orchestrator.give(task_id="task-2")
        second = self.core.take()
        self.core.result(second, data='{"late":true}')
        self.assertEqual(self.result()["data"], {"late": True})
        self.assertEqual(self.process.wait(WAIT_S), 0)
        self.assertEqual(self.status_is("offline")["current_tasks"], [])
        self.assertEqual([self.core.next("ACK")["task_id"] for _ in range(2)], ["task-1", "task-2"])
        self.assertEqual(self.orchestrator.polls_held, 0)

    def test_refused_while_draining(self):
        self.orchestrator.poll_s = 3
        self.registered()
        self.until(lambda: self.orchestrator.polls_held == 1)
        self.process.send_signal(signal.SIGTERM)
        self.status_is("draining")
        self.orchestrator.give()
        self.core.refuse(self.core.next("SUBMIT"), "DRAINING")
        self.assertEqual(self.result()["error"]["code"], "TRANSIENT_ERROR")
        self.assertEqual(self.process.wait(WAIT_S), 0)

    def test_core_drains_too(self):
        self.orchestrator.poll_s = 3
        self.registered()
        self.until(lambda: self.orchestrator.polls_held == 1)
        self.core.draining = True
        self.core.tell_capacity()
        self.process.send_signal(signal.SIGTERM)
        self.status_is("draining")
        self.orchestrator.give()
        self.assertEqual(self.result()["error"]["message"], "the worker is stopping")
        self.assertEqual(self.process.wait(WAIT_S), 0)

    def test_second_signal(self):
        self.begin()
        self.process.send_signal(signal.SIGTERM)
        self.status_is("draining")
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(5)
        self.may_fault = True  # the poll was cut


class DrainingTooLong(Case):
    host = "drain_timeout = 2s"

    def test_tasks_are_given_back(self):
        self.begin()
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        body = self.result()
        self.assertEqual((body["status"], body["error"]["code"], body["error"]["message"]),
                         ("failure", "TRANSIENT_ERROR", "the worker is stopping"))
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-1")
        self.assertEqual(self.process.wait(WAIT_S), 0)
        self.assertLess(time.monotonic() - started, 5)
        self.status_is("offline")


class Files(Case):
    def url(self, name):
        return f"{self.orchestrator.url}/files/{name}"

    def test_in_and_out(self):
        self.orchestrator.files = {"a.jpg": ("image/jpeg", b"\xff\xd8bytes"), "b": ("text/plain", b"")}
        self.orchestrator.give(params={"image": self.url("a.jpg"), "w": 64, "note": self.url("b"), "deep": [self.url("b")]})
        task = self.core.take()
        self.assertEqual(task["params"], {"w": 64, "deep": [self.url("b")]})
        self.assertEqual(task["inputs"], [{"name": "image", "frame": 0, "media_type": "image/jpeg"},
                                          {"name": "note", "frame": 1, "media_type": "text/plain"}])
        self.assertEqual(task["body"], [b"\xff\xd8bytes", b""])
        self.core.result(task, data='{"n":1}', outputs=[("thumb", "image/png", b"PNG"), ("log", "text/plain", b"")])
        self.assertEqual(self.result()["data"], {"n": 1, "outputs": {
            "thumb": {"uri": self.url("out-1"), "size": 3, "media_type": "image/png"},
            "log": {"uri": self.url("out-2"), "size": 0, "media_type": "text/plain"}}})
        self.assertEqual(self.orchestrator.stored, [("image/png", b"PNG"), ("text/plain", b"")])
        self.core.next("ACK")

    def test_files_that_cannot_be_had(self):
        self.orchestrator.files = {"large": ("x/y", b"x" * ((1 << 20) + 1)), "some": ("x/y", b"x" * (1 << 20))}
        rows = [({"a": self.url("none")}, "INVALID_INPUT_ERROR", "no such file"),
                ({"a": self.url("../_worker")}, "INVALID_INPUT_ERROR", "plain path"),
                ({"a": self.url("large")}, "LIMIT_EXCEEDED_ERROR", "larger"),
                ({str(i): self.url("some") for i in range(4)}, "LIMIT_EXCEEDED_ERROR", "larger")]
        for i, (params, code, words) in enumerate(rows):
            self.orchestrator.give(params=params, task_id=f"t{i}")
            error = self.result()["error"]
            self.assertEqual(error["code"], code, error)
            self.assertIn(words, error["message"])
        self.assertFalse(self.core.has("SUBMIT"))

    def test_tries_again(self):
        self.orchestrator.files = {"a": ("x/y", b"1")}
        self.orchestrator.say["file"].append((503, {"error": "busy"}))
        self.orchestrator.say["files"].append((503, {"error": "busy"}))
        self.orchestrator.give(params={"a": self.url("a")})
        task = self.core.take()
        self.core.result(task, outputs=[("o", "x/y", b"2")])
        self.assertEqual(self.result()["data"]["outputs"]["o"]["size"], 1)
        self.assertEqual((self.orchestrator.counts["file"], self.orchestrator.counts["files"]), (2, 2))

    def test_server_without_a_store(self):
        self.orchestrator.has_files = False
        task = self.begin()
        self.core.result(task, data='{"n":1}', outputs=[("o", "x/y", b"2")])
        error = self.result()["error"]
        self.assertEqual(error["code"], "DEPENDENCY_ERROR")
        self.assertIn("no file store", error["message"])
        self.core.next("ACK")

    def test_cancelled_while_fetching(self):
        self.orchestrator.say["file"].extend([(503, {"error": "busy"})] * 4)
        self.orchestrator.give(params={"a": self.url("a")})
        self.orchestrator.next("file")
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.assertEqual(self.result()["status"], "cancelled")
        self.assertFalse(self.core.has("SUBMIT"))


class FilesOff(Case):
    options = "files = off\n pipelines = { echo }"

    def test_params_stay(self):
        skills = self.registered()["body"]["supported_skills"]
        self.assertEqual([s["name"] for s in skills], ["echo"])
        self.assertFalse(skills[0]["input_schema"]["additionalProperties"])
        params = {"a": self.orchestrator.url + "/files/a"}
        task = self.begin(params=params)
        self.assertEqual((task["params"], task["body"]), (params, []))
        self.core.result(task, outputs=[("o", "x/y", b"2")])
        error = self.result()["error"]
        self.assertEqual((error["code"], "files = off" in error["message"]), ("DEPENDENCY_ERROR", True))


class Arguments(unittest.TestCase):
    def run_shim(self, *arguments):
        return subprocess.run([SHIM, *arguments], capture_output=True, text=True, timeout=WAIT_S)

    def test_arguments(self):
        self.assertEqual(self.run_shim().returncode, 2)
        self.assertEqual(self.run_shim("--name").returncode, 2)
        self.assertEqual(self.run_shim("--what").returncode, 2)
        self.assertEqual(self.run_shim("--help").returncode, 0)
        self.assertIn("penstock-shim", self.run_shim("--version").stdout)

    def test_configuration(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write('shim "a" { dialect = morse\n url = "http://127.0.0.1:1" }\n')
            f.flush()
            done = self.run_shim("--config", f.name, "--name", "b", "--set", "host.state_dir=/tmp")
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn('no section shim "b"', done.stderr)
            done = self.run_shim("--config", f.name, "--name", "a", "--set", "host.state_dir=/tmp")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("dialect", done.stderr)


if __name__ == "__main__":
    unittest.main()
