"""A slow, obvious computation of careers, moves, transmissions and credits, from sections 1 to 5 of
the definitions alone.

Dates are pairs (lo, hi) of milliseconds. EVER is before every date, NEVER after every one.
"""

import collections
import datetime
from typing import NamedTuple, Optional

from tests.cli.oracle import CONNECT, DAY_MS, STRICT, Event, Oracle

START, END = "start", "end"
DAY, MONTH, YEAR = PRECISIONS = ("day", "month", "year")
EXCLUDE, INCLUDE = "exclude", "include"
MOVE, ENTRY, UNDECIDED = "move", "entry", "undecided"
EACH, EQUAL, LAST, STRENGTH = RULES = ("each", "equal", "last", "strength")
ONE = 2**30  # a whole credit
SHARE_ONE = 2**32

EVER = (-2**63, -2**63)
NEVER = (2**63 - 1, 2**63 - 1)


class Position(NamedTuple):
    at: int
    member: int
    company: int
    kind: str = START
    precision: str = DAY


class Interaction(NamedTuple):
    at: int
    from_: int
    to: int
    kind: str = "message"
    count: int = 1


class Application(NamedTuple):
    at: int
    member: int
    count: int = 1


class Assignment(NamedTuple):
    at: int
    experiment: int
    member: int
    variant: int


class Member(NamedTuple):
    member: int
    industry: Optional[int] = None
    country: Optional[int] = None
    region: Optional[int] = None
    place: Optional[int] = None
    school: Optional[int] = None
    career_start_year: Optional[int] = None
    gender: Optional[str] = None


class Company(NamedTuple):
    company: int
    canonical: Optional[int] = None
    industry: Optional[int] = None


class Industry(NamedTuple):
    industry: int
    naics: Optional[int] = None
    it_rank: Optional[int] = None
    software_rank: Optional[int] = None
    ml_rank: Optional[int] = None
    ai_rank: Optional[int] = None
    robot_rank: Optional[int] = None
    remote_rank: Optional[int] = None


class World(NamedTuple):
    """Everything that is logged, in log order."""
    connections: list[Event]
    positions: list[Position]
    members: list[Member] = []
    companies: list[Company] = []
    industries: list[Industry] = []
    interactions: list[Interaction] = []
    applications: list[Application] = []
    assignments: list[Assignment] = []


class Settings(NamedTuple):
    tie_days: int = 30
    job_days: int = 365
    alter_active: bool = True
    tie_first: bool = False
    ended_ties: str = EXCLUDE
    mass_movers: int = 5
    mass_share: float = 0.1
    threshold: int = 10
    intensity_days: int = 365
    as_of: Optional[int] = None  # None: the latest connection or start
    simultaneous: str = STRICT

    @property
    def tie_ms(self):
        return self.tie_days * DAY_MS

    @property
    def job_ms(self):
        return self.job_days * DAY_MS


PRESETS = {
    "default": Settings(),
    "gee2012": Settings(tie_days=365, alter_active=False),
    "facebook2016": Settings(tie_days=365, alter_active=False, tie_first=True),
}


class Ring(Exception):
    """The company table does not say which company is the last one."""


# Dates

def instant(at):
    return at, at + 1


def month_of(at):
    """The UTC calendar month that holds the time."""
    return unit_of(at, MONTH)


