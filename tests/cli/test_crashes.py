"""Runs that are cut short: what they leave must never be taken for a result, and must not last."""

import random
import resource
import shutil
import signal
import subprocess
import time

from tests.cli import random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days, study_options
from tests.cli.oracle import Event
from tests.cli.support import (DONE, IO, RETRY, TIEFLOW, CommandTest, digests, need_file_limits,
                               skip_loudly)

DAYS = 3


def is_litter(name):
    """Whether only a run at work, or a dead one, may have left a file of this name."""
    return name.endswith(".tmp") or any(part.startswith(".") for part in name.split("/"))


def published(folder):
    """Digests of what a reader of the folder sees."""
    return {name: digest for name, digest in digests(folder).items() if not is_litter(name)}


class LeftoversTest(NightlyTest):
    def setUp(self):
        super().setUp()
        random_logs.write_csv(self.logs / "a.csv", events_of_days(1, DAYS))
        self.job = Job(self, "job", self.logs)
        self.reference = Job(self, "reference", self.logs)
        self.reference.run_days(range(DAYS))

    def assert_as_if_nothing_had_happened(self):
        self.assertEqual(digests(self.job.out), digests(self.reference.out))
        self.assertEqual(digests(self.job.state), digests(self.reference.state))

    def test_a_crash_before_the_commit_is_cleaned_up(self):
        self.job.run_days(range(2))
        begun = self.job.state / ".next"
        begun.mkdir()
        (begun / "dictionary.tff").write_bytes(b"half a fi")
        (begun / "adjacency.tff.tmp").write_bytes(b"")
        (begun / f"ties-{date_of(7)}.tff").write_bytes(b"of a date that was never committed")
        staged = self.job.out / f".staging-{date_of(2)}"
        shutil.copytree(self.reference.folder(2), staged)
        (staged / "ties.csv").write_text("from,to\n9,9\n")  # of other logs, of long ago
        (self.job.out / f".staging-{date_of(7)}").mkdir()
        self.job.run(2)
        self.assert_as_if_nothing_had_happened()

    def test_a_crash_behind_the_commit_is_finished_by_the_same_date_or_the_next(self):
        for day in (1, 2):
            with self.subTest(day=day):
                job = self.job = Job(self, f"job{day}", self.logs)
                job.run_days(range(2))
                job.folder(1).rename(job.out / f".staging-{date_of(1)}")
                job.run_days(range(day, DAYS))
                self.assert_as_if_nothing_had_happened()

    def test_a_crash_amid_the_publishing_of_a_backfill_is_finished_by_the_next_date(self):
        self.job.backfill(0, 1)
        whole = self.job.tables()
        self.job.folder(1).rename(self.job.out / f".staging-{date_of(1)}")
        self.job.run(2)
        self.assertEqual(whole, {name: digest for name, digest in self.job.tables().items()
                                 if date_of(2) not in name})

    def test_what_a_crashed_repeat_staged_is_removed(self):
        self.job.run_days(range(2))
        staged = self.job.out / f".repeat-{date_of(1)}"
        shutil.copytree(self.job.folder(1), staged)
        (staged / "ties.csv").write_text("from,to\n9,9\n")
        self.job.run(2)
        self.assert_as_if_nothing_had_happened()

    def test_half_staged_tables_of_a_date_that_was_run_with_another_output_stay_hidden(self):
        self.job.run(0)
        half = self.job.out / f".staging-{date_of(1)}"
        shutil.copytree(self.reference.folder(1), half)
        (half / "manifest.json").unlink()
        (half / "quality.csv").unlink()
        own = self.job.out
        self.job.out = self.folder / "elsewhere"
        self.job.run(1)
        self.job.out = own
        self.job.run(2)
        self.assertEqual([path.name for path in sorted(own.iterdir())],
                         [f"date={date_of(0)}", f"date={date_of(2)}"])

    def test_whole_staged_tables_never_replace_published_ones(self):
        self.job.run_days(range(2))
        staged = self.job.out / f".staging-{date_of(1)}"
        shutil.copytree(self.job.folder(1), staged)
        (staged / "ties.csv").write_text("from,to\n9,9\n")
        self.job.run(2)
        self.assert_as_if_nothing_had_happened()

    def test_a_night_cut_off_before_it_dropped_old_generations_drops_them_when_run_again(self):
        pruned = Job(self, "pruned", self.logs)
        pruned.run_days(range(DAYS - 1))
        pruned.run(DAYS - 1, "--keep", 2)
        self.job.run_days(range(DAYS))  # none is dropped yet
        self.job.run(1, "--keep", 2)
        self.assertEqual(len(self.job.generations()), DAYS)  # nor by an older date
        self.job.run(DAYS - 1, "--keep", 2)
        self.assertEqual(digests(self.job.state), digests(pruned.state))


