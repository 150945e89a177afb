"""Files of one log whose schemas differ: each is read by its own schema, exactly, or refused by the
name of the file and of the field. Nothing is mixed in silence.
"""

import json
import random

import fastavro

from tests.cli import oracle, random_logs
from tests.cli.oracle import Event
from tests.cli.support import DATA_WRONG, CommandTest, rows_of, text_of

GOOD_AT, GOOD_ID, GOOD_KIND = "long", "long", "string"
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


def record(*fields, name="c"):
    return {"type": "record", "name": name,
            "fields": [{"name": name, "type": type_} for name, type_ in fields]}


def enum(name, *symbols):
    return {"type": "enum", "name": name, "symbols": list(symbols)}


def connections(at=GOOD_AT, from_=GOOD_ID, to=GOOD_ID, kind=GOOD_KIND):
    return record(("at", at), ("from", from_), ("to", to), ("kind", kind))


class ClashTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self.out = self.folder / "tables"

    def avro(self, name, schema, records, folder=None):
        with open((folder or self.logs) / name, "wb") as file:
            fastavro.writer(file, fastavro.parse_schema(schema), records)

    def text(self, name, text, folder=None):
        ((folder or self.logs) / name).write_text(text, "utf-8")

    def assert_refused(self, name, field, *verb):
        """The file and the field are named, and nothing is published."""
        self.refuse(DATA_WRONG, *(verb or ("ties", self.logs)), "-o", self.out,
                    says=[name, field])
        self.assertEqual([path for path in self.out.rglob("*") if path.is_file()], [])


class ConnectionsTest(ClashTest):
    def test_schemas_that_say_the_same_in_other_words_are_one_log(self):
        rng = random.Random(3)
        events = [Event(1_000_000 + i, *rng.sample(range(1, 9), 2), rng.choice(
            ("connect", "disconnect"))) for i in range(140)]
        parts = [events[i:i + 20] for i in range(0, len(events), 20)]
        rows = [[{"at": e.at, "from": e.from_, "to": e.to, "kind": e.kind} for e in part]
                for part in parts]
        self.avro("0.avro", connections(), rows[0])
        self.avro("1.avro", record(("note", ["null", "string"]), ("to", ["null", "int"]),
                                   ("kind", enum("k", "other", "disconnect", "connect")),
                                   ("from", "int"), ("at", MILLIS), name="elsewhere"), rows[1])
        self.avro("2.avro", connections("int", "int", ["int", "null"], enum(
            "kinds", "connect", "disconnect")), rows[2])
        self.text("3.csv", "kind,to,at,from\n" + "".join(
            f"{e.kind},{e.to},{e.at},{e.from_}\n" for e in parts[3]))
        self.text("4.csv", "x,at,from,to,y,kind\n" + "".join(
            f"1,{e.at},{e.from_},{e.to},\"2,3\",{e.kind}\n" for e in parts[4]))
        self.text("5.ndjson", "".join(json.dumps(row) + "\n" for row in rows[5]))
        plain = random_logs.write_csv(self.folder / "6.csv", parts[6])
        self.succeed("import", plain, "-o", self.logs / "6.tfp", "--quiet")
        for simultaneous in (oracle.STRICT, oracle.SEQUENCE):
            self.succeed("ties", self.logs, "-o", self.out, "--quiet", "--simultaneous",
                         simultaneous)
            self.assertSameText(oracle.ties_csv(oracle.Oracle(events, simultaneous).ties),
                                text_of(self.out / "ties.csv"), "ties")

    def test_schemas_that_clash_are_refused_by_file_and_field(self):
        good = {"at": 5, "from": 1, "to": 2, "kind": "connect"}
        text = {**good, "from": "1"}
        for field, schema, row in (
                ("from", connections(from_="string"), text),
                ("from", connections(from_="bytes"), {**good, "from": b"1"}),
                ("to", connections(to="double"), {**good, "to": 2.0}),
                ("to", connections(to={"type": "array", "items": "long"}), {**good, "to": [2]}),
                ("at", connections(at="string"), {**good, "at": "5"}),
                ("at", connections(at={"type": "long", "logicalType": "timestamp-micros"}), good),
                ("at", connections(at={"type": "int", "logicalType": "date"}), good),
                ("at", connections(at={"type": "int", "logicalType": "time-millis"}), good),
                ("kind", connections(kind="int"), {**good, "kind": 0}),
                ("to", record(("at", "long"), ("from", "long")), good),
                ("at", record(("At", "long"), ("from", "long"), ("to", "long")),
                 {**good, "At": 5}),
                ("from", connections(from_=["long", "string"]), good)):
            with self.subTest(field=field, schema=json.dumps(schema)):
                self.avro("1.avro", connections(), [good])
                self.avro("2.avro", schema, [row])
                self.assert_refused("2.avro", f'"{field}"')

    def test_headers_that_clash_are_refused_by_file_and_column(self):
        self.text("1.csv", "at,from,to\n5,1,2\n")
        for column, text in (("'to'", "at,from,to,to\n5,1,2,3\n"), ("'at'", "At,from,to\n5,1,2\n"),
                             ("'at'", "5,1,2\n5,1,3\n"), ("'at'", "at;from;to\n5;1;2\n"),
                             ("'from'", "at,member,company,kind\n5,1,2,start\n"),
                             ("'to'", "at,from\n5,1\n"), ("'at'", "at ,from,to\n5,1,2\n")):
            with self.subTest(text=text):
                self.text("2.csv", text)
                self.assert_refused("2.csv", column)

    def test_records_that_clash_with_their_header_are_set_aside(self):
        self.text("1.csv", "at,from,to\n" + "5,1,2\n" * 200)
        self.text("2.csv", "at,from,to,kind\n6,2,3\n7,3,4,connect\n")
        self.text("3.ndjson", '{"at":8,"from":5,"to":6}\n' * 200 + '[9,5,7]\n')
        self.succeed("ties", self.logs, "-o", self.out, "--quiet")
        self.assertEqual([(row["file"], row["content"])
                          for row in rows_of(self.out / "quarantine.csv")],
                         [("2.csv", "6,2,3"), ("3.ndjson", "[9,5,7]")])
        self.assertEqual([row["from"] for row in rows_of(self.out / "ties.csv")], ["1", "3", "5"])

    def test_seconds_beside_milliseconds_are_told_by_check(self):
        self.text("1.csv", "at,from,to\n1767225600000,1,2\n")
        self.text("2.csv", "at,from,to\n1767225600,2,3\n")
        told = self.succeed("check", self.logs).out
        (note,) = [line for line in told.splitlines() if "  note " in line]
        self.assertIn("2.csv: all its times lie in early 1970", note)
        self.text("2.csv", "at,from,to\n86400000,2,3\n1767225600000,2,4\n")
        self.assertNotIn("  note ", self.succeed("check", self.logs).out)


