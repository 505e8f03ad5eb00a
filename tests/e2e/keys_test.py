"""TCP with CURVE: who comes in, whose tasks are whose, and a list of keys that changes."""
import os
import socket
import unittest

import zmq
from keys_lib import KeyHost, Pair, RawCurve, is_unheard
from penstock_host import Client, wait_for

WAIT_S = 60
WARM = '''plugin "org.penstock.test.modes" { pipeline "memory" { mode = warm max_concurrent = 1 } }'''


class WithHost(unittest.TestCase):
    """Each class has a host of its own, each test a client called alice."""
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.host = KeyHost(**{"plugins": ["echo", "misbehave"], **cls.options})
        cls.host.start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def open(self, client):
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.alice = self.open(self.host.as_client("alice"))

    def asks_in_vain(self, sock, milliseconds=300):
        self.open(sock)
        self.assertTrue(is_unheard(sock, milliseconds))


class Doors(WithHost):
    def test_a_known_key_comes_in(self):
        result, body = self.alice.run("echo", {"a": 1})
        self.assertEqual((result["status"], result["data"], body), ("success", {"a": 1}, [b"bytes"]))

    def test_req_too(self):
        client = self.open(self.host.as_client("bob", kind=zmq.REQ))
        self.assertEqual(client.ask("PING")[0], "PONG")

    def test_large_messages_pass(self):
        body = os.urandom(5 << 20)
        self.assertEqual(self.alice.run("echo", {}, {"x": body})[1], [body])

    def test_the_other_doors_need_no_key(self):
        self.assertEqual(self.open(self.host.client()).ask("PING")[0], "PONG")
        self.assertEqual(self.open(self.host.client(control=True)).ask("PING")[0], "PONG")

    def test_nobody_else_comes_in(self):
        known = self.host.pairs["alice"]
        swapped = Pair()
        swapped.z85 = known.z85  # a public key without its secret part
        table = {
            "unknown key": dict(pair=Pair()),
            "unknown key, REQ": dict(pair=Pair(), kind=zmq.REQ),
            "another's public key": dict(pair=swapped),
            "wrong key of the host": dict(pair=known, server=Pair()),
            "the client's key for the host's": dict(pair=known, server=known),
            "no CURVE": {},
            "PLAIN": dict(plain_username=b"alice", plain_password=b"secret"),
            "the host's own key": dict(pair=self.host.pair),
        }
        before = self.host.stats()
        for name, options in table.items():
            with self.subTest(name):
                self.asks_in_vain(self.host.tcp_socket(**options))
        self.assertEqual(self.alice.ask("PING")[0], "PONG")
        after = self.host.stats()
        self.assertGreaterEqual(after["keys_refused"], before["keys_refused"] + 3)
        self.assertEqual(after["protocol_errors"], before["protocol_errors"])
        self.assertIn("not let in", self.host.log())

    def test_refusals_are_logged_now_and_then_only(self):
        before, lines = self.host.stats()["keys_refused"], self.host.log().count("not let in")
        for _ in range(30):
            sock = self.host.tcp_socket(Pair())
            self.asks_in_vain(sock, 0)
        wait_for(lambda: self.host.stats()["keys_refused"] >= before + 30, self.host)
        self.assertLessEqual(self.host.log().count("not let in"), lines + 3)

    # ---- bytes of our own making

    def raw(self, *chunks):
        """The connection is closed at the latest when the handshake has taken too long: what came till then."""
        host, port = self.host.address()[len("tcp://"):].rsplit(":", 1)
        sock = socket.create_connection((host, int(port)))
        sock.settimeout(WAIT_S)
        got = b""
        try:
            for chunk in chunks:
                sock.sendall(chunk)
            while True:
                more = sock.recv(4096)
                if not more:
                    return got
                got += more
        except (ConnectionResetError, BrokenPipeError):
            return got
        finally:
            sock.close()

    def test_other_greetings(self):
        mechanism = lambda name: b"\xff" + bytes(8) + b"\x7f\x03\x00" + name.ljust(20, b"\0") + b"\0" + bytes(31)
        ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER"
        ping = b"\x01\x05PEN/1\x00\x04PING"
        table = {
            "ZMTP 1.0": (b"\x01\x00" + b"\x06\x01PEN/1\x05\x00PING",),
            "ZMTP 2.0": (b"\xff" + bytes(8) + b"\x7f\x01\x05" + b"\x00\x00" + ping,),
            "NULL": (mechanism(b"NULL"), ready + ping),
            "PLAIN": (mechanism(b"PLAIN"), b"\x04\x0d\x05HELLO\x01a\x01b" + ping),
            "CURVE, and NULL's READY": (mechanism(b"CURVE"), ready + ping),
            "CURVE, and a message": (mechanism(b"CURVE"), ping),
            "CURVE, and a HELLO of zeros": (mechanism(b"CURVE"), b"\x04\xc8\x05HELLO\x01\x00" + bytes(192)),
            "HTTP": (b"GET / HTTP/1.1\r\n\r\n",),
        }
        for name, chunks in table.items():
            with self.subTest(name):
                self.assertNotIn(b"PONG", self.raw(*chunks))
        self.assertEqual(self.alice.ask("PING")[0], "PONG")

    def test_a_peer_cannot_say_who_it_is(self):
        """What the host knows of a connection is what it has answered libzmq, whatever the peer adds."""
        alice = self.host.pairs["alice"]
        for name in (b"User-Id", b"user-id", b"X-User-Id", b"Peer-Address"):
            with self.subTest(name):
                bob = RawCurve(self.host.address(), self.host.pairs["bob"], self.host.pair,
                               [(name, alice.hex.encode()), (b"Socket-Type", b"DEALER"), (name, alice.hex.encode())])
                header = b'{"pipeline": "echo", "tenant": "%s", "inputs": [{"name": "x", "frame": 0}]}'
                bob.send_multipart([b"PEN/1", b"SUBMIT", header % b"alice", b"x"])
                self.assertEqual(bob.receive()[1], b"REFUSED")
                bob.send_multipart([b"PEN/1", b"SUBMIT", header % b"bob", b"x"])
                self.assertEqual(bob.receive()[1], b"ACCEPTED")
                bob.close()

    def test_handshakes_that_never_end(self):
        host, port = self.host.address()[len("tcp://"):].rsplit(":", 1)
        socks = [socket.create_connection((host, int(port))) for _ in range(300)]
        for sock in socks[::2]:
            sock.sendall(b"\xff" + bytes(8) + b"\x7f\x03")
        late = self.open(self.host.as_client("bob"))
        self.assertEqual(late.run("echo")[0]["status"], "success")
        for sock in socks:  # each is cut off, although it stays open here
            sock.settimeout(WAIT_S)
            try:
                while sock.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            sock.close()
        self.assertEqual(self.alice.ask("PING")[0], "PONG")


