"""An include against the layers (host/README.md) does not compile; one along them does. Each row is tried with the very flags
with which the build compiles a file of that folder.

usage: layers.py SOURCE BUILD
"""
import json
import shlex
import subprocess
import sys

# a file of the folder: headers it may see, headers it must not see
ROWS = {
    "host/base/buf.c": (["base/log.h"], ["loop/loop.h", "conf/conf.h", "wire/message.h", "core/core.h"]),
    "host/loop/loop.c": (["base/heap.h"], ["conf/conf.h", "wire/router.h", "sandbox/box.h"]),
    "host/plugin/catalog.c": (["base/json.h", "penstock/plugin.h"], ["loop/loop.h", "sandbox/box.h"]),
    "host/wire/router.c": (["loop/loop.h"], ["task/sched.h", "sandbox/box.h", "net/http.h", "core/core.h"]),
    "host/task/sched.c": (["base/heap.h"], ["wire/message.h", "sandbox/box.h", "loop/loop.h"]),
    "host/sandbox/box.c": (["plugin/abi.h", "loop/loop.h"], ["wire/message.h", "task/sched.h", "net/http.h"]),
    "host/net/http.c": (["loop/loop.h"], ["wire/client.h", "sandbox/box.h", "shim/shim.h"]),
    "host/core/core.c": (["wire/router.h", "task/sched.h", "sandbox/box.h"], ["net/http.h", "shim/shim.h"]),
    "host/supervisor/supervisor.c": (["conf/conf.h"], ["wire/client.h", "sandbox/box.h", "core/core.h"]),
    "host/shim/bridge.c": (["wire/client.h", "net/http.h"], ["sandbox/box.h", "task/sched.h", "core/core.h"]),
}


def flags_of(commands, path):
    command = next(c for c in commands if c["file"] == path and "_bare.dir" not in c["command"])
    words = shlex.split(command["command"])
    cut = words.index("-o")
    return words[0], [w for i, w in enumerate(words[1:cut], 1) if w not in ("-MD", "-MT", "-MF") and
                      words[i - 1] not in ("-MT", "-MF")]


def compiles(compiler, flags, header):
    done = subprocess.run([compiler, *flags, "-fsyntax-only", "-x", "c", "-"], input=f'#include "{header}"\n', text=True,
                          capture_output=True, check=False)
    return done.returncode == 0


def main():
    source, build = sys.argv[1:3]
    with open(f"{build}/compile_commands.json", encoding="utf-8") as f:
        commands = json.load(f)
    wrong = []
    for path, (allowed, forbidden) in ROWS.items():
        compiler, flags = flags_of(commands, f"{source}/{path}")
        wrong += [f"{path} cannot include {h}" for h in allowed if not compiles(compiler, flags, h)]
        wrong += [f"{path} can include {h}" for h in forbidden if compiles(compiler, flags, h)]
    print("\n".join(wrong) or f"{len(ROWS)} folders tried")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
