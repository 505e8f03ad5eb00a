"""`penstock key`, and the command line over TCP with keys."""
import os
import re
import stat
import tempfile
import unittest

import zmq
from cli_lib import run
from keys_lib import KeyHost, Pair

DOCUMENT = os.path.join(os.path.dirname(__file__), "../../sdk/docs/protocol.md")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="keys-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.dir, 0o755)

    def path(self, name):
        return os.path.join(self.dir, name)

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def ok(self, *args, **kwargs):
        answer = run(*args, **kwargs)
        self.assertEqual(answer.status, 0, answer)
        return answer

    def fails(self, status, words, *args, **kwargs):
        answer = run(*args, **kwargs)
        self.assertEqual(answer.status, status, answer)
        self.assertIn(words, answer.err)
        return answer


class Files(Case):
    def test_new(self):
        answer = self.ok("key", "new", self.path("a.key"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a.key")).st_mode), 0o600)
        public, secret = answer.out.split()[2], self.text("a.key").split()[-1]
        self.assertEqual((len(public), len(secret)), (64, 64))
        self.assertIn(f"penstock key allow {public} --name NAME", answer.out)
        self.assertNotIn(secret, answer.out + answer.err)
        self.assertEqual(self.ok("key", "show", self.path("a.key")).out, answer.out)
        self.assertEqual(self.ok("key", "show", "-q", self.path("a.key")).out, public + "\n")

    def test_public_parts_are_those_of_zeromq(self):
        pair = Pair()
        pair.write(self.path("a.key"))
        out = self.ok("key", "show", self.path("a.key")).out
        self.assertIn(pair.hex, out)
        self.assertIn(pair.z85.decode(), out)

    def test_new_overwrites_nothing(self):
        self.write("a.key", "precious")
        self.fails(1, "File exists", "key", "new", self.path("a.key"))
        os.symlink(self.path("elsewhere"), self.path("link"))
        self.fails(1, "cannot write", "key", "new", self.path("link"))
        self.assertEqual((self.text("a.key"), os.path.exists(self.path("elsewhere"))), ("precious", False))

    def test_the_hosts_own_key(self):
        state = ("--set", f"host.state_dir={self.dir}")
        self.fails(3, "No such file", "key", "show", "--host", *state)
        answer = self.ok("key", "new", "--host", *state)
        self.assertIn("--server-key " + answer.out.split()[2], answer.out)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("curve.key")).st_mode), 0o600)
        self.assertEqual(self.ok("key", "show", "--host", *state).out, answer.out)
        self.fails(1, "File exists", "key", "new", "--host", *state)
        self.fails(2, "no FILE", "key", "new")

    def test_bad_key_files(self):
        Pair().write(self.path("a.key"))
        for mode in (0o640, 0o604, 0o666):
            os.chmod(self.path("a.key"), mode)
            self.fails(1, "chmod 600", "key", "show", self.path("a.key"))
        os.chmod(self.path("a.key"), 0o600)
        self.write("a.key", "penstock-secret-key 1\nkey " + "0" * 64 + "\n")
        self.fails(1, "as penstock key new writes it", "key", "show", self.path("a.key"))

    def test_allow_list_revoke(self):
        one, two = Pair(), Pair()
        to = ("--file", self.path("list"))
        self.ok("key", "allow", one.hex, "--name", "one", *to)
        self.ok("key", "allow", "--name", "two", "--tenant", "team", *to, "--", two.z85.decode())
        self.assertEqual(stat.S_IMODE(os.stat(self.path("list")).st_mode), 0o644)
        self.assertEqual(self.text("list"), f"{one.hex} one\n{two.hex} two tenant=team\n")
        found = self.ok("key", "list", "--json", *to).json()
        self.assertEqual(found["keys"], [{"key": one.hex, "name": "one", "tenant": "one"},
                                         {"key": two.hex, "name": "two", "tenant": "team"}])
        self.assertEqual([line.split() for line in self.ok("key", "list", *to).out.splitlines()],
                         [[one.hex, "one", "one"], [two.hex, "two", "team"]])
        self.ok("key", "revoke", "one", *to)
        self.assertEqual(self.text("list"), f"{two.hex} two tenant=team\n")
        self.fails(3, 'nobody is called "one"', "key", "revoke", "one", *to)
        self.ok("key", "revoke", "two", *to)
        self.assertEqual((self.text("list"), os.listdir(self.dir)), ("", ["list"]))

    def test_what_people_wrote_stays(self):
        one, two, three = Pair(), Pair(), Pair()
        self.write("list", f"# ours\n\n{one.hex}  one\n# theirs\n{two.hex} two # not a comment".split(" # not")[0])
        to = ("--file", self.path("list"))
        self.ok("key", "allow", three.hex, "--name", "three", *to)
        self.ok("key", "revoke", "one", *to)
        self.assertEqual(self.text("list"), f"# ours\n\n# theirs\n{two.hex} two\n{three.hex} three\n")

    def test_refusals_change_nothing(self):
        one, two = Pair(), Pair()
        before = f"{one.hex} one\n"
        self.write("list", before)
        table = [
            (2, "who is it?", two.hex),
            (2, "expected a public key", two.hex[1:], "--name", "two"),
            (2, "expected a public key", "0" * 64, "--name", "two"),
            (1, "stands in line 1 already", one.hex, "--name", "two"),
            (1, "stands in line 1 already", two.hex, "--name", "one"),
            (1, "expected a name", two.hex, "--name", "a/b"),
            (1, "expected tenant=NAME", two.hex, "--name", "two", "--tenant", ""),
            (2, "one word each", two.hex, "--name", f"two\n{two.hex} three"),
            (2, "one word each", two.hex, "--name", "two", "--tenant", "a b"),
        ]
        for status, words, *args in table:
            with self.subTest(args):
                self.fails(status, words, "key", "allow", *args, "--file", self.path("list"))
                self.assertEqual((self.text("list"), os.listdir(self.dir)), (before, ["list"]))
        self.write("list", "nonsense\n")
        for args in (("allow", two.hex, "--name", "two"), ("revoke", "one"), ("list",)):
            self.fails(1, "line 1: expected a public key", "key", *args, "--file", self.path("list"))
        self.assertEqual(self.text("list"), "nonsense\n")

    def test_the_list_of_the_configuration(self):
        one = Pair()
        self.fails(2, "host.allowed_keys names no list", "key", "list", "--set", "host.allowed_keys=")
        to = ("--set", f"host.allowed_keys={self.path('list')}")
        self.ok("key", "allow", one.hex, "--name", "one", *to)
        self.assertIn(one.hex, self.ok("key", "list", *to).out)

    def test_a_link_stays_a_link(self):
        self.write("real", "")
        os.symlink("real", self.path("list"))
        self.ok("key", "allow", Pair().hex, "--name", "one", "--file", self.path("list"))
        self.assertTrue(os.path.islink(self.path("list")))
        self.assertIn("one", self.text("real"))


