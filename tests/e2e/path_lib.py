"""What the tests of the whole path share: a real host whose shim is connected with an orchestrator, ours or the real
one."""
import time

from penstock_host import Host

WAIT_S = 60


class Path:
    """orchestrator: one of orchestrators.py; shim: more lines of its section."""

    def __init__(self, orchestrator, plugins, shim="", **host):
        self.orchestrator = orchestrator
        section = f'''
shim "orch" {{
    dialect = avtomatika
    url = "{orchestrator.url}"
    poll_timeout = 5s
    heartbeat_interval = 500ms
    {shim}
}}
'''
        self.host = Host(plugins=plugins, sections=section + host.pop("sections", ""),
                         environment={"PENSTOCK_SHIM_ORCH_TOKEN": orchestrator.token}, **host).start()

    def stop(self):
        self.host.stop()

    def create(self, kind, params=None, **more):
        """A job, once the orchestrator knows somebody who can do it. It refuses jobs that nobody can do."""
        end = time.monotonic() + WAIT_S
        while "registered at the orchestrator" not in self.host.log():
            assert time.monotonic() < end, self.host.log()
            time.sleep(0.05)
        return self.orchestrator.create(kind, params or {}, **more)

    def ended(self, job_id):
        end = time.monotonic() + WAIT_S
        while True:
            found = self.orchestrator.state(job_id)
            if found["state"] != "open":
                return found
            assert time.monotonic() < end, (found, self.host.log())
            time.sleep(0.05)

    def run(self, kind, params=None, **more):
        return self.ended(self.create(kind, params, **more))
