"""penstock-devorch towards people: jobs, files, time limits, and what it does with bad or rude clients."""
import hashlib
import http.client
import json
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

from avtomatika_worker import Worker, call
from orchestrators import PROGRAM, Devorch

MIB = 1024 * 1024


class Case(unittest.TestCase):
    options = ("--poll-timeout", "300ms")

    @classmethod
    def setUpClass(cls):
        cls.server = Devorch("--quiet", *cls.options)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, "it ended wrongly"

    def setUp(self):
        self.kind = self.id().rsplit(".", 1)[1]
        self.worker = Worker(self.server.url, self.server.token, "w-" + self.kind)

    def call(self, method, path, body=None, **more):
        return call(self.server.url, method, path, body, **more)

    def error(self, answer, status, words):
        self.assertEqual(answer[0], status, answer)
        self.assertIn(words, answer[1]["error"])

    def start(self, **members):
        self.worker.register(self.kind)
        job_id = self.server.create(self.kind, {}, **members)
        status, task, _ = self.worker.poll()
        self.assertEqual((status, task["job_id"]), (200, job_id))
        return task

    def until_ended(self, job_id):
        job = self.server.job(job_id, "20s")
        self.assertNotIn(job["state"], ("queued", "running"))
        return job

    def connect(self, head=b""):
        at = urllib.parse.urlsplit(self.server.url)
        connection = socket.create_connection((at.hostname, at.port), 20)
        connection.sendall(head)
        return connection

    def poll_head(self, worker):
        return (f"GET /_worker/workers/{worker.id}/tasks/next HTTP/1.1\r\nHost: localhost\r\n"
                f"X-Worker-Token: {worker.token}\r\n\r\n").encode()


