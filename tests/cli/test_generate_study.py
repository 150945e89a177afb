"""`tieflow generate --careers` and what `tieflow attribute` makes of it: the truth is known here.

The settings of the statistical tests take away what would stand between the planted hazard and the
counts: a mover with several contacts at a company gives each of them a transmission, so companies
are small and many; coworkers are never at the company that one moves to, which no baseline among
people alike can know, so nobody ties at work. What is left is chance. Seeds are fixed, so that the
tests do the same every time; their bounds are such that of 10,000 other choices of seeds fewer than
one would fail.
"""

import collections
import concurrent.futures
import json
import math

from tests.cli.support import USAGE, CommandTest, digests, rows_of, text_of

YEAR_MS = 365 * 86_400_000
FACTS = ("positions", "members", "companies", "industries", "interactions", "applications",
         "assignments")
SMALL = ("--ties", 3000, "--degree", 20)
# Standard errors that a normal number leaves less than once in 100,000 times.
FAR = 4.42
# Nothing but what the tests are about.
PLAIN = ("--disconnects", 0, "--warts", 0, "--coarse", 0, "--mergers", 0, "--unknown", 0,
         "--variants", 1, "--interaction-rate", 0, "--application-rate", 0, "--regions", 1,
         "--coworkers", 0)


class WorldTest(CommandTest):
    def generate(self, name, *options):
        world = self.folder / name
        self.succeed("generate", "-q", "-o", world, "--careers", *options)
        return world

    def attribute(self, world, *options, logs=("members", "companies")):
        out = world / "tables"
        connections = next(world.glob("connections.*"))
        self.succeed("attribute", "-q", "--connections", connections, "--positions",
                     world / "positions.csv", "-o", out, "--format", "csv",
                     *(word for log in logs for word in (f"--{log}", world / f"{log}.csv")),
                     *options)
        return out


def truth_of(world):
    return json.loads(text_of(world / "truth.json"))


def log2_bin(mutual):
    """The label of a number's bin: 0, 1, 2-3, 4-7, ..."""
    low = 1 << mutual.bit_length() >> 1
    return str(mutual) if low < 2 else f"{low}-{2 * low - 1}"


class GenerateStudyTest(WorldTest):
    def test_the_same_seed_gives_the_same_bytes(self):
        one = digests(self.generate("one", *SMALL, "--seed", 5))
        same = digests(self.generate("same", *SMALL, "--seed", 5))
        other = digests(self.generate("other", *SMALL, "--seed", 6))
        self.assertEqual(one, same)
        self.assertEqual(sorted(one), sorted(
            [f"{name}.csv" for name in (*FACTS, "planted")] + ["connections.tfp", "truth.json"]))
        for name, digest in one.items():
            self.assertNotEqual(digest, other[name], name)

    def test_connections_are_the_same_as_csv(self):
        packed = self.generate("packed", *SMALL)
        plain = self.generate("plain", *SMALL, "--csv")
        self.assertTrue(text_of(plain / "connections.csv").startswith("at,from,to,kind,origin\n"))
        self.succeed("import", packed / "connections.tfp", "-o", self.folder / "log.csv")
        self.assertSameText(text_of(plain / "connections.csv"), text_of(self.folder / "log.csv"),
                            "connections.csv")
        for name in (*FACTS, "planted"):
            self.assertEqual(text_of(packed / f"{name}.csv"), text_of(plain / f"{name}.csv"))

    def test_a_study_takes_five_years_unless_told_otherwise(self):
        for options, start, days in (((), 1_420_070_400_000, 1826),
                                     (("--start", "2020-02-01", "--days", 400),
                                      1_580_515_200_000, 400)):
            world = self.generate(f"{days}", *SMALL, *options, "--csv")
            times = [int(row["at"]) for row in rows_of(world / "connections.csv")]
            self.assertGreaterEqual(times[0], start)
            self.assertLess(times[0], start + 10 * 86_400_000)
            self.assertLess(times[-1], start + days * 86_400_000)
            self.assertGreater(times[-1], start + (days - 10) * 86_400_000)

    def test_the_truth_counts_the_ties_of_the_table(self):
        world = self.generate("world", *SMALL)
        ties = collections.Counter(
            int(row["mutual"]) for row in rows_of(self.attribute(world) / "ties.csv"))
        self.assertEqual({row["mutual"]: row["ties"] for row in truth_of(world)["by_mutual"]},
                         dict(ties))

    def test_every_planted_move_is_found_with_its_tie(self):
        options = ("--ties", 20000, "--degree", 20, "--hazard-rate", 0.05, "--move-rate", 0.2,
                   "--disconnects", 0.1, "--warts", 0.05, "--mergers", 0.1, "--random-ids")
        for coarse in (0, 0.5):
            world = self.generate(f"{coarse}", *options, "--coarse", coarse)
            found = {(row["mover"], row["contact"], row["company"], row["mutual"])
                     for row in rows_of(self.attribute(world) / "transmissions.csv")}
            planted = {(row["mover"], row["contact"], row["company"], row["mutual"])
                       for row in rows_of(world / "planted.csv")}
            self.assertGreater(len(planted), 200)
            self.assertEqual(planted - found, set())
            self.assertEqual(sum(row["planted"] for row in truth_of(world)["by_mutual"]),
                             len(planted))

    def test_every_other_log_is_read_without_a_malformed_record(self):
        world = self.generate("world", *SMALL)
        out = self.attribute(world, logs=[log for log in FACTS if log != "positions"])
        self.assertEqual(rows_of(out / "quarantine.csv"), [])

    def test_the_hazard_is_written_down(self):
        for hazard, at_ten, at_thirty in (("none", 0, 0), ("flat", 1, 1), ("falling", 0.5, 0.25),
                                          ("inverted-u", 1, 0.36)):
            world = self.generate(hazard, "--ties", 20000, "--degree", 100, "--hazard", hazard,
                                  "--hazard-rate", 2)
            truth = truth_of(world)
            curve = {row["mutual"]: row["hazard_per_year"] for row in truth["by_mutual"]}
            self.assertEqual(truth["settings"]["hazard"], hazard)
            self.assertAlmostEqual(curve[10], 2 * at_ten)
            self.assertAlmostEqual(curve[30], 2 * at_thirty)

    def test_what_cannot_be_generated_is_refused(self):
        out = self.folder / "world"
        for says, options in (("pairs", ("--degree", 1000)),
                              ("--hazard", ("--hazard", "steep")),
                              ("--homophily", ("--homophily", 1.5)),
                              ("before the year 9998", ("--days", 40000, "--start", "9900-01-01")),
                              ("after 1970", ("--start", "1970-01-01")),
                              ("no arguments", ("more.csv",))):
            self.refuse(USAGE, "generate", "--careers", "-o", out, *SMALL, *options, says=says)
        self.refuse(USAGE, "generate", "--careers", says="--out")
        self.refuse(USAGE, "generate", "-o", self.folder / "log.csv", "--hazard", "flat",
                    says="--careers")
        self.assertEqual(list(self.folder.iterdir()), [])


