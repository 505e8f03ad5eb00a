"""Starts an orchestrator for a test, ours or the real one, and hides how they differ towards their clients."""
import json
import os
import subprocess
import sys

from avtomatika_worker import call

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("PENSTOCK_BUILD", os.path.join(HERE, "..", "..", "build", "debug"))
PROGRAM = os.path.join(BUILD, "bin", "penstock-devorch")
SKIPPED = 77


class Devorch:
    name = "devorch"

    def __init__(self, *options, types=()):
        del types  # ours takes any
        ready, write = os.pipe()
        self.token = "worker-secret"
        environment = dict(os.environ, PENSTOCK_DEVORCH_TOKEN=self.token)
        self.process = subprocess.Popen(
            [PROGRAM, "--port", "0", "--ready-fd", str(write), *options], pass_fds=[write], env=environment)
        os.close(write)
        with os.fdopen(ready) as pipe:
            self.url = pipe.readline().strip()
        assert self.url, "penstock-devorch did not start"

    def stop(self):
        """The exit status."""
        self.process.terminate()
        return self.process.wait(20)

    def create(self, kind, params, **members):
        status, answer, _ = call(self.url, "POST", "/jobs", {"type": kind, "params": params, **members})
        assert status == 201, (status, answer)
        return answer["job_id"]

    def job(self, job_id, wait="0"):
        status, answer, _ = call(self.url, "GET", f"/jobs/{job_id}?wait={wait}")
        assert status == 200, (status, answer)
        return answer

    def state(self, job_id):
        """finished, failed, quarantined, cancelled or open; data; error's text; progress."""
        job = self.job(job_id)
        state = "open" if job["state"] in ("queued", "running") else job["state"]
        return {"state": state, "data": job.get("data") or {}, "error": job.get("error", {}).get("message"),
                "progress": job.get("progress"), "message": job.get("progress_message")}

    def cancel(self, job_id):
        return call(self.url, "POST", f"/jobs/{job_id}/cancel")[0]


class Avtomatika:
    name = "avtomatika"

    def __init__(self, types=()):
        python = os.environ.get("PENSTOCK_AVTOMATIKA_PYTHON", "")
        if not os.access(python, os.X_OK):
            print("skipped: PENSTOCK_AVTOMATIKA_PYTHON names no Python with requirements-avtomatika.txt")
            sys.exit(SKIPPED)
        options = [word for kind in types for word in ("--type", kind)]
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, "avtomatika_server.py"), "--poll-timeout", "0.5", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=None if os.environ.get("PENSTOCK_VERBOSE") else subprocess.DEVNULL)
        self.about = json.loads(self.process.stdout.readline())
        self.url, self.token = self.about["url"], self.about["worker_token"]
        self.headers = {"X-Client-Token": self.about["client_token"]}

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)

    def create(self, kind, params, **members):
        body = {"initial_data": {"type": kind, "params": params, **members}}
        status, answer, _ = call(self.url, "POST", self.about["jobs_path"], body, self.headers)
        assert status == 202, (status, answer)
        return answer["job_id"]

    def job(self, job_id):
        path = self.about["job_path"].format(job_id=job_id)
        status, answer, _ = call(self.url, "GET", path, None, self.headers)
        assert status == 200, (status, answer)
        return answer

    def state(self, job_id):
        job = self.job(job_id)
        is_open = job["status"] in ("pending", "running", "waiting_for_worker")
        return {"state": "open" if is_open else job["status"], "data": job.get("state_history") or {},
                "error": job.get("error_message"), "progress": job.get("progress"),
                "message": job.get("progress_message")}

    def cancel(self, job_id):
        path = self.about["job_path"].format(job_id=job_id) + "/cancel"
        return call(self.url, "POST", path, None, self.headers)[0]


KINDS = {kind.name: kind for kind in (Devorch, Avtomatika)}
