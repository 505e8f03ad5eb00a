"""Who the roles of a host are that root has started, what is left of root's rights, and whose the files are."""
import grp
import json
import os
import signal
import stat
import subprocess
import unittest

import zmq

from penstock_host import BIN, BOX_UID_BASE, Host, wait_for
from processes import status

CORE, SHIM_ONE, SHIM_TWO = BOX_UID_BASE - 1, BOX_UID_BASE - 2, BOX_UID_BASE - 3
NONE = "0" * 16
WAIT_S = 60
LAUNCHER_CAPS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
                 "NET_ADMIN": 12, "SYS_ADMIN": 21, "SETFCAP": 31}
# An orchestrator that is not there: the shims are connected with the core all the same.
SHIMS = '''
shim "one" { dialect = avtomatika url = "http://127.0.0.1:9" }
shim "two" { dialect = avtomatika url = "http://127.0.0.1:9" }
'''
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def connected(host, n=2):
    wait_for(lambda: host.log().count("connected with the core") >= n, host)


def users(host):
    """By user id: the status of each process of the host."""
    found = {}
    for pid in host.children():
        lines = status(pid)
        if lines is not None:
            found.setdefault(int(lines["Uid"].split()[0]), []).append(lines)
    return found


@unittest.skipUnless(os.geteuid() == 0, "only root can give roles users of their own")
class Roles(unittest.TestCase):
    def test_each_has_its_user_and_no_right(self):
        with Host(sections=SHIMS) as host:
            connected(host)
            self.assertEqual(host.client().run("echo")[0]["status"], "success")
            found = users(host)
            for uid, gid in ((CORE, CORE), (SHIM_ONE, CORE), (SHIM_TWO, CORE)):
                with self.subTest(uid=uid):
                    self.assertIn(uid, found)
                    self.assertEqual(len(found[uid]), 1, found[uid])
                    lines = found[uid][0]
                    self.assertEqual(lines["Uid"].split(), [str(uid)] * 4)
                    self.assertEqual(lines["Gid"].split(), [str(gid)] * 4)
                    self.assertEqual(lines["Groups"], "")
                    self.assertEqual(lines["NoNewPrivs"], "1")
                    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                        self.assertEqual(lines[kind], NONE, kind)
            boxes = [uid for uid in found if BOX_UID_BASE <= uid < BOX_UID_BASE + 65536]
            self.assertTrue(boxes)
            for uid in boxes:
                self.assertTrue(all(lines["CapBnd"] == NONE for lines in found[uid]))

    def test_launcher_has_what_boxes_need(self):
        with Host() as host:
            lines = status(host.pid_of("penstock-launcher"))
            self.assertEqual((lines["Uid"].split(), lines["Groups"], lines["NoNewPrivs"]), (["0"] * 4, "", "1"))
            most = sum(1 << cap for cap in LAUNCHER_CAPS.values()) & int(status("self")["CapBnd"], 16)
            for kind in ("CapPrm", "CapEff", "CapBnd"):
                self.assertEqual(f"{int(lines[kind], 16):x}", f"{most:x}", kind)

    def test_every_thread_of_the_core_has_given_up(self):
        with Host() as host:
            pid = host.pid_of("penstock-core")
            threads = os.listdir(f"/proc/{pid}/task")
            self.assertGreater(len(threads), 1)
            for thread in threads:
                lines = status(f"{pid}/task/{thread}")
                self.assertEqual((lines["Uid"].split()[0], lines["CapEff"], lines["CapBnd"], lines["NoNewPrivs"]),
                                 (str(CORE), NONE, NONE, "1"))

    def test_memory_is_hidden(self):
        """Also from a process of the same user: the core of another host."""
        symbols = subprocess.run(["nm", os.path.join(BIN, "penstock-core")], capture_output=True, text=True, check=True)
        if "__asan_init" in symbols.stdout:
            self.skipTest("LeakSanitizer has to look into it")
        with Host(sections=SHIMS) as host:
            connected(host)
            for comm, uid in (("penstock-core", CORE), ("penstock-shim", SHIM_ONE)):
                for pid in [pid for pid, name in host.children().items() if name == comm]:
                    done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "cat",
                                           f"/proc/{pid}/environ"], capture_output=True, check=False)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(b"denied", done.stderr)

    def test_files(self):
        with Host(sections=SHIMS) as host:
            connected(host)
            tasks, control = os.stat(host.tasks), os.stat(host.control)
            self.assertEqual((tasks.st_uid, tasks.st_gid, stat.S_IMODE(tasks.st_mode)), (0, CORE, 0o660))
            self.assertEqual((control.st_uid, control.st_gid, stat.S_IMODE(control.st_mode)), (0, 0, 0o600))
            for name in ("run", "state", "state/host_id", "state/lock", "state/worker-id.one"):
                st = os.stat(os.path.join(host.dir, name))
                self.assertEqual((name, st.st_uid, st.st_mode & 0o022), (name, 0, 0))

    def test_sockets_go_with_the_host(self):
        host = Host().start()
        host.process.send_signal(signal.SIGTERM)
        self.assertEqual(host.process.wait(timeout=WAIT_S), 0)
        self.assertEqual(os.listdir(os.path.dirname(host.tasks)), [])
        host.stop()

    def test_group_of_the_task_socket(self):
        group = grp.getgrgid(100)
        with Host(host=f'socket_group = "{group.gr_name}"', sections=SHIMS) as host:
            connected(host)
            st = os.stat(host.tasks)
            self.assertEqual((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (0, group.gr_gid, 0o660))
            self.assertEqual({lines["Gid"].split()[0] for lines in users(host)[SHIM_ONE]}, {str(group.gr_gid)})

    def test_unknown_group(self):
        host = Host(host='socket_group = "no-such-group"')
        with self.assertRaisesRegex(RuntimeError, "no-such-group"):
            host.start()

    def test_configuration_and_token_of_root(self):
        with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), "token"), "w", encoding="ascii") as f:
            f.write("a-token")
        os.chmod(f.name, 0o600)
        host = Host(sections=f'''
shim "one" {{ dialect = avtomatika url = "http://127.0.0.1:9" token_file = "{f.name}" }}
''')
        os.chmod(host.config, 0o600)
        with host:
            connected(host, 1)
            self.assertNotIn("without credentials", host.log())

    def test_operators_and_strangers(self):
        with Host() as host:
            self.assertEqual(host.client(control=True).ask("STATS")[0], "INFO")
            for path in (host.tasks, host.control):
                done = subprocess.run([*NOBODY, "/usr/bin/python3", "-c", "import socket, sys;"
                                       "socket.socket(socket.AF_UNIX).connect(sys.argv[1])", path],
                                      capture_output=True, text=True, check=False)
                self.assertIn("PermissionError", done.stderr)

    def test_restart_of_the_core(self):
        with Host(sections=SHIMS) as host:
            connected(host)
            old = host.pid_of("penstock-core")
            os.kill(old, signal.SIGKILL)
            wait_for(lambda: host.log().count(" serving ") == 2, host)
            connected(host, 4)
            lines = status(host.pid_of("penstock-core"))
            self.assertEqual((lines["Uid"].split()[0], lines["CapPrm"]), (str(CORE), NONE))
            self.assertEqual(host.client().run("echo")[0]["status"], "success")

    def test_second_host(self):
        with Host(sections=SHIMS) as first, Host(sections=SHIMS, host="box_uid_base = 1800000000") as second:
            connected(second)
            self.assertIn(1800000000 - 1, users(second))
            self.assertNotIn(CORE, users(second))
            for host in (first, second):
                self.assertEqual(host.client().run("echo")[0]["status"], "success")

    def test_waiting_peer_is_served(self):
        """The socket is there before the core serves: who connects then waits, and is not lost."""
        host = Host()
        sock = host.context.socket(zmq.DEALER)
        sock.linger = 0
        sock.rcvtimeo = WAIT_S * 1000
        sock.connect("ipc://" + host.tasks)
        sock.send_multipart([b"PEN/1", b"PING", b"{}"])
        with host:
            self.assertEqual(sock.recv_multipart()[1], b"PONG")

    def test_who_cannot_give_up_does_not_run(self):
        for step in ("bounding-set", "user", "no-new-privileges"):
            with self.subTest(step=step):
                host = Host(environment={"PENSTOCK_FAULT": f"privileges.{step}"})
                with self.assertRaisesRegex(RuntimeError, f"cannot give up root step={step}"):
                    host.start()


class Others(unittest.TestCase):
    def test_who_is_not_root_stays_who_he_is(self):
        is_root = os.geteuid() == 0
        uid = 65534 if is_root else os.geteuid()
        more = {"prefix": NOBODY, "owner": uid} if is_root else {}
        with Host(sections=SHIMS, **more) as host:
            connected(host)
            self.assertEqual(host.client().run("echo")[0]["status"], "success")
            self.assertEqual(set(users(host)), {uid})
            self.assertEqual(os.stat(host.tasks).st_uid, uid)

    def test_reserved_numbers_are_nobodys(self):
        done = subprocess.run([os.path.join(BIN, "penstock"), "--json", "config", "show"], capture_output=True, text=True,
                              check=True)
        values = {v["key"]: v["value"] for v in json.loads(done.stdout)["values"] if v["section"] == "host"}
        self.assertEqual(values["box_uid_base"], "1900000000")
        done = subprocess.run([os.path.join(BIN, "penstock"), "--set", "host.box_uid_base=65536", "config", "check"],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("131072", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
