"""Which program links what (host/README.md, Layers), read with ldd and nm -D."""
import os
import re
import subprocess
import unittest

BUILD = os.environ.get("PENSTOCK_BUILD", "build/debug")
BIN = os.path.join(BUILD, "bin")

# Libraries that must not be there, and symbols that must not be asked for.
FORBIDDEN = {
    "penstockd": (["zmq", "sqlite", "curl", "seccomp"], ["dlopen", "dlsym"]),
    "penstock-core": (["curl", "seccomp", "microhttpd"], ["dlopen", "dlsym", "fork", "vfork", "execve"]),
    "penstock-launcher": (["zmq", "curl", "sqlite"], ["dlopen", "dlsym"]),
    "penstock-box": (["zmq", "curl", "sqlite", "seccomp", "sodium", "pcre2", "confuse", "cjson"], []),
    "penstock-symbols": (["zmq", "curl", "sqlite", "sodium", "confuse"], ["dlopen", "dlsym", "fork", "execve", "socket"]),
    "penstock-journal": (["zmq", "curl", "seccomp", "confuse", "pcre2"], ["dlopen", "dlsym", "fork", "execve", "socket"]),
    "penstock-shim": (["sqlite", "seccomp"], ["dlopen", "dlsym"]),
    "penstock": (["curl", "sqlite", "dw", "elf"], ["dlopen", "dlsym"]),
}


def direct_libraries(path):
    out = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"NEEDED.*\[lib([^\].]+)", out)


def wanted_symbols(path):
    out = subprocess.run(["nm", "-D", "--undefined-only", path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def is_sanitized(path):
    return any(name.startswith(("asan", "tsan", "ubsan")) for name in direct_libraries(path)) or \
        "__asan_init" in subprocess.run(["nm", path], capture_output=True, text=True).stdout


class Links(unittest.TestCase):
    def test_each_program(self):
        for program, (libraries, symbols) in FORBIDDEN.items():
            path = os.path.join(BIN, program)
            with self.subTest(program=program):
                found = direct_libraries(path)
                for library in libraries:
                    self.assertFalse([f for f in found if f.startswith(library)], f"{program} links {found}")
                if not is_sanitized(path):  # a sanitizer's runtime asks for everything
                    self.assertEqual(wanted_symbols(path) & set(symbols), set())

    def test_core_has_what_it_needs(self):
        self.assertIn("zmq", direct_libraries(os.path.join(BIN, "penstock-core")))

    def test_box_loads_plugins(self):
        self.assertIn("dlopen", wanted_symbols(os.path.join(BIN, "penstock-box")))


if __name__ == "__main__":
    unittest.main()
