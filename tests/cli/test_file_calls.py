"""The shim behind the tests of kills and failures: does it see everything, and do what it is told?
"""

import errno
import os
import signal
import subprocess

from tests.cli import file_calls, random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days
from tests.cli.support import DONE, IO, TIEFLOW, digests, skip_loudly

# What else of libc changes files, or hands descriptors out. None of it may be called: the shim
# would not see it.
UNSEEN = set("""
    __open64_2 __open_2 __openat64_2 __openat_2 __pread64_chk __pread_chk __read_chk chmod chown
    copy_file_range creat creat64 dup2 dup3 faccessat fallocate64 fchmod fchmodat fchown fchownat
    fcntl64 fdopen fdopendir fopen64 freopen freopen64 fsetxattr fstat fstatat ftruncate
    ftruncate64 fts_open ftw futimens glob lchown link linkat lsetxattr lstat lstat64 mkdirat
    mkdtemp mkfifo mknod mkostemp64 mkostemps mkstemp mkstemp64 mkstemps msync nftw openat2
    openat64 popen posix_fallocate posix_fallocate64 preadv preadv2 preadv64 pwritev pwritev2
    pwritev64 pwritev64v2 readdir64 readdir_r readv remove renameat scandir scandir64 sendfile
    sendfile64 setxattr splice stat64 statx symlink symlinkat sync sync_file_range syscall system
    tee tempnam tmpfile tmpfile64 tmpnam truncate truncate64 unlinkat utime utimensat utimes
    vmsplice writev
    """.split())


class FileCallsTest(NightlyTest):
    def setUp(self):
        super().setUp()
        random_logs.write_csv(self.logs / "a.csv", events_of_days(1, 1))
        self.log = self.folder.with_suffix(".calls")  # beside what is counted
        self.addCleanup(self.log.unlink, missing_ok=True)

    def night(self, name, **settings):
        """Runs a night; its result, and the calls that were counted."""
        self.log.unlink(missing_ok=True)
        self.job = Job(self, name, self.logs, "--threads", 1)
        result = self.command(*self.job.arguments("run", "--date", date_of(0)),
                              env=file_calls.environment(self.folder, log=self.log, **settings))
        return result, file_calls.read_log(self.log)

    def calls(self, name, **settings):
        result, calls = self.night(name, **settings)
        self.assertEqual(result.code, DONE, str(result))
        return calls

    def test_the_program_calls_nothing_that_would_go_unseen(self):
        if "GCOV_ERROR_FILE" in os.environ:
            skip_loudly("a coverage build writes its counts by calls of its own")
        lines = subprocess.run(["nm", "-D", "--undefined-only", TIEFLOW], check=True, text=True,
                               capture_output=True).stdout.splitlines()
        called = {line.split()[1].split("@")[0] for line in lines}
        self.assertLess({"open", "write", "rename", "fsync"}, called)
        self.assertEqual(called & UNSEEN, set())

    def test_calls_are_numbered_and_say_what_became_of_the_files(self):
        data = self.folder.with_suffix(".data")
        data.mkdir()
        self.addCleanup(lambda: [path.unlink() for path in data.iterdir()] and data.rmdir())
        calls = self.calls("job", data=data)
        self.assertEqual([call.number for call in calls], list(range(1, len(calls) + 1)))
        contents = {}  # by inode
        names = {}
        for call in calls:
            if call.name == "write":
                content = (data / str(call.number)).read_bytes()
                self.assertEqual(len(content), call.result)
                self.assertEqual(len(contents.setdefault(call.inode, b"")), call.offset)
                contents[call.inode] += content
            elif call.name == "open" and call.result >= 0:
                names[call.path] = call.inode
            elif call.name == "rename":
                self.assertEqual(names.pop(call.path), call.inode)
                names[call.other] = call.inode
        table = self.job.folder(0) / "ties.csv"
        making = str(self.job.out / f".making-{date_of(0)}" / "ties.csv")
        self.assertEqual(table.stat().st_ino, names[making])
        self.assertEqual(table.read_bytes(), contents[names[making]])

    def test_kinds_are_counted_as_asked(self):
        names = {}
        for kinds in ("changes", "opens", "reads", "looks", file_calls.ALL_KINDS):
            calls = self.calls(kinds, kinds=kinds)
            names[kinds] = {call.name for call in calls}
        self.assertEqual(names.pop(file_calls.ALL_KINDS), set().union(*names.values()))
        self.assertEqual(names["opens"], {"open", "opendir"})
        self.assertEqual(names["reads"], {"read", "readdir"})
        self.assertEqual(names["looks"], {"stat"})
        self.assertEqual(names["changes"], {"mkdir", "open", "write", "fsync", "syncfs", "rename",
                                            "renameat2"})

    def test_a_kill_comes_before_amid_or_behind_its_call(self):
        calls = self.calls("whole")
        write = next(call for call in calls if call.name == "write")
        for action, size in (("kill-before", 0), ("kill-amid", (write.length + 1) // 2),
                             ("kill-after", write.length)):
            result, counted = self.night(action, first=write.number, action=action)
            self.assertEqual(result.code, -signal.SIGKILL)
            last = counted[-1]
            self.assertEqual((last.number, last.name), (write.number, "write"))
            self.assertEqual(last.result, None if action == "kill-before" else size)
            path = self.job.state / ".next" / write.path.rsplit("/", 1)[1]
            self.assertEqual(path.stat().st_size, size)

    def test_calls_fail_with_the_error_and_in_the_range_that_was_asked_for(self):
        fsyncs = [call.number for call in self.calls("whole") if call.name == "fsync"]
        result, counted = self.night("one", first=fsyncs[1], action="fail", error="ENOSPC")
        self.assertEqual(result.code, IO)
        self.assertEqual({call.number: call.error for call in counted if call.name == "fsync"},
                         {fsyncs[0]: 0, fsyncs[1]: errno.ENOSPC})
        _, counted = self.night("names", first=1, last=0, names="syncfs,fsync", action="fail")
        self.assertEqual([call.name for call in counted if call.error == errno.EIO], ["syncfs"])

    def test_writes_are_short_where_asked(self):
        whole = self.calls("whole")
        written = digests(self.job.out)
        calls = self.calls("short", first=1, last=0, step=2, names="write", action="short")
        self.assertEqual(digests(self.job.out), written)
        self.assertGreater(len(calls), len(whole))
