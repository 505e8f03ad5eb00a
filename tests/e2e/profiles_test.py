"""Profiles as a configuration gives them: through penstockd, and through the command line."""
import ctypes
import errno
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from cli_lib import PENSTOCK, TIMEOUT_S, environment, run
from penstock_host import Host, plugin_file

ID = "org.penstock.test.profile"
PLUGIN = plugin_file("profile_plugin")


def folder():
    path = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
    os.chmod(path, 0o755)
    return path


def model(text=b"weights"):
    path = os.path.join(folder(), "model.bin")
    with open(path, "wb") as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def landlock_abi():
    return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)  # landlock_create_ruleset, version


def listener():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(16)
    return sock, sock.getsockname()[1]


class ThroughTheHost(unittest.TestCase):
    def host(self, pipeline, more=""):
        host = Host(plugins=["profile_plugin", "echo"], sections=f'''
plugin "{ID}" {{
    pipeline "probe" {{ {pipeline} }}
    {more}
}}''').start()
        self.addCleanup(host.stop)
        return host

    def deed(self, client, deed, pipeline="probe"):
        header, body = client.run(pipeline, {"do": deed})
        self.assertEqual(header.get("status"), "success", header)
        return header["data"] if "data" in header else body

    def shown(self, client, slug):
        plugins = client.ask("PLUGINS")[1]["plugins"]
        return next(p for plugin in plugins for p in plugin["pipelines"] if p["slug"] == slug)

    def test_network_to_its_ports(self):
        sock, port = listener()
        other, other_port = listener()
        self.addCleanup(sock.close)
        self.addCleanup(other.close)
        host = self.host(f'profile = network  connect_ports = {{ {port} }}')
        client = host.client()
        self.assertEqual(self.deed(client, f"connect {port}"), 0)
        self.assertEqual(self.deed(client, f"connect {other_port}"), errno.EACCES if landlock_abi() >= 4 else 0)
        self.assertEqual(self.deed(client, "bind 0"), errno.EPERM)
        self.assertEqual(self.shown(client, "probe")["profile"], "network")
        self.assertEqual(self.shown(client, "echo")["profile"], "default")
        self.assertIn("the configuration gives a box more than the profile default", host.log())
        self.assertIn("profile=network", host.log())
        control = ["--socket", host.control]
        self.assertIn("probe runs with the profile network", run("plugin", "list", *control).err)
        self.assertNotIn("echo runs with", run("plugin", "list", *control).err)
        self.assertRegex(run("plugin", "show", "probe", *control).out, r"(?m)^profile +network$")

    def test_inputs_and_extra_calls(self):
        path = model()
        host = self.host(f'inputs = {{ "{path}" }}  extra_syscalls = {{ memfd_create }}')
        client = host.client()
        self.assertEqual(self.deed(client, f"read {path}"), 0)
        self.assertNotEqual(self.deed(client, f"write {path}"), 0)
        self.assertEqual(self.deed(client, "memfd"), 0)
        self.assertEqual(self.deed(client, "read /proc/self/status"), 0)
        self.assertIn("extra system calls", host.log())

    def test_an_input_that_is_missing(self):
        host = self.host('inputs = { "/nowhere/model" }')
        client = host.client()
        header, _ = client.run("probe", {"do": "memfd"}, ttl_ms=1500)  # it might be mounted later
        self.assertIn(header["error"]["code"], ("SANDBOX_ERROR", "EXPIRED"), header)
        self.assertIn("/nowhere/model: No such file or directory", host.log())
        self.assertEqual(client.run("echo")[0]["status"], "success")

    def test_strict(self):
        client = self.host("profile = strict").client()
        self.assertNotEqual(self.deed(client, "read /proc/self/status"), 0)

    def test_off(self):
        host = self.host("profile = off")
        client = host.client()
        self.assertEqual(self.deed(client, "exec /usr/bin/true"), 0)
        self.assertEqual(self.deed(client, "daemon pen-stray"), 0)
        self.assertNotIn("pen-stray", host.children().values())
        self.assertIn("profile=off", host.log())

    def test_what_the_configuration_does_not_allow_is_not_tried_again(self):
        host = self.host('profile = strict  inputs = { "/usr/share" }')
        client = host.client()
        for slug, words in (("wants", "set profile = network"), ("probe", "which the profile strict does not allow")):
            with self.subTest(slug=slug):
                header, _ = client.run(slug)
                self.assertEqual(header["error"]["code"], "PLUGIN_LOAD_FAILED")
                self.assertIn(words, header["error"]["message"])
                for _ in range(2):
                    verb, refused, _ = client.ask("SUBMIT", {"pipeline": slug})
                    self.assertEqual((verb, refused.get("code")), ("REFUSED", "QUARANTINED"), refused)
                    self.assertIn(words, refused["message"])
                    self.assertNotIn("retry_after_ms", refused)
                self.assertEqual(self.shown(client, slug)["state"], "quarantined")
        self.assertEqual(host.log().count("pipeline may not run"), 2)

    def test_a_need_that_is_given(self):
        client = self.host("", 'pipeline "wants" { profile = network }').client()
        self.assertEqual(self.deed(client, "resolver", "wants"), 0)


