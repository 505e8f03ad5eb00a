#!/usr/bin/python3
"""Compiles each SDK header alone, and the sources that stand for plugins, in every standard that the SDK promises.

    headers.py INCLUDE_DIR SOURCE_DIR

Compilers that are not installed are left out; one of C and one of C++ must be there.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Wshadow", "-Wundef", "-Wconversion"]
COMPILERS = [("gcc", "c"), ("clang", "c"), ("g++", "c++"), ("clang++", "c++")]
STANDARDS = {"c": ["c99", "c11", "c17"], "c++": ["c++11", "c++17", "c++20"]}


def compile_one(compiler, standard, source, include, warnings):
    command = [compiler, "-std=" + standard, *warnings, "-fsyntax-only", "-I", str(include), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print("FAIL", " ".join(command), done.stderr, sep="\n")
    return done.returncode == 0


def alone(header, include, folder, suffix):
    """A source that is nothing but the header, twice: it needs nothing before it, and its guard works."""
    name = header.relative_to(include)
    source = folder / ("alone-%s%s" % (str(name).replace("/", "-"), suffix))
    source.write_text("#include <%s>\n#include <%s>\n" % (name, name))
    return source


def main():
    include, sources = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    samples = {"c": [sources / "sdk/template/echo.c", sources / "tests/abi/layout.c"],
               "c++": [sources / "tests/abi/plugin.cc"]}
    tried, is_good = {"c": 0, "c++": 0}, True
    with tempfile.TemporaryDirectory() as folder:
        for compiler, language in COMPILERS:
            if shutil.which(compiler) is None:
                continue
            suffix = ".c" if language == "c" else ".cc"
            for standard in STANDARDS[language]:
                for header in sorted(include.rglob("*.h")):
                    # The test host is no part of the ABI and holds functions: fewer promises.
                    warnings = WARNINGS[:4] if header.name == "testhost.h" else WARNINGS
                    is_good &= compile_one(compiler, standard, alone(header, include, pathlib.Path(folder), suffix),
                                           include, warnings)
                    tried[language] += 1
                for sample in samples[language]:
                    is_good &= compile_one(compiler, standard, sample, include, WARNINGS)
    print("%(c)d compilations of headers as C, %(c++)d as C++" % tried)
    sys.exit(0 if is_good and all(tried.values()) else 1)


main()
