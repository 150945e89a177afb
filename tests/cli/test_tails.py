"""Nights whose adjacency is of an earlier one: what a state is does not show in what it says."""

import random
import shutil

from tests.cli import oracle, random_logs, test_nights
from tests.cli.nightly import (Job, NightlyTest, date_of, events_of_days, expected_tables, first_ms,
                               study_options)
from tests.cli.oracle import Event
from tests.cli.support import DATA_WRONG, DONE, IO, USAGE, digests, flip_bit, text_of

NEVER = ("--tail", 1_000_000)
ALWAYS = ("--tail", 0)


def adjacencies(job):
    """Dates whose adjacency is in the state."""
    return sorted(path.parent.name.removeprefix("gen-")
                  for path in job.state.glob("gen-*/adjacency.tff"))


class TailTest(NightlyTest):
    def jobs(self, logs, *options):
        """One job of each kind, by name."""
        kinds = {"never": NEVER, "always": ALWAYS, "ten": ("--tail", 10), "half": ("--tail", 50),
                 "default": ()}
        return {name: Job(self, name, logs, *tail, *options) for name, tail in kinds.items()}


class EquivalenceTest(TailTest):
    def assert_same_dates(self, one, other, days):
        """Every generation tells the same neighbours."""
        for day in range(days):
            sets = [digests(job.export("roaring", "--date", date_of(day))) for job in (one, other)]
            self.assertEqual(*sets, date_of(day))
            self.succeed("snapshot", "verify", "--state", one.state, "--date", date_of(day))

    def test_nights_with_any_tail_are_one_backfill_and_what_the_oracle_says(self):
        for seed in range(8):
            rng = random.Random(seed)
            days = rng.randint(3, 6)
            # Few members and many events: pairs part and connect again, on one date and later.
            events = events_of_days(seed, days, count=rng.choice((60, 200, 400)))
            log = random_logs.write_csv(self.logs / f"{seed}.csv", events)
            simultaneous = (oracle.STRICT, oracle.SEQUENCE)[seed % 2]
            setting = ("--simultaneous", simultaneous, "--threads", 1 + seed % 3)
            kinds = {"never": NEVER, "always": ALWAYS, "ten": ("--tail", 10),
                     "large": ("--tail", 150), "default": ()}
            jobs = {name: Job(self, f"{name}{seed}", log, *setting, *tail)
                    for name, tail in kinds.items()}
            whole = Job(self, f"whole{seed}", log, *setting)
            mixed = Job(self, f"mixed{seed}", log, *setting)
            with self.subTest(seed=seed, simultaneous=simultaneous):
                whole.backfill(0, days - 1)
                for job in jobs.values():
                    job.run_days(range(days))
                for job in jobs.values():
                    self.assertSameJobs(job, whole)
                    self.assert_same_dates(job, jobs["always"], days)
                self.assertEqual(digests(jobs["always"].state), digests(jobs["default"].state))
                self.assertEqual(adjacencies(jobs["never"]), [date_of(0)])
                self.assertEqual(adjacencies(jobs["always"]), [date_of(day) for day in range(days)])
                mixed.run(0)
                mixed.backfill(1, days - 2, *NEVER)
                mixed.run(days - 1, *NEVER)
                self.assertSameJobs(mixed, whole)
                for (day, table), text in expected_tables(events, simultaneous, days).items():
                    self.assertSameText(text, text_of(jobs["never"].folder(day) / f"{table}.csv"),
                                        f"{date_of(day)} {table}.csv")

    def test_threads_and_memory_do_not_show_in_a_state_with_tails(self):
        log = random_logs.write_csv(self.logs / "a.csv", events_of_days(9, 4, count=2000))
        one = Job(self, "one", log, *NEVER, "--threads", 1)
        three = Job(self, "three", log, *NEVER, "--threads", 3)
        for job in (one, three):
            job.run_days(range(4))
        self.assertEqual(digests(one.state), digests(three.state))
        self.assertEqual(digests(one.out), digests(three.out))

    def test_studies_are_the_same_with_any_tail(self):
        events = events_of_days(10, 4, count=600)
        log = random_logs.write_csv(self.logs / "a.csv", events)
        options = study_options(self.folder, random.Random(10),
                                sorted({event.from_ for event in events}), 4)
        jobs = self.jobs(log, *options)
        for job in jobs.values():
            job.run_days(range(4))
        for job in jobs.values():
            self.assertEqual(job.tables(), jobs["always"].tables())
            self.assertEqual(job.exported(), jobs["always"].exported())

    def test_dates_without_events_and_members_that_only_the_tail_knows(self):
        events = [Event(first_ms(0), 1, 2), Event(first_ms(2), 3, 4), Event(first_ms(2), 4, 1),
                  Event(first_ms(4), 3, 4, "disconnect"), Event(first_ms(5), 3, 5)]
        log = random_logs.write_csv(self.logs / "a.csv", events)
        jobs = self.jobs(log)
        for job in jobs.values():
            job.run_days(range(7))
        for job in jobs.values():
            self.assertSameJobs(job, jobs["always"])
            self.assert_same_dates(job, jobs["always"], 7)

    def test_a_state_that_begins_with_nothing_at_all(self):
        log = random_logs.write_csv(self.logs / "a.csv", [])
        job = Job(self, "job", self.logs, *NEVER)
        job.run(0)
        events = events_of_days(11, 4)
        events = [event._replace(at=event.at + first_ms(1) - first_ms(0)) for event in events]
        random_logs.write_csv(log, events)
        job.run_days(range(1, 5))
        whole = Job(self, "whole", self.logs)
        whole.backfill(0, 4)
        self.assertSameJobs(job, whole)
        # Whatever comes first is more than any share of nothing.
        self.assertEqual(adjacencies(job), [date_of(0), date_of(1)])


