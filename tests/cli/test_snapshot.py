"""`tieflow snapshot`: the state listed, verified, and taken out in open formats."""

import subprocess

from tests.cli import oracle, random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days, first_ms
from tests.cli.support import (CACHE, CONFIG, DATA_WRONG, DONE, IO, ROOT, USAGE, digests, flip_bit,
                               needing, rows_of, text_of)
from tests.tools import java

ROARING_VERSION = "1.3.0"
ROARING_ARTIFACT = f"org.roaringbitmap:RoaringBitmap:{ROARING_VERSION}"
DAYS = 3


class SnapshotTest(NightlyTest):
    def setUp(self):
        super().setUp()
        self.events = events_of_days(11, DAYS, count=300)
        random_logs.write_csv(self.logs / "a.csv", self.events)
        self.job = Job(self, "job", self.logs)
        self.job.run_days(range(DAYS))

    def oracle_as_of(self, day):
        return oracle.Oracle([event for event in self.events if event.at < first_ms(day + 1)])


class ListTest(SnapshotTest):
    def test_ls_names_every_generation_with_its_counts(self):
        lines = self.succeed("snapshot", "ls", "--state", self.job.state).out.splitlines()
        self.assertEqual(len(lines), 1 + DAYS)
        for day, line in enumerate(lines[1:]):
            truth = self.oracle_as_of(day)
            open_ties = sum(tie.ended_at is None for tie in truth.ties)
            cells = line.split()
            self.assertEqual(cells[0], date_of(day))
            self.assertEqual(list(map(int, cells[1:4])),
                             [len(truth.neighbours), len(truth.ties), open_ties])

    def test_a_damaged_generation_is_told_and_the_others_are_listed(self):
        with open(self.job.state / f"gen-{date_of(1)}" / "manifest.json", "ab") as manifest:
            manifest.write(b"x")
        lines = self.refuse(DATA_WRONG, "snapshot", "ls", "--state", self.job.state,
                            says="manifest.json").out.splitlines()
        self.assertEqual(["damaged" in line for line in lines], [False, False, True, False])

    def test_what_looks_at_the_newest_generation_tells_that_it_is_damaged(self):
        with open(self.job.state / f"gen-{date_of(DAYS - 1)}" / "manifest.json", "ab") as manifest:
            manifest.write(b"x")
        night = ("--state", self.job.state, "--logs", self.logs, "-o", self.folder / "out")
        self.refuse(DATA_WRONG, "explain", *night, says="manifest.json")
        found = self.refuse(DATA_WRONG, "check", *night, says="1 problem")
        self.assertIn("manifest.json", found.out)
        self.refuse(DATA_WRONG, "snapshot", "verify", "--state", self.job.state,
                    says="manifest.json")

    def test_what_is_missing_is_said(self):
        self.refuse(USAGE, "snapshot", "ls", says="--state")
        self.refuse(USAGE, "snapshot", "--state", self.job.state, says=["ls", "verify", "export"])
        self.refuse(USAGE, "snapshot", "look", "--state", self.job.state, says="verify")
        self.refuse(IO, "snapshot", "ls", "--state", self.folder / "nowhere", says="nowhere")
        self.refuse(USAGE, "snapshot", "export", "--state", self.job.state, says="--out")
        self.refuse(USAGE, "snapshot", "export", "--state", self.job.state, "-o", self.folder / "x",
                    "--format", "xml", says="xml")
        self.refuse(CONFIG, "snapshot", "verify", "--state", self.job.state, "--date", date_of(9),
                    says=date_of(9))
        (self.folder / "empty").mkdir()
        self.refuse(CONFIG, "snapshot", "verify", "--state", self.folder / "empty", says="empty")


