"""Power failure on a small scale: what was accepted a moment before it is there after it, from the first task of a new
host on; and a core that never syncs is found out, without which nothing here would prove anything."""
import json
import os
import random
import shutil
import tempfile
import unittest

import zmq

from host import Host, forgetful

WAIT_MS = 30000


class Power(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.context = zmq.Context()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.context.destroy, linger=0)

    def host(self, **layer):
        host = Host(self.folder, False, core=[forgetful(self.folder, **layer)])
        self.addCleanup(host.kill_all)
        return host

    def hello(self, host, resume=None):
        sock = self.context.socket(zmq.DEALER)
        sock.rcvtimeo = WAIT_MS
        sock.connect(host.tasks)
        return sock, self.ask(sock, "HELLO", {"resume": resume} if resume else {})[1]

    @staticmethod
    def ask(sock, verb, header):
        sock.send_multipart([b"PEN/1", verb.encode(), json.dumps(header).encode()])
        frames = sock.recv_multipart()
        return frames[1].decode(), json.loads(frames[2])

    def lose(self, is_deaf, rng=None):
        """Three tasks are accepted, then the power fails. Whether the client is known again, and which are."""
        host = self.host(is_deaf=is_deaf)
        self.assertTrue(host.start(), host.log())
        sock, welcome = self.hello(host)
        names = {f"t{i}" for i in range(3)}
        for name in names:
            verb, header = self.ask(sock, "SUBMIT", {"task_id": name, "pipeline": "chaos_wait",
                                                     "params": {"fate": "slow", "n": 3, "ms": 1000}})
            self.assertEqual(verb, "ACCEPTED", header)
        host.lose_power(rng)
        self.assertTrue(host.start(), host.log())
        sock, again = self.hello(host, welcome["resume"])
        known = {name for name in names if self.ask(sock, "QUERY", {"task_id": name})[1]["task"] is not None}
        return again["resumed"], known == names, again["host_id"] == welcome["host_id"]

    def test_what_was_accepted_is_there(self):
        for seed in (None, 1, 2):
            with self.subTest(seed):
                self.setUp()
                self.assertEqual(self.lose(False, random.Random(seed) if seed else None), (True, True, True))
                self.doCleanups()

    def test_a_core_that_never_syncs_is_found_out(self):
        is_resumed, are_there, _ = self.lose(True)
        self.assertFalse(is_resumed and are_there)


if __name__ == "__main__":
    unittest.main()
