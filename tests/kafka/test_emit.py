"""Tables into topics: every row once for whoever reads committed records, whatever crashes; and the
records that are no events, with their bytes.

TIEFLOW_KAFKA_KILLS  how many kills at random times (default 25)
"""

import base64
import datetime
import io
import json
import os
import pathlib
import random
import sys

import fastavro

from tests.cli import random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days
from tests.cli.support import (BROKER, CONFIG, ROOT, USAGE, digests, manifest_of, needing,
                               quality_of, rows_of)
from tests.kafka.clients import UNCOMMITTED, Record
from tests.kafka.encodings import OPTIONS, records_of
from tests.kafka.kafka_requests import KEYS, Stopped
from tests.kafka.registry import Registry
from tests.kafka.support import BrokerTest
from tests.kafka.test_ingest import same_but_arrival

DAYS = 3
KILLS = int(os.environ.get("TIEFLOW_KAFKA_KILLS", "25"))
SENDING = KEYS["AddPartitionsToTxn"]  # the first request of it: the date is published by then
SCHEMAS = ROOT / "schemas" / "tables"
TABLES = ("ties", "endings", "late", "quarantine", "quality")
TIES = ("from", "to", "created_at", "ended_at", "mutual", "degree_from", "degree_to", "union",
        "strength")
IDS = {table: 100 + i for i, table in enumerate(TABLES)}
YEAR_ONE = datetime.date(1, 1, 1)
CONNECT_HEADERS = {"__connect.errors.connector.name": b"tieflow", "__connect.errors.task.id": b"0",
                   "__connect.errors.stage": b"VALUE_CONVERTER"}


def plain(schema):
    """A schema without logical types: numbers then stay numbers."""
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(item) for item in schema] if isinstance(schema, list) else schema


def cell(value, is_id):
    """A field as CSV has it."""
    if value is None:
        return ""
    if is_id and value < 0:
        value += 1 << 64
    return str(value)


class EmitTest(BrokerTest, NightlyTest):
    """`self.prefix` names topics that no other test has, and `self.sink` the options that send
    there."""

    sink_topics = ()

    def setUp(self):
        super().setUp()
        self.make_sink()

    def make_sink(self):
        """New topics for the tables. Those of the sink before are deleted: a broker has no room for
        those of a thousand nights."""
        for topic in self.sink_topics:
            self.peer.delete_topic(topic)
        name = self.new_topic()
        self.prefix = f"{name}."
        self.sink_topics = [name, *(self.prefix + table for table in TABLES)]
        for topic in self.sink_topics[1:]:
            self.peer.create_topic(topic, 3)
        maps = [word for table in TABLES
                for word in ("--schema-map", f"{IDS[table]}={SCHEMAS / table}.avsc")]
        self.sink = ("--brokers", self.broker.brokers, "--emit", "kafka", "--emit-prefix",
                     self.prefix, *maps)

    def job(self, name, events, *options):
        random_logs.write_csv(self.logs / "a.csv", events)
        return Job(self, name, self.logs, *options)

    def emitted(self, table, number=None):
        """The rows of a table's topic, as [(date, {column: text})] in no order; checks framing,
        keys and that a key's rows lie in one partition."""
        schema = fastavro.parse_schema(plain(json.loads(
            (SCHEMAS / f"{table}.avsc").read_text(encoding="utf-8"))))
        rows, places = [], {}
        self.peer.settle(self.prefix + table)
        for record in self.peer.consume(self.prefix + table):
            self.assertEqual(record.value[:5],
                             b"\0" + (number or IDS[table]).to_bytes(4, "big"))
            data = io.BytesIO(record.value[5:])
            row = fastavro.schemaless_reader(data, schema)
            self.assertEqual(data.read(), b"")
            self.assertEqual(places.setdefault(record.key, record.partition), record.partition)
            date = datetime.date(1970, 1, 1) + datetime.timedelta(days=row.pop("date"))
            for stamp in ("run_id", "as_of", "simultaneous"):
                row.pop(stamp)
            is_id = {field["name"]: field["type"] == "long" for field in schema["fields"]}
            rows.append((date.isoformat(), record.key.decode(),
                         {name: cell(value, is_id[name]) for name, value in row.items()}))
        return rows

    def assertEmitted(self, job, days=range(DAYS)):
        """Each row of the tables was sent once."""
        for table in TABLES:
            wanted = [(date_of(day), row) for day in days
                      for row in rows_of(job.folder(day) / f"{table}.csv")]
            found = [(date, row) for date, _, row in self.emitted(table)]

            def order(item):
                return json.dumps(item, sort_keys=True)

            if table == "ties":
                # With a study the files have more columns than the topic; and the shortest text of
                # a double differs between languages.
                wanted = [(date, {name: row[name] for name in TIES}) for date, row in wanted]
                for _, row in found + wanted:
                    row["strength"] = float(row["strength"])
            self.assertEqual(sorted(map(order, found)), sorted(map(order, wanted)), table)

    def outboxes(self, job):
        return sorted(path.name for path in job.out.rglob("*.outbox"))