class Owners(WithHost):
    options = {"plugins": ["echo", "modes"], "sections": WARM}

    def test_tasks_are_their_clients_own(self):
        """The same key on another connection is another client, until it shows the secret."""
        alice, other = self.alice, self.open(self.host.as_client("alice"))
        welcome = alice.ask("HELLO", {"name": "one"})[1]
        uid = alice.run("echo", {}, task_id="t")[0]["uid"]
        other.ask("HELLO", {"name": "two"})
        self.assertIsNone(other.ask("QUERY", {"task_id": "t"})[1]["task"])
        self.assertEqual(other.ask("LIST")[1]["tasks"], [])
        self.assertEqual(other.ask("QUERY", {"uid": uid})[1]["task"]["uid"], uid)
        again = other.ask("HELLO", {"resume": welcome["resume"]})[1]
        self.assertEqual((again["resumed"], again["client"]), (True, welcome["client"]))
        self.assertEqual(other.receive("RESULT")[1]["task_id"], "t")

    def test_the_secret_needs_its_key(self):
        welcome = self.alice.ask("HELLO", {"name": "one"})[1]
        uid = self.alice.run("echo", {}, task_id="t")[0]["uid"]
        for thief in (self.host.as_client("bob"), self.host.client()):
            self.open(thief)
            taken = thief.ask("HELLO", {"resume": welcome["resume"]})[1]
            self.assertFalse(taken["resumed"])
            self.assertNotEqual((taken["client"], taken["resume"]), (welcome["client"], welcome["resume"]))
            self.assertTrue(thief.is_silent())
            self.assertIsNone(thief.ask("QUERY", {"task_id": "t"})[1]["task"])
            self.assertIsNone(thief.ask("QUERY", {"uid": uid})[1]["task"])
            self.assertEqual(thief.ask("CANCEL", {"uid": uid})[1]["tasks"][0]["found"], "unknown")
        operator = self.open(self.host.client(control=True))
        self.assertEqual(operator.ask("QUERY", {"uid": uid})[1]["task"]["uid"], uid)

    def test_a_secret_of_the_socket_is_none_over_tcp(self):
        local = self.open(self.host.client())
        welcome = local.ask("HELLO", {"name": "local"})[1]
        uid = local.run("echo")[0]["uid"]
        self.assertFalse(self.alice.ask("HELLO", {"resume": welcome["resume"]})[1]["resumed"])
        self.assertIsNone(self.alice.ask("QUERY", {"uid": uid})[1]["task"])

    def test_a_routing_id_proves_nothing(self):
        first = self.open(self.host.as_client("alice", identity=b"me"))
        first.run("echo", {}, task_id="mine")
        first.close()
        second = self.open(self.host.as_client("bob", identity=b"me"))
        self.assertEqual(second.ask("LIST")[1]["tasks"], [])
        self.assertIsNone(second.ask("QUERY", {"task_id": "mine"})[1]["task"])

    def test_tenants(self):
        """The plugin's warm worker tells for whom it has worked before; it serves one tenant."""
        table = [  # client, tenant of the header, tenant that the plugin sees or code
            ("alice", None, "alice"), ("alice", "alice", "alice"), ("alice", "bob", "UNAUTHORIZED"),
            ("alice", "alice2", "UNAUTHORIZED"), ("alice", "Alice", "UNAUTHORIZED"),
            ("alice", "\u0061lice", "alice"), ("bob", None, "bob"), ("bob", "alice", "UNAUTHORIZED")]
        for name, tenant, expected in table:
            with self.subTest(name=name, tenant=tenant):
                client = self.open(self.host.as_client(name))
                members = {} if tenant is None else {"tenant": tenant}
                client.run("memory", {}, {}, **members)
                answer, _ = client.run("memory", {}, {}, **members)
                self.assertEqual(answer.get("code") or answer["data"]["before"], expected)
        refused = self.alice.run("echo", tenant="bob")[0]
        self.assertIn('"alice" only', refused["message"])


