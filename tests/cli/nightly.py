"""A nightly job under test, and what the oracle says that its tables must be."""

import datetime
import random

from tests.cli import oracle, random_logs
from tests.cli.oracle import DAY_MS
from tests.cli.support import CommandTest, digests

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def date_of(day):
    """The date of day 0, 1, ... of the tests."""
    return (datetime.date(2026, 1, 1) + datetime.timedelta(days=day)).isoformat()


def first_ms(day):
    return START_MS + day * DAY_MS


def events_of_days(seed, days, count=120):
    """A log of some days, in order of time; first and last instants of days are well visited."""
    rng = random.Random(seed)
    members = random_logs.member_ids(rng, rng.randint(3, 12))
    times = []
    for day in range(days):
        times += [first_ms(day), first_ms(day) + DAY_MS - 1]
        times += [first_ms(day) + rng.randrange(DAY_MS) for _ in range(rng.randint(1, 10))]
    events = random_logs.random_events(rng, count, members, times)
    return sorted(events, key=lambda event: event.at)


def study_options(folder, rng, members, days):
    """Writes positions of these members up to that many days; the options of a night that make a
    study of them."""
    positions = []
    for member in members:
        at = first_ms(0) - rng.randrange(900) * DAY_MS
        for company in rng.sample(range(1, 9), 2):
            positions.append(f"{at},{member},{company},start,{rng.choice(('day', 'month'))}")
            at = min(at + rng.randrange(600) * DAY_MS, first_ms(days) - 1)
    path = folder / "positions.csv"
    path.write_text("at,member,company,kind,precision\n" + "\n".join(positions) + "\n")
    return "--positions", path, "--tie-days", 0, "--job-days", 30


class Job:
    """One state and the tables made with it. The logs are a list of paths."""

    def __init__(self, test, name, logs, *options):
        self.test = test
        self.logs = [logs] if not isinstance(logs, list) else logs
        self.state = test.folder / f"{name}.state"
        self.out = test.folder / f"{name}.tables"
        self.options = options
        self.exports = 0

    def arguments(self, verb, *options):
        logs = [argument for log in self.logs for argument in ("--logs", log)]
        return [verb, "--state", self.state, *logs, "-o", self.out, *self.options, *options]

    def run(self, day, *options):
        return self.test.succeed(*self.arguments("run", "--date", date_of(day), *options))

    def refused(self, code, day, says, *options):
        return self.test.refuse(code, *self.arguments("run", "--date", date_of(day), *options),
                                says=says)

    def run_days(self, days):
        for day in days:
            self.run(day)

    def backfill(self, first, last, *options):
        return self.test.succeed(*self.arguments("backfill", "--from", date_of(first), "--to",
                                                 date_of(last), *options))

    def folder(self, day):
        return self.out / f"date={date_of(day)}"

    def tables(self, day=None):
        """Digests of all tables (of one day); manifests, which tell how it was run, left out."""
        return digests(self.out if day is None else self.folder(day), without=["manifest.json"])

    def export(self, form, *options):
        self.exports += 1
        folder = self.test.folder / f"{self.out.name}.export{self.exports}"
        self.test.succeed("snapshot", "export", "--state", self.state, "-o", folder, "--format",
                          form, *options)
        return folder

    def exported(self):
        """Digests of everything that the state can tell."""
        return {form: digests(self.export(form)) for form in ("csv", "parquet", "roaring")}

    def generations(self):
        return sorted(path.parent.name.removeprefix("gen-")
                      for path in self.state.glob("gen-*/manifest.json"))


class NightlyTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.logs = self.folder / "logs"
        self.logs.mkdir()

    def assertSameJobs(self, one, other):
        self.assertEqual(one.tables(), other.tables())
        self.assertEqual(one.exported(), other.exported())


def expected_tables(events, simultaneous, days):
    """{(day, table): text} for days 0, 1, ... `events` are those that are taken, in log order."""
    texts = {}
    whole = oracle.Oracle(events, simultaneous)
    for day in range(days):
        start, last = first_ms(day), first_ms(day) + DAY_MS - 1
        ties = [tie for tie in whole.ties if start <= tie.created_at <= last]
        endings = [ending for ending in whole.endings if start <= ending.at <= last]
        texts[day, "ties"] = oracle.ties_csv(ties, until=last)
        texts[day, "endings"] = oracle.endings_csv(endings)
        texts[day, "quality"] = oracle.quality_csv(quality_of_day(events, simultaneous, day))
    return texts


def quality_of_day(events, simultaneous, day):
    """What the counts rose by on that day; order is judged among the day's own records."""
    def until(end):
        return oracle.Oracle([event for event in events if event.at < end], simultaneous).quality

    before, after = until(first_ms(day)), until(first_ms(day + 1))
    quality = {check: after[check] - before[check] for check in after}
    own = [event for event in events if oracle.day_of(event.at) == first_ms(day)]
    quality["out_of_order"] = oracle.Oracle(own, simultaneous).quality["out_of_order"]
    return quality
