"""The layer that forgets what was not synced: it loses exactly that, else the proof that stands on it proves nothing."""
import os
import random
import shutil
import signal
import subprocess
import tempfile
import unittest

import undo

TOOLS = os.path.join(os.environ.get("PENSTOCK_BUILD", "build/debug"), "tests", "chaos")


class Forget(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.root, self.undo = f"{self.folder}/root", f"{self.folder}/undo"
        os.mkdir(self.root)
        os.mkdir(self.undo)
        with open(f"{self.root}/old", "w", encoding="ascii") as f:
            f.write("0123456789")

    def act(self, *words, **variables):
        """Words that begin with @ are files below the root."""
        words = [f"{self.root}/{w[1:]}" if w.startswith("@") else w for w in words]
        environment = dict(os.environ, LD_PRELOAD=f"{TOOLS}/chaos_forget.so", FORGET_ROOT=self.root,
                           FORGET_LOG=f"{self.undo}/log", **variables)
        done = subprocess.run([f"{TOOLS}/chaos_forget_program", *words], env=environment, check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL)

    def lose(self, rng=None):
        undo.restore(self.undo, self.root, rng)
        found = {}
        for name in sorted(os.listdir(self.root)):
            path = f"{self.root}/{name}"
            if os.path.isfile(path):
                with open(path, encoding="ascii") as f:
                    found[name] = f.read()
            else:
                found[name + "/"] = os.listdir(path)
        return found

    CASES = [
        # what is done, what is left of it
        ("a write", ["write", "@old", "abc", "2"], {"old": "0123456789"}),
        ("a write, synced", ["write", "@old", "abc", "2", "sync", "@old"], {"old": "01abc56789"}),
        ("a write behind the sync", ["write", "@old", "abc", "2", "sync", "@old", "write", "@old", "xyz", "4"],
         {"old": "01abc56789"}),
        ("two over each other", ["write", "@old", "abc", "2", "write", "@old", "xyz", "4"], {"old": "0123456789"}),
        ("a longer file", ["write", "@old", "abc", "9"], {"old": "0123456789"}),
        ("a longer file, synced", ["write", "@old", "abc", "9", "sync", "@old"], {"old": "012345678abc"}),
        ("a hole", ["write", "@old", "abc", "20"], {"old": "0123456789"}),
        ("a cut", ["cut", "@old", "3"], {"old": "0123456789"}),
        ("a cut, synced", ["cut", "@old", "3", "sync", "@old"], {"old": "012"}),
        ("a cut and a write", ["cut", "@old", "3", "write", "@old", "abc", "1"], {"old": "0123456789"}),
        ("emptied and written", ["new", "@old", "abc"], {"old": "0123456789"}),
        ("a new file", ["new", "@n", "abc"], {"old": "0123456789"}),
        ("a new file, synced without its folder", ["new", "@n", "abc", "sync", "@n"], {"old": "0123456789"}),
        ("a name without what is in it", ["new", "@n", "abc", "folder", "@"], {"n": "", "old": "0123456789"}),
        ("a new file, all synced", ["new", "@n", "abc", "sync", "@n", "folder", "@"], {"n": "abc", "old": "0123456789"}),
        ("a nameless file with a name", ["spool", "@n", "abc"], {"old": "0123456789"}),
        ("the same, its folder synced", ["spool", "@n", "abc", "folder", "@"], {"n": "abc", "old": "0123456789"}),
        ("a file gone", ["gone", "@old"], {"old": "0123456789"}),
        ("a file gone, its folder synced", ["gone", "@old", "folder", "@"], {}),
        ("a file changed and gone", ["write", "@old", "abc", "2", "gone", "@old"], {"old": "0123456789"}),
        ("a move", ["move", "@old", "@n"], {"old": "0123456789"}),
        ("a move, its folder synced", ["move", "@old", "@n", "folder", "@"], {"n": "0123456789"}),
        ("a move over another", ["new", "@n", "abc", "sync", "@n", "folder", "@", "move", "@n", "@old"],
         {"n": "abc", "old": "0123456789"}),
        ("a new folder", ["make", "@d", "new", "@d/x", "abc", "sync", "@d/x", "folder", "@d"], {"old": "0123456789"}),
        ("a new folder, synced", ["make", "@d", "folder", "@"], {"d/": [], "old": "0123456789"}),
    ]

    def test_what_is_left(self):
        for name, words, expected in self.CASES:
            with self.subTest(name):
                self.setUp()
                self.act(*words)
                self.assertEqual(self.lose(), expected)

    def test_a_second_life_knows_what_the_first_left(self):
        self.act("write", "@old", "abc", "2")
        self.act("write", "@old", "x", "0")
        self.assertEqual(self.lose(), {"old": "0123456789"})
        self.act("write", "@old", "abc", "2")
        self.act("sync", "@old")
        self.assertEqual(self.lose(), {"old": "01abc56789"})

    def test_the_log_is_emptied(self):
        self.act("write", "@old", "abc", "2", "sync", "@old")
        self.assertEqual(os.path.getsize(f"{self.undo}/log"), 0)

    def test_a_deaf_sync_loses(self):
        self.act("write", "@old", "abc", "2", "sync", "@old", FORGET_DEAF="1")
        self.assertEqual(self.lose(), {"old": "0123456789"})

    def test_writes_are_torn_at_sectors(self):
        seen = set()
        for seed in range(40):
            self.setUp()
            self.act("write", "@old", "x" * 2048, "0")
            text = self.lose(random.Random(seed))["old"]
            sectors = [text[at:at + 512] for at in range(0, len(text), 512)]
            self.assertTrue(all(s == "x" * len(s) or not s.strip("\0") or s[:10] == "0123456789" for s in sectors), text)
            seen.add(text)
        self.assertIn("0123456789", seen)
        self.assertIn("x" * 2048, seen)
        self.assertGreater(len(seen), 2)


if __name__ == "__main__":
    unittest.main()
