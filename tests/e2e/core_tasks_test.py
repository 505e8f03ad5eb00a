"""What becomes of tasks: verdicts, limits, queue, cancel, children, restarts, drain; against a real host."""
import os
import signal
import subprocess
import time
import unittest

from penstock_host import BIN, Host


def codes(client, pipeline, params=None, **members):
    header, _ = client.run(pipeline, params, **members)
    return header.get("error", header).get("code", header.get("status"))


class Verdicts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["echo", "misbehave"], host="max_concurrent = 2\nmax_result = 1M", sections='''
plugin "org.penstock.test.misbehave" {
    pipeline "loop" { cpu_limit = 300ms  timeout = 20s }
    pipeline "sleep" { timeout = 400ms }
    pipeline "leak" { memory = 128M  timeout = 20s }
    pipeline "echo_warm" { mode = warm  max_concurrent = 1 }
}''').start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        self.client = self.host.client()
        self.addCleanup(self.client.close)

    def test_each_end_has_its_code(self):
        table = {
            "crash": "CRASH", "abort": "CRASH", "loop": "CPU_LIMIT", "sleep": "TIMEOUT", "exit3": "PLUGIN_EXIT",
            "noresult": "NO_RESULT", "twice": "CONTRACT_VIOLATION", "bigresult": "RESULT_TOO_BIG",
            "badjson": "BAD_RESULT", "leak": "OOM", "fail_input": "INVALID_INPUT", "fail_retry": "TRANSIENT",
            "fail_permanent": "PERMANENT",
        }
        for pipeline, code in table.items():
            with self.subTest(pipeline=pipeline):
                self.assertEqual(codes(self.client, pipeline, {"crash": 1} if pipeline == "leak" else None), code)
                self.assertEqual(self.client.run("echo")[0]["status"], "success")

    def test_crash_is_told_with_its_signal(self):
        header, _ = self.client.run("crash")
        self.assertEqual((header["error"]["fault"], header["error"]["details"]["signal"]), ("plugin", "SIGSEGV"))

    def test_custom_status(self):
        header, _ = self.client.run("status")
        self.assertNotIn("error", header)
        self.assertNotIn(header["status"], ("success", "failure", "cancelled"))

    def test_timeout_of_the_task(self):
        started = time.monotonic()
        self.assertEqual(codes(self.client, "spin_ms", {"ms": 20000}, timeout_ms=300), "TIMEOUT")
        self.assertLess(time.monotonic() - started, 10)

    def test_deadline_while_it_runs_and_ttl_while_it_waits(self):
        now = int(time.time() * 1000)
        for i in range(2):
            self.client.submit("spin_ms", {"ms": 1500}, task_id=f"block{i}", wait=True)
        self.assertEqual(codes(self.client, "echo", ttl_ms=100, task_id="late"), "EXPIRED")
        self.assertEqual(codes(self.client, "echo", deadline=now + 300), "EXPIRED")
        for _ in range(2):
            self.client.receive("RESULT")
        now = int(time.time() * 1000)
        self.assertEqual(codes(self.client, "spin_ms", {"ms": 20000}, deadline=now + 400), "TIMEOUT")

    def test_cancel_running(self):
        self.client.submit("sleep", {"ms": 20000}, task_id="c1", timeout_ms=60000, events=["state"])
        while self.client.receive("EVENT")[1]["state"] != "running":
            pass
        self.client.send("CANCEL", {"task_id": "c1"})
        _, info, _ = self.client.receive("INFO")
        self.assertEqual(info["tasks"][0]["found"], "running")
        header = self.client.receive("RESULT")[1]
        self.assertIn(header["error"]["code"], ("CANCELLED", "TIMEOUT"))

    def test_cancel_queued_and_whole_job(self):
        for i in range(5):
            self.client.submit("spin_ms", {"ms": 800}, task_id=f"j{i}", job_id="job", wait=True)
        self.client.send("CANCEL", {"job_id": "job"})
        _, info, _ = self.client.receive("INFO")
        self.assertEqual(len(info["tasks"]), 5)
        self.assertIn("queued", {t["found"] for t in info["tasks"]})
        results = [self.client.receive("RESULT")[1] for _ in range(5)]
        self.assertGreaterEqual(sum(r["status"] == "cancelled" for r in results), 3)
        self.assertEqual(self.client.ask("CANCEL", {"task_id": "j0"})[1]["tasks"][0]["found"], "finished")

    def test_children(self):
        header, _ = self.client.run("next", {"n": 3}, task_id="parent")
        self.assertEqual(header["status"], "success")
        self.assertTrue(header["children"])
        results = {self.client.receive("RESULT")[1]["task_id"] for _ in header["children"]}
        self.assertEqual(results, set(header["children"]))
        self.assertTrue(all(c.startswith("parent-") for c in header["children"]))

    def test_children_not_wanted(self):
        header, _ = self.client.run("next", {"n": 2}, children="none")
        self.assertTrue(header["children"])
        self.assertTrue(self.client.is_silent(500))

    def test_warm_worker_lives_on(self):
        calls = [self.client.run("echo_warm")[0]["data"]["calls"] for _ in range(5)]
        self.assertEqual(calls, list(range(calls[0], calls[0] + 5)))

    def test_forbidden_calls(self):
        for pipeline in ("socket", "fork", "exec", "ptrace", "write_etc"):
            with self.subTest(pipeline=pipeline):
                header, _ = self.client.run(pipeline)
                # Either the call is refused and the plugin says how, or it is a violation.
                if "error" in header:
                    self.assertEqual(header["error"]["code"], "SANDBOX_VIOLATION")

    def test_files(self):
        header, body = self.client.run("files", {}, {"x": b"some bytes"})
        self.assertEqual((header["status"], body), ("success", [b"some bytes"]))
        header, _ = self.client.run("files", {"link": 1}, {"x": b"some bytes"})
        self.assertEqual(header["status"], "failure")

    def test_output_of_a_task_is_captured_and_capped(self):
        header, _ = self.client.run("stdout", {"kb": 2048})
        self.assertEqual(header["status"], "success")
        self.assertIn("this line has sixty-four bytes", self.host.log())

    def test_large_bytes(self):
        payload = os.urandom(20 * 1024 * 1024)
        header, body = self.client.run("echo", {}, {"x": payload})
        self.assertEqual(header["status"], "success")
        self.assertEqual(body[0], payload)


