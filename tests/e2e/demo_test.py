"""The demo's own way, with this build: a picture, a real photograph, a truncated one, and none."""
import json
import os
import subprocess
import sys
import unittest

BUILD = os.environ.get("PENSTOCK_BUILD", "build/debug")
SOURCE = os.environ.get("PENSTOCK_SOURCE", ".")
DATA = os.environ.get("PENSTOCK_TEST_DATA")
MOTH = os.path.join(SOURCE, "plugins/thumbnail/testdata/moth.jpg")


def demo(photo):
    done = subprocess.run([sys.executable, os.path.join(SOURCE, "tools/lib/demo.py"), BUILD, photo], capture_output=True,
                          text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


class Demo(unittest.TestCase):
    def check(self, photo, height):
        status, answer, said = demo(photo)
        self.assertEqual((status, answer["status"]), (0, "success"), said)
        self.assertEqual((answer["orchestrator"], answer["width"], answer["height"]),
                         ("devorch (Avtomatika API)", 320, height))
        self.assertTrue(answer["task_id"])
        self.assertTrue(all(ms >= 0 for ms in answer["timings_ms"].values()))
        with open(answer["output"], "rb") as f:
            self.assertEqual(f.read(2), b"\xff\xd8")

    def test_our_own_picture(self):
        self.check(MOTH, 240)

    def test_a_real_photograph(self):
        if not DATA:
            if os.environ.get("PENSTOCK_TEST_DATA_REQUIRED"):
                self.fail("PENSTOCK_TEST_DATA is not set")
            self.skipTest("PENSTOCK_TEST_DATA is not set")
        self.check(os.path.join(DATA, "moths", "20220622000459-108-snapshot.jpg"), 169)

    def test_bad_ones(self):
        truncated = os.path.join(os.environ.get("TMPDIR", "/tmp"), "truncated.jpg")
        with open(MOTH, "rb") as f, open(truncated, "wb") as out:
            out.write(f.read()[:100000])
        for photo in (truncated, "/nowhere/at/all.jpg"):
            status, answer, said = demo(photo)
            self.assertEqual((status, answer["status"], answer["code"]), (1, "failure", "INVALID_INPUT"), said)
            self.assertTrue(answer["message"])


if __name__ == "__main__":
    unittest.main()
