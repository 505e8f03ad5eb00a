"""A disk that is full: intake stops with a code, what was accepted ends, and all goes on by itself when there is room."""
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import unittest

from penstock_host import Host, wait_for

CLONE_NEWNS = 0x20000
SIZE = 32 * 1024 * 1024


def own_mounts():
    """Whether this process may mount; then nobody else sees it."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"], check=False, stderr=subprocess.DEVNULL).returncode == 0


class Disk:
    """A small file system for a host's state, which can be filled."""

    def __init__(self, host):
        self.path = os.path.join(host.dir, "state")
        os.mkdir(self.path, 0o711)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "state", self.path], check=True)
        self.filler = os.path.join(self.path, "filler")

    def fill(self):
        with open(self.filler, "wb") as f:
            while (free := os.statvfs(self.path)).f_bavail > 0:
                try:
                    os.posix_fallocate(f.fileno(), f.seek(0, os.SEEK_END), free.f_bavail * free.f_frsize)
                except OSError as error:  # somebody else has had some of it meanwhile
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self):
        os.unlink(self.filler)

    def free(self):
        subprocess.run(["umount", "-l", self.path], check=True)


def submit(client, **members):
    """ACCEPTED or REFUSED, and what it says; results that come meanwhile are kept."""
    client.submit("echo", {}, **members)
    while True:
        verb, header, _ = client.receive("ACCEPTED", "REFUSED", "RESULT")
        if verb != "RESULT":
            return verb, header
        client.results[header["task_id"]] = header


def result(client, task_id):
    while task_id not in client.results:
        _, header, _ = client.receive("RESULT")
        client.results[header["task_id"]] = header
    return client.results[task_id]["status"]


class OnASmallDisk(unittest.TestCase):
    def setUp(self):
        self.host = Host(plugins=["misbehave", "echo"],
                         host="max_concurrent = 2\njournal_ballast = 4Mi\njournal_reserve = 2Mi")
        self.disk = Disk(self.host)
        self.host.start()
        self.addCleanup(shutil.rmtree, self.host.dir, True)
        self.addCleanup(self.disk.free)
        self.addCleanup(self.host.stop)

    def client(self, resume=None):
        client, secret = self.host.hello(resume)
        client.results = {}
        return client, secret

    def test_full_and_not_full(self):
        client, _ = self.client()
        client.submit("spin_ms", {"ms": 500}, task_id="runs")
        client.receive("ACCEPTED")
        self.disk.fill()
        verb, header = submit(client, task_id="refused")
        self.assertEqual((verb, header["code"]), ("REFUSED", "STORAGE_UNAVAILABLE"))
        self.assertIn("is full", header["message"])
        self.assertEqual(submit(client, task_id="in memory", durable=False)[0], "ACCEPTED")
        self.assertEqual(result(client, "in memory"), "success")
        self.assertEqual(result(client, "runs"), "success")  # room for it was kept
        self.disk.empty()
        wait_for(lambda: submit(client, task_id="later")[0] == "ACCEPTED", "room is noticed")
        self.assertEqual(result(client, "later"), "success")

    def test_killed_while_full(self):
        client, secret = self.client()
        client.submit("spin_ms", {"ms": 2000}, task_id="runs")
        client.receive("ACCEPTED")
        self.disk.fill()
        self.host.kill_core()
        client, _ = self.client(secret)
        self.assertEqual(submit(client, task_id="refused")[1]["code"], "STORAGE_UNAVAILABLE")
        self.assertEqual(result(client, "runs"), "success")
        self.disk.empty()
        wait_for(lambda: submit(client, task_id="later")[0] == "ACCEPTED", "room is noticed")


if __name__ == "__main__":
    if not own_mounts():
        sys.exit(77)
    unittest.main()