class Quotas(WithHost):
    """However many connections and clients a key has, it is one tenant."""
    options = {"sections": 'tenant "alice" { queue_max = 2 }', "host": "max_concurrent = 1"}

    def answer_of(self, client, pipeline, params, **members):
        client.submit(pipeline, params, {}, **members)
        verb, header, _ = client.receive("ACCEPTED", "REFUSED")
        return header.get("code", verb), header

    def test_of_a_tenant(self):
        self.assertEqual(self.answer_of(self.alice, "spin_ms", {"ms": 20000}, task_id="busy", events=["state"])[0], "ACCEPTED")
        while self.alice.receive("EVENT")[1]["state"] != "running":
            pass
        clients = [self.open(self.host.as_client("alice")) for _ in range(3)]
        found = [self.answer_of(client, "spin_ms", {"ms": 1}) for client in clients]
        self.assertEqual([code for code, _ in found], ["ACCEPTED", "ACCEPTED", "QUOTA"])
        self.assertIn("tenant_queue_max is 2", found[2][1]["message"])
        clients[2].ask("HELLO")
        told = clients[2].ask("RESERVE", {"count": 1})[1]
        self.assertEqual(told["granted"], 0)
        self.assertIn("tenant_queue_max is 2", told["reason"])
        bob = self.open(self.host.as_client("bob"))
        self.assertEqual(self.answer_of(bob, "spin_ms", {"ms": 1})[0], "ACCEPTED")
        self.alice.ask("CANCEL", {"task_id": "busy"})

    def test_keys_of_tasks(self):
        other = self.open(self.host.as_client("alice"))
        self.assertEqual(self.answer_of(self.alice, "spin_ms", {"ms": 1}, idempotency_key="k")[0], "ACCEPTED")
        self.assertEqual(self.answer_of(other, "spin_ms", {"ms": 2}, idempotency_key="k")[0], "DUPLICATE")


