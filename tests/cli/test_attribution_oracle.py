"""The oracle of the attribution against something slower still: every true instant, one by one."""

import itertools
import random
import types
import unittest

from tests.cli import attribution_oracle as oracle
from tests.cli import random_worlds
from tests.cli.attribution_tables import Tables

UNITS = 3000
WINDOWS = 1500
WORLDS = 60


def random_span(rng, limit=14):
    lo = rng.randrange(limit)
    return lo, lo + rng.randint(1, 4)


def random_start(rng):
    return oracle.EVER if rng.random() < 0.1 else random_span(rng)


def random_end(rng):
    return oracle.NEVER if rng.random() < 0.3 else random_span(rng, 18)


def random_settings(rng):
    return types.SimpleNamespace(
        tie_ms=rng.choice((0, 0, 1, 3)), job_ms=rng.choice((0, 0, 1, 4)),
        alter_active=rng.random() < 0.5, tie_first=rng.random() < 0.4,
        ended_ties=rng.choice((oracle.EXCLUDE, oracle.INCLUDE)))


def random_side(rng):
    created = rng.randrange(10)
    ended = rng.choice((None, created + rng.randrange(14)))
    return types.SimpleNamespace(created=created, ended=ended, is_remade=False)


def instants(span):
    """Each millisecond of a unit as a date of its own."""
    return [span] if span in (oracle.EVER, oracle.NEVER) else [(t, t + 1) for t in range(*span)]


def carries(side, spell, s, settings):
    return (oracle.tie_precedes(side, s, settings)
            and oracle.spell_precedes(side.created, spell, s, settings))


class UnitsTest(unittest.TestCase):
    def test_possible_and_certain_are_some_and_all_instants_inside_the_units(self):
        seen = set()
        for seed in range(UNITS):
            rng = random.Random(seed)
            side, settings, s = random_side(rng), random_settings(rng), random_span(rng, 20)
            spell = oracle.Spell(random_start(rng), random_end(rng), 1)
            truths = [carries(side, oracle.Spell(start, end, 1), instant, settings)
                      for instant, start, end in itertools.product(
                          instants(s), instants(spell.start), instants(spell.end))]
            counted = carries(side, spell, s, settings)
            with self.subTest(seed=seed):
                self.assertEqual(oracle.carries_possibly(side, spell, s, settings), any(truths))
                self.assertEqual(oracle.carries_certainly(side, spell, s, settings), all(truths))
                self.assertLessEqual(all(truths), counted)
                self.assertLessEqual(counted, any(truths))
            seen.add((any(truths), counted, all(truths)))
        self.assertEqual(len(seen), 4)


class WindowTest(unittest.TestCase):
    def test_a_window_holds_the_instants_at_which_a_move_would_be_carried(self):
        found = 0
        for seed in range(WINDOWS):
            rng = random.Random(seed)
            side, settings, entry = random_side(rng), random_settings(rng), random_start(rng)
            settings.tie_ms = max(settings.tie_ms, 1)
            settings.job_ms = max(settings.job_ms, 1)
            spell = oracle.Spell(random_start(rng), random_end(rng), 1)
            first_start = rng.choice((oracle.NEVER, oracle.EVER, random_span(rng, 25)))
            as_of, until = rng.randrange(40), rng.choice((None, side.created + rng.randrange(20)))
            first, last = oracle.window(side, spell, entry, first_start, as_of, settings, until)
            truths = [t for t in range(50)
                      if carries(side, spell, (t, t + 1), settings)
                      and oracle.before(entry, (t, t + 1)) and t <= first_start[0] and t <= as_of
                      and (until is None or t <= until)]
            with self.subTest(seed=seed):
                self.assertEqual(list(range(first, last + 1)), truths)
            found += bool(truths)
        self.assertGreater(found, WINDOWS // 10)

    def test_a_union_counts_every_instant_once(self):
        for seed in range(300):
            rng = random.Random(seed)
            windows = [(first, first + rng.randrange(-3, 9)) for first in
                       (rng.randrange(30) for _ in range(rng.randrange(5)))]
            instants_within = {t for first, last in windows for t in range(first, last + 1)}
            self.assertEqual(oracle.union_length(windows), len(instants_within), windows)


class SpellsTest(unittest.TestCase):
    def test_spells_hold_the_days_on_which_more_has_started_than_ended(self):
        """Of ends that find something to end, that is; each day is looked at on its own."""
        day = oracle.DAY_MS
        for seed in range(300):
            rng = random.Random(seed)
            positions = {oracle.Position(rng.randint(1, 12) * day + rng.randrange(day), 1, 1,
                                         rng.choice((oracle.START, oracle.START, oracle.END)))
                         for _ in range(rng.randrange(8))}
            world = oracle.World([], list(positions))
            careers = oracle.Careers(world, oracle.Settings(), 100 * day)
            spells = careers.spells[1]
            counter, at_work = 0, set()
            for d in range(1, 20):
                counter += sum(p.kind == oracle.START and p.at // day == d for p in positions)
                ended = sum(p.kind == oracle.END and p.at // day == d - 1 for p in positions)
                counter = max(0, counter - ended)
                if counter > 0:
                    at_work.add(d)
            within = {d for spell in spells for d in range(1, 20)
                      if spell.start[0] <= d * day < spell.end[1]}
            self.assertEqual(within, at_work, seed)
            for one, other in zip(spells, spells[1:]):
                self.assertLess(one.end[1], other.start[0])


class WorldsTest(unittest.TestCase):
    """What must hold in any world."""

    def test_credits_sum_up_and_transmissions_lie_in_windows(self):
        carried = 0
        for seed in range(WORLDS):
            case = random_worlds.case(seed)
            tables = Tables(case.world, case.settings)
            with self.subTest(seed=seed):
                self.check(tables)
            carried += tables.totals()["transmissions"]
        self.assertGreater(carried, WORLDS // 2)

    def check(self, tables):
        attribution = tables.attribution
        for move in attribution.careers.all_moves():
            self.assertLessEqual(move.certain, len(move.sides))
            self.assertLessEqual(len(move.sides), move.possible)
            self.assertLessEqual(len(move.sides), move.tied)
            for rule, credits in move.credits.items():
                whole = len(move.sides) if rule == oracle.EACH else 1
                self.assertEqual(sum(credits), whole * oracle.ONE)
        for side in attribution.sides:
            windows = attribution.windows(side)
            for move in side.carried:
                self.assertTrue(any(first <= move.at[0] <= last for first, last in windows))
        self.check_doses(tables)

    def check_doses(self, tables):
        """Every measure splits the same sides, and so does every kind of segment but two."""
        totals = tables.totals()
        sums = {}
        for (measure, _, kind, _), dose in tables.doses.items():
            sums.setdefault((measure, kind), [0, 0, 0])
            for k, count in enumerate((dose.sides, dose.at_risk, dose.transmissions)):
                sums[measure, kind][k] += count
        for (measure, kind), found in sums.items():
            if kind not in ("horizon", "variant"):
                self.assertEqual(found[0], totals["sides"], (measure, kind))
                if measure != "intensity":
                    self.assertEqual(found[1], totals["sides_at_risk"], (measure, kind))
                    self.assertEqual(found[2], totals["transmissions"], (measure, kind))


if __name__ == "__main__":
    unittest.main()
