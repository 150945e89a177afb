"""The tables of an attribution, slow and obvious, from section 6 of the definitions alone.

Rows are dictionaries of Python values by the names of the columns; None is null. Names of segments
and labels of bins are those that the command prints.
"""

import collections
import math
from fractions import Fraction

from tests.cli.attribution_oracle import (MOVE, ONE, RULES, SHARE_ONE, Attribution, before, instant,
                                          is_used, month_of, spell_precedes, tie_precedes,
                                          union_length)
from tests.cli.oracle import DAY_MS

MEASURES = ("exact", "log2", "terciles", "threshold", "width20", "strength", "intensity")
HORIZONS = {"3 months": 91, "1 year": 365, "2 years": 730, "5 years": 1826}
RANKS = {"it": "it_rank", "software": "software_rank", "ml": "ml_rank", "ai": "ai_rank",
         "robots": "robot_rank", "remote": "remote_rank"}
REACHES = ("place", "region", "country", "abroad", "unknown")
TERCILES = ("weak", "medium", "strong")
OUTCOMES = ("transmissions", "moves", "moves_carried", "applications")
UNKNOWN = "unknown"
NORMAL_95 = 1.959963984540054


# Classes

def at_rank(values, part, parts):
    """The value at rank ceil(part n / parts) of a sorted list."""
    return values[-(-part * len(values) // parts) - 1]


def quantile_bin(cuts, value):
    """The first bin whose cut is not below the value; the last where there is none."""
    return next((k for k, cut in enumerate(cuts) if value <= cut), len(cuts))


class Classes:
    """Cuts from the cohort: all ties, used or not."""

    def __init__(self, attribution):
        mutuals = sorted(tie.mutual for tie in attribution.ties)
        self.values = sorted(set(mutuals))
        self.threshold = attribution.settings.threshold
        self.tercile_cuts = [at_rank(mutuals, k, 3) for k in (1, 2)] if mutuals else []
        strengths = sorted(tie.strength for tie in attribution.ties)
        self.strength_cuts = ([at_rank(strengths, k, 10) for k in range(1, 10)]
                              if strengths else [])
        self.has_intensity = bool(attribution.interactions)
        counts = sorted(side.interactions for side in attribution.sides if side.mover_invited)
        self.ties_of_count = collections.Counter(counts)
        self.median_strength = at_rank(strengths, 1, 2) if strengths else 0.0
        self.intensity_deciles = {}
        self.intensity_ranks = {}
        for count, ties in self.ties_of_count.items():
            first = counts.index(count) + 1
            last = first + ties - 1
            self.intensity_deciles[count] = min(9, 10 * (first + last) // (2 * len(counts)))
            self.intensity_ranks[count] = (first + last) / 2 / len(counts)

    def measures(self):
        return [measure for measure in MEASURES if measure != "intensity" or self.has_intensity]

    def tercile(self, side):
        return quantile_bin(self.tercile_cuts, side.mutual)

    def label(self, measure, bin_):
        """(label, least value, greatest value) of a bin."""
        if measure == "exact":
            return whole(self.values[bin_], self.values[bin_])
        if measure == "log2":
            return whole(2**bin_ // 2, 2**bin_ - 1)
        if measure == "terciles":
            return (TERCILES[bin_], float(self.tercile_cuts[bin_ - 1] + 1) if bin_ else 0.0,
                    float(self.tercile_cuts[bin_]) if bin_ < 2 else None)
        if measure == "threshold":
            return above(self.threshold) if bin_ else whole(0, self.threshold)
        if measure == "width20":
            held = [mutual for mutual in range(36) if min(19, 20 * mutual // 35) == bin_]
            return whole(held[0], held[-1]) if bin_ < 20 else above(35)
        if measure == "strength":
            return (f"D{bin_ + 1}", self.strength_cuts[bin_ - 1] if bin_ else 0.0,
                    self.strength_cuts[bin_] if bin_ < 9 else 1.0)
        held = [count for count, decile in self.intensity_deciles.items() if decile == bin_]
        return f"D{bin_ + 1}", float(min(held)), float(max(held))

    def bin(self, measure, side):
        mutual = side.mutual
        if measure == "exact":
            return self.values.index(mutual)
        if measure == "log2":
            return mutual.bit_length()
        if measure == "terciles":
            return self.tercile(side)
        if measure == "threshold":
            return int(mutual > self.threshold)
        if measure == "width20":
            return 20 if mutual > 35 else min(19, 20 * mutual // 35)
        if measure == "strength":
            return quantile_bin(self.strength_cuts, side.strength)
        return self.intensity_deciles[side.interactions]


def whole(low, high):
    return str(low) if low == high else f"{low}-{high}", float(low), float(high)


def above(low):
    return f">{low}", float(low + 1), None


# People

def newest(records):
    """{first field: the record added last}."""
    return {record[0]: record for record in records}


class People:
    """What is known of members beside their careers."""

    def __init__(self, world):
        self.profiles = newest(world.members)
        self.industries = newest(world.industries)

    def fact(self, member, name):
        profile = self.profiles.get(member)
        return None if profile is None else getattr(profile, name)

    def knows(self, name):
        return any(getattr(profile, name) is not None for profile in self.profiles.values())

    def reach(self, a, b):
        for name in ("place", "region", "country"):
            one, other = self.fact(a, name), self.fact(b, name)
            if one is not None and one == other:
                return name
        if self.fact(a, "country") is not None and self.fact(b, "country") is not None:
            return "abroad"
        return UNKNOWN

    def half(self, member, rank):
        """Which half of the industry table the member's industry is in: 0 is the more intense."""
        ranks = sorted(getattr(industry, rank) for industry in self.industries.values()
                       if getattr(industry, rank) is not None)
        industry = self.industries.get(self.fact(member, "industry"))
        if industry is None or getattr(industry, rank) is None:
            return None
        return 0 if getattr(industry, rank) <= at_rank(ranks, 1, 2) else 1

    def same_industry(self, a, b):
        one, other = self.fact(a, "industry"), self.fact(b, "industry")
        if one is None or other is None:
            return None
        return "same" if one == other else "different"

    def seniority_gap(self, a, b):
        one, other = self.fact(a, "career_start_year"), self.fact(b, "career_start_year")
        return None if one is None or other is None else abs(one - other)

    def seniority(self, a, b):
        industries = [self.fact(member, "industry") for member in (a, b)]
        years = [self.fact(member, "career_start_year") for member in (a, b)]
        if None in industries:
            return UNKNOWN
        same = "same " if industries[0] == industries[1] else "different "
        if None in years:
            return same + UNKNOWN
        gap = abs(years[0] - years[1])
        return same + ("0-2" if gap <= 2 else "3-5" if gap <= 5 else "6-10" if gap <= 10
                       else "11+")


def coworker(careers, a, b, at):
    """Whether two were, or had been, at one company at the same time before the instant."""
    t = instant(at)
    pairs = [(one, other) for one in careers.spells.get(a, ()) for other in
             careers.spells.get(b, ())
             if one.company == other.company and before(one.start, t) and before(other.start, t)
             and not before(one.end, other.start) and not before(other.end, one.start)]
    if any(not before(one.end, t) and not before(other.end, t) for one, other in pairs):
        return "current"
    return "past" if pairs else "never"


def blau(values):
    """1 - the chance that two draws are alike; None of nothing."""
    if not values:
        return None
    counts = collections.Counter(values)
    return 1.0 - sum(n * n for n in counts.values()) / float(len(values) ** 2)


def arms_of(attribution):
    """{experiment: {member: (first instant, variant)}} of the earliest assignments."""
    found = collections.defaultdict(dict)
    for record in attribution.world.assignments:
        if record.at <= attribution.as_of:
            arm = found[record.experiment]
            arm[record.member] = min(arm.get(record.member, (record.at, record.variant)),
                                     (record.at, record.variant))
    return dict(found)


# Chance

class Chance:
    """The share of a contact's cell that would have carried the move."""

    def __init__(self, attribution, people):
        self.attribution = attribution
        self.people = people
        self.cells_of_month = {}

    def cells(self, month):
        """{member: (industry, region, degree decile)} of who has a tie in G(month-)."""
        if month not in self.cells_of_month:
            degrees = collections.Counter()
            for tie in self.attribution.ties:
                if tie.created_at < month and (tie.ended_at is None or tie.ended_at >= month):
                    degrees[tie.from_] += 1
                    degrees[tie.to] += 1
            ordered = sorted(degrees.values())
            cuts = [at_rank(ordered, k, 10) for k in range(1, 10)] if ordered else []
            self.cells_of_month[month] = {
                member: (self.people.fact(member, "industry"), self.people.fact(member, "region"),
                         quantile_bin(cuts, degree)) for member, degree in degrees.items()}
        return self.cells_of_month[month]

    def share(self, move, side):
        """In units of 2^-32; None where there is nobody to compare with."""
        cells = self.cells(month_of(move.at[0])[0])
        if side.contact not in cells or move.member not in cells:
            return None
        others = [member for member, cell in cells.items()
                  if cell == cells[side.contact] and member != move.member]
        if others == [side.contact]:
            return None
        settings = self.attribution.settings
        carrying = [member for member in others
                    if any(spell_precedes(side.created, spell, move.at, settings)
                           for spell in self.attribution.careers.at(member, move.company))]
        return len(carrying) * SHARE_ONE // len(others)


# Dose-response

class Dose:
    """One measure, bin and segment."""

    def __init__(self):
        self.sides = self.at_risk = self.exposure = self.transmitting = self.transmissions = 0
        self.credit = dict.fromkeys(RULES, 0)
        self.pairs = self.unmatched = self.unmatched_transmissions = self.expected = 0
        self.of_mover = collections.defaultdict(lambda: [0, 0])  # [transmitting, at risk]

    def row(self, all_transmissions):
        n, y = self.at_risk, self.transmitting
        row = {"sides": self.sides, "at_risk": n, "exposure_ms": float(self.exposure),
               "transmitting": y, "transmissions": self.transmissions,
               "rate": None, "wilson_low": None, "wilson_high": None, "standard_error": None,
               "low_95": None, "high_95": None}
        for rule in RULES:
            row["credit_" + rule] = self.credit[rule] / ONE
        row["expected"] = self.expected / SHARE_ONE
        row["excess"] = (self.transmissions - self.unmatched_transmissions) - row["expected"]
        row["pairs"], row["unmatched"] = self.pairs, self.unmatched
        row["unmatched_transmissions"] = self.unmatched_transmissions
        row["share"] = self.transmissions / all_transmissions if all_transmissions else None
        if n > 0:
            squares = sum((of * n - y * among) ** 2 for of, among in self.of_mover.values())
            row["rate"] = y / n
            row["wilson_low"], row["wilson_high"] = wilson(y, n)
            row["standard_error"] = math.sqrt(Fraction(squares, n**4))
            row["low_95"] = max(0.0, y / n - NORMAL_95 * row["standard_error"])
            row["high_95"] = min(1.0, y / n + NORMAL_95 * row["standard_error"])
        return row


def wilson(y, n):
    z = NORMAL_95
    centre = (y + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(y * (n - y) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


class Tables:
    """All tables of a world under its settings."""

    def __init__(self, world, settings):
        self.attribution = Attribution(world, settings)
        self.settings = settings
        self.as_of = self.attribution.as_of
        self.careers = self.attribution.careers
        self.classes = Classes(self.attribution)
        self.people = People(world)
        self.arms_of = arms_of(self.attribution)
        self.chance = Chance(self.attribution, self.people)
        self.members_moves = {member: [move for move in moves if move.kind == MOVE]
                              for member, moves in self.careers.moves.items()}
        for side in self.attribution.sides:
            side.pairs = self._pairs(side)
        self._cut_segments()
        self._count_doses()

    def _pairs(self, side):
        """(move, share) where the tie passes rule 1."""
        pairs = []
        if is_used(side, self.settings):
            for move in self.members_moves.get(side.mover, ()):
                if tie_precedes(side, move.at, self.settings):
                    share = self.chance.share(move, side)
                    pairs.append((move, share))
                    move.unmatched += share is None
                    move.expected += share or 0
        return pairs

    # Segments

    def _cut_segments(self):
        degrees = sorted(side.degree_mover for side in self.attribution.sides)
        self.degree_cuts = [at_rank(degrees, k, 10) for k in range(1, 10)] if degrees else []
        self.diversity = {member: self._industry_diversity(sides)
                          for member, sides in self.attribution.sides_of.items()}
        known = sorted(index for index in self.diversity.values() if index is not None)
        self.diversity_cuts = [at_rank(known, k, 4) for k in (1, 2, 3)] if known else []

    def _industry_diversity(self, sides):
        """Of the contacts of the medium ties among these."""
        industries = [self.people.fact(side.contact, "industry") for side in sides
                      if self.classes.tercile(side) == 1]
        return blau([industry for industry in industries if industry is not None])

    def segments(self, side):
        """(kind, value, instant behind which nothing counts) of the side, all sides first."""
        people, mover, contact = self.people, side.mover, side.contact
        found = [("all", "all", None)]
        if people.knows("industry"):
            industry = people.fact(mover, "industry")
            found.append(("industry", UNKNOWN if industry is None else str(industry), None))
            found.append(("seniority", people.seniority(mover, contact), None))
            for kind, rank in RANKS.items() if people.industries else ():
                half = people.half(mover, rank)
                found.append((kind, UNKNOWN if half is None else ("high", "low")[half], None))
        if self.careers.spells:
            found.append(("coworker", coworker(self.careers, mover, contact, side.created), None))
        if any(people.knows(name) for name in ("place", "region", "country")):
            found.append(("reach", people.reach(mover, contact), None))
        found.append(("degree", f"D{quantile_bin(self.degree_cuts, side.degree_mover) + 1}", None))
        for name, days in HORIZONS.items():
            if side.created + days * DAY_MS <= self.as_of:
                found.append(("horizon", name, side.created + days * DAY_MS))
        if self.diversity_cuts:
            index = self.diversity[mover]
            found.append(("diversity", "none" if index is None
                          else f"Q{quantile_bin(self.diversity_cuts, index) + 1}", None))
        for experiment, members in self.arms_of.items():
            if mover in members:
                found.append(("variant", f"{experiment}:{members[mover][1]}", None))
        return found

    # Doses

    def _count_doses(self):
        self.doses = collections.defaultdict(Dose)  # by measure, bin, segment kind, value
        for side in self.attribution.sides:
            if not is_used(side, self.settings):
                continue
            segments = self.segments(side)
            exposures = {}
            for measure in self.classes.measures():
                least = None
                if measure == "intensity":
                    least = side.created + self.settings.intensity_days * DAY_MS
                for kind, value, until in segments:
                    key = measure, self.classes.bin(measure, side), kind, value
                    if (until, least) not in exposures:
                        exposures[until, least] = union_length(
                            self.attribution.windows(side, until, least))
                    self._count_side(self.doses[key], side, until, least,
                                     exposures[until, least])

    @staticmethod
    def _count_side(dose, side, until, least, exposure):
        def counts(move):
            return ((until is None or move.at[0] <= until)
                    and (least is None or move.at[0] >= least))

        moves = [move for move in side.carried if counts(move)]
        dose.sides += 1
        dose.at_risk += exposure > 0
        dose.exposure += exposure
        dose.transmitting += bool(moves)
        dose.transmissions += len(moves)
        dose.of_mover[side.mover][0] += bool(moves)
        dose.of_mover[side.mover][1] += exposure > 0
        for move in moves:
            for rule in RULES:
                dose.credit[rule] += move.credits[rule][move.sides.index(side)]
        for move, share in side.pairs:
            if counts(move):
                dose.pairs += 1
                dose.unmatched += share is None
                dose.unmatched_transmissions += share is None and move in moves
                dose.expected += share or 0

    def dose_rows(self, of_all):
        """{(measure, bin, segment, value): row}: for all sides, or for the other segments."""
        totals = collections.Counter()
        for (measure, _, kind, value), dose in self.doses.items():
            totals[measure, kind, value] += dose.transmissions
        rows = {}
        for key, dose in self.doses.items():
            measure, bin_, kind, value = key
            if (kind == "all") == of_all:
                label, low, high = self.classes.label(measure, bin_)
                rows[key] = {"measure": measure, "bin": bin_, "label": label, "low": low,
                             "high": high, "segment": kind, "value": value,
                             **dose.row(totals[measure, kind, value])}
        return rows

    # Rows of ties

    def ties(self):
        invited = [side for side in self.attribution.sides if side.mover_invited]
        return [self._tie_row(tie, side)
                for tie, side in zip(self.attribution.ties, invited, strict=True)]

    def _tie_row(self, tie, side):
        classes, people, a, b = self.classes, self.people, tie.from_, tie.to
        reach = people.reach(a, b)
        experiment, variant = self._assignment_of(a, tie.created_at)
        return {"from": a, "to": b, "created_at": tie.created_at, "ended_at": tie.ended_at,
                "mutual": tie.mutual, "degree_from": tie.degree_from, "degree_to": tie.degree_to,
                "union": tie.union, "strength": tie.strength, "origin": tie.origin,
                "tercile": TERCILES[classes.tercile(side)],
                "above_threshold": tie.mutual > classes.threshold,
                "above_median": tie.strength > classes.median_strength,
                "log2_bin": classes.label("log2", classes.bin("log2", side))[0],
                "strength_decile": classes.bin("strength", side) + 1,
                "interactions": side.interactions if classes.has_intensity else None,
                "interaction_rank": (classes.intensity_ranks[side.interactions]
                                     if classes.has_intensity else None),
                "same_industry": people.same_industry(a, b),
                "seniority_gap_years": people.seniority_gap(a, b),
                "reach": None if reach == UNKNOWN else reach,
                "coworker": coworker(self.careers, a, b, tie.created_at),
                "experiment": experiment, "variant": variant}

    def _assignment_of(self, member, at):
        """(experiment, variant) that the member was in at the instant, of the first experiment."""
        records = [(record.experiment, record.at, record.variant)
                   for record in self.attribution.world.assignments
                   if record.member == member and record.at <= at]
        experiment, _, variant = min(records, default=(None, None, None))
        return experiment, variant

    # Rows of moves

    def moves(self):
        return [self._move_row(move) for move in self.careers.all_moves()]

    @staticmethod
    def _move_row(move):
        row = {"member": move.member, "company": move.company, "at": move.at[0],
               "precision": move.precision, "kind": move.kind, "previous_company": move.previous,
               "contacts": len(move.sides), "contacts_certain": move.certain,
               "contacts_possible": move.possible, "contacts_tied": move.tied,
               "expected": move.expected / SHARE_ONE, "unmatched": move.unmatched,
               "mass": move.mass}
        if move.kind != MOVE:
            row.update(dict.fromkeys(("contacts", "contacts_certain", "contacts_possible",
                                      "contacts_tied", "expected", "unmatched")))
        return row

    def transmissions(self):
        return [self._transmission_row(side, move)
                for move in self.careers.all_moves() for side in move.sides]

    def _transmission_row(self, side, move):
        qualifying = self.attribution.qualifying(side, move)
        start, s = qualifying[0].start, move.at
        return {"mover": side.mover, "contact": side.contact, "company": move.company,
                "at": s[0], "tie_created_at": side.created, "tie_age_ms": s[0] - side.created,
                "contact_tenure_ms": None if start[0] < -2**62 else s[0] - start[0],
                "mutual": side.mutual, "union": side.union, "strength": side.strength,
                "interactions": side.interactions if self.classes.has_intensity else None,
                "contact_active": any(spell.end[1] > s[0] for spell in qualifying),
                "mover_invited": side.mover_invited,
                "certain": self.attribution.is_certain(side, move)}

    def attributions(self):
        return [{"mover": move.member, "company": move.company, "at": move.at[0],
                 "contact": side.contact, "rule": rule, "credit": move.credits[rule][k] / ONE}
                for move in self.careers.all_moves() for k, side in enumerate(move.sides)
                for rule in RULES]

    # Members and arms

    def everybody(self):
        """Whom a record up to as_of names; interactions and self-loops make nobody known."""
        world = self.attribution.world
        found = {record.member for record in world.members}
        for event in world.connections:
            if event.at <= self.as_of and event.from_ != event.to:
                found |= {event.from_, event.to}
        for log in (world.positions, world.applications, world.assignments):
            found |= {record.member for record in log if record.at <= self.as_of}
        return sorted(found)

    def members(self):
        """Of each member the whole study, then from the assignment in each experiment on."""
        neighbours = collections.defaultdict(set)
        for tie in self.attribution.ties:
            if tie.ended_at is None:
                neighbours[tie.from_].add(tie.to)
                neighbours[tie.to].add(tie.from_)
        rows = []
        for member in self.everybody():
            rows.append(self._member_row(member, neighbours, None, None, None))
            for experiment in sorted(self.arms_of):
                if member in self.arms_of[experiment]:
                    first, variant = self.arms_of[experiment][member]
                    rows.append(self._member_row(member, neighbours, first, experiment, variant))
        return rows

    def _member_row(self, member, neighbours, first, experiment, variant):
        def counts(at):
            return first is None or at >= first

        sides = [side for side in self.attribution.sides_of.get(member, ())
                 if counts(side.created)]
        moves = [move for move in self.members_moves.get(member, ()) if counts(move.at[0])]
        terciles = collections.Counter(self.classes.tercile(side) for side in sides)
        reaches = collections.Counter(self.people.reach(member, side.contact) for side in sides)
        row = {"member": member, "window": "study" if first is None else f"experiment {experiment}",
               "from": first, "degree": len(neighbours.get(member, ())), "new_ties": len(sides)}
        row.update((name, terciles[k]) for k, name in enumerate(TERCILES))
        row["above_threshold"] = sum(side.mutual > self.settings.threshold for side in sides)
        row["transmissions"] = sum(len(move.sides) for move in moves)
        row["moves"] = len(moves)
        row["moves_carried"] = sum(bool(move.sides) for move in moves)
        applications = set(self.attribution.world.applications)
        row["applications"] = sum(record.count for record in applications
                                  if record.member == member and record.at <= self.as_of
                                  and counts(record.at))
        row["diversity"] = diversity(neighbours, member)
        row["industry_diversity"] = self._industry_diversity(sides)
        row.update(("reach_" + reach, reaches[reach]) for reach in REACHES)
        row["experiment"], row["variant"] = experiment, variant
        return row

    def arms(self):
        """{(experiment, variant, fact): row}."""
        rows = self.members()
        study = {row["member"]: row for row in rows if row["experiment"] is None}
        found = {}
        for experiment, members in self.arms_of.items():
            arms = collections.defaultdict(list)
            for row in rows:
                if row["experiment"] == experiment:
                    arms[row["variant"]].append(arm_facts(row, study[row["member"]]))
            for variant, facts in arms.items():
                for fact in facts[0]:
                    control = [one[fact] for one in arms.get(0, ())]
                    row = compare([one[fact] for one in facts], control if variant > 0 else [])
                    row["part"] = ("balance" if fact.startswith("before_") else "outcome"
                                   if fact in OUTCOMES else "ties")
                    row["members"] = len(facts)
                    row["share"] = len(facts) / len(members)
                    found[experiment, variant, fact] = row
        return found

    # Placebos and totals

    def placebos(self):
        """{(placebo, tercile): [pairs, transmissions, placebo]}."""
        found = {(placebo, tercile): [0, 0, 0] for placebo in ("joined_after", "tie_after")
                 for tercile in range(3)}
        first_tie = min((tie.created_at for tie in self.attribution.ties), default=None)
        for member, moves in self.members_moves.items():
            sides = [side for side in self.attribution.sides_of.get(member, ())
                     if is_used(side, self.settings)]
            for move in moves:
                span = 0 if first_tie is None else min(move.at[0] - first_tie,
                                                       self.as_of - move.at[0])
                if span > 0:
                    for side in sides:
                        self._count_joined_after(found, side, move, span)
                        self._count_tie_after(found, side, move, span)
        return found

    def _count_joined_after(self, found, side, move, span):
        if not tie_precedes(side, move.at, self.settings):
            return
        lo = move.at[0]
        count = found["joined_after", self.classes.tercile(side)]
        qualifying = self.attribution.qualifying(side, move)
        spells = self.careers.at(side.contact, move.company)
        count[0] += 1
        count[1] += bool(qualifying) and qualifying[0].start[0] >= lo - span
        count[2] += any(lo + self.settings.job_ms <= spell.start[0] <= lo + span
                        for spell in spells)

    def _count_tie_after(self, found, side, move, span):
        lo = move.at[0]
        if not lo - span <= side.created <= lo + span:
            return
        count = found["tie_after", self.classes.tercile(side)]
        any_order = self.settings._replace(tie_first=False)
        count[0] += 1
        count[1] += bool(self.attribution.qualifying(side, move))
        count[2] += (side.created >= lo + max(self.settings.tie_ms, 1)
                     and any(spell_precedes(side.created, spell, move.at, any_order)
                             for spell in self.careers.at(side.contact, move.company)))

    def totals(self):
        moves = self.careers.all_moves()
        sides = [side for side in self.attribution.sides if is_used(side, self.settings)]
        real = [move for move in moves if move.kind == MOVE]
        strengths = sorted(tie.strength for tie in self.attribution.ties)
        found = {
            "members": len(self.everybody()),
            "ties": len(strengths),
            "as_of_ms": self.as_of,
            "tercile_low": self.classes.tercile_cuts[0] if strengths else 0,
            "tercile_high": self.classes.tercile_cuts[1] if strengths else 0,
            "median_strength": self.classes.median_strength,
            "sides": len(sides),
            "sides_at_risk": sum(bool(self.attribution.windows(side)) for side in sides),
            "moves": len(real),
            "entries": sum(move.kind == "entry" for move in moves),
            "undecided": sum(move.kind == "undecided" for move in moves),
            "mass_moves": sum(move.mass for move in moves),
            "moves_carried": sum(bool(move.sides) for move in real),
            "transmissions": sum(len(move.sides) for move in real),
            "transmissions_certain": sum(move.certain for move in real),
            "transmissions_possible": sum(move.possible for move in real)}
        for rule in RULES:
            found["credit_" + rule] = sum(sum(move.credits[rule]) for move in real
                                          if move.sides) / ONE
        return found


    # Quality

    def quality(self):
        """{log: {check: count}} of the logs that were read."""
        world, known = self.attribution.world, set()
        for event in world.connections:
            if event.at <= self.as_of and event.from_ != event.to:
                known |= {event.from_, event.to}
        found = {"connections": self.attribution.connections_quality}
        for log in ("positions", "interactions", "applications", "assignments", "members",
                    "companies", "industries"):
            records = getattr(world, log)
            if records or log == "positions":
                found[log] = self._quality_of(log, records, known)
        return found

    def _quality_of(self, log, records, known):
        has_time = log in ("positions", "interactions", "applications", "assignments")
        read = [record for record in records if not has_time or record.at <= self.as_of]
        looped = [record for record in read if log == "interactions"
                  and record.from_ == record.to]
        kept = set(read) - set(looped) if has_time else set(newest(read).values())
        count = {"read": len(read), "applied": len(kept),
                 "duplicate": len(read) - len(looped) - len(kept), "orphan": 0,
                 "self_loop": len(looped), "malformed": 0, "beyond": len(records) - len(read),
                 "unknown_member": 0, "backdated": 0}
        if log == "positions":
            for check in ("applied", "orphan", "malformed"):
                count[check] = self.careers.quality[check]
        if log == "interactions":
            count["unknown_member"] = sum(not {record.from_, record.to} <= known
                                          for record in kept)
        elif log not in ("companies", "industries"):
            count["unknown_member"] = sum(record.member not in known for record in kept)
        return count


def diversity(neighbours, member):
    """1 - local clustering."""
    mine = neighbours.get(member, set())
    if len(mine) < 2:
        return None
    linked = sum(len(neighbours[contact] & mine) for contact in mine)  # each tie twice
    return 1.0 - (linked // 2) / (len(mine) * (len(mine) - 1) / 2)


def arm_facts(row, study):
    facts = {name: row[name] for name in (*OUTCOMES, "new_ties", *TERCILES, "above_threshold")}
    for name, source in (("ties", "new_ties"), ("moves", "moves"),
                         ("transmissions", "transmissions"), ("applications", "applications")):
        facts["before_" + name] = study[source] - row[source]
    return facts


def variance(values):
    if len(values) < 2:
        return None
    n = len(values)
    return Fraction(n * sum(value * value for value in values) - sum(values) ** 2, n * (n - 1))


def compare(values, control):
    """Mean and variance, and the difference from control where there is one."""
    mean = Fraction(sum(values), len(values))
    own, other = variance(values), variance(control)
    row = {"mean": float(mean), "variance": None if own is None else float(own),
           "difference": None, "standard_error": None, "p": None}
    if control:
        difference = mean - Fraction(sum(control), len(control))
        row["difference"] = float(difference)
        if own is not None and other is not None:
            error = math.sqrt(own / len(values) + other / len(control))
            row["standard_error"] = error
            if error > 0:
                row["p"] = math.erfc(abs(float(difference)) / error / math.sqrt(2))
    return row
