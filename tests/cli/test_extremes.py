"""Ids, times and counts at their extremes and just beyond, through every reader; clocks that jump.

The extremes are taken exactly, as the oracle says. What lies beyond is set aside with its reason
and changes nothing else. (Worlds of test_attribute.py visit the same edges with moves.)
"""

import itertools
import json
import os
import random

import fastavro

from tests.cli import oracle, random_logs
from tests.cli.nightly import Job, NightlyTest, events_of_days, expected_tables, first_ms
from tests.cli.oracle import CONNECT, DAY_MS, DISCONNECT, SEQUENCE, STRICT, Event
from tests.cli.random_logs import ID_MAX, ODD_IDS, TIME_MAX, TIME_MIN
from tests.cli.support import (DATA_WRONG, USAGE, CommandTest, digests, quality_of, rows_of,
                               text_of)

EDGE_TIMES = (TIME_MIN, TIME_MIN + 1, -DAY_MS, -1, 0, 1, 2**31 - 1, 2**31, 2**32, TIME_MAX - 1,
              TIME_MAX)
BEYOND_TIMES = (TIME_MIN - 1, TIME_MAX + 1, 2**63 - 1, -2**63)
BEYOND_64_BITS = (2**63, -2**63 - 1, 2**64, 10**40)
NO_NUMBERS = ("", " 1", "1 ", "+1", "1.0", "1e3", "0x1", "NaN", "inf", "true", "١", "1_000", "--1",
              "-")
YEAR_MS = 31_556_952_000  # a 400th of the Gregorian cycle
CENTURIES_LATER = "2526-01-01"

AVRO = {"type": "record", "name": "c", "fields": [
    {"name": "at", "type": "long"}, {"name": "from", "type": "long"},
    {"name": "to", "type": "long"}, {"name": "kind", "type": "string"}]}


def signed(number):
    """A 64-bit unsigned number in two's complement."""
    return number - 2**64 if number >= 2**63 else number


def write_avro(path, events, codec="null"):
    with open(path, "wb") as file:
        fastavro.writer(file, AVRO, [{"at": e.at, "from": signed(e.from_), "to": signed(e.to),
                                      "kind": e.kind} for e in events], codec=codec)
    return path


def edge_events():
    """Every odd id with the next at every edge of time, made and ended, and made again."""
    pairs = list(itertools.pairwise(ODD_IDS)) + [(ODD_IDS[0], ODD_IDS[-1])]
    events = [Event(at, *pair, kind) for at in EDGE_TIMES for pair in pairs
              for kind in (CONNECT, DISCONNECT)]
    return random.Random(1).sample(events, len(events))


