"""Names that are SQL, markup, formulas, paths or no text at all do no harm where they come out.

Members, companies, schools and regions are numbers, so a name can only stand in a record that is no
record (and is set aside as it was), in a header, in an option, or be the name of a file.
"""

import csv
import html.parser
import json
import sqlite3
import unicodedata

import pyarrow.parquet

from tests.cli.support import DATA_WRONG, USAGE, CommandTest, manifest_of, rows_of, text_of

LONG = "x" * 10_000
NAMES = ("'); DROP TABLE dose_response; --", "<script>alert(1)</script>", 'a"b""c', "'", "a,b;c",
         "\u202egnp.exe", "\ufeff\u200b", "../../etc", "%s%n%x", "=1+1", "+cmd|' /C calc'!A0", "@x",
         "\\0", "\x01\x1b[2J", "\x9b2J", "a\tb", "\U0001f4a3", "-", "NULL", LONG)
FILE_NAME_BYTES = 200
POSITIONS = "at,member,company,kind,precision\n1000,1,1,start,day\n90000000000,1,2,start,day\n"


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


class HostileNamesTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.plain = self.study("plain", "log.csv", "1000,1,2,x\n", "1000,1,x,start,day\n")

    def study(self, name, log_name, bad_tie, bad_position):
        """A study whose logs have one record each that is none; its folder."""
        folder = self.folder / name
        folder.mkdir()
        log = folder / log_name
        positions = folder / "positions.csv"
        log.write_text("at,from,to,kind\n1000,1,2,connect\n" + bad_tie, encoding="utf-8")
        positions.write_text(POSITIONS + "2000,2,2,start,day\n" + bad_position, encoding="utf-8")
        result = self.succeed("attribute", "--connections", log, "--positions", positions, "-o",
                              folder / "out", "--max-malformed", 0.9)
        self.assert_calm(result)
        return folder / "out"

    def assert_calm(self, result):
        """Nothing that a terminal would obey, beside ends of lines."""
        said = result.err + result.out
        self.assertEqual([c for c in said if unicodedata.category(c) == "Cc" and c != "\n"], [])

    def assert_harmless(self, out):
        """The study is the one that it would be with a harmless name."""
        self.assertEqual(sorted(path.name for path in out.iterdir()),
                         sorted(path.name for path in self.plain.iterdir()))
        objects, sums = [], []
        for folder in (self.plain, out):
            with sqlite3.connect(folder / "study.sqlite") as connection:
                self.assertEqual(connection.execute("PRAGMA integrity_check").fetchone(), ("ok",))
                objects.append(connection.execute("SELECT type, name, sql FROM sqlite_schema "
                                                  "ORDER BY 2").fetchall())
                sums.append(connection.execute("SELECT * FROM totals").fetchall())
            connection.close()
        self.assertEqual(*objects)
        self.assertEqual(*sums)
        self.assertEqual(*(Tags(text_of(folder / "report.html")).tags
                           for folder in (self.plain, out)))

    def assert_told_alike(self, out, contents):
        """`quarantine` holds the records as they were, in every format."""
        rows = rows_of(out / "quarantine.csv")
        self.assertEqual(pyarrow.parquet.read_table(out / "quarantine.parquet")["content"]
                         .to_pylist(), [row["content"] for row in rows])
        self.assertEqual([row["content"] for row in rows], contents)
        with open(out / "quarantine.csv", newline="", encoding="utf-8") as file:
            self.assertEqual({len(row) for row in csv.reader(file)}, {5})

    def test_in_the_place_of_a_member_a_company_or_a_kind(self):
        for i, name in enumerate(NAMES):
            with self.subTest(name=name[:40]):
                field = '"' + name.replace('"', '""') + '"'
                bad = (f"1000,1,{field},connect", f"1000,1,{field},start,day")
                out = self.study(f"field{i}", "log.csv", f"{bad[0]}\n", f"{bad[1]}\n")
                self.assert_harmless(out)
                if name.isprintable() and name != LONG:
                    self.assert_told_alike(out, list(bad))

    def test_as_the_name_of_a_file(self):
        for i, name in enumerate(NAMES):
            with self.subTest(name=name[:40]):
                file = name.replace("/", "_")[:FILE_NAME_BYTES] + ".csv"
                out = self.study(f"file{i}", file, "1000,1,x,connect\n", "")
                for verb in ("check", "explain"):
                    told = self.command(verb, out.parent / file, "--max-malformed", 0.9)
                    self.assert_calm(told)
                self.assert_harmless(out)
                logs = json.dumps(manifest_of(out), ensure_ascii=False)
                self.assertEqual(len(rows_of(out / "quarantine.csv")), 1)
                if file.isprintable():
                    self.assertIn(json.dumps(file, ensure_ascii=False)[1:-1], logs)
                    self.assertEqual(rows_of(out / "quarantine.csv")[0]["file"], file)

    def test_in_a_header_and_in_an_option_they_are_refused_in_one_line(self):
        log = self.folder / "log.csv"
        for name in (*NAMES, "two\nlines"):
            with self.subTest(name=name[:40]):
                log.write_text('"' + name.replace('"', '""') + '",from,to\n1,2,3\n', "utf-8")
                tables = ("ties", log, "-o", self.folder / "tables")
                night = ("run", "--logs", log, "-o", self.folder / "tables", "--state",
                         self.folder / "state")
                refused = [self.refuse(DATA_WRONG, *tables),
                           self.refuse(DATA_WRONG, *night, "--date", "2026-01-01")]
                refused += [self.refuse(USAGE, *command, f"{option}={name}")
                            for command, option in ((tables, "--format"), (night, "--date"),
                                                    (tables, "--simultaneous"),
                                                    (tables, "--memory"),
                                                    (tables, "--threads"))]
                for result in refused:
                    self.assertEqual(result.err.count("\n"), 1, result.err[:200])
                    self.assert_calm(result)
                    self.assertLess(len(result.err), 1200)

    def test_as_the_names_of_folders(self):
        """State, tables and logs lie where they are said to, and nowhere else."""
        for i, name in enumerate((*NAMES, "two\nlines")):
            with self.subTest(name=name[:40]):
                outer = self.folder / f"folder{i}"
                place = outer / ("x" + name.replace("/", "_")[:FILE_NAME_BYTES])
                logs, state, tables = (place / part for part in ("logs", "state", "tables"))
                logs.mkdir(parents=True)
                (logs / "log.csv").write_text("at,from,to\n1767225600000,1,2\n", "utf-8")
                for told in (
                        self.succeed("run", "--state", state, "--date", "2026-01-01", "--logs",
                                     logs, "-o", tables),
                        self.succeed("snapshot", "ls", "--state", state),
                        self.succeed("snapshot", "verify", "--state", state),
                        self.succeed("check", "--state", state, "--logs", logs),
                        self.succeed("explain", "--state", state, "--logs", logs, "-o", tables)):
                    self.assert_calm(told)
                told = self.succeed("ties", logs, "-o", tables, "--log", "json")
                self.assert_calm(told)
                for line in told.out.splitlines():
                    json.loads(line)
                self.assertEqual(sorted(path.name for path in place.iterdir()),
                                 ["logs", "state", "tables"])
                self.assertEqual(len(list(outer.iterdir())), 1)
                manifest_of(tables)

    def test_paths_that_lead_out_of_a_folder_stay_paths(self):
        """What the logs say never becomes a path: `../` in a record makes no file."""
        before = {path.name for path in self.folder.iterdir()}
        out = self.study("climb", "log.csv", "1000,../../a,../../b,x\n",
                         "1000,1,../../../c,start,day\n")
        self.assert_harmless(out)
        self.assertEqual({path.name for path in self.folder.iterdir()}, before | {"climb"})
