"""PEN/1 as sdk/docs/protocol.md says it, against a real host: DEALER, REQ, refusals, ownership, breakers."""
import json
import os
import stat
import unittest

import zmq
from penstock_host import Client, Host

ONE = [{"name": "x", "frame": 0}]


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["echo", "misbehave"], host='max_header = 64K\nmax_frame = 1M\nmax_message = 2M\nmax_concurrent = 2\ntcp = "127.0.0.1:0"')
        cls.host.start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        self.client = self.host.client()
        self.addCleanup(self.client.close)

    # ---- sockets

    def test_modes_of_the_sockets(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.host.tasks).st_mode), 0o660)
        self.assertEqual(stat.S_IMODE(os.stat(self.host.control).st_mode), 0o600)

    def test_tcp(self):
        address = self.client.ask("STATS")[1]["tcp"]
        sock = self.host.context.socket(zmq.REQ)
        sock.linger, sock.rcvtimeo = 0, 10000
        sock.connect(address)
        sock.send_multipart([b"PEN/1", b"PING"])
        self.assertEqual(sock.recv_multipart()[:2], [b"PEN/1", b"PONG"])
        sock.close()

    # ---- REQ

    def test_req_waits_for_the_result(self):
        sock = self.host.socket(zmq.REQ)
        for i in range(3):
            header = {"pipeline": "echo", "params": {"i": i}, "wait": True, "inputs": [{"name": "x", "frame": 0}]}
            sock.send_multipart([b"PEN/1", b"SUBMIT", json.dumps(header).encode(), b"body"])
            frames = sock.recv_multipart()
            self.assertEqual(frames[1], b"RESULT")
            self.assertEqual(json.loads(frames[2])["data"], {"i": i})
            self.assertEqual(frames[3], b"body")
        sock.close()

    def test_req_without_wait_asks_later(self):
        sock = self.host.socket(zmq.REQ)
        client = Client(sock)
        verb, accepted, _ = client.ask("SUBMIT", {"pipeline": "echo", "params": {"a": 1}, "inputs": ONE}, b"x")
        self.assertEqual(verb, "ACCEPTED")
        while True:
            verb, header, _ = client.ask("QUERY", {"task_id": accepted["task_id"]})
            self.assertEqual(verb, "INFO")
            if header["task"]["state"] == "finished":
                break
        self.assertEqual(header["task"]["result"]["data"], {"a": 1})
        verb, header, _ = client.ask("ACK", {"task_id": accepted["task_id"]})
        self.assertEqual((verb, header), ("INFO", {"acknowledged": 1}))
        verb, header, _ = client.ask("QUERY", {"task_id": accepted["task_id"]})
        self.assertEqual(header["task"]["result"]["data"], {"a": 1})  # the journal has it still
        listed = client.ask("LIST")[1]["tasks"]
        self.assertEqual([(t["task_id"], t["state"], t["status"]) for t in listed],
                         [(accepted["task_id"], "finished", "success")])
        sock.close()

    def test_req_gets_one_answer_to_each_request(self):
        sock = self.host.socket(zmq.REQ)
        client = Client(sock)
        for verb, header, answer in (("PING", {}, "PONG"), ("HELLO", {}, "WELCOME"), ("STATS", {}, "INFO"),
                                     ("NOISE", {}, "REFUSED"), ("ACK", {"task_id": "x"}, "INFO"),
                                     ("CANCEL", {"task_id": "x"}, "INFO"), ("WATCH", {}, "REFUSED"),
                                     ("DRAIN", {}, "REFUSED"), ("PLUGINS", {}, "INFO"), ("LIST", {}, "INFO")):
            self.assertEqual(client.ask(verb, header)[0], answer, verb)
        sock.close()

    # ---- DEALER

    def test_accepted_then_result(self):
        verb, accepted, _ = self.client.ask("SUBMIT", {"pipeline": "echo", "params": {"n": 1}, "task_id": "mine",
                                                       "metadata": {"k": [1.50, 9007199254740993]}, "request": "r1",
                                                       "inputs": ONE}, b"x")
        self.assertEqual(verb, "ACCEPTED")
        self.assertEqual((accepted["task_id"], accepted["request"], accepted["durable"]), ("mine", "r1", True))
        _, result, _ = self.client.receive("RESULT")
        self.assertEqual((result["task_id"], result["status"], result["data"]), ("mine", "success", {"n": 1}))
        self.assertEqual(result["uid"], accepted["uid"])

    def test_bytes_pass_verbatim(self):
        raw = b'{"pipeline":"echo","params":{"big":9007199254740993,"f":1.50,"e":1E400,"s":"\\u00e4\\/"},"wait":true,' \
            b'"inputs":[{"name":"x","frame":0}]}'
        self.client.sock.send_multipart([b"PEN/1", b"SUBMIT", raw, b"x"])
        header = self.client.sock.recv_multipart()[2]
        self.assertIn(b'"data":{"big":9007199254740993,"f":1.50,"e":1E400,"s":"\\u00e4\\/"}', header)

    def test_events(self):
        self.client.submit("progress", {}, events=["state", "progress", "log"], wait=True)
        kinds, states = set(), []
        while True:
            verb, header, _ = self.client.receive()
            if verb == "RESULT":
                break
            kinds.add(header["kind"])
            if header["kind"] == "state":
                states.append(header["state"])
        self.assertEqual(kinds, {"state", "progress", "log"})
        self.assertEqual(states, ["queued", "running", "finished"])

    def test_unknown_members_are_named(self):
        _, accepted, _ = self.client.ask("SUBMIT", {"pipeline": "echo", "colour": "red"})
        self.assertEqual(accepted["ignored"], ["colour"])

    def test_refusals(self):
        table = [
            ({}, [], "INVALID_INPUT"),
            ({"pipeline": "nothing"}, [], "UNKNOWN_PIPELINE"),
            ({"pipeline": "echo", "priority": "high"}, [], "INVALID_INPUT"),
            ({"pipeline": "echo", "deadline": 1}, [], "EXPIRED"),
            ({"pipeline": "echo", "durable": "yes"}, [], "INVALID_INPUT"),
            ({"pipeline": "echo", "pipeline_version": "9.9.9"}, [], "UNSUPPORTED_VERSION"),
            ({"pipeline": "echo", "inputs": [{"name": "a", "frame": 0, "sha256": "0" * 64}]}, [b"x"],
             "INTEGRITY_MISMATCH"),
            ({"pipeline": "echo", "inputs": [{"name": "a", "uri": "s3://b/k"}]}, [], "DEPENDENCY_MISSING"),
        ]
        for header, body, code in table:
            verb, answer, _ = self.client.ask("SUBMIT", header, *body)
            self.assertEqual((verb, answer["code"]), ("REFUSED", code), header)
            self.assertTrue(answer["message"])
        self.assertEqual(self.client.ask("PING")[0], "PONG")  # none of it broke the connection

    def test_the_version_that_fits(self):
        self.assertEqual(self.client.run("echo", pipeline_version="1.0.0")[0]["status"], "success")

    def test_the_digest_that_fits(self):
        import hashlib
        header, body = self.client.run("echo", inputs={"a": b"bytes"}, outputs={"digest": True})
        self.assertEqual(header["outputs"][0]["sha256"], hashlib.sha256(b"bytes").hexdigest())

    def test_same_id(self):
        first, _ = self.client.run("echo", {"a": 1}, task_id="same")
        self.client.submit("echo", {"a": 1}, task_id="same")
        verb, accepted, _ = self.client.receive()
        self.assertEqual((verb, accepted["attached"], accepted["uid"]), ("ACCEPTED", True, first["uid"]))
        self.assertEqual(self.client.receive("RESULT")[1]["uid"], first["uid"])
        verb, refused, _ = self.client.ask("SUBMIT", {"pipeline": "echo", "params": {"a": 2}, "task_id": "same"})
        self.assertEqual((verb, refused["code"]), ("REFUSED", "DUPLICATE"))

    def test_idempotency_key(self):
        self.client.submit("spin_ms", {"ms": 300}, task_id="k1", idempotency_key="key", wait=True)
        self.client.submit("spin_ms", {"ms": 300}, task_id="k2", idempotency_key="key", wait=True)
        results = {h["task_id"]: h for _, h, _ in (self.client.receive("RESULT"), self.client.receive("RESULT"))}
        self.assertEqual([results["k1"]["cached"], results["k2"]["cached"]], [False, True])
        header, _ = self.client.run("spin_ms", {"ms": 300}, task_id="k3", idempotency_key="key")
        self.assertTrue(header["cached"])
        self.client.submit("spin_ms", {"ms": 1}, idempotency_key="key")
        verb, refused, _ = self.client.receive()
        self.assertEqual((verb, refused["code"]), ("REFUSED", "DUPLICATE"))

    def test_content_key(self):
        self.client.send("SUBMIT", b'{"pipeline":"spin_ms","params":{"ms":1,"b":{"c":1,"d":2}},"content_key":true,"wait":true}')
        self.assertFalse(self.client.receive("RESULT")[1]["cached"])
        self.client.send("SUBMIT", b'{"pipeline":"spin_ms","params":{"b":{"d":2,"c":1}, "\\u006ds":1},"content_key":true,"wait":true}')
        self.assertTrue(self.client.receive("RESULT")[1]["cached"])
        other = self.client.run("spin_ms", {"ms": 1, "b": {"c": 1, "d": 3}}, content_key=True)[0]
        self.assertFalse(other["cached"])
        verb, refused, _ = self.client.ask("SUBMIT", {"pipeline": "echo", "content_key": True, "idempotency_key": "k"})
        self.assertEqual((verb, refused["code"]), ("REFUSED", "INVALID_INPUT"))

    # ---- clients

    def test_hello_resume_and_ack(self):
        _, welcome, _ = self.client.ask("HELLO", {"name": "t", "kind": "test"})
        self.assertFalse(welcome["resumed"])
        self.client.submit("echo", {"a": 1}, task_id="kept")
        self.client.receive("RESULT")
        other = self.host.client()
        _, again, _ = other.ask("HELLO", {"resume": welcome["resume"]})
        self.assertTrue(again["resumed"])
        self.assertEqual(again["client"], welcome["client"])
        self.assertEqual(other.receive("RESULT")[1]["task_id"], "kept")  # it was never acknowledged
        other.send("ACK", {"task_id": "kept", "reply": True})
        self.assertEqual(other.receive("INFO")[1], {"acknowledged": 1})
        third = self.host.client()
        third.ask("HELLO", {"resume": welcome["resume"]})
        self.assertTrue(third.is_silent())
        other.close()
        third.close()

    def test_a_client_sees_its_own_tasks(self):
        self.client.run("echo", {"a": 1}, task_id="private")
        other = self.host.client()
        self.assertIsNone(other.ask("QUERY", {"task_id": "private"})[1]["task"])
        self.assertEqual(other.ask("LIST")[1]["tasks"], [])
        self.assertEqual(other.ask("CANCEL", {"task_id": "private"})[1]["tasks"][0]["found"], "unknown")
        self.assertIn("private", [t["task_id"] for t in self.client.ask("LIST")[1]["tasks"]])
        operator = self.host.client(control=True)
        self.assertIn("private", [t["task_id"] for t in operator.ask("LIST")[1]["tasks"]])
        other.close()
        operator.close()

    def test_the_uid_opens_the_task(self):
        header, _ = self.client.run("echo", {"a": 1})
        other = self.host.client()
        self.assertEqual(other.ask("QUERY", {"uid": header["uid"]})[1]["task"]["result"]["data"], {"a": 1})
        other.close()

    def test_list_pages(self):
        client = self.host.client()
        for i in range(7):
            client.run("echo", {"i": i}, task_id=f"p{i}", job_id="pages")
        seen, cursor = [], None
        while True:
            header = {"limit": 3, "job_id": "pages", **({"cursor": cursor} if cursor else {})}
            _, page, _ = client.ask("LIST", header)
            seen += [t["task_id"] for t in page["tasks"]]
            cursor = page.get("cursor")
            if cursor is None:
                break
        self.assertEqual(seen, [f"p{i}" for i in range(6, -1, -1)])
        client.close()

    def test_watch(self):
        operator = self.host.client(control=True)
        self.assertEqual(operator.ask("WATCH", {"all": True, "events": ["state"]})[1], {"watching": ["state"]})
        self.client.run("echo", {}, task_id="watched")
        states = []
        while not states or states[-1] != "finished":
            _, event, _ = operator.receive("EVENT")
            if event["task_id"] == "watched":
                states.append(event["state"])
        self.assertEqual(states, ["queued", "running", "finished"])
        self.assertEqual(self.client.ask("WATCH", {"all": True})[1]["code"], "UNAUTHORIZED")
        operator.close()

    def test_operator_verbs_need_the_control_socket(self):
        for verb in ("DRAIN", "RESUME", "SHUTDOWN"):
            self.assertEqual(self.client.ask(verb)[1]["code"], "UNAUTHORIZED")

    def test_drain_and_resume(self):
        operator = self.host.client(control=True)
        self.assertEqual(operator.ask("DRAIN")[1]["state"], "draining")
        verb, refused, _ = self.client.ask("SUBMIT", {"pipeline": "echo"})
        self.assertEqual((verb, refused["code"], refused["retryable"]), ("REFUSED", "DRAINING", True))
        self.assertEqual(operator.ask("RESUME")[1]["state"], "serving")
        self.assertEqual(self.client.run("echo")[0]["status"], "success")
        operator.close()

    # ---- peers that break the protocol

    def check_breaker(self, frames, code):
        client = self.host.client()
        client.sock.send_multipart(frames)
        verb, header, _ = client.receive()
        self.assertEqual((verb, header["code"]), ("REFUSED", code))
        client.send("PING")
        self.assertTrue(client.is_silent(), "a breaker is ignored after its one answer")
        client.close()
        self.assertEqual(self.client.ask("PING")[0], "PONG")

    def test_breakers(self):
        self.check_breaker([b"hello"], "MALFORMED")
        self.check_breaker([b"PEN/2", b"PING"], "UNSUPPORTED_VERSION")
        self.check_breaker([b"PEN/1"], "MALFORMED")
        self.check_breaker([b"PEN/1", b"SUBMIT", b"{not json"], "MALFORMED")
        self.check_breaker([b"PEN/1", b"SUBMIT", b"[]"], "MALFORMED")
        self.check_breaker([b"PEN/1", b"SUBMIT", b'{"a":1,"a":2}'], "MALFORMED")
        self.check_breaker([b"PEN/1", b"SUBMIT", b'{"pipeline":"echo"}'] + [b"x"] * 100, "TOO_LARGE")
        self.check_breaker([b"PEN/1", b"SUBMIT", b'{"pipeline":"echo"}', b"x" * 1500000], "TOO_LARGE")
        self.check_breaker([b"PEN/1", b"SUBMIT", b'{"pipeline":"echo"}'] + [b"x" * 900000] * 3, "TOO_LARGE")

    def test_breakers_are_counted(self):
        before = self.client.ask("STATS")[1]["protocol_errors"]
        self.check_breaker([b"junk", b"junk"], "MALFORMED")
        self.assertGreaterEqual(self.client.ask("STATS")[1]["protocol_errors"], before + 2)


if __name__ == "__main__":
    unittest.main()
