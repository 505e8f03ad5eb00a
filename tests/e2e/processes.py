"""What /proc tells of processes."""
import os


def status(pid):
    """The lines of /proc/PID/status, or None once it has gone (a zombie has)."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            lines = dict(line.split(":", 1) for line in f)
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = {key: " ".join(value.split()) for key, value in lines.items()}
    return None if found.get("State", "Z").startswith("Z") else found


def everything():
    """Status by pid, of all processes there are."""
    found = {int(name): status(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: lines for pid, lines in found.items() if lines is not None}


def descendants(of, processes):
    """The pids below of, it included."""
    found, grown = {of}, True
    while grown:
        below = {pid for pid, lines in processes.items() if int(lines["PPid"]) in found}
        grown = not below <= found
        found |= below
    return found
