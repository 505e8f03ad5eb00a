"""A host in miniature for the tests of the command line: speaks PEN/1 on a ROUTER and does what the pipeline's name
says. What a real host does is tested with a real one; this one can be slow, rude and silent on purpose.

usage: cli_fake_core.py RUNTIME_DIR      prints "ready" when it listens
"""
import json
import os
import sys
import time

import zmq

PLUGINS = {"plugins": [
    {"file": "/plugins/echo.so", "state": "ok", "id": "org.example.echo", "version": "1.2.0", "license": "MIT",
     "pipelines": [
         {"slug": "echo", "version": "1.2.0", "summary": "returns what it is given", "task_type": "echo", "needs": [],
          "output_statuses": ["skipped"], "state": "ready", "mode": "fork", "max_concurrent": 2, "timeout_ms": 60000,
          "memory_bytes": 512000000, "running": 1, "queued": 3, "walls": "pidns seccomp",
          "params_schema": {"type": "object", "properties": {
              "text": {"type": "string"}, "maybe": {"type": ["string", "null"]}, "n": {"type": "integer"}}}},
         {"slug": "resting", "version": "0.1.0", "summary": "a summary that is so long that it has to be cut on a "
          "terminal of eighty columns, but not in a file", "state": "idle"},
         {"slug": "sick", "version": "0.1.0", "summary": "", "state": "quarantined", "reason": "open failed: no model"}]},
    {"file": "/plugins/bad.so", "state": "broken", "reason": "expected pen_plugin_entry, found nothing", "pipelines": []},
]}


