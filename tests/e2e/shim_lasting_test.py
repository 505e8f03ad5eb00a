"""Nothing is lost between a core and an orchestrator, both played by the test, whatever happens to the shim between them or
to either of them."""
import os
import stat
import unittest

from shim_test import Case

N = 12


class Lasting(Case):
    max_concurrent, may_cut = N, True  # the poll of a shim that is killed is cut

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.until(lambda: not self.orchestrator.is_up or self.orchestrator.polls_held == 0)
        self.orchestrator.requests.clear()

    def restart(self):
        self.kill()
        self.start()

    def begin_all(self, n=N):
        tasks = []
        for i in range(n):
            tasks.append(self.begin(task_id=f"t{i}", job_id=f"j{i}"))
        return tasks

    def delivered(self, n):
        return [self.result()["task_id"] for _ in range(n)]

    def acknowledged(self, n):
        return [self.core.next("ACK")["task_id"] for _ in range(n)]


class Identity(Lasting):
    def file(self):
        return os.path.join(self.directory, "state", "client.test", "resume")

    def test_the_secret_is_kept(self):
        self.registered()
        self.assertNotIn("resume", self.core.hellos[0])
        with open(self.file(), encoding="ascii") as f:
            secret = f.read().strip()
        self.assertIn(secret, self.core.clients)
        self.assertEqual(stat.S_IMODE(os.stat(self.file()).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.file())).st_mode), 0o700)
        self.restart()
        self.registered()
        self.assertEqual(self.core.hellos[-1]["resume"], secret)
        self.assertGreater(self.core.hellos[-1]["window"]["count"], 0)

    def test_another_core_gives_another_secret(self):
        self.registered()
        self.core.restart()
        self.until(lambda: len(self.core.clients) == 1)
        secret = next(iter(self.core.clients))
        self.logged("epoch=1001")
        self.restart()
        self.registered()
        self.assertEqual(self.core.hellos[-1]["resume"], secret)

    def test_a_file_that_holds_none(self):
        self.registered()
        for text in ("", "a b\n", "x" * 200, "\x00\x01", '"}'):
            self.kill()
            with open(self.file(), "w", encoding="ascii") as f:
                f.write(text)
            self.start()
            self.registered()
            self.assertNotIn("resume", self.core.hellos[-1], text)
        self.assertIn("holds none", self.log())


class NoPlace(Case):
    def prepare(self):
        os.makedirs(os.path.join(self.directory, "state"))
        with open(os.path.join(self.directory, "state", "client.test"), "w", encoding="ascii"):
            pass  # no folder

    def test_takes_nothing_that_a_restart_would_lose(self):
        self.logged("cannot be kept: no tasks are taken")
        self.registered()
        self.status_is("busy")
        for _ in range(3):
            self.orchestrator.next("heartbeat")
        self.assertEqual(self.orchestrator.counts["poll"], 0)
        self.stop()


class Killed(Lasting):
    def test_while_tasks_run(self):
        tasks = self.begin_all(3)
        self.restart()
        beat = self.orchestrator.until("heartbeat", lambda r: r["body"] and len(r["body"]["current_tasks"]) == 6)["body"]
        self.assertEqual(sorted(beat["current_tasks"]), ["j0", "j1", "j2", "t0", "t1", "t2"])
        for i in (1, 0, 2):
            self.core.result(tasks[i], data='{"i":%d}' % i)
        self.assertEqual(self.delivered(3), ["t1", "t0", "t2"])
        self.assertEqual(self.acknowledged(3), ["t1", "t0", "t2"])
        self.assertFalse(self.core.has("SUBMIT"))

    def test_while_results_wait(self):
        tasks = self.begin_all()
        self.orchestrator.stop()
        for task in tasks:
            self.core.result(task, data="{}")
        self.logged("registering again")
        self.kill()
        self.assertFalse(self.core.has("ACK"))
        self.orchestrator.is_registered = False
        self.orchestrator.start()
        self.start()
        names = [f"t{i}" for i in range(N)]
        self.until(lambda: len(self.core.hellos) > 1)
        for task in tasks:  # what a core does for a client that comes back
            self.core.result(task, data="{}")
        self.assertEqual(self.delivered(N), names)
        self.assertEqual(self.acknowledged(N), names)

    def test_between_answer_and_acknowledgement(self):
        task, other = self.begin_all(2)
        self.core.result(task, data="{}")
        self.result()
        self.core.next("ACK")
        # Not heard: the core sends it again, and the orchestrator gets it once.
        self.core.result(task, data="{}")
        self.core.next("ACK")
        self.core.result(other, data="{}")
        self.assertEqual(self.delivered(1), ["t1"])
        self.assertEqual(self.orchestrator.counts["result"], 2)

    def test_children_are_not_its_business(self):
        task = self.begin()
        self.core.has_task({"task_id": "task-1-x-0", "job_id": "job-1", "pipeline": "echo"}, parent="u")
        self.core.has_task({"task_id": "task-0", "job_id": "job-0", "pipeline": "echo"}, state="finished")
        self.core.page = 1
        self.restart()
        beat = self.orchestrator.until("heartbeat", lambda r: r["body"] and r["body"]["current_tasks"])["body"]
        self.assertEqual(beat["current_tasks"], ["task-1", "job-1"])
        self.core.result(task)
        self.assertEqual(self.delivered(1), ["task-1"])

    def test_cancelled_after_a_restart(self):
        task = self.begin()
        self.restart()
        self.orchestrator.until("heartbeat", lambda r: r["body"] and r["body"]["current_tasks"])
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-1")
        self.core.fail(task, "CANCELLED", status="cancelled")
        self.assertEqual(self.result()["status"], "cancelled")

    def test_a_result_without_a_job(self):
        self.registered()
        self.core.result({"task_id": "x", "pipeline": "echo"})
        self.logged("RESULT LOST")
        self.begin()