class RecoveryTest(WorldTest):
    """What was planted is what the tables say."""

    def bins(self, world):
        """The log2 bins as {label: (row, the planted rate on average over the exposure)}."""
        rows = rows_of(self.attribute(world) / "dose_response.csv")
        hazard = {row["mutual"]: row["hazard_per_year"] for row in truth_of(world)["by_mutual"]}
        planted = collections.Counter()
        for row in rows:
            if row["measure"] == "exact":
                mutual = int(float(row["low"]))
                planted[log2_bin(mutual)] += hazard[mutual] * float(row["exposure_ms"]) / YEAR_MS
        return {row["label"]: (row, planted[row["label"]] * YEAR_MS / float(row["exposure_ms"]))
                for row in rows if row["measure"] == "log2" and float(row["exposure_ms"]) > 0}

    def rates(self, hazard, seed):
        """{label: transmissions per year of exposure}, each compared with what was planted."""
        world = self.generate(hazard, *PLAIN, "--ties", 60000, "--degree", 40, "--company-size", 2,
                              "--company-skew", 1, "--homophily", 0, "--hazard", hazard,
                              "--hazard-rate", 0.02, "--move-rate", 0, "--seed", seed)
        rates = {}
        for label, (row, planted) in self.bins(world).items():
            transmitting = int(row["transmitting"])
            if transmitting < 40:  # too few for a normal interval
                continue
            per_year = int(row["transmissions"]) / float(row["exposure_ms"]) * YEAR_MS
            low, high = (float(row[end]) / float(row["rate"]) * per_year
                         for end in ("low_95", "high_95"))
            far = FAR / 1.96 * (high - low) / 2
            self.assertLess(abs(per_year - planted), far, f"{hazard}, {label}")
            rates[label] = per_year
        return rates

    def test_the_inverted_u_has_its_peak_where_it_was_planted(self):
        rates = self.rates("inverted-u", 1)
        self.assertEqual(max(rates, key=rates.get), "8-15")
        self.assertGreater(rates["8-15"], 1.3 * rates["4-7"])
        self.assertGreater(rates["8-15"], 1.3 * rates["16-31"])
        self.assertGreater(rates["4-7"], 2 * rates["2-3"])

    def test_a_falling_hazard_falls(self):
        rates = self.rates("falling", 2)
        self.assertEqual(sorted(rates.values(), reverse=True), list(rates.values()))
        self.assertGreater(rates["0"], 1.4 * rates["8-15"])

    def test_a_flat_hazard_is_flat(self):
        rates = self.rates("flat", 3)
        self.assertGreaterEqual(len(rates), 5)
        self.assertLess(max(rates.values()), 1.35 * min(rates.values()))


