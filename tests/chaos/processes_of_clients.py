"""Clients as processes."""
import os
import subprocess
import sys

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")


class ClientProcess:
    def __init__(self, host, seed, number, count, window):
        self.folder = f"{host.folder}/clients/{number}"
        self.number, self.count = number, count
        self.arguments = [sys.executable, CLIENT, host.tasks, self.folder, str(seed), str(number),
                          str(count), str(window)]
        os.makedirs(self.folder)
        self.process = subprocess.Popen(self.arguments)

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = subprocess.Popen(self.arguments)

    def is_done(self):
        status = self.process.poll()
        if status not in (None, 0):
            raise AssertionError(f"client {self.number} ended with {status}")
        return status == 0