class OverTcp(Case):
    """From nothing to a task, as the documentation tells it."""

    @classmethod
    def setUpClass(cls):
        cls.host = KeyHost(names=())
        cls.host.start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        super().setUp()
        self.config = ("--config", self.host.config)
        self.to = ("--socket", self.host.address(), "--server-key",
                   self.ok("key", "show", "-q", "--host", *self.config).out.strip())

    def make(self, name):
        path = self.path(name + ".key")
        public = self.ok("key", "new", "-q", path).out.strip()
        return path, public

    def test_from_a_new_key_to_a_task(self):
        path, public = self.make("a")
        with_key = (*self.to, "--client-key", path)
        self.fails(6, "in its list", "ping", *with_key, "--patience", "300ms")
        self.ok("key", "allow", public, "--name", "a", *self.config)
        self.assertIn("answers", self.ok("ping", *with_key).out)
        self.ok("task", "submit", "echo", "-i", f"x={self.path('a.key')}", *with_key)
        self.fails(4, "control socket", "drain", *with_key)
        self.ok("key", "revoke", "a", *self.config)
        self.fails(6, "in its list", "ping", *with_key, "--patience", "300ms")

    def test_the_documents_sample(self):
        path, public = self.make("d")
        self.ok("key", "allow", public, "--name", "d", *self.config)
        with open(DOCUMENT, encoding="utf-8") as f:
            sample = re.search(r"### Over TCP.*?```python\n(.*?)```", f.read(), re.S).group(1)
        names = {"zmq": zmq, "SERVERKEY": self.host.pair.hex}
        exec(sample.replace("mine.key", path).replace("tcp://192.0.2.1:7000", self.host.address()), names)
        sock = names["sock"]
        sock.linger, sock.rcvtimeo = 0, 20000
        sock.send_multipart([b"PEN/1", b"PING"])
        self.assertEqual(sock.recv_multipart()[1], b"PONG")
        sock.close()

    def test_by_environment(self):
        path, public = self.make("b")
        self.ok("key", "allow", public, "--name", "b", *self.config)
        env = {"PENSTOCK_SOCKET": self.host.address(), "PENSTOCK_SERVER_KEY": self.host.pair.z85.decode(),
               "PENSTOCK_CLIENT_KEY": path}
        self.assertIn("answers", self.ok("ping", env=env).out)
        # At a socket of the file system nobody asks for them.
        self.assertIn("answers", self.ok("ping", "--socket", self.host.tasks, env=env).out)

    def test_mistakes(self):
        path, _ = self.make("c")
        address = self.to[:2]
        table = [
            (2, "both keys are needed", *self.to),
            (2, "both keys are needed", *address, "--client-key", path),
            (2, "expected 64 hex digits", *address, "--client-key", path, "--server-key", "abc"),
            (1, "No such file", *self.to, "--client-key", self.path("absent")),
            (6, "in its list", *address, "--patience", "300ms"),
            (6, "in its list", *address, "--server-key", Pair().hex, "--client-key", path, "--patience", "300ms"),
        ]
        for status, words, *args in table:
            with self.subTest(args):
                self.fails(status, words, "ping", *args)


if __name__ == "__main__":
    unittest.main()
