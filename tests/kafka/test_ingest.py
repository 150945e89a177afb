"""Topics as logs: the same tables as from files, whatever the encoding, partitions and order."""

import collections
import json
import random
import subprocess

from tests.cli import oracle, random_logs
from tests.cli.nightly import Job, NightlyTest, events_of_days, first_ms
from tests.cli.support import (BROKER, CONFIG, CORRUPT, DATA_WRONG, DONE, PERMISSION, TIEFLOW,
                               TIMEOUT_SECONDS, CommandTest, digests, flip_bit, quality_of, rows_of)
from tests.kafka import encodings
from tests.kafka.broker import PASSWORDS, free_ports
from tests.kafka.clients import Kcat, Record
from tests.kafka.corrupt_batch import flip
from tests.kafka.encodings import OPTIONS, records_of
from tests.kafka.registry_stub import StubRegistry
from tests.kafka.support import BrokerTest

PARTITIONS = (1, 3, 16)
DAYS = 3
# Files that tell how it was run; records that are no events, which the logs here have none of.
ABOUT_THE_RUN = ["manifest.json", "dead_letters.ndjson"]


def same_but_arrival(folder):
    """What must be equal: the bytes of all tables but quality, and the counts of that; except the
    one that tells how the log arrived."""
    quality = quality_of(folder)
    del quality["out_of_order"]
    return digests(folder, without=[*ABOUT_THE_RUN, "quality.csv", "quality.parquet"]), quality


class TopicTest(BrokerTest, CommandTest):
    """`self.feed(...)` fills a topic; `self.source(...)` are the options that read it."""

    def source(self, topic, encoding, broker=None):
        return ("--brokers", (broker or self.broker).brokers, "--topic", topic, *OPTIONS[encoding])

    def feed(self, topic, events, encoding, client, partitions, rng=None):
        """Deals events out to the partitions, each shuffled where `rng` is given."""
        if encoding == "packed":  # ours is the only program that writes it
            log = self.folder / f"{topic}.csv"
            random_logs.write_csv(log, rng.sample(events, len(events)) if rng else events)
            self.succeed("import", log, *self.source(topic, "packed"), "--pack", 50)
            return
        hands = (random_logs.deal(rng, events, partitions) if rng
                 else [events[i::partitions] for i in range(partitions)])
        for partition, hand in enumerate(hands):
            records = records_of(hand, encoding, partition)
            if client is self.peer:
                client.produce(topic, records)
            elif hand:
                client.produce(topic, records, partition)

    def ties_of(self, name, *source, **options):
        out = self.folder / f"{name}.tables"
        self.succeed("ties", *source, "-o", out, "--quiet", **options)
        return out

    def ties_of_files(self, events, name="files"):
        return self.ties_of(name, random_logs.write_csv(self.folder / f"{name}.csv", events))

    def assertSameTables(self, one, other):
        self.assertEqual(same_but_arrival(one), same_but_arrival(other))