class VerifyTest(SnapshotTest):
    def verify(self):
        return self.command("snapshot", "verify", "--state", self.job.state)

    def test_a_sound_state_is_called_sound_for_every_date(self):
        for day in range(DAYS):
            result = self.succeed("snapshot", "verify", "--state", self.job.state, "--date",
                                  date_of(day))
            self.assertIn(f"{date_of(day)}: sound", result.out)

    def newest_files(self):
        """The files that the newest generation needs, its manifest apart."""
        newest = f"gen-{date_of(DAYS - 1)}"
        return [path for path in self.job.state.glob("gen-*/*.tff")
                if path.parent.name == newest or path.name.startswith("ties-")]

    def test_one_flipped_bit_in_any_file_is_found_and_the_file_named(self):
        files = self.newest_files()
        self.assertEqual(len(files), 4 + DAYS)
        for path in files:
            whole = path.read_bytes()
            size = len(whole)
            for offset in sorted({0, 5, 20, size // 3, size // 2, size - 50, size - 1}):
                with self.subTest(file=path.name, offset=offset):
                    flip_bit(path, offset)
                    result = self.verify()
                    self.assertEqual(result.code, DATA_WRONG, str(result))
                    self.assertIn(path.name, result.err)
                    path.write_bytes(whole)
        self.assertEqual(self.verify().code, DONE)

    def test_a_shorter_longer_empty_or_missing_file_is_found_and_named(self):
        for path in self.newest_files():
            whole = path.read_bytes()
            for content in (whole[:-1], whole + b"\0", whole[:len(whole) // 2], b""):
                path.write_bytes(content)
                result = self.verify()
                self.assertEqual(result.code, DATA_WRONG, str(result))
                self.assertIn(path.name, result.err)
            path.unlink()
            result = self.verify()
            self.assertIn(result.code, (DATA_WRONG, IO), str(result))
            self.assertIn(path.name, result.err)
            path.write_bytes(whole)
        self.assertEqual(self.verify().code, DONE)

    def test_one_flipped_bit_in_the_manifest_is_found_and_it_is_named(self):
        path = self.job.state / f"gen-{date_of(DAYS - 1)}" / "manifest.json"
        whole = path.read_bytes()
        lines = whole.decode().splitlines()
        missed = []
        for offset in range(0, len(whole), 5):
            flip_bit(path, offset, mask=0x01)  # turns a digit into another
            result = self.verify()
            if result.code != DATA_WRONG or "manifest.json" not in result.err:
                missed.append((lines[whole[:offset].count(b"\n")].strip(), result.code))
            path.write_bytes(whole)
        self.assertEqual(missed, [])
        self.assertEqual(self.verify().code, DONE)


class ExportTest(SnapshotTest):
    def test_csv_is_the_whole_table_as_of_each_date(self):
        for day in range(DAYS):
            exported = self.job.export("csv", "--date", date_of(day))
            self.assertEqual([path.name for path in exported.iterdir()], ["ties.csv"])
            self.assertSameText(oracle.ties_csv(self.oracle_as_of(day).ties),
                                text_of(exported / "ties.csv"), date_of(day))

    def test_csv_of_nights_is_that_of_the_verb_ties(self):
        out = self.folder / "ties"
        self.succeed("ties", self.logs, "-o", out)
        self.assertSameText(text_of(out / "ties.csv"),
                            text_of(self.job.export("csv") / "ties.csv"), "ties.csv")

    def test_the_index_of_the_sets_lists_every_member_with_its_degree(self):
        truth = self.oracle_as_of(DAYS - 1).neighbours
        rows = rows_of(self.job.export("roaring") / "members.csv")
        self.assertEqual({int(row["member"]): int(row["degree"]) for row in rows},
                         {member: len(others) for member, others in truth.items()})

    def test_an_export_changes_nothing(self):
        before = digests(self.job.state)
        for form in ("csv", "parquet", "both", "roaring"):
            self.job.export(form)
        self.assertEqual(before, digests(self.job.state))


def roaring_class_path():
    """The Java implementation of Roaring, fetched once; skips where there is no Java."""
    with needing("Roaring sets are not read by Java"):
        java.need("java")
        return java.class_path(java.fetch(CACHE / f"RoaringBitmap-{ROARING_VERSION}",
                                          ROARING_ARTIFACT))


class RoaringPeerTest(NightlyTest):
    """What we write, the Java implementation reads."""

    def read_with_java(self, folder):
        done = subprocess.run(["java", "-cp", roaring_class_path(),
                               ROOT / "tests" / "cli" / "RoaringPeer.java", folder],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        sets = {}
        for line in done.stdout.splitlines():
            member, _, others = line.partition(":")
            sets[int(member)] = [int(other) for other in others.split()]
        return sets

    def test_sets_of_ids_at_the_edges_of_64_bits(self):
        events = events_of_days(12, 3, count=400)
        log = random_logs.write_csv(self.logs / "a.csv", events)
        job = Job(self, "job", log)
        job.backfill(0, 2)
        truth = oracle.Oracle(events).neighbours
        self.assertEqual(self.read_with_java(job.export("roaring")),
                         {member: sorted(others) for member, others in truth.items()})

    def test_sets_of_every_container_dense_and_sparse(self):
        # One hub with runs, one with a bitmap, one with an array; in three high halves.
        hubs = {10**18: range(1, 6000), 10**18 + 1: range(2**33, 2**33 + 10_000, 2),
                10**18 + 2: range(2**63, 2**63 + 2**40, 2**30)}
        events = [oracle.Event(first_ms(0), hub, other)
                  for hub, others in hubs.items() for other in others]
        log = random_logs.write_csv(self.logs / "a.csv", events)
        job = Job(self, "job", log)
        job.run(0)
        sets = self.read_with_java(job.export("roaring"))
        self.assertEqual(len(sets), sum(1 + len(others) for others in hubs.values()))
        for hub, others in hubs.items():
            self.assertEqual(sets[hub], list(others))
