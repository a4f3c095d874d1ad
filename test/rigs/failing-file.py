"""A FUSE file system with one file, `disk`, kept in BACKING, whose reads or writes fail with EIO on demand.

usage: failing-file.py MOUNT_POINT BACKING CONTROL

CONTROL holds `none`, `read` or `write N`: all reads fail; or all writes but the next N megabytes.
"""
import errno
import os
import stat
import sys

from fusepy import FUSE, FuseOSError, Operations


class FailingFile(Operations):
    def __init__(self, backing, control):
        self.file = os.open(backing, os.O_RDWR)
        self.control = control
        self.seen = None
        self.left = 0

    def mode(self):
        with open(self.control, encoding="ascii") as file:
            text = file.read()
        if text != self.seen:
            self.seen = text
            self.left = float(text.split()[1]) * 1e6 if text.startswith("write") else 0
        return text.split()[0] if text else "none"

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path == "/disk":
            size = os.fstat(self.file).st_size
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}
        raise FuseOSError(errno.ENOENT)

    def readdir(self, path, fh):
        return [".", "..", "disk"]

    def read(self, path, size, offset, fh):
        if self.mode() == "read":
            raise FuseOSError(errno.EIO)
        return os.pread(self.file, size, offset)

    def write(self, path, data, offset, fh):
        if self.mode() == "write":
            if self.left < len(data):
                raise FuseOSError(errno.EIO)
            self.left -= len(data)
        return os.pwrite(self.file, data, offset)

    def truncate(self, path, length, fh=None):
        os.ftruncate(self.file, length)


FUSE(FailingFile(sys.argv[2], sys.argv[3]), sys.argv[1], foreground=True, nothreads=True, direct_io=True)
