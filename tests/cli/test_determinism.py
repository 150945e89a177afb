"""One property: what comes out depends on the events and the settings alone.

A world is a log of some days, and positions for a study of it each night. It is computed in many
ways: with any number of threads, instructions, memory (down to slices of the rows in scratch
files), format, cut into files, order of arrival within what the setting allows, night by night or
in one go. Tables, states and manifests are the same bytes, but for what tells how the log lay: a
manifest names its files, and `quality` counts the records that came out of order.

WORLDS=n  how many small worlds, and a large one for each 20 of them (`make soak-determinism`)
SEED=n    the first world's seed, for a world that failed
"""

import itertools
import os
import pathlib
import random
from typing import NamedTuple

from tests.cli import oracle, random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, first_ms, study_options
from tests.cli.oracle import DAY_MS
from tests.cli.support import KERNELS, SMALL_TABLES, digests, rows_of, text_of

WORLDS = int(os.environ.get("WORLDS", "4"))
SEED = int(os.environ.get("SEED", "1"))
SETTINGS = (oracle.STRICT, oracle.SEQUENCE)
DAYS = 3
LARGE_TIES = 600_000
SLICED = ("--threads", 1, "--memory", "14M")  # the rows of LARGE_TIES are more than a batch gets

TUNINGS = (("--threads", 1), ("--threads", 2), ("--threads", 8), SLICED,
           ("--threads", 2, "--memory", "21M"), ("--threads", 3, "--memory", "27M"),
           ("--threads", 8, "--memory", "256M"), ("--threads", 8, "--memory", "80M"),
           *((*where, "--kernel", kernel) for where in ((), SLICED)
             for kernel in ("plain", *KERNELS)))
FORMS = ("csv", "ndjson", "tfp", "csv.zst", "avro")
LAYOUTS = ("whole", "cut", "dealt", "cut", "whole")
SCHEDULES = ("nights", "backfill", "ties", "mixed")


class Way(NamedTuple):
    """How a world is computed."""

    tuning: tuple
    form: str
    layout: str
    schedule: str


# Each tuning where rows are sliced, and a few of whole jobs.
LARGE_WAYS = (*(Way(tuning, "csv", "whole", "ties") for tuning in TUNINGS),
              Way(SLICED, "csv", "whole", "nights"),
              Way(("--threads", 8, "--memory", "80M", "--kernel", "plain"), "tfp", "dealt", "ties"),
              Way(("--threads", 2, "--memory", "21M"), "csv.zst", "cut", "mixed"))


def ways_of(rng, count):
    """Ways in which each value of each of the four occurs, if they are enough, beside others."""
    columns = []
    for values in (TUNINGS, FORMS, LAYOUTS, SCHEDULES):
        drawn = (value for _ in itertools.count() for value in rng.sample(values, len(values)))
        columns.append(list(itertools.islice(drawn, count)))
    return [Way(*row) for row in zip(*columns)]


