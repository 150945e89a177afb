"""Seeded worlds with every wart of careers, and their spelling as CSV.

A world is small, so that everything meets everything: a few members, companies and times. Several
worlds of one scale make one log: they share times, settings, industries and experiments.
"""

import random
from typing import NamedTuple

from tests.cli import random_logs
from tests.cli.attribution_oracle import (END, EXCLUDE, INCLUDE, PRECISIONS, PRESETS, START,
                                          Application, Assignment, Company, Industry, Interaction,
                                          Member, Position, Settings, World)
from tests.cli.oracle import CONNECT, DAY_MS, SEQUENCE, STRICT

YEAR_9999 = 253_370_764_800_000
BASES = (1_419_033_600_000,  # 2014-12-20: a month's and a year's end are near
         1_456_617_600_000,  # 2016-02-28
         3 * DAY_MS, YEAR_9999 - 40 * DAY_MS)
LAST_DAY = random_logs.TIME_MAX // DAY_MS * DAY_MS


class Scale(NamedTuple):
    """How long a world lasts, and the settings that make things happen in that time."""
    days: int
    tie_days: tuple
    job_days: tuple
    intensity_days: tuple
    precisions: tuple  # weights of day, month, year


SCALES = (Scale(25, (0, 1, 2, 5), (0, 1, 3), (1, 3, 30), (12, 2, 1)),
          Scale(500, (0, 10, 30, 90), (0, 30, 60), (1, 30, 365), (4, 4, 1)),
          Scale(3500, (0, 30, 365), (0, 365, 730), (30, 365), (2, 2, 2)))


class Case(NamedTuple):
    world: World
    settings: Settings
    options: tuple  # of the command, that say the settings


def case(seed, parts=1):
    """`parts` worlds in one log; everything follows from the seed."""
    rng = random.Random(seed)
    scale = rng.choice(SCALES)
    base = rng.choice(BASES) if scale.days < 1000 else rng.choice((BASES[0], BASES[1], 3 * DAY_MS))
    times = [min(base + rng.randrange(scale.days) * DAY_MS, LAST_DAY)
             + rng.choice((0, 0, 1, DAY_MS - 1, rng.randrange(DAY_MS)))
             for _ in range(rng.randint(4, 30))]
    settings, options = random_settings(rng, scale, times)
    ids = iter(shuffled(rng, random_logs.member_ids(rng, 16 * parts)))
    companies = iter(shuffled(rng, random_logs.member_ids(rng, 6 * parts)))
    world = World(*([] for _ in World._fields))
    attributes = Attributes(rng)
    for _ in range(parts):
        members = [next(ids) for _ in range(rng.randint(2, 15))]
        firms = [next(companies) for _ in range(rng.randint(2, 6))]
        for log, records in zip(world, random_world(rng, scale, times, members, firms,
                                                    attributes)):
            log += records
    if attributes.has_industries:
        world.industries.extend(attributes.industry_table())
    return Case(world, settings, options)


def dense_case(seed):
    """One world in which ties have dozens of mutual connections."""
    rng = random.Random(seed)
    base = case(seed)
    members = random_logs.member_ids(rng, 60)
    firms = random_logs.member_ids(rng, 8)
    scale = SCALES[1]
    times = [BASES[0] + rng.randrange(scale.days) * DAY_MS for _ in range(400)]
    attributes = Attributes(rng)
    world = World(*random_world(rng, scale, times, members, firms, attributes))
    events = random_logs.random_events(rng, 4000, members, times)
    events.sort(key=lambda event: event.at)
    events = [event._replace(kind=CONNECT) if rng.random() < 0.95 else event for event in events]
    return Case(world._replace(connections=events), *without_as_of(base))


def without_as_of(base):
    settings = base.settings._replace(as_of=None)
    return settings, tuple(setting_options(settings))


def shuffled(rng, items):
    items = list(items)
    rng.shuffle(items)
    return items


