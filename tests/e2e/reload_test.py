"""A host that goes on while its configuration and its plugins change."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from penstock_host import BIN, Host, plugin_file

TIMEOUT_S = 20


def until(found, what):
    """Waits for the world, not for a time."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


class ReloadHost(Host):
    """Its plugin is one of the versions of tests/plugins/versioned.c."""

    def __init__(self, version=1, **kwargs):
        super().__init__(plugins=(), **kwargs)
        if version:
            self.put(version)

    def put(self, version, name="versioned.so"):
        """As a package manager does it: the file appears whole."""
        target = os.path.join(self.plugin_dir, name)
        shutil.copyfile(plugin_file(f"versioned_{version}"), target + ".new")
        os.chmod(target + ".new", 0o644)
        os.rename(target + ".new", target)

    def remove(self, name="versioned.so"):
        os.unlink(os.path.join(self.plugin_dir, name))

    def start(self, extra=()):
        super().start(extra)
        self.operator = self.client(control=True)
        return self

    def reload(self, **header):
        verb, answer, _ = self.operator.ask("RELOAD", header)
        return verb, answer

    def change(self, old, new):
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        assert old in text, text
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))

    def hang_up(self):
        """HUP, until the host has logged how it ended."""
        words = ("reloaded added=", "reload refused")
        before = sum(self.log().count(w) for w in words)
        self.process.send_signal(signal.SIGHUP)
        until(lambda: sum(self.log().count(w) for w in words) > before, "the end of a reload")

    def pipeline(self, slug="versioned"):
        """What PLUGINS has of it, or None."""
        _, answer, _ = self.operator.ask("PLUGINS")
        found = [p for plugin in answer["plugins"] for p in plugin["pipelines"] if p["slug"] == slug]
        return found[0] if found else None

    def stats(self):
        return self.operator.ask("STATS")[1]


class Case(unittest.TestCase):
    def version(self, client, **members):
        header, _ = client.run("versioned", {}, inputs={}, **members)
        self.assertEqual(header.get("status"), "success", header)
        return header["data"]["version"]

    def reloaded(self, host, **expected):
        verb, answer = host.reload()
        self.assertEqual(verb, "INFO", answer)
        for key, value in expected.items():
            self.assertEqual(answer[key], value, answer)
        return answer


