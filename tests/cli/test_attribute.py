"""`tieflow attribute` against the oracle, against itself however logs are cut, and on real data."""

import csv
import json
import lzma
import random
import sqlite3

import pyarrow
import pyarrow.parquet

from tests.cli import attribute_check, random_logs, random_worlds
from tests.cli.attribution_oracle import PRESETS, RULES, Position, World
from tests.cli.attribution_tables import Tables
from tests.cli.oracle import Event
from tests.cli.support import SMALL_MEMORY, CommandTest, data_file, digests, rows_of, text_of

# Worlds on their own, where a class may hold a single tie; and in groups that share one log, since
# the start of a process costs more than a world.
SINGLE_WORLDS = 300
GROUPS, GROUP_PARTS = 100, 20
DENSE_WORLDS = 3
REGROUPED_WORLDS = 40
FORMAT_WORLDS = 10

TABLES = ("ties", "moves", "transmissions", "attributions", "members", "dose_response", "segments",
          "arms", "placebos", "settings", "totals", "quality")


class AttributeTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.runs = 0

    def new_folder(self):
        self.runs += 1
        folder = self.folder / str(self.runs)
        folder.mkdir()
        return folder

    def attribute(self, logs, *options):
        """The folder of the tables; `logs` is {log: path or paths}."""
        out = self.new_folder() / "out"
        flags = []
        for log, paths in logs.items():
            for path in paths if isinstance(paths, list) else [paths]:
                flags += ["--" + log, path]
        self.succeed("attribute", *flags, "-o", out, "--quiet", *options)
        return out

    def assert_oracle(self, case, *options):
        folder = self.new_folder()
        paths = random_worlds.write_world(folder / "logs", case.world)
        out = self.attribute(paths, "--format", "csv", *case.options, *options)
        try:
            attribute_check.compare_all(Tables(case.world, case.settings), out)
        except attribute_check.Difference as difference:
            self.fail(str(difference))


class OracleTest(AttributeTest):
    def test_single_worlds_give_the_oracles_tables(self):
        for seed in range(SINGLE_WORLDS):
            with self.subTest(seed=seed):
                self.assert_oracle(random_worlds.case(seed), "--threads", 1 + seed % 3)

    def test_groups_of_worlds_give_the_oracles_tables(self):
        for seed in range(GROUPS):
            with self.subTest(seed=seed):
                self.assert_oracle(random_worlds.case(10_000 + seed, GROUP_PARTS),
                                   "--threads", 1 + seed % 3)

    def test_dense_worlds_give_the_oracles_tables(self):
        for seed in range(DENSE_WORLDS):
            with self.subTest(seed=seed):
                self.assert_oracle(random_worlds.dense_case(seed), "--threads", 2)


class RegroupingTest(AttributeTest):
    """However a world is written down, it is the same world."""

    def assert_same(self, first, other, without=("manifest.json", "quality.csv", "report.html",
                                                 "study.sqlite")):
        """quality.csv tells how out of order a log was, and the report shows it."""
        self.assertEqual(digests(first, without), digests(other, without))

    def test_threads_and_memory_never_show(self):
        for seed in range(FORMAT_WORLDS):
            case = random_worlds.case(20_000 + seed, 10)
            paths = random_worlds.write_world(self.new_folder(), case.world)
            with self.subTest(seed=seed):
                first = self.attribute(paths, *case.options, "--threads", 1)
                for tuning in (("--threads", 2), ("--threads", 3, "--memory", SMALL_MEMORY),
                               ("--threads", 8, "--kernel", "plain")):
                    other = self.attribute(paths, *case.options, *tuning)
                    self.assert_same(first, other, ["manifest.json"])

    def test_logs_in_any_order_and_any_files_give_the_same_bytes(self):
        for seed in range(REGROUPED_WORLDS):
            rng = random.Random(seed)
            case = random_worlds.case(30_000 + seed, 3)
            strict = case.settings._replace(simultaneous="strict")
            options = ["--format", "csv", *random_worlds.setting_options(strict)]
            first = self.attribute(random_worlds.write_world(self.new_folder(), case.world),
                                   *options)
            with self.subTest(seed=seed):
                other = self.attribute(self.write_regrouped(rng, case.world), *options)
                self.assert_same(first, other)

    def write_regrouped(self, rng, world):
        """{log: paths}; the newest of two records about one thing stays the newest."""
        logs = {}
        for log, records in zip(World._fields, world):
            keeps_order = log in ("members", "companies", "industries")
            split = random_logs.cuts if keeps_order else random_logs.deal
            folder = self.new_folder()
            logs[log] = []
            for k, part in enumerate(split(rng, records, rng.randint(1, 4))):
                ending = rng.choice(("csv", "ndjson", "csv.zst", "ndjson.zst"))
                path = folder / f"{k}.{ending}"
                text = (self.ndjson_text(rng, log, part) if ending.startswith("ndjson")
                        else self.odd_csv_text(rng, log, part))
                random_logs.write_bytes(path, text.encode())
                logs[log].append(path)
            if rng.random() < 0.3:
                logs[log] = [folder]
        return logs

    @staticmethod
    def odd_csv_text(rng, log, records):
        columns = list(random_worlds.COLUMNS[log])
        rng.shuffle(columns)
        return random_worlds.csv_text(log, records, columns)

    @staticmethod
    def ndjson_text(rng, log, records):
        lines = []
        for record in records:
            items = []
            for name, value in zip(random_worlds.COLUMNS[log], record):
                if value is None:
                    items += rng.choice(([], [(name, None)]))
                else:
                    items.append((name, rng.choice((value, str(value)))))
            rng.shuffle(items)
            lines.append(json.dumps(dict(items)) + "\n")
        return "".join(lines)

    def test_defaults_may_be_left_out(self):
        case = random_worlds.case(4)
        world = case.world._replace(
            positions=[record._replace(precision="day") for record in case.world.positions],
            interactions=[record._replace(count=1) for record in case.world.interactions],
            applications=[record._replace(count=1) for record in case.world.applications])
        folder = self.new_folder()
        full = random_worlds.write_world(folder / "full", world)
        short = random_worlds.write_world(folder / "short", world)
        for log, columns in (("positions", ("kind", "company", "member", "at")),
                             ("interactions", ("at", "from", "to", "kind")),
                             ("applications", ("member", "at"))):
            records = getattr(world, log)
            if records or log == "positions":
                short[log].write_text(random_worlds.csv_text(log, records, columns))
        self.assert_same(self.attribute(full, *case.options), self.attribute(short, *case.options),
                         ["manifest.json"])


