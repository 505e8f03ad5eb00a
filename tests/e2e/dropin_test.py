"""A stranger's way: the SDK is installed, the template is built outside the tree from it, dropped into the plugin folder, the
daemon restarted; then the clients of README.md and sdk/docs/protocol.md, as they are printed there, get its result."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import zmq
from penstock_host import BUILD, Host

SOURCE = os.environ.get("PENSTOCK_SOURCE", ".")


def run(*command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def python_block(document):
    with open(os.path.join(SOURCE, document), encoding="utf-8") as f:
        return re.search(r"```python\n(.*?)```", f.read(), re.S).group(1)


class DropIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["thumbnail"])
        prefix, work = os.path.join(cls.host.dir, "sdk"), os.path.join(cls.host.dir, "work")
        run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", prefix)
        shutil.copytree(os.path.join(SOURCE, "sdk", "template"), work)
        run("cmake", "-S", work, "-B", f"{work}/build", f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", f"{work}/build")
        run("ctest", "--test-dir", f"{work}/build", "--output-on-failure")
        cls.plugin = f"{work}/build/echo.so"
        cls.host.start()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def run_client(self, document):
        """The printed client, with this host's socket and a picture of ours."""
        code = python_block(document)
        self.assertIn("ipc:///run/penstock/tasks.sock", code)
        code = code.replace("/run/penstock/tasks.sock", self.host.tasks)
        work = os.path.join(self.host.dir, "client")
        os.makedirs(work, exist_ok=True)
        shutil.copy(os.path.join(SOURCE, "plugins/thumbnail/testdata/moth.jpg"), os.path.join(work, "photo.jpg"))
        out = run(sys.executable, "-c", code, cwd=work, timeout=60)
        self.assertIn("b'RESULT'", out)
        self.assertIn("'status': 'success'", out)
        self.assertIn("'width': 320", out)

    def test_1_before_it_is_there(self):
        client = self.host.client()
        self.assertEqual(client.ask("SUBMIT", {"pipeline": "echo"})[1]["code"], "UNKNOWN_PIPELINE")
        client.close()

    def test_2_dropped_in_and_restarted(self):
        self.host.add_plugin(self.plugin)
        self.host.process.terminate()
        self.assertEqual(self.host.process.wait(timeout=60), 0)
        self.host.start()
        client = self.host.client()
        header, body = client.run("echo", {"hello": "world"}, {"x": b"bytes"})
        self.assertEqual((header["status"], header["data"], body), ("success", {"hello": "world"}, [b"bytes"]))
        client.close()

    def test_3_a_req_client(self):
        sock = self.host.socket(zmq.REQ)
        sock.send_multipart([b"PEN/1", b"SUBMIT", json.dumps({"pipeline": "echo", "wait": True,
                             "inputs": [{"name": "x", "frame": 0}]}).encode(), b"bytes"])
        frames = sock.recv_multipart()
        self.assertEqual((frames[1], frames[3]), (b"RESULT", b"bytes"))
        sock.close()

    def test_4_the_printed_clients(self):
        self.run_client("README.md")
        self.run_client("sdk/docs/protocol.md")

    def test_5_the_printed_plugin_is_the_template(self):
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
            printed = re.search(r"```c\n(.*?)```", f.read(), re.S).group(1)
        with open(os.path.join(SOURCE, "sdk/template/echo.c"), encoding="utf-8") as f:
            self.assertEqual(printed, f.read())


if __name__ == "__main__":
    unittest.main()