class TiesTest(TopicTest):
    def check_encoding(self, encoding, client):
        for seed, partitions in enumerate(PARTITIONS):
            rng = random.Random(seed)
            events = random_logs.wide_log(seed, count=600, member_count=25)
            topic = self.new_topic(partitions)
            self.feed(topic, events, encoding, client, partitions, rng)
            with self.subTest(partitions=partitions):
                self.assertSameTables(self.ties_of_files(events, f"files{seed}"),
                                      self.ties_of(f"topic{seed}", *self.source(topic, encoding)))

    def test_framed_avro_by_java_gives_the_tables_of_files(self):
        self.check_encoding("avro", self.peer)

    def test_framed_avro_by_kcat_gives_the_tables_of_files(self):
        self.check_encoding("avro", self.kcat)

    def test_bare_avro_gives_the_tables_of_files(self):
        self.check_encoding("avro-bare", self.peer)

    def test_json_by_kcat_gives_the_tables_of_files(self):
        self.check_encoding("json", self.kcat)

    def test_packed_replay_gives_the_tables_of_files(self):
        self.check_encoding("packed", None)

    def test_small_logs_with_every_wart_give_the_tables_of_files(self):
        for seed in range(12):
            events = random_logs.small_log(seed)
            encoding = ("avro", "json", "avro-bare", "packed")[seed % 4]
            partitions = PARTITIONS[seed % 3]
            topic = self.new_topic(partitions)
            self.feed(topic, events, encoding, self.peer, partitions, random.Random(seed))
            with self.subTest(seed=seed, encoding=encoding, partitions=partitions):
                self.assertSameTables(self.ties_of_files(events, f"files{seed}"),
                                      self.ties_of(f"topic{seed}", *self.source(topic, encoding)))

    def test_one_partition_keeps_the_order_of_a_sequence(self):
        events = random_logs.wide_log(5, count=400, member_count=12)
        topic = self.new_topic()
        self.feed(topic, events, "avro", self.peer, 1)
        setting = ("--simultaneous", oracle.SEQUENCE)
        log = random_logs.write_csv(self.folder / "log.csv", events)
        one = self.ties_of("files", log, *setting)
        other = self.ties_of("topic", *self.source(topic, "avro"), *setting)
        # Here even the order of arrival is the same.
        self.assertEqual(digests(one, without=ABOUT_THE_RUN), digests(other, without=ABOUT_THE_RUN))

    def test_every_compression_is_read(self):
        events = random_logs.wide_log(6, count=500, member_count=20)
        files = self.ties_of_files(events)
        for kind in ("gzip", "snappy", "lz4", "zstd"):
            topic = self.new_topic()
            self.peer.produce(topic, records_of(events, "json"),
                              settings={"compression.type": kind})
            self.assertSameTables(files, self.ties_of(kind, *self.source(topic, "json")))

    def test_an_empty_topic_gives_empty_tables(self):
        topic = self.new_topic(partitions=3)
        self.assertSameTables(self.ties_of_files([]), self.ties_of("topic",
                                                                   *self.source(topic, "avro")))

    def test_records_of_aborted_transactions_do_not_count(self):
        events = random_logs.wide_log(7, count=300, member_count=15)
        others = random_logs.wide_log(8, count=300, member_count=15)
        topic = self.new_topic(partitions=3)
        for start in range(0, 300, 100):
            part, aborted = events[start:start + 100], others[start:start + 100]
            self.peer.produce(topic, records_of(aborted, "avro"), transaction="a", end="abort")
            self.peer.produce(topic, records_of(part, "avro"), transaction="b", end="commit")
        self.assertSameTables(self.ties_of_files(events),
                              self.ties_of("topic", *self.source(topic, "avro")))

    def test_a_run_ends_before_a_transaction_that_is_open(self):
        events = random_logs.wide_log(9, count=100, member_count=10)
        topic = self.new_topic()
        self.peer.produce(topic, records_of(events[:60], "avro"))
        self.peer.produce(topic, records_of(events[60:80], "avro"), transaction="c", end="open")
        self.peer.produce(topic, records_of(events[80:], "avro"))
        before = self.ties_of("before", *self.source(topic, "avro"))
        self.assertSameTables(self.ties_of_files(events[:60], "first"), before)
        self.peer.produce(topic, [], transaction="c", end="commit")
        self.assertSameTables(self.ties_of_files(events, "all"),
                              self.ties_of("after", *self.source(topic, "avro")))


class TopicJob(Job):
    """A nightly job that reads a topic."""

    def __init__(self, test, name, source, *options):
        super().__init__(test, name, [], *source, *options)

    def tables(self, day=None):
        if day is not None:
            return same_but_arrival(self.folder(day))
        return {date.name: same_but_arrival(date) for date in sorted(self.out.glob("date=*"))}


class TopicNightTest(TopicTest, NightlyTest):
    """What tests of nights from topics share."""

    def files_job(self, name, events):
        logs = self.folder / f"{name}.logs"
        logs.mkdir()
        random_logs.write_csv(logs / "a.csv", events)
        return Job(self, name, logs)

    def assertSameNights(self, files, topic):
        self.assertEqual(topic.tables(), TopicJob.tables(files))
        self.assertEqual(topic.exported(), files.exported())


