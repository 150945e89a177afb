"""A slow, obvious computation of the tables, from sections 1 and 2 of the definitions alone."""

import itertools
from typing import NamedTuple, Optional

CONNECT, DISCONNECT = "connect", "disconnect"
ORIGINS = ("unknown", "organic", "recommended", "import")
STRICT, SEQUENCE = "strict", "sequence"

DAY_MS = 86_400_000


class Event(NamedTuple):
    at: int
    from_: int
    to: int
    kind: str = CONNECT
    origin: str = "unknown"


class Ending(NamedTuple):
    low: int
    high: int
    at: int


class Tie:
    def __init__(self, event, mutual, degree_from, degree_to):
        self.from_ = event.from_
        self.to = event.to
        self.created_at = event.at
        self.origin = event.origin
        self.ended_at: Optional[int] = None
        self.mutual = mutual
        self.degree_from = degree_from
        self.degree_to = degree_to
        self.union = degree_from + degree_to - mutual
        self.strength = mutual / self.union if self.union > 0 else 0.0


class Oracle:
    """The ties, endings, quality counts and final neighbour sets of a log.

    `events` are in log order: file after file, line after line.
    """

    def __init__(self, events, simultaneous=STRICT):
        self.ties = []
        self.endings = []
        self.neighbours = {}
        self.quality = dict.fromkeys(
            ("read", "applied", "duplicate", "orphan", "self_loop", "late", "earlier", "malformed",
             "out_of_order", "ties", "endings"), 0)
        self._open = {}  # the open tie of a pair
        self._count_reading(events)
        for group in instants(events, simultaneous):
            self._apply(group)
        self.quality["ties"] = len(self.ties)
        self.quality["endings"] = len(self.endings)
        self.quality["applied"] = len(self.ties) + len(self.endings)

    def _count_reading(self, events):
        newest = None
        for event in events:
            self.quality["read"] += 1
            self.quality["self_loop"] += event.from_ == event.to
            self.quality["out_of_order"] += newest is not None and event.at < newest
            newest = event.at if newest is None else max(newest, event.at)

    def _apply(self, group):
        """Events of which none sees what another does."""
        made, ended = [], []
        for event in group:
            pair = pair_of(event)
            if event.kind == CONNECT and pair in self._open:
                self.quality["duplicate"] += 1
            elif event.kind == CONNECT:
                self._open[pair] = self._measure(event)
                self.ties.append(self._open[pair])
                made.append(pair)
            elif pair in self._open:
                self._open.pop(pair).ended_at = event.at
                self.endings.append(Ending(*pair, event.at))
                ended.append(pair)
            else:
                self.quality["orphan"] += 1
        for low, high in ended:
            self.neighbours[low].discard(high)
            self.neighbours[high].discard(low)
        for low, high in made:
            self.neighbours.setdefault(low, set()).add(high)
            self.neighbours.setdefault(high, set()).add(low)

    def _measure(self, event):
        of_from = self.neighbours.get(event.from_, set())
        of_to = self.neighbours.get(event.to, set())
        return Tie(event, len(of_from & of_to), len(of_from), len(of_to))


def pair_of(event):
    return min(event.from_, event.to), max(event.from_, event.to)


def instants(events, simultaneous):
    """The events in the order of the definitions, in groups that do not see each other."""
    events = [event for event in events if event.from_ != event.to]
    if simultaneous == SEQUENCE:
        return [[event] for event in sorted(events, key=lambda event: event.at)]
    # Where nothing else differs the origin decides: else it would be the order of arrival.
    ordered = sorted(events, key=lambda event: (event.at, event.kind == CONNECT, event.from_,
                                                event.to, ORIGINS.index(event.origin)))
    return [list(group) for _, group in itertools.groupby(ordered, key=lambda event: event.at)]


def strength_text(strength):
    """The shortest text that reads back as the same double; 0 and 1 without a fraction."""
    return repr(strength).removesuffix(".0")


def ties_csv(ties, until=None):
    """ties.csv; ends later than the instant `until` are not known yet."""
    lines = ["from,to,created_at,ended_at,mutual,degree_from,degree_to,union,strength"]
    for tie in ties:
        is_known = tie.ended_at is not None and (until is None or tie.ended_at <= until)
        lines.append(f"{tie.from_},{tie.to},{tie.created_at},{tie.ended_at if is_known else ''},"
                     f"{tie.mutual},{tie.degree_from},{tie.degree_to},{tie.union},"
                     f"{strength_text(tie.strength)}")
    return "\n".join(lines) + "\n"


def endings_csv(endings):
    lines = ["member_low,member_high,ended_at"]
    lines += [f"{ending.low},{ending.high},{ending.at}" for ending in endings]
    return "\n".join(lines) + "\n"


def quality_csv(quality):
    lines = ["log,check,count"]
    lines += [f"connections,{check},{count}" for check, count in quality.items()]
    return "\n".join(lines) + "\n"


def day_of(at):
    """The first instant of the UTC day of an instant."""
    return at // DAY_MS * DAY_MS
