"""A worker's side of Avtomatika's current protocol in a few lines, for tests: written from the protocol's
description, with a signer of its own, so that ours is checked by something that is not ours."""
import decimal
import hashlib
import hmac
import http.client
import json
import time
import urllib.parse
import uuid

PROTOCOL = "1.0b17"


def number(value):
    """A float as the server spells it: whole ones as integers, else the shortest digits, 0.00001 but 1e-6."""
    if value.is_integer():
        return str(int(value))
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if 0 < point <= 16:
        text = text[:point] + "." + text[point:]
    elif -5 < point <= 0:
        text = "0." + "0" * -point + text
    else:
        text = text[0] + ("." + text[1:] if text[1:] else "") + "e" + str(point - 1)
    return "-" * sign + text


def canonical(value):
    """Compact, keys by code point, null members dropped at any depth, non-ASCII as it is."""
    if isinstance(value, dict):
        members = (canonical(key) + ":" + canonical(value[key]) for key in sorted(value) if value[key] is not None)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def signature(body, secret, without=("security",)):
    text = canonical({key: value for key, value in body.items() if key not in without})
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def call(url, method, path, body=None, headers=None, timeout=60, raw=None):
    """(status, parsed JSON or text or None, headers with lower-case names)."""
    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=timeout)
    try:
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        names = {name.lower(): value for name, value in answer.getheaders()}
        if "json" in names.get("content-type", ""):
            return answer.status, json.loads(text), names
        return answer.status, text or None, names
    finally:
        connection.close()


class Worker:
    def __init__(self, url, token, worker_id, secret=None):
        self.url = url
        self.token = token
        self.id = worker_id
        self.secret = secret or token

    def headers(self):
        return {"X-Worker-Token": self.token, "X-Worker-ID": self.id, "X-RXON-Version": PROTOCOL}

    def sign(self, body, without=("security",)):
        """A copy with timestamp, a nonce (the same body twice would be a replay) and signature."""
        body = {"timestamp": int(time.time()), "nonce": uuid.uuid4().hex, **body}
        body["security"] = {"signature": signature(body, self.secret, without), "signer_id": self.id}
        return body

    def send(self, method, path, body=None, **more):
        return call(self.url, method, path, body, self.headers(), **more)

    def register(self, *skills, **more):
        body = {"worker_id": self.id, "supported_skills": [{"name": name} for name in skills], **more}
        return self.send("POST", "/_worker/workers/register", self.sign(body))

    def heartbeat(self, **members):
        body = {"worker_id": self.id, "status": "idle", **members}
        return self.send("PATCH", "/_worker/workers/" + self.id, self.sign(body))

    def touch(self):
        return self.send("PATCH", "/_worker/workers/" + self.id)

    def poll(self):
        return self.send("GET", f"/_worker/workers/{self.id}/tasks/next")

    def result(self, task, status="success", **members):
        body = {"job_id": task["job_id"], "task_id": task["task_id"], "worker_id": self.id, "status": status, **members}
        return self.send("POST", "/_worker/tasks/result", self.sign(body))

    def fail(self, task, code, message="it broke"):
        return self.result(task, "failure", error={"code": code, "message": message})

    def event(self, task, kind, payload, **members):
        body = {"event_id": str(uuid.uuid4()), "worker_id": self.id, "origin_worker_id": self.id, "event_type": kind,
                "payload": payload, "bubbling_chain": [], "target_job_id": task["job_id"],
                "target_task_id": task["task_id"], **members}
        return self.send("POST", "/_worker/events", self.sign(body, ("security", "bubbling_chain")))