class NightsTest(TopicNightTest):
    def test_nights_from_a_topic_are_nights_from_files(self):
        for seed, partitions in enumerate(PARTITIONS):
            events = events_of_days(seed, DAYS)
            topic = self.new_topic(partitions)
            self.feed(topic, events, "avro", self.peer, partitions, random.Random(seed))
            with self.subTest(partitions=partitions):
                files = self.files_job(f"files{seed}", events)
                nights = TopicJob(self, f"topic{seed}", self.source(topic, "avro"))
                files.run_days(range(DAYS))
                nights.run_days(range(DAYS))
                self.assertSameNights(files, nights)

    def test_records_that_come_between_nights_are_found(self):
        events = events_of_days(10, DAYS)
        topic = self.new_topic(partitions=3)
        nights = TopicJob(self, "topic", self.source(topic, "json"))
        for day in range(DAYS):
            today = [event for event in events if oracle.day_of(event.at) == oracle.day_of(
                events[0].at) + day * oracle.DAY_MS]
            self.feed(topic, today, "json", self.peer, 3, random.Random(day))
            nights.run(day)
        files = self.files_job("files", events)
        files.run_days(range(DAYS))
        self.assertSameNights(files, nights)

    def test_a_date_can_be_run_again_and_gives_the_same_bytes(self):
        events = events_of_days(11, DAYS)
        topic = self.new_topic(partitions=3)
        self.feed(topic, events, "avro", self.peer, 3, random.Random(11))
        nights = TopicJob(self, "topic", self.source(topic, "avro"))
        nights.run_days(range(DAYS))
        before = digests(nights.out, without=["manifest.json"])
        nights.run(DAYS - 1)
        self.assertEqual(digests(nights.out, without=["manifest.json"]), before)

    def test_offsets_are_committed_for_dashboards(self):
        events = events_of_days(12, 1)
        topic = self.new_topic(partitions=3)
        self.feed(topic, events, "avro", self.peer, 3)
        group = f"{topic}-group"
        TopicJob(self, "topic", self.source(topic, "avro"), "--group", group).run(0)
        self.assertEqual(self.peer.committed(group),
                         {f"{topic}-{i}": end for i, end in enumerate(self.peer.ends(topic))})

    def test_retention_that_overtakes_the_state_is_an_error(self):
        events = events_of_days(13, 2)
        topic = self.new_topic()
        nights = TopicJob(self, "topic", self.source(topic, "avro"))
        self.feed(topic, events[:50], "avro", self.peer, 1)
        nights.run(0)
        self.feed(topic, events[50:], "avro", self.peer, 1)
        self.peer.delete_records(topic, 0, 60)
        nights.refused(DATA_WRONG, 1, [topic, "retention"])

    def test_a_topic_that_was_made_anew_is_an_error(self):
        events = events_of_days(14, 2)
        topic = self.new_topic()
        nights = TopicJob(self, "topic", self.source(topic, "avro"))
        self.feed(topic, events, "avro", self.peer, 1)
        nights.run(0)
        self.peer.delete_topic(topic)
        self.peer.create_topic(topic)
        self.feed(topic, events[:10], "avro", self.peer, 1)
        nights.refused(DATA_WRONG, 1, [topic])

    def test_a_topic_that_was_made_anew_and_has_grown_past_is_an_error(self):
        events = events_of_days(16, 2)
        for name, first in (("longer", 1), ("of the same length", 30)):
            with self.subTest(name):
                topic = self.new_topic()
                nights = TopicJob(self, topic, self.source(topic, "avro"))
                self.feed(topic, events[:-30], "avro", self.peer, 1)
                nights.run(0)
                self.peer.delete_topic(topic)
                self.peer.create_topic(topic)
                self.feed(topic, events[first:], "avro", self.peer, 1)
                place = f"{topic}/0: at offset {len(events) - 31}"
                before = digests(self.folder)
                for day in (1, 0):  # the next date, and the one that was run, once more
                    nights.refused(DATA_WRONG, day, [f"{place} is another record", "made anew"])
                self.assertEqual(digests(self.folder), before)

    def test_a_batch_that_was_passed_over_troubles_no_later_night(self):
        broker = self.own_broker()
        events = events_of_days(18, 2)
        days = [[event for event in events if (event.at < first_ms(1)) == (day == 0)]
                for day in range(2)]
        topic = self.new_topic(broker=broker)
        nights = TopicJob(self, "topic", self.source(topic, "json", broker), "--max-malformed", 1)
        for batch in (days[0][:20], days[0][20:]):
            broker.peer.produce(topic, records_of(batch, "json"), settings={"linger.ms": "1000"})
        segment, = broker.segments(topic, 0)
        flip(segment, 20)
        nights.refused(CORRUPT, 0, f"topic {topic}, partition 0, offset 20: ")
        nights.run(0, "--on-corrupt", "skip")
        broker.peer.produce(topic, records_of(days[1], "json"))
        nights.run(1)
        files = self.files_job("files", days[0][:20] + days[1])
        files.run_days(range(2))
        self.assertEqual(nights.exported(), files.exported())

    def test_a_topic_made_anew_of_the_same_records_is_gone_on_with(self):
        events = events_of_days(17, 2)
        topic = self.new_topic(partitions=3)
        nights = TopicJob(self, "topic", self.source(topic, "avro"))
        self.feed(topic, events[:-30], "avro", self.peer, 3)
        nights.run(0)
        self.peer.delete_topic(topic)
        self.peer.create_topic(topic, 3)
        self.feed(topic, events, "avro", self.peer, 3)
        nights.run(1)
        files = self.files_job("files", events)
        files.run_days(range(2))
        self.assertSameNights(files, nights)