class OtherCore(Lasting):
    def test_a_core_that_knows_us_again(self):
        task = self.begin()
        self.orchestrator.give(task_id="task-2", job_id="job-2")
        self.core.next("SUBMIT")  # and no answer
        self.core.restart(forget=False)
        again = self.core.next("SUBMIT")
        self.assertEqual(again["task_id"], "task-2")
        self.core.accept(again)
        self.core.result(task, data='{"n":1}')
        self.core.result(again, data='{"n":2}')
        self.assertEqual([self.result()["data"]["n"] for _ in range(2)], [1, 2])
        self.assertEqual(self.orchestrator.counts["result"], 2)
        self.assertEqual(self.core.hellos[-1]["resume"], next(iter(self.core.clients)))

    def test_a_core_that_knows_us_but_not_the_task(self):
        tasks = self.begin_all(2)
        self.core.listed.pop("t0")
        self.core.restart(forget=False)
        body = self.result()
        self.assertEqual((body["task_id"], body["error"]["code"]), ("t0", "TRANSIENT_ERROR"))
        self.core.result(tasks[1])
        self.assertEqual(self.result()["status"], "success")

    def test_both(self):
        task = self.begin()
        self.kill()
        self.core.restart(forget=False)
        self.start()
        self.until(lambda: self.core.hellos[-1].get("resume") in self.core.clients and len(self.core.hellos) > 1)
        self.core.result(task, data='{"n":1}')
        self.assertEqual(self.result()["data"], {"n": 1})
        self.core.next("ACK")

    def test_cancelled_while_the_core_is_away(self):
        task = self.begin()
        self.core.stop()
        self.status_is("busy")
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.logged("task cancelled")
        self.core.start()
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-1")
        self.core.found(task, "running")
        self.logged("found=running")
        self.core.fail(task, "CANCELLED", status="cancelled")
        self.assertEqual(self.result()["status"], "cancelled")

    def test_a_cancellation_that_is_refused(self):
        self.begin()
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.core.refuse(self.core.next("CANCEL"), "OVERLOADED")
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-1")

    def test_cancelled_and_unknown(self):
        task = self.begin()
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.core.next("CANCEL")
        self.core.found(task, "unknown")
        self.assertEqual(self.result()["status"], "cancelled")


class Order(Lasting):
    """The orchestrator does not take results for a while: they go out in the order in which they came, each once."""

    def results_come(self):
        names = [f"t{i}" for i in reversed(range(N))]
        tasks = self.begin_all()
        self.meanwhile()
        for task in reversed(tasks):
            self.core.result(task, data='{"x":"' + task["task_id"] + '"}')
        return names

    def meanwhile(self):
        pass

    def all_arrive(self, names):
        taken = []
        while len(taken) < N:
            request = self.orchestrator.next("result")
            taken.append(request["body"]["task_id"])
        self.assertEqual(taken, names)
        self.assertEqual(self.acknowledged(N), names)
        self.assertFalse(self.core.has("ACK"))


