"""Seeded logs with every wart, and their spelling in every format."""

import json
import random

import pyarrow

from tests.cli.oracle import CONNECT, DISCONNECT, ORIGINS, Event

TIME_MIN, TIME_MAX = -62_135_596_800_000, 253_402_300_799_999
ID_MAX = 2**64 - 1
ODD_IDS = (0, 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, ID_MAX - 1, ID_MAX)


def member_ids(rng, count):
    """Distinct ids, some at the edges of 64 bits."""
    ids = set(rng.sample(ODD_IDS, rng.randint(0, min(count, len(ODD_IDS)))))
    while len(ids) < count:
        ids.add(rng.choice((rng.randrange(100), rng.randrange(2**64))))
    return sorted(ids)


def random_events(rng, count, members, times):
    """`count` events: ties made, made again, ended, ended again, self-loops; at any of `times`."""
    events = []
    for _ in range(count):
        a, b = rng.choice(members), rng.choice(members)
        kind = rng.choices((CONNECT, DISCONNECT), (3, 2))[0]
        if events and rng.random() < 0.3:  # something about a pair of before
            before = rng.choice(events)
            a, b = rng.choice(((before.from_, before.to), (before.to, before.from_)))
        at = events[-1].at if events and rng.random() < 0.3 else rng.choice(times)
        events.append(Event(at, a, b, kind, rng.choice(ORIGINS)))
    if rng.random() < 0.6:
        events.sort(key=lambda event: event.at)
        for _ in range(rng.choice((0, 1, 5))):
            i, j = (rng.randrange(len(events)) for _ in range(2)) if events else (0, 0)
            events[i:i + 1], events[j:j + 1] = events[j:j + 1], events[i:i + 1]
    return events


def small_log(seed):
    """A few members and instants, so that everything meets everything."""
    rng = random.Random(seed)
    members = member_ids(rng, rng.randint(2, 10))
    start = rng.choice((0, -5, 1_767_225_600_000, TIME_MIN, TIME_MAX - 40, rng.randrange(2**40)))
    times = [start + rng.randrange(40) for _ in range(rng.randint(1, 25))]
    if rng.random() < 0.2:
        times += [TIME_MIN, TIME_MAX, 0, -1]
    return random_events(rng, rng.randint(0, 150), members, times)


def wide_log(seed, count=4000, member_count=70):
    """Enough ties for neighbourhoods that overlap."""
    rng = random.Random(seed)
    members = member_ids(rng, member_count)
    times = [1_767_225_600_000 + rng.randrange(count) for _ in range(count)]
    return random_events(rng, count, members, times)


def cuts(rng, items, parts):
    """The list in contiguous parts, some of them empty."""
    edges = sorted(rng.randint(0, len(items)) for _ in range(parts - 1))
    return [items[a:b] for a, b in zip([0, *edges], [*edges, len(items)])]


def deal(rng, items, parts):
    """The list dealt out at random, each part shuffled."""
    hands = [[] for _ in range(parts)]
    for item in items:
        rng.choice(hands).append(item)
    for hand in hands:
        rng.shuffle(hand)
    return hands


def csv_text(events):
    lines = ["at,from,to,kind,origin"]
    lines += [f"{e.at},{e.from_},{e.to},{e.kind},{e.origin}" for e in events]
    return "\n".join(lines) + "\n"


def odd_csv_text(rng, events):
    """The same log as somebody else's program would write it."""
    columns = ["at", "from", "to", "kind", "origin", "comment, of theirs"]
    rng.shuffle(columns)
    cell = {"at": lambda e: e.at, "from": lambda e: e.from_, "to": lambda e: e.to,
            "kind": lambda e: "" if e.kind == CONNECT and rng.random() < 0.2 else e.kind,
            "origin": lambda e: "" if e.origin == "unknown" else e.origin,
            "comment, of theirs": lambda e: rng.choice(("", "a,b", "two\nlines", 'a "word"', "é"))}

    def quoted(text):
        text = str(text)
        if any(c in text for c in ',"\n') or rng.random() < 0.2:
            return '"' + text.replace('"', '""') + '"'
        return text

    lines = [",".join(quoted(name) for name in columns)]
    for event in events:
        lines.append(",".join(quoted(cell[name](event)) for name in columns))
        if rng.random() < 0.1:
            lines.append("")
    return rng.choice(("", "\ufeff")) + rng.choice(("\n", "\r\n")).join(lines)


def ndjson_text(rng, events):
    """Keys in any order, numbers bare or in quotes, defaults left out, keys of others."""
    lines = []
    for event in events:
        items = [("at", event.at), ("from", event.from_), ("to", event.to)]
        items = [(key, rng.choice((value, str(value)))) for key, value in items]
        if event.kind != CONNECT or rng.random() < 0.5:
            items.append(("kind", event.kind))
        if event.origin != "unknown" or rng.random() < 0.5:
            items.append(("origin", event.origin))
        if rng.random() < 0.3:
            items.append(("note", rng.choice((None, 1.5, "\u2028", {"at": [1]}))))
        rng.shuffle(items)
        lines.append(json.dumps(dict(items), ensure_ascii=rng.random() < 0.5))
    return "".join(line + "\n" for line in lines)


def write_bytes(path, content):
    """Writes a log; a name that ends in .zst gets a zstd stream made by another library."""
    if str(path).endswith(".zst"):
        with pyarrow.output_stream(str(path), compression="zstd") as stream:
            stream.write(content)
    else:
        path.write_bytes(content)
    return path


def write_csv(path, events):
    return write_bytes(path, csv_text(events).encode())