class SchemaTest(TopicTest):
    """Schemas by id, of others."""

    # Another order, one field more, none of the optional ones, and a promotion to long.
    THEIRS = json.dumps({"type": "record", "name": "connection", "namespace": "tieflow", "fields": [
        {"name": "note", "type": "string"}, {"name": "to", "type": "int"},
        {"name": "from", "type": "int"}, {"name": "at", "type": "long"}]})

    def theirs(self, number, event):
        datum = encodings.text("é") + b"".join(map(encodings.long,
                                                   (event.to, event.from_, event.at)))
        return Record(encodings.framed(number, datum))

    def source_by(self, registry_url, topic):
        return ("--brokers", self.broker.brokers, "--topic", topic, "--registry", registry_url)

    def mixed_topic(self, ours, theirs):
        """Records under both schemas, and the events that they are."""
        plain = [oracle.Event(1_767_225_600_000 + i, i % 7, i % 5 + 10) for i in range(40)]
        full = random_logs.wide_log(20, count=100, member_count=9)
        topic = self.new_topic(partitions=2)
        self.peer.produce(topic, [self.theirs(theirs, event) for event in plain])
        self.peer.produce(topic, [Record(encodings.framed(ours, encodings.avro_bare(event)))
                                  for event in full])
        return topic, plain + full

    def test_schemas_come_from_the_registry_once_for_each_id(self):
        with StubRegistry(first_id=300) as registry:
            ours = registry.register("x-value", encodings.SCHEMA.read_text(encoding="utf-8"))
            theirs = registry.register("x-value", self.THEIRS)
            topic, events = self.mixed_topic(ours, theirs)
            out = self.ties_of("topic", *self.source_by(registry.url, topic))
            self.assertSameTables(self.ties_of_files(events), out)
            asked = collections.Counter(line for line in registry.requests if "/ids/" in line)
            self.assertEqual(asked, {f"GET /schemas/ids/{number}": 1 for number in (ours, theirs)})

    def test_a_registry_that_stumbles_is_asked_again(self):
        with StubRegistry() as registry:
            ours = registry.register("x-value", encodings.SCHEMA.read_text(encoding="utf-8"))
            theirs = registry.register("x-value", self.THEIRS)
            topic, events = self.mixed_topic(ours, theirs)
            registry.fail = 2
            self.assertSameTables(self.ties_of_files(events),
                                  self.ties_of("topic", *self.source_by(registry.url, topic)))
            registry.fail = -1
            self.refuse(BROKER, "ties", *self.source_by(registry.url, topic), "-o",
                        self.folder / "out", says=registry.url)

    def test_a_registry_that_wants_a_login_gets_it_and_nobody_else_does(self):
        with StubRegistry(login=("user", "pa:ss@word")) as registry:
            ours = registry.register("x-value", encodings.SCHEMA.read_text(encoding="utf-8"))
            theirs = registry.register("x-value", self.THEIRS)
            topic, events = self.mixed_topic(ours, theirs)
            source = self.source_by(registry.url_with_login, topic)
            self.assertSameTables(self.ties_of_files(events), self.ties_of("topic", *source))
            wrong = registry.url_with_login.replace("ss%40word", "wr0ng")
            self.assertNotEqual(wrong, registry.url_with_login)
            for url in (registry.url, wrong):
                for verb in (("ties", "-o", self.folder / "out"), ("check",)):
                    result = self.command(*verb, *self.source_by(url, topic))
                    self.assertEqual(result.code, PERMISSION, str(result))
                    self.assertNotIn("wr0ng", result.err + result.out)
            for path in self.folder.rglob("*"):
                if path.is_file():
                    self.assertNotIn(b"word", path.read_bytes(), path)

    def test_an_id_that_nobody_knows_is_named(self):
        topic = self.new_topic()
        self.peer.produce(topic, [encodings.framed(4711, b"\0\0\0\0\0")])
        with StubRegistry() as registry:
            self.refuse(DATA_WRONG, "ties", *self.source_by(registry.url, topic), "-o",
                        self.folder / "out", says=["4711", "--schema-map"])