class Down(Order):
    def meanwhile(self):
        self.orchestrator.stop()

    def test_refused_connections(self):
        names = self.results_come()
        self.logged("registering again")
        self.orchestrator.requests.clear()
        self.orchestrator.is_registered = False
        self.orchestrator.start()
        self.all_arrive(names)


class Answering(Order):
    def meanwhile(self):
        answers = [(500, {"error": "bug"}), (503, {"error": "busy"}), (500, {"error": "bug"}), (500, {"error": "bug"}),
                   (500, {"error": "bug"})]
        self.orchestrator.say["result"].extend(answers)
        self.failures = len(answers)

    def test_server_errors(self):
        names = self.results_come()
        tried = self.delivered(self.failures)
        # The first one, again and again; then whether another one goes through.
        self.assertEqual(tried, [names[0]] * 3 + [names[1], names[0]])
        self.assertFalse(self.core.has("ACK"))
        self.assertEqual(self.delivered(1), [names[1]])  # it did not at once, and now does: the one inversion there can be
        self.assertEqual(self.delivered(N - 1), [names[0], *names[2:]])
        self.assertEqual(sorted(self.acknowledged(N)), sorted(names))


class Hanging(Order):
    def meanwhile(self):
        self.orchestrator.hang.clear()
        self.may_fault = True  # libcurl itself sends once more what a connection took before it closed

    def test_no_answers(self):
        names = self.results_come()
        self.until(lambda: self.orchestrator.counts["result"] > 0)
        self.assertFalse(self.core.has("ACK"))
        self.orchestrator.stop()
        self.orchestrator.requests.clear()
        self.orchestrator.is_registered = False
        self.orchestrator.hang.set()
        self.orchestrator.start()
        self.all_arrive(names)


class Stumbling(Lasting):
    def test_one_that_never_goes_through_is_passed_by(self):
        bad, *others = self.begin_all(5)
        self.orchestrator.refuse = lambda body: (500, {"error": "bug"}) if body["task_id"] == "t0" else None
        for task in (bad, *others):
            self.core.result(task, data="{}")
        self.assertEqual(self.acknowledged(4), ["t1", "t2", "t3", "t4"])
        self.assertFalse(self.core.has("ACK"))
        self.assertNotIn("RESULT LOST", self.log())
        self.orchestrator.refuse = lambda body: None
        self.assertEqual(self.acknowledged(1), ["t0"])

    def test_one_that_is_refused_for_good(self):
        tasks = self.begin_all(3)
        self.orchestrator.refuse = lambda body: (400, {"error": "no"}) if body["task_id"] == "t0" else None
        for task in tasks:
            self.core.result(task, data="{}")
        self.assertEqual(self.acknowledged(3), ["t0", "t1", "t2"])
        self.assertEqual(self.log().count("RESULT LOST"), 1)

    def test_outputs_wait_too(self):
        tasks = self.begin_all(3)
        self.orchestrator.say["files"].extend([(503, {"error": "busy"})] * 2)
        self.core.result(tasks[0], outputs=[("o", "x/y", b"1"), ("p", "x/y", b"2")])
        self.core.result(tasks[1], outputs=[("o", "x/y", b"3")])
        self.core.result(tasks[2], data="{}")
        self.assertEqual(self.acknowledged(3), ["t0", "t1", "t2"])
        self.assertEqual([body for _, body in self.orchestrator.stored], [b"1", b"2", b"3"])
        self.assertEqual(self.orchestrator.counts["files"], 5)


class Again(Lasting):
    def test_a_newer_task_of_the_job(self):
        self.begin(task_id="task-old", job_id="j")
        branch = self.begin(task_id="branch", job_id="j")
        self.orchestrator.give(task_id="task-new", job_id="j")
        new = self.core.take()
        self.assertEqual(new["task_id"], "task-new")
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-old")
        self.logged("issued its work again")
        self.core.result(new)
        self.core.result(branch)
        self.assertEqual(self.delivered(2), ["task-new", "branch"])
        self.assertFalse(self.core.has("CANCEL"))

    def test_after_a_restart_too(self):
        self.begin(task_id="task-old", job_id="j")
        self.restart()
        self.orchestrator.until("heartbeat", lambda r: r["body"] and r["body"]["current_tasks"])
        self.begin(task_id="task-new", job_id="j")
        self.assertEqual(self.core.next("CANCEL")["task_id"], "task-old")