class ThroughTheCommandLine(unittest.TestCase):
    env = {"TMPDIR": folder(), "PENSTOCK_HOST_RUNTIME_DIR": "/nowhere", "PENSTOCK_HOST_STATE_DIR": "/nowhere"}

    def run_it(self, deed, *settings, pipeline="probe"):
        words = ["run", PLUGIN, "--pipeline", pipeline, "-p", f"do={deed}"]
        for setting in settings:
            words += ["--set", f"plugin.{ID}.pipeline.{pipeline}.{setting}"]
        return run(*words, env=self.env)

    def test_a_need_is_given_by_the_configuration_only(self):
        answer = self.run_it("resolver", pipeline="wants")
        self.assertEqual(answer.status, 1, answer)
        self.assertIn('needs "network", which its configuration does not give: set profile = network', answer.err)
        answer = self.run_it("resolver", "profile=network", pipeline="wants")
        self.assertEqual((answer.status, answer.out.strip()), (0, "0"), answer)
        self.assertIn("more than the profile default: the host's network", answer.err)

    def test_inputs(self):
        path = model()
        self.assertEqual(self.run_it(f"read {path}").out.strip(), str(errno.ENOENT))
        self.assertEqual(self.run_it(f"read {path}", f"inputs={path}").out.strip(), "0")
        answer = self.run_it(f"read {path}", f"inputs={path}", "profile=strict")
        self.assertEqual(answer.status, 1, answer)
        self.assertIn("take them away, or set profile = default", answer.err)

    def test_extra_calls(self):
        self.assertEqual(self.run_it("memfd").out.strip(), str(errno.EPERM))
        self.assertEqual(self.run_it("memfd", "extra_syscalls=memfd_create").out.strip(), "0")
        answer = self.run_it("memfd", "extra_syscalls=ptrace")
        self.assertEqual(answer.status, 78, answer)
        self.assertIn("expected one of getxattr, ", answer.err)

    def test_configuration_check(self):
        path = os.path.join(folder(), "plugins.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'plugin "{ID}" {{ pipeline "probe" {{ extra_syscalls = {{ mincore, bpf }} }} }}\n')
        answer = run("config", "check", "--config", path, env=self.env)
        self.assertEqual(answer.status, 78, answer)
        self.assertRegex(answer.err, r"plugins\.conf:1.*expected one of getxattr")


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "needs root and unshare")
class OnAnotherMachine(unittest.TestCase):
    """In a mount namespace whose /etc, /run and /dev are made for the test."""

    # /etc/resolv.conf leads into /run, where systemd-resolved keeps it; one accelerator, which is /dev/zero.
    SCRIPT = '''
set -e
mount --make-rprivate /
mkdir "$D/etc" "$D/run" "$D/dev"
cp -a /etc/ld.so.cache /etc/alternatives "$D/etc"
for f in hosts nsswitch.conf passwd group; do cp -L /etc/$f "$D/etc" 2>/dev/null || true; done
mkdir -p "$D/run/systemd/resolve"
echo "nameserver 127.0.0.53" > "$D/run/systemd/resolve/stub-resolv.conf"
ln -s ../run/systemd/resolve/stub-resolv.conf "$D/etc/resolv.conf"
chmod -R a+rX "$D/etc" "$D/run"
mount -t tmpfs -o mode=0755 dev "$D/dev"
for f in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 0666 "$D/dev/${f%:*}" c 1 "${f#*:}"; done
mknod -m 0666 "$D/dev/nvidia0" c 1 5
mkdir "$D/dev/dri"
mknod -m 0666 "$D/dev/dri/renderD128" c 1 5
mount --bind "$D/etc" /etc
mount --bind "$D/run" /run
mount --rbind "$D/dev" /dev
exec "$@"
'''

    def look(self, profile, deed):
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", self.SCRIPT, "sh", os.path.abspath(PENSTOCK), "run", os.path.abspath(PLUGIN),
             "--pipeline", "probe", "-p", f"do={deed}", "--set", f"plugin.{ID}.pipeline.probe.profile={profile}"],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            env=environment(D=folder(), **ThroughTheCommandLine.env))
        self.assertEqual(done.returncode, 0, done)
        return int(done.stdout)

    def test_name_servers_behind_a_link(self):
        self.assertEqual(self.look("network", "read /etc/resolv.conf"), 0)
        self.assertEqual(self.look("default", "read /etc/resolv.conf"), errno.ENOENT)

    def test_accelerators(self):
        for node in ("/dev/nvidia0", "/dev/dri/renderD128"):
            self.assertEqual(self.look("gpu", "read " + node), 0)
            # The device is asked, and does not know the request; others are not asked.
            self.assertEqual(self.look("gpu", "ioctl " + node), errno.ENOTTY)
            self.assertEqual(self.look("default", "read " + node), errno.ENOENT)
        self.assertEqual(self.look("gpu", "ioctl /dev/zero"), errno.EACCES if landlock_abi() >= 5 else errno.ENOTTY)


if __name__ == "__main__":
    unittest.main()