def random_settings(rng, scale, times):
    options = []
    preset = rng.choice((None, None, *PRESETS))
    if preset is None:
        settings = Settings(tie_days=rng.choice(scale.tie_days),
                            job_days=rng.choice(scale.job_days),
                            alter_active=rng.random() < 0.5, tie_first=rng.random() < 0.3,
                            ended_ties=rng.choice((EXCLUDE, INCLUDE)))
    else:
        options += ["--preset", preset]
        settings = PRESETS[preset]
        if scale.days < 1000 or rng.random() < 0.3:
            settings = settings._replace(tie_days=rng.choice(scale.tie_days),
                                         job_days=rng.choice(scale.job_days))
        if rng.random() < 0.2:
            settings = settings._replace(ended_ties=INCLUDE)
    settings = settings._replace(
        mass_movers=rng.choice((1, 2, 3, 5)), mass_share=rng.choice((0.0, 0.1, 0.5, 1.0)),
        threshold=rng.choice((0, 1, 2, 10)), intensity_days=rng.choice(scale.intensity_days),
        simultaneous=rng.choice((STRICT, STRICT, SEQUENCE)))
    if rng.random() < 0.4:
        settings = settings._replace(as_of=min(random_logs.TIME_MAX, rng.choice((
            rng.choice(times), max(times), max(times) + rng.randrange(scale.days) * DAY_MS,
            rng.choice(times) - 1,  # and the instant at which a tie has been seen for a horizon
            rng.choice(times) + rng.choice((91, 365, 730, 1826)) * DAY_MS))))
    return settings, (*options, *setting_options(settings, PRESETS.get(preset, Settings())))


def setting_options(settings, default=Settings()):
    """The flags that make these settings out of the others."""
    def word(value):
        return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value

    options = []
    for name in Settings._fields:
        if getattr(settings, name) != getattr(default, name):
            options += ["--" + name.replace("_", "-"), str(word(getattr(settings, name)))]
    return options


class Attributes:
    """Values that profiles draw from, and which of them are known at all."""

    def __init__(self, rng):
        self.rng = rng
        self.industries = random_logs.member_ids(rng, rng.randint(1, 5))
        self.known = {name: rng.random() < 0.75 for name in Member._fields}
        self.has_industries = rng.random() < 0.6
        self.has_members = rng.random() < 0.8
        self.has_interactions = rng.random() < 0.5
        self.has_companies = rng.random() < 0.6
        self.experiments = random_logs.member_ids(rng, rng.choice((0, 0, 1, 2)))

    def maybe(self, name, value):
        return value if self.known[name] and self.rng.random() < 0.8 else None

    def profile(self, member):
        rng = self.rng
        return Member(member, self.maybe("industry", rng.choice(self.industries)),
                      self.maybe("country", rng.choice((0, 1, 2**64 - 1))),
                      self.maybe("region", rng.randrange(4)), self.maybe("place", rng.randrange(6)),
                      self.maybe("school", rng.randrange(3)),
                      self.maybe("career_start_year", rng.choice((1, 1985, 1990, 1995, 1998, 2000,
                                                                  2003, 9999))),
                      rng.choice((None, "unknown", "female", "male", "other")))

    def industry_table(self):
        """With industries that nobody works in, ranks that tie, records that are replaced."""
        rng = self.rng
        ids = [*self.industries, *rng.sample(range(1000, 1010), rng.randint(0, 3))]
        records = []
        for industry in ids * 2:
            if rng.random() < 0.7:
                records.append(Industry(industry, rng.randrange(100),
                                        *(rng.choice((None, 0, 1, 2, 3, 4, 2**32 - 1))
                                          for _ in range(6))))
        return records


def random_world(rng, scale, times, members, firms, attributes):
    """One list of records per log, in the order of World."""
    connections = random_logs.random_events(rng, rng.choice((5, 20, 60, 120)), members, times)
    return (connections,
            random_positions(rng, scale, times, members, firms),
            random_profiles(rng, members, attributes),
            random_companies(rng, firms) if attributes.has_companies else [],
            [],
            random_interactions(rng, scale, members, connections, attributes),
            [Application(rng.choice(times), rng.choice(members), rng.choice((1, 1, 7, 2**32 - 1)))
             for _ in range(rng.choice((0, 0, 5, 15)))],
            [Assignment(rng.choice(times), rng.choice(attributes.experiments), rng.choice(members),
                        rng.choice((0, 0, 1, 2, 2**32 - 1)))
             for _ in range(rng.choice((3, 10, 20)) if attributes.experiments else 0)])