def unit_of(at, precision):
    """The UTC day, month or year that holds the time."""
    epoch = datetime.date(1970, 1, 1)
    day = epoch + datetime.timedelta(days=at // DAY_MS)
    if precision == DAY:
        return at // DAY_MS * DAY_MS, (at // DAY_MS + 1) * DAY_MS
    first = day.replace(day=1) if precision == MONTH else day.replace(month=1, day=1)
    months = first.year * 12 + first.month - 1 + (1 if precision == MONTH else 12)
    if months // 12 <= datetime.MAXYEAR:
        behind = (datetime.date(months // 12, months % 12 + 1, 1) - epoch).days
    else:
        behind = (datetime.date(9999, 12, 31) - epoch).days + 1
    return (first - epoch).days * DAY_MS, behind * DAY_MS


def before(a, b):
    return a[1] <= b[0]


def before_by(a, b, least):
    """a is at least so many milliseconds before b."""
    return before(a, b) and a[0] + least <= b[0]


# Careers

class Spell(NamedTuple):
    start: tuple
    end: tuple
    company: int


class Move:
    def __init__(self, member, company, at, precision, kind, previous):
        self.member = member
        self.company = company
        self.at = at
        self.precision = precision
        self.kind = kind
        self.previous = previous
        self.mass = False
        self.sides = []  # that carry it, in the order of section 5
        self.credits = {}  # of each rule, in that order
        self.certain = self.possible = self.tied = self.unmatched = self.expected = 0


class Careers:
    """Spells and moves of everybody; and where each record of the log went."""

    def __init__(self, world, settings, as_of):
        self.canonical = canonical_companies(world.companies)
        self.spells = collections.defaultdict(list)  # of a member, by (company, start)
        self.entry = {}
        self.moves = collections.defaultdict(list)  # of a member, by (at, company)
        self.quality = dict.fromkeys(("applied", "orphan", "malformed", "beyond"), 0)
        self._first = {}
        self._read(set(world.positions), as_of)
        for member in sorted(self.spells):
            self._find_moves(member)
        self._mark_mass(settings)

    def first_start(self, member, company):
        return self._first.get((member, company), (NEVER, None))[0]

    def at(self, member, company):
        return [spell for spell in self.spells.get(member, ()) if spell.company == company]

    def _read(self, records, as_of):
        starts, ends = collections.defaultdict(list), collections.defaultdict(list)
        for record in records:
            who = record.member, self.canonical.get(record.company, record.company)
            if record.at > as_of:
                self.quality["beyond"] += 1
            elif record.kind == START:
                at = EVER if record.at <= 0 else unit_of(record.at, record.precision)
                starts[who].append((at, record.precision))
                if record.member not in self.entry or earlier(at, self.entry[record.member]):
                    self.entry[record.member] = at
            elif record.at <= 0:
                self.quality["malformed"] += 1
            else:
                ends[who].append(unit_of(record.at, record.precision))
        for who in sorted(set(starts) | set(ends)):
            self._count_up_and_down(who, starts[who], ends[who])

    def _count_up_and_down(self, who, starts, ends):
        member, company = who
        steps = [(at[0], 0) for at, _ in starts] + [(at[1], 1) for at in ends]
        counter, found = 0, []
        for time, is_end in sorted(steps):
            if not is_end:
                counter += 1
                self.quality["applied"] += 1
                if counter == 1:
                    opener = max((at[1], precision) for at, precision in starts if at[0] == time)
                    start = time, opener[0]
                    self._first.setdefault(who, (start, opener[1]))
            elif counter == 0:
                self.quality["orphan"] += 1
            else:
                counter -= 1
                self.quality["applied"] += 1
                if counter == 0:
                    end = min(at[0] for at in ends if at[1] == time), time
                    found.append(Spell(start, end, company))
        if counter > 0:
            found.append(Spell(start, NEVER, company))
        self.spells[member] += found

    def _find_moves(self, member):
        entry = self.entry.get(member)
        for company in sorted({spell.company for spell in self.spells[member]}):
            start, precision = self._first[member, company]
            if start == EVER:
                continue
            kind = MOVE if before(entry, start) else ENTRY if entry == start else UNDECIDED
            self.moves[member].append(Move(member, company, start, precision, kind,
                                           self._previous(member, company, start)))
        self.moves[member].sort(key=lambda move: (move.at, move.company))

    def _previous(self, member, company, start):
        others = [spell for spell in self.spells[member]
                  if spell.company != company and before(spell.start, start)]
        if not others:
            return None
        return max(others, key=lambda spell: (spell.start, spell.end[1], spell.end[0],
                                              -spell.company)).company

    def _mark_mass(self, settings):
        groups = collections.defaultdict(list)
        for move in self.all_moves():
            if move.kind == MOVE and move.previous is not None:
                groups[move.previous, move.company, month_of(move.at[0])[0]].append(move)
        for (previous, _, first_instant), movers in groups.items():
            heads = {member for member, spells in self.spells.items() for spell in spells
                     if spell.company == previous and spell.start[0] <= first_instant
                     and spell.end[1] > first_instant}
            is_mass = (len(movers) >= settings.mass_movers
                       and len(movers) >= settings.mass_share * len(heads))
            for move in movers:
                move.mass = is_mass

    def all_moves(self):
        return [move for member in sorted(self.moves) for move in self.moves[member]]


def earlier(a, b):
    """As an entry date: smaller lo, then coarser."""
    return (a[0], -a[1]) < (b[0], -b[1])


def canonical_companies(records):
    """The company that each company of the table has become in the end."""
    newest = {record.company: record.canonical for record in records}
    found = {}
    for company in newest:
        seen, last = {company}, company
        while newest.get(last) not in (None, last):
            last = newest[last]
            if last in seen:
                raise Ring(company)
            seen.add(last)
        found[company] = last
    return found


# Ties and their sides

class Side:
    """A member as mover, the other as contact."""

    def __init__(self, tie, mover_invited, is_remade, interactions):
        self.mover, self.contact = ((tie.from_, tie.to) if mover_invited else (tie.to, tie.from_))
        self.created = tie.created_at
        self.ended = tie.ended_at
        self.mutual = tie.mutual
        self.degree_mover = tie.degree_from if mover_invited else tie.degree_to
        self.union = tie.union
        self.strength = tie.strength
        self.mover_invited = mover_invited
        self.is_remade = is_remade
        self.interactions = interactions
        self.carried = []  # moves
        self.pairs = []  # (move, share that chance would have carried)


def is_used(side, settings):
    return settings.ended_ties == EXCLUDE or not side.is_remade


def tie_precedes(side, s, settings):
    """Rule 1."""
    return (before_by(instant(side.created), s, settings.tie_ms)
            and (settings.ended_ties == INCLUDE or side.ended is None
                 or not before(instant(side.ended), s)))


def spell_precedes(created, spell, s, settings):
    """Rules 2 and 3."""
    return (before_by(spell.start, s, settings.job_ms)
            and (not settings.alter_active or spell.end[1] > s[0])
            and (not settings.tie_first or before(instant(created), spell.start)))


def latest_end(side, settings):
    """The last instant at which the tie still stands."""
    return NEVER[1] if settings.ended_ties == INCLUDE or side.ended is None else side.ended


def carries_possibly(side, spell, s, settings):
    """Rules 1 to 3 hold for some true instants inside the units."""
    start = spell.start[0]
    if settings.tie_first:
        start = max(start, side.created + 1)
        if start >= spell.start[1]:
            return False
    first = max(s[0], side.created + max(settings.tie_ms, 1), start + max(settings.job_ms, 1))
    last = min(s[1] - 1, latest_end(side, settings))
    if settings.alter_active and spell.end != NEVER:
        last = min(last, spell.end[1] - 1)
    return first <= last


def carries_certainly(side, spell, s, settings):
    """Rules 1 to 3 hold for all true instants inside the units."""
    latest_start = EVER[0] if spell.start == EVER else spell.start[1] - 1
    return (side.created + max(settings.tie_ms, 1) <= s[0]
            and latest_start + max(settings.job_ms, 1) <= s[0]
            and s[1] - 1 <= latest_end(side, settings)
            and (not settings.alter_active or spell.end[0] >= s[1] - 1)
            and (not settings.tie_first or side.created + 1 <= spell.start[0]))


def window(side, spell, entry, first_start, as_of, settings, until=None, least=None):
    """The first and last instant of the window; empty where first > last.

    `until` is a horizon's end, `least` the instant from which on a side is looked at.
    """
    if settings.tie_first and not before(instant(side.created), spell.start):
        return 1, 0
    firsts = [side.created + max(settings.tie_ms, 1), entry[1], spell.start[1],
              spell.start[0] + max(settings.job_ms, 1)]
    lasts = [as_of, first_start[0], latest_end(side, settings)]
    if least is not None:
        firsts.append(least)
    if until is not None:
        lasts.append(until)
    if settings.alter_active:
        lasts.append(spell.end[1] - 1)
    return max(firsts), min(lasts)


def union_length(windows):
    """Milliseconds that are in any of the windows, both of whose ends are within."""
    total, reached = 0, None
    for first, last in sorted(windows):
        if reached is not None:
            first = max(first, reached + 1)
        if first <= last:
            total += last - first + 1
            reached = last
    return total


def deal(sides):
    """The credits of a move by each rule, for its sides in the order (created, contact)."""
    count = len(sides)
    newest = max(side.created for side in sides)
    credits = {EACH: [ONE] * count}
    credits[EQUAL] = [ONE // count] * count
    credits[EQUAL][0] += ONE % count
    sharers = [k for k, side in enumerate(sides) if side.created == newest]
    credits[LAST] = [ONE // len(sharers) if k in sharers else 0 for k in range(count)]
    credits[LAST][sharers[0]] += ONE % len(sharers)
    total = 0.0
    for side in sides:
        total += side.strength
    if total == 0:
        credits[STRENGTH] = list(credits[EQUAL])
    else:
        credits[STRENGTH] = [int(side.strength / total * float(ONE)) for side in sides]
        first = next(k for k, side in enumerate(sides) if side.strength > 0)
        credits[STRENGTH][first] += ONE - sum(credits[STRENGTH])
    return credits


class Attribution:
    """Who may have carried which move."""

    def __init__(self, world, settings):
        self.world = world
        self.settings = settings
        self.as_of = settings.as_of if settings.as_of is not None else latest(world)
        events = [event for event in world.connections if event.at <= self.as_of]
        graph = Oracle(events, settings.simultaneous)
        self.ties, self.connections_quality = graph.ties, graph.quality
        self.interactions = [record for record in set(world.interactions)
                             if record.at <= self.as_of and record.from_ != record.to]
        self.careers = Careers(world, settings, self.as_of)
        self.sides = list(self._all_sides())
        self.sides_of = collections.defaultdict(list)
        for side in sorted(self.sides, key=lambda side: (side.created, side.contact)):
            self.sides_of[side.mover].append(side)
        for move in self.careers.all_moves():
            if move.kind == MOVE:
                self._attribute(move)

    def _all_sides(self):
        between = collections.defaultdict(list)
        for record in self.interactions:
            between[frozenset((record.from_, record.to))].append(record)
        pairs = set()
        for tie in self.ties:
            pair = frozenset((tie.from_, tie.to))
            until = tie.created_at + self.settings.intensity_days * DAY_MS
            count = sum(record.count for record in between.get(pair, ())
                        if tie.created_at <= record.at < until)
            for mover_invited in (True, False):
                yield Side(tie, mover_invited, pair in pairs, min(count, 2**32 - 1))
            pairs.add(pair)

    def _attribute(self, move):
        settings, s = self.settings, move.at
        possible, certain, tied = set(), set(), set()
        for side in self.sides_of[move.member]:
            if not is_used(side, settings):
                continue
            if tie_precedes(side, s, settings):
                tied.add(side.contact)
            spells = self.careers.at(side.contact, move.company)
            if any(carries_possibly(side, spell, s, settings) for spell in spells):
                possible.add(side.contact)
            if any(carries_certainly(side, spell, s, settings) for spell in spells):
                certain.add(side.contact)
            if self.qualifying(side, move):
                move.sides.append(side)
                side.carried.append(move)
        move.certain, move.possible, move.tied = len(certain), len(possible), len(tied)
        assert len({side.contact for side in move.sides}) == len(move.sides)
        if move.sides:
            move.credits = deal(move.sides)

    def qualifying(self, side, move):
        """The contact's spells that carry the move, the earliest first."""
        if not (is_used(side, self.settings) and tie_precedes(side, move.at, self.settings)):
            return []
        return [spell for spell in self.careers.at(side.contact, move.company)
                if spell_precedes(side.created, spell, move.at, self.settings)]

    def is_certain(self, side, move):
        return any(carries_certainly(side, spell, move.at, self.settings)
                   for spell in self.careers.at(side.contact, move.company))

    def windows(self, side, until=None, least=None):
        """The windows in which the side is at risk."""
        entry = self.careers.entry.get(side.mover)
        if entry is None or not is_used(side, self.settings):
            return []
        found = [window(side, spell, entry, self.careers.first_start(side.mover, spell.company),
                        self.as_of, self.settings, until, least)
                 for spell in self.careers.spells.get(side.contact, ())]
        return [(first, last) for first, last in found if first <= last]


def latest(world):
    """The latest connection or start."""
    times = [event.at for event in world.connections if event.kind == CONNECT]
    times += [record.at for record in world.positions if record.kind == START]
    return max(times, default=0)
