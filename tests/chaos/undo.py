"""What a power failure leaves of the core's files: takes the log of forget.c and puts back what was not synced.

Each write that no fsync has made durable is undone, or kept, or torn at sectors; names that no fsync of their folder
has made durable go or come back, or all stay as they are.
"""
import os
import shutil
import stat
import struct

HEAD = struct.Struct("=IIQQQQIIIIII")  # as struct record in forget.c
MAGIC = 0x46524754
WRITE, CUT, SYNC, NAME_NEW, NAME_GONE, SYNC_FOLDER = range(1, 7)
SECTOR = 512


class Record:
    def __init__(self, head, name, data):
        (_, self.kind, self.inode, self.folder, self.offset, self.size, self.length, _, self.mode, self.owner, _,
         _) = head
        self.name, self.data = name, data


def read(path):
    records = []
    with open(path, "rb") as f:
        while len(raw := f.read(HEAD.size)) == HEAD.size:
            head = HEAD.unpack(raw)
            assert head[0] == MAGIC, f"{path}: no record at {f.tell() - HEAD.size}"
            name, data = f.read(head[10]), f.read(head[7])
            if len(name) < head[10] or len(data) < head[7]:
                break  # it was killed in the midst of it: what it announced was not done
            records.append(Record(head, os.fsdecode(name), data))
    return records


def unsynced(records):
    """Those that no later sync covers, oldest first."""
    files, folders, left = {}, {}, []
    for at, r in enumerate(records):
        if r.kind == SYNC:
            files[r.inode] = at
        elif r.kind == SYNC_FOLDER:
            folders[r.inode] = at
    for at, r in enumerate(records):
        if r.kind in (WRITE, CUT) and files.get(r.inode, -1) < at:
            left.append(r)
        elif r.kind in (NAME_NEW, NAME_GONE) and folders.get(r.folder, -1) < at:
            left.append(r)
    return left


def _paths(root):
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if stat.S_ISREG(info.st_mode):
                found[info.st_ino] = path
    return found


def _undo_write(path, r, rng):
    """The sectors that are lost; returns how many."""
    end = r.offset + r.length
    with open(path, "r+b") as f:
        now = os.fstat(f.fileno()).st_size
        choice = rng.random() if rng is not None else 0
        lost = kept_end = 0
        for at in range(r.offset - r.offset % SECTOR, end, SECTOR):
            first, last = max(at, r.offset), min(at + SECTOR, end)
            if choice > 0.5 and (choice > 0.75 or rng.random() < 0.5):
                kept_end = last
                continue
            old = r.data[first - r.offset:last - r.offset]
            f.seek(first)
            f.write(old + bytes(last - first - len(old)))
            lost += 1
        if now <= end and r.size < end:
            f.truncate(max(r.size, kept_end))
        return lost


def _undo(r, paths, rng):
    if r.kind == WRITE:
        return _undo_write(paths[r.inode], r, rng) if r.inode in paths else 0
    if r.kind == CUT:
        if r.inode in paths:
            with open(paths[r.inode], "r+b") as f:
                f.truncate(r.size)
                f.seek(r.offset)
                f.write(r.data)
        return 1
    if r.kind == NAME_NEW:
        if os.path.lexists(r.name):
            if stat.S_ISDIR(os.lstat(r.name).st_mode):
                shutil.rmtree(r.name)
            else:
                os.unlink(r.name)
            paths.pop(r.inode, None)
        return 1
    with open(r.name, "wb") as f:
        f.write(r.data)
    os.chown(r.name, r.owner, r.owner)
    os.chmod(r.name, r.mode)
    paths[r.inode] = r.name
    return 1


def restore(undo_folder, root, rng=None):
    """rng None: nothing unsynced survives. Returns how many sectors and names were lost. The log begins anew."""
    log = os.path.join(undo_folder, "log")
    if not os.path.exists(log):
        return 0
    paths, lost = _paths(root), 0
    keeps_names = rng is not None and rng.random() < 0.5
    for r in reversed(unsynced(read(log))):
        if not (keeps_names and r.kind in (NAME_NEW, NAME_GONE)):
            lost += _undo(r, paths, rng)
    os.unlink(log)
    return lost
