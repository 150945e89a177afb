"""Every call about files may fail: a run then says what, where and what to do, has published
nothing by halves, and the next one makes up for it.

    make soak-faults
    TIEFLOW_FAULTS=all python -m unittest tests.cli.test_failing_calls

TIEFLOW_FAULTS  how many failures, evenly dealt out over all of them, or "all" (default 100);
                "sites": as many as make every call of the program fail that leads to one about
                files
"""

import collections
import os
import resource
import shutil
import subprocess

from tests.cli import file_calls
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days
from tests.cli.random_logs import write_csv
from tests.cli.rehearsal import RehearsedTest, parts_of, tree
from tests.cli.support import DONE, IO, TIEFLOW, CommandTest, Result, digests, skip_loudly

FAULTS = os.environ.get("TIEFLOW_FAULTS", "100")

# What the message must advise.
REMEDIES = {"ENOSPC": "make room", "EIO": "the disk may be failing", "EMFILE": "ulimit -n",
            "EROFS": "read-only"}

NEED_ROOM = {"write", "pwrite", "mkdir", "mkostemp", "fsync", "syncfs", "rename", "renameat2",
             "fallocate"}
NEED_A_DESCRIPTOR = {"open", "opendir", "dup", "mkostemp"}

# The runs whose every call fails: as the kept trees behind them are named.
STEPS = ("nights 3", "nights with a study and tails 2", "nights with a study and tails 4",
         "nights with a study and tails 5", "backfill 1", "ties 2", "attribute 2",
         "ties in little memory 1")


def faults_of(call):
    """The errors that this call may well come to, on its own or with all that follow."""
    if call.name in NEED_ROOM or call.name == "open" and call.flags & os.O_CREAT:
        yield "ENOSPC", False
        yield "ENOSPC", True
    if call.name in NEED_A_DESCRIPTOR:
        yield "EMFILE", False
    yield "EIO", False


def passing_every_site(faults):
    """So many of these that every site of the program has to hand on each error."""
    passed = set()
    chosen = []
    for step, call, *error in faults:
        sites = {(site, *error) for site in call.sites}
        if not sites <= passed:
            passed |= sites
            chosen.append((step, call, *error))
    return chosen


