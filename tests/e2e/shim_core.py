"""The core as a shim sees it, played by a test: a ROUTER that answers HELLO, PING and PLUGINS by itself and hands
everything else to the test."""
import json
import os
import queue
import threading

import zmq

PIPELINES = [
    {"slug": "echo", "version": "1.0.0", "summary": "returns what it is given", "state": "ready", "output_statuses": [],
     "params_schema": {"type": "object", "additionalProperties": False}, "result_schema": {"type": "object"}},
    {"slug": "review", "version": "2.1.0", "summary": "", "state": "idle", "output_statuses": ["needs_review"]},
    {"slug": "sick", "version": "1.0.0", "summary": "", "state": "quarantined", "reason": "no model"},
]
WAIT_S = 30


class FakeCore:
    def __init__(self, directory, max_concurrent=2):
        self.endpoint = "ipc://" + os.path.join(directory, "core.sock")
        self.max_concurrent, self.draining, self.queued = max_concurrent, False, 0
        self.pipelines, self.epoch, self.heartbeat_ms = PIPELINES, 1000, 200
        self.keeps_clients, self.is_silent = True, False
        self.hellos, self.clients = [], set()
        self.listed = {}  # rows of LIST by task_id: what it has
        self.page = 1000
        self.cancels = {}  # requests by task_id
        self.reserves = queue.Queue()
        self.room = lambda reserve: {"granted": reserve["count"], "until": 0}  # or a code to refuse it with
        self.inbox = {verb: queue.Queue() for verb in ("SUBMIT", "ACK", "CANCEL")}
        self.outbox = queue.Queue()
        self.peer = None
        self.context = zmq.Context()
        self.is_stopping = False
        self.start()

    def start(self):
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(self.endpoint)
        os.chmod(self.endpoint[len("ipc://"):], 0o666)  # a shim that root starts is not root
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.is_stopping = True
        self.thread.join()
        self.socket.close()

    def close(self):
        self.stop()
        self.context.destroy(0)

    def restart(self, forget=True):
        """Another core in its place: a new epoch, and (forget) no client is known."""
        self.stop()
        self.epoch += 1
        if forget:
            self.clients.clear()
            self.listed.clear()
        self.start()

    def run(self):
        while not self.is_stopping:
            while not self.outbox.empty():
                self.socket.send_multipart(self.outbox.get())
            if self.socket.poll(10):
                peer, _, verb, header, *body = self.socket.recv_multipart()
                self.serve(peer, verb.decode(), json.loads(header), body)

    def serve(self, peer, verb, header, body):
        if self.is_silent:
            return
        self.peer = peer
        handler = getattr(self, "on_" + verb.lower(), None)
        if handler is not None:
            handler(header)
        else:
            if verb == "ACK":
                self.listed.pop(header["task_id"], None)
            if verb == "CANCEL":
                self.cancels[header["task_id"]] = header["request"]
            self.inbox[verb].put({**header, "body": body})

    def send(self, verb, header, *body):
        self.outbox.put([self.peer, b"PEN/1", verb.encode(), json.dumps(header, ensure_ascii=False).encode(), *body])

    def capacity(self):
        return {"max_concurrent": self.max_concurrent, "running": 0, "queued": self.queued, "queue_max": 100,
                "draining": self.draining}

    def on_hello(self, header):
        self.hellos.append(header)
        resumed = header.get("resume") in self.clients and self.keeps_clients
        resume = header["resume"] if resumed else f"secret-{self.epoch}-{len(self.hellos)}"
        self.clients.add(resume)
        self.send("WELCOME", {
            "protocol": "PEN/1", "version": "0", "host_id": "h", "epoch": self.epoch, "client": "c", "resume": resume,
            "resumed": resumed, "heartbeat_ms": self.heartbeat_ms, "durable": False, "capacity": self.capacity(),
            "limits": {"frame_bytes": 1 << 20, "message_bytes": 3 << 20, "frames": 16, "header_bytes": 1 << 20}})

    def on_ping(self, _header):
        self.send("PONG", {"host_id": "h", "epoch": self.epoch, "time": 0})

    def on_plugins(self, header):
        self.send("INFO", {"request": header["request"],
                           "plugins": [{"file": "x.so", "state": "ok", "id": "x", "pipelines": self.pipelines}]})

    def on_list(self, header):
        at = int(header.get("cursor", "0"))
        rows = [row for row in self.listed.values() if row["state"] == header["state"]]
        answer = {"request": header["request"], "tasks": rows[at:at + self.page]}
        if at + self.page < len(rows):
            answer["cursor"] = str(at + self.page)
        self.send("INFO", answer)

    def on_reserve(self, header):
        self.reserves.put(header)
        answer = self.room(header)
        if isinstance(answer, str):
            self.send("REFUSED", {"request": header["request"], "code": answer, "message": "expected a verb such as SUBMIT"})
        else:
            self.send("INFO", {"request": header["request"], **answer})

    def on_query(self, header):
        self.send("INFO", {"request": header["request"], "task": self.listed.get(header["task_id"])})

    # ---- for the test ----

    def next(self, verb, timeout=WAIT_S):
        return self.inbox[verb].get(timeout=timeout)

    def has(self, verb):
        return not self.inbox[verb].empty()

    def tell_capacity(self):
        self.send("EVENT", {"kind": "capacity", **self.capacity()})

    def accept(self, task):
        self.has_task(task)
        self.send("ACCEPTED", {"request": task["request"], "task_id": task["task_id"], "uid": "u", "state": "queued",
                               "attached": False, "durable": False})

    def take(self):
        task = self.next("SUBMIT")
        self.accept(task)
        return task

    def has_task(self, task, state="running", **more):
        """A row of LIST."""
        self.listed[task["task_id"]] = {"task_id": task["task_id"], "uid": "u", "job_id": task.get("job_id"), "state": state,
                                        "pipeline": task["pipeline"], **more}

    def found(self, task, found):
        """The answer to CANCEL."""
        self.send("INFO", {"request": self.cancels[task["task_id"]], "tasks": [{"task_id": task["task_id"], "found": found}]})

    def refuse(self, task, code, message="no", **more):
        self.send("REFUSED", {"request": task["request"], "task_id": task["task_id"], "code": code, "message": message,
                              "fault": "task", "retryable": False, **more})

    def result(self, task, status="success", data=None, outputs=(), **more):
        """data: JSON text, or None. outputs: (name, media type, bytes)."""
        header = {"task_id": task["task_id"], "uid": "u", "job_id": task.get("job_id"), "pipeline": task["pipeline"],
                  "metadata": task.get("metadata"), "status": status, "attempt": 1, **more}
        if outputs:
            header["outputs"] = [{"name": o[0], "frame": i, "media_type": o[1], "size": len(o[2])}
                                 for i, o in enumerate(outputs)]
        text = json.dumps(header)
        if data is not None:
            text = text[:-1] + ',"data":' + data + "}"
        self.outbox.put([self.peer, b"PEN/1", b"RESULT", text.encode(), *(o[2] for o in outputs)])

    def fail(self, task, code, message="it broke", status="failure", **more):
        self.result(task, status, error={"code": code, "message": message, "retryable": True, "fault": "plugin", **more})

    def progress(self, task, fraction, message=""):
        self.send("EVENT", {"kind": "progress", "task_id": task["task_id"], "uid": "u", "fraction": fraction, "message": message})
