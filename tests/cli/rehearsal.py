"""Runs of every kind, rehearsed: what each calls, and what it leaves when nobody disturbs it. Tests
then disturb them."""

import collections
import dataclasses
import random
import shutil
import time

from tests.cli import file_calls, random_logs
from tests.cli.nightly import date_of, first_ms, study_options
from tests.cli.support import CommandTest, digests

# Events of days: few enough behind the first for tails, then too many for them.
EVENTS = (2500, 250, 250, 2500)


@dataclasses.dataclass
class Step:
    """One run of a job: what it does, and what was there before and after it."""

    job: str
    arguments: list
    date: str = None    # that it adds to the state
    before: str = None  # the name under which what was there is kept
    after: str = None
    threads: int = 2    # at most
    calls: list = None  # of one thread
    seconds: float = 0
    following: "Step" = None

    def __str__(self):
        return f"{self.job}: tieflow {' '.join(map(str, self.arguments))}"


def tree(folder):
    """{path: digest} of all that is there, hidden or not; None for folders."""
    found = {str(path.relative_to(folder)): None for path in folder.rglob("*") if path.is_dir()}
    return found | digests(folder)


def visible(whole):
    """What readers see of that; outboxes are for Kafka alone."""
    return {path: digest for path, digest in whole.items() if digest is not None and not
            path.endswith((".tmp", ".outbox")) and not
            any(name.startswith(".") for name in path.split("/"))}


def parts_of(whole):
    """The same in the parts that change as one: generations with a manifest, the folders of dates,
    the output folder of other verbs. {part: {path: digest}}"""
    parts = collections.defaultdict(dict)
    for path, digest in visible(whole).items():
        names = path.split("/")
        is_dated = names[1].startswith(("gen-", "date="))
        parts["/".join(names[:2]) if is_dated else names[0]][path] = digest
    return {part: files for part, files in parts.items() if f"{part}/manifest.json" in files}


class RehearsedTest(CommandTest):
    """Has the steps of all jobs, each with its calls of these kinds."""

    kinds = "changes"

    def setUp(self):
        super().setUp()
        self.job = self.folder / "job"
        self.kept = {}
        self.logs = self.folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.write_logs()
        self.steps = [step for steps in self.jobs() for step in self.rehearse(steps)]

    def under(self):
        """The folder whose calls count."""
        return self.job

    def write_logs(self):
        rng = random.Random(3)
        members = random_logs.member_ids(rng, 300)
        events = []
        for day, count in enumerate(EVENTS):
            times = [first_ms(day) + rng.randrange(86_400_000) for _ in range(500)]
            events += random_logs.random_events(rng, count, members, times)
        random_logs.write_csv(self.logs / "a.csv", events)
        self.other_log = random_logs.write_csv(self.folder / "other.csv", events[:1000])
        self.study = study_options(self.folder, rng, members, len(EVENTS))
        self.sliced = self.folder / "sliced.tfp"
        self.succeed("generate", "-o", self.sliced, "--ties", 600_000, "--degree", 150)

    def jobs(self):
        """The steps of each job, in their order."""
        state, out = ("--state", self.job / "state"), ("-o", self.job / "out")

        def night(job, day, *options):
            return Step(job, ["run", *state, "--logs", self.logs, *out, "--date", date_of(day),
                              *options], date_of(day))

        def again(job, day, *options):
            return dataclasses.replace(night(job, day, *options), date=None)

        def nights(job, *options):
            return [*(night(job, day, *options) for day in range(len(EVENTS))),
                    again(job, len(EVENTS) - 1, *options)]

        def dates(job, first, last, date):
            return Step(job, ["backfill", *state, "--logs", self.logs, *out, "--from",
                              date_of(first), "--to", date_of(last)], date)

        def tables(job, *arguments):
            return Step(job, [*arguments, *out])

        yield nights("nights", "--keep", 2)
        yield nights("nights with tails", "--tail", 40, "--keep", 3)
        yield nights("nights with a study", *self.study)
        yield [*nights("nights with a study and tails", *self.study, "--tail", 40),
               again("nights with a study and tails", 1, *self.study, "--tail", 40)]
        yield [dates("backfill", 0, 2, date_of(2)), night("backfill", 3),
               dates("backfill", 0, 2, None)]
        yield [tables("ties", "ties", self.logs), tables("ties", "ties", self.other_log),
               tables("ties", "ties", self.logs, "--format", "csv")]
        yield [tables("attribute", "attribute", "-l", self.logs, *self.study),
               tables("attribute", "attribute", "-l", self.other_log, *self.study)]
        yield [dataclasses.replace(tables("ties in little memory", "ties", self.sliced, "--memory",
                                          "14M", "--format", "parquet"), threads=1)]

    def keep(self, name):
        """Keeps what is there under a name."""
        self.kept[name] = tree(self.job)
        shutil.copytree(self.job, self.folder / "kept" / name)

    def rehearse(self, steps):
        """Runs the steps undisturbed; notes their calls and what they leave."""
        log = self.folder / "calls"
        shutil.rmtree(self.job, ignore_errors=True)
        self.job.mkdir()
        self.keep(f"{steps[0].job} 0")
        for i, step in enumerate(steps):
            start = time.monotonic()
            self.succeed(*step.arguments, "--threads", 1, env=file_calls.environment(
                self.under(), log=log, kinds=self.kinds))
            step.seconds = time.monotonic() - start
            step.calls = file_calls.read_log(log)
            log.unlink()
            step.before, step.after = f"{step.job} {i}", f"{step.job} {i + 1}"
            step.following = steps[i + 1] if i + 1 < len(steps) else None
            self.keep(step.after)
        return steps

    def restore(self, name):
        shutil.rmtree(self.job, ignore_errors=True)
        shutil.copytree(self.folder / "kept" / name, self.job)

    def assert_whole(self, step):
        """Whoever reads what a run left that did not come to its end sees nothing half done."""
        found, before, after = (tree(self.job), self.kept[step.before], self.kept[step.after])
        for path, digest in visible(found).items():
            self.assertIn(digest, (before.get(path), after.get(path)), f"{step}: {path}")
        before, after = parts_of(before), parts_of(after)
        for part, files in parts_of(found).items():
            self.assertIn(files, (before.get(part), after.get(part)), f"{step}: {part}")
        if any(part.startswith("state/gen-") for part in parts_of(found)):
            self.succeed("snapshot", "verify", "--state", self.job / "state")

    def assert_undisturbed(self, step):
        """It is as if nothing had happened."""
        self.assertEqual(tree(self.job), self.kept[step.after], str(step))