class FailingCallsTest(RehearsedTest):
    kinds = file_calls.ALL_KINDS

    def setUp(self):
        super().setUp()
        self.failed = collections.Counter()
        self.steps = [step for step in self.steps if step.after in STEPS]

    def under(self):
        return self.folder  # logs and all

    def may_be_passed_over(self, call):
        """Whether a run may come to its end all the same."""
        return (call.name == "fallocate"  # it would have given back some room early
                or call.flags & os.O_TMPFILE == os.O_TMPFILE  # then a file that has a name serves
                or call.name == "mkdir"  # the folder is there already
                # Removing at the very end what nobody needs: the next run tries again.
                or call.name in ("unlink", "rmdir")
                or call.name in ("stat", "opendir", "readdir") and "/.repeat-" in call.path)

    def assert_told(self, result, call, error):
        """One line says what and where and what to do."""
        self.assertEqual(result.code, IO, str(result))
        line = result.err.splitlines()[-1]
        self.assertTrue(line.startswith("tieflow: "), str(result))
        name = call.path.removesuffix(".tmp")
        self.assertTrue(name in line or os.path.dirname(name) in line, f"{call}\n{line}")
        self.assertIn(REMEDIES[error], line, str(call))

    def disturb(self, step, call, error, is_for_good):
        """Runs the step with that call failing, and alone or all behind it that need room."""
        extent = {"last": 0, "names": ",".join(NEED_ROOM | {"open"})} if is_for_good else {}
        log = self.folder / "disturbed"
        log.unlink(missing_ok=True)
        with self.subTest(step=str(step), call=str(call), error=error, is_for_good=is_for_good):
            self.restore(step.before)
            result = self.command(*step.arguments, "--threads", 1, env=file_calls.environment(
                self.under(), log=log, kinds=self.kinds, first=call.number, action="fail",
                error=error, **extent))
            # Where two threads read at a time the number may be that of another call.
            calls = file_calls.read_log(log)
            call = next((one for one in calls if one.number == call.number), call)
            self.failed[error + (", all from there on" if is_for_good else "")] += 1
            if result.code == DONE and self.may_be_passed_over(call):
                # Files may be left of a generation that was being removed; its manifest is not.
                self.assertEqual(parts_of(tree(self.job)), parts_of(self.kept[step.after]))
            else:
                self.assert_told(result, call, error)
                self.assert_whole(step)
            self.succeed(*step.arguments, "--threads", 1)
            self.assert_undisturbed(step)

    def test_whatever_fails_is_told_and_made_up_for_by_the_next_run(self):
        faults = [(step, call, error, is_for_good) for step in self.steps for call in step.calls
                  for error, is_for_good in faults_of(call)]
        whole = len(faults)
        if FAULTS == "sites":
            faults = passing_every_site(faults)
        count = int(FAULTS) if FAULTS.isdigit() else len(faults)
        for i in range(count):
            self.disturb(*faults[i * len(faults) // count])
        print(f"\n{self.failed.total()} of {whole} failures of calls")
        for kind, number in sorted(self.failed.items()):
            print(f"  {number:6}  {kind}", flush=True)

    def test_short_and_interrupted_reads_and_writes_are_gone_on_with(self):
        for step in self.steps:
            for disturbance in ({"action": "short"},
                                {"action": "fail", "error": "EINTR", "step": 2}):
                with self.subTest(run=str(step), disturbance=disturbance):
                    self.restore(step.before)
                    self.succeed(*step.arguments, "--threads", 1, env=file_calls.environment(
                        self.under(), kinds="changes,reads", first=1, last=0,
                        names="read,pread,write,pwrite", **disturbance))
                    self.assert_undisturbed(step)

    def test_a_read_only_file_system_is_told(self):
        for step in self.steps:
            with self.subTest(step=str(step)):
                self.restore(step.before)
                self.refuse(IO, *step.arguments, says=["read-only", str(self.job)],
                            env=file_calls.environment(self.job, first=1, last=0, action="fail",
                                                       error="EROFS"))
                self.assertEqual(tree(self.job), self.kept[step.before])


class ReadingTest(CommandTest):
    """A log of any format that cannot be read to its end is told, wherever that is."""

    def logs(self):
        """The options that name logs of all formats, each of more than one read where it can be."""
        self.succeed("generate", "-o", self.folder / "log.csv", "--ties", 20000, "--degree", 20)
        yield (self.folder / "log.csv",)
        yield self.folder / "log.csv", "--skip", 3, "--columns", "at=1,from=2,to=3"
        for name in ("log.ndjson", "log.avro", "log.tfp", "log.csv.zst", "log.ndjson.zst"):
            self.succeed("import", self.folder / "log.csv", "-o", self.folder / name)
            yield (self.folder / name,)
        quoted = "at,from,to,note\n" + '1,2,3,"' + "a\n" * 400_000 + '"\n'
        for name, form, text in (
                ("quoted.csv", "csv", quoted),
                ("long.csv", "csv", "at,from,to\n" + "9" * 3_000_000),
                ("konect.txt", "konect", "% sym\n" + "1 2 1 5\n" * 60_000),
                ("comments.txt", "konect", "% a\n" * 100_000 + "1 2 1 5\n"),
                ("matrix.mtx", "mtx", "%%MatrixMarket matrix coordinate pattern symmetric\n" +
                 "% a\n" * 100_000 + "3 3 1\n2 1\n")):
            (self.folder / name).write_text(text)
            yield (self.folder / name, "--input-format", form,
                   *(["--line-times"] if form == "mtx" else []))

    def test_whichever_read_fails_is_told(self):
        calls_of = self.folder / "calls"
        out = self.folder / "out.csv"
        failed = 0
        for log, *options in self.logs():
            arguments = ["import", log, "-o", out, *options]
            calls_of.unlink(missing_ok=True)
            self.command(*arguments, env=file_calls.environment(log, log=calls_of, kinds="reads"))
            calls = file_calls.read_log(calls_of)
            self.assertGreater(len(calls), 1, str(log))
            for call in {1, 2, len(calls) // 2, len(calls) - 1, len(calls)}:
                out.unlink(missing_ok=True)
                with self.subTest(log=log.name, call=call):
                    self.refuse(IO, *arguments, says=[str(log), REMEDIES["EIO"]],
                                env=file_calls.environment(log, kinds="reads", first=call,
                                                           action="fail", error="EIO"))
                    self.assertFalse(out.exists())
                    failed += 1
        self.assertGreater(failed, 30)


class LimitsTest(NightlyTest):
    """Limits and permissions that the system itself enforces."""

    def setUp(self):
        super().setUp()
        write_csv(self.logs / "a.csv", events_of_days(2, 2, count=600))
        self.whole = Job(self, "whole", self.logs)
        self.whole.run_days(range(2))
        self.job = Job(self, "job", self.logs)
        self.job.run(0)
        self.night = self.job.arguments("run", "--date", date_of(1))

    def assert_made_up_for(self):
        self.job.run(1)
        self.assertEqual(digests(self.whole.out), digests(self.job.out))
        self.assertEqual(digests(self.whole.state), digests(self.job.state))

    def test_a_night_without_descriptors_says_so_and_leaves_no_trace(self):
        before = digests(self.folder)
        told = 0
        for count in range(3, 64):
            limits = {resource.RLIMIT_NOFILE: count}
            if self.command("--version", limits=limits).code != DONE:
                continue  # not even the libraries can be loaded
            result = self.command(*self.night, limits=limits)
            if result.code == DONE:
                break
            told += 1
            self.assertEqual(result.code, IO, str(result))
            self.assertIn("ulimit -n", result.err)
            self.assertEqual(before, digests(self.folder))
        self.assertGreater(told, 3)
        self.assert_made_up_for()

    def as_nobody(self, *arguments):
        """Runs the program as a user whom permissions bind; root is not."""
        program = self.folder / "program"
        if not program.exists():
            shutil.copy(TIEFLOW, program)
            self.folder.chmod(0o755)
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            done = subprocess.run([str(program), *map(str, arguments)], capture_output=True,
                                  check=False, **who)
        except OSError as error:
            skip_loudly(f"no other user can be taken on here ({error}), and nothing binds root")
        return Result(done)

    def test_what_may_not_be_written_or_read_is_told(self):
        for path in (self.job.state, self.job.out, *self.job.state.iterdir(),
                     *self.job.out.iterdir()):
            if os.geteuid() == 0:
                os.chown(path, 65534, 65534)
        before = digests(self.folder)
        generation = self.job.state / f"gen-{date_of(0)}"
        for path, mode in ((self.job.state, 0o555), (self.job.out, 0o555), (self.job.state, 0),
                           (self.job.out, 0), (generation, 0), (generation / "dictionary.tff", 0),
                           (self.logs, 0), (self.logs / "a.csv", 0)):
            with self.subTest(path=path, mode=oct(mode)):
                kept = path.stat().st_mode
                path.chmod(mode)
                result = self.as_nobody(*self.night)
                path.chmod(kept)
                self.assertEqual(result.code, IO, str(result))
                self.assertIn("give this user the permission", result.err)
                self.assertIn(str(path), result.err)
                self.assertEqual(before, {name: digest for name, digest
                                          in digests(self.folder).items() if name != "program"})
        self.assert_made_up_for()

    def test_check_finds_out_that_nothing_may_be_written(self):
        self.job.out.chmod(0o555)
        for path in (self.job.out, self.job.out / "below" / "that"):
            result = self.as_nobody("check", self.logs, "-o", path)
            self.assertEqual(result.code, IO, str(result))
            self.assertIn(f"PROBLEM  {path}: cannot be written", result.out)
            self.assertIn("give this user the permission", result.out)

    def test_a_state_that_may_only_be_read_is_read(self):
        for path in (self.job.state, *self.job.state.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        for arguments in (["snapshot", "ls"], ["snapshot", "verify"], ["check", self.logs]):
            result = self.as_nobody(*arguments, "--state", self.job.state)
            self.assertEqual(result.code, DONE, str(result))


class SmallDiskTest(CommandTest):
    """A file system that is really full, where one can be mounted."""

    def test_a_night_on_a_disk_of_any_size_comes_to_its_end_or_says_that_it_is_full(self):
        log = write_csv(self.folder / "a.csv", events_of_days(2, 1, count=600))
        disk = self.folder / "disk"
        disk.mkdir()
        script = f"""
            mount -t tmpfs -o size=$1k tieflow {disk} || exit 99
            shift
            "$@"
            code=$?
            ls -A {disk}/tables/date=* > {self.folder}/seen 2>/dev/null
            exit $code"""
        night = [TIEFLOW, "run", "--state", disk / "state", "--logs", log, "-o", disk / "tables",
                 "--date", date_of(0), "--quiet"]
        full = 0
        for size in range(8, 1000, 8):
            done = Result(subprocess.run(
                ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh",
                 str(size), *map(str, night)], capture_output=True, check=False))
            if done.code not in (DONE, IO):
                skip_loudly(f"no small file system can be mounted here: {done.err.strip()}")
            if done.code == DONE:
                break
            full += 1
            self.assertIn("make room", done.err)
            self.assertEqual((self.folder / "seen").read_text(), "")
        self.assertGreater(full, 5)
        self.assertIn("manifest.json", (self.folder / "seen").read_text())
