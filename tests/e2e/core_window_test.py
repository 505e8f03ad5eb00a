"""A client says how many unacknowledged results it takes: the others wait, in their order."""
import unittest

from penstock_host import Host


class Window(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["misbehave", "echo"], host="max_concurrent = 1").start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def client(self, window, resume=None):
        client = self.host.client()
        self.addCleanup(client.close)
        header = {"name": "w", **({} if window is None else {"window": window}), **({"resume": resume} if resume else {})}
        return client, client.ask("HELLO", header)[1]["resume"]

    def submit(self, client, n, start=0):
        for i in range(start, start + n):
            client.submit("spin_ms", {"ms": 1}, task_id=f"t{i}")

    def received(self, client, n):
        """The next n results, and no more."""
        names = [client.receive("RESULT")[1]["task_id"] for _ in range(n)]
        self.assertTrue(client.is_silent(300))
        return names

    def test_no_more_than_it_takes(self):
        client, resume = self.client({"count": 3, "bytes": 1 << 30})
        self.submit(client, 10)
        self.assertEqual(self.received(client, 3), ["t0", "t1", "t2"])
        client.send("ACK", {"task_id": "t1"})
        self.assertEqual(self.received(client, 1), ["t3"])
        client.send("ACK", {"task_ids": ["t0", "t2", "t3"]})
        self.assertEqual(self.received(client, 3), ["t4", "t5", "t6"])
        # On another connection it begins again, with another window.
        client.close()
        other, _ = self.client({"count": 2}, resume)
        self.assertEqual(self.received(other, 2), ["t4", "t5"])
        # New ones wait behind those that wait.
        self.submit(other, 1, start=10)
        while other.receive("ACCEPTED")[1]["task_id"] != "t10":
            pass
        other.send("ACK", {"task_ids": ["t4", "t5"]})
        self.assertEqual(self.received(other, 2), ["t6", "t7"])
        # None: all at once.
        last, _ = self.client(None, resume)
        self.assertEqual(self.received(last, 5), ["t6", "t7", "t8", "t9", "t10"])

    def test_bytes(self):
        client, _ = self.client({"bytes": 250000})
        for i in range(4):
            client.submit("echo", {"i": i}, {"x": b"x" * 100000}, task_id=f"t{i}")
        self.assertEqual(self.received(client, 2), ["t0", "t1"])
        client.send("ACK", {"task_id": "t0"})
        self.assertEqual(self.received(client, 1), ["t2"])

    def test_one_that_is_larger_than_the_window(self):
        client, _ = self.client({"bytes": 1000})
        for i in range(2):
            client.submit("echo", {"i": i}, {"x": b"x" * 100000}, task_id=f"t{i}")
        self.assertEqual(self.received(client, 1), ["t0"])
        client.send("ACK", {"task_id": "t0"})
        self.assertEqual(self.received(client, 1), ["t1"])

    def test_no_window_at_all(self):
        for window in (None, 7, [], "x", {"count": 0}, {"count": "3", "bytes": -1}):
            client, _ = self.client(window)
            self.submit(client, 5)
            self.assertEqual(self.received(client, 5), [f"t{i}" for i in range(5)], window)


if __name__ == "__main__":
    unittest.main()