class ScopeTest(AttributeTest):
    """The moves alone are what they are in the whole."""

    SAME = ("transmissions", "attributions", "quality", "endings", "late", "quarantine")
    FILES = {f"{name}.csv" for name in (*SAME, "moves", "settings", "totals")} | {"manifest.json"}
    BY_CHANCE = {"expected": "", "unmatched": ""}

    def test_moves_transmissions_and_credits_are_those_of_the_whole(self):
        moves = 0
        for seed in range(FORMAT_WORLDS):
            case = random_worlds.case(45_000 + seed, 20)
            paths = random_worlds.write_world(self.new_folder(), case.world)
            options = (*case.options, "--format", "csv")
            whole = self.attribute(paths, *options)
            for tuning in (("--threads", 1), ("--threads", 3, "--memory", SMALL_MEMORY)):
                with self.subTest(seed=seed, tuning=tuning):
                    part = self.attribute(paths, *options, "--scope", "moves", *tuning)
                    self.check(whole, part)
            moves += len(rows_of(whole / "transmissions.csv"))
        self.assertGreater(moves, FORMAT_WORLDS)

    def check(self, whole, part):
        self.assertEqual({path.name for path in part.iterdir()}, self.FILES)
        for name in self.SAME:
            self.assertSameText(text_of(whole / f"{name}.csv"), text_of(part / f"{name}.csv"), name)
        self.assertEqual([row | self.BY_CHANCE for row in rows_of(whole / "moves.csv")],
                         rows_of(part / "moves.csv"))
        totals = {row["name"]: row["value"] for row in rows_of(whole / "totals.csv")}
        some = {row["name"]: row["value"] for row in rows_of(part / "totals.csv")}
        self.assertEqual({name: totals[name] for name in some}, some)
        self.assertEqual(set(totals) - set(some), {"sides", "sides_at_risk", "tercile_low",
                                                   "tercile_high", "median_strength"})
        settings = {row["name"]: row["value"] for row in rows_of(part / "settings.csv")}
        self.assertEqual(settings["scope"], "moves")

    def test_what_the_whole_had_made_goes_away(self):
        case = random_worlds.case(3)
        logs = self.folder / "logs"
        flags = [flag for log, path in random_worlds.write_world(logs, case.world).items()
                 for flag in ("--" + log, path)]
        out = self.folder / "out"
        for scope in ("all", "moves"):
            self.succeed("attribute", *flags, *case.options, "-o", out, "--scope", scope,
                         "--format", "csv")
        self.assertEqual({path.name for path in out.iterdir()}, self.FILES)


