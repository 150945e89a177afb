"""The n-th allocation fails, for every n over small runs; or the n-th and all after it.

A run then does without what it could not have, and its bytes are those of any other run; or it says
in one line that memory is short, with the exit code that means "try again", and has published all
or nothing of each generation and of each date. Where a verb publishes table by table, the manifest
comes last: without it no table counts, and the next run writes them all. Hidden files may stay
behind a run that had no memory left to name and remove them; the next run does.

ALLOCATIONS  every   each n, not an even sample (`make soak-allocations`). Of the n-th and all after
                     it, and of further runs which do little that no other does, a larger sample
             sites   beside the sample so many that every call of the program fails that leads to
                     an allocation: by their places, as a number is another one where threads race

Freed memory is overwritten, so that no failure path gets by with what it has freed; but not where
it is "every", beyond what the other two would do: filling all memory as well takes ten times as
long as the run.
"""

import collections
import concurrent.futures
import dataclasses
import itertools
import os
import random
import shutil
import subprocess

from tests.cli import random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days, study_options
from tests.cli.support import DONE, RETRY, ROOT, TIEFLOW, TIMEOUT_SECONDS, Result, digests
from tests.cli.test_crashes import published

SHIM = TIEFLOW.parent / "tests" / "shim" / "allocations.so"
EXTENT = os.environ.get("ALLOCATIONS", "sample")
SAMPLE = 12  # of each run and kind of failure
FEW = 4      # likewise of further runs, for what they alone do
MANY = 500   # of both, where the others fail at each n
RACE = 200   # allocations by which threads may be ahead of those of another run
# What is lacking, and what is advised.
TOLD = (("out of memory", "--memory"), ("out of memory", "free some"),
        ("no thread can be started", "ulimit -u"))
MANIFEST = "manifest.json"
LOGS_OF_FACTS = ("positions", "interactions", "applications", "assignments", "members", "companies",
                 "industries")
FOREIGN = "foreign_deflate.avro"  # of a schema that libavro resolves


@dataclasses.dataclass
class Run:
    """A command in the folder `base`, and what that folder is after it."""

    name: str
    base: object
    arguments: tuple
    calls: int = 0
    # Of the program, those that lead to an allocation for the first time: {n: [site, ...]}
    sites: dict = dataclasses.field(default_factory=dict)
    wanted: dict = dataclasses.field(default_factory=dict)


def torn_of(found, before, wanted):
    """What is neither as it was nor as it shall be: files, and whole folders that have a manifest.
    A state may be a night ahead of its tables: the next run shows them."""
    def folder_of(files, manifest):
        folder = manifest.removesuffix(MANIFEST)
        return {path: digest for path, digest in files.items() if path.startswith(folder)}

    torn = [path for path, digest in found.items()
            if digest not in (before.get(path), wanted.get(path))]
    return torn + [path for path in found if path.endswith(MANIFEST) and folder_of(found, path)
                   not in (folder_of(before, path), folder_of(wanted, path))]


