"""What garbage leaves free of a disk, for good readings."""

import os
from pathlib import Path
from typing import Final

MAX_RESERVE: Final = 256 * 2**20
"""Bytes of the disk that garbage leaves free, or a tenth of the disk where that is less."""


def is_short(folder: Path) -> bool:
    """Tell whether less than the reserve is free; False where that can't be asked: the write will say what is wrong."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < min(MAX_RESERVE, disk.f_blocks * disk.f_frsize // 10)