class ExtremesTest(CommandTest):
    def ties(self, log, *options):
        out = self.folder / f"{log.name}.tables"
        self.succeed("ties", log, "-o", out, "--format", "csv", "--quiet", *options)
        return out

    def test_extremes_are_exact_through_every_reader(self):
        events = edge_events()
        rng = random.Random(2)
        logs = [random_logs.write_csv(self.folder / "plain.csv", events),
                random_logs.write_csv(self.folder / "packed.csv.zst", events),
                random_logs.write_bytes(self.folder / "odd.csv",
                                        random_logs.odd_csv_text(rng, events).encode()),
                random_logs.write_bytes(self.folder / "lines.ndjson",
                                        random_logs.ndjson_text(rng, events).encode()),
                write_avro(self.folder / "null.avro", events),
                write_avro(self.folder / "deflate.avro", events, "deflate"),
                self.folder / "own.tfp", self.folder / "own.avro"]
        for own in logs[-2:]:
            self.succeed("import", logs[0], "-o", own, "--quiet")
        for simultaneous in (STRICT, SEQUENCE):
            expected = oracle.ties_csv(oracle.Oracle(events, simultaneous).ties)
            for log in logs:
                with self.subTest(log=log.name, simultaneous=simultaneous):
                    out = self.ties(log, "--simultaneous", simultaneous)
                    self.assertSameText(expected, text_of(out / "ties.csv"), log.name)

    def assert_set_aside(self, log, bad):
        """All but the one good record are set aside, each with a reason; the good one is read."""
        out = self.ties(log, "--max-malformed", 1)
        self.assertEqual([(row["from"], row["to"]) for row in rows_of(out / "ties.csv")],
                         [("5", "6")])
        quality = quality_of(out)
        self.assertEqual((quality["read"], quality["malformed"]), (bad + 1, bad))
        reasons = [row["reason"] for row in rows_of(out / "quarantine.csv")]
        self.assertEqual(len(reasons), bad)
        self.assertTrue(all(reasons))
        self.refuse(DATA_WRONG, "ties", log, "-o", self.folder / "strictly", says="malformed")

    def test_numbers_beyond_are_set_aside(self):
        times = [str(at) for at in (*BEYOND_TIMES, *BEYOND_64_BITS)] + list(NO_NUMBERS)
        ids = [str(number) for number in (-1, -2**63, 2**64, 10**40)] + list(NO_NUMBERS)
        lines = [f"{at},1,2" for at in times] + [f"7,{id_},2" for id_ in ids]
        lines += [f"7,1,{id_}" for id_ in ids]
        csv = self.folder / "log.csv"
        csv.write_text("at,from,to\n7,5,6\n" + "\n".join(lines) + "\n", "utf-8")
        self.assert_set_aside(csv, len(lines))
        records = [{"at": at, "from": 1, "to": 2} for at in times]
        records += [{"at": 7, "from": id_, "to": 2} for id_ in ids]
        records += [{"at": int(at), "from": 1, "to": 2} for at in times[:8]]
        records += [{"at": 7, "from": 1, "to": value}
                    for value in (-1, 2**64, 1.5, 1e3, None, True, [], {})]
        ndjson = self.folder / "log.ndjson"
        ndjson.write_text('{"at":7,"from":5,"to":6}\n' +
                          "".join(json.dumps(record) + "\n" for record in records), "utf-8")
        self.assert_set_aside(ndjson, len(records))
        avro = write_avro(self.folder / "log.avro", [
            Event(7, 5, 6), *(Event(at, 1, 2) for at in BEYOND_TIMES)])
        self.assert_set_aside(avro, len(BEYOND_TIMES))

    def test_times_in_other_units_that_lie_beyond_are_set_aside(self):
        log = self.folder / "log.csv"
        for unit, good, least, most in (("s", 7, TIME_MIN // 1000, TIME_MAX // 1000),
                                        ("us", 7000, TIME_MIN * 1000, TIME_MAX * 1000 + 999),
                                        ("ns", 7, -2**63, 2**63 - 1)):
            beyond = [least - 1, most + 1, 2**63, -2**63 - 1, 10**30]
            log.write_text("at,from,to\n" + f"{good},5,6\n{least},7,8\n{most},8,9\n" +
                           "".join(f"{at},1,2\n" for at in beyond))
            with self.subTest(unit=unit):
                out = self.folder / f"{unit}.csv"
                result = self.refuse(DATA_WRONG, "import", log, "-o", out, "--time-unit", unit)
                self.assertIn(str(least - 1), result.err)
                log.write_text("at,from,to\n" + f"{least},7,8\n{most},8,9\n")
                self.succeed("import", log, "-o", out, "--time-unit", unit, "--quiet")
                per_ms = {"s": 1 / 1000, "us": 1000, "ns": 1_000_000}[unit]
                told = [int(row["at"]) for row in rows_of(out)]
                self.assertEqual(told, [least * 1000, most * 1000] if unit == "s" else
                                 [least // int(per_ms), most // int(per_ms)])

    def test_other_logs_keep_to_their_ranges(self):
        """Of each log one good record and one for each value that cannot be."""
        good = {"positions": "at,member,company,kind,precision\n1000,1,1,start,day\n",
                "interactions": "at,from,to,kind,count\n1000,1,2,message,1\n",
                "applications": "at,member,count\n1000,1,1\n",
                "assignments": "at,experiment,member,variant\n1000,1,1,0\n",
                "members": "member,industry,career_start_year,gender\n1,1,2000,female\n",
                "companies": "company,canonical,industry\n1,,1\n",
                "industries": "industry,naics,it_rank\n1,1,1\n"}
        at = [f"{value}" for value in (*BEYOND_TIMES, 2**63)]
        bad = {"positions": [f"{value},1,1,start,day" for value in at] +
                            ["1000,-1,1,start,day", f"1000,1,{2**64},start,day",
                             "1000,1,1,begin,day", "1000,1,1,start,week"],
               "interactions": [f"{value},1,2,like,1" for value in at] +
                               [f"1000,1,2,like,{count}" for count in (0, -1, 2**32, 2**64)],
               "applications": [f"{value},1,1" for value in at] +
                               [f"1000,1,{count}" for count in (0, -1, 2**32)],
               "assignments": [f"{value},1,1,0" for value in at] + [f"1000,1,1,{2**32}",
                                                                   "1000,1,1,-1"],
               "members": ["1,1,0,", "1,1,10000,", "1,1,-1,", f"1,1,{2**64},", f"{2**64},1,,",
                           "1,-1,,", "1,1,2000,x"],
               "companies": ["-1,,", f"1,{2**64},", "1,,-1"],
               "industries": ["-1,1,1", f"1,1,{2**32}", "1,1,-1"]}
        edges = {"positions": [f"{TIME_MIN},{ID_MAX},{ID_MAX},start,year",
                               f"{TIME_MAX},0,0,end,year", f"{TIME_MAX},0,0,start,month"],
                 "interactions": [f"{TIME_MIN},0,{ID_MAX},like,{2**32 - 1}",
                                  f"{TIME_MAX},{ID_MAX},0,like,{2**32 - 1}"],
                 "applications": [f"{TIME_MAX},{ID_MAX},{2**32 - 1}", f"{TIME_MIN},0,1"],
                 "assignments": [f"{TIME_MIN},{ID_MAX},{ID_MAX},{2**32 - 1}"],
                 "members": [f"{ID_MAX},{ID_MAX},9999,other", "0,0,1,male"],
                 "companies": [f"{ID_MAX},0,{ID_MAX}"],
                 "industries": [f"{ID_MAX},{2**32 - 1},{2**32 - 1}"]}
        connections = self.folder / "connections.csv"
        connections.write_text(f"at,from,to\n1000,1,2\n{TIME_MIN},0,{ID_MAX}\n{TIME_MAX},0,1\n")
        flags = ["--connections", connections]
        for log, text in good.items():
            path = self.folder / f"{log}.csv"
            path.write_text(text + "".join(f"{line}\n" for line in edges[log] + bad[log]))
            flags += ["--" + log, path]
        out = self.folder / "out"
        self.succeed("attribute", *flags, "-o", out, "--format", "csv", "--quiet",
                     "--max-malformed", 1)
        counts = {(row["log"], row["check"]): int(row["count"])
                  for row in rows_of(out / "quality.csv")}
        for log, lines in bad.items():
            with self.subTest(log=log):
                self.assertEqual(counts[log, "malformed"], len(lines))
                self.assertEqual(counts[log, "read"], 1 + len(edges[log]) + len(lines))

    def test_the_least_and_more_than_the_most_that_can_be_generated(self):
        log = self.folder / "log.csv"
        self.succeed("generate", "-o", log, "--ties", 1, "--degree", 1, "--quiet")
        self.assertEqual(len(rows_of(self.ties(log) / "ties.csv")), 1)
        for options in (("--ties", 0), ("--ties", 2**64), ("--degree", 0),
                        ("--days", 0), ("--seed", 2**64), ("--disconnects", 1.1),
                        ("--disconnects", "nan"), ("--start", "10000-01-01")):
            with self.subTest(options=options):
                self.refuse(USAGE, "generate", "-o", log, *options, says=options[0])


class JumpsTest(NightlyTest):
    """Clocks that go back by years and forward by centuries within one log."""

    DAYS = 3

    def jumping(self, seed):
        """A log of some days; its events within these days; and of before and of after them."""
        rng = random.Random(seed)
        events = events_of_days(seed, self.DAYS, 80)
        before = [first_ms(0) - jump for jump in (1, 50 * YEAR_MS, first_ms(0) - TIME_MIN)]
        behind = [first_ms(self.DAYS), first_ms(0) + 500 * YEAR_MS, TIME_MAX]
        jumps = [Event(at, 1, 1000 + i, CONNECT)
                 for i, at in enumerate(rng.choices(before + behind, k=20))]
        whole = list(events)
        for jump in jumps:
            whole.insert(rng.randrange(len(whole) + 1), jump)
        return whole, events, [jump for jump in jumps if jump.at < first_ms(0)]

    def test_a_whole_log_is_what_the_oracle_says(self):
        for seed in range(6):
            whole = self.jumping(seed)[0]
            log = random_logs.write_csv(self.folder / f"{seed}.csv", whole)
            for simultaneous in (STRICT, SEQUENCE):
                out = self.folder / f"{seed}.{simultaneous}"
                self.succeed("ties", log, "-o", out, "--quiet", "--simultaneous", simultaneous)
                self.assertSameText(oracle.ties_csv(oracle.Oracle(whole, simultaneous).ties),
                                    text_of(out / "ties.csv"), str(seed))

    def test_nights_take_their_own_events_whatever_stands_between(self):
        for seed in range(4):
            whole, within, before = self.jumping(seed)
            log = random_logs.write_csv(self.folder / f"{seed}.csv", whole)
            expected = expected_tables(within, STRICT, self.DAYS)
            nights = Job(self, f"nights{seed}", log)
            nights.run_days(range(self.DAYS))
            backfill = Job(self, f"backfill{seed}", log)
            backfill.backfill(0, self.DAYS - 1)
            for day in range(self.DAYS):
                for table in ("ties", "endings"):
                    self.assertSameText(expected[day, table],
                                        text_of(nights.folder(day) / f"{table}.csv"),
                                        f"{seed}, day {day}")
            self.assertEqual(quality_of(nights.folder(0))["earlier"], len(before))
            self.assertEqual(nights.exported(), backfill.exported())
            later = Job(self, f"later{seed}", log)  # whose first date is in the far future
            self.succeed("run", "--state", later.state, "--logs", log, "-o", later.out, "--date",
                         CENTURIES_LATER, "--quiet")
            self.assertEqual(len(rows_of(later.out / f"date={CENTURIES_LATER}" / "ties.csv")),
                             sum(event.at == first_ms(0) + 500 * YEAR_MS for event in whole))

    def test_dates_at_their_limits(self):
        log = random_logs.write_csv(self.folder / "log.csv", [
            Event(TIME_MIN, 1, 2), Event(TIME_MIN + DAY_MS - 1, 2, 3),
            Event(TIME_MIN + DAY_MS, 1, 3), Event(TIME_MAX, 3, 4)])
        state, out = self.folder / "state", self.folder / "out"
        for date, ties in (("0001-01-01", 2), ("0001-01-02", 1)):
            self.succeed("run", "--state", state, "--logs", log, "-o", out, "--date", date,
                         "--quiet")
            self.assertEqual(len(rows_of(out / f"date={date}" / "ties.csv")), ties)
        self.refuse(USAGE, "run", "--state", state, "--logs", log, "-o", out, "--date",
                    "9999-12-31", says="no date comes after it")
        for date in ("0000-12-31", "10000-01-01", "-001-01-01", "2026-02-29", "2026-1-1",
                     "9999-12-32", "2026-01-01T00:00", "", "0", "9223372036854775807"):
            with self.subTest(date=date):
                self.refuse(USAGE, "run", "--state", state, "--logs", log, "-o", out, "--date",
                            date, says="--date")

    def test_times_of_files_do_not_matter(self):
        log = random_logs.write_csv(self.folder / "log.csv", events_of_days(5, self.DAYS))
        tables = set()
        for i, stamp in enumerate((-2**31, 0, 4_102_444_800, 2**33)):
            os.utime(log, (stamp, stamp))
            job = Job(self, f"stamp{i}", log)
            job.run_days(range(self.DAYS))
            tables.add(json.dumps([job.tables(), digests(job.export("csv"))]))
        self.assertEqual(len(tables), 1)
