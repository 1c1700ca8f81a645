"""A file system small enough to be filled. Making one takes root."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

SIZE_MB = 1500


def mount_small(folder: Path) -> bool:
    """Whether the folder is now a file system of its own, of SIZE_MB."""
    argv = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "foretell-small-disk", str(folder)]
    return os.geteuid() == 0 and subprocess.run(argv, capture_output=True, check=False).returncode == 0


def enlarge(folder: Path, by_mb: int) -> None:
    """Give such a file system more room while it is in use."""
    subprocess.run(["mount", "-o", f"remount,size={SIZE_MB + by_mb}m", str(folder)], check=True)


def unmount(folder: Path) -> None:
    """It goes with all that it holds."""
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(path: Path) -> None:
    """Write a file until there is no room for another byte."""
    piece = bytes(1 << 20)
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(piece)
