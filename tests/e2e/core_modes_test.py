"""Which process runs a task: tenants of warm workers, workers that are replaced, boxes for one task."""
import os
import random
import select
import tempfile
import time
import unittest

from penstock_host import Host

PLUGIN = '''
plugin "org.penstock.test.modes" {
    config = "{%s}"
    pipeline "memory" { %s }
}'''
WARM = "mode = warm  max_concurrent = %d"


def host_of(options, host="log_level = info", **config):
    words = ", ".join(f'\\"{key}\\": {value}' for key, value in config.items())
    return Host(plugins=["modes"], host=host, sections=PLUGIN % (words, options))


def code_of(header):
    return header.get("error", header).get("code", header.get("status"))


class Case(unittest.TestCase):
    def calls(self, client, tenant=None, **params):
        """How many tasks the worker has had, this one included; and that it is nobody else's."""
        members = {"tenant": tenant} if tenant else {}
        header, _ = client.run("memory", params, **members)
        self.assertNotIn("error", header)
        self.assertIn(header["data"]["before"], ("", tenant or ""), header)
        return header["data"]["calls"]

    def free(self, host):
        """Nothing of the tasks is left in the host's books."""
        _, stats, _ = host.client(control=True).ask("STATS")
        self.assertEqual((stats["capacity"]["running"], stats["capacity"]["queued"]), (0, 0))


class Tenants(Case):
    def test_a_worker_serves_one_tenant(self):
        with host_of(WARM % 1) as host:
            client = host.client()
            self.assertEqual([self.calls(client, "a") for _ in range(3)], [1, 2, 3])
            self.assertEqual([self.calls(client, "b") for _ in range(3)], [1, 2, 3])
            self.assertEqual(self.calls(client, "a"), 1)
            # By name it is the same tenant over whichever connection.
            self.assertEqual(self.calls(host.client(), "a"), 2)
            self.free(host)

    def test_without_a_name_it_is_the_owner(self):
        with host_of(WARM % 1) as host:
            one, two = host.client(), host.client()
            self.assertEqual([self.calls(one), self.calls(one)], [1, 2])
            self.assertEqual(self.calls(two), 1)
            self.assertEqual(self.calls(one), 1)
            # A name is never an owner.
            self.assertEqual(self.calls(one, "1"), 1)

    def test_each_keeps_its_own_worker(self):
        with host_of(WARM % 2) as host:
            client = host.client()
            a = b = 0
            while a < 2 or b < 2:  # until the second worker is there, they take the first from each other
                a, b = self.calls(client, "a"), self.calls(client, "b")
            for i in range(1, 20):
                self.assertEqual((self.calls(client, "a"), self.calls(client, "b")), (a + i, b + i))

    def test_short_tasks_of_two_tenants_do_not_replace_workers_in_turn(self):
        with host_of(WARM % 2) as host:
            client = host.client()
            for i in range(1000):
                client.submit("memory", tenant="ab"[i % 2], task_id=f"t{i}")
            calls = [client.receive("RESULT")[1]["data"]["calls"] for _ in range(1000)]
            # The two workers of the start, those of the time when nobody knew that tasks are short, and on a busy machine
            # some later ones. In turn it would be a new worker for every task or two.
            self.assertLess(calls.count(1), 250)
            self.free(host)

    def test_two_tenants_share_one_worker_in_longer_turns(self):
        with host_of(WARM % 1) as host:
            client = host.client()
            for i in range(160):
                client.submit("memory", {"ms": 2}, tenant="ab"[i % 2], task_id=f"t{i}", durable=False)
            results = [client.receive("RESULT")[1] for _ in range(160)]
            self.assertLess([r["data"]["calls"] for r in results].count(1), 40, "a new worker for every task or two")
            tenants = [int(r["task_id"][1:]) % 2 for r in results]
            self.assertIn(sum(tenants[:80]), range(28, 53), "one of them had to wait for the other")
            self.free(host)

    def test_nobody_sees_another_under_load(self):
        rng = random.Random(7)
        with host_of(WARM % 2) as host:
            client = host.client()
            sent, seen, of = 0, set(), {}
            while len(seen) < 600:
                while sent < 600 and sent - len(seen) < 32:
                    of[f"t{sent}"] = rng.choice("abcde")
                    do = rng.choice(["work"] * 20 + ["crash", "internal"])
                    client.submit("memory", {"do": do, "ms": rng.choice((0, 0, 0, 3))},
                                  tenant=of[f"t{sent}"], task_id=f"t{sent}")
                    if rng.random() < 0.05:
                        client.send("CANCEL", {"task_id": f"t{sent}"})
                    sent += 1
                _, header, _ = client.receive("RESULT")
                self.assertNotIn(header["task_id"], seen)
                seen.add(header["task_id"])
                if "error" not in header:
                    self.assertIn(header["data"]["before"], ("", of[header["task_id"]]), header)
                else:
                    self.assertIn(code_of(header), ("CRASH", "PERMANENT", "CANCELLED"), header)
            self.free(host)

    def test_nobody_waits_for_ever(self):
        with host_of(WARM % 2) as host:
            busy, other = host.client(), host.client()
            sent = 0
            for sent in range(64):
                busy.submit("memory", {"ms": 2}, tenant="busy")
            other.submit("memory", tenant="other")
            for _ in range(1500):
                busy.receive("RESULT")
                if not other.is_silent(0):
                    break
                busy.submit("memory", {"ms": 2}, tenant="busy")
                sent += 1
            self.assertFalse(other.is_silent(0), "the other tenant never had its turn")
            self.assertEqual(other.receive("RESULT")[1]["data"]["calls"], 1)

    def test_a_box_that_has_become_warm(self):
        with host_of("mode = fork  max_concurrent = 1", threads=1) as host:
            client = host.client()
            self.assertEqual([self.calls(client, t) for t in "aabba"], [1, 2, 1, 2, 1])
        self.assertIn("this pipeline runs in warm mode", host.log())

    def test_forks_belong_to_nobody(self):
        with host_of("mode = fork  max_concurrent = 1") as host:
            client = host.client()
            self.assertEqual([self.calls(client, t) for t in "aabb"], [1, 1, 1, 1])


