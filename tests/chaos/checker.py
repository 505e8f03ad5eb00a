"""The judge: reads what clients wrote down and what was true of each task, and nothing of the host.

The rules, for each task of each client:

1. It is refused with the code of its fate, and then never accepted and without a verdict; or
2. it has at least one RESULT, and all its RESULTs are the same one: uid, verdict, data, output.
3. All its ACCEPTEDs name one uid, that of its RESULT: it was accepted once.
4. The verdict is one that fits its fate; a success says what the plugin says, and returns the input's bytes.
5. A fan-out names each of its children, and rules 2 and 4 hold for each child.
6. Instead of the verdict of its fate a task may have EXCUSED codes, because the chaos killed its process or its box on
   every attempt it had, or the host's process that knew how it ended: at most `excuses` of them.
7. A job of the orchestrator ends as its fate says; it may have been given out more than once.
"""
import json
import os

from fates import answer_of

# KILLED: its process was shot. SANDBOX_ERROR: its warden was, or could not be started. INTERNAL: it was at work each
# time when the host died, and may be the reason.
EXCUSED = {"KILLED", "SANDBOX_ERROR", "INTERNAL"}
LATER = {"OVERLOADED", "QUOTA", "QUARANTINED", "DRAINING", "STORAGE_UNAVAILABLE"}
ATTEMPTS_MAX = 3 + 3  # max_attempts, and those in which the host died: three at most


class Story:
    """What one client saw."""

    def __init__(self, folder):
        self.accepted, self.refused, self.results, self.times, self.is_done = {}, {}, {}, [], False
        with open(os.path.join(folder, "log"), encoding="utf-8") as f:
            for line in f:
                parts = line.rstrip("\n").split(" ", 2)
                try:
                    at, what, fact = float(parts[0]), parts[1], json.loads(parts[2])
                except (ValueError, IndexError):
                    continue  # the half line of one that was killed
                self.times.append(at)
                self._take(what, fact)

    def _take(self, what, fact):
        if what == "accepted":
            self.accepted.setdefault(fact["id"], []).append(fact)
        elif what == "refused" and fact["code"] not in LATER:
            self.refused.setdefault(fact["id"], []).append(fact["code"])
        elif what == "result":
            self.results.setdefault(fact["id"], []).append(fact)
        elif what == "done":
            self.is_done = True


class Judge:
    def __init__(self, excuses):
        self.excuses = excuses
        self.tasks = self.duplicates = self.excused = 0
        self.lost, self.wrong, self.times = [], [], []

    def _wrong(self, task_id, rule, what):
        self.wrong.append(f"{task_id}: rule {rule}: {what}")

    def _judge_verdict(self, task_id, codes, data, digest, results):
        """Rules 2, 4, 6."""
        self.tasks += 1
        if not results:
            self.lost.append(f"{task_id}: no verdict")
            return
        first, code = results[0], results[0]["code"]
        self.duplicates += len(results) - 1
        for other in results[1:]:
            for member in ("uid", "status", "code", "data", "digest"):
                if other[member] != first[member]:
                    self._wrong(task_id, 2, f"two verdicts: {first} and {other}")
                    break
        if not 1 <= first["attempt"] <= ATTEMPTS_MAX:
            self._wrong(task_id, 4, f"attempt {first['attempt']}")
        if code in EXCUSED and code not in codes:
            self.excused += 1
        elif code not in codes:
            self._wrong(task_id, 4, f"expected one of {sorted(map(str, codes))}, found {code}: {first['message']}")
        elif code is None and (first["data"] != data or first["digest"] != digest):
            self._wrong(task_id, 4, f"expected {data} and output {digest}, found {first['data']} and {first['digest']}")

    def _judge_task(self, task, story):
        task_id = task.task_id
        accepted, results = story.accepted.get(task_id, []), story.results.get(task_id, [])
        if task.refused is not None:
            if set(story.refused.get(task_id, ())) != {task.refused} or accepted or results:
                self._wrong(task_id, 1, f"expected {task.refused}: {story.refused.get(task_id)} {accepted} {results}")
            return
        if task_id in story.refused:
            self._wrong(task_id, 1, f"refused: {story.refused[task_id]}")
            return
        self._judge_verdict(task_id, task.codes, task.data, task.digest(), results)
        uids = {fact["uid"] for fact in accepted} | {fact["uid"] for fact in results}
        if len(uids) > 1:
            self._wrong(task_id, 3, f"accepted as {sorted(uids)}")
        if not all(fact["durable"] for fact in accepted):
            self._wrong(task_id, 3, "accepted without being durable")
        if results and results[0]["code"] is None:
            if set(results[0]["children"]) != set(task.children):
                self._wrong(task_id, 5, f"children {results[0]['children']}")
            for child, data in task.children.items():
                self._judge_verdict(child, {None}, data, None, story.results.get(child, []))

    def judge_client(self, tasks, folder):
        story = Story(folder)
        self.times += story.times
        if not story.is_done:
            self.lost.append(f"{folder}: the client did not come to its end")
        for task in tasks:
            self._judge_task(task, story)
        known = {t.task_id for t in tasks} | {c for t in tasks for c in t.children}
        for task_id in set(story.results) - known:
            self._wrong(task_id, 5, "a task that nobody wanted")

    def judge_job(self, job, found):
        """Rule 7. found: state and data, as the orchestrator tells them."""
        self.tasks += 1
        name = f"job {job['n']} ({job['fate']})"
        if found["state"] == "open":
            self.lost.append(f"{name}: still open")
        elif job["fate"] in ("ok", "slow"):
            if found["state"] != "finished" or found["data"] != answer_of(job["n"]):
                self._wrong(name, 7, f"found {found}")
        elif found["state"] not in ("failed", "quarantined"):
            self._wrong(name, 7, f"found {found}")

    def longest_gap(self):
        times = sorted(self.times)
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)

    def end(self):
        if self.excused > self.excuses:
            self._wrong("all", 6, f"{self.excused} tasks were excused by {self.excuses} kills")