class DeterminismTest(NightlyTest):
    def write_world(self, name, events, simultaneous, *options):
        """The log as one file, and what every run of it is told."""
        self.events = events
        self.log = random_logs.write_csv(self.logs / f"{name}.csv", events)
        self.options = ("--simultaneous", simultaneous, *options)
        self.is_strict = simultaneous == oracle.STRICT
        self.whole = Job(self, f"{name}.reference", self.log, *self.options)
        self.whole.run_days(range(DAYS))
        self.exports = {}
        self.ties = self.ties_of(f"{name}.ties", [self.log], ())

    def ties_of(self, name, logs, tuning):
        out = self.folder / name
        self.succeed("ties", *logs, "-o", out, "--quiet", *self.options[:2], *tuning)
        return out

    def files_of(self, rng, name, way):
        """The log as `way` has it: paths in the order in which they are to be given."""
        if way.layout == "whole":
            parts = [self.events]
        elif way.layout == "cut" or not self.is_strict:
            parts = random_logs.cuts(rng, self.events, rng.randint(1, 5))
        else:
            parts = random_logs.deal(rng, self.events, rng.randint(1, 5))
        if way.layout == "whole" and way.form == "csv":
            return [self.log]  # of which manifests tell the same
        folder = self.folder / f"{name}.logs"
        folder.mkdir()
        paths = []
        for i, part in enumerate(parts):
            paths.append(folder / f"{i}.{way.form}")
            plain = random_logs.write_csv(folder / f"{i}.plain.csv", part)
            if way.form.endswith("zst"):
                random_logs.write_bytes(paths[-1], plain.read_bytes())
            else:
                self.succeed("import", plain, "-o", paths[-1], "--quiet")
            plain.unlink()
        if way.layout == "dealt" and self.is_strict:
            rng.shuffle(paths)
        return paths

    def assert_same_tables(self, one, other, way, no_study=()):
        """Of folders of tables, except for what tells how the log lay, and for the studies of the
        folders `no_study`."""
        def is_compared(path):
            folder, stem = path.split("/")[0], pathlib.Path(path).stem
            if stem in ("quality", "study", "report"):  # they hold quality; its rows are, below
                return way.layout != "dealt" and folder not in no_study
            if stem == "revisions":  # of the study of the night before, if it made one
                return not no_study
            return stem != "manifest" and (folder not in no_study or stem in SMALL_TABLES)

        wanted, found = ({path: digest for path, digest in digests(folder).items()
                          if is_compared(path)} for folder in (one, other))
        self.assertEqual([], sorted(path for path in wanted.keys() | found.keys()
                                    if wanted.get(path) != found.get(path)))
        for path in one.rglob("quality.csv"):
            name = path.relative_to(one)
            rows = [[row for row in rows_of(file) if row["check"] != "out_of_order"
                     and (row["log"] == "connections" or name.parts[0] not in no_study)]
                    for file in (path, other / name)]
            self.assertEqual(*rows, name)
        for folder in no_study:  # a study adds columns
            rows = rows_of(other / folder / "ties.csv")
            self.assertEqual([{name: row[name] for name in rows[0]}
                              for row in rows_of(one / folder / "ties.csv")] if rows else [], rows)

    def check(self, rng, way, name):
        logs = self.files_of(rng, name, way)
        if way.schedule == "ties":
            out = self.ties_of(name, logs, way.tuning)
            self.assert_same_tables(self.ties, out, way)
            if logs == [self.log]:
                self.assertEqual(digests(self.ties), digests(out))
            return
        job = Job(self, name, logs, *self.options, *way.tuning)
        first = {"nights": DAYS, "backfill": 0, "mixed": rng.randrange(1, DAYS)}[way.schedule]
        job.run_days(range(first))
        if first < DAYS:
            job.backfill(first, DAYS - 1)
        # A backfill makes the study of its last date.
        self.assert_same_tables(self.whole.out, job.out, way,
                                [f"date={date_of(day)}" for day in range(first, DAYS - 1)])
        form = rng.choice(("csv", "parquet", "roaring"))
        if form not in self.exports:
            self.exports[form] = digests(self.whole.export(form))
        self.assertEqual(self.exports[form], digests(job.export(form)))
        if logs == [self.log] and way.schedule == "nights":
            self.assertEqual(digests(self.whole.out), digests(job.out))
            self.assertEqual(digests(self.whole.state), digests(job.state))

    def check_ways(self, name, seed, ways):
        rng = random.Random(seed)
        for i, way in enumerate(ways):
            with self.subTest(seed=seed, world=name, way=way):
                self.check(rng, way, f"{name}.{i}")

    def test_small_worlds(self):
        for seed in range(SEED, SEED + WORLDS):
            rng = random.Random(seed)
            print(f"\nsmall world, SEED={seed}", flush=True)
            members = random_logs.member_ids(rng, rng.choice((3, 40, 150)))
            times = [first_ms(day) + rng.randrange(DAY_MS) for day in range(DAYS)
                     for _ in range(rng.choice((5, 400)))]
            events = random_logs.random_events(rng, rng.choice((60, 2500)), members, times)
            study = study_options(self.folder, rng, members, DAYS) if seed % 2 == 0 else ()
            simultaneous = SETTINGS[seed // 2 % 2]
            name = f"small{seed}.{simultaneous}"
            self.write_world(name, events, simultaneous, *study)
            self.check_ways(name, seed, ways_of(rng, len(TUNINGS)))

    def test_large_worlds(self):
        for seed in range(SEED, SEED + max(1, WORLDS // 20)):
            print(f"\nlarge world, SEED={seed}", flush=True)
            made = self.folder / "made.csv"
            self.succeed("generate", "-o", made, "--ties", LARGE_TIES, "--degree", 150, "--days",
                         DAYS, "--disconnects", 0.1, "--warts", 0.02, "--start", date_of(0),
                         "--seed", seed, "--quiet")
            events = [oracle.Event(int(at), int(a), int(b), kind, origin) for at, a, b, kind, origin
                      in (line.split(",") for line in text_of(made).splitlines()[1:])]
            for simultaneous in SETTINGS:
                name = f"large{seed}.{simultaneous}"
                self.write_world(name, events, simultaneous)
                self.check_ways(name, seed, LARGE_WAYS)
