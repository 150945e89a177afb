"""`tieflow attribute` on bad, odd and lopsided input: right answers, or one clear line."""

import time

from tests.cli.attribution_oracle import DAY_MS
from tests.cli.support import (CONFIG, DATA_WRONG, IO, USAGE, CommandTest, digests, rows_of,
                               text_of)

CONNECTIONS = "at,from,to,kind\n"
POSITIONS = "at,member,company,kind,precision\n"

Y2010, Y2014, Y2016 = 1_262_304_000_000, 1_388_534_400_000, 1_451_606_400_000

# Member 1 comes from company 10 to company 20, where 2 has been for years; they are connected.
TIES = CONNECTIONS + f"{Y2014},1,2,connect\n"
JOBS = POSITIONS + (f"{Y2010},1,10,start,day\n{Y2010},2,20,start,day\n"
                    f"{Y2016},1,10,end,day\n{Y2016},1,20,start,day\n")

CROWD = 1_000_000
CROWD_SECONDS = 60  # seconds on two cores where others work too; it takes a few


class EdgeTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        self.connections = self.write("connections.csv", TIES)
        self.positions = self.write("positions.csv", JOBS)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def arguments(self, out=None, **logs):
        logs = {"connections": self.connections, "positions": self.positions, **logs}
        flags = ["attribute", "-o", out or self.out, "--format", "csv", "--quiet"]
        for log, path in logs.items():
            flags += ["--" + log, path]
        return flags

    def attribute(self, *options, out=None, **logs):
        """The folder of the tables."""
        self.succeed(*self.arguments(out, **logs), *options)
        return out or self.out

    def totals(self, out=None):
        return {row["name"]: float(row["value"])
                for row in rows_of((out or self.out) / "totals.csv")}

    def quality(self, log, out=None):
        return {row["check"]: int(row["count"])
                for row in rows_of((out or self.out) / "quality.csv") if row["log"] == log}

    def assert_no_tables(self):
        self.assertEqual([path for path in self.out.rglob("*") if path.is_file()], [])

    def assert_nothing_happened(self):
        totals = self.totals()
        for name in ("moves", "transmissions", "moves_carried", "sides_at_risk"):
            self.assertEqual(totals[name], 0, name)
        for name in ("transmissions", "attributions"):
            self.assertEqual(rows_of(self.out / f"{name}.csv"), [])


