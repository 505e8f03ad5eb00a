"""One client, a process of its own that may be killed at any moment: what it must know afterwards is in its files.

usage: client.py SOCKET FOLDER SEED NUMBER TASKS WINDOW

FOLDER/log gets a line a fact, written before the fact is acknowledged; FOLDER/resume holds the secret of WELCOME. A line
is "<monotonic seconds> <what> <JSON>": hello, accepted, refused, result, alive (at most ten a second), done.
"""
import hashlib
import json
import os
import sys
import time

import zmq

from fates import tasks_of

PING_S, DEAF_S, HELLO_S, CANCEL_AGAIN_S, ALIVE_S, IDLE_S = 0.2, 2.0, 0.4, 1.0, 0.1, 0.05
# Refusals that say "later": the task goes to the end of the line.
LATER = {"OVERLOADED", "QUOTA", "QUARANTINED", "DRAINING", "STORAGE_UNAVAILABLE"}
LATER_S = 0.3


class Log:
    """Lines of earlier lives are read, new ones appended; a half line of one that was killed is closed."""

    def __init__(self, path):
        self.known = []
        if os.path.exists(path):
            with open(path, "rb") as f:
                self.known = f.read().split(b"\n")
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if self.known and self.known[-1]:
            os.write(self.fd, b"\n")

    def facts(self):
        for line in self.known:
            parts = line.split(b" ", 2)
            if len(parts) == 3:
                try:
                    yield parts[1].decode(), json.loads(parts[2])
                except ValueError:
                    pass

    def write(self, what, **fact):
        os.write(self.fd, f"{time.monotonic():.6f} {what} {json.dumps(fact, separators=(',', ':'))}\n".encode())


