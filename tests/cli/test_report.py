"""The report: well-formed, true to its database, safe, and worth looking at."""

import contextlib
import functools
import html.parser
import pathlib
import random
import re
import sqlite3
import tempfile
import xml.etree.ElementTree

from tests.cli import browser, study_fixture
from tests.cli.support import DATA_WRONG, IO, RETRY, USAGE, CommandTest

VOID = {"meta", "br", "hr", "img", "link", "input"}
LIGHT, DARK = (255, 255, 255), (0x13, 0x16, 0x1a)
ACCENT = {LIGHT: bytes((0x0b, 0x6a, 0x8f)), DARK: bytes((0x57, 0xb8, 0xde))}


class Parser(html.parser.HTMLParser):
    """Elements in order, and the text that a reader sees; every tag must be closed in turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.pieces = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.pieces.append(data)

    @property
    def text(self):
        return "\n".join(self.pieces)


def headline(text):
    return html.unescape(re.search(r"<h1>(.*?)</h1>", text, re.DOTALL).group(1))


@functools.cache
def database_bytes(kind):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "study.sqlite"
        study_fixture.make(path, kind)
        return path.read_bytes()


class ReportTest(CommandTest):
    def database(self, kind):
        path = self.folder / f"{kind}.sqlite"
        path.write_bytes(database_bytes(kind))
        return path

    def page(self, kind):
        path = self.folder / f"{kind}.html"
        self.succeed("report", self.database(kind), "-o", path)
        return path

    def text(self, kind):
        return self.page(kind).read_text(encoding="utf-8")


class ContentTest(ReportTest):
    def test_every_page_is_well_formed_and_every_id_is_one(self):
        for kind in study_fixture.KINDS:
            with self.subTest(kind):
                text = self.text(kind)
                page = Parser(text)
                ids = [value for name, value in page.attributes if name == "id"]
                self.assertEqual(len(ids), len(set(ids)))
                for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
                    root = xml.etree.ElementTree.fromstring(drawing)
                    self.assertEqual([child.tag for child in root][:2], ["title", "desc"])
                    self.assertEqual(root.get("aria-labelledby"),
                                     f"{root[0].get('id')} {root[1].get('id')}")

    def test_every_page_stands_alone(self):
        for kind in study_fixture.KINDS:
            with self.subTest(kind):
                text = self.text(kind)
                self.assertNotIn("script", Parser(text).tags)
                for reference in ("http:", "https:", "url(", "@import", "src=", "<link"):
                    self.assertNotIn(reference, text)

    def test_headline_says_what_the_data_allow(self):
        for kind, expected in {
                "hump": r"^Ties with 8–15 mutual connections carried jobs at [23]\.\d times the "
                        r"rate of ties with none$",
                "chance": r"8–15 .* with none, no more than chance would explain$",
                "falls": r"^Ties with no mutual connections carried jobs at \d+ times the rate of "
                         r"ties with 64–127",
                "flat": r"^No difference .* can be told apart from chance$",
                "empty": r"^There are no ties", "single": r"^No job move came through a tie",
        }.items():
            with self.subTest(kind):
                self.assertRegex(headline(self.text(kind)), expected)

    def test_numbers_of_the_tables_are_on_the_page(self):
        page = Parser(self.text("hump"))
        with sqlite3.connect(self.folder / "hump.sqlite") as connection:
            counts = [value for row in connection.execute(
                "SELECT sides, at_risk, transmitting, transmissions FROM dose_response"
                " WHERE measure <> 'exact'"
                " UNION ALL SELECT sides, at_risk, transmitting, transmissions FROM segments"
                " WHERE measure = 'log2'") for value in row]
            counts += [value for row in connection.execute(
                "SELECT pairs, transmissions, placebo_transmissions FROM placebos")
                for value in row]
            counts += [value for value, in connection.execute(
                "SELECT value FROM totals WHERE name IN ('ties', 'sides', 'sides_at_risk', 'moves',"
                " 'moves_carried', 'transmissions', 'members', 'entries', 'mass_moves')")]
            counts += [value for value, in connection.execute("SELECT members FROM arms")]
            counts += [value for value, in connection.execute(
                'SELECT "count" FROM quality WHERE "count" > 0')]
            texts = [value for row in connection.execute("SELECT * FROM settings") for value in row]
            texts += [value for value, in connection.execute("SELECT value FROM segments")]
        seen = page.text
        for count in set(counts):
            self.assertRegex(seen, rf"(?<![\d,]){int(count):,}(?![\d,])", count)
        for text in set(texts):
            self.assertIn(re.sub(r"(?<=\d)-(?=\d)", "–", text) if text not in seen else text, seen)
        self.assertGreater(len(set(counts)), 300)

    def test_logs_that_do_not_add_up_are_called_out(self):
        text = self.text("hump")
        self.assertEqual(text.count("✓ adds up"), 2)
        self.assertNotIn("does not add up", text)
        self.assertIn("does not add up", self.text("hostile"))

    def test_names_that_are_markup_stay_names(self):
        page = Parser(self.text("hostile"))
        self.assertNotIn("script", page.tags)
        self.assertEqual(page.tags.count("style"), 1)
        self.assertIn("</style><script>alert(1)</script>\"'&<b>?", page.text)
        self.assertFalse([value for name, value in page.attributes if name.startswith("on")])

    def test_same_database_gives_same_bytes(self):
        database = self.database("hump")
        pages = []
        for name in ("one.html", "other.html"):
            self.succeed("report", database, "-o", self.folder / name)
            pages.append((self.folder / name).read_bytes())
        self.assertEqual(*pages)


class NonsenseTest(ReportTest):
    """Databases that no run writes: every number and text may be anything."""

    VALUES = (None, 0, -1, 1, 1e308, -1e308, float("inf"), "text", b"\xff\x00", 2**62, 1e-300, 0.5,
              1e29, "", "x" * 5000)

    def spoil(self, database, rng):
        with sqlite3.connect(database) as connection:
            for table in study_fixture.TABLES:
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                rows = [row for row, in connection.execute(f"SELECT rowid FROM {table}")]
                for _ in range(rng.randrange(1, 60) if rows else 0):
                    connection.execute(
                        f'UPDATE {table} SET "{rng.choice(columns)}" = ? WHERE rowid = ?',
                        (rng.choice(self.VALUES), rng.choice(rows)))

    def test_nonsense_gives_a_page_or_an_error(self):
        rng = random.Random(20)
        for i in range(40):
            with self.subTest(i):
                database = self.database(rng.choice(("few", "single", "wide", "hostile")))
                self.spoil(database, rng)
                page = self.folder / "page.html"
                result = self.command("report", database, "-o", page)
                self.assertIn(result.code, (0, DATA_WRONG), str(result))
                if result.code == 0:
                    parsed = Parser(page.read_text(encoding="utf-8"))
                    places = [value for name, value in parsed.attributes
                              if name in ("x", "y", "x1", "y1", "cx", "cy", "width", "height")]
                    self.assertFalse([value for value in places if not re.fullmatch(
                        r"-?[0-9.]+", value)])


class CommandLineTest(ReportTest):
    def test_folder_gets_its_page_beside_the_database(self):
        (self.folder / "tables").mkdir()
        self.database("hump").rename(self.folder / "tables" / "study.sqlite")
        result = self.succeed("report", self.folder / "tables")
        self.assertIn("tables/report.html", result.err)
        self.assertTrue((self.folder / "tables" / "report.html").exists())
        self.assertEqual(len(list((self.folder / "tables").iterdir())), 2)

    def test_page_can_go_to_standard_output(self):
        result = self.succeed("report", self.database("single"), "-o", "-")
        self.assertTrue(result.out.startswith("<!DOCTYPE html>"))
        self.assertTrue(result.out.endswith("</html>\n"))

    def assert_refused(self, code, part, *args):
        result = self.command("report", *args)
        self.assertEqual(result.code, code, str(result))
        self.assertIn(part, result.err)
        self.assertEqual(len(result.err.splitlines()), 1)

    def test_what_is_no_study_is_refused(self):
        (self.folder / "text.sqlite").write_text("from,to\n1,2\n")
        sqlite3.connect(self.folder / "other.sqlite").execute("CREATE TABLE t (a)")
        self.assert_refused(USAGE, "tieflow report DIR")
        self.assert_refused(USAGE, "tieflow report DIR", self.folder, self.folder)
        self.assert_refused(IO, "study.sqlite", self.folder)
        self.assert_refused(IO, "missing", self.folder / "missing")
        self.assert_refused(DATA_WRONG, "text.sqlite", self.folder / "text.sqlite")
        self.assert_refused(DATA_WRONG, "other.sqlite", self.folder / "other.sqlite")
        self.assert_refused(IO, "nowhere", self.database("single"), "-o",
                            self.folder / "nowhere" / "page.html")

    def test_study_that_another_program_writes_is_left_for_later(self):
        database = self.database("single")
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            self.assert_refused(RETRY, "another program is writing it", database, "-o",
                                self.folder / "page.html")
        self.succeed("report", database, "-o", self.folder / "page.html")

    def test_study_of_another_version_is_refused(self):
        database = self.database("single")
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA user_version = 99")
        self.assert_refused(DATA_WRONG, "of version 99", database, "-o", self.folder / "page.html")

    def test_study_that_lacks_a_table_is_refused(self):
        database = self.database("single")
        with sqlite3.connect(database) as connection:
            connection.execute("DROP TABLE segments")
        self.assert_refused(DATA_WRONG, "segments", database, "-o", self.folder / "page.html")
        self.assertFalse((self.folder / "page.html").exists())


class BrowserTest(ReportTest):
    """What Chromium shows."""

    def assert_shows(self, picture, background):
        self.assertEqual(picture.pixel(3, 3), background)
        self.assertEqual(picture.pixel(picture.width - 4, picture.height // 2), background)
        colours = picture.colours()
        pixels = sum(colours.values())
        ink = 1 - colours[bytes(background)] / pixels
        self.assertGreater(ink, 0.02, "next to nothing is on the page")
        self.assertLess(ink, 0.6, "the page is full of something")
        self.assertGreater(len(colours), 50)
        self.assertGreater(colours.get(ACCENT[background], 0), pixels / 5000,
                           "the accent colour is not there: no curve")

    def test_desk_in_the_light(self):
        self.assert_shows(browser.picture(self.folder, self.page("hump"), 1200, 1400), LIGHT)

    def test_desk_in_the_dark(self):
        self.assert_shows(browser.picture(self.folder, self.page("hump"), 1200, 1400, dark=True),
                          DARK)

    def test_phone(self):
        picture = browser.picture(self.folder, self.page("hump"), 360, 1800)
        self.assertEqual(picture.width, 360)
        self.assert_shows(picture, LIGHT)

    def test_nothing_is_wider_than_the_window(self):
        for kind, width in (("hump", 320), ("hump", 360), ("hump", 1200), ("wide", 360),
                            ("hostile", 360)):
            with self.subTest(kind=kind, width=width):
                (window, content, beyond, scripts), said = browser.measures(
                    self.folder, self.page(kind), width)
                self.assertEqual(window, width)
                self.assertLessEqual(content, width, said)
                self.assertEqual((beyond, scripts), (0, 0), said)

    def test_what_is_wider_would_be_seen(self):
        page = self.page("single")
        page.write_text(page.read_text(encoding="utf-8").replace(
            "<main>", '<main><div style="width:500px">wide</div>'), encoding="utf-8")
        (_, content, beyond, _), _ = browser.measures(self.folder, page, 360)
        self.assertGreater(content, 360)
        self.assertEqual(beyond, 1)