class Configuration(Case):
    def test_a_bad_one_keeps_the_old_one(self):
        with ReloadHost(host="queue_max = 17") as host:
            host.change("queue_max = 17", "queue_max = -3\n nonsense = 1\n log_level = debug")
            line = open(host.config, encoding="utf-8").read().split("queue_max")[0].count("\n") + 1
            verb, answer = host.reload(request="r")
            self.assertEqual((verb, answer["code"], answer["request"]), ("REFUSED", "INVALID_INPUT", "r"))
            paths = [e["path"] for e in answer["details"]["errors"]]
            self.assertEqual(paths, [f"{host.config}:{line}", f"{host.config}:{line + 1}"])
            self.assertIn("-3", answer["details"]["errors"][0]["message"])
            host.hang_up()
            self.assertIn(f"configuration is wrong where={host.config}:{line}", host.log())
            self.assertEqual(host.stats()["capacity"]["queue_max"], 17)
            done = subprocess.run([os.path.join(BIN, "penstock"), "reload", "--socket", host.control],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 78, done)
            self.assertIn(f"{host.config}:{line}: ", done.stderr)
            self.assertEqual(self.version(host.client()), 1)
            self.assertNotIn("debug penstock", host.log())

    def test_a_good_one_comes_in_force(self):
        with ReloadHost(host="queue_max = 17\n log_level = info\n heartbeat = 10s") as host:
            client = host.client()
            self.version(client)
            host.change("queue_max = 17", "queue_max = 18")
            host.change("log_level = info", "log_level = debug")
            host.change("heartbeat = 10s", 'heartbeat = 11s\n tcp = "127.0.0.1:0"\n max_frames = 20')
            self.reloaded(host, needs_restart=["host.tcp", "host.max_frames"], unchanged=1, changed=[])
            stats = host.stats()
            self.assertEqual((stats["capacity"]["queue_max"], stats.get("tcp")), (18, None))
            welcome = host.client().ask("HELLO", {"name": "x"})[1]
            self.assertEqual((welcome["heartbeat_ms"], welcome["limits"]["frames"]), (11000, 64))
            self.version(client)
            self.assertIn("debug penstock-core: task done", host.log())
            host.change("queue_max = 18", "queue_max = 19")
            host.hang_up()
            self.assertEqual(host.stats()["capacity"]["queue_max"], 19)

    def test_files_that_only_root_may_read(self):
        """The core has given up root: the supervisor reads them."""
        if os.geteuid() != 0:
            self.skipTest("for root")
        with ReloadHost(host="queue_max = 17") as host:
            os.chmod(host.config, 0o600)
            host.change("queue_max = 17", "queue_max = 18")
            self.reloaded(host)
            self.assertEqual(host.stats()["capacity"]["queue_max"], 18)
            host.change("queue_max = 18", "queue_max = 19")
            host.hang_up()
            self.assertEqual(host.stats()["capacity"]["queue_max"], 19)
            os.rename(host.config, host.config + ".away")
            verb, answer = host.reload()
            self.assertEqual((verb, answer["code"]), ("REFUSED", "INVALID_INPUT"))
            self.assertIn("cannot be read: No such file", answer["details"]["errors"][0]["message"])
            os.rename(host.config + ".away", host.config)
            self.reloaded(host)

    def test_by_command(self):
        with ReloadHost() as host:
            command = [os.path.join(BIN, "penstock"), "reload", "--socket", host.control]
            host.change("host {", 'host {\n tcp = "127.0.0.1:0"\n')
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("needs a restart: host.tcp\n", done.stdout)
            done = subprocess.run([*command, "--json", "--force"], capture_output=True, text=True, check=False)
            self.assertEqual(json.loads(done.stdout)["changed"], ["versioned"])
            # It is the operator's.
            verb, answer, _ = host.client().ask("RELOAD")
            self.assertEqual((verb, answer["code"]), ("REFUSED", "UNAUTHORIZED"))
            verb, answer = host.reload(force=1)
            self.assertEqual((verb, answer["code"]), ("REFUSED", "INVALID_INPUT"))

    def test_limits_that_tasks_feel(self):
        section = 'plugin "org.penstock.test.versioned" { pipeline "versioned" { timeout = 20s } }'
        with ReloadHost(sections=section, host="max_concurrent = 2") as host:
            client = host.client()
            self.version(client)
            host.change("timeout = 20s", "timeout = 50ms")
            self.reloaded(host, changed=["versioned"])
            header, _ = client.run("versioned", {"ms": 5000}, inputs={})
            self.assertEqual(header["error"]["code"], "TIMEOUT")
            host.change("max_concurrent = 2", "max_concurrent = 5")
            self.reloaded(host)
            self.assertEqual(host.stats()["capacity"]["max_concurrent"], 5)

    def test_switched_off_and_on(self):
        section = 'plugin "org.penstock.test.versioned" { enabled = yes }'
        with ReloadHost(sections=section) as host:
            client = host.client()
            self.version(client)
            host.change("enabled = yes", "enabled = no")
            self.reloaded(host, removed=["versioned"])
            self.assertEqual(client.run("versioned", {}, inputs={})[0]["code"], "UNKNOWN_PIPELINE")
            host.change("enabled = no", "enabled = yes")
            self.reloaded(host, added=["versioned"])
            self.version(client)

    def test_the_service_manager_is_told(self):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(folder, "notify")
            manager.bind(path)
            manager.settimeout(TIMEOUT_S)
            with ReloadHost(environment={"NOTIFY_SOCKET": path}) as host:
                self.assertEqual(manager.recv(4096), b"READY=1")
                for text in ("queue_max = 5", "queue_max = 0"):
                    host.change("host {", "host {\n" + text)
                    host.process.send_signal(signal.SIGHUP)
                    self.assertRegex(manager.recv(4096).decode(), r"^RELOADING=1\nMONOTONIC_USEC=[0-9]+$")
                    self.assertTrue(manager.recv(4096).startswith(b"READY=1\nSTATUS="))