class RewriteTest(TailTest):
    def setUp(self):
        super().setUp()
        # A hundred ties on day 0, then five on each.
        events = [Event(first_ms(0), 2 * i, 2 * i + 1) for i in range(100)]
        for day in range(1, 8):
            events += [Event(first_ms(day), 1000 * day + i, i) for i in range(5)]
        self.log = random_logs.write_csv(self.logs / "a.csv", events)

    def test_the_adjacency_is_written_anew_when_the_tail_passes_its_share(self):
        job = Job(self, "job", self.log, "--tail", 12)
        job.run_days(range(8))
        # 5 of 100, 10 of 105; 15 of 110 are more than 12 %. Then 5 of 115, 10 of 120; 15 of 125 are
        # just 12 %, 20 of 130 more.
        self.assertEqual(adjacencies(job), [date_of(day) for day in (0, 3, 7)])

    def test_a_share_is_passed_only_by_more_than_it(self):
        job = Job(self, "job", self.log, "--tail", 5)
        job.run_days(range(3))
        self.assertEqual(adjacencies(job), [date_of(0), date_of(2)])

    def test_pruning_keeps_the_adjacency_as_long_as_a_kept_date_has_it(self):
        job = Job(self, "job", self.log, *NEVER, "--keep", 2)
        job.run_days(range(4))
        self.assertEqual(job.generations(), [date_of(2), date_of(3)])
        self.assertEqual(adjacencies(job), [date_of(0)])
        job.run(4, *ALWAYS)
        self.assertEqual(adjacencies(job), [date_of(0), date_of(4)])
        job.run(5)
        self.assertEqual(adjacencies(job), [date_of(4)])
        self.succeed("snapshot", "verify", "--state", job.state)

    def test_shares_that_are_no_numbers_are_refused(self):
        job = Job(self, "job", self.log)
        for share in ("-1", "many", "1000001"):
            job.refused(USAGE, 0, "--tail", "--tail", share)


class TailRepeatTest(test_nights.RepeatTest):
    """Running a date again changes nothing, with the adjacency of an earlier one."""

    def setUp(self):
        super().setUp()
        self.job = Job(self, "tail", self.logs, *NEVER)

    def test_a_repeat_with_another_tail_changes_nothing(self):
        self.job.run_days(range(3))
        before = digests(self.job.out), digests(self.job.state)
        for day in (2, 1):
            self.job.run(day, *ALWAYS)
            self.assertEqual(before, (digests(self.job.out), digests(self.job.state)))