class IntervalTest(WorldTest):
    """The clustered intervals hold the truth about as often as they say."""

    WORLDS = 200
    BINS = ("0", "1", "2-3", "4-7")

    def estimates(self, seed):
        """{bin: (transmitting, at risk, standard error, low, high)} of one small world."""
        world = self.generate(f"{seed}", *PLAIN, "--ties", 10000, "--degree", 10, "--company-size",
                              4, "--company-skew", 1, "--homophily", 0, "--coworkers", 0.55,
                              "--hazard", "flat", "--hazard-rate", 0.01, "--move-rate", 0.05,
                              "--seed", seed)
        rows = rows_of(self.attribute(world, logs=()) / "dose_response.csv")
        return {row["label"]: (int(row["transmitting"]), int(row["at_risk"]),
                               *(float(row[name]) for name in
                                 ("standard_error", "low_95", "high_95")))
                for row in rows if row["measure"] == "log2" and row["label"] in self.BINS}

    def test_intervals_cover_the_truth_at_their_nominal_rate(self):
        """The truth of a bin is the rate in the population that the worlds are drawn from, as all
        the other worlds show it."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            worlds = list(pool.map(self.estimates, range(self.WORLDS)))
        least = binomial_quantile(self.WORLDS, 0.95, 1e-5)
        for label in self.BINS:
            all_y = sum(world[label][0] for world in worlds)
            all_n = sum(world[label][1] for world in worlds)
            covered = 0
            squares = 0
            for world in worlds:
                y, n, error, low, high = world[label]
                truth = (all_y - y) / (all_n - n)
                covered += low <= truth <= high
                squares += ((y / n - truth) / error) ** 2
            self.assertGreaterEqual(covered, least, f"bin {label}")
            # nor are they too wide: the estimates spread as their standard errors say
            self.assertGreater(squares / self.WORLDS, 1 - FAR * math.sqrt(2 / self.WORLDS), label)


def binomial_quantile(trials, p, tail):
    """The greatest k such that fewer than k successes have a probability below `tail`."""
    below = 0
    for k in range(trials + 1):
        below += math.comb(trials, k) * p ** k * (1 - p) ** (trials - k)
        if below > tail:
            return k
    return trials


class ChanceTest(WorldTest):
    """What nobody planted is expected by chance."""

    def excess(self, *options, logs=("members", "companies"), worlds=4):
        """(transmissions, excess, excess in standard errors, planted) over several worlds."""
        def one(seed):
            world = self.generate(f"{seed}", *PLAIN, "--ties", 40000, "--degree", 20, *options,
                                  "--seed", seed)
            out = self.attribute(world, logs=logs)
            return (rows_of(out / "moves.csv"), rows_of(out / "dose_response.csv"),
                    truth_of(world)["moves_planted"])

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(one, range(worlds)))
        found = excess = variance = 0
        for moves, dose, _ in results:
            bins = [row for row in dose if row["measure"] == "log2"]
            found += sum(int(row["transmissions"]) for row in bins)
            excess += sum(float(row["excess"]) for row in bins)
            by_mover = collections.Counter()
            for row in moves:
                if row["kind"] == "move":
                    by_mover[row["member"]] += int(row["contacts"]) - float(row["expected"])
            variance += sum(value ** 2 for value in by_mover.values())
        planted = sum(result[2] for result in results)
        return found, excess, excess / math.sqrt(variance), planted

    def test_nothing_planted_leaves_no_excess(self):
        found, excess, far, planted = self.excess(
            "--hazard", "none", "--move-rate", 0.2, "--homophily", 0)
        self.assertEqual(planted, 0)
        self.assertGreater(found, 1000)
        self.assertLess(abs(far), FAR, (found, excess))

    def test_homophily_alone_is_expected_and_no_excess(self):
        options = ("--hazard", "none", "--move-rate", 0.2)
        plain, _, _, _ = self.excess(*options, "--homophily", 0)
        found, excess, far, _ = self.excess(*options, "--homophily", 0.8)
        self.assertGreater(found, 2 * plain)
        self.assertLess(abs(far), FAR, (found, excess))
        # to whom the baseline knows nothing of people, it would look like influence
        _, _, far, _ = self.excess(*options, "--homophily", 0.8, logs=("companies",))
        self.assertGreater(far, 3 * FAR)

    def test_what_is_planted_is_the_excess(self):
        _, excess, far, planted = self.excess(
            "--hazard", "flat", "--hazard-rate", 0.01, "--move-rate", 0.1, "--homophily", 0,
            "--company-size", 5, "--company-skew", 1, worlds=2)
        self.assertGreater(far, 3 * FAR)
        # a planted contact is in its own cell: one of twenty there
        self.assertGreater(excess, 0.8 * planted)
        self.assertLess(excess, 1.1 * planted)