class Restarted(WithHost):
    """What a key guards it guards also after the core has died."""

    def test_owners(self):
        anonymous = self.open(self.host.as_client("alice"))
        welcome = self.alice.ask("HELLO", {"name": "alice"})[1]
        uid = self.alice.run("echo", {}, task_id="kept")[0]["uid"]
        uids = [uid, anonymous.run("echo")[0]["uid"]]
        anonymous.submit("spin_ms", {"ms": 500})
        uids.append(anonymous.receive("ACCEPTED")[1]["uid"])
        self.host.kill_core()
        for thief in (self.host.as_client("bob"), self.host.client()):
            self.open(thief)
            self.assertFalse(thief.ask("HELLO", {"resume": welcome["resume"]})[1]["resumed"])
            for uid in uids:
                self.assertIsNone(thief.ask("QUERY", {"uid": uid})[1]["task"])
        again = self.open(self.host.as_client("alice"))
        self.assertIsNotNone(again.ask("QUERY", {"uid": uids[2]})[1]["task"])
        resumed = again.ask("HELLO", {"resume": welcome["resume"]})[1]
        self.assertEqual((resumed["resumed"], resumed["client"]), (True, welcome["client"]))
        self.assertEqual(again.receive("RESULT")[1]["task_id"], "kept")