class RowsTest(EmitTest):
    def test_rows_of_all_tables_arrive_keyed_and_nothing_waits(self):
        job = self.job("job", events_of_days(1, DAYS, count=400), *self.sink)
        job.run_days(range(DAYS))
        self.assertEmitted(job)
        self.assertEqual(self.outboxes(job), [])
        for _, key, row in self.emitted("ties"):
            low, high = sorted((int(row["from"]), int(row["to"])))
            self.assertEqual(key, f"{low}:{high}")
        self.assertNotIn("outbox", json.dumps(manifest_of(job.folder(0))))

    def test_tables_are_the_same_files_as_without_a_sink(self):
        events = events_of_days(2, DAYS)
        job, other = self.job("job", events, *self.sink), self.job("other", events)
        job.run_days(range(DAYS))
        other.run_days(range(DAYS))
        self.assertEqual(digests(job.out), digests(other.out))
        self.assertSameJobs(job, other)

    def test_ties_of_a_study_are_sent_as_those_of_any_night(self):
        events = events_of_days(2, DAYS)
        positions = self.folder / "positions.csv"
        positions.write_text("at,member,company,kind\n" + "".join(
            f"{event.at},{event.from_},7,start\n" for event in events if event.kind == "connect"),
            encoding="utf-8")
        study = ("--positions", positions)
        job, other = self.job("job", events, *self.sink, *study), self.job("other", events, *study)
        job.run_days(range(DAYS))
        other.run_days(range(DAYS))
        self.assertGreater(len(rows_of(job.folder(0) / "ties.csv")[0]), len(TIES))
        self.assertEmitted(job)
        self.assertEqual(self.outboxes(job), [])
        self.assertEqual(digests(job.out), digests(other.out))

    def test_a_backfill_sends_every_date_in_a_transaction_of_its_own(self):
        job = self.job("job", events_of_days(3, DAYS), *self.sink)
        job.backfill(0, DAYS - 1)
        self.assertEmitted(job)
        committed = self.peer.committed(f"{self.prefix}emit")
        days = (datetime.date.fromisoformat(date_of(DAYS - 1)) - YEAR_ONE).days
        self.assertEqual(committed, {f"{self.prefix}ties-0": days})

    def test_a_repeated_date_is_not_sent_again(self):
        job = self.job("job", events_of_days(4, DAYS), *self.sink)
        job.run_days(range(DAYS))
        job.run(DAYS - 1)
        job.run(DAYS - 2)
        self.assertEmitted(job)

    def test_dates_that_were_run_without_the_sink_are_said_to_be_missing(self):
        job = self.job("job", events_of_days(14, DAYS), *self.sink)
        job.run(0)
        Job(self, "job", self.logs).run(1)
        self.assertIn(f"the topics end with {date_of(0)}", job.run(2).err)
        self.assertEmitted(job, (0, 2))

    def test_schemas_are_registered_under_their_topics(self):
        with needing("a registry registers nothing"):
            registry = Registry()
        with registry:
            job = self.job("job", events_of_days(5, 1), "--brokers", self.broker.brokers, "--emit",
                           "kafka", "--emit-prefix", self.prefix, "--registry", registry.url)
            job.run(0)
            number = registry.register(f"{self.prefix}ties-value",
                                       (SCHEMAS / "ties.avsc").read_text(encoding="utf-8"))
            self.assertEqual(len(self.emitted("ties", number)),
                             len(rows_of(job.folder(0) / "ties.csv")))
            self.assertEqual([subject for subject in registry.subjects()
                              if subject.startswith(self.prefix)],
                             sorted(f"{self.prefix}{table}-value" for table in TABLES))

    def test_from_topic_to_topics(self):
        events = events_of_days(6, DAYS)
        topic = self.new_topic(partitions=3)
        self.peer.produce(topic, records_of(events, "json"))
        job = Job(self, "job", [], *self.sink, "--topic", topic, *OPTIONS["json"])
        job.run_days(range(DAYS))
        self.assertEmitted(job)