class TroubleTest(TopicTest):
    def refused(self, code, source, says=(), *options):
        return self.refuse(code, "ties", *source, "-o", self.folder / "out", *options, says=says)

    def test_no_broker_is_said_soon(self):
        port, = free_ports(1)
        address = f"127.0.0.1:{port}"
        self.refused(BROKER, ("--brokers", address, *OPTIONS["json"]), address, "--broker-timeout",
                     2)

    def test_a_topic_that_is_not_there_is_named(self):
        self.refused(CONFIG, self.source("no-such-topic", "json"), "no-such-topic")

    def test_records_that_are_no_events_are_kept_with_their_bytes(self):
        events = random_logs.wide_log(30, count=200, member_count=9)
        topic = self.new_topic()
        self.peer.produce(topic, records_of(events, "json"))
        bad = [Record(b'{"at": 1, "from": 2'), Record(None, key=b"1:2"), Record(b"")]
        self.peer.produce(topic, bad)
        out = self.ties_of("topic", *self.source(topic, "json"), "--max-malformed", "0.5")
        self.assertEqual(quality_of(out)["malformed"], len(bad))
        offsets = [int(row["record"]) for row in rows_of(out / "quarantine.csv")]
        self.assertEqual(offsets, [200, 201, 202])
        self.refused(DATA_WRONG, self.source(topic, "json"), f"{topic}/0, offset 200: ",
                     "--max-malformed", "0.001")

    def test_a_corrupt_batch_ends_the_run_or_is_passed_over_on_request(self):
        broker = self.own_broker()
        events = random_logs.wide_log(31, count=300, member_count=9)
        broker.peer.create_topic("damaged")
        for start in range(0, 300, 100):
            broker.peer.produce("damaged", records_of(events[start:start + 100], "json"),
                                settings={"linger.ms": "1000"})  # one batch: it waits for all
        broker.stop()
        segment, = broker.segments("damaged", 0)
        flip_bit(segment, segment.stat().st_size // 2)
        broker.start()
        source = self.source("damaged", "json", broker)
        self.refused(CORRUPT, source, "damaged")
        out = self.ties_of("skipped", *source, "--on-corrupt", "skip", "--max-malformed", "0.5")
        quality = quality_of(out)
        self.assertEqual((quality["read"], quality["malformed"]), (300, 100))
        row, = rows_of(out / "quarantine.csv")
        self.assertEqual((row["file"], row["record"]), ("damaged/0", "100"))
        self.assertIn("offsets 100 to 199 cannot be read", row["reason"])
        letter, = (out / "dead_letters.ndjson").read_text(encoding="utf-8").splitlines()
        letter = json.loads(letter)
        self.assertEqual((letter["offset"], letter["value"]), (100, None))
        self.assertEqual(letter["headers"]["__connect.errors.stage"], "TASK_POLL")

    def test_a_batch_that_is_too_large_ends_the_run_or_is_passed_over_on_request(self):
        events = random_logs.wide_log(35, count=300, member_count=9)
        topic = self.new_topic()
        for start in range(0, 300, 100):
            records = records_of(events[start:start + 100], "json")
            if start == 100:  # blanks are no part of an event
                records = [Record(record.value + b" " * 4000) for record in records]
            self.peer.produce(topic, records, settings={"linger.ms": "1000",
                                                        "batch.size": "900000"})
        source = self.source(topic, "json")
        self.assertSameTables(self.ties_of_files(events), self.ties_of("all", *source))
        small = ("-X", "receive.message.max.bytes=200000", "-X", "fetch.max.bytes=100000", "-X",
                 "message.max.bytes=100000", "--corrupt-tries", 3)
        self.refused(CORRUPT, source, [f"topic {topic}, partition 0, offset 100: ", "after 3 tries",
                                       "raise -X receive.message.max.bytes"], *small)
        out = self.ties_of("skipped", *source, *small, "--on-corrupt", "skip", "--max-malformed",
                           "0.5")
        quality = quality_of(out)
        self.assertEqual((quality["read"], quality["malformed"]), (300, 100))
        row, = rows_of(out / "quarantine.csv")
        self.assertEqual((row["file"], row["record"]), (f"{topic}/0", "100"))
        self.assertIn("offsets 100 to 199 cannot be read", row["reason"])
        letter = json.loads((out / "dead_letters.ndjson").read_text(encoding="utf-8"))
        self.assertEqual((letter["offset"], letter["value"]), (100, None))

    def test_passwords_and_permissions(self):
        broker = self.own_broker(security="sasl")
        events = random_logs.wide_log(32, count=200, member_count=9)
        topic = self.new_topic(broker=broker)
        broker.peer.produce(topic, records_of(events, "json"))
        source = self.source(topic, "json", broker)

        def login(user, password=None):
            settings = broker.client_settings(user, password).items()
            return [word for name, value in settings for word in ("-X", f"{name}={value}")]

        wrong = self.refused(PERMISSION, source, (), *login("reader", "wr0ng"), "--broker-timeout",
                             5)
        self.assertNotIn("wr0ng", wrong.err + wrong.out)
        for verb in (("check",), ("ties", "-o", self.folder / "none")):
            for password in ("wr0ng", None):
                told = self.command(*verb, *source, *login("reader", password),
                                    "--broker-timeout", 5, "-X", "debug=all", "--log", "json")
                for secret in ("wr0ng", PASSWORDS["reader"]):
                    self.assertNotIn(secret, told.err + told.out, verb)
        self.refused(PERMISSION, source, topic, *login("reader"))
        broker.peer.allow("reader", "topic", topic, "read", "describe")
        out = self.ties_of("topic", *source, *login("reader"))
        self.assertSameTables(self.ties_of_files(events), out)

        file = self.folder / "client.properties"
        settings = broker.client_settings("reader").items()
        file.write_text("".join(f"{name}={value}\n" for name, value in settings))
        again = self.ties_of("file", *source, "-F", file)
        self.assertSameTables(out, again)
        written = [path for path in self.folder.rglob("*") if path.is_file() and path != file]
        self.assertTrue(written)
        for path in written:
            self.assertNotIn(PASSWORDS["reader"].encode(), path.read_bytes(), path)

    def test_a_broker_that_is_down_for_a_while_is_waited_for(self):
        broker = self.own_broker()
        events = random_logs.wide_log(33, count=500, member_count=9)
        topic = self.new_topic(broker=broker)
        Kcat(broker.brokers).produce(topic, records_of(events, "json"), 0)
        broker.stop()
        run = subprocess.Popen([TIEFLOW, "ties", *self.source(topic, "json", broker), "-o",
                                self.folder / "out"], stderr=subprocess.DEVNULL)
        self.addCleanup(run.kill)
        broker.start()
        self.assertEqual(run.wait(TIMEOUT_SECONDS), DONE)
        self.assertSameTables(self.ties_of_files(events), self.folder / "out")