class LargeModels(Case):
    def test_mapped_from_a_file_in_all_modes(self):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
            os.chmod(folder, 0o755)
            path = os.path.join(folder, "model")
            with open(path, "wb") as f:
                f.write(b"x" * ((4 << 20) - 1) + b"!")
            for mode in ("fork", "warm", "exec"):
                with self.subTest(mode=mode):
                    options = f'mode = {mode}  max_concurrent = 1  inputs = {{ "{path}" }}'
                    with host_of(options, model=f'\\"{path}\\"') as host:
                        header, _ = host.client().run("memory")
                        self.assertEqual(header["data"]["model"], ord("!"), header)


class WaitingForAWorker(Case):
    """A task whose worker is being loaded is still queued: it can be cancelled, and it can expire."""

    def prepare(self, host):
        client = host.client()
        self.assertEqual(self.calls(client, "a"), 1)
        return client

    def test_cancelled(self):
        with host_of(WARM % 1, open_ms=400) as host:
            client = self.prepare(host)
            client.submit("memory", tenant="b", task_id="b1")
            client.receive("ACCEPTED")
            client.submit("memory", tenant="c", task_id="c1")
            client.receive("ACCEPTED")
            client.ask("QUERY", {"task_id": "b1"})
            client.send("CANCEL", {"task_id": "b1"})
            header = client.receive("RESULT")[1]
            self.assertEqual((header["task_id"], code_of(header)), ("b1", "CANCELLED"))
            header = client.receive("RESULT")[1]
            self.assertEqual((header["task_id"], header["data"]["calls"]), ("c1", 1))
            self.assertEqual(self.calls(client, "c"), 2)
            self.free(host)

    def test_expired(self):
        with host_of(WARM % 1, open_ms=400) as host:
            client = self.prepare(host)
            header, _ = client.run("memory", tenant="b", ttl_ms=50)
            self.assertEqual(code_of(header), "EXPIRED")
            self.assertEqual(self.calls(client, "b"), 1)
            self.free(host)

    def test_time_limit_begins_with_the_worker(self):
        with host_of(WARM % 1, open_ms=400) as host:
            client = self.prepare(host)
            header, _ = client.run("memory", tenant="b", timeout_ms=300)
            self.assertEqual(header["data"]["calls"], 1)
            self.assertGreaterEqual(header["usage"]["queue_ms"], 300)