class Core:
    def __init__(self, directory):
        context = zmq.Context()
        self.sockets, self.poller = {}, zmq.Poller()
        for name in ("tasks", "control"):
            path = os.path.join(directory, name + ".sock")
            socket = context.socket(zmq.ROUTER)
            socket.bind("ipc://" + path)
            os.chmod(path, 0o660 if name == "tasks" else 0o600)
            self.sockets[socket] = name
            self.poller.register(socket, zmq.POLLIN)
        self.tasks, self.later, self.n, self.epoch, self.silent = {}, [], 0, 1000, False
        self.watchers = []

    def run(self):
        while True:
            wait = max(0, min([at for at, _ in self.later], default=time.time() + 60) - time.time())
            for socket, _ in self.poller.poll(wait * 1000):
                peer, *frames = socket.recv_multipart()
                if not self.silent:
                    self.serve(socket, peer, frames)
            for item in sorted(self.later, key=lambda i: i[0]):
                if item[0] <= time.time():
                    self.later.remove(item)
                    item[1]()

    def send(self, to, verb, header, body=()):
        to[0].send_multipart([to[1], b"PEN/1", verb.encode(), json.dumps(header).encode(), *body])

    def after(self, seconds, call):
        self.later.append((time.time() + seconds, call))

    def serve(self, socket, peer, frames):
        verb, header, body = frames[1].decode(), json.loads(frames[2] or b"{}"), frames[3:]
        getattr(self, "on_" + verb.lower())((socket, peer), header, body)

    def refuse(self, to, code, message, **more):
        self.send(to, "REFUSED", {"code": code, "message": message, "fault": "task", "retryable": False, **more})

    def on_hello(self, to, header, _body):
        self.send(to, "WELCOME", {"version": "0.1.0", "epoch": self.epoch, "client": "c", "resume": "secret",
                                  "resumed": False, "heartbeat_ms": 1000, "durable": False,
                                  "limits": {"frame_bytes": 100000, "message_bytes": 150000, "header_bytes": 50000}})

    def on_ping(self, to, _header, _body):
        self.send(to, "PONG", {"host_id": "host-1", "epoch": self.epoch, "time": int(time.time() * 1000)})

    def on_plugins(self, to, _header, _body):
        self.send(to, "INFO", PLUGINS)

    def on_stats(self, to, _header, _body):
        self.send(to, "INFO", {
            "version": "0.1.0", "host_id": "host-1", "uptime_ms": 3723000, "draining": False,
            "capacity": {"max_concurrent": 2, "running": 1, "queued": 3, "queue_max": 10000},
            "tasks": {"accepted": 10, "refused": 1, "succeeded": 7, "failed": 2, "cancelled": 0},
            "codes": {"CRASH": 1, "TIMEOUT": 1}, "clients": 1, "results_kept": 1, "results_bytes": 1234567,
            "queue_bytes": 0, "protocol_errors": 0})

    def on_ack(self, _to, header, _body):
        print("ack", header["task_id"], flush=True)

    def state(self, to, task, **more):
        event = {"kind": "state", "task_id": task["task_id"], "uid": task["uid"], "pipeline": task["pipeline"],
                 "state": task["state"], "attempt": 1, **more}
        for target in ([to] if to else []) + self.watchers:
            self.send(target, "EVENT", event)

    def on_submit(self, to, header, body):
        self.n += 1
        task = {"task_id": header.get("task_id", f"t{self.n}"), "uid": f"01900000-0000-7000-8000-{self.n:012d}",
                "pipeline": header["pipeline"], "state": "queued", "submitted": int(time.time() * 1000), "priority": 5,
                "attempt": 1, "client": "penstock", "job_id": header.get("job_id", "")}
        play = getattr(self, "play_" + header["pipeline"], None)
        if play is None:
            self.refuse(to, "UNKNOWN_PIPELINE", f"no pipeline {header['pipeline']}")
            return
        play(to, header, body, task)

    def accept(self, to, header, task):
        self.tasks[task["uid"]] = task
        self.send(to, "ACCEPTED", {"task_id": task["task_id"], "uid": task["uid"], "state": "queued", "attached": False,
                                   "ignored": header.get("metadata", {}).get("ignore", [])})
        task["state"], task["started"] = "running", int(time.time() * 1000)
        self.state(to if header.get("events") else None, task)

    def finish(self, to, task, body=(), **result):
        task["state"], task["finished"] = "finished", int(time.time() * 1000)
        task["result"] = {"task_id": task["task_id"], "uid": task["uid"], "pipeline": task["pipeline"], "attempt": 1,
                          "usage": {"queue_ms": 0, "run_ms": 31, "cpu_ms": 29, "max_rss_bytes": 31457280}, **result}
        if "error" in result:
            task["code"] = result["error"]["code"]
        task["body"] = list(body)
        self.state(None, task, status=result["status"])
        self.send(to, "RESULT", task["result"], body)

    def play_echo(self, to, header, body, task):
        self.accept(to, header, task)
        outputs = [{"name": i["name"], "frame": i["frame"], "media_type": i.get("media_type"),
                    "size": len(body[i["frame"]])} for i in header.get("inputs", [])]
        data = {"params": header["params"], "seen": {k: v for k, v in header.items() if k not in ("params", "inputs")}}
        self.finish(to, task, body, status="success", data=data, outputs=outputs)

    def play_evil(self, to, header, _body, task):
        self.accept(to, header, task)
        names = ["../escape", "ok", "ok", ".hidden", "a/b"]
        outputs = [{"name": n, "frame": i, "media_type": "text/plain", "size": 1} for i, n in enumerate(names)]
        self.send(to, "EVENT", {"kind": "log", "task_id": "t", "uid": task["uid"], "level": "warn", "stream": "plugin",
                                "text": "red \x1b[31m alert\x07"})
        self.finish(to, task, [b"x"] * len(names), status="success", outputs=outputs)

    def play_skip(self, to, header, _body, task):
        self.accept(to, header, task)
        self.finish(to, task, status="skipped")

    def fail(self, to, header, task, code, fault="plugin", retryable=True, **details):
        self.accept(to, header, task)
        self.finish(to, task, status="cancelled" if code == "CANCELLED" else "failure", error={
            "code": code, "message": "killed by signal 11", "details": details, "retryable": retryable, "fault": fault})

    def play_crash(self, to, header, _body, task):
        self.fail(to, header, task, "CRASH", signal=11)

    def play_late(self, to, header, _body, task):
        self.fail(to, header, task, "TIMEOUT", fault="task")

    def play_later(self, to, header, _body, task):
        self.fail(to, header, task, "TRANSIENT")

    def play_unknown_code(self, to, header, _body, task):
        self.fail(to, header, task, "FROM_THE_FUTURE")

    def play_invalid(self, to, _header, _body, _task):
        self.refuse(to, "INVALID_INPUT", "/params/width: must be <= 100", details={"errors": [
            {"path": "/params/width", "message": "must be <= 100, is 101"},
            {"path": "/params/height", "message": "is missing"}]})

    def play_full(self, to, _header, _body, _task):
        self.refuse(to, "OVERLOADED", "the queue is full", retry_after_ms=1500)

    def play_slow(self, to, header, _body, task):
        self.accept(to, header, task)
        task["owner"] = to
        for i in range(1, 5):
            self.after(0.1 * i, lambda i=i: self.send(to, "EVENT", {
                "kind": "progress", "task_id": task["task_id"], "uid": task["uid"], "fraction": i / 4,
                "message": f"step {i} of 4"}))
        self.after(0.2, lambda: self.send(to, "EVENT", {
            "kind": "log", "task_id": task["task_id"], "uid": task["uid"], "level": "info", "stream": "plugin",
            "text": "half way"}))
        if "forever" not in header["params"]:
            self.after(0.6, lambda: self.finish(to, task, status="success", data={"slow": True}))

    def play_forget(self, to, header, _body, task):
        """Accepts, and is a new host from then on."""
        self.accept(to, header, task)
        self.epoch += 1

    def play_gone(self, to, header, _body, task):
        """Accepts and ends."""
        self.accept(to, header, task)
        self.after(0.2, lambda: os._exit(0))

    def play_silence(self, _to, _header, _body, _task):
        self.silent = True

    def find(self, header):
        if "uid" in header:
            return self.tasks.get(header["uid"])
        return next((t for t in self.tasks.values() if t["task_id"] == header.get("task_id")), None)

    def on_query(self, to, header, _body):
        task = self.find(header)
        info = task and {k: v for k, v in task.items() if k not in ("body", "owner")}
        self.send(to, "INFO", {"task": info}, task.get("body", []) if task else [])

    def on_list(self, to, header, _body):
        tasks = [t for t in reversed(self.tasks.values())
                 if header.get("state") in (None, t["state"]) and header.get("pipeline") in (None, t["pipeline"])]
        start = int(header.get("cursor", 0))
        page = tasks[start:start + min(2, header.get("limit", 100))]
        answer = {"tasks": [{k: v for k, v in t.items() if k not in ("body", "owner", "result")} for t in page]}
        if start + len(page) < len(tasks):
            answer["cursor"] = str(start + len(page))
        self.send(to, "INFO", answer)

    def on_cancel(self, to, header, _body):
        found = [t for t in self.tasks.values() if t["job_id"] == header["job_id"]] if "job_id" in header else (
            [self.find(header)])
        answer = [{"task_id": t["task_id"], "uid": t["uid"], "found": t["state"]} if t else {"found": "unknown"}
                  for t in found]
        self.send(to, "INFO", {"tasks": answer})
        for task in found:
            if task and task["state"] == "running":
                self.finish(task["owner"], task, status="cancelled", error={
                    "code": "CANCELLED", "message": "cancelled on request", "retryable": False, "fault": "task"})

    def on_watch(self, to, header, _body):
        if header.get("all") and self.sockets[to[0]] != "control":
            self.refuse(to, "UNAUTHORIZED", "all tasks are seen on the control socket only")
            return
        self.watchers.append(to)
        self.send(to, "INFO", {"watching": header["events"]})

    def operate(self, to, state):
        if self.sockets[to[0]] != "control":
            self.refuse(to, "UNAUTHORIZED", "this verb is for the control socket")
        else:
            self.send(to, "INFO", {"state": state, "running": 1, "queued": 0})

    def on_drain(self, to, _header, _body):
        self.operate(to, "draining")

    def on_resume(self, to, _header, _body):
        self.operate(to, "serving")

    def on_shutdown(self, to, header, _body):
        self.operate(to, "stopping")


if __name__ == "__main__":
    core = Core(sys.argv[1])
    print("ready", flush=True)
    core.run()
