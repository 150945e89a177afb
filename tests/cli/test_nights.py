"""Night after night: the same bytes as in one go, whatever happens in between."""

import fcntl
import random

from tests.cli import oracle, random_logs
from tests.cli.nightly import (Job, NightlyTest, date_of, events_of_days, expected_tables, first_ms)
from tests.cli.oracle import Event
from tests.cli.support import (CONFIG, DATA_WRONG, RETRY, SMALL_MEMORY, USAGE, digests, manifest_of,
                               quality_of, rows_of, text_of)

SETTINGS = (oracle.STRICT, oracle.SEQUENCE)


def in_order(rng, events):
    return [events]


def disordered(rng, events):
    return [rng.sample(events, len(events))]


def contiguous_files(rng, events):
    return random_logs.cuts(rng, events, 3)


def dealt_files(rng, events):
    return random_logs.deal(rng, events, 3)


LAYOUTS = (in_order, disordered, contiguous_files, dealt_files)


class EquivalenceTest(NightlyTest):
    def write_files(self, name, files):
        folder = self.folder / name
        folder.mkdir()
        for i, events in enumerate(files):
            random_logs.write_csv(folder / f"{i}.csv", events)
        return folder

    def assert_oracle(self, job, events, simultaneous, days):
        for (day, table), text in expected_tables(events, simultaneous, days).items():
            self.assertSameText(text, text_of(job.folder(day) / f"{table}.csv"),
                                f"{date_of(day)} {table}.csv")
        whole = oracle.Oracle(events, simultaneous)
        self.assertSameText(oracle.ties_csv(whole.ties), text_of(job.export("csv") / "ties.csv"),
                            "exported ties.csv")

    def test_nights_are_one_backfill_and_what_the_oracle_says(self):
        for seed in range(16):
            rng = random.Random(seed)
            days = rng.randint(2, 5)
            layout = LAYOUTS[seed % len(LAYOUTS)]
            simultaneous = SETTINGS[seed // len(LAYOUTS) % 2]
            files = layout(rng, events_of_days(seed, days))
            logs = self.write_files(f"logs{seed}", files)
            setting = ("--simultaneous", simultaneous)
            nights, whole, mixed = (Job(self, f"{name}{seed}", logs, *setting)
                                    for name in ("nights", "whole", "mixed"))
            with self.subTest(seed=seed, layout=layout.__name__, simultaneous=simultaneous):
                nights.run_days(range(days))
                whole.backfill(0, days - 1, "--threads", 2, "--memory",
                               rng.choice((SMALL_MEMORY, "1G")))
                cut = rng.randrange(1, days)
                mixed.run_days(range(cut))
                mixed.backfill(cut, days - 1)
                self.assertSameJobs(nights, whole)
                self.assertSameJobs(nights, mixed)
                events = [event for file in files for event in file]
                self.assert_oracle(nights, events, simultaneous, days)

    def test_a_backfill_finds_its_dates_in_the_logs(self):
        events = events_of_days(50, 3)
        logs = self.write_files("found", [events[::2], events[1::2]])
        told, found = Job(self, "told", logs), Job(self, "found", logs)
        told.backfill(*((event.at - first_ms(0)) // oracle.DAY_MS
                        for event in (events[0], events[-1])))
        self.succeed(*found.arguments("backfill"))
        self.assertSameJobs(told, found)

    def test_a_file_for_each_night_is_one_backfill(self):
        events = events_of_days(51, 4)
        nights = Job(self, "nights", self.logs)
        for day in range(4):
            random_logs.write_csv(self.logs / f"{date_of(day)}.csv", events_on(events, day))
            nights.run(day)
        whole = Job(self, "whole", self.logs)
        whole.backfill(0, 3)
        self.assertSameJobs(nights, whole)

    def test_a_log_that_grows_past_midnight_is_one_backfill(self):
        for ending in ("csv", "tfp"):
            events = events_of_days(52, 4)
            log = self.logs / f"growing.{ending}"
            nights = Job(self, f"nights.{ending}", log)
            done = 0
            for day in range(4):
                # By the time that the night runs, a part of the next day is there too.
                due = sum(event.at < first_ms(day + 1) for event in events)
                seen = min(len(events), due + 5)
                append(self, log, events[done:seen])
                done = seen
                nights.run(day)
            append(self, log, events[done:])
            whole = Job(self, f"whole.{ending}", log)
            whole.backfill(0, 3)
            with self.subTest(ending):
                self.assertSameJobs(nights, whole)

    def test_threads_and_memory_do_not_show_in_a_state(self):
        logs = self.write_files("tuned", [events_of_days(53, 3, count=2000)])
        jobs = []
        for i, tuning in enumerate((("--threads", 1, "--memory", SMALL_MEMORY), ("--threads", 2))):
            jobs.append(Job(self, f"tuned{i}", logs, *tuning))
            jobs[-1].run_days(range(3))
        self.assertEqual(digests(jobs[0].state), digests(jobs[1].state))
        self.assertEqual(digests(jobs[0].out), digests(jobs[1].out))

    def test_ties_may_be_left_to_the_state(self):
        logs = self.write_files("left", [events_of_days(57, 3)])
        full, left = Job(self, "full", logs), Job(self, "left", logs, "--format", "none")
        full.backfill(0, 1)
        full.run(2)
        left.backfill(0, 1)
        left.run(2)
        self.assertEqual(digests(full.state), digests(left.state))
        self.assertEqual({name: digest for name, digest in full.tables().items()
                          if not name.endswith(("/ties.csv", "/ties.parquet"))}, left.tables())
        self.refuse(64, "ties", "--logs", logs, "-o", self.folder / "none", "--format", "none",
                    says="without a state")
        self.refuse(64, "snapshot", "export", "--state", left.state, "-o", self.folder / "none",
                    "--format", "none", says="nothing to export")

    def test_dates_without_events_have_empty_tables(self):
        events = [event for event in events_of_days(54, 6)
                  if (event.at - first_ms(0)) // oracle.DAY_MS not in (0, 3)]
        logs = self.write_files("gaps", [events])
        nights, whole = Job(self, "nights", logs), Job(self, "whole", logs)
        nights.run_days(range(8))
        whole.backfill(0, 7)
        self.assertSameJobs(nights, whole)
        for day in (0, 3, 6, 7):
            self.assertEqual(rows_of(nights.folder(day) / "ties.csv"), [])
            self.assertEqual(set(quality_of(nights.folder(day)).values()), {0})
        self.assert_oracle(nights, events, oracle.STRICT, 8)

    def test_a_state_can_begin_with_nothing_at_all(self):
        empty = random_logs.write_csv(self.logs / "a.csv", [])
        job = Job(self, "job", self.logs)
        job.run(0)
        random_logs.write_csv(empty, [Event(first_ms(1), 1, 2)])
        job.run(1)
        self.assertEqual(len(rows_of(job.folder(1) / "ties.csv")), 1)


def events_on(events, day):
    return [event for event in events if first_ms(day) <= event.at < first_ms(day + 1)]


def append(test, log, events):
    """More records at the end of a log, as CSV lines or as packed frames."""
    if log.suffix == ".tfp":
        plain = random_logs.write_csv(test.folder / "more.csv", events)
        more = test.folder / "more.tfp"
        test.succeed("import", plain, "-o", more)
        with open(log, "ab") as file:
            file.write(more.read_bytes())
    elif not log.exists():
        random_logs.write_csv(log, events)
    else:
        with open(log, "ab") as file:
            file.write(random_logs.csv_text(events).partition("\n")[2].encode())


class RepeatTest(NightlyTest):
    """Running a date again changes nothing."""

    def setUp(self):
        super().setUp()
        self.events = events_of_days(60, 4)
        self.log = random_logs.write_csv(self.logs / "a.csv", self.events)
        self.job = Job(self, "job", self.logs)

    def assert_repeats(self, day):
        before = digests(self.job.out), digests(self.job.state)
        self.job.run(day)
        self.assertEqual(before, (digests(self.job.out), digests(self.job.state)), date_of(day))

    def test_the_newest_date_and_older_ones_repeat_to_the_byte(self):
        self.job.run_days(range(4))
        for day in (3, 3, 1, 0, 2):
            self.assert_repeats(day)

    def test_a_date_repeats_after_its_log_has_grown_and_others_have_come(self):
        self.job.run_days(range(2))
        append(self, self.log, [Event(first_ms(1) + 5, 70, 71), Event(first_ms(2), 71, 72)])
        random_logs.write_csv(self.logs / "b.csv", [Event(first_ms(1) + 6, 72, 73)])
        self.assert_repeats(1)
        self.assert_repeats(0)

    def test_tables_that_were_deleted_come_back(self):
        self.job.run_days(range(3))
        before = digests(self.job.out)
        for path in self.job.folder(1).iterdir():
            path.unlink()
        self.job.folder(1).rmdir()
        self.job.run(1)
        self.assertEqual(before, digests(self.job.out))

    def test_late_records_stay_late_when_their_night_is_repeated(self):
        self.job.run_days(range(2))
        append(self, self.log, [Event(first_ms(0) + 7, 70, 71), Event(first_ms(2) + 8, 71, 72)])
        self.job.run(2)
        for day in (2, 1, 0):
            self.assert_repeats(day)

    def test_a_backfill_is_repeated_as_a_whole(self):
        self.job.backfill(0, 2)
        before = digests(self.job.out), digests(self.job.state)
        self.job.refused(CONFIG, 2, says=["backfill", date_of(0), date_of(2)])
        self.job.backfill(0, 2)
        self.assertEqual(before, (digests(self.job.out), digests(self.job.state)))

    def test_a_changed_log_is_found_out_and_the_tables_stay(self):
        self.job.run_days(range(2))
        before = digests(self.job.out), digests(self.job.state)
        changed = [event._replace(from_=event.from_ ^ 1) for event in self.events]
        random_logs.write_csv(self.log, changed + [Event(first_ms(9), 1, 2)] * 100)
        self.job.refused(DATA_WRONG, 1, says="changed")
        self.assertEqual(before, (digests(self.job.out), digests(self.job.state)))


class RefusalTest(NightlyTest):
    """What a night must not do, it says."""

    def setUp(self):
        super().setUp()
        self.events = events_of_days(70, 5)
        for i in range(2):
            random_logs.write_csv(self.logs / f"{i}.csv", self.events[i::2])
        self.job = Job(self, "job", self.logs)

    def assert_refused(self, code, day, says, *options):
        before = digests(self.folder)
        self.job.refused(code, day, says, *options)
        self.assertEqual(before, digests(self.folder))

    def test_a_gap_between_dates(self):
        self.job.run(0)
        self.assert_refused(CONFIG, 2, [date_of(1), date_of(2)])
        self.refuse(CONFIG, *self.job.arguments("backfill", "--from", date_of(3), "--to",
                                                date_of(4)), says=date_of(1))
        self.job.run(1)

    def test_a_date_before_the_state_began(self):
        self.job.run(2)
        self.assert_refused(CONFIG, 1, date_of(1))

    def test_a_last_date_before_the_first(self):
        self.refuse(USAGE, *self.job.arguments("backfill", "--from", date_of(3), "--to",
                                               date_of(1)))

    def test_a_log_that_is_still_needed_but_gone(self):
        self.job.run(0)
        (self.logs / "1.csv").unlink()
        self.assert_refused(DATA_WRONG, 1, ["1.csv", "not among the logs"])
        self.assert_refused(DATA_WRONG, 0, ["1.csv", "not among the logs"])

    def test_a_log_that_is_done_with_may_go(self):
        for day in range(3):
            random_logs.write_csv(self.folder / "day.csv", events_on(self.events, day))
            (self.folder / "day.csv").rename(self.logs / f"{date_of(day)}.csv")
            if day == 0:
                (self.logs / "0.csv").unlink()
                (self.logs / "1.csv").unlink()
            else:
                (self.logs / f"{date_of(day - 1)}.csv").unlink()
            self.job.run(day)
        # Only the repeat of a date needs its file.
        self.assert_refused(DATA_WRONG, 1, [f"{date_of(1)}.csv", "not among the logs"])

    def test_a_log_that_was_cut(self):
        self.job.run(0)
        log = self.logs / "0.csv"
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join(lines[:-1]))
        self.assert_refused(DATA_WRONG, 1, ["0.csv", "cut or replaced"])

    def test_a_log_of_fewer_records_in_as_many_bytes(self):
        self.job.run(0)
        log = self.logs / "0.csv"
        size = log.stat().st_size
        random_logs.write_csv(log, self.events[:3])
        with open(log, "a", encoding="utf-8") as file:
            file.write("\n" * (size - log.stat().st_size))
        self.assert_refused(DATA_WRONG, 1, ["0.csv", "replaced"])
        self.assert_refused(DATA_WRONG, 0, ["0.csv", "replaced"])

    def test_another_setting_than_the_states(self):
        self.job.run_days(range(2))
        for day in (1, 2):
            self.assert_refused(CONFIG, day, ["strict", "sequence"], "--simultaneous", "sequence")

    def test_two_logs_of_one_name(self):
        other = self.folder / "other"
        other.mkdir()
        random_logs.write_csv(other / "0.csv", [])
        job = Job(self, "twins", [self.logs, other])
        job.refused(CONFIG, 0, "0.csv")

    def test_a_state_that_another_run_holds(self):
        self.job.run(0)
        with open(self.job.state / "lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.assert_refused(RETRY, 1, ["lock", "another run"])
            self.refuse(RETRY, *self.job.arguments("backfill"), says="another run")
            self.succeed("snapshot", "ls", "--state", self.job.state)  # readers do not wait
        self.job.run(1)

    def test_a_state_whose_file_is_damaged(self):
        self.job.run_days(range(2))
        path = self.job.state / f"gen-{date_of(1)}" / "adjacency.tff"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        night = self.job.run(2)  # goes back to day 0, of which day 1 is made again
        for text in ("DAMAGED STATE", "adjacency.tff", f"generation of {date_of(0)} is taken"):
            self.assertIn(text, night.err)
        whole = Job(self, "whole", self.logs)
        whole.run_days(range(3))
        self.assertEqual(digests(whole.state), digests(self.job.state))
        for path in self.job.state.glob("gen-*/dictionary.tff"):
            path.write_bytes(path.read_bytes()[:-1])
        self.assert_refused(DATA_WRONG, 3, "dictionary.tff")  # there is nowhere to go back to

    def test_too_many_dates(self):
        random_logs.write_csv(self.logs / "2.csv", [Event(253_402_300_799_999, 1, 2)])
        self.refuse(DATA_WRONG, *self.job.arguments("backfill"), says="wrong event time")

    def test_a_backfill_of_no_dates(self):
        for log in self.logs.iterdir():
            random_logs.write_csv(log, [])
        self.refuse(DATA_WRONG, *self.job.arguments("backfill"), says="hold no events")

    def test_the_last_date_of_all(self):
        self.refuse(USAGE, *self.job.arguments("run", "--date", "9999-12-31"),
                    says="no date comes after it")

    def test_a_repeat_with_other_positions(self):
        positions = self.folder / "positions.csv"
        night = self.job.arguments("run", "--date", date_of(0), "--positions", positions)
        head = "at,member,company,kind\n"
        positions.write_text(f"{head}{first_ms(0)},1,5,start\n")
        self.succeed(*night)
        positions.write_text(f"{head}{first_ms(0)},1,6,start\n")
        self.refuse(DATA_WRONG, *night, says=["positions", "other records for this date"])


class LateTest(NightlyTest):
    def test_late_records_are_set_aside_and_change_nothing_else(self):
        events = events_of_days(80, 3)
        late = [Event(first_ms(1) + 3, 1, 2, "disconnect", "organic"), Event(first_ms(0), 5, 6),
                Event(first_ms(1) + 3, 1, 2, "connect", "import"), Event(-1, 7, 7)]
        for simultaneous in SETTINGS:
            jobs = []
            for name in ("clean", "late"):
                folder = self.folder / f"{simultaneous}.{name}"
                folder.mkdir()
                log = random_logs.write_csv(folder / "a.csv", events)
                jobs.append(Job(self, f"{simultaneous}.{name}", log, "--simultaneous",
                                simultaneous))
                jobs[-1].run_days(range(2))
            append(self, jobs[1].logs[0], late)
            for job in jobs:
                job.run(2)
            clean, with_late = jobs
            with self.subTest(simultaneous):
                for day in (0, 1):
                    self.assertEqual(clean.tables(day), with_late.tables(day))
                for table in ("ties.csv", "ties.parquet", "endings.csv", "endings.parquet"):
                    self.assertEqual((clean.folder(2) / table).read_bytes(),
                                     (with_late.folder(2) / table).read_bytes(), table)
                self.assertEqual(clean.exported(), with_late.exported())
                counts = quality_of(with_late.folder(2))
                self.assertEqual(counts["late"], len(late))
                self.assertEqual({**counts, "late": 0, "read": counts["read"] - len(late)},
                                 quality_of(clean.folder(2)))
                rows = [tuple(row.values()) for row in rows_of(with_late.folder(2) / "late.csv")]
                key = ((lambda e: (e.at, e.kind == "connect", e.from_, e.to))
                       if simultaneous == oracle.STRICT else (lambda e: e.at))
                self.assertEqual(rows, [(str(e.at), str(e.from_), str(e.to), e.kind, e.origin)
                                        for e in sorted(late, key=key)])
                # The next night does not see them again.
                with_late.run(3)
                self.assertEqual(quality_of(with_late.folder(3))["late"], 0)

    def test_records_before_the_first_date_ever_are_counted_and_not_taken(self):
        events = events_of_days(81, 3)
        random_logs.write_csv(self.logs / "a.csv", events)
        job = Job(self, "job", self.logs)
        result = job.run(1)
        earlier = len(events_on(events, 0))
        self.assertGreater(earlier, 0)
        self.assertEqual(quality_of(job.folder(1))["earlier"], earlier)
        self.assertIn(str(earlier), result.err)
        job.run(2)
        self.assertEqual(quality_of(job.folder(2))["earlier"], 0)
        fresh = Job(self, "fresh", random_logs.write_csv(
            self.folder / "b.csv", [event for event in events if event.at >= first_ms(1)]))
        fresh.run_days((1, 2))
        self.assertEqual(job.exported(), fresh.exported())


class MalformedTest(NightlyTest):
    def test_the_share_is_of_all_records_that_were_looked_at(self):
        # One bad line among 1 + 199: the first night sees them all but takes only its own.
        good = [Event(first_ms(0), 1, 2)] + [Event(first_ms(1) + i, 3, 4 + i) for i in range(198)]
        text = random_logs.csv_text(good) + "not,a,record,at,all\n"
        (self.logs / "a.csv").write_text(text)
        nights, whole = Job(self, "nights", self.logs), Job(self, "whole", self.logs)
        whole.backfill(0, 1)
        nights.run_days(range(2))
        self.assertSameJobs(nights, whole)
        self.assertEqual(quality_of(nights.folder(0))["malformed"], 1)
        self.assertEqual(quality_of(nights.folder(1))["malformed"], 0)


class KeepTest(NightlyTest):
    def setUp(self):
        super().setUp()
        self.events = events_of_days(90, 6)
        random_logs.write_csv(self.logs / "a.csv", self.events)

    def test_pruned_generations_go_and_their_ties_stay(self):
        kept, full = (Job(self, name, self.logs, "--keep", keep)
                      for name, keep in (("kept", 2), ("full", 100)))
        for job in (kept, full):
            job.run_days(range(6))
        self.assertEqual(kept.generations(), [date_of(4), date_of(5)])
        self.assertEqual(full.generations(), [date_of(day) for day in range(6)])
        self.assertSameJobs(kept, full)
        self.succeed("snapshot", "verify", "--state", kept.state)
        self.succeed("snapshot", "verify", "--state", kept.state, "--date", date_of(4))
        for path in kept.state.glob("gen-*/*"):
            if path.parent.name < f"gen-{date_of(4)}":
                self.assertTrue(path.name.startswith("ties-"), path)
        whole = oracle.Oracle(self.events)
        self.assertSameText(oracle.ties_csv(whole.ties), text_of(kept.export("csv") / "ties.csv"),
                            "exported ties.csv")

    def test_a_pruned_date_cannot_be_repeated_and_the_error_says_why(self):
        job = Job(self, "job", self.logs, "--keep", 2)
        job.run_days(range(4))
        before = digests(self.folder)
        job.refused(CONFIG, 0, [date_of(0), "--keep"])
        job.refused(CONFIG, 2, [date_of(1), "--keep"])  # its predecessor is gone
        self.assertEqual(before, digests(self.folder))
        job.run(3)
        self.assertEqual(before, digests(self.folder))

    def test_one_generation_is_enough_to_go_on(self):
        job, full = Job(self, "job", self.logs, "--keep", 1), Job(self, "full", self.logs)
        job.run_days(range(4))
        full.run_days(range(4))
        self.assertEqual(job.generations(), [date_of(3)])
        self.assertSameJobs(job, full)


class ManifestTest(NightlyTest):
    def test_a_manifest_says_what_was_read_and_left(self):
        random_logs.write_csv(self.logs / "a.csv", [Event(first_ms(day), 1, 2 + day)
                                                    for day in (0, 1, 1, 2)])
        job = Job(self, "job", self.logs)
        for day, left in ((0, 3), (1, 1), (2, 0)):
            job.run(day)
            manifest = manifest_of(job.folder(day))
            self.assertEqual(manifest["date"], date_of(day))
            self.assertEqual(manifest["as_of"], first_ms(day + 1) - 1)
            self.assertEqual(manifest["inputs"],
                             [{"name": "a.csv", "records": 4, "left_for_later": left}])