class Plugins(unittest.TestCase):
    def test_bad_plugins_are_listed_and_others_run(self):
        bad = ["short_size", "lying_size", "wrong_magic", "wrong_major", "missing_run", "unknown_need",
               "crash_in_constructor", "exit_in_constructor", "hang_in_constructor", "undefined_symbol", "no_symbol",
               "dup_a", "dup_b"]
        with Host(plugins=["echo", *bad], host="scan_timeout = 2s") as host:
            with open(os.path.join(host.plugin_dir, "garbage.so"), "wb") as f:
                f.write(b"not a library")
            client = host.client()
            plugins = {os.path.basename(p["file"]): p for p in client.ask("PLUGINS")[1]["plugins"]}
            self.assertEqual(plugins["echo.so"]["state"], "ok")
            broken = [name for name, p in plugins.items() if p["state"] == "broken"]
            self.assertEqual(sorted(broken), sorted(n + ".so" for n in bad if n != "dup_a"))
            for name in broken:
                self.assertTrue(plugins[name]["reason"], name)
            self.assertIn("dup_a.so", plugins["dup_b.so"]["reason"])
            self.assertIn("expected", plugins["wrong_major.so"]["reason"])
            self.assertEqual(client.run("echo")[0]["status"], "success")

    def test_open_that_fails_is_quarantined(self):
        with Host(plugins=["echo", "badopen"], sections='''
plugin "org.penstock.test.badopen" { pipeline "open_hangs" { load_timeout = 1s } }''') as host:
            client = host.client()
            for slug, code in (("open_fails", "PLUGIN_LOAD_FAILED"), ("open_crashes", "PLUGIN_LOAD_FAILED"),
                               ("open_exits", "PLUGIN_LOAD_FAILED"), ("open_hangs", "PLUGIN_LOAD_TIMEOUT")):
                with self.subTest(slug=slug):
                    header, _ = client.run(slug)
                    self.assertEqual(header["error"]["code"], code)
                    verb, refused, _ = client.ask("SUBMIT", {"pipeline": slug})
                    self.assertEqual((verb, refused["code"]), ("REFUSED", "QUARANTINED"))
                    self.assertGreater(refused["retry_after_ms"], 0)
            self.assertEqual(client.run("open_threads")[0]["status"], "success")
            self.assertIn("warm mode", host.log())
            self.assertEqual(client.run("echo")[0]["status"], "success")

    def test_params_are_checked_with_all_errors(self):
        with Host(plugins=["thumbnail"]) as host:
            client = host.client()
            verb, refused, _ = client.ask("SUBMIT", {"pipeline": "thumbnail", "params": {"width": 0, "format": "gif"}})
            self.assertEqual((verb, refused["code"]), ("REFUSED", "INVALID_INPUT"))
            self.assertEqual(sorted(e["path"] for e in refused["details"]["errors"]), ["/params/format", "/params/width"])


