"""The load: every task with its true fate, made from the seed alone, so that clients and checker agree without a word
between them."""
import hashlib
import json
import random

CHECK_PRIME = 1000003  # as in tests/plugins/chaos.c
CHILD_FACTOR = 1000
CHILD_STEP = "child"
SHIM_PIPELINE = "chaos_warm"


class Fate:
    """pipeline; share of a thousand; codes: the verdicts that fit (None: success)."""

    def __init__(self, word, pipeline, share, codes, **members):
        self.word, self.pipeline, self.share, self.codes, self.members = word, pipeline, share, codes, members


# "refused" fates never become tasks: the host says REFUSED with that code.
FATES = [
    Fate("ok", "chaos_warm", 550, {None}),
    Fate("ok", "chaos_fork", 296, {None}),
    Fate("input", "chaos_fork", 25, {None}),
    Fate("slow", "chaos_wait", 8, {None}),
    Fate("fan", "chaos_fork", 10, {None}),
    Fate("key", "chaos_warm", 30, {None}),
    Fate("flaky", "chaos_flaky", 10, {None}),
    Fate("refuse", "chaos_fork", 10, {"INVALID_INPUT"}),
    Fate("fail", "chaos_fork", 10, {"PERMANENT"}),
    Fate("crash", "chaos_hard", 5, {"CRASH"}),
    Fate("exit", "chaos_hard", 4, {"PLUGIN_EXIT"}),
    Fate("none", "chaos_hard", 4, {"NO_RESULT"}),
    Fate("loop", "chaos_hard", 4, {"TIMEOUT", "CPU_LIMIT"}),
    Fate("hog", "chaos_hard", 4, {"OOM"}),
    Fate("wait", "chaos_wait", 10, {"CANCELLED"}),
    Fate("schema", "chaos_fork", 10, set(), refused="INVALID_INPUT"),
    Fate("late", "chaos_fork", 5, set(), refused="EXPIRED"),
    Fate("nowhere", "chaos_nowhere", 5, set(), refused="UNKNOWN_PIPELINE"),
]
assert sum(f.share for f in FATES) == 1000


class Task:
    """One task as its client submits it. codes: verdicts that fit; refused: the code of its refusal, or None;
    data: what a success says; body: its input, or None; children: {task_id: data}."""

    def __init__(self, task_id, fate, n, rng):
        self.task_id, self.fate, self.n = task_id, fate, n
        self.codes, self.refused = fate.codes, fate.members.get("refused")
        self.body, self.children, self.is_cancelled = None, {}, fate.word == "wait"
        word = {"input": "ok", "key": "ok", "schema": "ok", "late": "ok", "nowhere": "ok"}.get(fate.word, fate.word)
        self.params = {"fate": word, "n": n}
        self.header = {"task_id": task_id, "pipeline": fate.pipeline}
        getattr(self, "_make_" + fate.word, lambda rng: None)(rng)
        self.header["params"] = self.params
        self.data = answer_of(self.n) if None in self.codes else None

    def _make_input(self, rng):
        self.body = rng.randbytes(rng.choice((100, 5000, 40000, 150000)))
        self.header["inputs"] = [{"name": "x", "frame": 0}]

    def _make_slow(self, rng):
        self.params["ms"] = rng.randrange(50, 400)

    def _make_fan(self, rng):
        count = self.params["children"] = rng.randrange(1, 6)
        for i in range(count):
            self.children[f"{self.task_id}-{CHILD_STEP}-{i}"] = answer_of(self.n * CHILD_FACTOR + i)

    def _make_key(self, rng):
        """Some tasks share a key, and then their content."""
        self.n = self.params["n"] = self.n // 200
        self.header["idempotency_key"] = f"k{self.n}"

    def _make_flaky(self, rng):
        self.params["until"] = rng.randrange(2, 4)

    def _make_loop(self, rng):
        self.header["timeout_ms"] = rng.choice((150, 5000))  # the pipeline's cpu_limit is in between

    def _make_schema(self, rng):
        self.params["n"] = "no number"

    def _make_late(self, rng):
        self.header["deadline"] = 1

    def frames(self):
        raw = json.dumps(self.header, separators=(",", ":")).encode()
        return [b"PEN/1", b"SUBMIT", raw] + ([self.body] if self.body is not None else [])

    def digest(self):
        return hashlib.sha256(self.body).hexdigest()[:16] if self.body is not None else None


def answer_of(n):
    """What a success says, as the plugin writes it."""
    rest = n % CHECK_PRIME
    return {"n": n, "check": rest * rest % CHECK_PRIME}


def _pick(rng):
    at = rng.randrange(1000)
    for fate in FATES:
        if at < fate.share:
            return fate
        at -= fate.share
    raise AssertionError("the shares add up to 1000")


def tasks_of(seed, client, count):
    """The tasks of one client, in the order in which it submits them."""
    rng = random.Random(f"{seed}/{client}")
    return [Task(f"c{client}-{i}", _pick(rng), client * 1000000 + i, rng) for i in range(count)]


def jobs_of(seed, count):
    """What the orchestrator hands out: n and true fate of each job."""
    rng = random.Random(f"{seed}/jobs")
    words = ("ok", "ok", "ok", "ok", "slow", "fail", "refuse")
    return [{"fate": rng.choice(words), "n": 900000000 + i, "ms": 100} for i in range(count)]
