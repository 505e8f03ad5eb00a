#!/usr/bin/python3
"""The code in the author's guide is the template file, letter by letter: guide.py GUIDE.md TEMPLATE.c"""
import pathlib
import re
import sys

guide = pathlib.Path(sys.argv[1]).read_text()
template = pathlib.Path(sys.argv[2]).read_text()
listings = re.findall(r"^```c\n(.*?)^```", guide, re.S | re.M)
if listings != [template]:
    sys.exit("the guide's listing is not the template's %s" % sys.argv[2])
print("the guide's listing is the template's, %d lines" % template.count("\n"))