class SmallWorldTest(EdgeTest):
    def test_one_move_through_one_tie(self):
        self.attribute()
        (move,) = [row for row in rows_of(self.out / "moves.csv") if row["kind"] == "move"]
        self.assertEqual((move["member"], move["company"], move["previous_company"],
                          move["contacts"], move["at"]), ("1", "20", "10", "1", str(Y2016)))
        (carried,) = rows_of(self.out / "transmissions.csv")
        self.assertEqual((carried["contact"], carried["certain"], carried["mover_invited"],
                          carried["tie_age_ms"], carried["contact_tenure_ms"]),
                         ("2", "true", "true", str(Y2016 - Y2014), str(Y2016 - Y2010)))
        self.assertEqual([(row["rule"], row["credit"])
                          for row in rows_of(self.out / "attributions.csv")],
                         [("each", "1"), ("equal", "1"), ("last", "1"), ("strength", "1")])

    def test_empty_logs(self):
        self.connections.write_text(CONNECTIONS)
        self.positions.write_text(POSITIONS)
        self.attribute()
        self.assert_nothing_happened()
        for name in ("ties", "moves", "members", "dose_response", "segments", "arms"):
            self.assertEqual(rows_of(self.out / f"{name}.csv"), [], name)
        self.assertTrue(text_of(self.out / "report.html").rstrip().endswith("</html>"))

    def test_every_log_empty(self):
        self.connections.write_text(CONNECTIONS)
        self.positions.write_text(POSITIONS)
        logs = {"members": "member\n", "companies": "company\n", "industries": "industry\n",
                "interactions": "at,from,to\n", "applications": "at,member\n",
                "assignments": "at,experiment,member,variant\n"}
        self.attribute(**{log: self.write(f"{log}.csv", text) for log, text in logs.items()})
        self.assert_nothing_happened()

    def test_one_tie_and_nothing_else(self):
        self.positions.write_text(POSITIONS)
        self.attribute()
        self.assert_nothing_happened()
        self.assertEqual(self.totals()["sides"], 2)
        self.assertEqual([row["member"] for row in rows_of(self.out / "members.csv")], ["1", "2"])

    def test_one_start_and_nothing_else(self):
        self.connections.write_text(CONNECTIONS)
        self.positions.write_text(POSITIONS + f"{Y2010},1,10,start,day\n")
        self.attribute()
        self.assert_nothing_happened()
        (row,) = rows_of(self.out / "moves.csv")
        self.assertEqual((row["kind"], row["contacts"]), ("entry", ""))

    def test_one_end_and_nothing_else(self):
        self.connections.write_text(CONNECTIONS)
        self.positions.write_text(POSITIONS + f"{Y2010},1,10,end,day\n")
        self.attribute("--as-of", Y2016)
        self.assert_nothing_happened()
        self.assertEqual(self.quality("positions")["orphan"], 1)

    def test_positions_without_connections(self):
        self.connections.write_text(CONNECTIONS)
        self.attribute()
        totals = self.totals()
        self.assertEqual((totals["moves"], totals["sides"], totals["transmissions"]), (1, 0, 0))
        self.assertEqual(rows_of(self.out / "dose_response.csv"), [])

    def test_as_of_before_everything(self):
        self.attribute("--as-of", Y2010 - 1)
        self.assert_nothing_happened()
        self.assertEqual(self.totals()["sides"], 0)
        self.assertEqual(rows_of(self.out / "ties.csv"), [])
        self.assertEqual(self.quality("positions")["beyond"], 4)

    def test_as_of_ends_the_instant_before_the_move(self):
        self.attribute("--as-of", Y2016 - 1)
        self.assertEqual((self.totals()["moves"], self.totals()["sides_at_risk"]), (0, 2))
        out = self.attribute("--as-of", Y2016, out=self.folder / "later")
        self.assertEqual((self.totals(out)["moves"], self.totals(out)["transmissions"]), (1, 1))


    def test_a_start_in_the_far_future_is_told(self):
        positions = self.write("future.csv", "at,member,company,kind\n"
                                             "4102444800000,2,9,start\n")
        connections = self.write("past.csv", "at,from,to\n1500000000000,1,2\n")
        told = self.command("attribute", "--connections", connections, "--positions", positions,
                            "-o", self.out)
        self.assertEqual(told.code, 0, str(told))
        self.assertIn("as of 2100-01-01", told.err)
        calm = self.command("attribute", "--connections", connections, "--positions", positions,
                            "-o", self.out, "--as-of", "2018-01-01")
        self.assertNotIn("as of", calm.err)


