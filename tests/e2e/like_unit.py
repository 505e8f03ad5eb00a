#!/usr/bin/python3
"""Runs a command under what of a systemd unit can be had without systemd: user, capabilities, system calls, /proc.

usage: like_unit.py UID UNIT [DROP-IN ...] -- COMMAND [ARG ...]     (as root)
"""
import ctypes
import errno
import os
import subprocess
import sys

ALLOW, ERRNO = 0x7fff0000, 0x00050000


def settings(paths):
    """Key: list of values, in order; an empty value begins anew, as in systemd."""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for line in f:
                key, is_setting, value = line.strip().partition("=")
                if not is_setting or line.startswith(("#", "[")):
                    continue
                values = found.setdefault(key, [])
                if value == "":
                    values.clear()
                values.extend(value.split())
    return found


def calls(names):
    """Names of system calls, with groups resolved."""
    for name in names:
        if not name.startswith("@"):
            yield name
            continue
        text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
        lines = [line.strip() for line in text.splitlines()[1:]]
        yield from calls(line for line in lines if line and not line.startswith("#"))


def filter_calls(names):
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = context_type = ctypes.c_void_p
    context = context_type(seccomp.seccomp_init(ctypes.c_uint32(ERRNO | errno.EPERM)))
    for name in set(calls(names)):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and seccomp.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), number, 0) != 0:
            raise OSError(f"no rule for {name}")
    if seccomp.seccomp_load(context) != 0:
        raise OSError("the filter cannot be loaded")


def cover_proc(unit):
    """What the two settings do to /proc."""
    if unit.get("ProtectKernelLogs") == ["yes"]:
        subprocess.run(["mount", "--bind", "/dev/null", "/proc/kmsg"], check=True)
    if unit.get("ProtectKernelTunables") == ["yes"]:
        subprocess.run(["mount", "--bind", "/proc/sys", "/proc/sys"], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", "/proc/sys"], check=True)


def main():
    at = sys.argv.index("--")
    command = sys.argv[at + 1:]
    if sys.argv[1] == "in":  # as the user, without rights
        filter_calls(sys.argv[2:at])
        os.execv(command[0], command)
    uid, unit = sys.argv[1], settings(sys.argv[2:at])
    if os.environ.get("LIKE_UNIT") is None:
        os.execvpe("unshare", ["unshare", "-m", *sys.orig_argv], {**os.environ, "LIKE_UNIT": "1"})
    del os.environ["LIKE_UNIT"]
    cover_proc(unit)
    caps = ",".join(["-all"] + ["+" + cap[4:].lower() for cap in unit["CapabilityBoundingSet"]])
    os.execvp("setpriv", ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", f"--bounding-set={caps}",
                          "--no-new-privs", sys.executable, os.path.abspath(__file__), "in", *unit["SystemCallFilter"], "--",
                          *command])


if __name__ == "__main__":
    main()
