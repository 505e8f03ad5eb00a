#!/usr/bin/python3
"""Installs the SDK into a prefix of its own and builds the template from what lies there, with CMake and without.

    install.py BUILD_DIR CMAKE C_COMPILER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def run(*command, cwd=None, **more_environment):
    command = [str(word) for word in command]
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **more_environment}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit("%s\n%s" % (" ".join(command), done.stdout))
    return done.stdout.strip()


def with_cmake(cmake, compiler, prefix, folder):
    shutil.copytree(prefix / "share/penstock/template", folder / "template")
    build = folder / "build"
    run(cmake, "-S", folder / "template", "-B", build, "-DCMAKE_PREFIX_PATH=%s" % prefix,
        "-DCMAKE_C_COMPILER=%s" % compiler, "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror")
    run(cmake, "--build", build)
    run(pathlib.Path(cmake).with_name("ctest"), "--test-dir", build, "--output-on-failure", "--no-tests=error")
    run(cmake, "--install", build, "--prefix", folder / "installed")
    installed = list((folder / "installed").rglob("*"))
    plugins = [p for p in installed if p.is_file()]
    if [p.name for p in plugins] != ["echo.so"] or plugins[0].parts[-3:-1] != ("penstock", "plugins"):
        sys.exit("the template installs %s" % plugins)
    return build / "test_echo"


def with_pkg_config(compiler, prefix, folder, test):
    pc = next(prefix.rglob("penstock-plugin.pc"))
    ask = lambda *words: run("pkg-config", *words, "penstock-plugin", PKG_CONFIG_PATH=str(pc.parent))
    plugin = folder / "plain.so"
    run(compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
        "-Wl,--no-undefined", *ask("--cflags").split(), "-o", plugin, prefix / "share/penstock/template/echo.c")
    run(test, plugin)
    abi = ask("--variable=abi_version")
    plugindir = os.path.realpath(ask("--variable=plugindir"))
    if not abi.startswith("1.") or plugindir != os.path.realpath(pc.parents[1] / "penstock/plugins"):
        sys.exit("penstock-plugin.pc says ABI %s, plugindir %s" % (abi, plugindir))


def refuses_another_major(cmake, prefix, folder):
    """find_package(Penstock 99) must not be content with what is there."""
    project = folder / "future"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(p C)\nfind_package(Penstock 99)\n"
        "if(Penstock_FOUND)\n  message(FATAL_ERROR found)\nendif()\n")
    run(cmake, "-S", project, "-B", project / "build", "-DCMAKE_PREFIX_PATH=%s" % prefix)


def main():
    build, cmake, compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prefix = folder / "prefix"
        run(cmake, "--install", build, "--component", "sdk", "--prefix", prefix)
        test = with_cmake(cmake, compiler, prefix, folder)
        with_pkg_config(compiler, prefix, folder, test)
        refuses_another_major(cmake, prefix, folder)
    print("the installed SDK builds its template with CMake and with pkg-config")


main()