class OddRecordsTest(EdgeTest):
    def test_companies_that_nobody_knows_change_nothing(self):
        first = self.attribute()
        table = self.write("companies.csv", "company,canonical,industry\n77,78,1\n79,,2\n80,80,\n")
        other = self.attribute(out=self.folder / "other", companies=table)
        for name in ("moves", "transmissions", "attributions", "dose_response", "members"):
            self.assertEqual(text_of(first / f"{name}.csv"), text_of(other / f"{name}.csv"), name)

    def test_a_merger_makes_one_company_of_two(self):
        table = self.write("companies.csv", "company,canonical\n10,15\n15,20\n")
        self.attribute(companies=table)
        self.assert_nothing_happened()
        self.assertEqual({row["company"] for row in rows_of(self.out / "moves.csv")}, {"20"})

    def test_a_ring_of_companies_is_refused(self):
        for ring in ("10,20\n20,10\n", "5,6\n6,7\n7,5\n", "1,2\n2,3\n3,2\n"):
            table = self.write("companies.csv", "company,canonical\n" + ring)
            self.refuse(DATA_WRONG, *self.arguments(companies=table), says="compan")
            self.assert_no_tables()

    def test_an_end_before_its_start_is_an_orphan_and_an_open_job(self):
        too_early = f"{Y2010 - DAY_MS * 9},1,10,end"
        self.positions.write_text(JOBS.replace(f"{Y2016},1,10,end", too_early))
        self.attribute()
        self.assertEqual(self.quality("positions")["orphan"], 1)
        self.assertEqual(self.totals()["transmissions"], 1)

    def test_members_without_a_profile_are_unknown(self):
        profiles = self.write("members.csv", "member,industry,country\n2,7,1\n99,8,\n")
        self.attribute(members=profiles)
        self.assertEqual(self.totals()["transmissions"], 1)
        values = {(row["segment"], row["value"]): row
                  for row in rows_of(self.out / "segments.csv") if row["measure"] == "terciles"}
        self.assertEqual(values["industry", "unknown"]["transmissions"], "1")
        self.assertEqual(values["industry", "7"]["transmissions"], "0")
        self.assertEqual(values["reach", "unknown"]["sides"], "2")
        self.assertIn("99", {row["member"] for row in rows_of(self.out / "members.csv")})

    def test_ids_at_the_edges_of_64_bits(self):
        greatest = 2**64 - 1
        swap = {",1,2,": f",0,{greatest},", ",1,10,": ",0,0,", ",1,20,": f",0,{greatest},",
                ",2,20,": f",{greatest},{greatest},"}
        for path in (self.connections, self.positions):
            text = path.read_text()
            for old, new in swap.items():
                text = text.replace(old, new)
            path.write_text(text)
        self.attribute()
        (row,) = rows_of(self.out / "transmissions.csv")
        self.assertEqual((row["mover"], row["contact"], row["company"]),
                         ("0", str(greatest), str(greatest)))

    def test_a_file_that_is_given_twice_counts_once(self):
        first = self.attribute()
        other = self.folder / "other"
        self.succeed(*self.arguments(other), "--positions", self.write("positions2.csv", JOBS),
                     "--connections", self.write("connections2.csv", TIES))
        without = ["quality.csv", "settings.csv", "manifest.json", "report.html", "study.sqlite"]
        self.assertEqual(digests(first, without), digests(other, without))
        self.assertEqual(self.quality("positions", other)["duplicate"], 4)
        self.assertEqual(self.quality("connections", other)["duplicate"], 1)

    def test_two_files_of_one_name_are_refused(self):
        self.refuse(CONFIG, *self.arguments(), "--positions", self.positions,
                    says="positions.csv")

    def test_malformed_lines_are_set_apart_and_counted(self):
        bad = ("x,1,10,start,day", f"{Y2010},,10,start,day", f"{Y2010},1,,start,day",
               f"{Y2010},1,10,begin,day", f"{Y2010},1,10,start,week", f"{Y2010},1,-1,start,day",
               f"{Y2010},1,18446744073709551616,start,day", "99999999999999999,1,10,start,day",
               f"{Y2010},1,10", "gibberish")
        for k, line in enumerate(bad):
            self.positions.write_text(JOBS + line + "\n")
            with self.subTest(line=line):
                out = self.attribute("--max-malformed", 1, out=self.folder / f"out{k}")
                self.assertEqual(self.quality("positions", out)["malformed"], 1)
                (row,) = rows_of(out / "quarantine.csv")
                self.assertEqual((row["log"], row["record"]), ("positions", "5"))
                self.assertEqual(self.totals(out)["transmissions"], 1)

    def test_too_many_malformed_lines_are_refused(self):
        self.positions.write_text(JOBS + "gibberish\n" * 5)
        self.refuse(DATA_WRONG, *self.arguments(), says=["positions.csv", "--max-malformed"])
        self.assert_no_tables()

    def test_a_column_that_is_needed_is_missing(self):
        self.positions.write_text("at,member,kind\n")
        self.refuse(DATA_WRONG, *self.arguments(), says=["positions.csv", "company"])

    def test_quality_adds_up(self):
        self.positions.write_text(JOBS + f"{Y2016},1,20,start,day\n{Y2010},7,20,end,day\n"
                                  f"-5,3,20,start,day\n0,3,20,end,day\n")
        self.attribute()
        count = self.quality("positions")
        self.assertEqual((count["read"], count["applied"], count["duplicate"], count["orphan"],
                          count["malformed"], count["beyond"]), (8, 5, 1, 1, 1, 0))
        self.assertEqual(count["unknown_member"], 3)


