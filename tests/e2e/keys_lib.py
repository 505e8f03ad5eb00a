"""Keys of CURVE for tests: pairs, the host's files, and connections of all kinds."""
import ctypes
import os
import socket

import zmq
from zmq.utils import z85

from penstock_host import ANSWER_TIMEOUT_MS, Client, Host


class Pair:
    """One who has a key; z85 is ZeroMQ's own form of its public part."""

    def __init__(self):
        self.z85, self.secret = zmq.curve_keypair()
        self.hex = z85.decode(self.z85).hex()

    def write(self, path):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
            f.write("penstock-curve-key 1\nkey " + z85.decode(self.secret).hex() + "\n")


class KeyHost(Host):
    """A host with a door over TCP for these names; each has its pair in self.pairs."""

    def __init__(self, names=("alice", "bob"), tcp="127.0.0.1:0", host="", **kwargs):
        super().__init__(host=f'tcp = "{tcp}"\nallowed_keys = "KEYS"\ncurve_key_file = "CURVE"\n{host}', **kwargs)
        self.list_path = os.path.join(self.dir, "allowed_keys")
        self.curve_path = os.path.join(self.dir, "curve.key")
        with open(self.config, "r+", encoding="utf-8") as f:
            text = f.read().replace("KEYS", self.list_path).replace("CURVE", self.curve_path)
            f.seek(0)
            f.truncate()
            f.write(text)
        self.pair = Pair()
        self.pair.write(self.curve_path)
        self.pairs = {name: Pair() for name in names}
        self.allow(*(f"{pair.hex} {name}" for name, pair in self.pairs.items()))

    def allow(self, *lines):
        """Puts a new list in the place of the old one, as `penstock key allow` does."""
        with open(self.list_path + ".new", "w", encoding="ascii") as f:
            f.write("".join(line + "\n" for line in lines))
        os.chmod(self.list_path + ".new", 0o644)
        os.rename(self.list_path + ".new", self.list_path)

    def stats(self):
        operator = self.client(control=True)
        found = operator.ask("STATS")[1]
        operator.close()
        return found

    def address(self):
        return self.stats()["tcp"]

    def tcp_socket(self, pair=None, server=None, kind=zmq.DEALER, **options):
        """pair None: no CURVE; server: the key that the host must have, its own if None."""
        sock = self.context.socket(kind)
        sock.linger, sock.rcvtimeo = 0, ANSWER_TIMEOUT_MS
        for name, value in options.items():
            setattr(sock, name, value)
        if pair is not None:
            sock.curve_publickey, sock.curve_secretkey = pair.z85, pair.secret
            sock.curve_serverkey = (server or self.pair).z85
        sock.connect(self.address())
        return sock

    def as_client(self, name, **kwargs):
        return Client(self.tcp_socket(self.pairs[name], **kwargs))


def is_unheard(sock, milliseconds=300):
    """Says something and gets no answer. Where the host has cut the connection libzmq has nobody to send to."""
    try:
        sock.send_multipart([b"PEN/1", b"PING"], zmq.NOBLOCK)
    except zmq.Again:
        pass
    return sock.poll(milliseconds) == 0


class RawCurve:
    """A peer that speaks CURVE (RFC 26) by itself, and may therefore say what libzmq's own would not."""

    def __init__(self, address, pair, server, properties=((b"Socket-Type", b"DEALER"),)):
        self.sodium = ctypes.CDLL("libsodium.so.23")
        self.host = bytes.fromhex(server.hex)
        self.public, self.secret = bytes.fromhex(pair.hex), z85.decode(pair.secret)
        self.short_public, self.short_secret = (z85.decode(key) for key in zmq.curve_keypair())
        self.nonce = 0
        host, port = address[len("tcp://"):].rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)))
        self.sock.settimeout(ANSWER_TIMEOUT_MS / 1000)
        self.shake_hands(properties)

    def box(self, text, nonce, to, secret):
        out = ctypes.create_string_buffer(len(text) + 16)
        self.sodium.crypto_box_easy(out, text, ctypes.c_ulonglong(len(text)), nonce, to, secret)
        return out.raw

    def unbox(self, boxed, nonce, by, secret):
        out = ctypes.create_string_buffer(len(boxed) - 16)
        if self.sodium.crypto_box_open_easy(out, boxed, ctypes.c_ulonglong(len(boxed)), nonce, by, secret) != 0:
            raise AssertionError("the box cannot be opened")
        return out.raw

    def next_nonce(self):
        self.nonce += 1
        return self.nonce.to_bytes(8, "big")

    def read(self, n):
        got = b""
        while len(got) < n:
            more = self.sock.recv(n - len(got))
            if not more:
                raise ConnectionError("the host has closed the connection")
            got += more
        return got

    def read_frame(self):
        flags = self.read(1)[0]
        return self.read(int.from_bytes(self.read(8 if flags & 2 else 1), "big"))

    def write_frame(self, flags, content):
        self.sock.sendall(bytes([flags | 2]) + len(content).to_bytes(8, "big") + content)

    def shake_hands(self, properties):
        self.sock.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32))
        self.read(64)
        nonce = self.next_nonce()
        self.write_frame(4, b"\x05HELLO\x01\x00" + bytes(72) + self.short_public + nonce +
                         self.box(bytes(64), b"CurveZMQHELLO---" + nonce, self.host, self.short_secret))
        welcome = self.read_frame()
        opened = self.unbox(welcome[24:], b"WELCOME-" + welcome[8:24], self.host, self.short_secret)
        self.peer, cookie = opened[:32], opened[32:]
        vouch_nonce = os.urandom(16)
        vouch = self.box(self.short_public + self.host, b"VOUCH---" + vouch_nonce, self.peer, self.secret)
        metadata = b"".join(bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
                            for name, value in properties)
        nonce = self.next_nonce()
        self.write_frame(4, b"\x08INITIATE" + cookie + nonce +
                         self.box(self.public + vouch_nonce + vouch + metadata, b"CurveZMQINITIATE" + nonce, self.peer,
                                  self.short_secret))
        self.ready = self.read_frame()

    def send(self, frame, more=False):
        nonce = self.next_nonce()
        self.write_frame(0, b"\x07MESSAGE" + nonce +
                         self.box(bytes([more]) + frame, b"CurveZMQMESSAGEC" + nonce, self.peer, self.short_secret))

    def send_multipart(self, frames):
        for i, frame in enumerate(frames):
            self.send(frame, i + 1 < len(frames))

    def receive(self):
        """One message: its frames."""
        frames, more = [], True
        while more:
            message = self.read_frame()
            if not message.startswith(b"\x07MESSAGE"):
                continue  # a heartbeat
            opened = self.unbox(message[16:], b"CurveZMQMESSAGES" + message[8:16], self.peer, self.short_secret)
            if opened[0] & 2:
                continue  # a command
            more = opened[0] & 1
            frames.append(opened[1:])
        return frames

    def close(self):
        self.sock.close()
