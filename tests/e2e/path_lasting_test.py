"""The whole path with penstock-devorch, while what stands between the plugin and the orchestrator is killed: each job is
finished by the one run that it was given."""
import os
import signal
import time
import unittest

from orchestrators import Devorch
from path_lib import WAIT_S, Path
from shim_orchestrator import TOKEN, Orchestrator

N = 4
MANY = 2000


class Case(unittest.TestCase):
    def setUp(self):
        self.orchestrator = Devorch("--quiet", "--poll-timeout", "1s")
        self.path = Path(self.orchestrator, ["misbehave"], host=f"max_concurrent = {N}\ndrain_timeout = 20s")
        self.addCleanup(self.clean)

    def clean(self):
        os.kill(self.orchestrator.process.pid, signal.SIGCONT)
        self.path.stop()
        self.assertEqual(self.orchestrator.stop(), 0)

    def kill(self, *names):
        for pid in [self.path.host.pid_of(name) for name in names]:
            os.kill(pid, signal.SIGKILL)

    def begin(self, steps):
        """Jobs whose tasks run; each takes steps * 50 ms."""
        jobs = [self.path.create("progress", {"n": steps, "ms": 50}) for _ in range(N)]
        self.until(lambda: all(self.orchestrator.state(job)["progress"] for job in jobs))
        return jobs

    def until(self, is_true):
        end = time.monotonic() + WAIT_S
        while not is_true():
            self.assertLess(time.monotonic(), end, self.path.host.log())
            time.sleep(0.02)

    def all_finished(self, jobs, steps):
        for job_id in jobs:
            self.assertEqual(self.path.ended(job_id)["data"], {"steps": steps}, self.path.host.log())
            self.assertEqual(self.orchestrator.job(job_id)["attempts"], 1, self.path.host.log())

    def counted(self, words):
        return self.path.host.log().count(words)


class Killed(Case):
    def test_shim(self):
        jobs = self.begin(40)
        self.kill("penstock-shim")
        self.until(lambda: self.counted("task taken up again") == N)
        self.all_finished(jobs, 40)

    def test_core(self):
        jobs = self.begin(40)
        self.kill("penstock-core")
        self.all_finished(jobs, 40)
        self.assertEqual(self.counted("task taken up again"), 0)

    def test_both(self):
        jobs = self.begin(40)
        self.kill("penstock-core", "penstock-shim")
        self.all_finished(jobs, 40)

    def test_cancelled_afterwards(self):
        jobs = self.begin(400)
        self.kill("penstock-shim")
        self.until(lambda: self.counted("registered at the orchestrator") == 2)
        self.assertEqual(self.orchestrator.cancel(jobs[0]), 200)
        self.until(lambda: self.counted("found=running") == 1)
        client = self.path.host.client(control=True)
        self.addCleanup(client.close)
        self.until(lambda: client.ask("STATS")[1]["capacity"]["running"] == N - 1)
        for job_id in jobs[1:]:
            self.orchestrator.cancel(job_id)


class Away(Case):
    """An orchestrator that does not answer while the tasks end."""

    def begin_and_freeze(self):
        jobs = self.begin(20)
        os.kill(self.orchestrator.process.pid, signal.SIGSTOP)
        return jobs

    def all_ended(self):
        client = self.path.host.client(control=True)
        self.addCleanup(client.close)
        self.until(lambda: client.ask("STATS")[1]["results_kept"] == N)

    def test_for_a_while(self):
        jobs = self.begin_and_freeze()
        self.all_ended()
        os.kill(self.orchestrator.process.pid, signal.SIGCONT)
        self.all_finished(jobs, 20)

    def test_and_everything_is_killed(self):
        jobs = self.begin_and_freeze()
        self.all_ended()
        self.kill("penstock-shim", "penstock-core")
        self.until(lambda: self.counted("connected with the core") == 2)
        os.kill(self.orchestrator.process.pid, signal.SIGCONT)
        self.all_finished(jobs, 20)
        self.assertEqual(self.counted("RESULT LOST"), 0)


class Many(unittest.TestCase):
    """Many results wait for an orchestrator, more than a shim takes into memory."""

    def setUp(self):
        self.orchestrator = Orchestrator()
        self.orchestrator.token = TOKEN
        self.path = Path(self.orchestrator, ["misbehave"], host="max_concurrent = 2\ndrain_timeout = 20s")
        self.addCleanup(self.orchestrator.stop)
        self.addCleanup(self.path.stop)

    def logged(self, words, n=1):
        end = time.monotonic() + WAIT_S
        while self.path.host.log().count(words) < n:
            self.assertLess(time.monotonic(), end, self.path.host.log())
            time.sleep(0.02)

    def run_as_the_shim(self):
        """Tasks under the shim's name: the order in which they ended."""
        with open(os.path.join(self.path.host.dir, "state", "client.orch", "resume"), encoding="ascii") as f:
            secret = f.read().strip()
        client = self.path.host.client()
        self.addCleanup(client.close)
        self.assertTrue(client.ask("HELLO", {"resume": secret})[1]["resumed"])
        for i in range(MANY):
            client.submit("spin_ms", {"ms": 0}, task_id=f"t{i}", job_id=f"j{i}")
        return [client.receive("RESULT")[1]["task_id"] for _ in range(MANY)]

    def test_all_go_out_in_their_order(self):
        self.logged("registered at the orchestrator")
        self.orchestrator.stop()
        ended = self.run_as_the_shim()
        os.kill(self.path.host.pid_of("penstock-shim"), signal.SIGKILL)
        self.logged("connected with the core", 2)
        self.orchestrator.start()
        taken = [self.orchestrator.next("result")["body"]["task_id"] for _ in range(MANY)]
        self.assertEqual(taken, ended)
        client = self.path.host.client(control=True)
        self.addCleanup(client.close)
        end = time.monotonic() + WAIT_S
        while client.ask("STATS")[1]["results_kept"] > 0:
            self.assertLess(time.monotonic(), end, self.path.host.log()[-3000:])
            time.sleep(0.02)
        self.assertEqual(self.orchestrator.counts["result"], MANY)


if __name__ == "__main__":
    unittest.main()
