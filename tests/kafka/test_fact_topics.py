"""The logs beside the connections as topics: the same tables as from files, night by night."""

import csv
import json
import random

from tests.cli.support import DATA_WRONG, ROOT, USAGE, CommandTest, digests
from tests.kafka.clients import Record
from tests.kafka.encodings import framed, long
from tests.kafka.support import BrokerTest

DAY_MS = 86400000
DAYS = 4
MEMBERS = 30
LOGS = ("positions", "interactions", "applications", "assignments", "members", "companies")
ABOUT_THE_RUN = ["manifest.json", "dead_letters.ndjson"]


def schema_of(log):
    return json.loads((ROOT / "schemas" / f"{log}.avsc").read_text(encoding="utf-8"))


def datum_of(log, row):
    """A row, a dict of texts by column, as a datum of the log's schema."""
    out = b""
    for field in schema_of(log)["fields"]:
        kind, value = field["type"], row.get(field["name"], "")
        if isinstance(kind, list):
            out += long(0) if value == "" else long(1) + long(int(value))
        elif isinstance(kind, dict) and kind["type"] == "enum":
            out += long(kind["symbols"].index(value))
        else:
            out += long(int(value))
    return out


def object_of(row):
    return json.dumps({name: value for name, value in row.items() if value != ""}).encode()


def world(rng):
    """{log: rows} and the connections: little of everything, and every day something."""
    def at(low=0):
        return rng.randrange(low * DAY_MS, DAYS * DAY_MS)

    def member():
        return rng.randrange(MEMBERS)

    connections = [{"at": at(), "from": member(), "to": member()} for _ in range(150)]
    rows = {
        "positions": [{"at": at() - rng.choice((0, 0, 700 * DAY_MS)) + 800 * DAY_MS,
                       "member": member(), "company": rng.randrange(5),
                       "kind": rng.choice(("start", "start", "end")),
                       "precision": rng.choice(("day", "month"))} for _ in range(80)],
        "interactions": [{"at": at() + 800 * DAY_MS, "from": member(), "to": member(),
                          "kind": "like", "count": rng.randrange(1, 4)} for _ in range(60)],
        "applications": [{"at": at() + 800 * DAY_MS, "member": member(), "count": 2}
                         for _ in range(20)],
        "assignments": [{"at": at() + 800 * DAY_MS, "experiment": 1, "member": i, "variant": i % 2}
                        for i in range(MEMBERS)],
        "members": [{"member": i % MEMBERS, "industry": rng.choice(("", 1, 2)),
                     "region": rng.choice(("", 7)), "gender": "female"}
                    for i in range(MEMBERS + 5)],
        "companies": [{"company": 4, "canonical": 3, "industry": 1}],
    }
    for row in connections:
        row["at"] += 800 * DAY_MS
    return connections, rows


class FactTopicTest(BrokerTest, CommandTest):
    def setUp(self):
        super().setUp()
        self.connections, self.rows = world(random.Random(5))
        self.log = self.csv_of("connections", self.connections)

    def csv_of(self, name, rows):
        path = self.folder / f"{name}.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        return path

    def rows_of(self, path):
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def files(self):
        return [word for log in LOGS
                for word in (f"--{log}", self.csv_of(log, self.rows[log]))]

    def topics(self, encoding, rows):
        """Feeds a topic of two partitions for each log, and gives the options that read them."""
        options = ["--brokers", self.broker.brokers, "--facts-encoding", encoding]
        for number, log in enumerate(LOGS):
            topic = self.new_topic(partitions=2)
            if encoding == "avro":
                options += ["--schema-map", f"{number}={ROOT / 'schemas' / log}.avsc"]
                values = [framed(number, datum_of(log, row)) for row in rows[log]]
            else:
                values = [object_of(row) for row in rows[log]]
            for partition in range(2):
                hand = [Record(value) for value, row in zip(values, rows[log])
                        if int(next(iter(row.values()))) % 2 == partition]
                if hand:
                    self.kcat.produce(topic, hand, partition)
            options += [f"--{log}-topic", topic]
        return options

    def night(self, name, date, options):
        self.succeed("run", "--state", self.folder / f"{name}.state", "--date", date, "--logs",
                     self.log, "-o", self.folder / f"{name}.tables", *options, "--quiet")

    def nights(self, name, options):
        for day in range(DAYS):
            self.night(name, f"1972-03-{11 + day}", options)
        return digests(self.folder / f"{name}.tables", without=ABOUT_THE_RUN)

    def test_topics_of_either_encoding_give_the_tables_of_files(self):
        expected = self.nights("files", self.files())
        last = self.folder / "files.tables" / f"date=1972-03-{10 + DAYS}"
        self.assertGreater(len(self.rows_of(last / "moves.csv")), 10)
        for encoding in ("json", "avro"):
            with self.subTest(encoding):
                options = self.topics(encoding, self.rows)
                self.assertEqual(self.nights(encoding, options), expected)
                self.night(encoding, "1972-03-12", options)  # once more
                self.assertEqual(
                    digests(self.folder / f"{encoding}.tables", without=ABOUT_THE_RUN), expected)

    def test_a_record_that_cannot_be_read_is_a_dead_letter_of_its_topic(self):
        options = self.topics("json", self.rows)
        topic = options[options.index("--positions-topic") + 1]
        self.kcat.produce(topic, [Record(b"oops")], 1)
        self.night("letters", "1972-03-11", [*options, "--max-malformed", "1"])
        tables = self.folder / "letters.tables" / "date=1972-03-11"
        letters = [json.loads(line) for line in
                   (tables / "dead_letters.ndjson").read_text(encoding="utf-8").splitlines()]
        self.assertEqual([(letter["topic"], letter["partition"], letter["value"])
                          for letter in letters], [(topic, 1, "b29wcw==")])
        self.assertEqual([(row["log"], row["file"], row["content"])
                          for row in self.rows_of(tables / "quarantine.csv")],
                         [("positions", f"{topic}/1", "oops")])

    def test_a_topic_that_was_made_anew_is_an_error(self):
        options = self.topics("json", self.rows)
        self.night("anew", "1972-03-11", options)
        at = options.index("--positions-topic") + 1
        longer = [Record(b"{}", partition=i % 2) for i in range(2 * len(self.rows["positions"]))]
        for records in ([], longer):
            self.broker.peer.delete_topic(options[at])
            self.broker.peer.create_topic(options[at], 2)
            self.broker.peer.produce(options[at], records)
            self.refuse(DATA_WRONG, "run", "--state", self.folder / "anew.state", "--date",
                        "1972-03-12", "--logs", self.log, "-o", self.folder / "anew.tables",
                        *options, says=("made anew",))

    def test_topics_need_brokers(self):
        self.refuse(USAGE, "run", "--state", self.folder / "x", "--date", "1972-03-11", "--logs",
                    self.log, "-o", self.folder / "y", "--positions-topic", "p",
                    says=("--positions-topic needs --brokers",))
