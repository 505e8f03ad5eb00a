"""Starts the real Avtomatika orchestrator on a loopback port, for end-to-end tests.

usage: VENV/bin/python avtomatika_server.py [--type NAME ...] [--poll-timeout SECONDS] [--rate-limits]

VENV: a virtual environment with requirements-avtomatika.txt. When the server listens, one JSON line goes to
standard output: {"url", "worker_token", "client_token", "jobs_path", "job_path", "version", "protocol"}.
It ends on SIGTERM, SIGINT or the end of standard input, so it never outlives its test. Its log goes to
standard error. Storage is memory. Settings that are not options come from the environment, as the
orchestrator documents them (WORKER_AUTH_MODE, WORKERS_CONFIG_PATH, JOB_MAX_RETRIES, TLS_ENABLED, ...).

The one blueprint: POST {url}{jobs_path} with the header X-Client-Token and
    {"initial_data": {"params": {...}, "type"?: NAME, "priority"?: n, "timeout_seconds"?: n}, "result_timeout"?: n}
answers 202 {"job_id"}; it dispatches one task of that type (default: the first --type) to a worker; the job is
finished when the worker answered success. GET {url}{job_path with the id} gives status, state_history (the
worker's data merged in), error_message, progress.
"""
import argparse
import asyncio
import importlib.metadata
import json
import logging
import os
import signal
import sys


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--type", action="append", dest="types", help="task type; may be given again")
    parser.add_argument("--poll-timeout", type=float, default=1.0, help="seconds until an empty poll is 204")
    parser.add_argument("--rate-limits", action="store_true", help="leave the server's rate limits on")
    arguments = parser.parse_args()
    arguments.types = arguments.types or ["make_thumb"]
    return arguments


def set_environment(arguments):
    """Before the orchestrator is imported: it reads the environment once."""
    os.environ.setdefault("API_HOST", "127.0.0.1")
    os.environ.setdefault("API_PORT", "0")
    os.environ.setdefault("CLIENT_TOKEN", "client-secret")
    os.environ.setdefault("GLOBAL_WORKER_TOKEN", "worker-secret")
    os.environ.setdefault("DETAILED_API_RESPONSES", "true")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("LOG_FORMAT", "text")
    os.environ.setdefault("RATE_LIMITING_ENABLED", "true" if arguments.rate_limits else "false")


def make_blueprint(types):
    from avtomatika import Blueprint

    blueprint = Blueprint(name="one_task", api_version="v1", api_endpoint="/jobs/one_task")

    @blueprint.handler("start", is_start=True)
    async def start(initial_data, actions):
        wanted = initial_data.get("type", types[0])
        if wanted not in types:
            raise ValueError(f"type {wanted!r} is not served here")
        actions.dispatch_task(
            task_type=wanted,
            params=initial_data.get("params") or {},
            priority=initial_data.get("priority", 0),
            timeout_seconds=initial_data.get("timeout_seconds"),
            transitions={"success": "finished", "failure": "failed"},
        )

    @blueprint.handler("finished", is_end=True)
    async def finished():
        return None

    @blueprint.handler("failed", is_end=True)
    async def failed():
        return None

    return blueprint


def announce(out, engine):
    from rxon.constants import PROTOCOL_VERSION

    host, port = engine.runner.addresses[0][:2]
    scheme = "https" if engine.config.TLS_ENABLED else "http"
    line = {
        "url": f"{scheme}://{host}:{port}",
        "worker_token": engine.config.GLOBAL_WORKER_TOKEN,
        "client_token": engine.config.CLIENT_TOKEN,
        "jobs_path": "/api/v1/jobs/one_task",
        "job_path": "/api/v1/jobs/{job_id}",
        "version": importlib.metadata.version("avtomatika"),
        "protocol": PROTOCOL_VERSION,
    }
    out.write(json.dumps(line) + "\n")
    out.flush()


async def serve(arguments, out):
    from avtomatika import OrchestratorEngine
    from avtomatika.config import Config
    from avtomatika.storage import MemoryStorage

    config = Config()
    config.WORKER_POLL_TIMEOUT_SECONDS = arguments.poll_timeout
    engine = OrchestratorEngine(MemoryStorage(), config)
    engine.register_blueprint(make_blueprint(arguments.types))
    # It has just set up logging: everything of every library, its own lines twice.
    logging.getLogger().setLevel(config.LOG_LEVEL)
    logging.getLogger("avtomatika").propagate = False
    await engine.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.run_in_executor(None, lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(ended.set)))
    announce(out, engine)
    await ended.wait()
    # Not engine.stop(): it waits up to a minute for polls that are still held.
    sys.stderr.flush()
    os._exit(0)


def main():
    arguments = parse_arguments()
    set_environment(arguments)
    # The orchestrator logs to standard output; only the ready line belongs there.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asyncio.run(serve(arguments, out))


if __name__ == "__main__":
    main()
