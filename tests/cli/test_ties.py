"""`tieflow ties` against the oracle, and against itself however a log is cut, spelled, computed.

ORACLE_TIES=n  ties of the largest log that the oracle goes through (`make soak-oracle`)
"""

import csv
import os
import random

from tests.cli import oracle, random_logs
from tests.cli.support import (KERNELS, SMALL_MEMORY, CommandTest, digests, manifest_of,
                               quality_of, rows_of, text_of)

SETTINGS = (oracle.STRICT, oracle.SEQUENCE)
SMALL_LOGS = 160
WIDE_LOGS = 6
REGROUPED_LOGS = 60
LARGE_TIES = int(os.environ.get("ORACLE_TIES", "40000"))

# Memory, threads and instructions that must never show.
TUNINGS = (("--threads", 1), ("--threads", 2), ("--threads", 3, "--kernel", "plain"),
           ("--memory", SMALL_MEMORY, "--threads", 1), ("--memory", SMALL_MEMORY, "--threads", 2),
           ("--memory", "256M", "--kernel", "plain"),
           *(("--memory", "1G", "--kernel", kernel) for kernel in KERNELS))


class TiesTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.runs = 0

    def new_folder(self):
        self.runs += 1
        folder = self.folder / str(self.runs)
        folder.mkdir()
        return folder

    def ties(self, logs, simultaneous, *options):
        out = self.new_folder()
        self.succeed("ties", *logs, "-o", out, "--simultaneous", simultaneous, "--quiet", *options)
        return out

    def one_csv(self, events):
        return random_logs.write_csv(self.new_folder() / "log.csv", events)

    def assert_oracle(self, events, simultaneous, out):
        wanted = oracle.Oracle(events, simultaneous)
        self.assertSameText(oracle.ties_csv(wanted.ties), text_of(out / "ties.csv"), "ties.csv")
        self.assertSameText(oracle.endings_csv(wanted.endings), text_of(out / "endings.csv"),
                            "endings.csv")
        self.assertSameText(oracle.quality_csv(wanted.quality), text_of(out / "quality.csv"),
                            "quality.csv")


class OracleTest(TiesTest):
    def test_small_logs_with_every_wart_give_the_oracles_tables(self):
        for seed in range(SMALL_LOGS):
            events = random_logs.small_log(seed)
            log = self.one_csv(events)
            for simultaneous in SETTINGS:
                with self.subTest(seed=seed, simultaneous=simultaneous):
                    options = TUNINGS[seed % len(TUNINGS)]
                    out = self.ties([log], simultaneous, "--format", "csv", *options)
                    self.assert_oracle(events, simultaneous, out)

    def test_wide_logs_give_the_oracles_tables_for_every_memory_and_thread_count(self):
        for seed in range(WIDE_LOGS):
            events = random_logs.wide_log(seed)
            log = self.one_csv(events)
            for simultaneous in SETTINGS:
                with self.subTest(seed=seed, simultaneous=simultaneous):
                    first = self.ties([log], simultaneous)
                    self.assert_oracle(events, simultaneous, first)
                    for options in TUNINGS:
                        again = self.ties([log], simultaneous, *options)
                        self.assertEqual(digests(first), digests(again), options)

    def test_a_large_log_gives_the_oracles_tables(self):
        made = self.folder / "made.csv"
        self.succeed("generate", "-o", made, "--ties", LARGE_TIES, "--degree", 100, "--disconnects",
                     0.2, "--warts", 0.05)
        minute = 60_000  # so that many are simultaneous
        with open(made, encoding="ascii", newline="") as text:
            events = [oracle.Event(int(row["at"]) // minute * minute, int(row["from"]),
                                   int(row["to"]), row["kind"], row["origin"])
                      for row in csv.DictReader(text)]
        log = self.one_csv(events)
        found = []
        for simultaneous in SETTINGS:
            out = self.ties([log], simultaneous, "--format", "csv")
            self.assert_oracle(events, simultaneous, out)
            summary = manifest_of(out)["summary"]
            found.append((summary["ties"], summary["mutual_sum"]))
        print(f"\n{len(events)} events; ties and the sum of their M: {found}", flush=True)
        self.assertNotEqual(*found, "what is simultaneous should make a difference")

    def test_the_oracle_knows_a_worked_example(self):
        # A square with one diagonal, the last tie made and ended again in one instant.
        log = self.folder / "log.csv"
        log.write_text("at,from,to,kind\n"
                       "10,1,2,connect\n10,3,2,connect\n20,3,4,connect\n20,4,1,connect\n"
                       "30,1,3,connect\n30,3,1,connect\n40,3,1,disconnect\n40,1,3,connect\n"
                       "40,9,9,connect\n50,2,1,disconnect\n50,2,1,disconnect\n")
        out = self.ties([log], oracle.STRICT)
        self.assertEqual(text_of(out / "ties.csv"),
                         "from,to,created_at,ended_at,mutual,degree_from,degree_to,union,strength\n"
                         "1,2,10,50,0,0,0,0,0\n"
                         "3,2,10,,0,0,0,0,0\n"
                         "3,4,20,,0,1,0,1,0\n"
                         "4,1,20,,0,0,1,1,0\n"
                         "1,3,30,40,2,2,2,2,1\n"
                         "1,3,40,,2,3,3,4,0.5\n")
        self.assertEqual(quality_of(out),
                         {"read": 11, "applied": 8, "duplicate": 1, "orphan": 1, "self_loop": 1,
                          "late": 0, "earlier": 0, "malformed": 0, "out_of_order": 0, "ties": 6,
                          "endings": 2})