class Replaced(Case):
    def test_after_a_fault(self):
        table = {  # what it does: its code, is the worker replaced
            "internal": ("PERMANENT", True), "nothing": ("NO_RESULT", True), "twice": ("CONTRACT_VIOLATION", True),
            "name": ("CONTRACT_VIOLATION", True), "schema": ("CONTRACT_VIOLATION", True), "crash": ("CRASH", True),
            "input": ("INVALID_INPUT", False), "work": ("success", False),
        }
        with host_of(WARM % 1) as host:
            client = host.client()
            for do, (code, is_replaced) in table.items():
                with self.subTest(do=do):
                    before = self.calls(client, "a")
                    self.assertEqual(code_of(client.run("memory", {"do": do}, tenant="a")[0]), code)
                    self.assertEqual(self.calls(client, "a"), 1 if is_replaced else before + 2)

    def test_faults_among_tasks_that_were_written_ahead(self):
        rng = random.Random(3)
        with host_of(WARM % 2) as host:
            client = host.client()
            does = {f"t{i}": rng.choice(["work"] * 15 + ["internal", "schema"]) for i in range(2000)}
            for name, do in does.items():
                client.submit("memory", {"do": do}, tenant="a", task_id=name)
            codes = {"work": "success", "internal": "PERMANENT", "schema": "CONTRACT_VIOLATION"}
            for _ in range(len(does)):
                header = client.receive("RESULT")[1]
                self.assertEqual(code_of(header), codes[does.pop(header["task_id"])], header)
            self.free(host)
        self.assertNotIn("goes back into the queue", host.log())

    def test_after_growth(self):
        with host_of(WARM % 1 + "  recycle_growth = 8M") as host:
            client = host.client()
            self.assertEqual([self.calls(client, "a") for _ in range(2)], [1, 2])
            self.assertEqual(self.calls(client, "a", do="grow"), 3)
            self.assertEqual(self.calls(client, "a"), 1)
        self.assertIn("closed in good order", host.log())

    def zygote(self, host):
        """The process that has the plugin loaded: the box's that has no child of its own."""
        boxes = [pid for pid, comm in host.children().items() if comm == "penstock-box"]
        return max(boxes)

    def test_of_age_and_idle(self):
        with host_of(WARM % 1 + "  recycle_age = 1s") as host:
            client = host.client()
            self.assertEqual(self.calls(client, "a"), 1)
            pidfd = os.pidfd_open(self.zygote(host))
            self.assertTrue(select.select([pidfd], [], [], 30)[0], "the idle worker is not replaced")
            os.close(pidfd)
            self.assertEqual(self.calls(client, "a"), 1)

    def test_of_age_and_busy(self):
        with host_of(WARM % 1 + "  recycle_age = 1s") as host:
            client = host.client()
            self.assertEqual(self.calls(client, "a"), 1)
            self.assertEqual(self.calls(client, "a", ms=1200), 2)
            self.assertEqual(self.calls(client, "a"), 1)
        self.assertIn("closed in good order", host.log())


