"""Digests and signatures of plugin files: made by the command line, demanded by a host."""
import hashlib
import os
import shutil
import stat
import tempfile
import unittest

from cli_lib import run
from penstock_host import Host, plugin_file

ECHO = "org.example.echo"


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def reason_of(host, name):
    for plugin in host.client().ask("PLUGINS")[1]["plugins"]:
        if os.path.basename(plugin["file"]) == name:
            return plugin.get("reason", plugin["state"])
    raise AssertionError(name)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="keys-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.dir, 0o755)

    def path(self, name):
        return os.path.join(self.dir, name)

    def copy(self, name):
        shutil.copyfile(plugin_file(name), self.path(name + ".so"))
        os.chmod(self.path(name + ".so"), 0o644)
        return self.path(name + ".so")

    def ok(self, *args):
        answer = run(*args)
        self.assertEqual(answer.status, 0, answer)
        return answer

    def fails(self, status, words, *args):
        answer = run(*args)
        self.assertEqual(answer.status, status, answer)
        self.assertIn(words, answer.err)
        return answer


class CommandLine(Case):
    def test_sign_and_verify(self):
        echo, key = self.copy("echo"), self.path("release")
        answer = self.ok("plugin", "keygen", key)
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        self.assertIn(answer.out.split()[1], self.ok("plugin", "sign", echo, "--key", key).out)
        self.assertIn("good: signed by key", self.ok("plugin", "verify", echo, "--key", key + ".pub").out)
        got = self.ok("plugin", "verify", echo, "--json", "--set", f"host.trusted_keys={key}.pub").json()["plugins"][0]
        self.assertEqual((got["state"], got["sha256"], got["key"]), ("good", digest(echo), answer.out.split()[1]))
        with open(echo, "ab") as f:
            f.write(b"x")
        self.fails(1, "was changed after it was signed", "plugin", "verify", echo, "-k", key + ".pub")
        self.ok("plugin", "sign", echo, "-k", key)
        self.ok("plugin", "verify", echo, "-k", key + ".pub")
        self.ok("plugin", "keygen", self.path("other"))
        self.fails(1, "which is not trusted", "plugin", "verify", echo, "-k", self.path("other.pub"))
        os.unlink(echo + ".sig")
        self.fails(1, "not signed", "plugin", "verify", echo, "-k", key + ".pub")
        self.assertEqual(sorted(os.listdir(self.dir)), ["echo.so", "other", "other.pub", "release", "release.pub"])

    def test_what_cannot_be_done(self):
        echo, key = self.copy("echo"), self.path("release")
        self.ok("plugin", "keygen", key)
        before = open(key, "rb").read()
        self.fails(1, "File exists", "plugin", "keygen", key)
        self.assertEqual(open(key, "rb").read(), before)
        self.fails(1, "cannot write", "plugin", "keygen", "/nowhere/key")
        self.fails(2, "--key FILE names the secret key", "plugin", "sign", echo)
        self.fails(3, "No such file", "plugin", "sign", echo, "--key", self.path("none"))
        self.fails(1, "is no secret key", "plugin", "sign", echo, "--key", self.copy_secret_mode(key + ".pub"))
        self.fails(3, "no plugin /nowhere.so", "plugin", "sign", "/nowhere.so", "--key", key)
        self.fails(1, "expected a public key", "plugin", "verify", echo, "--key", key)
        self.fails(2, "names no trusted_keys", "plugin", "verify", echo)
        os.chmod(key, 0o644)
        self.fails(1, "found mode 0644", "plugin", "sign", echo, "--key", key)
        self.assertFalse(os.path.exists(echo + ".sig"))

    def copy_secret_mode(self, path):
        shutil.copyfile(path, self.path("copy"))
        os.chmod(self.path("copy"), 0o600)
        return self.path("copy")

    def test_who_names_the_file_is_only_warned(self):
        echo, key = self.copy("echo"), self.path("release")
        self.ok("plugin", "keygen", key)
        required = ("--set", "host.require_signature=yes", "--set", f"host.trusted_keys={key}.pub")
        for command in (("plugin", "check", echo), ("run", echo, "-i", "x=" + echo)):
            self.assertIn("not signed", self.ok(*command, *required).err)
        found = ("--set", f"host.plugin_dirs={self.dir}")
        self.fails(3, "1 of them are broken", "run", "echo", *found, *required)
        self.ok("plugin", "sign", echo, "--key", key)
        self.ok("run", "echo", "-i", "x=" + echo, *found, *required)
        self.assertNotIn("refuse", self.ok("run", echo, "-i", "x=" + echo, *required).err)
        self.assertIn("host refuses", self.doctor(found + required, spoil=echo))

    def doctor(self, settings, spoil):
        with open(spoil, "ab") as f:
            f.write(b"x")
        answer = run("doctor", *settings)
        return answer.out + answer.err

    def test_digest(self):
        echo = self.copy("echo")
        for command in (("plugin", "check", echo), ("run", echo, "-i", "x=" + echo)):
            self.ok(*command, "--set", f"plugin.{ECHO}.sha256={digest(echo)}")
            self.fails(1, "expected sha256 " + "0" * 64, *command, "--set", f"plugin.{ECHO}.sha256={'0' * 64}")


class Hosts(Case):
    def test_digest_of_a_scan(self):
        right = digest(plugin_file("echo"))
        sections = 'plugin "%s" { sha256 = "%s" }\nplugin "org.penstock.test.dup_a" { sha256 = "%s" }'
        with Host(plugins=["echo", "dup_a", "dup_b"], sections=sections % (ECHO, right, "0" * 64)) as host:
            client = host.client()
            self.assertEqual(client.run("echo")[0]["status"], "success")
            self.assertIn("expected sha256 " + "0" * 64, reason_of(host, "dup_a.so"))
            # What was refused takes nobody's name.
            self.assertEqual(reason_of(host, "dup_b.so"), "ok")

    def test_file_changed_while_the_host_runs(self):
        right = digest(plugin_file("echo"))
        with Host(sections=f'plugin "{ECHO}" {{ sha256 = "{right}" }}') as host:
            with open(os.path.join(host.plugin_dir, "echo.so"), "ab") as f:
                f.write(b"x")
            header, _ = host.client().run("echo")
            self.assertEqual(header["error"]["code"], "PLUGIN_LOAD_FAILED")
            self.assertIn("expected sha256 " + right, header["error"]["message"])

    def test_signatures(self):
        key = self.path("release")
        self.ok("plugin", "keygen", key)
        host = Host(plugins=["echo", "dup_a"], host=f'require_signature = yes\ntrusted_keys = {{ "{key}.pub" }}')
        echo = os.path.join(host.plugin_dir, "echo.so")
        self.ok("plugin", "sign", echo, "--key", key)
        with host:
            self.assertEqual(reason_of(host, "echo.so"), "ok")
            self.assertIn("not signed", reason_of(host, "dup_a.so"))
            with open(echo, "ab") as f:
                f.write(b"x")
            header, _ = host.client().run("echo")
            self.assertEqual(header["error"]["code"], "PLUGIN_LOAD_FAILED")
            self.assertIn("was changed after it was signed", header["error"]["message"])


if __name__ == "__main__":
    unittest.main()