class FullDiskTest(NightlyTest):
    """Every file fails once it has so many bytes: first all files, then only the longest."""

    def write_facts(self, members):
        """Writes the logs beside the connections; the options that name them."""
        del members
        return ()

    def setUp(self):
        super().setUp()
        need_file_limits()
        events = events_of_days(2, 2, count=600)
        random_logs.write_csv(self.logs / "a.csv", events)
        self.options = self.write_facts(sorted({event.from_ for event in events}))
        self.whole = Job(self, "whole", self.logs, *self.options)
        self.whole.run_days(range(2))
        sizes = {path.stat().st_size for path in self.folder.rglob("*")
                 if path.is_file() and path.parent not in (self.logs, self.folder)}
        self.limits = sorted(sizes - {0, max(sizes)})

    def test_a_night_without_room_fails_and_leaves_no_trace(self):
        job = Job(self, "job", self.logs, *self.options)
        job.run(0)
        before = digests(self.folder)
        failures = 0
        for size in self.limits:
            with self.subTest(size=size):
                result = self.command(*job.arguments("run", "--date", date_of(1)),
                                      limits={resource.RLIMIT_FSIZE: size})
                if result.code == DONE:  # nothing of this date is as long as that
                    break
                failures += 1
                self.assertEqual(result.code, IO, str(result))
                self.assertIn("ulimit -f", result.err)
                self.assertEqual(before, digests(self.folder))
        self.assertGreater(failures, 10)
        job.run(1)
        self.assertEqual(digests(self.whole.out), digests(job.out))
        self.assertEqual(digests(self.whole.state), digests(job.state))

    def test_ties_without_room_fail_and_leave_no_half_file(self):
        whole = self.folder / "ties.whole"
        self.succeed("ties", self.logs, "-o", whole)
        wanted = digests(whole)
        for size in sorted({path.stat().st_size for path in whole.iterdir()})[:-1]:
            out = self.folder / f"out{size}"
            self.refuse(IO, "ties", self.logs, "-o", out, limits={resource.RLIMIT_FSIZE: size})
            self.assertLessEqual(digests(out).items(), wanted.items())
            self.assertFalse((out / "manifest.json").exists())


class StudyFullDiskTest(FullDiskTest):
    """The same with a study each night."""

    def write_facts(self, members):
        return study_options(self.folder, random.Random(6), members, 2)

    def test_a_study_without_room_leaves_the_one_before(self):
        out = self.folder / "study"
        study = ["attribute", "-l", self.logs, "-o", out, *self.options]
        self.succeed(*study)
        before = digests(out)
        for size in sorted({path.stat().st_size for path in out.iterdir()})[:-1]:
            self.refuse(IO, *study, limits={resource.RLIMIT_FSIZE: size})
            self.assertEqual(before, digests(out))


class TailFullDiskTest(FullDiskTest):
    """The same with an adjacency of an earlier night."""

    def write_facts(self, members):
        return "--tail", 1_000_000


class FullMemoryTest(NightlyTest):
    def test_a_night_that_runs_out_of_memory_says_so_and_leaves_no_trace(self):
        random_logs.write_csv(self.logs / "a.csv", events_of_days(3, 2, count=600))
        job = Job(self, "job", self.logs, "--threads", 2)
        job.run(0)
        before = digests(self.folder)
        night = job.arguments("run", "--date", date_of(1))
        refused = 0
        for size in range(4 << 20, 1 << 30, 1 << 20):
            limits = {resource.RLIMIT_AS: size}
            if self.command("--version", limits=limits).code != DONE:
                continue  # not even the libraries can be loaded
            result = self.command(*night, limits=limits)
            if result.code == DONE:
                self.assertGreater(refused, 3)
                return
            refused += 1
            self.assertEqual(result.code, RETRY, str(result))
            self.assertIn("out of memory", result.err)
            self.assertEqual(before, digests(self.folder))
        skip_loudly("this build of tieflow takes address space without end: a sanitizer?")


class TerminationTest(CommandTest):
    def test_sigterm_ends_the_process_by_that_signal_and_publishes_nothing_half(self):
        log = random_logs.write_csv(self.folder / "log.csv", [Event(i, i, i + 1)
                                                              for i in range(1000)])
        whole = self.folder / "whole"
        self.succeed("ties", log, "-o", whole)
        out = self.folder / "out"
        # Standard input that never ends holds the run in the middle of its reading.
        process = subprocess.Popen([str(TIEFLOW), "ties", "-", "-o", str(out)],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        with process:
            process.stdin.write(log.read_bytes())
            process.stdin.flush()
            time.sleep(0.05)
            self.assertIsNone(process.poll())
            process.terminate()
            self.assertEqual(process.wait(), -signal.SIGTERM)  # 143 to a shell
        self.assertEqual(published(out), {})
        self.succeed("ties", log, "-o", out)
        self.assertEqual(digests(whole), digests(out))

    def test_tables_appear_whole_or_not_at_all_however_late_the_signal_comes(self):
        log = self.folder / "log.tfp"
        self.succeed("generate", "-o", log, "--ties", 20000, "--degree", 20)
        whole = self.folder / "whole"
        start = time.monotonic()
        self.succeed("ties", log, "-o", whole)
        seconds = time.monotonic() - start
        wanted = digests(whole)
        rng = random.Random(6)
        for attempt in range(12):
            out = self.folder / f"out{attempt}"
            process = subprocess.Popen([str(TIEFLOW), "ties", str(log), "-o", str(out)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0, seconds))
            process.terminate()
            self.assertIn(process.wait(), (0, -signal.SIGTERM))
            if out.exists():
                found = published(out)
                self.assertLessEqual(found.items(), wanted.items())
                if "manifest.json" in found:  # the last: where it is, all are there
                    self.assertEqual(found, wanted)
