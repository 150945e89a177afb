"""A study.sqlite without a study: aggregates that look like one, for tests of the report.

    study_fixture.py PATH [KIND]

KIND is one of KINDS: `hump` (an inverted U with its peak at 8-15 mutual connections), `flat`,
`chance` (a hump that likeness of people explains), `falls`, `empty` (no ties), `single` (one tie,
one move, nothing carried), `few` (some transmissions, too few to tell), `wide` (30 bins and an
outlier) and `hostile` (names that are markup).

The tables have the columns of schemas/tables.c; the report reads these and no view.
"""

import math
import random
import sqlite3
import sys

Z95 = 1.959963984540054
DOSE = """measure TEXT, bin INTEGER, label TEXT, low REAL, high REAL, segment TEXT, value TEXT,
    sides INTEGER, at_risk INTEGER, exposure_ms REAL, transmitting INTEGER, transmissions INTEGER,
    rate REAL, wilson_low REAL, wilson_high REAL, standard_error REAL, low_95 REAL, high_95 REAL,
    credit_each REAL, credit_equal REAL, credit_last REAL, credit_strength REAL, expected REAL,
    excess REAL, pairs INTEGER, unmatched INTEGER, unmatched_transmissions INTEGER, share REAL"""
TABLES = {
    "dose_response": DOSE,
    "segments": DOSE,
    "arms": """experiment INTEGER, variant INTEGER, part TEXT, fact TEXT, members INTEGER,
        share REAL, mean REAL, variance REAL, difference REAL, standard_error REAL, p REAL""",
    "placebos": """placebo TEXT, measure TEXT, bin INTEGER, label TEXT, pairs INTEGER,
        transmissions INTEGER, placebo_transmissions INTEGER""",
    "quality": 'log TEXT, "check" TEXT, "count" INTEGER',
    "settings": "name TEXT, value TEXT, meaning TEXT",
    "totals": "name TEXT, value REAL",
    "revisions": """member INTEGER, company INTEGER, kind_before TEXT, at_before INTEGER,
        kind_after TEXT, at_after INTEGER""",
}
APPLICATION_ID, USER_VERSION = 0x74696566, 1
TOTALS = ("ties", "sides", "sides_at_risk", "moves", "entries", "undecided", "mass_moves",
          "moves_carried", "transmissions", "transmissions_certain", "transmissions_possible",
          "credit_each", "credit_equal", "credit_last", "credit_strength", "median_strength",
          "tercile_low", "tercile_high", "members", "as_of_ms")
KINDS = ("hump", "flat", "chance", "falls", "empty", "single", "few", "wide", "hostile")


def wilson(hits, n):
    if n == 0:
        return None, None
    p, z2 = hits / n, Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