class FormatTest(AttributeTest):
    """CSV, Parquet and SQLite say the same."""

    AGGREGATES = ("dose_response", "segments", "arms", "placebos", "quality", "settings", "totals")

    def test_parquet_and_sqlite_hold_what_csv_holds(self):
        for seed in range(FORMAT_WORLDS):
            case = random_worlds.case(40_000 + seed, 5)
            with self.subTest(seed=seed):
                out = self.attribute(random_worlds.write_world(self.new_folder(), case.world),
                                     *case.options, "--format", "both")
                for name in TABLES:
                    self.assert_text(name, rows_of(out / f"{name}.csv"),
                                     self.parquet_rows(out / f"{name}.parquet"))
                database = sqlite3.connect(out / "study.sqlite")
                database.row_factory = sqlite3.Row
                for name in self.AGGREGATES:
                    rows = database.execute(f"SELECT * FROM {name} ORDER BY rowid")
                    self.assert_text(name, rows_of(out / f"{name}.csv"),
                                     [self.unsigned(row) for row in rows])
                for (view,) in database.execute("SELECT name FROM sqlite_master"
                                                " WHERE type = 'view'").fetchall():
                    database.execute(f"SELECT * FROM {view}").fetchall()
                database.close()

    @staticmethod
    def unsigned(row):
        """SQLite has no unsigned numbers: ids of 2^63 and more are negative there."""
        return {name: row[name] % 2**64 if isinstance(row[name], int) else row[name]
                for name in row.keys()}

    @staticmethod
    def parquet_rows(path):
        table = pyarrow.parquet.read_table(path)
        columns = [column.cast(pyarrow.int64()) if pyarrow.types.is_timestamp(column.type)
                   else column for column in table.columns]
        return pyarrow.table(columns, names=table.column_names).to_pylist()

    def assert_text(self, name, texts, rows):
        self.assertEqual(len(texts), len(rows), name)
        for text, row in zip(texts, rows):
            self.assertEqual(list(text), list(row), name)
            for column, value in row.items():
                self.assertTrue(self.says(text[column], value),
                                f"{name}: {column} is {value!r} and {text[column]!r}: {row}")

    @staticmethod
    def says(text, value):
        if value is None:
            return text == ""
        if isinstance(value, bool):
            return text == ("true" if value else "false")
        if isinstance(value, float):
            return float(text) == value
        return text == str(value)


class RealDataTest(AttributeTest):
    """The DPDK project's review ties and employer changes."""

    KNOWN = {"default": (16154, 8623, 23, 65, 65, 65), "gee2012": (16154, 8958, 17, 56, 56, 56),
             "facebook2016": (16154, 1947, 10, 16, 16, 33)}
    NAMES = ("sides", "sides_at_risk", "moves_carried", "transmissions", "transmissions_certain",
             "transmissions_possible")

    def setUp(self):
        super().setUp()
        self.logs = {}
        for log in ("connections", "positions"):
            self.logs[log] = self.folder / f"{log}.csv"
            packed = data_file("dpdk-jobmoves", f"{log}.csv.xz")
            self.logs[log].write_bytes(lzma.decompress(packed.read_bytes()))

    def test_every_preset_gives_the_published_counts(self):
        for preset, known in self.KNOWN.items():
            with self.subTest(preset=preset):
                out = self.attribute(self.logs, "--preset", preset, "--format", "csv")
                totals = {row["name"]: float(row["value"]) for row in rows_of(out / "totals.csv")}
                self.assertEqual(tuple(totals[name] for name in self.NAMES), known)
                self.assertEqual(totals["moves"], 167)
                moves = [row for row in rows_of(out / "moves.csv") if row["kind"] == "move"]
                self.assertEqual(len(moves), 167)
                takeovers = [(row["previous_company"], row["company"]) for row in moves]
                self.assertEqual(takeovers.count(("51", "229")), 28)
                self.assertEqual(takeovers.count(("71", "159")), 22)
                self.assertEqual(sum(row["mass"] == "true" for row in moves), 24)
                self.assertEqual(len(rows_of(out / "transmissions.csv")), known[3])
                credit = dict.fromkeys(RULES, 0.0)
                for row in rows_of(out / "attributions.csv"):
                    credit[row["rule"]] += float(row["credit"])
                self.assertEqual(credit, {"each": known[3], "equal": known[2], "last": known[2],
                                          "strength": known[2]})

    def test_every_table_is_the_oracles(self):
        with open(self.logs["connections"], newline="", encoding="utf-8") as file:
            events = [Event(int(row["at"]), int(row["from"]), int(row["to"]), row["kind"])
                      for row in csv.DictReader(file)]
        with open(self.logs["positions"], newline="", encoding="utf-8") as file:
            positions = [Position(int(row["at"]), int(row["member"]), int(row["company"]),
                                  row["kind"], row["precision"]) for row in csv.DictReader(file)]
        out = self.attribute(self.logs, "--format", "csv")
        try:
            attribute_check.compare_all(Tables(World(events, positions), PRESETS["default"]), out)
        except attribute_check.Difference as difference:
            self.fail(str(difference))