class QualityTest(TiesTest):
    def test_counts_add_up(self):
        for seed in range(20):
            events = random_logs.small_log(1000 + seed)
            out = self.ties([self.one_csv(events)], oracle.STRICT, "--format", "csv")
            count = quality_of(out)
            self.assertEqual(count["read"], len(events))
            self.assertEqual(count["read"],
                             sum(count[check] for check in ("applied", "duplicate", "orphan",
                                                            "self_loop", "late", "earlier",
                                                            "malformed")))
            self.assertEqual(count["applied"], count["ties"] + count["endings"])
            self.assertEqual(count["ties"], len(rows_of(out / "ties.csv")))
            self.assertEqual(count["endings"], len(rows_of(out / "endings.csv")))


class RegroupingTest(TiesTest):
    """The same events in other files and formats give the same bytes."""

    def write_parts(self, rng, parts):
        """Each part as a file of some format; in log order."""
        folder = self.new_folder()
        paths = []
        for i, events in enumerate(parts):
            name = f"{i:02}"
            kind = rng.choice(("csv", "odd.csv", "ndjson", "csv.zst", "ndjson.zst", "tfp"))
            path = folder / f"{name}.{kind}"
            if kind == "tfp":
                plain = random_logs.write_csv(self.new_folder() / f"{name}.csv", events)
                self.succeed("import", plain, "-o", path, "--quiet")
            elif kind.startswith("ndjson"):
                random_logs.write_bytes(path, random_logs.ndjson_text(rng, events).encode())
            elif kind.startswith("odd"):
                random_logs.write_bytes(path, random_logs.odd_csv_text(rng, events).encode())
            else:
                random_logs.write_csv(path, events)
            paths.append(path)
        return folder, paths

    def assert_same_tables(self, first, other, names):
        for name in names:
            self.assertEqual((first / name).read_bytes(), (other / name).read_bytes(), name)

    def test_a_log_cut_in_place_is_the_same_log_under_both_settings(self):
        for seed in range(REGROUPED_LOGS):
            rng = random.Random(seed)
            events = (random_logs.wide_log(seed, 3000) if seed % 10 == 0
                      else random_logs.small_log(2000 + seed))
            whole = self.one_csv(events)
            folder, _ = self.write_parts(rng, random_logs.cuts(rng, events, rng.randint(1, 6)))
            for simultaneous in SETTINGS:
                with self.subTest(seed=seed, simultaneous=simultaneous):
                    first = self.ties([whole], simultaneous)
                    other = self.ties([folder], simultaneous, *rng.choice(TUNINGS))
                    self.assertEqual(digests(first, without=["manifest.json"]),
                                     digests(other, without=["manifest.json"]))

    def test_under_strict_any_deal_in_any_order_gives_the_same_ties(self):
        tables = ("ties.csv", "ties.parquet", "endings.csv", "endings.parquet")
        for seed in range(REGROUPED_LOGS):
            with self.subTest(seed=seed):
                rng = random.Random(seed)
                events = (random_logs.wide_log(100 + seed, 3000) if seed % 10 == 0
                          else random_logs.small_log(3000 + seed))
                first = self.ties([self.one_csv(events)], oracle.STRICT)
                _, paths = self.write_parts(rng, random_logs.deal(rng, events, rng.randint(1, 6)))
                rng.shuffle(paths)
                other = self.ties(paths, oracle.STRICT, *rng.choice(TUNINGS))
                self.assert_same_tables(first, other, tables)

    def test_under_sequence_the_order_of_the_files_decides(self):
        folder = self.new_folder()
        random_logs.write_csv(folder / "a.csv", [oracle.Event(5, 1, 2), oracle.Event(5, 2, 3)])
        random_logs.write_csv(folder / "b.csv", [oracle.Event(5, 3, 1)])
        forth = self.ties([folder / "a.csv", folder / "b.csv"], oracle.SEQUENCE)
        back = self.ties([folder / "b.csv", folder / "a.csv"], oracle.SEQUENCE)
        self.assertEqual([row["mutual"] for row in rows_of(forth / "ties.csv")], ["0", "0", "1"])
        self.assertEqual([row["from"] for row in rows_of(back / "ties.csv")], ["3", "1", "2"])
        self.assertEqual([row["mutual"] for row in rows_of(back / "ties.csv")], ["0", "0", "1"])

    def test_a_log_through_every_format_and_back_gives_the_same_bytes(self):
        for seed in (1, 2, 3):
            events = random_logs.wide_log(seed, 1500)
            plain = self.one_csv(events)
            first = self.ties([plain], oracle.SEQUENCE)
            chain = plain
            for ending in ("ndjson", "avro", "tfp", "csv.zst", "ndjson.zst", "csv"):
                step = self.new_folder() / f"log.{ending}"
                self.succeed("import", chain, "-o", step, "--quiet")
                chain = step
                with self.subTest(seed=seed, ending=ending):
                    other = self.ties([step], oracle.SEQUENCE)
                    self.assertEqual(digests(first, without=["manifest.json"]),
                                     digests(other, without=["manifest.json"]))
            self.assertEqual(plain.read_bytes(), chain.read_bytes())

    def test_packed_logs_joined_with_cat_are_one_log(self):
        events = random_logs.wide_log(9, 2000)
        parts = []
        for i, part in enumerate((events[:700], events[700:])):
            plain = random_logs.write_csv(self.new_folder() / "log.csv", part)
            parts.append(self.folder / f"{i}.tfp")
            self.succeed("import", plain, "-o", parts[-1])
        joined = self.new_folder() / "joined.tfp"
        joined.write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
        first = self.ties([self.one_csv(events)], oracle.SEQUENCE)
        other = self.ties([joined], oracle.SEQUENCE)
        self.assertEqual(digests(first, without=["manifest.json"]),
                         digests(other, without=["manifest.json"]))

    def test_standard_input_is_a_log_too(self):
        events = random_logs.small_log(77)
        first = self.ties([self.one_csv(events)], oracle.STRICT)
        out = self.new_folder()
        self.succeed("ties", "-", "-o", out, stdin=random_logs.csv_text(events).encode())
        self.assertEqual(digests(first, without=["manifest.json"]),
                         digests(out, without=["manifest.json"]))
