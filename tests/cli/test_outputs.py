"""The published files, read by programs that are not ours, and the manifest beside them."""

import subprocess
import sys

import duckdb
import pyarrow.parquet as parquet

from tests.cli import oracle, random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days, first_ms
from tests.cli.oracle import Event
from tests.cli.support import (ROOT, SMALL_MEMORY, SMALL_TABLES, digests, manifest_of, quality_of,
                               rows_of, text_of)

TABLES = ("ties", *SMALL_TABLES)
BAD_LINES = (b'5,1\n', b'x,1,2,connect,organic\n', b'5,"1,2,connect,organic\n',
             b'5,-1,2,connect,organic\n', b'5,1,2,maybe,organic\n', b'5,1,2,connect,by "him"\n',
             b'5,1,18446744073709551616,connect,\n', b'5,1,2,\xff\xfe,organic\n',
             'é,🜚,"a ""b""\nc",,\n'.encode(), b'5,1,2,connect,organic,more\n', b'\t\n',
             b'5,1,2,con\x00nect,organic\n')


class OutputTest(NightlyTest):
    def write_bad_log(self, path, events, copies=1):
        """A log with lines of every kind that cannot be read."""
        lines = random_logs.csv_text(events).encode().splitlines(keepends=True)
        for _ in range(copies):
            for i, bad in enumerate(BAD_LINES):
                lines.insert(1 + i * (len(lines) - 1) // len(BAD_LINES), bad)
        path.write_bytes(b"".join(lines))
        return path

    def check_tables(self, *folders):
        done = subprocess.run([sys.executable, ROOT / "tests" / "check_tables.py", *folders],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def assert_manifest_tells_the_truth(self, folder):
        manifest = manifest_of(folder)
        entries = {entry["file"]: entry for entry in manifest["tables"]}
        self.assertEqual(set(entries) | {"manifest.json"},
                         {path.name for path in folder.iterdir()})
        for name, entry in entries.items():
            path = folder / name
            self.assertEqual(entry["bytes"], path.stat().st_size, name)
            rows = (parquet.read_metadata(path).num_rows if path.suffix == ".parquet"
                    else len(rows_of(path)))
            self.assertEqual(entry["rows"], rows, name)
            self.assertRegex(entry["xxh64"], "^[0-9a-f]{16}$")
        self.assertEqual(manifest["quality"], quality_of(folder))
        self.assertEqual(manifest["summary"]["ties"], entries["ties.csv"]["rows"])
        return manifest


class ReadersTest(OutputTest):
    def test_parquet_is_csv_for_duckdb_and_pyarrow(self):
        folders = []
        for seed in range(12):
            log = self.folder / f"{seed}.csv"
            self.write_bad_log(log, random_logs.small_log(seed) + [Event(0, 1, 2)])
            folders.append(self.folder / f"ties{seed}")
            self.succeed("ties", log, "-o", folders[-1], "--max-malformed", 1)
        log = random_logs.write_csv(self.folder / "wide.csv", random_logs.wide_log(1, 30000, 300))
        folders.append(self.folder / "wide")
        self.succeed("ties", log, "-o", folders[-1])
        self.check_tables(*folders)

    def test_parquet_of_nights_and_exports_is_csv_too(self):
        events = events_of_days(1, 3)
        log = self.write_bad_log(self.logs / "a.csv", events)
        job = Job(self, "job", self.logs, "--max-malformed", 1)
        job.run_days(range(2))
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{first_ms(0)},1,2,disconnect,import\n")  # late
        job.run(2)
        self.check_tables(job.out, job.export("both"))

    def test_a_large_log_of_several_row_groups_is_csv_too(self):
        log = self.folder / "large.tfp"
        self.succeed("generate", "-o", log, "--ties", 250000, "--degree", 50, "--random-ids")
        out = self.folder / "large"
        self.succeed("ties", log, "-o", out)
        self.check_tables(out)

    def test_an_empty_log_gives_tables_that_can_be_read(self):
        for name, content in (("header.csv", "at,from,to\n"), ("nothing.csv", "")):
            log = self.folder / name
            log.write_text(content)
            out = self.folder / f"{name}.tables"
            self.succeed("ties", log, "-o", out)
            self.check_tables(out)
            self.assertEqual(rows_of(out / "ties.csv"), [])
            self.assertIsNone(self.assert_manifest_tells_the_truth(out)["as_of"])

    def test_duckdb_sees_instants_and_nulls(self):
        log = random_logs.write_csv(self.folder / "a.csv", [
            Event(1_767_225_600_123, 1, 2), Event(1_767_225_600_123, 2**64 - 1, 0),
            Event(1_767_225_600_456, 2, 1, "disconnect"),
            Event(random_logs.TIME_MAX, 2, 1), Event(random_logs.TIME_MIN, 3, 4)])
        out = self.folder / "tables"
        self.succeed("ties", log, "-o", out)
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            source = f"read_parquet('{out}/ties.parquet')"
            types = dict(connection.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM "
                                        f"{source})").fetchall())
            self.assertEqual(types["created_at"], "TIMESTAMP WITH TIME ZONE")
            self.assertEqual(types["ended_at"], "TIMESTAMP WITH TIME ZONE")
            self.assertEqual(types["from"], "UBIGINT")
            rows = connection.sql(
                f'SELECT "from", created_at::VARCHAR, ended_at::VARCHAR FROM {source}').fetchall()
        self.assertEqual(rows, [
            (3, "0001-01-01 00:00:00+00", None),
            (1, "2026-01-01 00:00:00.123+00", "2026-01-01 00:00:00.456+00"),
            (2**64 - 1, "2026-01-01 00:00:00.123+00", None),
            (2, "9999-12-31 23:59:59.999+00", None)])

    def test_a_folder_of_dates_is_one_hive_partitioned_table(self):
        events = events_of_days(5, 3)
        random_logs.write_csv(self.logs / "a.csv", events)
        job = Job(self, "job", self.logs)
        job.run_days(range(3))
        with duckdb.connect() as connection:
            counts = connection.sql(
                f"SELECT date::VARCHAR, count(*) FROM read_parquet('{job.out}/*/ties.parquet', "
                "hive_partitioning=true) GROUP BY ALL ORDER BY ALL").fetchall()
        self.assertEqual(counts, [(date_of(day), len(rows_of(job.folder(day) / "ties.csv")))
                                  for day in range(3) if rows_of(job.folder(day) / "ties.csv")])


class ManifestTest(OutputTest):
    def test_rows_bytes_and_quality_are_those_of_the_files(self):
        log = self.write_bad_log(self.folder / "a.csv", random_logs.small_log(1))
        out = self.folder / "tables"
        self.succeed("ties", log, "-o", out, "--max-malformed", 1)
        manifest = self.assert_manifest_tells_the_truth(out)
        self.assertEqual(manifest["settings"], {"simultaneous": "strict"})
        self.assertEqual([entry["name"] for entry in manifest["inputs"]], ["a.csv"])
        random_logs.write_csv(self.logs / "a.csv", events_of_days(6, 3))
        job = Job(self, "job", self.logs)
        job.backfill(0, 2)
        for day in range(3):
            self.assert_manifest_tells_the_truth(job.folder(day))

    def test_two_runs_give_the_same_manifest_whatever_the_clock_and_the_machine(self):
        log = random_logs.write_csv(self.folder / "a.csv", random_logs.wide_log(2))
        for simultaneous in (oracle.STRICT, oracle.SEQUENCE):
            texts = set()
            for i, tuning in enumerate(((), ("--threads", 1, "--memory", SMALL_MEMORY))):
                out = self.folder / f"{simultaneous}{i}"
                self.succeed("ties", log, "-o", out, "--simultaneous", simultaneous, *tuning)
                texts.add(text_of(out / "manifest.json"))
            self.assertEqual(len(texts), 1)

    def test_the_summary_is_that_of_the_table(self):
        log = random_logs.write_csv(self.folder / "a.csv", random_logs.wide_log(3))
        out = self.folder / "tables"
        self.succeed("ties", log, "-o", out)
        mutual = sorted(int(row["mutual"]) for row in rows_of(out / "ties.csv"))
        n = len(mutual)

        def at_rank(numerator, denominator):
            return mutual[-(-n * numerator // denominator) - 1]

        weak_to, medium_to = at_rank(1, 3), at_rank(2, 3)
        weak = sum(m <= weak_to for m in mutual)
        medium = sum(m <= medium_to for m in mutual) - weak
        self.assertEqual(manifest_of(out)["summary"], {
            "ties": n, "mutual_sum": sum(mutual), "mutual_mean": sum(mutual) / n,
            "mutual_median": at_rank(1, 2), "mutual_p90": at_rank(9, 10),
            "mutual_p99": at_rank(99, 100), "mutual_max": mutual[-1],
            "terciles": {"weak_to": weak_to, "medium_to": medium_to, "weak": weak,
                         "medium": medium, "strong": n - weak - medium}})

    def test_run_ids_tell_runs_apart_and_same_runs_not(self):
        def run_id(name, events, *options):
            log = random_logs.write_csv(self.folder / f"{name}.csv", events)
            self.succeed("ties", log, "-o", self.folder / name, *options)
            return manifest_of(self.folder / name)["run_id"]

        events = random_logs.small_log(4)
        first = run_id("first", events)
        self.assertEqual(first, run_id("again", events[::-1]))
        others = [run_id("sequence", events, "--simultaneous", "sequence"),
                  run_id("more", events + [Event(1, 2, 3)]),
                  run_id("origin", [event._replace(origin="import") for event in events])]
        self.assertEqual(len({first, *others}), 4)


class FormatsTest(OutputTest):
    def test_only_the_formats_asked_for_are_written(self):
        log = random_logs.write_csv(self.folder / "a.csv", random_logs.small_log(5))
        both = self.folder / "both"
        self.succeed("ties", log, "-o", both)
        for form in ("csv", "parquet"):
            out = self.folder / form
            self.succeed("ties", log, "-o", out, "--format", form)
            self.assertEqual({path.name for path in out.iterdir()},
                             {f"{table}.{form}" for table in TABLES} | {"manifest.json"})
            self.assertLessEqual(digests(out, without=["manifest.json"]).items(),
                                 digests(both).items())

    def test_a_second_run_leaves_nothing_of_the_first_and_all_that_is_not_ours(self):
        out = self.folder / "tables"
        log = random_logs.write_csv(self.folder / "a.csv", random_logs.small_log(6))
        self.succeed("ties", log, "-o", out)
        (out / "notes.txt").write_text("mine")
        self.succeed("ties", log, "-o", out, "--format", "csv")
        self.assertEqual({path.name for path in out.iterdir()},
                         {f"{table}.csv" for table in TABLES} | {"manifest.json", "notes.txt"})

    def test_the_quarantine_holds_what_was_wrong_and_where(self):
        log = self.write_bad_log(self.folder / "bad.csv", [Event(i, i, i + 1) for i in range(50)])
        out = self.folder / "tables"
        result = self.succeed("ties", log, "-o", out, "--max-malformed", 0.5)
        rows = rows_of(out / "quarantine.csv")
        self.assertEqual(quality_of(out)["malformed"], len(rows))
        self.assertEqual(quality_of(out)["ties"], 50)
        self.assertGreaterEqual(len(rows), len(BAD_LINES))
        self.assertIn("quarantine", result.err)
        lines = log.read_bytes().split(b"\n")
        for row in rows:
            self.assertEqual((row["log"], row["file"]), ("connections", "bad.csv"))
            number, _, reason = row["reason"].partition(": ")
            self.assertTrue(reason)
            self.assertTrue(1 < int(number) <= len(lines))
            line = lines[int(number) - 1]
            if line.isascii() and b"\0" not in line and b'"' not in line:
                self.assertEqual(row["content"], line.decode())
