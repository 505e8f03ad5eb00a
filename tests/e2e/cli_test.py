"""The command line against a host in miniature (cli_fake_core.py): answers, errors, exit statuses, terminal."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest

from cli_lib import PENSTOCK, FakeCore, Terminal, environment, run


class WithCore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = FakeCore()

    @classmethod
    def tearDownClass(cls):
        cls.core.stop()

    def run_it(self, *args, env=None, **more):
        return run(*args, env={"PENSTOCK_HOST_RUNTIME_DIR": self.core.dir, **(env or {})}, **more)

    def terminal(self, *args, env=None, **more):
        return Terminal(*args, env={"PENSTOCK_HOST_RUNTIME_DIR": self.core.dir, **(env or {})}, **more)

    def ok(self, *args, **more):
        answer = self.run_it(*args, **more)
        self.assertEqual(answer.status, 0, answer)
        return answer

    def fails(self, status, words, *args, **more):
        answer = self.run_it(*args, **more)
        self.assertEqual(answer.status, status, answer)
        self.assertTrue(answer.err.startswith("penstock: "), answer)
        self.assertIn(words, answer.err)
        return answer

    def folder(self):
        return tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))

    def file(self, name, content):
        path = os.path.join(self.folder(), name)
        with open(path, "wb") as f:
            f.write(content)
        return path


class Usage(WithCore):
    def test_no_command(self):
        self.fails(2, "--help", )

    def test_unknown_words_and_what_was_meant(self):
        self.fails(2, "did you mean task list?", "tsak", "list")
        self.fails(2, "did you mean task list?", "task", "lits")
        self.fails(2, "did you mean task submit?", "submit")
        self.fails(2, "did you mean --param?", "task", "submit", "echo", "--parm", "a=1")
        self.fails(2, "penstock task --help", "task")
        self.fails(2, "penstock --help", "xyzzy")
        self.fails(2, "unknown option -Z", "ping", "-Z")

    def test_operands_and_values(self):
        self.fails(2, "usage: penstock task submit PIPELINE", "task", "submit")
        self.fails(2, '"b" is too much', "task", "submit", "a", "b")
        self.fails(2, "--limit needs a value", "task", "list", "--limit")
        self.fails(2, "a whole number", "task", "list", "--limit", "many")
        self.fails(2, "500ms", "task", "submit", "echo", "--timeout", "30")
        self.fails(2, "one of queued, running, retry, finished", "task", "list", "--state", "lost")
        self.fails(2, "no point in time", "task", "list", "--since", "soon")
        self.fails(2, "takes no value", "ping", "--json=yes")
        self.fails(2, "from 0 to 9", "task", "submit", "echo", "--priority", "10")
        self.fails(2, "no point in time", "task", "submit", "echo", "--deadline", "soon")
        self.fails(2, "no JSON object", "task", "submit", "echo", "--metadata", "[1]")
        self.fails(2, "is no duration", "ping", env={"PENSTOCK_PATIENCE": "x"})

    def test_version(self):
        self.assertRegex(self.ok("--version").out, r"^penstock \d+\.\d+\.\d+ \(plugin ABI 1\.\d+, \w+\)$")

    def test_help_at_every_level(self):
        top = self.ok("--help").out
        self.assertEqual(top, self.ok("help").out)
        commands = [line[2:22].strip() for line in top.splitlines() if line.startswith("  ") and line[2] != " "]
        self.assertIn("task submit", commands)
        self.assertIn("task list", self.ok("task", "--help").out)
        self.assertEqual(self.ok("help", "task").out, self.ok("task", "-h").out)
        for command in commands:
            text = self.ok(*command.split(), "--help").out
            self.assertTrue(text.startswith(f"usage: penstock {command}"), text)
            self.assertEqual(text, self.ok("help", *command.split()).out)
            self.assertLessEqual(max(len(line) for line in text.splitlines()), 80)
            self.assertIn("--help", text)

    def test_help_lists_every_option(self):
        script = self.ok("completion", "bash").out
        listed = [line.split('"') for line in script.splitlines() if 'options="' in line and "local" not in line]
        self.assertGreater(len(listed), 15)
        for _, command, _, options, _ in listed:
            text = self.ok(*command.split(), "--help").out
            for option in options.split():
                self.assertIn(option + (" " if option != "--help" else ""), text, command)

    def test_completion_completes(self):
        script = self.ok("completion", "bash").out
        asked = script + """
COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _penstock; echo "${COMPREPLY[@]}"
"""
        for words, expected in (
                ("penstock ta", "task"), ("penstock plugin sh", "show"), ("penstock task list --st", "--state"),
                ("penstock task list --state ru", "running"), ("penstock run --mo", "--mode"),
                ("penstock run --mode w", "warm"), ("penstock ping --col", "--color")):
            done = subprocess.run(["bash", "-c", asked % words], capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout.strip(), expected, done)
        self.fails(2, "bash", "completion", "fish")


class Finding(WithCore):
    """Which socket is taken, and what is said where there is none."""

    def test_control_socket_first(self):
        self.ok("drain")
        self.assertEqual(self.ok("--socket", self.core.control, "ping", "-q").out, "")
        self.fails(4, "UNAUTHORIZED", "drain", "--socket", self.core.tasks)
        self.fails(4, "UNAUTHORIZED", "drain", env={"PENSTOCK_SOCKET": "ipc://" + self.core.tasks})

    def test_nobody_there(self):
        folder = self.folder()
        self.fails(6, "no such socket", "ping", env={"PENSTOCK_HOST_RUNTIME_DIR": folder})
        dead = os.path.join(folder, "dead.sock")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(dead)
        self.fails(6, "nobody listens", "ping", "--socket", dead)
        self.fails(6, "penstockd", "task", "submit", "echo", "--socket", "tcp://127.0.0.1:1", "--patience", "200ms")

    def test_listens_but_does_not_answer(self):
        path = os.path.join(self.folder(), "mute.sock")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
            self.fails(6, "does not answer", "ping", "--socket", path, "--patience", "200ms")

    def test_no_access(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        folder = self.folder()
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "s")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
            os.chmod(path, 0o600)
            program = self.file("penstock", b"")
            with open(PENSTOCK, "rb") as source, open(program, "wb") as target:
                target.write(source.read())
            os.chmod(program, 0o755)
            os.chmod(os.path.dirname(program), 0o755)
            done = subprocess.run([program, "ping", "--socket", path], capture_output=True, text=True, user=65534,
                                  env=environment(), check=False)
        self.assertEqual(done.returncode, 4, done)
        self.assertIn("no access", done.stderr)

    def test_wrong_configuration_is_told_and_does_not_hinder(self):
        config = self.file("plugins.conf", b"host { colour = 3 }\n")
        answer = self.fails(6, "warning: the configuration is wrong", "ping", "--config", config, env={
            "PENSTOCK_HOST_RUNTIME_DIR": None})
        self.assertNotIn("colour", answer.out)


class Submit(WithCore):
    def echo(self, *args, **more):
        return self.ok("task", "submit", "echo", "--wait", *args, **more)

    def params(self, *args, **more):
        return json.loads(self.echo(*args, **more).out)["params"]

    def test_param_types(self):
        got = self.params("-p", "n=1", "-p", "text=123", "-p", "maybe=null", "--param", "other=123", "-p", "s=hello",
                          "-p", 'o={"a": [1, true]}', "-p", "e=", "-p", "q=\"x\"", "-p", "eq=a=b", "-p", "maybe=12")
        self.assertEqual(got, {"n": 1, "text": "123", "maybe": "12", "other": 123, "s": "hello",
                               "o": {"a": [1, True]}, "e": "", "q": '"x"', "eq": "a=b"})

    def test_params_whole_and_bytes_kept(self):
        path = self.file("p.json", b'{"big": 12345678901234567890.5e1, "n": 1}')
        self.assertEqual(self.params("--params", '{"a": 1}'), {"a": 1})
        self.assertEqual(self.params("--params", "-", stdin=b'{"b": 2}'), {"b": 2})
        self.assertEqual(self.params("-P", "@" + path, "-p", "n=2")["n"], 2)
        self.fails(2, "not JSON", "task", "submit", "echo", "--params", "{")
        self.fails(2, "no object", "task", "submit", "echo", "--params", "[]")
        self.fails(2, "not JSON", "task", "submit", "echo", "--params", '{"a": 1, "a": 2}')
        self.fails(2, "NAME=VALUE", "task", "submit", "echo", "-p", "lonely")
        self.fails(1, "cannot read --params", "task", "submit", "echo", "-P", "@/nowhere")

    def test_header(self):
        seen = json.loads(self.echo(
            "--id", "a b", "--job", "j", "--key", "k", "--tenant", "t", "--priority", "7.5", "--timeout", "30s", "--ttl",
            "2m", "--deadline", "2030-01-02T03:04:05+01:00", "--metadata", '{"x": 1.0}').out)["seen"]
        self.assertEqual(seen, {
            "pipeline": "echo", "task_id": "a b", "job_id": "j", "idempotency_key": "k", "tenant": "t", "priority": 7.5,
            "timeout_ms": 30000, "ttl_ms": 120000, "deadline": 1893549845000, "metadata": {"x": 1.0},
            "events": ["state", "progress", "log"]})

    def test_inputs_and_outputs(self):
        folder = os.path.join(self.folder(), "new")
        photo, other = self.file("photo.JPG", b"jpeg"), self.file("data", b"")
        answer = self.echo("-i", "image=" + photo, "--input", f"raw={other};type=text/csv", "-i", "in=-", "-o", folder,
                           stdin=b"from stdin")
        self.assertEqual(sorted(os.listdir(folder)), ["image.jpg", "in", "raw.csv"])
        with open(os.path.join(folder, "in"), "rb") as f:
            self.assertEqual(f.read(), b"from stdin")
        self.assertIn("wrote " + os.path.join(folder, "image.jpg") + " (4 B)", answer.err)
        self.assertIn("1 output was not kept; -o DIR", self.echo("-i", "a=" + photo).err)

    def test_inputs_refused(self):
        def refused(status, words, *args):
            self.fails(status, words, "task", "submit", "echo", "-w", *args)
        refused(2, "NAME=FILE", "-i", "lonely")
        refused(2, "cannot name an input", "-i", "../a=/dev/null")
        refused(2, "two inputs are called a", "-i", "a=/dev/null", "-i", "a=/dev/null")
        refused(1, "No such file", "-i", "a=/nowhere")
        refused(1, "Is a directory", "-i", "a=/")
        refused(4, "too large", "-i", "a=" + self.file("big", b"x" * 100001))
        refused(4, "150000 in all", "-i", "a=" + self.file("1", b"x" * 90000), "-i", "b=" + self.file("2", b"x" * 90000))
        refused(4, "params are too large", "-p", "text=" + "x" * 60000)
        refused(1, "cannot open the folder", "-o", "/dev/null")
        refused(1, "cannot make the folder", "-o", "/nowhere/at/all")

    def test_hostile_names_stay_inside(self):
        folder = os.path.join(self.folder(), "in")
        os.mkdir(folder)
        outside = self.file("victim", b"safe")
        os.symlink(outside, os.path.join(folder, "ok.txt"))
        answer = self.run_it("task", "submit", "evil", "-o", folder)
        self.assertEqual(answer.status, 1, answer)
        self.assertEqual(sorted(os.listdir(folder)), ["ok-2.txt", "ok.txt"])
        self.assertEqual(os.listdir(os.path.dirname(folder)), ["in"])
        self.assertFalse(os.path.islink(os.path.join(folder, "ok.txt")))
        with open(outside, "rb") as f:
            self.assertEqual(f.read(), b"safe")
        self.assertIn("red \\x1b[31m alert\\x07", answer.err)
        self.assertNotIn("\x1b", answer.err)
        files = json.loads(self.run_it("task", "submit", "evil", "-o", folder, "--json").out)["files"]
        self.assertEqual([f and os.path.basename(f) for f in files], [None, "ok.txt", "ok-2.txt", None, None])

    def test_ids_without_waiting(self):
        answer = self.ok("task", "submit", "echo", "--id", "mine", "--metadata", '{"ignore": ["colour"]}')
        self.assertRegex(answer.out, r"^task  mine\nuid   [0-9a-f-]{36}\n$")
        self.assertIn('does not know "colour"', answer.err)
        self.assertRegex(self.ok("task", "submit", "echo", "-q").out, r"^[0-9a-f-]{36}\n$")
        self.assertEqual(self.ok("task", "submit", "echo", "--id", "j", "--json").json()["task_id"], "j")

    def test_acknowledges(self):
        self.echo("--id", "acknowledged")
        while self.core.line() != "ack acknowledged":
            pass

    def test_verdicts(self):
        def submit(pipeline, status, words):
            return self.fails(status, words, "task", "submit", pipeline, "-w")
        submit("crash", 1, "crash failed (CRASH): killed by signal 11: the plugin's fault")
        submit("late", 5, "TIMEOUT")
        submit("later", 75, "TRANSIENT")
        submit("unknown_code", 1, "FROM_THE_FUTURE")
        submit("nope", 3, "UNKNOWN_PIPELINE")
        submit("full", 75, "try again in 1500 ms")
        self.assertIn("/params/height is missing", submit("invalid", 1, "INVALID_INPUT").err)
        self.assertIn("skip: skipped in 31 ms", self.ok("task", "submit", "skip", "-w").err)
        self.assertIn('details: {"signal": 11}', self.run_it("task", "submit", "crash", "-w", "-v").err)

    def test_json(self):
        self.assertEqual(self.ok("task", "submit", "echo", "-w", "--json").json()["status"], "success")
        self.assertEqual(self.run_it("task", "submit", "crash", "-w", "--json").json()["error"]["code"], "CRASH")
        self.assertEqual(self.run_it("task", "submit", "full", "--json").json()["retry_after_ms"], 1500)
        lines = [json.loads(line) for line in self.ok("task", "submit", "slow", "--events", "--json").out.splitlines()]
        self.assertEqual([line.get("kind") for line in lines],
                         ["state", "progress", "progress", "log", "progress", "progress", None])
        self.assertEqual(lines[-1]["data"], {"slow": True})

    def test_events_for_people(self):
        answer = self.ok("task", "submit", "slow", "--events")
        self.assertEqual(answer.out, '{"slow": true}\n')
        for words in ("  running\n", "  25 % step 1 of 4\n", "  info half way\n"):
            self.assertIn(words, answer.err)
        quiet = self.ok("task", "submit", "slow", "--events", "-q")
        self.assertEqual((quiet.out, quiet.err), ('{"slow": true}\n', ""))

    def test_a_new_host_does_not_know_the_task(self):
        self.fails(6, "started anew", "task", "submit", "forget", "-w")

    def test_host_dies_while_waiting(self):
        core = FakeCore()
        self.addCleanup(core.stop)
        self.fails(6, "the host is gone", "task", "submit", "gone", "-w", "--socket", core.tasks)

    def test_host_falls_silent_before_the_answer(self):
        core = FakeCore()
        self.addCleanup(core.stop)
        self.fails(6, "does not answer", "task", "submit", "silence", "--socket", core.tasks, "--patience", "100ms")

    def interrupt(self, signo, times, pipeline="slow"):
        process = subprocess.Popen(
            [PENSTOCK, "task", "submit", pipeline, "-p", "forever=1", "--events"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment(PENSTOCK_HOST_RUNTIME_DIR=self.core.dir))
        for line in process.stderr:
            if "100 %" in line:
                break
        for _ in range(times):
            process.send_signal(signo)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def test_interrupt_cancels(self):
        status, _, err = self.interrupt(signal.SIGINT, 1)
        self.assertEqual(status, 130, err)
        self.assertIn("slow cancelled (CANCELLED)", err)
        self.assertEqual(self.interrupt(signal.SIGTERM, 1)[0], 143)

    def test_closed_pipe_is_quiet(self):
        done = subprocess.run(["bash", "-c", f"set -o pipefail; '{PENSTOCK}' task submit --help | true; "
                               f"'{PENSTOCK}' completion bash | head -1; echo ${{PIPESTATUS[@]}}"],
                              capture_output=True, text=True, env=environment(), check=False)
        self.assertEqual((done.stdout.splitlines()[-1], done.stderr), ("0 0", ""), done)

    def test_full_disk_is_told(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PENSTOCK, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


class Tasks(WithCore):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        env = {"PENSTOCK_HOST_RUNTIME_DIR": cls.core.dir}
        cls.uid = {}
        for name, pipeline in (("one", "echo"), ("two", "crash"), ("three", "slow"), ("four", "slow"),
                               ("five", "slow")):
            cls.uid[name] = run("task", "submit", pipeline, "-p", "forever=1", "--id", name, "--job", "j-" + name, "-q",
                                env=env).out.strip()

    def test_list(self):
        table = self.ok("task", "list").out.splitlines()
        self.assertEqual(table[0].split(), ["TASK", "PIPELINE", "STATE", "AGE", "RUN", "CLIENT"])
        rows = {line.split()[0]: line for line in table[1:]}
        self.assertIn("CRASH", rows["two"])
        self.assertIn("finished", rows["one"])
        everything = self.ok("task", "list", "--json").json()["tasks"]
        self.assertGreaterEqual(len(everything), 5)
        one = self.ok("task", "list", "--limit", "1", "--json").json()
        self.assertEqual((len(one["tasks"]), "cursor" in one), (1, True))
        self.assertIn("there are more", self.ok("task", "list", "--limit", "1").err)
        self.assertEqual([t["pipeline"] for t in self.ok("task", "list", "--pipeline", "crash", "--json").json()["tasks"]],
                         ["crash"])
        self.assertIn("no tasks", self.ok("task", "list", "--state", "queued").err)

    def test_show(self):
        for name in ("one", self.uid["one"]):
            text = self.ok("task", "show", name).out
            self.assertRegex(text, r"(?m)^pipeline +echo$")
            self.assertRegex(text, r"(?m)^state +finished$")
            self.assertRegex(text, r"(?m)^submitted +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+ m?s ago\)$")
        self.assertEqual(self.ok("task", "show", "one", "--json").json()["task_id"], "one")
        self.assertRegex(self.ok("task", "show", "two").out, r"(?m)^code +CRASH$")
        self.fails(3, "knows no task", "task", "show", "nobody")
        self.fails(3, "knows no task", "task", "show", "01900000-0000-7000-8000-999999999999")

    def test_show_writes_outputs(self):
        folder = self.folder()
        self.ok("task", "submit", "echo", "--id", "files", "-i", "a=" + self.file("a.txt", b"text"))
        self.assertRegex(self.ok("task", "show", "files", "-o", folder).out, r"(?m)^output +a \(text/plain, 4 B\)$")
        self.assertEqual(os.listdir(folder), ["a.txt"])
        self.fails(75, "no result yet", "task", "show", "five", "-o", folder)

    def test_cancel(self):
        self.assertIn("asked to stop", self.ok("task", "cancel", "three").out)
        self.fails(3, "1 not found", "task", "cancel", "nobody")
        self.assertIn("too late", self.run_it("task", "cancel", "one").out)
        self.assertEqual(self.run_it("task", "cancel", self.uid["one"]).status, 1)
        answer = self.ok("task", "cancel", "--job", "j-four", "--json").json()
        self.assertIn("four", [t["task_id"] for t in answer["tasks"]])
        self.fails(2, "nothing to cancel", "task", "cancel")

    def test_watch_finished(self):
        answer = self.run_it("task", "watch", "two")
        self.assertEqual(answer.status, 1, answer)
        self.assertRegex(answer.out, r"^\d\d:\d\d:\d\d  two  state     finished")
        self.assertEqual(self.ok("task", "watch", "one", "--json").json()["state"], "finished")
        self.fails(3, "knows no task", "task", "watch", "nobody")
        self.fails(2, "name one task", "task", "watch")
        self.fails(2, "name one task", "task", "watch", "one", "--all")

    def watch(self, *args):
        process = subprocess.Popen([PENSTOCK, "task", "watch", "--json", *args], stdout=subprocess.PIPE, text=True,
                                   env=environment(PENSTOCK_HOST_RUNTIME_DIR=self.core.dir))
        self.addCleanup(process.stdout.close)
        return process

    def test_watch_one_until_its_end(self):
        for way in (self.core.control, self.core.tasks):
            uid = self.ok("task", "submit", "slow", "-q").out.strip()
            process = self.watch(uid, "--socket", way)
            states = [json.loads(line).get("state") for line in process.stdout]
            self.assertEqual(process.wait(timeout=60), 0)
            self.assertEqual([s for s in states if s], ["running", "finished"])

    def test_watch_all(self):
        process = self.watch("--all")
        # Whether it watches already cannot be seen: work until it has seen some.
        submits = subprocess.Popen(["bash", "-c", f"while '{PENSTOCK}' task submit echo -q; do :; done"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                   env=environment(PENSTOCK_HOST_RUNTIME_DIR=self.core.dir))
        line = json.loads(process.stdout.readline())
        os.killpg(submits.pid, signal.SIGKILL)
        submits.wait()
        self.assertEqual(line["kind"], "state")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        self.fails(4, "UNAUTHORIZED", "task", "watch", "--all", "--socket", self.core.tasks)


class Reading(WithCore):
    def test_plugins(self):
        answer = self.ok("plugin", "list")
        self.assertEqual(answer.out.splitlines()[0].split(),
                         ["PIPELINE", "VERSION", "STATE", "RUN", "WAIT", "PLUGIN", "SUMMARY"])
        self.assertIn("but not in a file", answer.out)
        self.assertIn("bad.so is broken: expected pen_plugin_entry, found nothing", answer.err)
        self.assertIn("sick is quarantined: open failed: no model", answer.err)
        self.assertEqual(len(self.ok("plugin", "list", "--json").json()["plugins"]), 2)

    def test_plugin_show(self):
        for name in ("org.example.echo", "sick"):
            text = self.ok("plugin", "show", name).out
            self.assertRegex(text, r"(?m)^id +org\.example\.echo$")
            self.assertRegex(text, r"(?m)^statuses +skipped$")
            self.assertRegex(text, r"(?m)^timeout +1 min 0 s$")
        self.assertEqual(self.ok("plugin", "show", "echo", "--json").json()["id"], "org.example.echo")
        self.fails(3, "plugin list", "plugin", "show", "nobody")

    def test_stats_and_ping(self):
        text = self.ok("stats").out
        self.assertRegex(text, r"(?m)^up for +1 h 2 min$")
        self.assertRegex(text, r"(?m)^codes +CRASH 1, TIMEOUT 1$")
        self.assertEqual(self.ok("stats", "--json").json()["clients"], 1)
        self.assertRegex(self.ok("ping").out, r"^host host-1 answers \(\d+\.\d ms\)$")
        self.assertIn("epoch", self.ok("ping", "--json").json())

    def test_operating(self):
        self.assertEqual(self.ok("drain").out, "draining: 1 running, 0 queued\n")
        self.assertEqual(self.ok("resume", "--json").json()["state"], "serving")
        self.assertEqual(self.ok("shutdown", "--now").out, "stopping: 1 running, 0 queued\n")


class OnTerminal(WithCore):
    def test_progress_bar(self):
        t = self.terminal("task", "submit", "slow", "-w")
        t.read_until("] 100%")
        answer = t.finish()
        self.assertEqual(answer.status, 0, answer)
        drawn = answer.out.split("\r")
        self.assertTrue(any(line.startswith("slow [####") and "step" in line for line in drawn), drawn)
        self.assertTrue(any("info\x1b[0m half way" in line for line in drawn), drawn)
        for line in drawn:
            self.assertLess(len(line.split("\x1b[K")[0].rstrip("\n")), 80)
        self.assertIn('{"slow": true}', answer.out)

    def test_no_bar_where_it_cannot_be_drawn(self):
        for env, args in (({"TERM": "dumb"}, []), ({}, ["-q"])):
            out = self.terminal("task", "submit", "slow", "-w", *args, env=env).finish().out
            self.assertNotIn("####", out)
            self.assertNotIn("\x1b", out)

    def test_interrupt_on_a_terminal(self):
        t = self.terminal("task", "submit", "slow", "-w", "-p", "forever=1")
        t.read_until("] 100%")
        t.signal(signal.SIGINT)
        answer = t.finish()
        self.assertEqual(answer.status, 130, answer)
        self.assertIn("cancelled (CANCELLED)", answer.out)

    def widest(self, text):
        return max(len(line) for line in text.replace("\r", "").splitlines())

    def test_tables_fit(self):
        for columns in (60, 80, 200):
            out = self.terminal("plugin", "list", "-q", columns=columns, env={"NO_COLOR": "1"}).finish().out
            self.assertLessEqual(self.widest(out), columns)
            self.assertEqual("but not in a file" in out, columns == 200)

    def test_colors(self):
        def colored(*args, **env):
            return "\x1b[" in self.terminal("stats", *args, env=env).finish().out
        self.assertTrue(colored())
        self.assertFalse(colored(NO_COLOR="1"))
        self.assertTrue(colored(NO_COLOR=""))
        self.assertFalse(colored(TERM="dumb"))
        self.assertFalse(colored("--color", "never"))
        self.assertTrue(colored("--color=always", NO_COLOR="1", TERM="dumb"))
        self.assertNotIn("\x1b", self.ok("stats").out)
        self.assertIn("\x1b", self.ok("stats", env={"CLICOLOR_FORCE": "1"}).out)
        self.assertIn("\x1b", self.ok("stats", "--color", "always").out)
        self.assertNotIn("\x1b", self.ok("stats", env={"CLICOLOR_FORCE": "0"}).out)


class Configuration(WithCore):
    def test_check(self):
        good = self.file("good.conf", b"host { queue_max = 5 }\n")
        bad = self.file("bad.conf", b"host { queue_max = many\n colour = 1 }\n")
        self.assertIn(good + ": good", self.ok("config", "check", good).out)
        answer = self.fails(78, bad + ":", "config", "check", bad)
        self.assertIn("queue_max", answer.err)
        self.assertTrue(self.ok("config", "check", good, "--json").json()["valid"])
        report = self.run_it("config", "check", "--config", bad, "--json")
        self.assertEqual((report.status, report.json()["valid"]), (78, False))
        self.assertTrue(report.json()["errors"])
        self.fails(78, "/nowhere", "config", "check", "/nowhere")

    def test_show(self):
        config = self.file("plugins.conf", b'host { queue_max = 5 }\nshim "x" { dialect = "avtomatika"\n'
                           b' url = "http://127.0.0.1:1"\n token = "secret-word" }\n')
        text = self.ok("config", "show", "--origin", "--config", config, "--set", "host.heartbeat=5s").out
        self.assertRegex(text, r"(?m)^host\.queue_max +5 +" + config + ":1$")
        self.assertRegex(text, r"(?m)^host\.heartbeat +5s +flag --set$")
        self.assertRegex(text, r"(?m)^host\.runtime_dir +\S+ +environment PENSTOCK_HOST_RUNTIME_DIR$")
        self.assertNotIn("secret-word", text)
        self.assertIn("drain_timeout", text)
        self.assertNotIn("drain_timeout", self.ok("config", "show", "--changed").out)
        document = self.ok("config", "show", "--json", "--config", config)
        self.assertNotIn("secret-word", document.out)
        values = {(v["section"], v["key"]): v for v in document.json()["values"]}
        self.assertEqual(values["host", "queue_max"]["value"], "5")
        self.fails(78, "colour", "config", "show", "--set", "host.colour=1")
        self.fails(2, "--set", "config", "show", "--set")

    def test_reference(self):
        self.assertIn("queue_max", self.ok("config", "reference").out)
        self.assertIn("queue_max", self.ok("config", "reference", "--format", "markdown").out)


if __name__ == "__main__":
    unittest.main()
