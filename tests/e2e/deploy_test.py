"""The units in tools/deploy: what systemd thinks of them, and that the host has all its walls under them."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from penstock_host import BIN, Host

SOURCE = os.environ.get("PENSTOCK_SOURCE", ".")
DEPLOY = os.path.join(SOURCE, "tools", "deploy")
UNIT, ROOT = os.path.join(DEPLOY, "penstockd.service"), os.path.join(DEPLOY, "root.conf")
LIKE_UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "like_unit.py")
# In tenths; each gap has its reason in the unit.
EXPOSURE = {"user": 31, "root": 43}
USER = 65534
TOO_LONG_S = 60


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def place(self, is_root):
        """A unit as an operator would have it, with our penstockd."""
        folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        path = os.path.join(folder, "penstockd.service")
        with open(path, "w", encoding="utf-8") as f:
            f.write(read(UNIT).replace("/usr/bin/penstockd", os.path.abspath(os.path.join(BIN, "penstockd"))))
        if is_root:
            os.mkdir(path + ".d")
            shutil.copy(ROOT, path + ".d")
        return path

    def analyze(self, *args):
        return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, check=False, timeout=TOO_LONG_S)

    def test_exposure(self):
        for name, most in EXPOSURE.items():
            with self.subTest(unit=name):
                path = self.place(name == "root")
                for threshold, is_good in ((most, True), (most - 1, False)):
                    done = self.analyze("security", "--offline=true", f"--threshold={threshold}", path)
                    self.assertEqual(done.returncode == 0, is_good, done.stdout[-200:] + done.stderr)

    def test_verify(self):
        for is_root in (False, True):
            done = self.analyze("verify", "--man=no", self.place(is_root))
            if "Failed to initialize manager" in done.stderr:
                self.skipTest(done.stderr.strip())
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_stop_waits_for_the_drain(self):
        """The supervisor's last resort comes before systemd's."""
        done = subprocess.run([os.path.join(BIN, "penstock"), "config", "show"], capture_output=True, text=True,
                              check=False)
        drain_s = int(re.search(r"drain_timeout\W+(\d+)s", done.stdout).group(1))
        stop_s = int(re.search(r"^TimeoutStopSec=(\d+)$", read(UNIT), re.M).group(1))
        self.assertGreaterEqual(stop_s, 2 * drain_s + 10)


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("systemd-analyze"), "needs root and systemd-analyze")
class Walls(unittest.TestCase):
    def box_under(self, uid, units):
        """Walls of a box, the names in its /proc, and what was said of missing walls."""
        prefix = ["/usr/bin/python3", LIKE_UNIT, str(uid), *units, "--"] if units else (
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else [])
        # The unit holds back ptrace, by which LeakSanitizer looks at its own process.
        environment = {"LSAN_OPTIONS": "detect_leaks=0"} if units else {}
        with Host(prefix=prefix, owner=uid or None, environment=environment) as host:
            self.assertEqual(host.client().run("echo")[0]["status"], "success")
            box = host.pid_of("penstock-box")
            names = os.listdir(f"/proc/{box}/root/proc")
            walls = re.search(r'walls of boxes walls="(.*?)"', host.log()).group(1)
            return walls, "self" in names, re.findall(r"this machine lacks.*", host.log())

    def test_unit_takes_no_wall_away(self):
        for uid, units in ((USER, [UNIT]), (0, [UNIT, ROOT])):
            with self.subTest(uid=uid):
                self.assertEqual(self.box_under(uid, units), self.box_under(uid, []))

    def test_gaps_have_their_reason(self):
        """What the unit says of settings that it leaves out: with them boxes of a user have no /proc, or no namespaces."""
        plain = self.box_under(USER, [UNIT])
        for setting in ("ProtectKernelLogs", "ProtectKernelTunables"):
            with self.subTest(setting=setting):
                path = os.path.join(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")), "more.conf")
                with open(path, "w", encoding="utf-8") as f:
                    f.write(f"{setting}=yes\n")
                self.assertNotEqual(self.box_under(USER, [UNIT, path])[:2], plain[:2])


if __name__ == "__main__":
    unittest.main()
