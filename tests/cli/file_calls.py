"""The shim that counts the program's calls about files, kills it at one and lets others fail; see
tests/shim/file_calls.c."""

import dataclasses
import errno
import os

from tests.cli.support import TIEFLOW

SHIM = TIEFLOW.parent / "tests" / "shim" / "file_calls.so"

# Counted together where any call may fail.
ALL_KINDS = "changes,opens,reads,looks"

WRITES = ("write", "pwrite")


@dataclasses.dataclass(frozen=True)
class Call:
    """One line of the log; the shim says what the fields are."""

    number: int
    name: str
    result: int  # None: the process was killed in its place
    error: int
    descriptor: int
    inode: int
    flags: int
    offset: int
    length: int
    path: str
    other: str
    sites: tuple  # of the program, that led to the call

    def __str__(self):
        behind = f" -> {self.other}" if self.other else ""
        return f"call {self.number}, {self.name} {self.path}{behind}"


def environment(under, **settings):
    """The environment in which the shim counts calls below the folder `under`. Settings are those
    of the shim in small letters: kinds, log, data, first, last, step, names, action, error (by
    name)."""
    if not SHIM.exists():
        raise AssertionError(f"{SHIM} is missing: run make everything")
    if "error" in settings:
        settings["error"] = getattr(errno, settings["error"])
    variables = {f"FILE_CALLS_{name.upper()}": str(value) for name, value in settings.items()}
    return dict(os.environ, LD_PRELOAD=str(SHIM), FILE_CALLS_UNDER=str(under), **variables)


def read_log(path):
    """The calls of a log, in their order."""
    calls = []
    for line in path.read_text(encoding="utf-8").splitlines():
        number, name, result, *numbers, path, other, sites = line.split("\t")
        calls.append(Call(int(number), name, None if result == "killed" else int(result),
                          *map(int, numbers), path, other, tuple(sites.split())))
    return calls
