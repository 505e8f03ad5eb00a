"""Which doors over TCP a host opens at its start, and which it refuses to open. Addresses beyond the loopback are tried in
a network of our own, which only root can have."""
import ctypes
import os
import socket
import subprocess
import unittest

import zmq
from keys_lib import KeyHost, Pair, is_unheard
from penstock_host import BIN, Client

CLONE_NEWNET = 0x40000000
WAIT_S = 60
EXIT_CONFIG = 78
OUTSIDE = "192.0.2.1"  # of the range for documentation
NOBODY = 65534
is_root = os.geteuid() == 0


def start_in_vain(host, *words):
    """The host must end by itself: its status and what it says."""
    found = subprocess.run([os.path.join(BIN, "penstockd"), "--config", host.config, *words], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=WAIT_S, check=False)
    return found.returncode, found.stdout + found.stderr


class Refusals(unittest.TestCase):
    def host(self, **kwargs):
        host = KeyHost(**kwargs)
        self.addCleanup(host.stop)
        return host

    def refused(self, host, *words, flags=()):
        status, text = start_in_vain(host, *flags)
        self.assertEqual(status, EXIT_CONFIG, text)
        for word in words:
            self.assertIn(word, text)

    def test_other_machines_need_keys(self):
        for address in ("0.0.0.0:0", "192.0.2.1:7000", "[::]:0", "[2001:db8::1]:7000", "127.0.0.2:0"):
            with self.subTest(address):
                host = self.host(tcp=address)
                self.refused(host, "host.tcp", "host.allowed_keys", "penstock key allow",
                             flags=("--set", "host.allowed_keys="))

    def test_names_are_no_addresses(self):
        self.refused(self.host(tcp="localhost:0"), "an address in digits")

    def test_the_hosts_key(self):
        def absent(host):
            os.unlink(host.curve_path)

        def mode(bits):
            return lambda host: os.chmod(host.curve_path, bits)

        def text(content):
            def write(host):
                with open(host.curve_path, "w", encoding="ascii") as f:
                    f.write(content)
            return write

        def anothers(host):
            os.chown(host.curve_path, NOBODY, NOBODY)

        table = {
            "absent": (absent, "penstock key new --host"),
            "readable by its group": (mode(0o640), "chmod 600"),
            "readable by all": (mode(0o604), "chmod 600"),
            "writable by all": (mode(0o602), "chmod 600"),
            "empty": (text(""), "as penstock key new writes it"),
            "no key": (text("penstock-curve-key 1\nkey 1234\n"), "as penstock key new writes it"),
        }
        if is_root:
            table["another user's"] = (anothers, "chown it")
        for name, (spoil, words) in table.items():
            with self.subTest(name):
                host = self.host()
                spoil(host)
                self.refused(host, host.curve_path, words)

    def test_the_list(self):
        def text(content):
            return lambda host: host.allow(content)

        table = {
            "absent": (lambda host: os.unlink(host.list_path), "No such file"),
            "writable by others": (lambda host: os.chmod(host.list_path, 0o666), "only its owner may write it"),
            "in a folder that others may write": (lambda host: os.chmod(host.dir, 0o777), "only its owner may write it"),
            "wrong": (text("alice"), "line 1: expected a public key"),
        }
        if is_root:  # else we are the ones who may read it
            table["not for the core"] = (lambda host: os.chmod(host.list_path, 0o600), "Permission denied")
            table["another user's"] = (lambda host: os.chown(host.list_path, NOBODY, NOBODY), "expected owner 0")
        for name, (spoil, words) in table.items():
            with self.subTest(name):
                host = self.host()
                spoil(host)
                self.refused(host, words)
                os.chmod(host.dir, 0o755)

    def test_the_key_lies_in_state_dir(self):
        host = self.host()
        state = os.path.join(host.dir, "state")
        os.mkdir(state, 0o755)
        host.pair.write(os.path.join(state, "curve.key"))
        os.unlink(host.curve_path)
        host.start(extra=("--set", "host.curve_key_file="))
        self.assertEqual(host.as_client("alice").ask("PING")[0], "PONG")

    def test_an_empty_list_lets_nobody_in(self):
        host = self.host(names=())
        host.start()
        self.assertTrue(is_unheard(host.tcp_socket(Pair())))

    def test_on_the_loopback_keys_are_a_choice(self):
        host = self.host()
        host.start(extra=("--set", "host.allowed_keys="))
        self.assertEqual(Client(host.tcp_socket()).ask("PING")[0], "PONG")

    def test_a_list_without_tcp_needs_no_key(self):
        host = self.host()
        os.unlink(host.curve_path)
        host.start(extra=("--set", "host.tcp="))
        self.assertEqual(host.client().ask("PING")[0], "PONG")


@unittest.skipUnless(is_root, "only root can have a network of its own")
class Outside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """For this process, from now on: nothing leaves it."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise unittest.SkipTest(f"no network of our own: {os.strerror(ctypes.get_errno())}")
        for words in ("link set lo up", f"addr add {OUTSIDE}/32 dev lo", "-6 addr add 2001:db8::1/128 dev lo nodad"):
            subprocess.run(["ip", *words.split()], check=True)

    def test_beyond_the_loopback(self):
        for tcp, reached in ((f"{OUTSIDE}:0", OUTSIDE), ("0.0.0.0:0", OUTSIDE), ("[2001:db8::1]:0", "[2001:db8::1]"),
                             ("[::]:0", "[2001:db8::1]")):
            with self.subTest(tcp), KeyHost(tcp=tcp) as host:
                port = host.address().rsplit(":", 1)[1]
                known, strange, plain = (self.connect(host, f"tcp://{reached}:{port}", pair)
                                         for pair in (host.pairs["alice"], Pair(), None))
                self.assertEqual(known.run("echo")[0]["status"], "success")
                for other in (strange, plain):
                    self.assertTrue(is_unheard(other.sock))

    def connect(self, host, address, pair):
        sock = host.context.socket(zmq.DEALER)
        sock.linger, sock.rcvtimeo, sock.ipv6 = 0, WAIT_S * 1000, True
        if pair is not None:
            sock.curve_publickey, sock.curve_secretkey, sock.curve_serverkey = pair.z85, pair.secret, host.pair.z85
        sock.connect(address)
        return Client(sock)


if __name__ == "__main__":
    unittest.main()