def dealt_out(whole, count):
    """So many of the numbers 1, ..., whole, the first and the last among them; or all."""
    if whole <= count:
        return range(1, whole + 1)
    return [1 + i * (whole - 1) // (count - 1) for i in range(count)]


def in_both_kinds(numbers):
    """Failures of each of these alone, and with all that follow."""
    return {f"{number}{after}" for after in ("", "-") for number in numbers}


class AllocationsTest(NightlyTest):
    sites = set()  # that have handed on a failure
    names = itertools.count()

    def setUp(self):
        super().setUp()
        if not SHIM.exists():
            raise AssertionError(f"{SHIM} is missing: run make {SHIM}")

    def counted(self, run, fail=None, is_quick=False):
        """Runs the command in a copy of its folder; (result, copy, number of allocations)."""
        name = next(self.names)
        copy = self.folder / f"{run.name}.{name}"
        count = self.folder / f"{run.name}.{name}.count"
        sites = self.folder / f"{run.name}.{name}.sites"
        shutil.copytree(run.base, copy)
        environment = dict(os.environ, LD_PRELOAD=str(SHIM), ALLOCATIONS_COUNT=str(count))
        if not is_quick:
            environment["MALLOC_PERTURB_"] = "165"
        if fail is not None:
            environment["ALLOCATIONS_FAIL"] = fail
        else:
            environment["ALLOCATIONS_SITES"] = str(sites)
        done = subprocess.run([str(TIEFLOW), *map(str, run.arguments)], cwd=copy, env=environment,
                              capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        calls = int(count.read_text()) if count.exists() else 0
        count.unlink(missing_ok=True)
        if fail is None:
            run.sites = collections.defaultdict(list)
            for number, site in map(str.split, sites.read_text().splitlines()):
                run.sites[int(number)].append(site)
        return Result(done), copy, calls

    def plain(self, run, copy):
        done = subprocess.run([str(TIEFLOW), *map(str, run.arguments)], cwd=copy,
                              capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        return Result(done)

    def fault_of(self, run, fail, is_quick):
        """Why the run with this failure is not as it should be; None where it is. And whether it
        ended by the failure."""
        result, copy, _ = self.counted(run, fail, is_quick)
        try:
            found, before = published(copy), published(run.base)
            if result.code == DONE:
                return None if found == run.wanted else f"other bytes\n{result}", False
            last = (result.err.splitlines() or [""])[-1]
            if result.code != RETRY or not last.startswith("tieflow: ") or not any(
                    lack in last and advice in last for lack, advice in TOLD):
                return f"not told as a lack of memory\n{result}", True
            if digests(copy) == digests(run.base):  # then the next run is the first one again
                return None, True
            if torn_of(found, before, run.wanted):
                return f"half published: {sorted(found)}\n{result}", True
            result = self.plain(run, copy)
            if result.code != DONE or digests(copy) != run.wanted:
                return f"the next run does not mend it\n{sorted(digests(copy))}\n{result}", True
            return None, True
        finally:
            shutil.rmtree(copy)

    def check(self, name, base, *arguments, sample=SAMPLE, first=0):
        """Lets a sample of the command's allocations fail, and each of the first so many."""
        run = Run(name, base, arguments)
        result, copy, run.calls = self.counted(run)
        self.assertEqual(result.code, DONE, str(result))
        run.wanted = digests(copy)
        again, copy, _ = self.counted(run)
        self.assertEqual(digests(copy), run.wanted, str(again))
        thorough = in_both_kinds({*dealt_out(run.calls, sample), *range(1, first + 1)})
        if EXTENT != "sample":
            for n, sites in run.sites.items():
                new = [site for site in sites if site not in self.sites]
                if new:
                    thorough.add(f"{max(1, n - RACE)}@{','.join(new)}")
                    self.sites.update(new)
        fails = set(thorough)
        if EXTENT == "every":
            fails |= in_both_kinds(dealt_out(run.calls, MANY))
            if sample != FEW:
                fails |= {str(n) for n in range(1, run.calls + 1)}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            faults = dict(zip(fails, pool.map(
                lambda fail: self.fault_of(run, fail, fail not in thorough), fails)))
        ended = sum(is_end for _, is_end in faults.values())
        print(f"\n{name}: {run.calls} allocations, {len(fails)} failures, {ended} ended the run",
              flush=True)
        self.assertGreater(ended, len(fails) // 2)
        wrong = {fail: fault for fail, (fault, _) in faults.items() if fault is not None}
        self.assertEqual({}, wrong, f"{len(wrong)} of {len(fails)}")

    def test_ties(self):
        base = self.folder / "base"
        base.mkdir()
        random_logs.write_csv(base / "log.csv", random_logs.wide_log(1, 400, 30))
        self.check("ties", base, "ties", "log.csv", "-o", "tables", "--threads", 2)

    def job_of_a_night(self, *options):
        """A folder in which day 0 has run, and what runs day 1."""
        base = self.folder / "base"
        base.mkdir()
        events = events_of_days(2, 2, count=600)
        random_logs.write_csv(base / "log.csv", events)
        positions = study_options(base, random.Random(6), sorted({e.from_ for e in events}), 2)
        night = ("run", "--state", "state", "--logs", "log.csv", "-o", "tables", "--threads", 2,
                 "--positions", "positions.csv", *positions[2:], *options)
        first = self.plain(Run("first", base, (*night, "--date", date_of(0))), base)
        self.assertEqual(first.code, DONE, str(first))
        return base, (*night, "--date", date_of(1))

    def test_a_night_with_a_study(self):
        base, night = self.job_of_a_night()
        self.check("night", base, *night)

    def test_a_night_with_a_tail(self):
        base, night = self.job_of_a_night("--tail", 1_000_000)
        self.check("tail", base, *night, sample=FEW)

    def test_what_reads_a_state(self):
        base, night = self.job_of_a_night()
        self.assertEqual(self.plain(Run("", base, night), base).code, DONE)
        self.check("export", base, "snapshot", "export", "--state", "state", "-o", "sets",
                   "--format", "roaring")
        self.check("verify", base, "snapshot", "verify", "--state", "state")
        # A database that cannot even be opened gives no handle to ask why.
        self.check("report", base, "report", f"tables/date={date_of(1)}", first=20)
        self.check("attribute", base, "attribute", "--state", "state", "--positions",
                   "positions.csv", "-o", "study", "--threads", 2)

    def made(self, base, *arguments):
        result = self.plain(Run("", base, arguments), base)
        self.assertEqual(result.code, DONE, str(result))

    def test_a_study_of_everything_that_is_known(self):
        base = self.folder / "base"
        base.mkdir()
        self.made(base, "generate", "-o", "world", "--careers", "--csv", "--ties", 300,
                  "--degree", 6, "--move-rate", 0.2)
        logs = [argument for log in LOGS_OF_FACTS
                for argument in (f"--{log}", f"world/{log}.csv")]
        study = ("attribute", "--connections", "world/connections.csv", *logs, "-o", "study",
                 "--threads", 2)
        self.check("everything", base, *study, sample=FEW)
        self.check("moves", base, *study, "--scope", "moves", sample=FEW)

    def test_many_nights_and_what_they_leave(self):
        base, (_, *options) = self.job_of_a_night()
        state = options[:2]
        self.check("backfill", base, "backfill", *options[:-2], "--from", date_of(1), "--to",
                   date_of(1), sample=FEW)
        self.check("list", base, "snapshot", "ls", *state, sample=FEW)
        self.check("explain", base, "explain", *options, sample=FEW)
        for form in ("csv", "parquet"):
            self.check(f"export {form}", base, "snapshot", "export", *state, "-o", "out",
                       "--format", form, sample=FEW)

    def test_logs_of_every_format(self):
        base = self.folder / "base"
        base.mkdir()
        small = ("--ties", 60, "--degree", 6)
        for model in ("stream", "rmat"):
            self.check(model, base, "generate", "-o", "log.ndjson", "--model", model, "--ties", 60,
                       "--degree", 3, sample=FEW)
        self.made(base, "generate", "-o", "log.csv", *small)
        for source, target in (("log.csv", "log.ndjson.zst"), ("log.ndjson.zst", "log.tfp"),
                               ("log.tfp", "out.csv")):
            self.check(f"import {source}", base, "import", source, "-o", target, sample=FEW)
            self.made(base, "import", source, "-o", target)
        (base / "edges.txt").write_text("# a comment\n1\t2\n2\t3\n")
        self.check("edges", base, "import", "edges.txt", "-o", "edges.csv", "--input-format",
                   "snap", "--line-times", sample=FEW)
        self.check("packed ties", base, "ties", "log.tfp", "-o", "tables", "--format", "parquet",
                   sample=FEW)

    def test_generate_and_import(self):
        base = self.folder / "base"
        base.mkdir()
        small = ("--ties", 60, "--degree", 6)
        self.check("generate", base, "generate", "-o", "log.avro", *small)
        self.check("careers", base, "generate", "-o", "world", "--careers", *small)
        made = self.plain(Run("", base, ("generate", "-o", "log.csv.zst", *small)), base)
        self.assertEqual(made.code, DONE, str(made))
        self.check("import", base, "import", "log.csv.zst", "-o", "log.avro")
        shutil.copy(ROOT / "tests/golden" / FOREIGN, base)
        self.check("foreign", base, "import", FOREIGN, "-o", "log.ndjson")