class RefusalTest(EmitTest):
    def test_what_is_missing_is_said_before_the_work(self):
        job = self.job("job", events_of_days(7, 2), *self.sink[:6])
        job.refused(CONFIG, 0, ["--schema-map", "ties-value"])
        self.peer.delete_topic(f"{self.prefix}late")
        job = Job(self, "job", self.logs, *self.sink)
        job.refused(CONFIG, 0, f"{self.prefix}late")
        job = Job(self, "job", self.logs, "--emit", "kafka")
        job.refused(USAGE, 0, "--brokers")
        self.assertEqual(job.generations(), [])
        self.assertEqual(self.peer.consume(f"{self.prefix}ties", UNCOMMITTED), [])

    def test_a_second_history_in_the_same_topics_is_refused(self):
        events = events_of_days(8, 2)
        self.job("one", events, *self.sink).run_days(range(2))
        other = Job(self, "other", self.logs, *self.sink)
        other.refused(CONFIG, 0, ["of another state", "--emit-prefix"])
        self.assertEqual(other.generations(), [])

    def test_rows_that_wait_survive_a_repeat_without_the_sink(self):
        broker = self.own_broker()
        for table in TABLES:
            broker.peer.create_topic(self.prefix + table)
        sink = ("--brokers", broker.brokers, *self.sink[2:], "--broker-timeout", 3)
        job = self.job("job", events_of_days(9, 2), *sink)
        job.run(0)
        self.hold_back(job, broker)
        alone = Job(self, "job", self.logs)
        alone.refused(CONFIG, 1, ["wait to be sent", "--emit kafka"])
        self.assertNotEqual(self.outboxes(job), [])
        job.run(1)
        self.assertEqual(self.outboxes(job), [])
        broker.peer.settle(f"{self.prefix}quality")
        sent = broker.peer.consume(f"{self.prefix}quality")
        self.assertEqual(len(sent), 2 * len(rows_of(job.folder(0) / "quality.csv")))

    def hold_back(self, job, broker):
        """Runs day 1 with a broker that dies when the date is published, before its rows are out:
        the state then has the date, and its rows wait."""
        with Stopped(job.arguments("run", "--date", date_of(1)), SENDING) as run:
            broker.stop()
            run.go_on()
            result = run.end()
        broker.start()
        self.assertEqual(result.code, BROKER, str(result))


class DamageTest(EmitTest):
    """A state that goes bad after its rows were sent, or before."""

    def setUp(self):
        super().setUp()
        self.made = self.job("job", events_of_days(15, DAYS), *self.sink)
        self.made.run(0)

    def damage(self, name):
        path = self.made.state / f"gen-{date_of(1)}" / name
        path.write_bytes(path.read_bytes()[:-20])

    def test_a_generation_that_is_made_again_sends_nothing_again(self):
        self.made.run(1)
        self.damage("dictionary.tff")
        self.assertIn("is made again", self.made.run(2).err)
        self.assertEmitted(self.made)
        self.assertEqual(self.outboxes(self.made), [])

    def test_rows_that_wait_while_their_generation_is_made_again_are_sent_once(self):
        with Stopped(self.made.arguments("run", "--date", date_of(1)), SENDING):
            pass
        self.assertNotEqual(self.outboxes(self.made), [])
        self.damage("dictionary.tff")
        self.assertIn("is made again", self.made.run(2).err)
        self.assertEmitted(self.made)
        self.assertEqual(self.outboxes(self.made), [])

    def test_a_date_that_is_lost_to_damage_is_run_again_without_sending(self):
        self.made.run(1)
        self.damage("manifest.json")
        self.made.refused(CONFIG, 2, date_of(1))
        self.made.refused(CONFIG, 1, ["lost those dates to damage", "without sending"])
        Job(self, "job", self.logs).run(1)
        self.made.run(2)
        self.assertEmitted(self.made)


class KilledTest(EmitTest):
    def test_nights_from_topic_to_topics_killed_at_any_moment_take_and_send_each_row_once(self):
        rng = random.Random(10)
        events = events_of_days(10, DAYS, count=900)
        topic = self.new_topic(partitions=3)
        self.peer.produce(topic, records_of(events, "json"))
        reference = self.job("reference", events)
        reference.run_days(range(DAYS))
        killed = attempt = 0
        seconds = 0.6
        while killed < KILLS:
            attempt += 1
            self.assertLess(attempt, 20 * KILLS, "the kills come too late")
            self.make_sink()
            job = Job(self, f"job{attempt}", [], *self.sink, "--topic", topic, *OPTIONS["json"])
            for day in range(DAYS):
                while self.kill_after(job.arguments("run", "--date", date_of(day)),
                                      rng.uniform(0, seconds)):
                    killed += 1
            job.run(DAYS - 1)  # sends what the last kill may have left
            for day in range(DAYS):
                self.assertEqual(same_but_arrival(job.folder(day)),
                                 same_but_arrival(reference.folder(day)))
            self.assertEmitted(job)
            self.assertEqual(self.outboxes(job), [])
        print(f"\n{killed} kills at any time survived", file=sys.stderr, flush=True)


