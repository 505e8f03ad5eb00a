"""A role or the whole host is killed in the midst of work: nothing of it is left a second later, in any setting."""
import os
import random
import signal
import time
import unittest

from penstock_host import BUILD, Host
from processes import descendants, everything

LIMIT_S = 1
UIDS = 65536
NO_NAMESPACES = os.path.join(BUILD, "tests", "no_namespaces")
SECTIONS = '''
shim "orch" { dialect = avtomatika url = "http://127.0.0.1:9" }
plugin "org.penstock.test.misbehave" { pipeline "sleep" { mode = warm max_concurrent = 1 } }
'''


def own_uids(n):
    """The first of n user ids that nobody else uses: what runs as one of them belongs to the test."""
    return random.randrange(1_000_000_000, 1_800_000_000 - n)


def setting(is_root, has_namespaces):
    """Arguments of Host, and the user ids of its processes."""
    prefix = [] if has_namespaces else [NO_NAMESPACES]
    if is_root:
        first = own_uids(UIDS + 100)
        return {"prefix": prefix, "host": f"box_uid_base = {first + 100}"}, range(first, first + 100 + UIDS)
    uid = os.geteuid()
    if uid != 0:
        return {"prefix": prefix}, range(0)  # others' processes have that number too
    uid = own_uids(1)
    change = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return {"prefix": change + prefix, "owner": uid}, range(uid, uid + 1)


def work(host):
    """Keeps a forked task and a warm worker busy that listen to nobody."""
    client = host.client()
    for pipeline in ("spin_ms", "sleep"):
        client.submit(pipeline, {"ms": 600000, "deaf": 1}, timeout_ms=900000, events=["state"], durable=False)
        while client.receive("EVENT")[1]["state"] != "running":
            pass


class Orphans(unittest.TestCase):
    def until_gone(self, host, supervisor, gone, uids):
        """gone: pids; and of the users of the host nobody may be left who is not of the supervisor's family."""
        started = time.monotonic()
        while True:
            if host.process.poll() is not None:
                supervisor = 0
            there = everything()
            family = descendants(supervisor, there) if supervisor in there else set()
            left = {pid: lines["Name"] for pid, lines in there.items() if pid in gone or
                    (int(lines["Uid"].split()[0]) in uids and pid not in family)}
            if not left:
                return
            self.assertLess(time.monotonic() - started, LIMIT_S, f"left: {left}\n{host.log()}")
            time.sleep(0.005)

    def kill(self, victim, arguments, uids):
        host = Host(plugins=["misbehave"], sections=SECTIONS, **arguments).start()
        work(host)
        supervisor, born = host.process.pid, host.children()
        os.kill(host.pid_of(victim), signal.SIGKILL)
        # Without core or launcher no box lives on. A core without launcher may take its time: it has a parent.
        stays = {"penstockd": (), "penstock-core": ("penstockd", "penstock-shim"),
                 "penstock-launcher": ("penstockd", "penstock-shim", "penstock-core")}[victim]
        gone = {pid for pid, comm in born.items() if comm not in stays}
        self.assertGreaterEqual(len(gone), 5, born)
        self.until_gone(host, supervisor, gone, uids)
        if victim == "penstockd":
            host.process.wait()
            host.start()  # its place is free
        while host.log().count(" serving ") < 2:
            time.sleep(0.01)
        self.assertEqual(host.client().run("sleep", {"ms": 1})[0]["status"], "success")
        host.stop()

    def kill_each(self, is_root, has_namespaces):
        if is_root and os.geteuid() != 0:
            self.skipTest("needs root")
        for victim in ("penstock-core", "penstock-launcher", "penstockd"):
            with self.subTest(victim=victim):
                self.kill(victim, *setting(is_root, has_namespaces))

    def test_root(self):
        self.kill_each(True, True)

    def test_user(self):
        self.kill_each(False, True)

    def test_root_without_namespaces(self):
        self.kill_each(True, False)

    def test_user_without_namespaces(self):
        self.kill_each(False, False)


if __name__ == "__main__":
    unittest.main()
