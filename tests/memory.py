"""Temporary files in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it are made as in any other of its kind
ROOM_BYTES = 6_000_000_000


def write_to_memory() -> None:
    """Let this process and all that it starts put temporary files into memory, if there is room.

    A database is three hundred files and each test has one: that costs ten times as much on a disk.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None
