"""The command line with the real thing: boxes of its own (run, plugin check, doctor), and a real host."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from cli_lib import PENSTOCK, Terminal, environment, run
from penstock_host import Host, plugin_file

# Where the temporary files of `penstock run` may lie; empty again after each command.
WORK = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
os.chmod(WORK, 0o755)


class Case(unittest.TestCase):
    env = {"TMPDIR": WORK, "PENSTOCK_HOST_RUNTIME_DIR": os.path.join(WORK, "no-host"),
           "PENSTOCK_HOST_STATE_DIR": os.path.join(WORK, "no-host")}

    def run_it(self, *args, env=None, **more):
        answer = run(*args, env={**self.env, **(env or {})}, **more)
        self.assertEqual([f for f in os.listdir(WORK) if f.startswith("penstock-")], [], "left behind")
        return answer

    def ok(self, *args, **more):
        answer = self.run_it(*args, **more)
        self.assertEqual(answer.status, 0, answer)
        return answer

    def fails(self, status, words, *args, **more):
        answer = self.run_it(*args, **more)
        self.assertEqual(answer.status, status, answer)
        self.assertIn(words, answer.err)
        return answer

    def folder(self):
        path = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        os.chmod(path, 0o755)
        return path

    def copy(self, plugin, folder=None, mode=0o644):
        target = os.path.join(folder or self.folder(), plugin + ".so")
        shutil.copyfile(plugin_file(plugin), target)
        os.chmod(target, mode)
        return target

    def file(self, name, content):
        path = os.path.join(self.folder(), name)
        with open(path, "wb") as f:
            f.write(content)
        return path


class Program(Case):
    def test_links_neither_curl_nor_sqlite(self):
        libraries = subprocess.run(["ldd", PENSTOCK], capture_output=True, text=True, check=True).stdout
        self.assertIn("libzmq", libraries)
        self.assertNotRegex(libraries, "libcurl|libsqlite|libmicrohttpd")


class Run(Case):
    def test_result_and_outputs(self):
        folder = self.folder()
        answer = self.ok("run", plugin_file("echo"), "-p", "n=1", "-i", "text=" + self.file("a.txt", b"hello"), "-o", folder)
        self.assertIn("echo: success in", answer.err)
        self.assertEqual(len(os.listdir(folder)), 1, answer)
        with open(os.path.join(folder, os.listdir(folder)[0]), "rb") as f:
            self.assertEqual(f.read(), b"hello")

    def test_json(self):
        got = self.ok("run", plugin_file("echo"), "-i", "x=-", "--json", stdin=b"abc").json()
        self.assertEqual((got["status"], got["pipeline"]), ("success", "echo"))
        self.assertEqual(got["outputs"][0]["size"], 3)

    def test_finds_the_pipeline_in_plugin_dirs(self):
        folder = self.folder()
        self.copy("echo", folder)
        os.mkdir(os.path.join(folder, "thumbnail"), 0o755)
        self.copy("no_symbol", folder)
        dirs = {"PENSTOCK_HOST_PLUGIN_DIRS": folder}
        self.ok("run", "echo", "-i", "x=-", stdin=b"abc", env=dirs)
        self.fails(3, "no pipeline nope in 2 plugin files", "run", "nope", env=dirs)
        self.fails(3, "1 of them are broken", "run", "nope", env=dirs)
        self.fails(3, "in 0 plugin files", "run", "nope", env={"PENSTOCK_HOST_PLUGIN_DIRS": "/nowhere"})

    def test_what_cannot_be_run(self):
        self.fails(3, "no plugin /nowhere.so", "run", "/nowhere.so")
        self.fails(1, "is broken", "run", plugin_file("no_symbol"))
        self.fails(3, "has no pipeline nope", "run", plugin_file("echo"), "--pipeline", "nope")
        self.fails(2, "--plugin-config is no JSON object", "run", plugin_file("echo"), "--plugin-config", "1")
        self.fails(78, "colour", "run", plugin_file("echo"), "--set", "host.colour=1")

    def test_crash_report(self):
        answer = self.run_it("run", plugin_file("misbehave"), "--pipeline", "crash", "--json")
        frame = answer.json()["error"]["details"]["frames"][0]
        self.assertEqual((frame["module"], frame["symbol"]["function"]), ("misbehave.so", "run_crash"))
        # What is not known stays module and offset.
        stripped = self.copy("misbehave")
        subprocess.run(["strip", stripped], check=True)
        answer = self.run_it("run", stripped, "--pipeline", "crash")
        self.assertRegex(answer.err, r"(?m)^  backtrace   #0  \? +misbehave\.so\+" + frame["offset"] + "$")

    def test_last_words_of_a_plugin_that_cannot_be_loaded(self):
        answer = self.run_it("run", plugin_file("badopen"), "--pipeline", "open_crashes")
        self.assertIn("killed by signal 6 (SIGABRT) while it was loaded; it printed last: ", answer.err)

    def misbehave(self, deed, *args, **more):
        return self.run_it("run", plugin_file("misbehave"), "--pipeline", deed, *args, **more)

    def test_each_verdict_has_its_status(self):
        for deed, args, status, code in (
                ("crash", [], 1, "CRASH"), ("exit3", [], 1, "PLUGIN_EXIT"), ("noresult", [], 1, "NO_RESULT"),
                ("sleep", ["--timeout", "300ms"], 5, "TIMEOUT"), ("loop", ["--timeout", "300ms"], 5, "TIMEOUT"),
                ("leak", ["-p", "crash=1", "--memory", "100M"], 1, "OOM"), ("fail_input", [], 1, "INVALID_INPUT"),
                ("fail_retry", [], 75, "TRANSIENT"), ("fail_permanent", [], 1, "PERMANENT"),
                ("status", ["-p", "unknown=1"], 1, "CONTRACT_VIOLATION"),
                ("bad_output", [], 1, "CONTRACT_VIOLATION")):
            answer = self.misbehave(deed, *args)
            self.assertEqual(answer.status, status, (deed, answer))
            self.assertIn(f"{deed} failed ({code})", answer.err)
        self.assertIn("status: partial in", self.misbehave("status").err)

    def test_mode(self):
        for mode in ("fork", "warm", "exec"):
            answer = self.misbehave("echo_warm", "--mode", mode, "-v")
            self.assertIn(f"box ready: {mode}", answer.err)
            self.assertIn('"calls":1', answer.out.replace(" ", ""))
        self.assertIn("box ready: fork", self.misbehave("echo_warm", "-v").err)

    def test_params_are_checked(self):
        answer = self.run_it("run", plugin_file("thumbnail"), "-p", "width=99999", "-p", "height=x")
        self.assertEqual(answer.status, 1, answer)
        self.assertIn("/params/width must be", answer.err)
        self.assertIn("/params/height must be", answer.err)

    def test_what_the_plugin_says_goes_to_stderr(self):
        answer = self.misbehave("progress", "-p", "n=3", "-p", "ms=1")
        self.assertIn("  info step 2 of 3\n", answer.err)
        self.assertEqual(json.loads(answer.out), {"steps": 3})
        self.assertIn("  | this line has", self.misbehave("stdout", "-p", "kb=1").err)
        quiet = self.misbehave("progress", "-p", "n=1", "-q")
        self.assertEqual(quiet.err, "")

    def test_next_tasks_are_told(self):
        answer = self.misbehave("next", "--json")
        self.assertIn("would start 3 tasks more", answer.err)
        self.assertEqual([n["pipeline"] for n in answer.json()["next"]], ["spin_ms"] * 3)

    def test_open_that_fails(self):
        answer = self.run_it("run", plugin_file("badopen"), "--pipeline", "open_fails")
        self.assertEqual(answer.status, 1, answer)
        self.assertIn("(PLUGIN_LOAD_FAILED): open failed: the model is not there", answer.err)

    def interrupt(self, signo, *args):
        process = subprocess.Popen(
            [PENSTOCK, "run", plugin_file("misbehave"), "--pipeline", "sleep", "--timeout", "50s", "-v", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**self.env))
        for line in process.stderr:
            if "box ready" in line:
                break
        process.send_signal(signo)
        out, err = process.communicate(timeout=60)
        self.assertEqual([f for f in os.listdir(WORK) if f.startswith("penstock-")], [])
        return process.returncode, out + err

    def test_interrupt(self):
        status, said = self.interrupt(signal.SIGINT)
        self.assertEqual(status, 130, said)
        self.assertEqual(self.interrupt(signal.SIGTERM)[0], 143)
        # One that takes no notice is killed after the grace.
        self.assertEqual(self.interrupt(signal.SIGINT, "-p", "deaf=1")[0], 130)

    def test_interrupt_while_loading(self):
        for args in (["run"], ["plugin", "check"]):
            process = subprocess.Popen([PENSTOCK, *args, plugin_file("hang_in_constructor")], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=environment(**self.env))
            # The folder is made after signals were taken over.
            while not any(f.startswith("penstock-") for f in os.listdir(WORK)) and process.poll() is None:
                pass
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, said)
            self.assertEqual([f for f in os.listdir(WORK) if f.startswith("penstock-")], [])

    def test_killed_leaves_no_process(self):
        process = subprocess.Popen(
            [PENSTOCK, "run", plugin_file("misbehave"), "--pipeline", "sleep", "--timeout", "50s", "-v"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(**self.env))
        for line in process.stderr:
            if "box ready" in line:
                break
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as f:
            launcher = int(f.read().split()[0])
        process.kill()
        process.wait()
        # The pipe ends when the last process that holds it has: launcher, warden, zygote, task.
        process.stderr.read()
        process.stderr.close()
        self.assertFalse(os.path.exists(f"/proc/{launcher}/exe") and os.readlink(f"/proc/{launcher}/exe"))
        for left in os.listdir(WORK):
            shutil.rmtree(os.path.join(WORK, left), ignore_errors=True)

    def test_progress_bar(self):
        t = Terminal("run", plugin_file("misbehave"), "--pipeline", "progress", "-p", "n=10", "-p", "ms=50", env=self.env)
        self.assertIn("progress [####", t.read_until("] 60%"))
        self.assertEqual(t.finish().status, 0)


class Check(Case):
    def test_good(self):
        answer = self.ok("plugin", "check", plugin_file("echo"), plugin_file("thumbnail"), "--open")
        self.assertIn("good: org.example.echo 1.0.0, ABI 1.", answer.out)
        self.assertRegex(answer.out, r"    opens in \d+ ms, fork mode")
        plugins = self.ok("plugin", "check", plugin_file("echo"), "--open", "--json").json()["plugins"]
        self.assertEqual((plugins[0]["state"], plugins[0]["abi"][0], plugins[0]["pipelines"][0]["opens"]), ("ok", 1, True))

    def test_broken(self):
        for plugin, words in (
                ("no_symbol", "pen_plugin_entry"), ("undefined_symbol", "function_that_nobody_has"),
                ("crash_in_constructor", "SIGSEGV"), ("wrong_major", "ABI major is 2, expected 1"),
                ("exit_in_constructor", "the process ended while"), ("missing_run", "run"), ("bad_schema", "schema"),
                ("unknown_need", "need")):
            answer = self.fails(1, "is broken: ", "plugin", "check", plugin_file(plugin))
            self.assertIn(words, answer.err)
            report = self.run_it("plugin", "check", plugin_file(plugin), "--json")
            self.assertEqual((report.status, report.json()["plugins"][0]["state"]), (1, "broken"))
            self.assertIn(words, report.json()["plugins"][0]["reason"])

    def test_constructor_that_hangs(self):
        self.fails(1, "longer than its limit", "plugin", "check", plugin_file("hang_in_constructor"), "--set",
                   "host.scan_timeout=500ms")

    def test_missing_library(self):
        folder = self.folder()
        def build(*args):
            subprocess.run(["cc", "-shared", "-fPIC", *args], check=True)
        lib = os.path.join(folder, "libnot-here.so.7")
        source = self.file("lib.c", b"int not_here(void){return 1;}")
        build("-o", lib, "-Wl,-soname,libnot-here.so.7", source)
        plugin = os.path.join(folder, "needy.so")
        user = self.file("needy.c", b"int not_here(void);int f(void){return not_here();}")
        build("-o", plugin, user, lib)
        os.remove(lib)
        answer = self.fails(1, "it needs the library libnot-here.so.7", "plugin", "check", plugin)
        self.assertIn("the package libnot-here7 may have it (apt-file search libnot-here.so.7", answer.err)

    def test_no_library(self):
        self.fails(1, "is broken", "plugin", "check", self.file("text.so", b"no library"))
        self.fails(3, "no plugin /nowhere.so", "plugin", "check", "/nowhere.so")

    def test_opens_or_not(self):
        answer = self.fails(1, "open_fails does not open: open failed: the model is not there", "plugin", "check", "--open",
                            "--set", 'plugin.org.penstock.test.badopen.enabled=true', plugin_file("badopen"), env={
                                "PENSTOCK_HOST_LOAD_TIMEOUT": "1s"})
        self.assertIn("open_hangs does not open: loading took longer", answer.err)
        self.assertIn("warm mode", answer.out)

    def test_one_against_another(self):
        answer = self.fails(1, 'pipeline "dup" is already provided', "plugin", "check", plugin_file("dup_a"),
                            plugin_file("dup_b"))
        self.assertIn("dup_a.so: good", answer.out)

    def test_mode_of_the_file_is_warned_of(self):
        path = self.copy("echo", mode=0o666)
        self.assertIn("a host would refuse " + path, self.ok("plugin", "check", path).err)
        self.assertIn("warning", self.ok("plugin", "check", path, "--json").json()["plugins"][0])
        self.assertIn("a host would refuse this file", self.ok("run", path, "-i", "x=-", stdin=b"x").err)


class Doctor(Case):
    def checks(self, *args, status=0, **more):
        answer = self.run_it("doctor", "--json", *args, **more)
        self.assertEqual(answer.status, status, answer)
        return {c["check"]: c for c in answer.json()["checks"]}

    def test_without_a_host(self):
        checks = self.checks()
        self.assertEqual(checks["test box"]["state"], "ok")
        self.assertIn("seccomp", checks["walls"]["text"])
        self.assertEqual(checks["sockets"]["state"], "warn")
        self.assertIn("penstockd", checks["sockets"]["remedy"])
        text = self.ok("doctor").out
        self.assertRegex(text, r"(?m)^ok    test box +opened in")
        self.assertRegex(text, r"(?m)^\d+ ok, \d+ to look at, 0 wrong$")
        self.assertNotIn("\nok ", "\n" + self.ok("doctor", "-q").out)

    def test_bad_configuration(self):
        bad = self.file("bad.conf", b"host { colour = 1 }\n")
        self.assertIn("colour", self.checks("--config", bad, status=1)["configuration"]["text"])

    @unittest.skipUnless(os.geteuid() == 0, "only a host of root has users of its own")
    def test_users_of_a_host_of_root(self):
        more = ["--config", self.file("shims.conf", b'shim "a" { dialect = avtomatika url = "http://h" }\n'
                                                  b'shim "b" { dialect = avtomatika url = "http://h" }\n')]
        check = self.checks(*more)["users"]
        self.assertEqual((check["state"], check["text"]), (
            "ok", "shims and core 1899999997 to 1899999999, boxes 1900000000 to 1900065535"))
        # Whose number is the first shim's, in a passwd that only this command sees.
        with open("/etc/passwd", "rb") as f:
            passwd = self.file("passwd", f.read() + b"somebody:x:1899999997:0::/:/bin/sh\n")
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"', passwd, PENSTOCK,
                               "doctor", "--json", *more], capture_output=True, check=False,
                              env={**os.environ, **self.env})
        self.assertEqual(done.returncode, 1)
        check = {c["check"]: c for c in json.loads(done.stdout)["checks"]}["users"]
        self.assertEqual(check["state"], "fail")
        self.assertIn("somebody", check["text"])

    def test_folders_that_others_write(self):
        folder = self.folder()
        os.chmod(folder, 0o777)
        checks = self.checks(status=1, env={"PENSTOCK_HOST_STATE_DIR": folder, "PENSTOCK_HOST_RUNTIME_DIR": folder,
                                            "PENSTOCK_HOST_PLUGIN_DIRS": folder})
        for name in ("state folder", "runtime folder", "plugin folder"):
            self.assertEqual(checks[name]["state"], "fail")
            self.assertIn("written by others", checks[name]["text"])

    def test_broken_plugin(self):
        folder = self.folder()
        self.copy("no_symbol", folder)
        checks = self.checks(status=1, env={"PENSTOCK_HOST_PLUGIN_DIRS": folder})
        self.assertIn("pen_plugin_entry", checks["plugin"]["text"])


class WithHost(Case):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["echo", "misbehave", "badopen", "no_symbol"]).start()
        cls.env = {"TMPDIR": WORK, "PENSTOCK_CONFIG": cls.host.config}

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def submit(self, pipeline, *args, **more):
        return self.run_it("task", "submit", pipeline, "-i", "x=" + self.input, "-w", *args, **more)

    def setUp(self):
        self.input = self.file("a.txt", b"hello")

    def test_result_and_outputs(self):
        folder = self.folder()
        answer = self.submit("echo", "-o", folder, "-p", "n=1")
        self.assertEqual((answer.status, json.loads(answer.out)), (0, {"n": 1}), answer)
        self.assertEqual(os.listdir(folder), ["copy.txt"])
        self.assertEqual(self.submit("echo", "--json").json()["status"], "success")

    def test_acknowledged_results_leave_memory(self):
        before = self.ok("stats", "--json").json()["results_kept"]
        uid = self.submit("echo", "--json").json()["uid"]
        self.assertEqual(self.ok("stats", "--json").json()["results_kept"], before)
        self.assertRegex(self.ok("task", "show", uid).out, r"(?m)^state +finished$")
        folder = self.folder()  # the journal has it
        self.ok("task", "show", uid, "-o", folder)
        self.assertEqual(os.listdir(folder), ["copy.txt"])
        uid = self.submit("crash", "--json").json()["uid"]
        self.assertEqual(self.run_it("task", "watch", uid).status, 1)

    def test_later_look(self):
        uid = self.ok("task", "submit", "echo", "-i", "x=" + self.input, "-q").out.strip()
        self.assertEqual(self.ok("task", "watch", uid).status, 0)
        folder = self.folder()
        self.assertRegex(self.ok("task", "show", uid, "-o", folder).out, r"(?m)^state +finished$")
        self.assertEqual(os.listdir(folder), ["copy.txt"])
        self.assertEqual(self.ok("task", "show", uid, "--socket", self.host.tasks, "--json").json()["uid"], uid)
        self.assertEqual(self.run_it("task", "cancel", uid).status, 1)

    def test_verdicts(self):
        for deed, args, status, code in (
                ("crash", [], 1, "CRASH"), ("fail_retry", [], 75, "TRANSIENT"),
                ("sleep", ["--timeout", "300ms"], 5, "TIMEOUT"), ("nope", [], 3, "UNKNOWN_PIPELINE"),
                ("open_fails", [], 1, "PLUGIN_LOAD_FAILED")):
            answer = self.submit(deed, *args)
            self.assertEqual(answer.status, status, answer)
            self.assertIn(f"({code})", answer.err)

    def test_crash_report(self):
        report = (r"(?m)^ *signal +SIGSEGV at address 0x10: no memory is mapped there$",
                  r"(?m)^ *backtrace +#0  run_crash +deaths\.c:\d+ +misbehave\.so\+0x[0-9a-f]+$")
        waited = self.submit("crash")
        uid = self.ok("task", "submit", "crash", "-q").out.strip()
        self.assertEqual(self.run_it("task", "watch", uid).status, 1)
        shown = self.ok("task", "show", uid).out
        for pattern in report:
            self.assertRegex(waited.err, pattern)
            self.assertRegex(shown, pattern)
        self.assertNotIn("penstock-box", shown)
        frames = self.ok("task", "show", uid, "--json").json()["result"]["error"]["details"]["frames"]
        self.assertEqual(frames[0]["symbol"]["function"], "run_crash")
        self.assertTrue(frames[0]["symbol"]["file"].endswith("/misbehave/deaths.c"), frames[0])
        self.assertGreater(frames[0]["symbol"]["line"], 1)
        self.assertIn("penstock-box", {f["module"] for f in frames})

    def test_last_lines(self):
        answer = self.submit("progress", "-p", "n=1000", "-p", "ms=5", "--timeout", "300ms")
        self.assertEqual(answer.status, 5, answer)
        self.assertRegex(answer.err, r"(?m)^  last lines  \[info\] step \d+ of 1000\n +\[info\] step \d+ of 1000$")

    def test_watch_cancel(self):
        uid = self.ok("task", "submit", "sleep", "-q", "--job", "j").out.strip()
        listed = self.ok("task", "list", "--job", "j", "--json").json()["tasks"]
        self.assertEqual([t["uid"] for t in listed], [uid])
        process = subprocess.Popen([PENSTOCK, "task", "watch", uid], stdout=subprocess.PIPE, text=True,
                                   env=environment(**self.env))
        first = process.stdout.readline()
        self.assertRegex(first, r"  state     (queued|running)$")
        self.assertEqual(self.ok("task", "cancel", "--job", "j", "--json").json()["tasks"][0]["uid"], uid)
        rest, _ = process.communicate(timeout=60)
        self.assertIn("finished: cancelled (CANCELLED)", rest)
        self.assertEqual(process.returncode, 1)

    def test_interrupt_cancels(self):
        process = subprocess.Popen([PENSTOCK, "task", "submit", "sleep", "--events"], stderr=subprocess.PIPE, text=True,
                                   env=environment(**self.env))
        for line in process.stderr:
            if "running" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("sleep cancelled (CANCELLED)", err)

    def test_progress_bar(self):
        t = Terminal("task", "submit", "progress", "-w", "-p", "n=10", "-p", "ms=50", env=self.env)
        self.assertIn("progress [####", t.read_until("] 60%"))
        self.assertEqual(t.finish().status, 0)

    def test_reading(self):
        listed = self.ok("plugin", "list")
        self.assertIn("org.example.echo", listed.out)
        self.assertIn("no_symbol.so is broken", listed.err)
        self.assertRegex(self.ok("plugin", "show", "echo").out, r"(?m)^id +org\.example\.echo$")
        self.assertIn("host", self.ok("stats").out)
        self.ok("ping")

    def test_doctor_sees_the_host(self):
        answer = self.run_it("doctor", "--json")
        checks = {c["check"]: c for c in answer.json()["checks"]}
        for name in ("task socket", "control socket", "host", "state folder", "runtime folder", "test box"):
            self.assertEqual(checks[name]["state"], "ok", checks[name])


class Ending(Case):
    def test_drain_resume_shutdown(self):
        with Host() as host:
            self.env = {"TMPDIR": WORK, "PENSTOCK_CONFIG": host.config}
            self.assertEqual(self.ok("drain").out, "draining: 0 running, 0 queued\n")
            self.fails(75, "DRAINING", "task", "submit", "echo")
            self.assertEqual(self.ok("resume").out, "serving: 0 running, 0 queued\n")
            self.ok("task", "submit", "echo")
            self.fails(4, "UNAUTHORIZED", "shutdown", "--socket", host.tasks)
            self.assertEqual(self.ok("shutdown", "--json").json()["state"], "stopping")
            self.assertEqual(host.process.wait(timeout=60), 0)
            self.fails(6, "the host does not run", "ping")


if __name__ == "__main__":
    unittest.main()