class Plugins(Case):
    def test_appear_and_vanish(self):
        with ReloadHost(version=None) as host:
            client = host.client()
            self.assertEqual(client.run("versioned", {}, inputs={})[0]["code"], "UNKNOWN_PIPELINE")
            host.put(1)
            self.reloaded(host, added=["versioned"])
            self.assertEqual(self.version(client), 1)
            self.reloaded(host, added=[], changed=[], unchanged=1)
            host.remove()
            host.hang_up()
            self.assertEqual(client.run("versioned", {}, inputs={})[0]["code"], "UNKNOWN_PIPELINE")
            self.assertIsNone(host.pipeline())
            host.put(2)
            self.reloaded(host, added=["versioned"])
            self.assertEqual(self.version(client), 2)

    def test_change_under_load(self):
        for mode in ("fork", "warm", "exec"):
            with self.subTest(mode=mode):
                section = 'plugin "org.penstock.test.versioned" { pipeline "versioned" { mode = %s } }' % mode
                with ReloadHost(sections=section, host="max_concurrent = 2") as host:
                    self.load(host, 20 if mode == "exec" else 100)

    def load(self, host, n):
        """A stream of tasks, through four reloads with n tasks at least behind each."""
        client = host.client()
        client.ask("HELLO", {"name": "load"})
        seen, sent, answers = {}, 0, 0
        for i, version in enumerate((1, 2, 1, 2)):
            host.put(version)
            host.operator.send("RELOAD")
            while answers <= i or len(seen) < (i + 1) * n:
                while sent - len(seen) < 20:
                    client.submit("versioned", {"ms": 1}, inputs={}, task_id=f"t{sent}")
                    sent += 1
                self.take(client, seen)
                if answers <= i and not host.operator.is_silent(0):
                    answer = host.operator.receive("INFO", "REFUSED")[1]
                    self.assertEqual((answer.get("failed"), answer.get("changing")), ([], []), answer)
                    answers += 1
            self.assertEqual(self.version(host.client()), version)
        while len(seen) < sent:
            self.take(client, seen)
        self.assertEqual(set(seen.values()), {1, 2})
        stats = host.stats()
        self.assertEqual((stats["capacity"]["running"], stats["capacity"]["queued"]), (0, 0))
        self.assertNotIn("impossible step", host.log())

    def take(self, client, seen):
        header = client.receive("RESULT", "REFUSED")[1]
        self.assertEqual(header.get("status"), "success", header)
        self.assertNotIn(header["task_id"], seen)
        seen[header["task_id"]] = header["data"]["version"]
        self.assertEqual(header["pipeline_version"], f"{header['data']['version']}.0.0")
        client.send("ACK", {"task_ids": [header["task_id"]]})

    def test_a_running_task_ends_where_it_began(self):
        with ReloadHost() as host:
            client = host.client()
            self.version(client)
            client.submit("versioned", {"ms": 1500}, inputs={}, task_id="long")
            client.receive("ACCEPTED")
            until(lambda: host.stats()["capacity"]["running"] == 1, "the long task runs")
            host.put(2)
            self.reloaded(host, changed=["versioned"])
            other = host.client()
            self.assertEqual(self.version(other), 2)
            header = client.receive("RESULT")[1]
            self.assertEqual((header["data"]["version"], header["pipeline_version"]), (1, "1.0.0"))

    def test_force(self):
        with ReloadHost() as host:
            client = host.client()
            self.version(client)
            before = host.pipeline()["generation"]
            self.reloaded(host, changed=[], unchanged=1)
            self.assertEqual(host.pipeline()["generation"], before)
            verb, answer = host.reload(force=True)
            self.assertEqual((verb, answer["changed"]), ("INFO", ["versioned"]))
            self.assertGreater(host.pipeline()["generation"], before)
            self.version(client)

    def test_noticed_by_itself(self):
        with ReloadHost(version=None, host="watch_plugins = no") as host:
            host.change("watch_plugins = no", "watch_plugins = yes")
            self.reloaded(host)
            client = host.client()
            host.put(1)
            until(host.pipeline, "the plugin is there")
            self.assertEqual(self.version(client), 1)
            host.put(2)
            until(lambda: host.pipeline()["version"] == "2.0.0", "the new version is there")
            self.assertEqual(self.version(client), 2)
            host.remove()
            until(lambda: not host.pipeline(), "the plugin is gone")
            folder = os.path.join(host.plugin_dir, "versioned")
            before = host.log().count("reloaded added=")
            os.mkdir(folder)
            until(lambda: host.log().count("reloaded added=") > before, "the folder is noticed")
            host.put(1, os.path.join("versioned", "versioned.so"))
            until(host.pipeline, "the plugin in a folder of its own is there")
            self.assertEqual(self.version(client), 1)

    def test_many_at_once_are_one(self):
        with ReloadHost() as host:
            others = [host.client(control=True) for _ in range(8)]
            for i, other in enumerate(others):
                other.send("RELOAD", {"request": f"r{i}"})
            for i, other in enumerate(others):
                verb, answer, _ = other.receive("INFO", "REFUSED")
                self.assertEqual((verb, answer["request"]), ("INFO", f"r{i}"))
            self.assertLess(host.log().count("reloaded added="), 8)