class DeadLettersTest(EmitTest):
    def setUp(self):
        super().setUp()
        self.events = events_of_days(11, 2)
        self.topic = self.new_topic(partitions=2)
        self.bad = [Record(b'{"at": 1, "from"', b"1:2", 0), Record(None, b"3:4", 1),
                    Record(bytes(range(256)), None, 1)]
        self.peer.produce(self.topic, records_of(self.events, "json"))
        self.places = self.peer.produce(self.topic, self.bad)
        self.source = ("--brokers", self.broker.brokers, "--topic", self.topic, *OPTIONS["json"],
                       "--max-malformed", "0.5")

    def check_headers(self, headers, place):
        for name, value in CONNECT_HEADERS.items():
            self.assertEqual(headers[name], value)
        self.assertEqual(headers["__connect.errors.topic"], self.topic.encode())
        self.assertEqual(headers["__connect.errors.partition"], str(place[0]).encode())
        self.assertEqual(headers["__connect.errors.offset"], str(place[1]).encode())
        self.assertNotEqual(headers["__connect.errors.exception.message"], b"")

    def test_they_go_to_a_topic_once_with_connects_headers(self):
        letters = self.new_topic()
        job = Job(self, "job", [], *self.source, "--dead-letters", letters)
        job.run_days(range(2))
        job.run(0)
        self.peer.settle(letters)
        found = self.peer.consume(letters)
        self.assertEqual([(record.key, record.value) for record in found],
                         [(bad.key, bad.value) for bad in self.bad])
        for record, place in zip(found, self.places):
            self.check_headers(dict(record.headers), place)
        self.assertEqual(quality_of(job.folder(0))["malformed"], 3)
        self.assertEqual(quality_of(job.folder(1))["malformed"], 0)
        self.assertFalse((job.folder(0) / "dead_letters.ndjson").exists())
        self.assertEqual(self.outboxes(job), [])

    def test_without_a_topic_they_lie_beside_the_tables(self):
        job = Job(self, "job", [], *self.source)
        job.run_days(range(2))
        lines = (job.folder(0) / "dead_letters.ndjson").read_text(encoding="utf-8").splitlines()
        for line, bad, place in zip(map(json.loads, lines), self.bad, self.places, strict=True):
            self.assertEqual((line["topic"], line["partition"], line["offset"]),
                             (self.topic, *place))
            for name in ("key", "value"):
                encoded = line[name]
                self.assertEqual(None if encoded is None else base64.b64decode(encoded),
                                 getattr(bad, name))
            self.check_headers({name: value.encode() for name, value in line["headers"].items()},
                               place)
        files = {table["file"]: table for table in manifest_of(job.folder(0))["tables"]}
        self.assertEqual(files["dead_letters.ndjson"]["rows"], 3)
        self.assertFalse((job.folder(1) / "dead_letters.ndjson").exists())
        before = digests(job.folder(0))
        job.run(0)
        self.assertEqual(digests(job.folder(0)), before)


class PlanTest(EmitTest):
    def test_check_looks_at_source_and_sink(self):
        topic = self.new_topic(partitions=2)
        self.peer.produce(topic, records_of(events_of_days(12, 2), "json"))
        job = Job(self, "job", [], *self.sink, "--topic", topic, *OPTIONS["json"])
        result = self.succeed(*job.arguments("check"))
        for text in (f"{topic}: 2 partitions", "120 events",
                     f"the topics {self.prefix}* are there"):
            self.assertIn(text, result.out)
        self.assertEqual(self.peer.consume(f"{self.prefix}ties", UNCOMMITTED), [])
        job.run(0)
        self.succeed(*job.arguments("check", "--date", date_of(1)))
        self.peer.delete_topic(f"{self.prefix}endings")
        self.refuse(CONFIG, *job.arguments("check"), says="problem")

    def test_secrets_are_shown_nowhere(self):
        topic = self.new_topic()
        self.peer.produce(topic, records_of(events_of_days(13, 1), "json"))
        settings = self.folder / "client.properties"
        settings.write_text("sasl.password=hush-1\n# a comment\nclient.id=night\n",
                            encoding="utf-8")
        job = Job(self, "job", [], "--brokers", self.broker.brokers, "--topic", topic,
                  *OPTIONS["json"], "-F", settings, "-X", "ssl.key.password=hush-2", "--log",
                  "json")
        shown = self.succeed(*job.arguments("explain"))
        self.assertIn("client.id = night", shown.out)
        said = shown.out + shown.err + str(job.run(0)) + str(self.succeed(*job.arguments("check")))
        written = b"".join(path.read_bytes() for root in (job.state, job.out)
                           for path in pathlib.Path(root).rglob("*") if path.is_file())
        for secret in ("hush-1", "hush-2"):
            self.assertNotIn(secret, said.replace(f"ssl.key.password={secret}", ""))
            self.assertNotIn(secret.encode(), written)
