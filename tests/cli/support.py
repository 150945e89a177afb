"""What every end-to-end test shares: the command, scratch folders, tables as text.

    python -m unittest discover -s tests/cli -t .

TIEFLOW            the command under test; default build/tieflow
TIEFLOW_TEST_DATA  published data sets; default ../shared/data beside the repository
TIEFLOW_CACHE      what Maven has fetched; default build/maven
TIEFLOW_PATIENCE   how many times longer than usual a command may take (1): for slow builds
TMPDIR             scratch folders; default /dev/shm where it has room
CI=true            nothing may be skipped for want of Java or kcat
"""

import contextlib
import csv
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from tests.tools import java
from tests.tools.scratch import scratch_parent

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIEFLOW = pathlib.Path(os.environ.get("TIEFLOW", ROOT / "build" / "tieflow")).resolve()
DATA = pathlib.Path(os.environ.get("TIEFLOW_TEST_DATA", ROOT.parent / "shared" / "data")).resolve()
CACHE = pathlib.Path(os.environ.get("TIEFLOW_CACHE", ROOT / "build" / "maven")).resolve()
IS_CI = os.environ.get("CI", "") not in ("", "0", "false")

DONE, USAGE, DATA_WRONG, BROKER, IO, RETRY, CORRUPT, PERMISSION, CONFIG = (
    0, 64, 65, 69, 74, 75, 76, 77, 78)


def processor_flags():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("flags"):
                return set(line.split(":")[1].split())
    except OSError:
        pass
    return set()


# The instruction sets that the kernel is made for and this processor has, beside "plain".
KERNEL_FLAGS = {"avx2": {"avx2", "bmi2"}, "avx512": {"avx512f"}}
KERNELS = tuple(name for name, flags in KERNEL_FLAGS.items() if flags <= processor_flags())

SMALL_MEMORY = "24M"  # about the least for three threads

SMALL_TABLES = ("endings", "late", "quarantine", "quality")
TIMEOUT_SECONDS = 120 * int(os.environ.get("TIEFLOW_PATIENCE", "1"))


def skip_loudly(reason):
    """Skips the test at hand, and says so on standard error however quiet the runner is."""
    print(f"\nSKIPPED: {reason}", file=sys.stderr)
    raise unittest.SkipTest(reason)


def need_file_limits():
    """Skips the test at hand where a limit on files would be one on the counts of a coverage build
    as well."""
    if "GCOV_ERROR_FILE" in os.environ:
        skip_loudly("files cannot be limited: the counts of a coverage build would be")


@contextlib.contextmanager
def needing(what):
    """Skips the test at hand where its body needs programs that are not there; in CI it fails."""
    try:
        yield
    except java.Unavailable as error:
        if IS_CI:
            raise
        skip_loudly(f"{error}: {what}")


def data_file(*parts):
    path = DATA.joinpath(*parts)
    if not path.exists():
        skip_loudly(f"{path} is missing; TIEFLOW_TEST_DATA names the folder of the data sets")
    return path


class Result:
    """One finished command."""

    def __init__(self, done):
        self.args = done.args
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8")
        self.err = done.stderr.decode("utf-8")

    def __str__(self):
        return f"{' '.join(self.args)}\nexit {self.code}\n{self.out}{self.err}"


class CommandTest(unittest.TestCase):
    """A test with a scratch folder of its own and the command at hand."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        if not TIEFLOW.exists():
            raise AssertionError(f"{TIEFLOW} is missing: run make, or set TIEFLOW")

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tieflow-", dir=scratch_parent()))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def command(self, *args, stdin=None, cwd=None, limits=None, env=None):
        """Runs tieflow with these arguments, whatever comes of it.

        `limits` maps resource.RLIMIT_... to a value. Files that hit theirs fail like a full disk.
        `env` takes the place of the environment.
        """
        def under_limits():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            for limit, value in limits.items():
                resource.setrlimit(limit, (value, value))

        if resource.RLIMIT_FSIZE in (limits or {}):
            need_file_limits()
        done = subprocess.run([str(TIEFLOW), *map(str, args)], input=stdin, capture_output=True,
                              cwd=cwd, env=env, timeout=TIMEOUT_SECONDS, check=False,
                              preexec_fn=None if limits is None else under_limits)
        return Result(done)

    def succeed(self, *args, **options):
        result = self.command(*args, **options)
        self.assertEqual(result.code, DONE, str(result))
        return result

    def refuse(self, code, *args, says=(), **options):
        """The command must fail with this exit code, in one line that holds every text of `says`.
        """
        result = self.command(*args, **options)
        self.assertEqual(result.code, code, str(result))
        lines = result.err.splitlines()
        self.assertTrue(lines and lines[-1].startswith("tieflow: "), str(result))
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, lines[-1])
        return result

    def kill_after(self, arguments, seconds):
        """Whether the command was killed before it had ended."""
        process = subprocess.Popen([str(TIEFLOW), *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        self.assertIn(code, (0, -signal.SIGKILL))
        return code != 0

    def assertSameText(self, expected, actual, what):
        """Like assertEqual for long tables: names the first line that differs."""
        if expected == actual:
            return
        a, b = expected.splitlines(), actual.splitlines()
        for i, (left, right) in enumerate(zip(a, b)):
            self.assertEqual(left, right, f"{what}, line {i + 1}")
        self.assertEqual(len(a), len(b), f"{what}: number of lines")
        self.fail(f"{what}: differ in line breaks")


def text_of(path):
    return pathlib.Path(path).read_bytes().decode("utf-8")


def rows_of(path):
    """A CSV table as a list of dictionaries of texts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def quality_of(folder):
    rows = rows_of(pathlib.Path(folder) / "quality.csv")
    return {row["check"]: int(row["count"]) for row in rows}


def manifest_of(folder):
    return json.loads(text_of(pathlib.Path(folder) / "manifest.json"))


def digests(folder, without=()):
    """{relative path: digest} of every file under a folder."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in without}


def flip_bit(path, offset, mask=0x10):
    """Inverts one bit of one byte of a file."""
    content = bytearray(pathlib.Path(path).read_bytes())
    content[offset] ^= mask
    pathlib.Path(path).write_bytes(content)