class Limits(unittest.TestCase):
    def test_priority(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1") as host:
            client = host.client()
            client.submit("spin_ms", {"ms": 300}, task_id="first", wait=True, events=["state"])
            while client.receive("EVENT")[1]["state"] != "running":
                pass
            for name, priority in (("low", 1), ("high", 8.5), ("middle", 5), ("middle too", 5)):
                client.submit("spin_ms", {"ms": 10}, task_id=name, priority=priority, wait=True)
            order = [client.receive("RESULT")[1]["task_id"] for _ in range(5)]
            self.assertEqual(order, ["first", "high", "middle", "middle too", "low"])

    def test_queue_is_bounded(self):
        with Host(plugins=["misbehave"], host="max_concurrent = 1\nqueue_max = 3") as host:
            client = host.client()
            for i in range(10):
                client.submit("spin_ms", {"ms": 100}, task_id=f"t{i}")
            answers = [client.receive("ACCEPTED", "REFUSED") for _ in range(10)]
            refused = [h for v, h, _ in answers if v == "REFUSED"]
            self.assertTrue(refused)
            self.assertTrue(all(h["code"] == "OVERLOADED" and h["retry_after_ms"] > 0 for h in refused))
            for _ in range(10 - len(refused)):
                client.receive("RESULT")

    def test_task_type_limit(self):
        sections = 'plugin "org.penstock.test.misbehave" { pipeline "spin_ms" { max_concurrent = 4 } }'
        with Host(plugins=["misbehave"], host='max_concurrent = 4\ntask_type "works" { max_concurrent = 1 }',
                  sections=sections) as host:
            client = host.client()
            watcher = host.client(control=True)
            watcher.ask("WATCH", {"all": True, "events": ["state"]})
            for i in range(6):
                client.submit("spin_ms", {"ms": 30}, wait=True, durable=False)
            for _ in range(6):
                client.receive("RESULT")
            running = most = ended = 0
            while ended < 6:
                state = watcher.receive("EVENT")[1]["state"]
                running += (state == "running") - (state == "finished")
                ended += state == "finished"
                most = max(most, running)
            self.assertEqual(most, 1)


class Life(unittest.TestCase):
    def test_term_drains(self):
        host = Host(plugins=["misbehave"], host="max_concurrent = 1").start()
        client = host.client()
        client.ask("HELLO", {})
        for i in range(3):
            client.submit("spin_ms", {"ms": 300}, task_id=f"t{i}")
            client.receive("ACCEPTED")
        host.process.send_signal(signal.SIGTERM)
        results = [client.receive("RESULT")[1]["status"] for _ in range(3)]
        self.assertEqual(results, ["success"] * 3)
        host.stop()

    def test_second_term_stops(self):
        host = Host(plugins=["misbehave"], host="max_concurrent = 1").start()
        client = host.client()
        for i in range(3):
            client.submit("spin_ms", {"ms": 30000}, task_id=f"t{i}", timeout_ms=60000, events=["state"],
                          durable=False)
        while client.receive("EVENT")[1]["state"] != "running":
            pass
        started = time.monotonic()
        host.process.send_signal(signal.SIGTERM)
        while "draining" not in host.log():
            time.sleep(0.01)
        host.process.send_signal(signal.SIGTERM)
        self.assertEqual([client.receive("RESULT")[1]["status"] for _ in range(3)], ["cancelled"] * 3)
        host.stop()
        self.assertLess(time.monotonic() - started, 20)

    def test_shutdown_by_the_operator(self):
        host = Host().start()
        operator = host.client(control=True)
        self.assertEqual(operator.ask("SHUTDOWN")[1]["state"], "stopping")
        self.assertEqual(host.process.wait(timeout=30), 0)
        host.stop()

    def test_core_and_launcher_are_restarted(self):
        with Host() as host:
            client = host.client()
            epoch = client.ask("PING")[1]["epoch"]
            for victim in ("penstock-core", "penstock-launcher"):
                os.kill(host.pid_of(victim), signal.SIGKILL)
                while True:
                    fresh = host.client()
                    fresh.sock.rcvtimeo = 1000
                    try:
                        now = fresh.ask("PING")[1]["epoch"]
                    except Exception:  # pylint: disable=broad-except  # nobody answers yet
                        continue
                    finally:
                        fresh.close()
                    if now != epoch:
                        epoch = now
                        break
            client = host.client()
            self.assertEqual(client.run("echo")[0]["status"], "success")

    def test_killed_supervisor_takes_everything_along(self):
        host = Host(plugins=["misbehave"], host="drain_timeout = 1s").start()
        client = host.client()
        client.submit("spin_ms", {"ms": 60000}, timeout_ms=100000, events=["state"])
        while client.receive("EVENT")[1]["state"] != "running":
            pass
        pids = host.children()
        host.process.kill()
        host.process.wait()
        deadline = time.monotonic() + 90
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            self.assertLess(time.monotonic(), deadline, "processes were left behind")
            time.sleep(0.05)
        host.process = None
        host.context.destroy(linger=0)

    def test_two_hosts_cannot_share_a_state_dir(self):
        with Host() as host:
            done = subprocess.run([os.path.join(BIN, "penstockd"), "--config", host.config], capture_output=True,
                                  text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("another penstockd", done.stderr)

    def test_bad_configuration(self):
        host = Host(host="queue_maxx = 5")
        done = subprocess.run([os.path.join(BIN, "penstockd"), "--config", host.config], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 78)
        self.assertIn("queue_max", done.stderr)
        self.assertIn(host.config + ":", done.stderr)


if __name__ == "__main__":
    unittest.main()
