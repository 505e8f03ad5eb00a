#!/usr/bin/python3
"""Each plugin exports exactly one symbol, pen_plugin_entry, as data: symbols.py PLUGIN.so..."""
import subprocess
import sys

bad = 0
for path in sys.argv[1:]:
    lines = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True,
                           text=True).stdout.split("\n")
    symbols = [tuple(line.split()[1:]) for line in lines if line]
    if symbols not in ([("D", "pen_plugin_entry")], [("R", "pen_plugin_entry")]):
        print("FAIL %s exports %s" % (path, symbols))
        bad += 1
print("%d plugins, %d bad" % (len(sys.argv) - 1, bad))
sys.exit(1 if bad or len(sys.argv) == 1 else 0)
