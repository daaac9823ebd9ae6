"""Run a program in a user namespace in which root is called nobody: `python namespace.py PROGRAM ARGUMENT…`

Outside, the process stays root's, and so do the files it makes. user_namespaces(7). Run as a file of its own,
so it imports nothing of ours.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
NOBODY = 65534
MAPS = (("setgroups", "deny"), ("uid_map", f"{NOBODY} 0 1"), ("gid_map", f"{NOBODY} 0 1"))


def enter() -> None:
    """Enter the namespace. Raises `OSError` where the system does not let us."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        reason = ctypes.get_errno()
        raise OSError(reason, f"unshare: {os.strerror(reason)}")
    for name, content in MAPS:
        Path(f"/proc/self/{name}").write_text(content)


def main() -> None:
    """Become the program that was asked for."""
    try:
        enter()
    except (OSError, AttributeError) as failed:
        sys.exit(f"no user namespace: {failed}")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
