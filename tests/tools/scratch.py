"""Where tests put what they write."""

import os
import shutil

MEMORY = "/dev/shm"
ROOM_BYTES = 4 << 30  # more than tests write that run at a time


def scratch_parent():
    """TMPDIR where it is given (None); else a file system in memory if it has room: on a disk most
    of the time would go into fsync."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK):
        return MEMORY if shutil.disk_usage(MEMORY).free > ROOM_BYTES else None
    return None