class Broken(Case):
    def test_the_old_one_stays_in_service(self):
        with ReloadHost() as host:
            client = host.client()
            self.version(client)
            host.put(3)
            answer = self.reloaded(host, changed=[])
            self.assertEqual(answer["failed"][0]["pipeline"], "versioned")
            self.assertIn("model of version 3 is not there", answer["failed"][0]["reason"])
            found = host.pipeline()
            self.assertEqual((found["state"], found["version"], found["next"]["state"]), ("ready", "1.0.0", "broken"))
            self.assertIn("model of version 3", found["next"]["reason"])
            self.assertEqual(self.version(client), 1)
            done = subprocess.run([os.path.join(BIN, "penstock"), "reload", "--socket", host.control],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("left as it was: versioned: ", done.stdout)
            # It is noticed that the file changes, without being asked.
            host.put(2)
            until(lambda: host.pipeline()["version"] == "2.0.0", "the file that was mended is in service")
            self.assertNotIn("next", host.pipeline())
            self.assertEqual(self.version(client), 2)

    def test_options_that_do_not_load(self):
        section = 'plugin "org.penstock.test.versioned" { config = "{}" }'
        with ReloadHost(sections=section) as host:
            client = host.client()
            self.version(client)
            host.change('config = "{}"', "config = '{\"do\": \"refuse\"}'")
            answer = self.reloaded(host, changed=[])
            self.assertIn("the configuration says so", answer["failed"][0]["reason"])
            self.assertEqual(self.version(client), 1)

    def test_a_file_that_is_no_plugin(self):
        with ReloadHost() as host:
            client = host.client()
            self.version(client)
            target = os.path.join(host.plugin_dir, "versioned.so")
            with open(plugin_file("versioned_2"), "rb") as f:
                half = f.read()[:3000]
            with open(target + ".new", "wb") as f:
                f.write(half)
            os.rename(target + ".new", target)
            answer = self.reloaded(host, changed=[], removed=[])
            self.assertEqual([b["file"] for b in answer["broken"]], [target])
            self.assertEqual(host.pipeline()["next"]["state"], "broken")
            self.assertEqual(self.version(client), 1)

    def test_a_file_that_is_still_being_copied(self):
        with ReloadHost() as host:
            client = host.client()
            self.version(client)
            target = os.path.join(host.plugin_dir, "versioned.so")
            ends = threading.Event()

            def copy():
                """A slow copy, in place, that never ends by itself."""
                with open(plugin_file("versioned_2"), "rb") as source, open(target, "wb", buffering=0) as f:
                    while not ends.wait(0.02):
                        f.write(source.read(64))

            copier = threading.Thread(target=copy)
            copier.start()
            try:
                self.reloaded(host, changing=[target], changed=[], removed=[], broken=[])
                self.assertIn(f"plugin file is still changing, and is left as it was file={target}", host.log())
                self.assertEqual(self.version(client), 1)
            finally:
                ends.set()
                copier.join()
            host.put(2)
            self.reloaded(host, changing=[], changed=["versioned"])
            self.assertEqual(self.version(client), 2)

    def test_quarantine_ends_when_the_file_changes(self):
        with ReloadHost(version=3) as host:
            client = host.client()
            for _ in range(3):
                header, _ = client.run("versioned", {}, inputs={})
                self.assertEqual(header["error"]["code"], "PLUGIN_LOAD_FAILED", header)
                found = host.pipeline()
                self.assertEqual(found["state"], "quarantined")
                pause_ms = found["next_try"] - found["since"]
                until(lambda: host.pipeline()["state"] != "quarantined", "the pause is over")
            self.assertGreater(pause_ms, 2000)
            client.run("versioned", {}, inputs={})
            self.assertGreater(host.pipeline()["next_try"], time.time() * 1000 + 4000)
            start = time.monotonic()
            host.put(1)
            until(lambda: host.pipeline()["state"] == "idle", "the file that was mended is tried")
            self.assertEqual(self.version(client), 1)
            self.assertLess(time.monotonic() - start, 4)

    def test_no_box_loads_a_file_that_was_not_scanned(self):
        with ReloadHost() as host:
            host.put(2)  # nobody has asked for a reload, and nothing is loaded yet
            self.assertEqual(self.version(host.client()), 2)
            self.assertEqual(host.pipeline()["version"], "2.0.0")


class Gone(Case):
    SECTION = 'plugin "org.penstock.test.versioned" { pipeline "versioned" { max_concurrent = 1 } }'

    def fill(self, host, n=3, **members):
        """One runs, n wait; then the plugin goes."""
        client = host.client()
        self.version(client)
        client.submit("versioned", {"ms": 700}, inputs={}, task_id="runs")
        client.receive("ACCEPTED")
        for i in range(n):
            client.submit("versioned", {}, inputs={}, task_id=f"w{i}", **members)
            client.receive("ACCEPTED")
        host.remove()
        self.reloaded(host, removed=["versioned"])
        return client

    def codes(self, client, n):
        found = {}
        for _ in range(n):
            header = client.receive("RESULT")[1]
            found[header["task_id"]] = header.get("error", {}).get("code", header.get("status"))
        return found

    def test_it_comes_back(self):
        with ReloadHost(sections=self.SECTION) as host:
            client = self.fill(host)
            self.assertEqual(host.client().run("versioned", {}, inputs={})[0]["code"], "UNKNOWN_PIPELINE")
            self.assertEqual(self.codes(client, 1), {"runs": "success"})
            self.assertEqual(host.operator.ask("PLUGINS")[1]["gone"], [{"slug": "versioned", "queued": 3}])
            # Who asks again for a task that was accepted is told of that one.
            client.submit("versioned", {}, inputs={}, task_id="w0")
            self.assertTrue(client.receive("ACCEPTED", "REFUSED")[1].get("attached"))
            host.put(2)
            self.reloaded(host, added=["versioned"])
            for i in range(3):
                header = client.receive("RESULT")[1]
                self.assertEqual((header["task_id"], header["data"]["version"]), (f"w{i}", 2))
            self.assertEqual(host.operator.ask("PLUGINS")[1]["gone"], [])

    def test_its_tasks_wait_until_their_ttl(self):
        with ReloadHost(sections=self.SECTION) as host:
            client = self.fill(host, ttl_ms=1500)
            self.assertEqual(self.codes(client, 4), {"runs": "success", **{f"w{i}": "UNKNOWN_PIPELINE" for i in range(3)}})

    def test_its_tasks_wait_until_gone_ttl(self):
        with ReloadHost(sections=self.SECTION, host="gone_ttl = 1s") as host:
            client = self.fill(host)
            self.assertEqual(self.codes(client, 4), {"runs": "success", **{f"w{i}": "UNKNOWN_PIPELINE" for i in range(3)}})

    def test_waiting_tasks_are_checked_once_more(self):
        with ReloadHost(sections=self.SECTION) as host:
            client = host.client()
            self.version(client)
            client.submit("versioned", {"ms": 700}, inputs={}, task_id="runs")
            client.submit("versioned", {"n": 1}, inputs={}, task_id="colourless")
            client.submit("versioned", {"colour": "red"}, inputs={}, task_id="red")
            client.submit("versioned", {"colour": "red"}, inputs={}, task_id="pinned", pipeline_version="1.0.0")
            for _ in range(4):
                client.receive("ACCEPTED")
            host.put(4)
            self.reloaded(host, changed=["versioned"])
            found = {}
            for _ in range(4):
                header = client.receive("RESULT")[1]
                found[header["task_id"]] = header
            self.assertEqual(found["runs"]["data"]["version"], 1)
            self.assertEqual(found["red"]["data"]["version"], 4)
            self.assertEqual(found["colourless"]["error"]["code"], "INVALID_INPUT")
            self.assertIn("has changed since the task was accepted", found["colourless"]["error"]["message"])
            self.assertIn("colour", found["colourless"]["error"]["message"])
            self.assertEqual(found["pinned"]["error"]["code"], "UNSUPPORTED_VERSION")


class Roles(Case):
    SHIM = 'shim "%s" { dialect = avtomatika  url = "http://127.0.0.1:1"  token = "%s" }\n'

    def shims(self, host):
        """Pid by name."""
        found = {}
        for pid, comm in host.children().items():
            if comm == "penstock-shim":
                words = self.words(pid)
                if "--name" in words:
                    found[words[words.index("--name") + 1]] = pid
        return found

    def words(self, pid):
        """Its command line; nothing if it is just ending."""
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return f.read().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return []

    def users(self, host):
        found = []
        for pid in self.shims(host).values():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                found += [line for line in f if line.startswith("Uid:")]
        return found

    def test_shims_come_and_go(self):
        with ReloadHost(sections=self.SHIM % ("one", "x") + self.SHIM % ("two", "x")) as host:
            first = until(lambda: len(self.shims(host)) == 2 and self.shims(host), "both shims run")
            host.change(self.SHIM % ("two", "x"), self.SHIM % ("two", "x") + self.SHIM % ("three", "x"))
            host.hang_up()
            second = until(lambda: len(self.shims(host)) == 3 and self.shims(host), "the third one runs")
            self.assertEqual((second["one"], second["two"]), (first["one"], first["two"]))
            host.change(self.SHIM % ("one", "x"), "")
            self.assertEqual(host.reload()[0], "INFO")
            until(lambda: set(self.shims(host)) == {"two", "three"}, "the first one has ended")
            host.change(self.SHIM % ("three", "x"), self.SHIM % ("three", "y") + self.SHIM % ("four", "x"))
            host.hang_up()
            until(lambda: self.shims(host).get("three", second["three"]) != second["three"], "a new process")
            last = until(lambda: len(self.shims(host)) == 3 and self.shims(host), "all three run")
            self.assertEqual(last["two"], first["two"])
            # Whatever has come and gone, each is a user of its own.
            if os.geteuid() == 0:
                until(lambda: len(set(self.users(host))) == 3, "three users")
            self.assertNotIn("shim-two", "".join(line for line in host.log().splitlines() if "ended" in line))

    def test_each_role_is_started_again(self):
        with ReloadHost() as host:
            self.assertEqual((host.stats()["restarts"], host.stats().get("restarted_by")), (0, None))
            for i, (name, word) in enumerate((("penstock-core", "core"), ("penstock-launcher", "launcher"))):
                ready = host.log().count("host is ready")
                os.kill(host.pid_of(name), signal.SIGKILL)
                until(lambda: host.log().count("host is ready") > ready, f"another {name}")
                host.operator = host.client(control=True)
                stats = host.stats()
                self.assertEqual((stats["restarts"], stats["restarted_by"]), (i + 1, f"{word}: signal 9"))
                self.assertIn(f'role ended unexpectedly role={word} how="signal 9"', host.log())
                self.assertEqual(self.version(host.client()), 1)

    def test_a_core_that_dies_comes_back_with_what_was_in_force(self):
        with ReloadHost(host="queue_max = 17") as host:
            host.change("queue_max = 17", "queue_max = 18")
            self.reloaded(host)
            host.change("queue_max = 18", "queue_max = -3")
            self.assertEqual(host.reload()[0], "REFUSED")
            ready = host.log().count("host is ready")
            os.kill(host.pid_of("penstock-core"), signal.SIGKILL)
            until(lambda: host.log().count("host is ready") > ready, "another core")
            host.operator = host.client(control=True)
            self.assertEqual(host.stats()["capacity"]["queue_max"], 18)
            self.assertEqual(host.reload()[0], "REFUSED")

    def test_a_shim_is_started_again(self):
        with ReloadHost(sections=self.SHIM % ("one", "x")) as host:
            first = until(lambda: self.shims(host), "the shim runs")["one"]
            os.kill(first, signal.SIGKILL)
            until(lambda: self.shims(host).get("one", first) != first, "another process")
            self.assertIn('role ended unexpectedly role=shim-one how="signal 9"', host.log())


if __name__ == "__main__":
    unittest.main()
