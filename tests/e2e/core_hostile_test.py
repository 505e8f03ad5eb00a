"""Peers that are hostile, hasty or forgetful: the host stays up, answers the others, and keeps within its limits."""
import json
import unittest

import zmq
from penstock_host import Client, Host

ONE = [{"name": "x", "frame": 0}]


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["echo", "misbehave"], host="max_concurrent = 2\nmax_frames = 256\nqueue_max = 10\n"
                        "queue_max_bytes = 4Mi\nmax_result = 1Mi\nmax_outputs = 2Mi\nmax_message = 3Mi\nmax_frame = 2Mi\nresults_max_bytes = 4Mi").start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        self.client = self.host.client()
        self.addCleanup(self.client.close)

    def assert_others_are_served(self):
        other = self.host.client()
        self.assertEqual(other.run("echo")[0]["status"], "success")
        other.close()

    def test_thousands_of_frames(self):
        self.client.send("PING", {}, *[b"x"] * 3000)
        self.assertEqual(self.client.receive()[1]["code"], "TOO_LARGE")
        self.assert_others_are_served()

    def test_more_peers_than_there_is_room_for(self):
        sock = self.host.socket()
        answers = 0
        for i in range(70000):  # each envelope is a peer of its own
            sock.send_multipart([b"%d" % i, b"PEN/1", b"PING"])
            while sock.poll(0):
                sock.recv_multipart()
                answers += 1
        while sock.poll(1000):
            sock.recv_multipart()
            answers += 1
        self.assertGreater(answers, 60000)
        self.assert_others_are_served()
        operator = self.host.client(control=True)
        self.assertLessEqual(operator.ask("STATS")[1]["peers"], 65536)
        operator.close()
        sock.close()

    def test_one_frame_for_many_inputs(self):
        inputs = [{"name": str(i), "frame": 0} for i in range(3)]
        self.client.send("SUBMIT", {"pipeline": "echo", "inputs": inputs}, b"bytes")
        refused = self.client.receive()[1]
        self.assertEqual((refused["code"], "same frame" in refused["message"]), ("INVALID_INPUT", True))

    def test_who_never_acknowledges_stops_only_himself(self):
        greedy = self.host.client()
        greedy.ask("HELLO", {"name": "greedy"})
        codes = []
        for i in range(12):
            greedy.submit("echo", {}, {"x": bytes(256 * 1024)}, task_id=f"g{i}", wait=True)
            verb, header, _ = greedy.receive("RESULT", "REFUSED")
            codes.append(header.get("code") if verb == "REFUSED" else "RESULT")
        self.assertIn("QUOTA", codes)
        self.assertEqual(codes[0], "RESULT")
        self.assert_others_are_served()
        greedy.send("ACK", {"task_ids": [f"g{i}" for i in range(12)], "reply": True})
        greedy.receive("INFO")
        self.assertEqual(greedy.run("echo")[0]["status"], "success")
        greedy.close()

    def test_an_anonymous_req_needs_no_ack(self):
        sock = self.host.socket(zmq.REQ)
        client = Client(sock)
        for _ in range(20):
            header = {"pipeline": "echo", "inputs": ONE}
            verb, accepted, _ = client.ask("SUBMIT", header, bytes(512 * 1024))
            self.assertEqual(verb, "ACCEPTED", accepted)
            while client.ask("QUERY", {"uid": accepted["uid"]})[1]["task"]["state"] != "finished":
                pass
        sock.close()
        self.assert_others_are_served()

    def test_attached_tasks_count(self):
        self.client.submit("sleep", {"ms": 2000}, task_id="leader", idempotency_key="k", events=["state"])
        while self.client.receive()[1].get("state") != "running":
            pass
        for i in range(20):
            self.client.submit("sleep", {"ms": 2000}, task_id=f"f{i}", idempotency_key="k")
        answers = [self.client.receive("ACCEPTED", "REFUSED") for _ in range(20)]
        refused = [h["code"] for v, h, _ in answers if v == "REFUSED"]
        self.assertGreaterEqual(len(refused), 9)
        self.assertEqual(set(refused), {"OVERLOADED"})
        results = [self.client.receive("RESULT")[1]["status"] for _ in range(21 - len(refused))]
        self.assertEqual(set(results), {"success"})

    def test_hello_after_submit(self):
        self.client.submit("spin_ms", {"ms": 100}, task_id="early")
        self.client.receive("ACCEPTED")
        self.client.ask("HELLO", {})
        self.assertEqual(self.client.receive("RESULT")[1]["task_id"], "early")

    def test_hello_again_is_somebody_new(self):
        _, first, _ = self.client.ask("HELLO", {})
        _, second, _ = self.client.ask("HELLO", {})
        self.assertNotEqual((first["client"], first["resume"]), (second["client"], second["resume"]))

    def hello_as(self, routing_id):
        """WELCOME to a connection with that id; libzmq refuses it while an older one of that name is not gone."""
        for _ in range(60):
            sock = self.host.context.socket(zmq.DEALER)
            sock.linger, sock.rcvtimeo, sock.routing_id = 0, 500, routing_id
            sock.connect("ipc://" + self.host.tasks)
            try:
                return Client(sock).ask("HELLO", {})[1]
            except zmq.error.Again:
                continue
            finally:
                sock.close()
        self.fail("no answer to HELLO")

    def test_a_chosen_routing_id_is_no_secret(self):
        victim, thief = self.hello_as(b"shim"), self.hello_as(b"shim")
        self.assertNotEqual(thief["resume"], victim["resume"])
        self.assertNotEqual(thief["client"], victim["client"])

    def test_a_cancelled_task_answers_for_nobody(self):
        self.client.submit("spin_ms", {"ms": 400}, task_id="b1")
        self.client.submit("spin_ms", {"ms": 400}, task_id="b2")
        self.client.submit("spin_ms", {"ms": 1}, task_id="first", idempotency_key="key", priority=0)
        self.client.send("CANCEL", {"task_id": "first"})
        while (header := self.client.receive("RESULT")[1])["task_id"] != "first":
            pass
        self.assertEqual(header["status"], "cancelled")
        header, _ = self.client.run("spin_ms", {"ms": 1}, task_id="second", idempotency_key="key")
        while header["task_id"] != "second":
            header = self.client.receive("RESULT")[1]
        self.assertEqual((header["status"], header["cached"]), ("success", False))

    def test_times_without_end(self):
        header, _ = self.client.run("echo", ttl_ms=2 ** 53, deadline=2 ** 53)
        self.assertEqual(header["status"], "success")
        self.client.submit("echo", ttl_ms=2 ** 62)
        self.assertEqual(self.client.receive()[1]["code"], "INVALID_INPUT")

    def test_a_req_that_speaks_nonsense_is_answered(self):
        sock = self.host.socket(zmq.REQ)
        sock.send_multipart([b"nonsense"])
        frames = sock.recv_multipart()
        self.assertEqual((frames[1], json.loads(frames[2])["code"]), (b"REFUSED", "MALFORMED"))
        sock.close()


if __name__ == "__main__":
    unittest.main()