class RefusalTest(EdgeTest):
    def test_connections_are_needed(self):
        self.refuse(USAGE, "attribute", "--positions", self.positions, "-o", self.out)
        self.assert_no_tables()

    def test_positions_are_needed(self):
        self.refuse(USAGE, "attribute", "--connections", self.connections, "-o", self.out,
                    says="--positions is missing")
        self.assert_no_tables()

    def test_a_folder_for_the_tables_is_needed(self):
        self.refuse(USAGE, "attribute", "--connections", self.connections, "--positions",
                    self.positions, says="-o")

    def test_a_file_that_is_not_there_is_named(self):
        missing = self.folder / "none.csv"
        for log in ("connections", "positions", "members", "companies", "industries",
                    "interactions", "applications", "assignments"):
            with self.subTest(log=log):
                result = self.command(*self.arguments(**{log: missing}))
                self.assertIn(result.code, (IO, CONFIG), str(result))
                self.assertEqual(len(result.err.splitlines()), 1)
                self.assertIn("none.csv", result.err)
                self.assert_no_tables()

    def test_settings_out_of_range(self):
        for flag, value in (("--preset", "own2"), ("--tie-days", "-1"), ("--tie-days", "x"),
                            ("--alter-active", "maybe"), ("--ended-ties", "yes"),
                            ("--mass-share", "1.5"), ("--mass-share", "nan"),
                            ("--mass-movers", "0"), ("--intensity-days", "0"),
                            ("--as-of", "yesterday"), ("--threshold", "-1")):
            with self.subTest(flag=flag, value=value):
                self.refuse(USAGE, *self.arguments(), flag, value, says=flag)

    def test_as_of_as_a_date_is_its_last_instant(self):
        first = self.attribute("--as-of", "2016-01-01")
        other = self.attribute("--as-of", Y2016 + DAY_MS - 1, out=self.folder / "other")
        self.assertEqual(digests(first, ["manifest.json"]), digests(other, ["manifest.json"]))
        self.assertEqual(self.totals()["transmissions"], 1)


class CrowdTest(EdgeTest):
    def test_a_firm_of_a_million_people_takes_seconds(self):
        contacts, movers = 1000, 20
        first = 10 * CROWD
        with open(self.positions, "w", encoding="ascii") as file:
            file.write(POSITIONS)
            file.writelines(f"{Y2010},{member},20,start,day\n" for member in range(CROWD))
            file.writelines(f"{Y2010},{first + k},10,start,day\n{Y2016},{first + k},10,end,day\n"
                            f"{Y2016},{first + k},20,start,day\n" for k in range(movers))
        with open(self.connections, "w", encoding="ascii") as file:
            file.write(CONNECTIONS)
            file.writelines(f"{Y2014},{first + k},{member},connect\n" for k in range(movers)
                            for member in range(contacts))
        began = time.monotonic()
        self.attribute()
        self.assertLess(time.monotonic() - began, CROWD_SECONDS)
        totals = self.totals()
        self.assertEqual((totals["moves"], totals["mass_moves"], totals["transmissions"]),
                         (movers, movers, movers * contacts))
        moves = [row for row in rows_of(self.out / "moves.csv") if row["kind"] == "move"]
        self.assertEqual({(row["contacts"], row["expected"], row["unmatched"], row["mass"])
                          for row in moves}, {(str(contacts), str(contacts), "0", "true")})
