"""Tasks written ahead to warm workers: whatever happens to their neighbours, each gets its own verdict, once."""
import random
import unittest

from penstock_host import Host

TASKS = 3000
WINDOW = 64
SECTIONS = '''
plugin "org.penstock.test.inner" {
    pipeline "line" { mode = warm  max_concurrent = 2  recycle_after = %d }
}'''


class Ahead(unittest.TestCase):
    def host(self, recycle_after=0):
        return Host(plugins=["inner_plugin"], host="max_concurrent = 2\nlog_level = error", sections=SECTIONS % recycle_after)

    def run_mix(self, host, choose, seed):
        """choose: random -> (what the task does, members of SUBMIT, codes it may end with, is it cancelled)."""
        rng = random.Random(seed)
        client = host.client()
        expected, seen, sent = {}, {}, 0
        while len(seen) < TASKS:
            while sent < TASKS and sent - len(seen) < WINDOW:
                what, members, codes, is_cancelled = choose(rng)
                name = f"t{sent}"
                expected[name] = codes
                client.submit("line", {"n": sent, "do": what}, {"x": name.encode()}, task_id=name, wait=True, **members)
                if is_cancelled:
                    client.send("CANCEL", {"task_id": name})
                sent += 1
            verb, header, body = client.receive("RESULT", "REFUSED")
            self.assertEqual(verb, "RESULT", header)
            name = header["task_id"]
            self.assertNotIn(name, seen)
            seen[name] = header.get("error", {}).get("code")
            self.assertIn(seen[name], expected[name], header)
            if seen[name] is None:
                self.assertEqual((header["data"]["n"], body[0]), (int(name[1:]), name.encode()))
            client.send("ACK", {"task_id": name})
        _, stats, _ = host.client(control=True).ask("STATS")
        self.assertEqual((stats["capacity"]["running"], stats["capacity"]["queued"]), (0, 0))
        client.close()
        return seen

    def test_all_go_well(self):
        with self.host() as host:
            self.run_mix(host, lambda rng: ("x", {}, [None], False), 1)

    def test_crashes(self):
        def choose(rng):
            return ("crash", {}, ["CRASH"], False) if rng.random() < 0.02 else ("x", {}, [None], False)
        with self.host() as host:
            self.run_mix(host, choose, 2)

    def test_time_limits_and_cancelling(self):
        def choose(rng):
            at = rng.random()
            if at < 0.003:
                return "wait", {"timeout_ms": 40}, ["TIMEOUT"], False
            if at < 0.006:
                return "wait", {}, ["CANCELLED"], True
            if at < 0.05:
                return "x", {}, [None, "CANCELLED"], True
            return "x", {"priority": rng.randint(1, 9)}, [None], False
        with self.host() as host:
            self.run_mix(host, choose, 3)

    def test_recycled_workers(self):
        with self.host(recycle_after=50) as host:
            self.run_mix(host, lambda rng: ("x", {}, [None], False), 4)

    def test_the_end_comes_when_all_are_done(self):
        with self.host() as host:
            client = host.client()
            for _ in range(3):
                for i in range(200):
                    client.submit("line", {"n": i, "do": "x"}, task_id=f"t{i}", wait=True)
                for i in range(200):
                    self.assertNotIn("error", client.receive("RESULT")[1])
            for i in range(500):
                client.submit("line", {"n": i, "do": "x"}, task_id=f"d{i}", wait=True)
            client.receive("RESULT")
            host.client(control=True).ask("DRAIN", {})
            for i in range(499):
                verb, header, _ = client.receive("RESULT", "REFUSED")
                self.assertTrue(verb == "REFUSED" or "error" not in header, header)


if __name__ == "__main__":
    unittest.main()
