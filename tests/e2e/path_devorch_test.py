"""The whole path: penstock-devorch, a real penstockd with its shim, the thumbnail plugin in its box."""
import http.client
import os
import time
import unittest
import urllib.parse

from orchestrators import Devorch
from path_lib import WAIT_S, Path
from pictures_test import MOTH, jpeg_size, read


def transfer(method, url, data=None, media_type=None):
    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=WAIT_S)
    connection.request(method, at.path, data, {"Content-Type": media_type} if media_type else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (200, 201), (answer.status, body)
    return body


class Case(unittest.TestCase):
    host = "max_concurrent = 2\ndrain_timeout = 20s"

    @classmethod
    def setUpClass(cls):
        cls.orchestrator = Devorch("--quiet", "--poll-timeout", "1s")
        cls.path = Path(cls.orchestrator, ["thumbnail", "misbehave"], host=cls.host)

    @classmethod
    def tearDownClass(cls):
        cls.path.stop()
        assert cls.orchestrator.stop() == 0, "penstock-devorch ended wrongly"

    def store(self, data, name):
        transfer("PUT", f"{self.orchestrator.url}/files/{name}", data, "image/jpeg")
        return f"{self.orchestrator.url}/files/{name}"


class Pictures(Case):
    def test_a_picture_becomes_a_thumbnail(self):
        uri = self.store(read(MOTH), "moth.jpg")
        job = self.path.run("thumbnail", {"image": uri, "width": 320})
        self.assertEqual(job["state"], "finished", (job, self.path.host.log()))
        data = job["data"]
        self.assertEqual((data["width"], data["height"], data["format"]), (320, 240, "jpeg"))
        output = data["outputs"]["thumbnail"]
        picture = transfer("GET", output["uri"])
        self.assertEqual((len(picture), output["media_type"]), (output["size"], "image/jpeg"))
        self.assertEqual(jpeg_size(picture), (320, 240))

    def test_many_at_once(self):
        uri = self.store(read(MOTH), "moth.jpg")
        jobs = {self.path.create("thumbnail", {"image": uri, "width": width}): width for width in range(40, 60)}
        for job_id, width in jobs.items():
            job = self.path.ended(job_id)
            self.assertEqual((job["state"], job["data"]["width"]), ("finished", width), self.path.host.log())

    def test_a_truncated_picture(self):
        uri = self.store(read(MOTH)[:5000], "half.jpg")
        job_id = self.path.create("thumbnail", {"image": uri, "width": 320})
        self.assertEqual(self.path.ended(job_id)["state"], "failed")
        error = self.orchestrator.job(job_id)["error"]
        self.assertEqual((error["code"], error["details"]["code"]), ("INVALID_INPUT_ERROR", "INVALID_INPUT"))

    def test_a_picture_that_is_not_there(self):
        job_id = self.path.create("thumbnail", {"image": f"{self.orchestrator.url}/files/none.jpg"})
        self.assertEqual(self.path.ended(job_id)["state"], "failed")
        self.assertIn("no such file", self.orchestrator.job(job_id)["error"]["message"])

    def test_wrong_params(self):
        job_id = self.path.create("thumbnail", {"image": self.store(read(MOTH), "m"), "width": "wide", "colour": 1})
        job = self.path.ended(job_id)
        self.assertEqual(job["state"], "failed", job)
        self.assertIn("width", str(self.orchestrator.job(job_id)["error"]))


class Ends(Case):
    def test_crash_is_tried_again_then_put_aside(self):
        job_id = self.path.create("crash")
        self.assertEqual(self.path.ended(job_id)["state"], "quarantined")
        job = self.orchestrator.job(job_id)
        self.assertGreater(job["attempts"], 1)
        self.assertEqual((job["error"]["code"], job["error"]["details"]["code"]), ("INTERNAL_ERROR", "CRASH"))
        self.assertEqual(self.path.run("spin_ms", {"ms": 5})["data"], {"ms": 5})

    def test_progress(self):
        job_id = self.path.create("progress", {"n": 40, "ms": 100})
        seen, end = set(), time.monotonic() + WAIT_S
        while self.orchestrator.state(job_id)["state"] == "open":
            self.assertLess(time.monotonic(), end)
            seen.add(self.orchestrator.state(job_id)["progress"])
            time.sleep(0.02)
        self.assertTrue([p for p in seen if p and 0 < p < 1], seen)
        self.assertEqual(self.path.ended(job_id)["data"], {"steps": 40})

    def test_cancelled(self):
        job_id = self.path.create("progress", {"n": 1000, "ms": 50})
        while self.orchestrator.job(job_id)["state"] != "running":
            time.sleep(0.02)
        self.assertEqual(self.orchestrator.cancel(job_id), 200)
        self.assertEqual(self.path.ended(job_id)["state"], "cancelled")
        client = self.path.host.client(control=True)
        self.addCleanup(client.close)
        end = time.monotonic() + WAIT_S
        while client.ask("STATS")[1]["capacity"]["running"] > 0:
            self.assertLess(time.monotonic(), end, self.path.host.log())
            time.sleep(0.05)


class Stopping(Case):
    def test_what_runs_is_finished(self):
        job_id = self.path.create("progress", {"n": 30, "ms": 100})
        while not self.orchestrator.state(job_id)["progress"]:
            time.sleep(0.02)
        self.path.stop()
        self.assertEqual(self.orchestrator.job(job_id)["state"], "finished", self.path.host.log())


class WithoutAJournal(Case):
    host = "max_concurrent = 2\ndrain_timeout = 20s\ndurable = no"

    def test_core_killed(self):
        job_id = self.path.create("progress", {"n": 30, "ms": 100})
        while not self.orchestrator.state(job_id)["progress"]:
            time.sleep(0.02)
        os.kill(self.path.host.pid_of("penstock-core"), 9)
        # The task is lost with it, which the orchestrator is told; it gives the job out again.
        job = self.path.ended(job_id)
        self.assertEqual((job["state"], job["data"]), ("finished", {"steps": 30}), self.path.host.log())
        self.assertGreater(self.orchestrator.job(job_id)["attempts"], 1)


if __name__ == "__main__":
    unittest.main()
