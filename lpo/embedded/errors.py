"""The one error a person at the console may see: a sentence, never a traceback."""

from __future__ import annotations

import errno
from pathlib import Path


class EmbeddedError(Exception):
    """Something about the machine stops the servers; the message says what and what to do."""


_REASONS = {
    errno.EROFS: "the disk is read-only. Set LPO_STATE to a folder on a disk that can be written.",
    errno.ENOSPC: "no space is left on the disk. Free some, or set LPO_STATE to a folder on another disk.",
    errno.EDQUOT: "the disk quota is used up. Free some space, or set LPO_STATE to a folder on another disk.",
    errno.EACCES: "permission is denied. Set LPO_STATE to a folder that you own.",
    errno.EPERM: "permission is denied. Set LPO_STATE to a folder that you own.",
}


def from_os(error: OSError, path: Path) -> EmbeddedError:
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return EmbeddedError(f"Cannot write {path}: {reason}")


def from_output(output: str, path: Path) -> EmbeddedError | None:
    """The same sentence for a program that only printed the operating system's words."""
    for words, number in (
        ("Read-only file system", errno.EROFS),
        ("No space left on device", errno.ENOSPC),
        ("Disk quota exceeded", errno.EDQUOT),
    ):
        if words in output:
            return from_os(OSError(number, words), path)
    return None