class Bin:
    """Sums over the exact numbers of mutual connections that fall into one bin."""

    def __init__(self, label, low, high):
        self.label, self.low, self.high = label, low, high
        self.sides = self.at_risk = self.hits = self.pairs = 0
        self.expected = 0.0

    def add(self, sides, at_risk, hits, pairs, expected):
        self.sides += sides
        self.at_risk += at_risk
        self.hits += hits
        self.pairs += pairs
        self.expected += expected

    def row(self, measure, place, segment, value, total):
        rate = self.hits / self.at_risk if self.at_risk else None
        low, high = wilson(self.hits, self.at_risk)
        error = 1.5 * math.sqrt(rate * (1 - rate) / self.at_risk) if self.at_risk else None
        clustered = (max(0.0, rate - Z95 * error), min(1.0, rate + Z95 * error)) if (
            self.at_risk) else (None, None)
        carried = self.hits * 0.72
        return (measure, place, self.label, self.low, self.high, segment, value, self.sides,
                self.at_risk, self.at_risk * 4.1e10, self.hits, self.hits, rate, low, high, error,
                *clustered, float(self.hits), carried, carried * (1.1 - 0.03 * place),
                carried * (0.75 + 0.06 * place), self.expected, self.hits - self.expected,
                self.pairs, self.pairs // 50, 0, self.hits / total if total else None)


def hazard(kind, mutual):
    if kind == "flat":
        return 0.003
    if kind == "falls":
        return 0.0065 * math.exp(-mutual / 25)
    return 0.002 + 0.005 * math.exp(-(math.log1p(mutual) - math.log(11)) ** 2 / 1.1)


def world(kind, scale, seed=4):
    """(mutual, sides, at risk, transmitting, pairs, expected) by number of mutual connections."""
    rng = random.Random(seed)
    rows = []
    for mutual in range(700):
        weight = math.exp(-(math.log1p(mutual) - 1.5) ** 2 / 2.4) / (1 + mutual)
        sides = round(scale * weight)
        at_risk = round(sides * (0.93 - 0.25 * min(1, mutual / 200)))
        mean = at_risk * hazard(kind, mutual) * (0.6 + seed % 8 / 10)
        hits = min(at_risk, max(0, round(rng.gauss(mean, math.sqrt(mean)))))
        chance = mean * (0.97 if kind == "chance" else 0.3 + 0.1 * min(1, mutual / 60))
        if sides:
            rows.append((mutual, sides, at_risk, hits, round(at_risk * 0.08), chance))
    return rows


def log2_bins(top):
    bins = [Bin("0", 0, 0), Bin("1", 1, 1)]
    while bins[-1].high < top:
        low, high = 2 * bins[-1].low, 4 * bins[-1].low - 1
        bins.append(Bin(f"{low}-{high}", low, high))
    return bins, lambda mutual: 0 if mutual == 0 else mutual.bit_length()


def cut_bins(labels, cuts):
    edges = [0] + [cut + 1 for cut in cuts]
    bins = [Bin(label, low, high) for label, low, high in zip(labels, edges, cuts + [None])]
    return bins, lambda mutual: sum(mutual > cut for cut in cuts)


def width_bins():
    bins = []
    for place in range(20):
        low = -(-35 * place // 20)
        high = 35 if place == 19 else -(-35 * (place + 1) // 20) - 1
        bins.append(Bin(f"{low}-{high}" if high > low else str(low), low, high))
    bins.append(Bin(">35", 36, None))
    return bins, lambda mutual: min(19, 20 * mutual // 35) if mutual <= 35 else 20


def decile_bins(rows):
    total, seen, places = sum(row[1] for row in rows), 0, {}
    for mutual, sides, *_ in rows:
        places[mutual] = min(9, 10 * seen // total)
        seen += sides
    bins = [Bin(f"D{place + 1}", place / 20, (place + 1) / 20) for place in range(10)]
    return bins, places.__getitem__


def measures(rows):
    top = max(row[0] for row in rows)
    return {
        "exact": ([Bin(str(row[0]), row[0], row[0]) for row in rows],
                  {row[0]: i for i, row in enumerate(rows)}.__getitem__),
        "log2": log2_bins(top),
        "terciles": cut_bins(["weak", "medium", "strong"], [2, 9]),
        "threshold": cut_bins(["0-10", ">10"], [10]),
        "width20": width_bins(),
        "strength": decile_bins(rows),
        "intensity": decile_bins(rows),
    }


def doses(rows, names, segment="all", value="all"):
    total = sum(row[3] for row in rows)
    for name, (bins, place_of) in measures(rows).items():
        if name in names:
            for mutual, *sums in rows:
                bins[place_of(mutual)].add(*sums)
            for place, one in enumerate(bins):
                if one.sides:
                    yield one.row(name, place, segment, value, total)


SEGMENTS = {
    "industry": ["51", "54", "62", "52", "31-33", "61", "44-45", "92", "23", "56", "81", "48-49",
                 "72", "53", "unknown"],
    "it": ["high", "low", "unknown"],
    "remote": ["high", "low", "unknown"],
    "seniority": ["same 0-2", "same 3-5", "same 6-10", "same 11+", "different 0-2",
                  "different 3-5", "different 6-10", "different 11+", "unknown"],
    "coworker": ["never", "past", "current"],
    "reach": ["place", "region", "country", "abroad", "unknown"],
    "degree": [f"D{i}" for i in range(1, 11)],
    "horizon": ["3 months", "1 year", "2 years", "5 years"],
    "diversity": ["Q1", "Q2", "Q3", "Q4", "none"],
    "variant": ["7:0", "7:1", "7:2"],
}

SETTINGS = [
    ("preset", "default", "The named set of rules that the settings below are."),
    ("tie_days", "30", "A tie carries a move only when it was made so many days before it."),
    ("job_days", "365",
     "The contact must have started at the company at least so many days before the move."),
    ("alter_active", "yes", "Whether the contact must still be at the company at the move."),
    ("tie_first", "no", "Whether the tie must be older than the contact's time at the company."),
    ("ended_ties", "exclude", "Whether a tie that ended before the move does not carry it."),
    ("mass_movers", "5", "A mass move has at least so many movers in a month, "),
    ("mass_share", "0.1", "A mass move has at least this share of those who were there before."),
    ("threshold", "10", "Cut of the class `threshold`: more mutual connections than this."),
    ("intensity_days", "365", "Interactions count for so many days behind the making of a tie."),
    ("run_id", "00c0ffee00c0ffee", "Fingerprint of the settings and of every event."),
    ("simultaneous", "strict", "What ties of one millisecond see of each other."),
]


def arms(rng):
    parts = {"outcome": ["transmissions", "moves", "moves_carried", "applications"],
             "ties": ["new_ties", "weak", "medium", "strong", "above_threshold"],
             "balance": ["before_ties", "before_moves"]}
    for variant in range(3):
        for part, facts in parts.items():
            for fact in facts:
                mean = rng.uniform(0.2, 9)
                if variant == 0:
                    yield (7, 0, part, fact, 41234, 0.5, mean, mean, None, None, None)
                else:
                    error = mean / 60
                    gap = rng.gauss(0, error) if part == "balance" else 3 * error
                    p = math.erfc(abs(gap / error) / math.sqrt(2))
                    yield (7, variant, part, fact, 20617, 0.25, mean, mean, gap, error, p)


def fill_study(connection, kind, scale):
    rows = world(kind, scale)
    rng = random.Random(11)
    put(connection, "dose_response",
        doses(rows, ["exact", "log2", "terciles", "threshold", "width20", "strength",
                     "intensity"]))
    if kind != "few":
        for segment, values in SEGMENTS.items():
            for i, value in enumerate(values):
                part = world(kind, scale * 0.9 / (i + 1.6), hash_of(segment, value))
                put(connection, "segments", doses(part, ["log2", "terciles"], segment, value))
        put(connection, "arms", arms(rng))
    sides, at_risk, hits = (sum(row[i] for row in rows) for i in (1, 2, 3))
    for placebo, share in (("joined_after", 0.42), ("tie_after", 0.18)):
        for place, label in enumerate(("weak", "medium", "strong")):
            real = round(hits * (0.2, 0.45, 0.35)[place])
            put(connection, "placebos", [
                (placebo, "terciles", place, label, real * (48 - 9 * place), real,
                 round(real * share * rng.uniform(0.85, 1.15)))])
    put(connection, "totals", {
        "ties": sides // 2, "sides": sides, "sides_at_risk": at_risk, "moves": hits * 3 + 7,
        "entries": hits + 5, "undecided": 12, "mass_moves": 41, "moves_carried": hits * 0.72 // 1,
        "transmissions": hits, "transmissions_certain": hits * 0.8 // 1,
        "transmissions_possible": hits * 1.1 // 1, "tercile_low": 2, "tercile_high": 9,
        "median_strength": 0.0024, "members": sides // 40, "as_of_ms": 1767225599999,
    }.items())
    put(connection, "quality", quality(sides))
    put(connection, "revisions", [(5, 6, "move", 1, None, None)] * 3)


def hash_of(*texts):
    return sum(ord(c) * 31 ** (i % 7) for i, c in enumerate("".join(texts)))


def quality(sides):
    yield from (("connections", check, count) for check, count in (
        ("read", sides // 2 + 1930), ("applied", sides // 2 + 1000), ("duplicate", 700),
        ("orphan", 180), ("self_loop", 40), ("late", 0), ("earlier", 0), ("malformed", 10),
        ("out_of_order", 812), ("ties", sides // 2), ("endings", 1000)))
    yield from (("positions", check, count) for check, count in (
        ("read", 90000), ("applied", 89000), ("duplicate", 600), ("orphan", 380), ("self_loop", 0),
        ("malformed", 20), ("beyond", 14), ("unknown_member", 2100), ("backdated", 0)))


def put(connection, table, rows):
    for row in rows:
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)


def fill_wide(connection):
    """Thirty bins, one of which has a single side that transmitted."""
    bins, _ = log2_bins((1 << 29) - 2)
    for place, one in enumerate(bins):
        at_risk = round(3e7 / (place + 1) ** 2)
        one.add(at_risk + 10, at_risk, round(at_risk * hazard("hump", 1 << place)), at_risk // 9,
                at_risk * 0.001)
    bins[-1] = Bin(bins[-1].label, bins[-1].low, bins[-1].high)
    bins[-1].add(1, 1, 1, 1, 0.0)
    total = sum(one.hits for one in bins)
    put(connection, "dose_response",
        (one.row("log2", place, "all", "all", total) for place, one in enumerate(bins)))
    put(connection, "totals", {"ties": 5e7, "sides": 1e8, "sides_at_risk": 9e7, "moves": 400000,
                               "transmissions": total, "moves_carried": 1e5}.items())


def fill_single(connection):
    one = Bin("0", 0, 0)
    one.add(2, 1, 0, 0, 0.0)
    for measure in ("exact", "log2"):
        put(connection, "dose_response", [one.row(measure, 0, "all", "all", 0)])
    weak = Bin("weak", 0, 0)
    weak.add(2, 1, 0, 0, 0.0)
    put(connection, "dose_response", [weak.row("terciles", 0, "all", "all", 0)])
    put(connection, "totals", {"ties": 1, "sides": 2, "sides_at_risk": 1, "moves": 1, "entries": 2,
                               "transmissions": 0, "moves_carried": 0, "members": 2}.items())


HOSTILE = "</style><script>alert(1)</script>\"'&<b>\x01"


def fill_hostile(connection):
    rows = world("hump", 400000)
    for row in doses(rows, ["log2", "terciles", "strength"]):
        put(connection, "dose_response", [row[:2] + (row[2] + HOSTILE,) + row[3:]])
    for kind in ("industry", "kind" + HOSTILE):
        for row in doses(rows, ["terciles"], kind, "value" + HOSTILE):
            put(connection, "segments", [row])
    put(connection, "settings", [("name" + HOSTILE, "value" + HOSTILE, "meaning" + HOSTILE)])
    put(connection, "quality", [("log" + HOSTILE, "read", 5), ("log" + HOSTILE, "applied", 4)])
    put(connection, "arms", [(1, 0, HOSTILE, HOSTILE, 5, 1.0, 2.0, None, None, None, None)])
    put(connection, "placebos", [(HOSTILE, "terciles", 0, HOSTILE, 40, 5, 3)])
    hits = sum(row[3] for row in rows)
    put(connection, "totals", {"ties": 10, "moves": 10, "transmissions": hits}.items())


def make(path, kind="hump"):
    """Writes the database; returns nothing. The file must not exist."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {USER_VERSION}")
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
    put(connection, "settings", SETTINGS)
    if kind in ("hump", "flat", "chance", "falls"):
        fill_study(connection, kind, 9e6)
    elif kind == "few":
        fill_study(connection, "hump", 2500)
    elif kind == "wide":
        fill_wide(connection)
    elif kind == "single":
        fill_single(connection)
    elif kind == "hostile":
        fill_hostile(connection)
    known = {name for name, in connection.execute("SELECT name FROM totals")}
    put(connection, "totals", ((name, 0) for name in TOTALS if name not in known))
    connection.commit()
    connection.close()


if __name__ == "__main__":
    make(sys.argv[1], *sys.argv[2:])
