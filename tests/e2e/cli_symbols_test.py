"""penstock-symbols: what it answers about good files, and that bad ones and bad requests get nothing out of it."""
import os
import random
import re
import signal
import struct
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("PENSTOCK_BUILD", "build/debug")
PROGRAM = os.path.join(BUILD, "bin", "penstock-symbols")
PLUGIN = os.path.join(BUILD, "tests", "plugins", "misbehave.so")
MAGIC, FRAMES, ID_MAX = 0x53594D31, 32, 20
ANSWER = struct.Struct("<II256s512s")


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes).group(1))


def function(path, name):
    """Start and size of a function."""
    for line in subprocess.run(["nm", "-S", path], capture_output=True, text=True, check=True).stdout.splitlines():
        words = line.split()
        if len(words) == 4 and words[3] == name:
            return int(words[0], 16), int(words[1], 16)
    raise LookupError(name)


def request(frames, n_files, magic=MAGIC, n_frames=None):
    """frames: (offset, is_return, build-id)"""
    packed = b"".join(struct.pack("<QII20sI", offset, is_return, len(bid), bid, 0) for offset, is_return, bid in frames)
    return struct.pack("<IIII", magic, len(frames) if n_frames is None else n_frames, n_files, 0) + \
        packed.ljust(40 * FRAMES, b"\0")


def start(paths):
    fds = [os.open(path, os.O_RDONLY) for path in paths]

    def take():
        for i, fd in enumerate(fds):
            os.dup2(fd, 100 + i)
        for i in range(len(fds)):
            os.dup2(100 + i, 3 + i)

    try:
        return subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}, close_fds=False,
                                preexec_fn=take)
    finally:
        for fd in fds:
            os.close(fd)


def ask(paths, message):
    child = start(paths)
    out, _ = child.communicate(message, timeout=30)
    answers = [ANSWER.unpack_from(out, at) for at in range(0, len(out) - ANSWER.size + 1, ANSWER.size)]
    return child.returncode, {a[0]: (a[2].split(b"\0")[0].decode(), a[3].split(b"\0")[0].decode(), a[1]) for a in answers}


class Symbols(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.id = build_id(PLUGIN)
        cls.start, cls.size = function(PLUGIN, "run_crash")
        cls.folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))

    def test_function_and_line(self):
        status, found = ask([PLUGIN], request([(self.start + 4, 0, self.id), (self.start + self.size, 1, self.id),
                                               (self.start, 0, b"\1" * ID_MAX), (1 << 60, 0, self.id)], 1))
        self.assertEqual(status, 0)
        self.assertEqual(set(found), {0, 1})
        for i in found:
            self.assertEqual(found[i][0], "run_crash")
            self.assertTrue(found[i][1].endswith("/deaths.c"))
            self.assertGreater(found[i][2], 0)

    def test_other_files_do_not_answer(self):
        other = os.path.join(BUILD, "plugins", "echo.so")
        self.assertEqual(ask([other], request([(self.start, 0, self.id)], 1)), (0, {}))
        self.assertEqual(ask([other, PLUGIN], request([(self.start, 0, self.id)], 2))[1][0][0], "run_crash")

    def test_bad_requests(self):
        for message in (b"", b"x", request([], 0, magic=1), request([], 0, n_frames=33), request([], 49),
                        request([(0, 0, self.id)], 1)[:-1]):
            self.assertEqual(ask([PLUGIN], message), (1, {}), message[:16])

    def test_broken_files(self):
        """Whatever a file does to it, an answer is small, and the end comes soon."""
        with open(PLUGIN, "rb") as f:
            good = f.read()
        rng = random.Random(1)
        path = os.path.join(self.folder, "broken.so")
        frames = [(self.start + i, 1, self.id) for i in range(FRAMES)]
        for i in range(150):
            bad = bytearray(good)
            if i % 3 == 0:
                del bad[rng.randrange(len(bad)):]
            for _ in range(rng.choice((1, 20, 2000))):
                if bad:
                    # Headers are where it hurts most.
                    at = rng.randrange(min(len(bad), 0x400)) if rng.random() < 0.5 else rng.randrange(len(bad))
                    bad[at] = rng.randrange(256)
            with open(path, "wb") as f:
                f.write(bad)
            status, found = ask([path], request(frames, 1))
            self.assertIn(status, (0, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGXCPU, -signal.SIGKILL))
            self.assertLessEqual(len(found), FRAMES)

    def test_walls(self):
        child = start([PLUGIN])
        try:
            state = ""
            while "Seccomp:\t2" not in state:  # it waits for its request behind them
                self.assertIsNone(child.poll(), "it must wait for its request")
                with open(f"/proc/{child.pid}/status") as f:
                    state = f.read()
            self.assertIn("NoNewPrivs:\t1", state)
            with open(f"/proc/{child.pid}/limits") as f:
                limits = f.read()
            for pattern in (r"Max cpu time +5 +5 ", r"Max file size +0 +0 ", r"Max address space +1073741824 +1073741824 ",
                            r"Max processes +0 +0 "):
                self.assertRegex(limits, pattern)
        finally:
            child.kill()
            child.communicate()


if __name__ == "__main__":
    unittest.main()