class DamageTest(TailTest):
    def setUp(self):
        super().setUp()
        random_logs.write_csv(self.logs / "a.csv", events_of_days(12, 5, count=300))
        self.job = Job(self, "job", self.logs, *NEVER)
        self.job.run_days(range(4))
        self.after = Job(self, "after", self.logs, *NEVER)
        self.after.run_days(range(5))
        self.files = [self.job.state / f"gen-{date_of(0)}" / "adjacency.tff"]
        self.files += [self.job.state / f"gen-{date_of(day)}" / f"ties-{date_of(day)}.tff"
                       for day in range(1, 4)]

    def assert_found(self, path, codes):
        """Verification, the next night and an export find it and name it. The night goes back to
        the last date that does without the file; where there is none it changes nothing. The state
        is left as it was."""
        before = digests(self.folder)
        verify = ("snapshot", "verify", "--state", self.job.state)
        night = self.job.arguments("run", "--date", date_of(4))
        export = self.command("snapshot", "export", "--state", self.job.state, "-o",
                              self.folder / "export", "--format", "roaring")
        self.assertIn(export.code, codes, str(export))
        shutil.rmtree(self.folder / "export")
        commands = [verify, night] if path == self.files[0] else [verify]
        for command in commands:
            result = self.command(*command)
            self.assertIn(result.code, codes, str(result))
            self.assertIn(path.name, result.err)
        self.assertEqual(before, digests(self.folder))
        if path != self.files[0]:
            self.assert_healed(path, night)

    def assert_healed(self, path, night):
        """The night succeeds, says why it took longer, and leaves no trace of the damage."""
        kept = self.folder / "kept"
        for folder in (self.job.state, self.job.out):
            shutil.copytree(folder, kept / folder.name)
        result = self.succeed(*night)
        self.assertIn("DAMAGED STATE", result.err)
        self.assertIn(path.name, result.err)
        self.assertEqual(digests(self.job.state), digests(self.after.state))
        self.assertEqual(digests(self.job.out), digests(self.after.out))
        for folder in (self.job.state, self.job.out):
            shutil.rmtree(folder)
            (kept / folder.name).rename(folder)
        kept.rmdir()

    def assert_seen_by_check(self, path, code):
        result = self.command("check", "--state", self.job.state, "--logs", self.logs)
        self.assertEqual(result.code, code, str(result))
        self.assertIn(path.name, result.out)

    def test_one_flipped_bit_in_the_adjacency_or_in_any_segment_of_the_tail_is_found(self):
        for path in self.files:
            whole = path.read_bytes()
            size = len(whole)
            for offset in sorted({0, 20, size // 3, size // 2, size - 1}):
                with self.subTest(file=path.name, offset=offset):
                    flip_bit(path, offset)
                    self.assert_found(path, (DATA_WRONG,))
                    path.write_bytes(whole)
        self.assertEqual(self.command("snapshot", "verify", "--state", self.job.state).code, DONE)

    def test_a_missing_or_shorter_file_is_found(self):
        for path in self.files:
            whole = path.read_bytes()
            path.write_bytes(whole[:-1])
            self.assert_found(path, (DATA_WRONG,))
            self.assert_seen_by_check(path, DATA_WRONG)
            path.unlink()
            self.assert_found(path, (DATA_WRONG, IO))
            self.assert_seen_by_check(path, IO)
            path.write_bytes(whole)
        self.job.run(4)

    def test_the_segment_of_another_state_is_found(self):
        other = Job(self, "other", random_logs.write_csv(self.folder / "b.csv",
                                                         events_of_days(13, 4, count=300)))
        other.run_days(range(4))
        for path in self.files:
            whole = path.read_bytes()
            path.write_bytes((other.state / path.relative_to(self.job.state)).read_bytes())
            self.assert_found(path, (DATA_WRONG,))
            path.write_bytes(whole)