class BoxesForOneTask(Case):
    def test_each_task_has_a_new_one(self):
        with host_of("mode = exec  max_concurrent = 2", host="max_concurrent = 2") as host:
            client = host.client()
            born = set()
            for _ in range(10):
                header, _ = client.run("memory")
                self.assertEqual((header["data"]["calls"], header["data"]["before"]), (1, ""))
                born.add(header["data"]["born"])
            self.assertEqual(len(born), 10)
            _, plugins, _ = client.ask("PLUGINS")
            self.assertEqual(plugins["plugins"][0]["pipelines"][0]["mode"], "exec")
            self.free(host)

    def test_it_is_loaded_before_its_task_comes(self):
        with host_of("mode = exec  max_concurrent = 1  start = eager", host="log_level = debug", open_ms=200) as host:
            client = host.client()
            for i in range(1, 4):
                while host.log().count("box ready") < i:
                    client.ask("PING")
                submitted = time.monotonic_ns()
                self.assertLess(client.run("memory")[0]["data"]["born"], submitted)

    def test_two_at_once(self):
        with host_of("mode = exec  max_concurrent = 2", host="max_concurrent = 2") as host:
            client = host.client()
            for i in range(40):
                client.submit("memory", {"ms": 5}, task_id=f"t{i}")
            seen = [client.receive("RESULT")[1] for _ in range(40)]
            self.assertEqual({h["task_id"] for h in seen}, {f"t{i}" for i in range(40)})
            self.assertEqual({h["data"]["calls"] for h in seen}, {1})
            self.free(host)

    def test_the_same_verdicts(self):
        pipelines = {
            "crash": "CRASH", "abort": "CRASH", "loop": "CPU_LIMIT", "sleep": "TIMEOUT", "exit3": "PLUGIN_EXIT",
            "noresult": "NO_RESULT", "twice": "CONTRACT_VIOLATION", "bigresult": "RESULT_TOO_BIG",
            "badjson": "BAD_RESULT", "leak": "OOM", "fail_input": "INVALID_INPUT", "ptrace": "SANDBOX_VIOLATION",
        }
        lines = "\n".join(f'pipeline "{p}" {{ mode = exec  max_concurrent = 1  timeout = 20s  cpu_limit = 300ms '
                          f'memory = 128M }}' for p in pipelines)
        lines = lines.replace('"sleep" { mode = exec  max_concurrent = 1  timeout = 20s',
                              '"sleep" { mode = exec  max_concurrent = 1  timeout = 300ms')
        with Host(plugins=["misbehave"], host="max_result = 1M",
                  sections='plugin "org.penstock.test.misbehave" {\n%s\n}' % lines) as host:
            client = host.client()
            for pipeline, code in pipelines.items():
                with self.subTest(pipeline=pipeline):
                    for _ in range(2):
                        header, _ = client.run(pipeline, {"crash": 1} if pipeline == "leak" else None)
                        self.assertEqual(code_of(header), code, header)
            self.free(host)

    def test_one_that_does_not_load(self):
        with Host(plugins=["badopen"], host="max_concurrent = 4", sections='''
plugin "org.penstock.test.badopen" { pipeline "open_fails" { mode = exec  max_concurrent = 3 } }''') as host:
            client = host.client()
            header, _ = client.run("open_fails")
            self.assertEqual(code_of(header), "PLUGIN_LOAD_FAILED")
            header, _ = client.run("open_fails")
            self.assertEqual(header["code"], "QUARANTINED")
        # Three boxes failed, which is one failure.
        self.assertEqual(host.log().count("pipeline does not load"), 1)

    def test_idle_ones_stop(self):
        with host_of("mode = exec  max_concurrent = 2  idle_stop = 1s") as host:
            client = host.client()
            self.assertEqual(self.calls(client), 1)
            boxes = [pid for pid, comm in host.children().items() if comm == "penstock-box"]
            for pid in boxes:
                try:
                    pidfd = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                self.assertTrue(select.select([pidfd], [], [], 30)[0], "an idle box goes on")
                os.close(pidfd)
            self.assertEqual(self.calls(client), 1)


if __name__ == "__main__":
    unittest.main()