class Jobs(Case):
    def test_life(self):
        status, made, _ = self.call("POST", "/jobs", {"type": self.kind, "params": {"a": [1, "ü"]}, "priority": 2.5,
                                                      "metadata": {"tenant": "t1"}})
        self.assertEqual((status, made["state"]), (201, "queued"))
        job = self.server.job(made["job_id"])
        self.assertEqual((job["state"], job["type"], job["params"], job["priority"], job["attempts"], job["metadata"]),
                         ("queued", self.kind, {"a": [1, "ü"]}, 2.5, 0, {"tenant": "t1"}))
        self.assertGreaterEqual(job["queued_ms"], 0)
        for absent in ("data", "error", "progress", "worker_id", "run_ms", "started_at"):
            self.assertNotIn(absent, job)
        self.worker.register(self.kind)
        task = self.worker.poll()[1]
        self.assertEqual((task["params"], task["priority"], task["metadata"]), ({"a": [1, "ü"]}, 2.5, {"tenant": "t1"}))
        self.assertNotIn("deadline", task)
        self.worker.event(task, "progress", {"progress": 0.5, "message": "hälf"})
        job = self.server.job(made["job_id"])
        self.assertEqual((job["state"], job["task_id"], job["worker_id"], job["attempts"], job["progress"], job["progress_message"]),
                         ("running", task["task_id"], self.worker.id, 1, 0.5, "hälf"))
        self.worker.result(task, data={"n": 9007199254740993, "nothing": None})
        job = self.server.job(made["job_id"])
        self.assertEqual((job["state"], job["data"]), ("finished", {"n": 9007199254740993, "nothing": None}))
        self.assertGreaterEqual(job["run_ms"], 0)
        self.assertRegex(job["finished_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_failure_is_shown(self):
        task = self.start()
        self.worker.result(task, "failure", error={"code": "PERMANENT_ERROR", "message": "corrupt", "details": {"at": 512}})
        job = self.server.job(task["job_id"])
        self.assertEqual(job["state"], "quarantined")
        self.assertEqual(job["error"], {"code": "PERMANENT_ERROR", "details": {"at": 512},
                                        "message": "Task failed with permanent error (PERMANENT_ERROR): corrupt"})

    def test_a_retry_is_forgotten_by_success(self):
        task = self.start()
        self.worker.fail(task, "TRANSIENT_ERROR")
        job = self.server.job(task["job_id"])
        self.assertEqual((job["state"], job["error"]["code"]), ("queued", "TRANSIENT_ERROR"))
        self.assertNotIn("worker_id", job)
        self.worker.result(self.worker.poll()[1])
        job = self.server.job(task["job_id"])
        self.assertEqual((job["state"], job["attempts"]), ("finished", 2))
        self.assertNotIn("error", job)

    def test_orders_refused(self):
        good = {"type": "t", "params": {}}
        for change, words in (({"type": None}, "type must be"), ({"type": ""}, "type must be"), ({"type": "x" * 129}, "type must be"),
                              ({"params": [1]}, "params must be an object"), ({"priority": "high"}, "priority must be"),
                              ({"deadline_ms": 0}, "deadline_ms must be"), ({"deadline_ms": 1.5}, "deadline_ms must be"),
                              ({"timeout_ms": -1}, "timeout_ms must be"), ({"metadata": "x"}, "metadata must be"),
                              ({"typ": 1}, 'unknown member "typ"')):
            self.error(self.call("POST", "/jobs", {**good, **change}), 400, words)
        self.error(self.call("POST", "/jobs", {"params": {}}), 400, "type is missing")
        for raw in (b"", b"[]", b"{", b'{"type":"a","type":"b"}', b'{"type":"\xff"}', b'{"type":"a","priority":1e999}',
                    b"[" * 100000, b'{"type":"a","params":' + b'{"a":' * 100 + b"1" + b"}" * 101):
            self.assertEqual(self.call("POST", "/jobs", raw=raw)[0], 400, raw[:40])
        self.error(self.call("POST", "/jobs", raw=b" " * (MIB + 1)), 413, "exceeded")
        self.assertEqual(self.call("POST", "/jobs", raw=b'{"type":"unused"}' + b" " * (MIB - 17))[0], 201)

    def test_unknown_pages(self):
        self.error(self.call("GET", "/jobs/nope"), 404, "no such job")
        self.error(self.call("POST", "/jobs/nope/cancel"), 404, "no such job")
        self.error(self.call("GET", "/"), 404, "no such page")
        self.error(self.call("GET", "/jobs/"), 404, "no such page")
        self.error(self.call("GET", "/jobs/a/b"), 404, "no such page")
        self.error(self.call("GET", "/jobs/" + "x" * 500), 404, "no such page")
        self.error(self.call("DELETE", "/jobs"), 405, "method")
        self.error(self.call("POST", "/nope", raw=b"x" * (2 * MIB)), 404, "no such page")

    def test_list(self):
        ids = [self.server.create(self.kind, {}) for _ in range(3)]
        self.call("POST", f"/jobs/{ids[1]}/cancel")
        _, listed, _ = self.call("GET", "/jobs?limit=1000")
        mine = [(job["job_id"], job["state"]) for job in listed["jobs"] if job["type"] == self.kind]
        self.assertEqual(mine, [(ids[2], "queued"), (ids[1], "cancelled"), (ids[0], "queued")])
        self.assertNotIn("params", listed["jobs"][0])
        self.assertGreaterEqual(listed["counts"]["queued"], 2)
        _, listed, _ = self.call("GET", "/jobs?state=cancelled&limit=1")
        self.assertEqual([job["state"] for job in listed["jobs"]], ["cancelled"])
        for query in ("limit=0", "limit=1001", "limit=x", "state=done"):
            self.error(self.call("GET", "/jobs?" + query), 400, "limit is")

    def test_cancel(self):
        job_id = self.server.create(self.kind, {})
        status, answer, _ = self.call("POST", f"/jobs/{job_id}/cancel")
        self.assertEqual((status, answer), (200, {"job_id": job_id, "state": "cancelled"}))
        self.error(self.call("POST", f"/jobs/{job_id}/cancel"), 409, "already cancelled")
        self.worker.register(self.kind)
        self.assertEqual(self.worker.poll()[0], 204)  # it left the queue
        task = self.start()
        self.assertEqual(self.server.cancel(task["job_id"]), 200)
        status, answer, _ = self.worker.result(task)
        self.assertEqual((status, answer["status"], answer["reason"]), (200, "ignored", "job_cancelled"))
        self.assertEqual(self.server.job(task["job_id"])["state"], "cancelled")

    def test_wait(self):
        task = self.start()
        seen = []
        waits = [threading.Thread(target=lambda: seen.append(self.server.job(task["job_id"], "20s"))) for _ in range(3)]
        for wait in waits:
            wait.start()
        self.assertEqual(self.server.job(task["job_id"], "50ms")["state"], "running")
        self.worker.result(task, data={"x": 1})
        for wait in waits:
            wait.join(20)
        self.assertEqual([job["state"] for job in seen], ["finished"] * 3)
        self.assertEqual(self.server.job(task["job_id"], "20s")["state"], "finished")
        self.error(self.call("GET", f"/jobs/{task['job_id']}?wait=soon"), 400, "wait must be")

    def test_deadline_before_pickup(self):
        job = self.until_ended(self.server.create(self.kind, {}, deadline_ms=30))
        self.assertEqual((job["state"], job["error"]["code"], job["attempts"]), ("failed", "TIMEOUT_ERROR", 0))
        self.assertIn("before pickup", job["error"]["message"])

    def test_deadline_while_running(self):
        before = time.time()
        task = self.start(deadline_ms=800)
        self.assertTrue(before + 0.79 < task["deadline"] < time.time() + 0.81, task)
        job = self.until_ended(task["job_id"])
        self.assertEqual((job["state"], job["attempts"]), ("failed", 1))
        answer = self.worker.result(task)
        self.assertEqual((answer[0], answer[1]["status"], answer[1]["reason"]), (200, "ignored", "deadline_exceeded"))

    def test_timeout_is_tried_again(self):
        task = self.start(timeout_ms=500)
        again = None
        while again is None:
            again = self.worker.poll()[1]
        self.assertEqual(again["job_id"], task["job_id"])
        self.assertNotEqual(again["task_id"], task["task_id"])
        self.assertEqual(self.worker.result(task)[1]["reason"], "stale_task")
        self.worker.result(again)
        self.assertEqual(self.server.job(task["job_id"])["state"], "finished")


class Workers(Case):
    def listed(self):
        return {worker["worker_id"]: worker for worker in self.call("GET", "/workers")[1]["workers"]}[self.worker.id]

    def test_only_idle_ones_get_work(self):
        self.worker.register(self.kind, "other")
        self.worker.heartbeat(status="busy")
        self.assertEqual(self.listed()["status"], "busy")
        self.server.create(self.kind, {})
        self.assertEqual(self.worker.poll()[0], 204)
        self.worker.heartbeat(status="idle")
        self.assertEqual(self.worker.poll()[0], 200)
        self.assertEqual(self.listed()["skills"], [self.kind, "other"])

    def test_idle_again_while_the_poll_is_held(self):
        self.worker.register(self.kind)
        self.worker.heartbeat(status="busy")
        self.server.create(self.kind, {})
        poll = self.connect(self.poll_head(self.worker))
        while not self.listed()["polling"]:
            pass
        self.worker.heartbeat(status="idle")
        self.assertIn(b"200 OK", poll.recv(4096))
        poll.close()

    def test_skills_decide(self):
        self.worker.register("another")
        self.server.create(self.kind, {})
        self.assertEqual(self.worker.poll()[0], 204)
        self.worker.heartbeat(supported_skills=[{"name": self.kind}])
        self.assertEqual(self.worker.poll()[0], 200)

    def test_bad_heartbeats_are_named(self):
        self.worker.register(self.kind)
        self.error(self.worker.heartbeat(supported_skills=["x"]), 400,
                   "Invalid Heartbeat payload: Expected `object`, got `str` - at `$.supported_skills[0]`")
        self.error(self.worker.heartbeat(current_tasks=[1]), 400, "$.current_tasks[0]")
        self.error(self.worker.heartbeat(worker_id="w-9"), 403, "Immediate sender ID mismatch")

    def test_one_poll_a_worker(self):
        self.worker.register(self.kind)
        older = self.connect(self.poll_head(self.worker))
        while not self.listed()["polling"]:
            pass
        newer = []
        thread = threading.Thread(target=lambda: newer.append(self.worker.poll()))
        thread.start()
        self.assertIn(b"204", older.recv(4096))
        older.close()
        thread.join(20)
        self.assertEqual(newer[0][0], 204)

    def test_abandoned_poll_swallows_nothing(self):
        self.worker.register(self.kind)
        poll = self.connect(self.poll_head(self.worker))
        while not self.listed()["polling"]:
            pass
        poll.close()
        job_id = self.server.create(self.kind, {})
        self.assertEqual(self.server.job(job_id)["state"], "queued")
        self.assertEqual(self.worker.poll()[1]["job_id"], job_id)

    def test_longest_waiting_first(self):
        others = [Worker(self.server.url, self.server.token, f"{n}-{self.kind}") for n in range(3)]
        polls = []
        for other in others:
            other.register(self.kind)
            polls.append(self.connect(self.poll_head(other)))
            while not any(w["worker_id"] == other.id and w["polling"] for w in self.call("GET", "/workers")[1]["workers"]):
                pass
        for other, poll in zip(others, polls):
            job_id = self.server.create(self.kind, {})
            self.assertEqual(self.server.job(job_id)["worker_id"], other.id)
            poll.close()


class Lifetimes(Case):
    options = ("--poll-timeout", "20ms", "--worker-ttl", "600ms", "--max-retries", "0", "--max-jobs", "3")

    def setUp(self):
        super().setUp()
        for job in self.call("GET", "/jobs")[1]["jobs"]:
            self.server.cancel(job["job_id"])

    def test_silent_workers_are_forgotten(self):
        self.worker.register(self.kind)
        self.assertEqual(self.worker.touch()[1], {"status": "ttl_refreshed"})
        while self.worker.poll()[0] == 204 and self.call("GET", "/workers")[1]["workers"][0]["alive"]:
            pass  # polls do not keep it alive
        job_id = self.server.create(self.kind, {})
        self.assertEqual(self.worker.poll()[0], 204)
        self.assertEqual(self.worker.touch()[:2], (200, None))
        self.worker.register(self.kind)
        task = self.worker.poll()[1]
        self.assertEqual(task["job_id"], job_id)
        self.worker.fail(task, "TRANSIENT_ERROR")  # and no retries here
        self.assertEqual(self.server.job(job_id)["state"], "quarantined")

    def test_job_limit(self):
        ids = [self.server.create(self.kind, {}) for _ in range(3)]
        self.error(self.call("POST", "/jobs", {"type": "t"}), 503, "job limit")
        self.server.cancel(ids[1])
        ids.append(self.server.create(self.kind, {}))  # an ended one made room
        self.error(self.call("GET", "/jobs/" + ids[1]), 404, "no such job")
        self.assertEqual(self.server.job(ids[0])["state"], "queued")


class Files(Case):
    options = ("--max-store", "70Mi")

    def put(self, path, raw, method="PUT"):
        return self.call(method, path, raw=raw)

    def get(self, uri):
        at = urllib.parse.urlsplit(uri)
        self.assertEqual(f"{at.scheme}://{at.netloc}", self.server.url)
        return self.call("GET", at.path)

    def check(self, answer, status, raw):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual((answer[1]["sha256"], answer[1]["size"]), (hashlib.sha256(raw).hexdigest(), len(raw)))
        got = self.get(answer[1]["uri"])
        self.assertEqual((got[0], got[1] or b""), (200, raw))
        self.assertEqual(got[2]["content-length"], str(len(raw)))

    def test_round_trips(self):
        for raw in (b"", b"x", bytes(range(256)) * 5000):
            self.check(self.put("/files", raw, "POST"), 201, raw)
        self.check(self.put("/files/out.png", b"first"), 201, b"first")
        self.check(self.put("/files/out.png", b"second, longer"), 200, b"second, longer")
        self.assertTrue(self.put("/files/out.png", b"x")[1]["uri"].endswith("/files/out.png"))

    def test_head(self):
        self.put("/files/head", b"12345")
        status, body, headers = self.call("HEAD", "/files/head")
        self.assertEqual((status, body, headers["content-length"]), (200, None, "5"))

    def test_chunked_upload(self):
        at = urllib.parse.urlsplit(self.server.url)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
        connection.request("PUT", "/files/chunks", iter([b"a" * 70000, b"b"]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        self.assertEqual(json.load(connection.getresponse())["size"], 70001)
        connection.close()

    def test_refused(self):
        self.error(self.call("GET", "/files/nothing"), 404, "no such file")
        for name in (".hidden", "a%20b", "..", "x" * 64, "a%00b"):
            self.error(self.put("/files/" + name, b"x"), 400, "a file's name")
        self.error(self.put("/files/a/b", b"x"), 404, "no such page")

    def test_limits(self):
        big = bytes(64 * MIB)
        self.check(self.put("/files/big", big), 201, big)
        self.error(self.put("/files/bigger", big + b"x"), 413, "Maximum request body size 67108864 exceeded.")
        self.error(self.call("GET", "/files/bigger"), 404, "no such file")
        self.error(self.put("/files/more", bytes(8 * MIB)), 507, "the file store is full")
        self.check(self.put("/files/big", b"small"), 200, b"small")
        self.check(self.put("/files/more", bytes(8 * MIB)), 201, bytes(8 * MIB))


class Rudeness(Case):
    def alive(self):
        self.assertEqual(self.call("GET", "/jobs")[0], 200)

    def test_broken_requests(self):
        for raw in (b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff\x16\x03\x01" * 50, b"GET / HTTP/9.9\r\n\r\n", b"POST /jobs HTTP/1.1\r\n",
                    b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
                    b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
                    b"PUT /files/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
                    b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"GET /jobs HTTP/1.1\r\n" + b"X: " + b"y" * 40000 + b"\r\n\r\n",
                    b"GET /" + b"%" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            connection = self.connect(raw)
            connection.close()
            self.alive()
        self.error(self.call("GET", "/files/half"), 404, "no such file")

    def test_a_length_beyond_reason_is_refused_at_once(self):
        connection = self.connect(b"PUT /files/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")
        self.assertIn(b"413", connection.recv(4096))
        connection.close()

    def test_browsers_are_kept_out(self):
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
                        {"Host": "127.0.0.1.evil.example"}, {"Host": "localhostess"}):
            self.error(self.call("POST", "/jobs", {"type": "t"}, headers=headers), 403, "localhost")
        port = urllib.parse.urlsplit(self.server.url).port
        own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
        self.assertEqual(self.call("POST", "/jobs", {"type": "t"}, headers=own)[0], 201)

    def test_loopback_only(self):
        port = f":{urllib.parse.urlsplit(self.server.url).port:04X} "
        with open("/proc/net/tcp", encoding="ascii") as table:
            listening = [line.split()[1] for line in table if port in line and line.split()[3] == "0A"]
        self.assertEqual(listening, ["0100007F" + port.strip()])

    def test_many_connections(self):
        idle = [self.connect() for _ in range(100)]
        self.alive()
        for connection in idle:
            connection.close()
        self.alive()

    def test_many_workers_and_jobs(self):
        workers = [Worker(self.server.url, self.server.token, f"m{n}") for n in range(8)]
        ids = {self.server.create(self.kind, {"n": n}) for n in range(80)}
        done = []

        def work(worker):
            worker.register(self.kind)
            while True:
                status, task, _ = worker.poll()
                if status == 204:
                    return
                worker.result(task, data=task["params"])
                done.append(task["job_id"])

        threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(sorted(done), sorted(ids))
        self.assertEqual({self.server.job(job_id)["state"] for job_id in ids}, {"finished"})


class Program(unittest.TestCase):
    def run_it(self, *words, **more):
        return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=20, check=False, **more)

    def test_help(self):
        for option in ("--help", "--version"):
            ran = self.run_it(option)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertIn("penstock-devorch", ran.stdout)
        options = [word.strip(" ,") for line in self.run_it("--help").stdout.splitlines() if line.startswith("  --")
                   for word in line.split() if word.startswith("--")]
        self.assertGreater(len(options), 10)
        for option in options:  # each is known: what is missing or odd is its value
            ran = self.run_it(option.strip(","), "?", "extra")
            self.assertNotIn("unrecognized", ran.stderr)

    def test_usage(self):
        for words in (("--port", "65536"), ("--port", "x"), ("--poll-timeout", "30"), ("--max-jobs", "0"), ("--nope",), ("extra",),
                      ("--token", ""), ("--ready-fd", "-1"), ("--port",)):
            ran = self.run_it(*words)
            self.assertEqual((ran.returncode, ran.stdout), (2, ""), words)
            self.assertTrue(ran.stderr, words)

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ran = self.run_it("--port", str(taken.getsockname()[1]))
        self.assertEqual(ran.returncode, 1)
        self.assertIn("cannot listen", ran.stderr)

    def test_ready_descriptor_gone(self):
        self.assertEqual(self.run_it("--port", "0", "--ready-fd", "77").returncode, 1)

    def test_ends_with_held_requests(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = Devorch("--quiet")
            worker = Worker(server.url, server.token, "w-1")
            worker.register("t")
            job_id = server.create("unserved", {})
            at = urllib.parse.urlsplit(server.url)
            held = []
            for path in ("/_worker/workers/w-1/tasks/next", f"/jobs/{job_id}?wait=60s"):
                connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
                connection.request("GET", path, headers=worker.headers())
                held.append(connection)
            while not call(server.url, "GET", "/workers")[1]["workers"][0]["polling"]:
                pass
            server.process.send_signal(number)
            for connection in held:
                self.assertEqual(connection.getresponse().status, 503)
                connection.close()
            self.assertEqual(server.process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
