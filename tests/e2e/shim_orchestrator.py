"""An orchestrator played by a test: strict about what Avtomatika's server is strict about, and told what to answer."""
import collections
import http.server
import json
import queue
import select
import threading
import time
import urllib.parse

from avtomatika_worker import signature

TOKEN = "worker-secret"
WAIT_S = 30
BODY_MAX = 1024 * 1024


class Orchestrator:
    """say: what the next requests of a kind are answered, before the usual answers go on."""

    def __init__(self, poll_s=0.2, port=0):
        self.poll_s = poll_s
        self.requests = collections.defaultdict(queue.Queue)
        self.counts = collections.Counter()
        self.say = collections.defaultdict(collections.deque)
        self.tasks = queue.Queue()
        self.files, self.stored = {}, []
        self.faults, self.nonces = [], set()
        self.polls_held = 0
        self.has_files = True
        self.is_registered = False
        self.refuse = lambda _body: None  # a result: its answer, or None
        self.hang = threading.Event()  # cleared: results get no answer
        self.hang.set()
        self.storing = threading.Event()  # cleared: outputs get no answer
        self.storing.set()
        self.lock = threading.Lock()
        self.port = port
        self.start()

    def start(self):
        self.is_up = True
        handler = type("Bound", (Handler,), {"orchestrator": self})
        self.server = Server(("127.0.0.1", self.port), handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """The server goes away, and every connection with it."""
        self.is_up = False
        self.server.shutdown()
        self.server.server_close()
        self.server.cut()
        with self.lock:
            self.polls_held = 0

    def fault(self, text):
        self.faults.append(text)

    def next(self, kind, timeout=WAIT_S):
        return self.requests[kind].get(timeout=timeout)

    def until(self, kind, is_wanted, timeout=WAIT_S):
        end = time.monotonic() + timeout
        while True:
            request = self.next(kind, max(0.01, end - time.monotonic()))
            if is_wanted(request):
                return request

    def give(self, kind="echo", params=None, task_id="task-1", job_id="job-1", **more):
        self.tasks.put({"job_id": job_id, "task_id": task_id, "type": kind, "params": params or {}, "priority": 0,
                        "timestamp": time.time(), "tracing_context": {}, **more})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, *args):
        self.open = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def cut(self):
        for connection in list(self.open):
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_args):
        pass

    def reply(self, status, body=None, headers=()):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self):
        o = self.orchestrator
        self.raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.urlsplit(self.path).path
        kind, worker = self.kind_of(path)
        o.counts[kind] += 1
        self.kind = kind
        said = o.say[kind].popleft() if o.say[kind] else None
        if kind in ("register", "heartbeat", "result", "event") and self.raw:
            self.check_signed(kind)
        if kind != "files" and self.headers.get("X-Worker-Token") != TOKEN:
            o.fault(f"{kind}: token {self.headers.get('X-Worker-Token')}")
        if kind not in ("files", "file") and not self.headers.get("X-Worker-ID"):
            o.fault(f"{kind}: no X-Worker-ID")
        if said is None and kind == "result":
            said = o.refuse(json.loads(self.raw))
        if kind == "result" and not o.hang.is_set():
            o.hang.wait(WAIT_S)
            self.close_connection = True
            return
        if said is not None:
            if callable(said):
                said = said()
            self.record(kind)
            self.reply(*said)
            return
        getattr(self, "on_" + kind)(worker)

    do_GET = do_POST = do_PATCH = handle_one

    def kind_of(self, path):
        parts = path.strip("/").split("/")
        if self.command == "POST" and path == "/_worker/workers/register":
            return "register", None
        if self.command == "PATCH" and parts[:2] == ["_worker", "workers"] and len(parts) == 3:
            return "heartbeat", parts[2]
        if self.command == "GET" and parts[:2] == ["_worker", "workers"] and parts[3:] == ["tasks", "next"]:
            return "poll", parts[2]
        if self.command == "POST" and path == "/_worker/tasks/result":
            return "result", None
        if self.command == "POST" and path == "/_worker/events":
            return "event", None
        if self.command == "POST" and path == "/files":
            return "files", None
        if self.command == "GET" and parts[0] == "files":
            return "file", parts[1]
        self.orchestrator.fault(f"unknown {self.command} {self.path}")
        return "unknown", None

    def record(self, kind):
        body = json.loads(self.raw) if self.raw and kind != "files" else None
        self.orchestrator.requests[kind].put({"body": body, "raw": self.raw, "headers": dict(self.headers), "at": time.monotonic()})

    def check_signed(self, kind):
        o = self.orchestrator
        body = json.loads(self.raw)
        if len(self.raw) >= BODY_MAX:
            o.fault(f"{kind}: {len(self.raw)} bytes")
        without = ("security", "bubbling_chain") if kind == "event" else ("security",)
        if body.get("security", {}).get("signature") != signature(body, TOKEN, without):
            o.fault(f"{kind}: signature of {self.raw[:2000]}")
        if body["security"].get("signer_id") != body["worker_id"]:
            o.fault(f"{kind}: signer")
        if not isinstance(body.get("timestamp"), int) or abs(time.time() - body["timestamp"]) > 5:
            o.fault(f"{kind}: timestamp {body.get('timestamp')}")
        nonce = body.get("event_id") or body.get("nonce")
        if not nonce or nonce in o.nonces:
            o.fault(f"{kind}: nonce {nonce} again")
        o.nonces.add(nonce)
        if self.headers.get("Content-Type") != "application/json":
            o.fault(f"{kind}: content type {self.headers.get('Content-Type')}")

    def on_unknown(self, _worker):
        self.reply(404, {"error": "no such page"})

    def on_register(self, _worker):
        self.orchestrator.is_registered = True
        self.reply(200, {"status": "registered", "version": "1.0b17"})
        self.record("register")

    def on_heartbeat(self, worker):
        if self.raw and json.loads(self.raw)["worker_id"] != worker:
            self.orchestrator.fault("heartbeat: path and body differ")
        answer = {"status": "ok"} if self.raw else {"status": "ttl_refreshed"} if self.orchestrator.is_registered else None
        self.reply(200, answer if answer is not None else b"null")
        self.record("heartbeat")

    def is_gone(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable)

    def on_poll(self, _worker):
        o = self.orchestrator
        if not o.is_registered:
            o.fault("poll before registration")
        with o.lock:
            o.polls_held += 1
            if o.polls_held > 1:
                o.fault("two polls at once")
        self.record("poll")
        end, task = time.monotonic() + o.poll_s, None
        while time.monotonic() < end and o.is_up and task is None:
            try:
                task = o.tasks.get(timeout=0.02)
            except queue.Empty:
                if self.is_gone():
                    if o.is_up:
                        o.fault("a poll was cut")
                    break
        with o.lock:
            o.polls_held -= 1
        if not o.is_up:
            self.close_connection = True
        elif task is not None:
            self.reply(200, task if isinstance(task, bytes) else task)
        else:
            self.reply(204)

    def on_result(self, _worker):
        body = json.loads(self.raw)
        for member, kind in (("job_id", str), ("task_id", str), ("worker_id", str), ("status", str)):
            if not isinstance(body.get(member), kind):
                self.orchestrator.fault(f"result: {member} is {body.get(member)!r}")
        if not isinstance(body.get("data", {}), dict):
            self.orchestrator.fault("result: data is no object")
        if (body["status"] == "failure") != ("error" in body and "data" not in body):
            self.orchestrator.fault(f"result: {body['status']} with error {body.get('error')}")
        self.record("result")
        self.reply(200, {"status": "accepted", "transition": "success_transition"})

    def on_event(self, _worker):
        body = json.loads(self.raw)
        for member in ("event_id", "worker_id", "origin_worker_id", "event_type"):
            if not isinstance(body.get(member), str):
                self.orchestrator.fault(f"event: {member}")
        if not isinstance(body.get("payload"), dict):
            self.orchestrator.fault("event: payload")
        self.record("event")
        self.reply(200, {"status": "event_accepted"})

    def on_files(self, _worker):
        o = self.orchestrator
        self.record("files")
        o.storing.wait(WAIT_S)
        if not o.has_files:
            self.reply(404, {"error": "no such page"})
            return
        o.stored.append((self.headers.get("Content-Type"), self.raw))
        self.reply(201, {"uri": f"{o.url}/files/out-{len(o.stored)}", "size": len(self.raw)})

    def on_file(self, name):
        self.record("file")
        found = self.orchestrator.files.get(name)
        if found is None:
            self.reply(404, {"error": "no such file"})
        else:
            self.reply(200, found[1], [("Content-Type", found[0])])
