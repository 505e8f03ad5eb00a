"""Runs the measurements of tools/bench in turns and prints medians, ranges and ratios.

usage: bench.py [--quick] [--json FILE]
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

from penstock_host import BIN, BUILD, Host

MODES = ("warm", "fork")


def measure(arguments, pinned):
    command = [os.path.join(BIN, "penstock-bench"), *arguments]
    if pinned:
        command = ["taskset", "-c", "0", *command]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def cases(hosts, scale):
    """name: arguments of penstock-bench. Latencies are taken with a window of 1: no queue. hosts: mode -> (tcp, ipc)."""
    def at(mode, transport, messages, window, size=256, pipeline="echo", *more):
        return ["host", "--endpoint", hosts[mode][transport], "--pipeline", pipeline, "--messages",
                str(max(200, messages // scale)), "--window", str(window), "--size", str(size), *more]

    def raw(messages, window, size=256):
        return ["raw", "--transport", "tcp", "--messages", str(max(200, messages // scale)), "--window", str(window),
                "--size", str(size)]

    return {
        "raw tcp, window 64": raw(300000, 64), "warm echo tcp, window 64": at("warm", "tcp", 100000, 64),
        "warm echo ipc, window 64": at("warm", "ipc", 100000, 64),
        "durable warm echo tcp, window 64": at("warm", "tcp", 50000, 64, 256, "echo", "--durable"),
        "fork echo tcp, window 64": at("fork", "tcp", 5000, 64),
        "raw tcp, window 1": raw(20000, 1), "warm echo tcp, window 1": at("warm", "tcp", 10000, 1),
        "fork echo tcp, window 1": at("fork", "tcp", 2000, 1),
        "raw tcp 1 MiB, window 1": raw(500, 1, 1 << 20),
        "warm echo tcp 1 MiB, window 1": at("warm", "tcp", 300, 1, 1 << 20),
        "fork crash, window 16": at("fork", "tcp", 2000, 16, 256, "crash"),
    }


# title, case, held against, what, how (a ratio of medians)
RATIOS = [
    ("warm echo / raw, rate", "warm echo tcp, window 64", "raw tcp, window 64", "per_second"),
    ("durable / not durable, rate", "durable warm echo tcp, window 64", "warm echo tcp, window 64", "per_second"),
    ("fork echo / raw, rate", "fork echo tcp, window 64", "raw tcp, window 64", "per_second"),
    ("warm / raw, p50", "warm echo tcp, window 1", "raw tcp, window 1", "p50_us"),
    ("warm / raw, p99", "warm echo tcp, window 1", "raw tcp, window 1", "p99_us"),
    ("fork / raw, p50", "fork echo tcp, window 1", "raw tcp, window 1", "p50_us"),
    ("1 MiB warm / raw, p50", "warm echo tcp 1 MiB, window 1", "raw tcp 1 MiB, window 1", "p50_us"),
]


def summary(runs):
    out = {}
    for key in ("per_second", "p50_us", "p99_us"):
        values = [r[key] for r in runs]
        out[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    out["failures"] = sum(r["failures"] for r in runs)
    return out


def start_host(mode):
    host = Host(plugins=["echo", "misbehave"],
                sections=f'plugin "org.example.echo" {{ pipeline "echo" {{ mode = {mode}  max_concurrent = 2 }} }}',
                host='max_concurrent = 2\nlog_level = warn\ntcp = "127.0.0.1:0"\nresult_retention = 1s')
    host.start()
    address = host.client().ask("STATS")[1]["tcp"]
    return host, {"tcp": address, "ipc": f"ipc://{host.tasks}"}


def run_hosts(pinned, rounds, scale):
    if pinned:
        os.sched_setaffinity(0, {0})  # penstockd and all below it inherit this
    started = {mode: start_host(mode) for mode in MODES}
    addresses = {mode: address for mode, (_, address) in started.items()}
    results = {}
    for number in range(rounds):
        for name, arguments in cases(addresses, scale).items():
            print(f"\r{'pinned' if pinned else 'free'} {number + 1}/{rounds} {name:40}", end="", file=sys.stderr)
            results.setdefault(name, []).append(measure(arguments, pinned))
    print("\r" + " " * 70 + "\r", end="", file=sys.stderr)
    for host, _ in started.values():
        host.stop()
    os.sched_setaffinity(0, range(os.cpu_count()))
    return {name: summary(runs) for name, runs in results.items()}


def print_table(title, table):
    print(f"\n{title:36} {'rate/s':>10} {'(min-max)':>19} {'p50 us':>9} {'p99 us':>9}")
    for name, row in table.items():
        rate = row["per_second"]
        print(f"{name:36} {rate['median']:>10.0f} {rate['min']:>9.0f}-{rate['max']:<9.0f} "
              f"{row['p50_us']['median']:>9.1f} {row['p99_us']['median']:>9.1f}")
    for text, a, b, key in RATIOS:
        print(f"  {text:34} {table[a][key]['median'] / table[b][key]['median']:.3f}")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench")
    parser.add_argument("--quick", action="store_true", help="fewer messages, one round")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    args = parser.parse_args()
    rounds, scale = (1, 10) if args.quick else (5, 1)
    print(f"{platform.machine()}, {os.cpu_count()} processors, kernel {platform.release()}, build {os.path.basename(BUILD)}; "
          f"256 B unless said otherwise; median of {rounds}")
    tables = {"free": run_hosts(False, rounds, scale), "pinned": run_hosts(True, rounds, scale)}
    for title, table in tables.items():
        print_table(title, table)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"machine": platform.platform(), "rounds": rounds, "tables": tables}, f, indent=1)


if __name__ == "__main__":
    main()