class Lists(WithHost):
    def setUp(self):
        self.host.allow(*self.lines())
        super().setUp()
        self.assertEqual(self.alice.ask("PING")[0], "PONG")

    def lines(self, *names):
        return [f"{self.host.pairs[name].hex} {name}" for name in names or ("alice", "bob")]

    def test_a_new_key_comes_in_at_once(self):
        carol = Pair()
        self.asks_in_vain(self.host.tcp_socket(carol))
        self.host.allow(*self.lines(), f"{carol.z85.decode()} carol tenant=alice")
        client = self.open(Client(self.host.tcp_socket(carol)))
        self.assertEqual(client.ask("PING")[0], "PONG")
        self.assertEqual(client.run("echo", tenant="alice")[0]["status"], "success")

    def test_a_key_that_is_taken_away(self):
        bob = self.open(self.host.as_client("bob"))
        bob.ask("HELLO", {"name": "bob"})
        bob.submit("spin_ms", {"ms": 1000}, task_id="late")
        bob.receive("ACCEPTED")
        self.host.allow(*self.lines("alice"))
        self.asks_in_vain(self.host.tcp_socket(self.host.pairs["bob"]), 0)  # a handshake is when it is noticed at once
        verb, refused, _ = bob.receive()  # nobody asked
        self.assertEqual((verb, refused["code"]), ("REFUSED", "UNAUTHORIZED"))
        for verb in ("PING", "HELLO", "LIST"):
            bob.send(verb)
        self.assertTrue(bob.is_silent(500), "told once, and no result either")
        self.asks_in_vain(self.host.tcp_socket(self.host.pairs["bob"]))
        self.assertEqual(self.alice.run("echo")[0]["status"], "success")
        # Its task has run all the same, and whoever gets the key back finds nothing lost.
        operator = self.open(self.host.client(control=True))
        wait_for(lambda: operator.ask("QUERY", {"task_id": "late"})[1]["task"]["state"] == "finished", self.host)

    def test_a_key_that_comes_back(self):
        bob = self.open(self.host.as_client("bob"))
        welcome = bob.ask("HELLO", {"name": "bob"})[1]
        bob.run("echo", {}, task_id="kept")
        self.host.allow(*self.lines("alice"))
        bob.receive("REFUSED")
        self.host.allow(*self.lines())
        bob.send("PING")
        self.assertTrue(bob.is_silent(), "this connection stays ignored")
        again = self.open(self.host.as_client("bob"))
        self.assertTrue(again.ask("HELLO", {"resume": welcome["resume"]})[1]["resumed"])
        self.assertEqual(again.receive("RESULT")[1]["task_id"], "kept")

    def test_a_list_that_is_written_in_place(self):
        bob = self.open(self.host.as_client("bob"))
        self.assertEqual(bob.ask("PING")[0], "PONG")
        with open(self.host.list_path, "w", encoding="ascii") as f:
            f.write(self.lines("alice")[0] + "\n")
        self.assertEqual(bob.receive("REFUSED")[1]["code"], "UNAUTHORIZED")

    def test_reload_says_what_is_wrong_with_the_list(self):
        operator = self.open(self.host.client(control=True))
        bob = self.open(self.host.as_client("bob"))
        self.assertEqual(bob.ask("PING")[0], "PONG")
        self.host.allow(*self.lines("alice"), "half a line")
        verb, refused, _ = operator.ask("RELOAD")
        self.assertEqual((verb, refused["code"]), ("REFUSED", "INVALID_INPUT"))
        self.assertIn("host.allowed_keys: line 2: expected a public key", refused["message"])
        self.assertEqual(bob.ask("PING")[0], "PONG")
        self.host.allow(*self.lines("alice"))
        self.assertEqual(operator.ask("RELOAD")[0], "INFO")
        self.assertEqual(bob.receive()[1]["code"], "UNAUTHORIZED")

    def test_a_bad_list_leaves_the_old_one(self):
        def half(path):
            self.host.allow(*self.lines("alice"), "half a line")

        def absent(path):
            os.unlink(path)

        def open_to_others(path):
            self.host.allow(*self.lines("alice"))
            os.chmod(path, 0o666)

        def a_folder(path):
            os.rename(path, path + ".old")
            os.mkdir(path)
            self.addCleanup(os.rmdir, path + ".aside")

        for make, words in ((half, "line 2: expected a public key"), (absent, "cannot be used"),
                            (open_to_others, "only its owner may write it"), (a_folder, "expected a regular file")):
            with self.subTest(make.__name__):
                self.host.allow(*self.lines())
                wait_for(lambda: self.open(self.host.as_client("bob")).ask("PING")[0] == "PONG", self.host)
                before = self.host.log().count(words)
                make(self.host.list_path)
                wait_for(lambda: self.host.log().count(words) > before, self.host)
                self.assertEqual(self.open(self.host.as_client("bob")).ask("PING")[0], "PONG")
                if os.path.isdir(self.host.list_path):
                    os.rename(self.host.list_path, self.host.list_path + ".aside")


class Reopened(WithHost):
    options = {"host": "max_message = 3Mi\nmax_frame = 2Mi\nmax_unfinished = 8Mi\nqueue_max_bytes = 4Mi\n"
                       "max_result = 1Mi\nmax_outputs = 2Mi\nresults_max_bytes = 4Mi"}

    def test_the_door_opens_again_with_the_same_keys(self):
        welcome = self.alice.ask("HELLO", {"name": "alice"})[1]
        flood = RawCurve(self.host.address(), self.host.pairs["bob"], self.host.pair)
        self.addCleanup(flood.close)
        flood.send_multipart([b"PEN/1", b"SUBMIT"])
        with self.assertRaises((ConnectionError, BrokenPipeError)):
            while True:  # a message that never ends
                flood.send(bytes(1 << 20), more=True)
        wait_for(lambda: "the doors are open again" in self.host.log(), self.host)
        self.assertGreater(self.host.stats()["doors_reopened"], 0)
        pong = self.alice.ask("PING")[1]
        self.assertNotEqual(pong["epoch"], welcome["epoch"])
        self.assertTrue(self.alice.ask("HELLO", {"resume": welcome["resume"]})[1]["resumed"])
        self.asks_in_vain(self.host.tcp_socket(Pair()))
        self.asks_in_vain(self.host.tcp_socket())


if __name__ == "__main__":
    unittest.main()