class TooLate(Lasting):
    def test_it_is_said(self):
        task = self.begin()
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.core.next("CANCEL")
        self.core.found(task, "finished")
        self.core.result(task, "needs_review", data='{"a":1}')
        body = self.result()
        self.assertEqual((body["status"], body["metadata"]), ("cancelled", {"cancelled": "too late", "status": "needs_review"}))

    def test_while_its_outputs_are_stored(self):
        task = self.begin()
        self.orchestrator.storing.clear()
        self.core.result(task, data='{"a":1}', outputs=[("o", "x/y", b"2")])
        self.orchestrator.next("files")
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.logged("task cancelled")
        self.orchestrator.storing.set()
        body = self.result()
        self.assertEqual((body["status"], body["metadata"]["cancelled"]), ("cancelled", "too late"))

    def test_while_the_result_waits(self):
        task = self.begin()
        self.orchestrator.say["result"].extend([(503, {"error": "busy"})] * 2)
        self.core.result(task, data='{"a":1}')
        self.result()
        self.orchestrator.say["heartbeat"].append((200, {"status": "ok", "cancel_task_ids": ["job-1"]}))
        self.logged("came too late")
        self.until(lambda: self.core.has("ACK"))
        bodies = [self.orchestrator.requests["result"].get_nowait()["body"] for _ in range(self.orchestrator.requests["result"].qsize())]
        self.assertEqual((bodies[-1]["status"], bodies[-1]["metadata"]["status"]), ("cancelled", "success"))


class Reserving(Lasting):
    max_concurrent = 2

    def reserve(self, is_wanted=lambda _reserve: True):
        while True:
            reserve = self.core.reserves.get(timeout=30)
            if is_wanted(reserve):
                return reserve

    def prepare(self):
        self.core.room = self.first_room

    def first_room(self, reserve):
        if self.orchestrator.counts["poll"] > 0 and not self.may_poll:
            self.orchestrator.fault("polled without room")
        return {"granted": 0, "retry_after_ms": 300, "reason": "full"} if not self.may_poll else {
            "granted": reserve["count"], "until": 0}

    may_poll = False

    def test_no_poll_without_room(self):
        self.registered()
        first = self.reserve()
        self.assertEqual((first["pipelines"], first["count"]), (["echo", "review"], 1))
        self.assertGreaterEqual(first["ttl_ms"], 1000)
        self.status_is("busy")
        second, third = self.reserve(), self.reserve()
        self.assertEqual((second["bytes"], third["bytes"]), (first["bytes"] // 2, first["bytes"] // 4))
        self.assertEqual(self.log().count("no room to reserve"), 1)
        self.may_poll = True
        self.status_is("idle")
        self.begin()

    def test_each_poll_has_its_own(self):
        self.may_poll = True
        self.registered()
        for _ in range(4):
            self.orchestrator.next("poll")
        self.assertGreaterEqual(self.core.reserves.qsize(), 4)
        self.assertTrue(all(self.core.reserves.get()["count"] == 1 for _ in range(4)))

    def test_what_is_being_fetched_counts(self):
        self.may_poll = True
        self.orchestrator.say["file"].extend([(503, {"error": "busy"})] * 2)
        self.orchestrator.files = {"a": ("x/y", b"1")}
        self.orchestrator.give(params={"a": f"{self.orchestrator.url}/files/a"})
        self.reserve(lambda r: r["count"] == 2)
        self.core.take()
        self.reserve(lambda r: r["count"] == 1)

    def test_given_back(self):
        self.may_poll = True
        self.orchestrator.next("poll")
        self.core.draining = True
        self.core.tell_capacity()
        self.assertNotIn("pipelines", self.reserve(lambda r: r["count"] == 0))
        self.core.draining = False
        self.core.tell_capacity()
        self.orchestrator.next("poll")
        self.stop()
        self.reserve(lambda r: r["count"] == 0)

    def test_a_core_that_does_not_know_it(self):
        self.core.room = lambda _reserve: "MALFORMED"
        self.registered()
        self.logged("does not let this shim reserve room")
        self.status_is("busy")
        self.orchestrator.next("heartbeat")
        self.assertEqual(self.orchestrator.counts["poll"], 0)

    def test_asked_again_after_a_core_was_away(self):
        self.may_poll = True
        self.registered()
        self.orchestrator.next("poll")
        self.core.restart(forget=False)
        self.logged("epoch=1001")
        while not self.core.reserves.empty():
            self.core.reserves.get()
        self.reserve()
        self.begin()


if __name__ == "__main__":
    unittest.main()