class Client:
    def __init__(self, address, folder, seed, number, count, window):
        self.address, self.number, self.window = address, number, window
        self.resume_path = os.path.join(folder, "resume")
        self.log = Log(os.path.join(folder, "log"))
        self.tasks = {t.task_id: t for t in tasks_of(seed, number, count)}
        self.context = zmq.Context()
        self.sock = self.monitor = None
        self.epoch = None
        self.open = {}          # sent, without a verdict: task_id -> whether it was accepted
        self.cancelled_at = {}  # task_id -> when CANCEL was sent last
        self.children = set()   # whose RESULT is still to come
        self.arrived = set()
        self.later = []         # (when, task_id): refused for now
        self.alive_at = 0
        self._remember()

    def _remember(self):
        done, promised, arrived = set(), set(), self.arrived
        for what, fact in self.log.facts():
            if what == "result":
                arrived.add(fact["id"])
                promised.update(fact.get("children", ()))
            if what == "result" or (what == "refused" and fact["code"] not in LATER):
                done.add(fact["id"])
            elif what == "accepted" and fact["id"] in self.tasks:
                self.open[fact["id"]] = True
        for task_id in done:
            self.open.pop(task_id, None)
        self.children = promised - arrived
        self.todo = [task_id for task_id in reversed(self.tasks) if task_id not in done and task_id not in self.open]

    def _secret(self):
        try:
            with open(self.resume_path, encoding="ascii") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def _keep_secret(self, secret):
        with open(self.resume_path + ".new", "w", encoding="ascii") as f:
            f.write(secret)
        os.rename(self.resume_path + ".new", self.resume_path)

    def _send(self, verb, **header):
        self._put([b"PEN/1", verb, json.dumps(header, separators=(",", ":")).encode()])

    def _put(self, frames):
        try:
            self.sock.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:  # nobody is connected: the connection is made anew, and what is open sent again
            pass

    def connect(self):
        """A socket that does not reconnect by itself: what it carries was said after HELLO, to one core, or is lost."""
        if self.sock is not None:
            self.sock.disable_monitor()
            self.sock.close()
        self.sock = self.context.socket(zmq.DEALER)
        self.monitor = self.sock.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.sock.linger = 0
        self.sock.reconnect_ivl = -1
        self.sock.connect(self.address)
        secret = self._secret()
        self._send(b"HELLO", name=f"chaos-{self.number}", **({"resume": secret} if secret else {}))
        self.epoch = None
        self.heard_at = self.pinged_at = time.monotonic()

    def _submit(self, task):
        self.open.setdefault(task.task_id, False)
        self._put(task.frames())

    def _on_welcome(self, header):
        self.log.write("hello", resumed=header["resumed"], durable=header["durable"])
        if not header["resumed"] and any(self.open.values()):
            sys.exit("the host does not know me any more, and it had accepted tasks of mine")
        self._keep_secret(header["resume"])
        self.epoch = header["epoch"]
        for task_id, is_accepted in list(self.open.items()):
            if not is_accepted:
                self._submit(self.tasks[task_id])
        self.cancelled_at.clear()

    def _on_accepted(self, header):
        task_id = header["task_id"]
        self.log.write("accepted", id=task_id, uid=header["uid"], attached=header["attached"],
                       durable=header["durable"])
        if task_id in self.open:
            self.open[task_id] = True

    def _on_refused(self, header):
        task_id = header.get("task_id")
        self.log.write("refused", id=task_id, code=header["code"], message=header["message"])
        if task_id is None or task_id not in self.open:
            return
        if header["code"] in LATER:
            self.later.append((time.monotonic() + LATER_S, task_id))
        self.open.pop(task_id)

    def _on_result(self, header, body):
        task_id = header["task_id"]
        self.log.write("result", id=task_id, uid=header["uid"], status=header["status"],
                       code=header.get("error", {}).get("code"), message=header.get("error", {}).get("message"),
                       data=header.get("data"), attempt=header["attempt"], cached=header["cached"],
                       children=header.get("children", []),
                       digest=hashlib.sha256(body[0]).hexdigest()[:16] if body else None)
        self.open.pop(task_id, None)
        self.children.discard(task_id)
        self.arrived.add(task_id)
        self.children.update(set(header.get("children", ())) - self.arrived)
        self._send(b"ACK", task_id=task_id)

    def _on_pong(self, header):
        if header["epoch"] != self.epoch and self.epoch is not None:
            self.connect()

    def _take(self, frames):
        verb, header = frames[1], json.loads(frames[2])
        now = self.heard_at = time.monotonic()
        if now - self.alive_at > ALIVE_S:
            self.log.write("alive")
            self.alive_at = now
        if verb == b"RESULT":
            self._on_result(header, frames[3:])
        elif verb in self.handlers:
            self.handlers[verb](self, header)

    handlers = {b"WELCOME": _on_welcome, b"ACCEPTED": _on_accepted, b"REFUSED": _on_refused, b"PONG": _on_pong}

    def _fill(self, now):
        """What has its verdict meanwhile, from an earlier SUBMIT, is not sent again: the host has forgotten it."""
        while self.later and self.later[0][0] <= now:
            self.todo.append(self.later.pop(0)[1])
        while self.todo and len(self.open) < self.window:
            task_id = self.todo.pop()
            if task_id not in self.arrived:
                self._submit(self.tasks[task_id])

    def _cancel(self, now):
        for task_id, is_accepted in self.open.items():
            if is_accepted and self.tasks[task_id].is_cancelled and \
                    now - self.cancelled_at.get(task_id, 0) > CANCEL_AGAIN_S:
                self.cancelled_at[task_id] = now
                self._send(b"CANCEL", task_id=task_id)

    def turn(self):
        now = time.monotonic()
        silent_s = now - self.heard_at
        if silent_s > (DEAF_S if self.epoch is not None else HELLO_S) or \
                (self.epoch is not None and self.monitor.poll(0)):
            self.connect()
        if now - self.pinged_at > PING_S:
            self._send(b"PING")
            self.pinged_at = now
        if self.epoch is not None:
            self._fill(now)
            self._cancel(now)
        if self.sock.poll(IDLE_S * 1000):
            for _ in range(64):
                try:
                    self._take(self.sock.recv_multipart(zmq.DONTWAIT))
                except zmq.Again:
                    return

    def run(self):
        self.connect()
        while self.todo or self.open or self.later or self.children:
            self.turn()
        self._send(b"PING")  # behind the last ACK
        end = time.monotonic() + DEAF_S
        while time.monotonic() < end:
            if self.sock.poll(100) and self.sock.recv_multipart()[1] == b"PONG":
                break
        self.log.write("done")


if __name__ == "__main__":
    Client(sys.argv[1], sys.argv[2], sys.argv[3], *(int(word) for word in sys.argv[4:7])).run()