class OtherLogsTest(ClashTest):
    def setUp(self):
        super().setUp()
        self.positions = self.folder / "positions"
        self.positions.mkdir()
        self.text("1.csv", "at,from,to\n1500000000000,1,2\n")

    def attribute(self):
        return ("attribute", "--connections", self.logs, "--positions", self.positions)

    def test_schemas_that_say_the_same_in_other_words_are_one_log(self):
        rows = [{"at": 1_400_000_000_000 + i, "member": 1 + i % 2, "company": 10 + i,
                 "kind": "start", "precision": "day"} for i in range(8)]
        whole = self.folder / "whole"
        whole.mkdir()
        self.text("all.csv", "at,member,company,kind,precision\n" + "".join(
            ",".join(map(str, row.values())) + "\n" for row in rows), whole)
        schema = record(("company", "long"), ("kind", enum("k", "end", "start")),
                        ("member", ["null", "int"]), ("at", MILLIS), ("x", "string"))
        self.avro("0.avro", schema, [{**row, "x": ""} for row in rows[:2]], self.positions)
        self.avro("1.avro", record(("at", "long"), ("member", "long"), ("company", "int"),
                                   ("kind", "string"), ("precision", ["string", "null"])),
                  rows[2:4], self.positions)
        self.text("2.csv", "kind,company,member,at\n" + "".join(
            f"{row['kind']},{row['company']},{row['member']},{row['at']}\n" for row in rows[4:6]),
            self.positions)
        self.text("3.ndjson", "".join(json.dumps(row) + "\n" for row in rows[6:]), self.positions)
        tables = []
        for folder in (whole, self.positions):
            self.succeed("attribute", "--connections", self.logs, "--positions", folder, "-o",
                         self.out, "--format", "csv", "--quiet")
            tables.append([text_of(self.out / f"{table}.csv")
                           for table in ("moves", "transmissions", "quality")])
        self.assertEqual(*tables)

    def test_schemas_that_clash_are_refused_by_file_and_field(self):
        good = {"at": 5, "member": 1, "company": 2, "kind": "start"}
        fields = {"at": "long", "member": "long", "company": "long", "kind": "string"}
        self.avro("1.avro", record(*fields.items()), [good], self.positions)
        for field, type_, value in (("company", "string", "2"), ("member", "double", 1.0),
                                    ("kind", "int", 0), ("precision", "int", 1), ("at", {
                                        "type": "long", "logicalType": "timestamp-micros"}, 5)):
            with self.subTest(field=field):
                self.avro("2.avro", record(*{**fields, field: type_}.items()),
                          [{**good, field: value}], self.positions)
                self.assert_refused("2.avro", f'"{field}"', *self.attribute())
        for field in fields:
            with self.subTest(without=field):
                others = [item for item in fields.items() if item[0] != field]
                self.avro("2.avro", record(*others), [good], self.positions)
                self.assert_refused("2.avro", f'"{field}"', *self.attribute())
        (self.positions / "2.avro").unlink()
        for column, text in (("'member'", "at,from,to\n5,1,2\n"),
                             ("'kind'", "at,member,company,kind,kind\n5,1,2,start,end\n")):
            with self.subTest(column=column):
                self.text("3.csv", text, self.positions)
                self.assert_refused("3.csv", column, *self.attribute())
