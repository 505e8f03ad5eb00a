"""The demo's way of one picture: orchestrator -> shim -> core -> box -> back. Called by tools/demo.

usage: demo.py BUILD PHOTO
"""
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ORCHESTRATOR = "devorch (Avtomatika API)"
WIDTH = 320
START_S, JOB_S = 60, 60


def say(text):
    print(text, file=sys.stderr, flush=True)


def start(command, **kwargs):
    """Starts a program that tells on a descriptor when it is ready; returns it and what it told."""
    ready, told = os.pipe()
    process = subprocess.Popen([*command, "--ready-fd", str(told)], pass_fds=[told], stdin=subprocess.DEVNULL, **kwargs)
    os.close(told)
    readable, _, _ = select.select([ready], [], [], START_S)
    line = os.read(ready, 512).decode().strip() if readable else ""
    os.close(ready)
    return process, line


def call(method, url, body=None, media_type="application/json"):
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": media_type})
    with urllib.request.urlopen(request, timeout=START_S) as answer:
        return answer.read()


def ask(method, url, value=None):
    return json.loads(call(method, url, None if value is None else json.dumps(value).encode()))


class Demo:
    def __init__(self, build, photo):
        self.build, self.photo = build, photo
        self.dir = tempfile.mkdtemp(prefix="penstock-demo-")
        os.chmod(self.dir, 0o755)
        self.processes, self.timings, self.mark = [], {}, time.monotonic()
        self.log = open(os.path.join(self.dir, "log"), "w+", encoding="utf-8")

    def lap(self, name):
        now = time.monotonic()
        self.timings[name] = round((now - self.mark) * 1000)
        self.mark = now

    def start_orchestrator(self, token):
        process, url = start([f"{self.build}/bin/penstock-devorch", "--port", "0", "--quiet", "--poll-timeout", "2s"],
                             env=dict(os.environ, PENSTOCK_DEVORCH_TOKEN=token), stderr=self.log, stdout=self.log)
        self.processes.append(process)
        if not url:
            raise RuntimeError("the orchestrator did not start")
        return url

    def start_host(self, url, token):
        config = os.path.join(self.dir, "plugins.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f'''host {{
    runtime_dir = "{self.dir}/run"
    state_dir = "{self.dir}/state"
    plugin_dirs = {{ "{os.path.abspath(self.build)}/plugins" }}
}}
shim "demo" {{
    dialect = avtomatika
    url = "{url}"
}}
''')
        process, line = start([f"{self.build}/bin/penstockd", "--config", config], stderr=self.log, stdout=self.log,
                              env=dict(os.environ, PENSTOCK_SHIM_DEMO_TOKEN=token))
        self.processes.append(process)
        if line != "ready":
            raise RuntimeError("the host did not start")

    def wait_for_worker(self, url):
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if ask("GET", f"{url}/workers").get("workers"):
                return
            time.sleep(0.02)
        raise RuntimeError("no worker has registered")

    def job(self, url):
        with open(self.photo, "rb") as f:
            picture = f.read()
        stored = json.loads(call("POST", f"{url}/files", picture, "application/octet-stream"))
        self.lap("upload")
        job_id = ask("POST", f"{url}/jobs",
                     {"type": "thumbnail", "params": {"image": stored["uri"], "width": WIDTH}})["job_id"]
        end = time.monotonic() + JOB_S
        while time.monotonic() < end:
            job = ask("GET", f"{url}/jobs/{job_id}")
            if job["state"] not in ("queued", "running"):
                self.lap("job")
                return job
            time.sleep(0.005)
        raise RuntimeError("the job did not end in time")

    def run(self):
        token = secrets.token_hex(16)
        say("starting the orchestrator and the host ...")
        url = self.start_orchestrator(token)
        self.start_host(url, token)
        self.wait_for_worker(url)
        self.lap("start")
        say(f"sending {self.photo} as a job to {url} ...")
        return self.show(self.job(url))

    def show(self, job):
        answer = {"status": "success" if job["state"] == "finished" else "failure", "orchestrator": ORCHESTRATOR,
                  "task_id": job.get("task_id")}
        if job["state"] != "finished":
            error = job.get("error") or {}
            answer["code"] = error.get("code", "INTERNAL").removesuffix("_ERROR")
            answer["message"] = error.get("message", "")
            answer["timings_ms"] = self.timings
            return answer
        result = job["data"]
        output = os.path.abspath(os.path.join(self.build, "demo-thumbnail.jpg"))
        with open(output, "wb") as f:
            f.write(call("GET", result["outputs"]["thumbnail"]["uri"]))
        self.lap("download")
        source = result.get("source", {})
        say(f"{source.get('width')}x{source.get('height')} -> {result['width']}x{result['height']}, written to {output}")
        answer.update(output=output, width=result["width"], height=result["height"], timings_ms=self.timings)
        return answer

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def complain(self, why):
        self.log.flush()
        self.log.seek(0)
        say(self.log.read())
        return {"status": "failure", "orchestrator": ORCHESTRATOR, "code": "INTERNAL", "message": why}


def main():
    build, photo = sys.argv[1:3]
    if not os.path.isfile(photo):
        print(json.dumps({"status": "failure", "orchestrator": ORCHESTRATOR, "code": "INVALID_INPUT",
                          "message": f"there is no file {photo}"}))
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo(build, photo)
    try:
        answer = demo.run()
    except (OSError, RuntimeError, KeyError, ValueError, urllib.error.URLError) as e:
        answer = demo.complain(str(e))
    finally:
        say("stopping ...")
        demo.stop()
    print(json.dumps(answer), flush=True)
    return 0 if answer["status"] == "success" else 1


if __name__ == "__main__":
    sys.exit(main())
