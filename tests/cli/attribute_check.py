"""Compares the tables of `tieflow attribute` with the oracle's, row by row.

    build/venv/bin/python -m tests.cli.attribute_check FIRST_SEED COUNT [PARTS]

runs worlds for as long as one likes, and says which seeds disagree.
"""

import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

from tests.cli import random_worlds
from tests.cli.attribution_tables import Tables
from tests.cli.support import TIEFLOW, rows_of
from tests.tools.scratch import scratch_parent

# Doubles that another order of operations may give in other last bits.
ROUNDED = {"wilson_low", "wilson_high", "standard_error", "low_95", "high_95", "p", "variance",
           "difference", "diversity", "industry_diversity", "mean"}
RELATIVE, ABSOLUTE = 1e-9, 1e-12

LISTS = ("ties", "moves", "transmissions", "attributions", "members")
PLACEBO_COUNTS = ("pairs", "transmissions", "placebo_transmissions")


class Difference(Exception):
    """What the two disagree about, in a line."""


def options_of(case, paths, out):
    options = ["attribute", "-o", str(out), "--quiet", "--format", "csv", *case.options]
    for log, path in paths.items():
        options += ["--" + log, str(path)]
    return options


def cell_matches(name, expected, text, scale=1.0):
    """`scale` is the size of the numbers that the value is a difference of."""
    if expected is None:
        return text == ""
    if isinstance(expected, bool):
        return text == ("true" if expected else "false")
    if isinstance(expected, float):
        if text == "":
            return False
        if name in ROUNDED:
            return math.isclose(expected, float(text), rel_tol=RELATIVE, abs_tol=ABSOLUTE * scale)
        return expected == float(text)
    return str(expected) == text


def compare_row(what, expected, actual):
    if list(expected) != list(actual):
        raise Difference(f"{what}: columns {list(actual)} are not {list(expected)}")
    scale = max(1.0, abs(expected.get("mean") or 0.0))
    for name, value in expected.items():
        if not cell_matches(name, value, actual[name], scale):
            raise Difference(f"{what}: {name} is {actual[name]!r} and should be {value!r}; "
                             f"expected {expected}, got {dict(actual)}")


def compare_list(name, expected, folder):
    actual = rows_of(folder / f"{name}.csv")
    for k, (wanted, found) in enumerate(zip(expected, actual)):
        compare_row(f"{name} row {k}", wanted, found)
    if len(expected) != len(actual):
        longer = expected if len(expected) > len(actual) else actual
        raise Difference(f"{name}: {len(actual)} rows and should be {len(expected)}; the first "
                         f"odd one is {dict(longer[min(len(expected), len(actual))])}")


def compare_keyed(name, expected, folder, keys):
    """Rows in any order, each with a key of its own."""
    actual = {}
    for row in rows_of(folder / f"{name}.csv"):
        key = tuple(row[column] for column in keys)
        if key in actual:
            raise Difference(f"{name}: two rows of {key}")
        actual[key] = row
    wanted = {tuple(str(part) for part in (row[column] for column in keys)): row
              for row in expected}
    for key in [*wanted, *actual]:
        if key not in actual:
            raise Difference(f"{name}: no row of {key}, which should be {wanted[key]}")
        if key not in wanted:
            raise Difference(f"{name}: a row of {key} too many: {dict(actual[key])}")
        compare_row(f"{name} {key}", wanted[key], actual[key])


def compare_placebos(tables, folder):
    rows = []
    for (placebo, tercile), counts in tables.placebos().items():
        rows.append({"placebo": placebo, "measure": "terciles", "bin": tercile,
                     "label": ("weak", "medium", "strong")[tercile],
                     **dict(zip(PLACEBO_COUNTS, counts))})
    compare_keyed("placebos", rows, folder, ("placebo", "measure", "bin"))


def compare_arms(tables, folder):
    rows = []
    for (experiment, variant, fact), row in tables.arms().items():
        rows.append({"experiment": experiment, "variant": variant, "part": row.pop("part"),
                     "fact": fact, "members": row.pop("members"), "share": row.pop("share"),
                     **row})
    compare_keyed("arms", rows, folder, ("experiment", "variant", "fact"))


def compare_totals(tables, folder):
    actual = {row["name"]: float(row["value"]) for row in rows_of(folder / "totals.csv")}
    wanted = tables.totals()
    for name in [*wanted, *actual]:
        if actual.get(name) != wanted.get(name):
            raise Difference(f"totals: {name} is {actual.get(name)} and should be "
                             f"{wanted.get(name)}")


def compare_quality(tables, folder):
    actual = {(row["log"], row["check"]): int(row["count"])
              for row in rows_of(folder / "quality.csv")}
    wanted = {(log, check): count for log, checks in tables.quality().items()
              for check, count in checks.items()}
    for key in [*wanted, *actual]:
        if actual.get(key) != wanted.get(key):
            raise Difference(f"quality: {key} is {actual.get(key)} and should be "
                             f"{wanted.get(key)}")


def compare_all(tables, folder):
    folder = pathlib.Path(folder)
    for name in LISTS:
        compare_list(name, getattr(tables, name)(), folder)
    for name, of_all in (("dose_response", True), ("segments", False)):
        compare_keyed(name, tables.dose_rows(of_all).values(), folder,
                      ("measure", "bin", "segment", "value"))
    compare_placebos(tables, folder)
    compare_arms(tables, folder)
    compare_totals(tables, folder)
    compare_quality(tables, folder)


def check_case(case, folder):
    """Runs the command on a case in an empty folder; raises Difference."""
    paths = random_worlds.write_world(folder / "logs", case.world)
    done = subprocess.run([str(TIEFLOW), *options_of(case, paths, folder / "out")],
                          capture_output=True, check=False, text=True)
    if done.returncode != 0:
        raise Difference(f"exit {done.returncode}: {done.stderr.strip()}")
    compare_all(Tables(case.world, case.settings), folder / "out")


def main(first, count, parts=1):
    wrong = 0
    for seed in range(first, first + count):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tieflow-", dir=scratch_parent()))
        try:
            check_case(random_worlds.case(seed, parts), folder)
        except Difference as difference:
            wrong += 1
            print(f"seed {seed}: {difference}", flush=True)
        finally:
            shutil.rmtree(folder)
    print(f"{count} worlds, {wrong} disagree")
    return wrong == 0


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:])) else 1)
