"""`tieflow generate`: the log that was asked for, and the same one every time."""

import collections
import resource

from tests.cli import oracle
from tests.cli.oracle import DAY_MS, DISCONNECT, Event
from tests.cli.support import (IO, USAGE, CommandTest, digests, manifest_of, quality_of, rows_of,
                               text_of)

SMALL = ("--ties", 1000, "--degree", 10)
START_MS = 1_767_225_600_000  # 2026-01-01, the default


class GenerateTest(CommandTest):
    def generate(self, name, *options):
        path = self.folder / name
        self.succeed("generate", "-o", path, *options)
        return path

    def ties(self, log, *options):
        out = self.folder / f"{log.name}.tables"
        self.succeed("ties", log, "-o", out, *options)
        return out

    def events(self, *options):
        rows = rows_of(self.generate("events.csv", *options))
        return [Event(int(row["at"]), int(row["from"]), int(row["to"]), row["kind"], row["origin"])
                for row in rows]

    def test_the_same_seed_gives_the_same_bytes_in_every_format(self):
        for ending in ("csv", "ndjson", "tfp", "avro", "csv.zst", "ndjson.zst"):
            one = self.generate(f"one.{ending}", *SMALL, "--seed", 5)
            same = self.generate(f"same.{ending}", *SMALL, "--seed", 5)
            other = self.generate(f"other.{ending}", *SMALL, "--seed", 6)
            self.assertEqual(one.read_bytes(), same.read_bytes(), ending)
            self.assertNotEqual(one.read_bytes(), other.read_bytes(), ending)

    def test_every_format_holds_the_same_events(self):
        tables = set()
        for ending in ("csv", "ndjson", "tfp", "avro", "csv.zst", "ndjson.zst"):
            out = self.ties(self.generate(f"log.{ending}", *SMALL))
            tables.add(tuple(digests(out, without=["manifest.json"]).items()))
        self.assertEqual(len(tables), 1)

    def test_the_number_of_ties_is_the_one_asked_for_under_both_settings(self):
        for ties, degree in ((1, 1), (7, 2), (1000, 10), (30000, 20)):
            for share in (0, 0.3):
                log = self.generate(f"{ties}.{share}.tfp", "--ties", ties, "--degree", degree,
                                    "--disconnects", share, "--warts", share)
                for simultaneous in (oracle.STRICT, oracle.SEQUENCE):
                    out = self.ties(log, "--simultaneous", simultaneous, "--format", "csv")
                    self.assertEqual(manifest_of(out)["summary"]["ties"], ties)

    def test_the_log_is_in_order_and_inside_its_days(self):
        events = self.events(*SMALL, "--start", "2020-02-28", "--days", 2)
        times = [event.at for event in events]
        first = 1_582_848_000_000  # 2020-02-28
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(times[0], first)
        self.assertLess(times[-1], first + 2 * DAY_MS)
        self.assertGreater(times[-1], first + DAY_MS)

    def test_without_disconnects_and_warts_every_record_makes_a_tie(self):
        log = self.generate("plain.csv", *SMALL, "--disconnects", 0, "--warts", 0)
        count = quality_of(self.ties(log))
        self.assertEqual((count["read"], count["ties"]), (1000, 1000))

    def test_disconnects_and_warts_come_in_the_shares_asked_for(self):
        log = self.generate("rough.csv", "--ties", 10000, "--degree", 20, "--disconnects", 0.2,
                            "--warts", 0.1)
        count = quality_of(self.ties(log))
        self.assertAlmostEqual(count["endings"] / 10000, 0.2, delta=0.03)
        warts = count["duplicate"] + count["orphan"] + count["self_loop"]
        self.assertAlmostEqual(warts / 10000, 0.1, delta=0.03)
        self.assertTrue(all(count[check] > 0 for check in ("duplicate", "orphan", "self_loop")))

    def test_members_follow_from_the_degree_and_ids_from_the_flag(self):
        def members(*options):
            return {member for event in self.events(*options) for member in (event.from_, event.to)}

        self.assertLessEqual(max(members("--ties", 1000, "--degree", 10)), 200)
        self.assertLessEqual(max(members("--ties", 1000, "--degree", 4)), 500)
        spread = members("--ties", 1000, "--degree", 10, "--random-ids")
        self.assertGreater(max(spread), 2**60)

    def test_closure_makes_triangles(self):
        sums = [manifest_of(self.ties(self.generate(f"{closure}.tfp", "--ties", 20000, "--degree",
                                                    20, "--closure", closure)))
                ["summary"]["mutual_sum"] for closure in (0, 0.8)]
        self.assertGreater(sums[1], 2 * sums[0])

    def test_a_generated_log_gives_the_oracles_table(self):
        options = ("--ties", 3000, "--degree", 20, "--disconnects", 0.2, "--warts", 0.1)
        events = self.events(*options)
        self.assertTrue(any(event.kind == DISCONNECT for event in events))
        out = self.ties(self.folder / "events.csv")
        self.assertSameText(oracle.ties_csv(oracle.Oracle(events).ties), text_of(out / "ties.csv"),
                            "ties.csv")

    def test_every_model_gives_the_same_bytes_for_any_threads(self):
        for model in ("study", "stream", "rmat"):
            options = ("--model", model, "--ties", 700_000, "--degree", 50)  # more than a block
            one, same, other = (self.generate(f"{model}.{i}.tfp", *options, "--threads", threads,
                                              "--seed", seed).read_bytes()
                                for i, (threads, seed) in enumerate(((1, 5), (2, 5), (2, 6))))
            self.assertEqual(one, same, model)
            self.assertNotEqual(one, other, model)

    def test_without_room_no_log_is_left(self):
        for model in ("study", "stream", "rmat"):
            self.refuse(IO, "generate", "-o", self.folder / "log.tfp", "--model", model, "--ties",
                        700_000, "--degree", 50, limits={resource.RLIMIT_FSIZE: 1_000_000})
            self.assertEqual(list(self.folder.iterdir()), [])

    def test_killed_a_log_has_not_taken_its_name(self):
        log = self.folder / "log.tfp"
        self.assertTrue(self.kill_after(["generate", "-o", log, "--model", "stream", "--ties",
                                         10**9], 0.5))
        self.assertFalse(log.exists())

    def test_the_stream_model_makes_the_ties_asked_for_over_five_years(self):
        log = self.generate("stream.csv", "--model", "stream", *SMALL, "--disconnects", 0.2,
                            "--warts", 0.1)
        first, last = rows_of(log)[0], rows_of(log)[-1]
        self.assertLess(int(first["at"]) - 1_420_070_400_000, 2 * DAY_MS)  # 2015-01-01
        self.assertGreater(int(last["at"]) - 1_420_070_400_000, 1820 * DAY_MS)
        for simultaneous in (oracle.STRICT, oracle.SEQUENCE):
            out = self.ties(log, "--simultaneous", simultaneous)
            count = quality_of(out)
            self.assertEqual(count["ties"], 1000)
            self.assertAlmostEqual(count["endings"], 200, delta=50)
            self.assertTrue(all(count[check] > 0 for check in ("duplicate", "orphan", "self_loop")))

    def test_the_rmat_model_makes_distinct_ties_with_hubs(self):
        log = self.generate("rmat.csv", "--model", "rmat", "--ties", 20000, "--scale", 12)
        count = quality_of(self.ties(log))
        self.assertEqual((count["read"], count["ties"]), (20000, 20000))
        degrees = collections.Counter(row[end] for row in rows_of(log) for end in ("from", "to"))
        self.assertLessEqual(max(map(int, degrees)), 4096)
        self.assertGreater(degrees.most_common(1)[0][1], 500)
        by_degree = self.generate("degree.csv", "--model", "rmat", "--ties", 20000, "--degree", 10)
        self.assertEqual(by_degree.read_bytes(), log.read_bytes())  # 2 * 20000 / 10 <= 2^12

    def test_options_that_contradict_the_model_are_refused(self):
        out = self.folder / "log.csv"
        rmat = ("--model", "rmat", "--ties", 1000)
        stream = ("--model", "stream", "--ties", 1000)
        for says, options in (("--model", ("--model", "other")),
                              ("--scale", ("--scale", 12)),
                              ("--scale", (*stream, "--scale", 12)),
                              ("--scale", (*rmat, "--scale", 29)),
                              ("--degree", (*rmat, "--scale", 12, "--degree", 10)),
                              ("--closure", (*rmat, "--closure", 0)),
                              ("--disconnects", (*rmat, "--disconnects", 0.01)),
                              ("--warts", (*rmat, "--warts", 0.01)),
                              ("pairs", (*rmat, "--scale", 6)),
                              ("raise the scale", ("--model", "rmat", "--ties", 130944,
                                                   "--scale", 10)),
                              ("mean degree", (*stream, "--degree", 100)),
                              ("members", ("--model", "stream", "--ties", 10**11)),
                              ("more days", ("--model", "stream", "--ties", 20000, "--degree", 10,
                                             "--days", 0.001)),
                              ("--careers", (*stream, "--degree", 10, "--careers")),
                              ("--careers", ("--scale", 12, "--careers"))):
            self.refuse(USAGE, "generate", "-o", out, *options, says=says)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_cannot_be_generated_is_refused(self):
        out = self.folder / "log.csv"
        for says, options in (("pairs", ("--ties", 1000, "--degree", 1000)),
                              ("--ties", ("--ties", 0)),
                              ("--closure", ("--closure", 1.5)),
                              ("--start", ("--start", "2026-02-30")),
                              ("must end in", ("-o", self.folder / "log.txt")),
                              ("no arguments", ("more.csv",))):
            self.refuse(USAGE, "generate", "-o", out, *SMALL, *options, says=says)
        self.refuse(USAGE, "generate", says="--out")
        self.assertEqual(list(self.folder.iterdir()), [])
