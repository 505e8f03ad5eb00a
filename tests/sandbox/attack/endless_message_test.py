"""A peer that never ends its message: libzmq keeps what it has sent of it, and no high-water mark counts it. The core
sees itself grow, cuts all peers of that door off, and goes on."""
import os
import re
import socket
import struct
import subprocess
import threading
import time
import unittest

import zmq
from penstock_host import BIN, Client, Host

MIB = 1 << 20
UNFINISHED = 64 * MIB
SENT = 1024 * MIB
ALLOWED = 4 * UNFINISHED  # the limit, and what is sent between two looks
LEFT = 24 * MIB  # what may stay when all is over: the allocator's own
PATIENCE_S = 20
MORE, LARGE, COMMAND = 1, 2, 4
HOST = 'max_frame = 30Mi\nmax_message = 32Mi\nmax_unfinished = 64Mi\nmax_outputs = 32Mi\nmax_concurrent = 2\ntcp = "127.0.0.1:0"'
USER = 65534
with open(os.path.join(BIN, "penstock-core"), "rb") as core:
    IS_EXACT = b"__asan_init" not in core.read()  # a sanitizer holds on to what is freed


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def frame(flags, body):
    return bytes([flags | LARGE]) + struct.pack(">Q", len(body)) + body


def connect(address):
    """ZMTP by hand: libzmq itself would not send a message before its last frame is there."""
    tcp = re.fullmatch(r"tcp://(.*):(\d+)", address)
    sock = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
    sock.settimeout(PATIENCE_S)
    sock.connect((tcp[1], int(tcp[2])) if tcp else address)
    sock.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    sock.recv(64, socket.MSG_WAITALL)
    sock.sendall(frame(COMMAND, b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"))
    return sock


def attack(address, total, ends):
    """Whether it was cut off is added to ends."""
    piece = frame(MORE, bytes(MIB))
    try:
        with connect(address) as sock:
            for _ in range(total // MIB):
                sock.sendall(piece)
        ends.append("sent")
    except OSError:
        ends.append("cut off")


class Endless(unittest.TestCase):
    def wait_for(self, what, is_so):
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.01)

    def play(self, host, address, attackers, allowed=ALLOWED):
        """The most by which the core grew while so many attacked it."""
        pid = host.pid_of("penstock-core")
        before = most = resident(pid)
        ends = []
        threads = [threading.Thread(target=attack, args=(address, SENT, ends)) for _ in range(attackers)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            most = max(most, resident(pid))
            time.sleep(0.001)
        for t in threads:
            t.join()
        self.assertEqual(ends, ["cut off"] * attackers)
        print(f"the core grew by {(most - before) // MIB} MiB")
        if not IS_EXACT:
            return
        self.assertLess(most - before, allowed)
        self.wait_for("the core stays large", lambda: resident(pid) - before < LEFT)

    def come(self, host, address):
        """A client with a result that it has not acknowledged, and its WELCOME."""
        old = Client(host.context.socket(zmq.DEALER))
        old.sock.linger, old.sock.rcvtimeo = 0, PATIENCE_S * 1000
        old.sock.connect(address if "://" in address else "ipc://" + address)
        welcome = old.ask("HELLO", {"name": "old"})[1]
        old.submit("echo", {"a": 1}, task_id="mine")
        self.assertEqual(old.receive("RESULT")[1]["data"], {"a": 1})  # and it is not acknowledged
        return old, welcome

    def check_resumed(self, host, old, welcome):
        """It says HELLO again, as PONG tells it to; new ones and the operator find the doors open."""
        def pong():
            old.send("PING")  # until the connection is there again, libzmq drops or keeps it
            return old.sock.poll(100) != 0 and old.receive()[1]["epoch"] != welcome["epoch"]
        self.wait_for("no other epoch", pong)
        old.send("HELLO", {"name": "old", "resume": welcome["resume"]})
        self.assertTrue(old.receive("WELCOME")[1]["resumed"])
        self.assertEqual(old.receive("RESULT")[1]["task_id"], "mine")
        self.assertEqual(old.run("echo", {"b": 2})[0]["data"], {"b": 2})
        old.close()
        new = host.client()
        self.assertEqual(new.run("echo")[0]["status"], "success")
        stats = new.ask("STATS")[1]
        self.assertGreaterEqual(stats["doors_reopened"], 1)
        new.close()
        operator = host.client(control=True)
        self.assertEqual(operator.ask("PING")[0], "PONG")
        operator.close()
        return stats

    def round(self, host, tcp=False, attackers=1):
        client = host.client()
        address = client.ask("STATS")[1]["tcp"] if tcp else host.tasks
        client.close()
        old, welcome = self.come(host, address)
        self.play(host, address, attackers)
        stats = self.check_resumed(host, old, welcome)
        self.assertIn("max_unfinished", host.log())
        return stats

    def test_one_after_the_other(self):
        with Host(plugins=["echo"], host=HOST) as host:
            first = self.round(host)
            second = self.round(host, tcp=True)
            self.assertGreater(second["doors_reopened"], first["doors_reopened"])
            self.assertEqual(first["tcp"], second["tcp"])

    def test_several_at_once(self):
        with Host(plugins=["echo"], host=HOST) as host:
            self.round(host, attackers=4)

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_as_user(self):
        prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        with Host(plugins=["echo"], host=HOST, prefix=prefix, owner=USER) as host:
            self.round(host)

    def test_the_control_door(self):
        with Host(plugins=["echo"], host=HOST) as host:
            self.play(host, host.control, 1, allowed=2 * ALLOWED)
            operator = host.client(control=True)
            self.assertEqual(operator.ask("STATS")[1]["doors_reopened"], 2)  # the other one was suspected first
            operator.close()

    def test_the_command_line_gets_its_result(self):
        with Host(plugins=["misbehave"], host=HOST) as host:
            waiting = subprocess.Popen([os.path.join(BIN, "penstock"), "task", "submit", "--socket", host.tasks, "--wait",
                                        "sleep", "-p", "ms=2000"], stdout=subprocess.PIPE, text=True)
            client = host.client()
            self.wait_for("no task", lambda: client.ask("STATS")[1]["capacity"]["running"] == 1)
            client.close()
            self.play(host, host.tasks, 1)
            self.assertEqual(waiting.communicate(timeout=PATIENCE_S)[0], '{"slept":2000}\n')
            self.assertEqual(waiting.returncode, 0)

    def test_large_messages_pass(self):
        with Host(plugins=["echo"], host=HOST) as host:
            clients = {29 * MIB: host.client(), 16 * MIB: host.client()}  # both at once are below the limit
            for _ in range(4):
                for size, c in clients.items():
                    c.submit("echo", inputs={"x": bytes(size)})
                for size, c in clients.items():
                    self.assertEqual(len(c.receive("RESULT", "REFUSED")[2][0]), size)
            self.assertEqual(clients[29 * MIB].ask("STATS")[1]["doors_reopened"], 0)
            for c in clients.values():
                c.close()


if __name__ == "__main__":
    unittest.main()