def random_positions(rng, scale, times, members, firms):
    records = []

    def add(at, member, company, kind):
        at = min(max(at, random_logs.TIME_MIN), random_logs.TIME_MAX)
        precision = rng.choices(PRECISIONS, scale.precisions)[0]
        records.append(Position(at, member, company, kind, precision))

    for member in members:
        at = rng.choice(times)
        for _ in range(rng.choice((0, 1, 2, 2, 3, 4, 6))):
            company = rng.choice(firms)
            start = rng.choice((at, rng.choice(times)))
            if rng.random() < 0.1:
                start = rng.choice((0, -1, -5 * DAY_MS, random_logs.TIME_MIN))
            add(start, member, company, START)
            fate = rng.random()
            if fate < 0.5:  # ends; the next one may touch it, overlap it, or come later
                at = max(start, min(times)) + int(rng.random() ** 2 * scale.days) * DAY_MS
                add(at, member, company, END)
                at += rng.choice((0, 1, DAY_MS, -DAY_MS, 10 * DAY_MS))
            elif fate < 0.6:  # ends before it starts, or ends that nothing started
                add(start - rng.choice((0, 1, 5)) * DAY_MS, member, company, END)
            elif fate < 0.65:
                add(rng.choice((0, -1, *times)), member, rng.choice(firms), END)
        if rng.random() < 0.1 and records:
            records.append(rng.choice(records))
    if rng.random() < 0.3:  # a takeover
        at, old, new = rng.choice(times), *rng.sample(firms, 2)
        for member in members:
            if rng.random() < 0.6:
                add(at - rng.randrange(20) * DAY_MS, member, old, START)
                add(at + rng.randrange(5) * DAY_MS, member, new, START)
    return shuffled(rng, records)


def random_profiles(rng, members, attributes):
    if not attributes.has_members:
        return []
    named = [member for member in members if rng.random() < 0.8]
    if rng.random() < 0.2:
        named += [member + 1 for member in members[:1] if member < 2**64 - 1
                  and member + 1 not in members]
    return [attributes.profile(member) for member in
            [*named, *rng.choices(members, k=rng.choice((0, 0, 3)))]]


def random_companies(rng, firms):
    """Mergers, also of mergers; names that became themselves; records that are replaced."""
    order = shuffled(rng, firms)
    records = []
    for k, company in enumerate(order):
        later = order[k + 1:]
        if later and rng.random() < 0.3:
            records.append(Company(company, rng.choice(later), rng.choice((None, 3))))
        elif rng.random() < 0.3:
            records.append(Company(company, rng.choice((None, company)), 4))
    replaced = [Company(record.company, rng.choice((None, *order)), None)
                for record in records if rng.random() < 0.2]
    return replaced + records


def random_interactions(rng, scale, members, connections, attributes):
    if not attributes.has_interactions:
        return []
    records = []
    for _ in range(rng.choice((0, 10, 60))):
        near = rng.choice(connections)
        from_, to = rng.choice(((near.from_, near.to), (near.to, near.from_),
                                (rng.choice(members), rng.choice(members))))
        at = near.at + rng.choice((-1, 0, 0, 1, int(rng.random() ** 3 * scale.days) * DAY_MS,
                                   DAY_MS - 1, DAY_MS, 30 * DAY_MS, 365 * DAY_MS - 1))
        records.append(Interaction(min(at, random_logs.TIME_MAX), from_, to,
                                   rng.choice(("message", "like", "comment", "share", "endorse")),
                                   rng.choice((1, 1, 1, 2, 3, 2**31, 2**32 - 1))))
        if rng.random() < 0.1:
            records.append(rng.choice(records))
    return records


# Logs as CSV

COLUMNS = {
    "connections": ("at", "from", "to", "kind", "origin"),
    "positions": Position._fields,
    "members": Member._fields,
    "companies": Company._fields,
    "industries": Industry._fields,
    "interactions": ("at", "from", "to", "kind", "count"),
    "applications": Application._fields,
    "assignments": Assignment._fields,
}


def csv_text(log, records, columns=None):
    """Facts that are not known are empty."""
    names = COLUMNS[log]
    columns = columns or names
    order = [names.index(name) for name in columns]
    lines = [",".join(columns)]
    lines += [",".join("" if record[k] is None else str(record[k]) for k in order)
              for record in records]
    return "\n".join(lines) + "\n"


def write_world(folder, world):
    """One CSV file per log that has records, connections and positions always; {log: path}."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for log, records in zip(World._fields, world):
        if records or log in ("connections", "positions"):
            paths[log] = folder / f"{log}.csv"
            paths[log].write_text(csv_text(log, records))
    return paths
