"""What a night does with a topic beyond reading it: where it stops, what it takes for late, what it
says meanwhile."""

import json
import os
import random
import re
import shutil
import subprocess
import sys

from tests.cli import oracle, random_logs
from tests.cli.nightly import Job, date_of, events_of_days, first_ms
from tests.cli.oracle import Event
from tests.cli.support import DATA_WRONG, ROOT, TIEFLOW, USAGE, manifest_of, quality_of
from tests.kafka.clients import Record
from tests.kafka.encodings import json_object, key_of, records_of
from tests.kafka.test_ingest import DAYS, TopicJob, TopicNightTest, same_but_arrival

HOUR_MS = 3_600_000
LAST_STAMP = (1 << 63) - 1
README_TIMEOUT_S = 300


def stamped(events, partition=0):
    """Records that carry their events' time as their own."""
    return [Record(record.value, record.key, partition, event.at)
            for record, event in zip(records_of(events, "json"), events)]


class StopTest(TopicNightTest):
    def test_lateness_stops_at_the_first_record_stamped_so_long_after_the_date(self):
        topic = self.new_topic(configs={"retention.ms": "-1"})
        today = [Event(first_ms(0) + i, i, i + 1) for i in range(20)]
        # Handed in two hours after midnight: within three hours, not within one.
        behind = [Record(json_object(Event(first_ms(0) + 50, 100, 101)), None, 0,
                         first_ms(1) + 2 * HOUR_MS)]
        tomorrow = [Event(first_ms(1) + 4 * HOUR_MS + i, i, i + 2) for i in range(10)]
        self.peer.produce(topic, stamped(today) + behind + stamped(tomorrow))
        source = self.source(topic, "json")
        patient = TopicJob(self, "patient", source, "--lateness", 3)
        patient.run(0)
        self.assertEqual(quality_of(patient.folder(0))["read"], 21)
        self.assertEqual(manifest_of(patient.folder(0))["inputs"][0]["records"], 21)
        hasty = TopicJob(self, "hasty", source, "--lateness", 1)
        hasty.run(0)
        self.assertEqual(quality_of(hasty.folder(0))["read"], 20)
        hasty.run(1)
        quality = quality_of(hasty.folder(1))
        self.assertEqual((quality["read"], quality["late"]), (11, 1))

    def test_stamps_of_clocks_that_jump_lose_nothing(self):
        topic = self.new_topic(configs={"retention.ms": "-1"})
        events = [Event(first_ms(0) + i, i, i + 1) for i in range(60)]
        tomorrow = [Event(first_ms(1) + i, i, i + 2) for i in range(20)]
        records = stamped(events + tomorrow)
        for record, stamp in ((10, first_ms(-900)), (11, 0), (12, 1), (40, LAST_STAMP)):
            records[record].timestamp = stamp
        self.peer.produce(topic, records)
        source = self.source(topic, "json")
        for name, options, read in (("whole", (), [60, 20]), ("cut", ("--lateness", 1), [40, 0])):
            job = TopicJob(self, name, source, *options)
            job.run_days(range(2))
            self.assertEqual([quality_of(job.folder(day))["read"] for day in range(2)], read)
        # Nobody passes over the stamp that is never due: what lies behind it waits, and is told of.
        self.assertIn(f"{topic}/0: nothing new is read, since offset 40 ", job.run(2).err)
        job.options = source
        job.run(3)
        quality = quality_of(job.folder(3))
        self.assertEqual((quality["read"], quality["late"]), (40, 40))

    def test_import_can_stamp_records_with_the_time_of_their_events(self):
        events = events_of_days(2, 2)
        log = random_logs.write_csv(self.folder / "log.csv", events)
        for encoding in ("json", "packed"):
            topic = self.new_topic(partitions=2, configs={"retention.ms": "-1"})
            self.succeed("import", log, *self.source(topic, encoding), "--event-stamps", "--pack",
                         7)
            stamps = [record.timestamp for record in self.peer.consume(topic)]
            self.assertEqual(min(stamps), events[0].at)
            self.assertLessEqual(max(stamps), events[-1].at)
            whole = TopicJob(self, f"whole-{encoding}", self.source(topic, encoding))
            cut = TopicJob(self, f"cut-{encoding}", self.source(topic, encoding), "--lateness", 0)
            for job in (whole, cut):
                job.run_days(range(2))
            self.assertEqual(whole.tables(), cut.tables())

    def test_replayed_pairs_lie_where_javas_producers_put_them(self):
        events = random_logs.wide_log(3, count=300, member_count=20)
        log = random_logs.write_csv(self.folder / "log.csv", events)
        ours, theirs = self.new_topic(partitions=7), self.new_topic(partitions=7)
        self.succeed("import", log, *self.source(ours, "json"))
        self.peer.produce(theirs, [Record(json_object(event), key_of(event)) for event in events])

        def places(topic):
            return {record.key: record.partition for record in self.peer.consume(topic)}

        self.assertEqual(places(ours), places(theirs))


class HistoryTest(TopicNightTest):
    def test_a_backfill_from_a_topic_finds_its_dates(self):
        events = events_of_days(4, DAYS)
        topic = self.new_topic(partitions=3)
        self.feed(topic, events, "json", self.peer, 3, random.Random(4))
        job = TopicJob(self, "topic", self.source(topic, "json"))
        self.succeed(*job.arguments("backfill"))
        files = self.files_job("files", events)
        files.run_days(range(DAYS))
        self.assertSameNights(files, job)

    def test_after_an_archive_of_files_the_topic_goes_on_and_its_old_records_are_not_late(self):
        events = events_of_days(5, DAYS)
        files = self.files_job("files", events)
        files.run_days(range(DAYS))
        archive = [event for event in events if event.at < first_ms(1)]
        logs = self.folder / "archive"
        logs.mkdir()
        random_logs.write_csv(logs / "archive.csv", archive)
        job = TopicJob(self, "both", ())
        self.succeed("backfill", "--state", job.state, "--logs", logs, "-o", job.out, "--to",
                     date_of(0))
        topic = self.new_topic(partitions=2)
        self.feed(topic, events, "json", self.peer, 2, random.Random(5))
        job.options = self.source(topic, "json")
        job.run_days((1, 2))
        quality = quality_of(job.folder(1))
        self.assertEqual((quality["earlier"], quality["late"]), (len(archive), 0))
        self.assertEqual(job.exported(), files.exported())
        # From then on the topic is known, and what comes late is late.
        self.feed(topic, [Event(first_ms(1), 1, 2)], "json", self.peer, 1)
        job.run(3)
        self.assertEqual(quality_of(job.folder(3))["late"], 1)

    def test_partitions_that_are_added_between_nights_are_read(self):
        events = events_of_days(6, 2)
        today = [event for event in events if event.at < first_ms(1)]
        rest = events[len(today):]
        topic = self.new_topic(partitions=2)
        job = TopicJob(self, "topic", self.source(topic, "json"))
        self.feed(topic, today, "json", self.peer, 2)
        job.run(0)
        self.peer.add_partitions(topic, 5)
        self.feed(topic, rest, "json", self.peer, 5, random.Random(6))
        job.run(1)
        files = self.files_job("files", events)
        files.run_days(range(2))
        self.assertSameNights(files, job)
        before = job.tables()
        job.run(0)
        job.run(1)
        self.assertEqual(job.tables(), before)

    def test_a_repeat_whose_records_are_gone_is_refused_and_changes_nothing(self):
        events = events_of_days(12, 1)
        topic = self.new_topic()
        self.feed(topic, events, "json", self.peer, 1)
        job = TopicJob(self, "topic", self.source(topic, "json"))
        job.run(0)
        before = job.tables()
        for kept in (100, len(events) + 30):  # some of its records are gone, and all of them
            self.feed(topic, [Event(first_ms(1) + i, i, i + 1) for i in range(30)], "json",
                      self.peer, 1)
            self.peer.delete_records(topic, 0, kept)
            job.refused(DATA_WRONG, 0, [])
        self.assertEqual(job.tables(), before)

    def test_equal_times_keep_partition_and_offset_under_sequence(self):
        rng = random.Random(7)
        events = [Event(first_ms(0) + rng.randrange(3), rng.randrange(8), rng.randrange(8))
                  for _ in range(200)]
        topic = self.new_topic(partitions=3)
        self.feed(topic, events, "json", self.peer, 3)
        in_log_order = [event for i in range(3) for event in events[i::3]]
        setting = ("--simultaneous", oracle.SEQUENCE)
        log = random_logs.write_csv(self.folder / "log.csv", in_log_order)
        self.assertEqual(
            same_but_arrival(self.ties_of("files", log, *setting)),
            same_but_arrival(self.ties_of("topic", *self.source(topic, "json"), *setting)))

    def test_a_log_that_the_state_waits_for_is_asked_for(self):
        events = events_of_days(8, 2)
        topic = self.new_topic()
        self.feed(topic, events, "json", self.peer, 1)
        job = TopicJob(self, "topic", self.source(topic, "json"))
        job.run(0)
        log = random_logs.write_csv(self.folder / "other.csv", events)
        self.refuse(DATA_WRONG, "run", "--state", job.state, "--date", date_of(1), "--logs", log,
                    "-o", job.out, says=[f"{topic}/0", "add it"])
        other = self.new_topic()
        job.options = self.source(other, "json")
        job.refused(DATA_WRONG, 1, [f"{topic}/0", other])
        job.options = self.source(other, "json")
        job.refused(DATA_WRONG, 0, [other])

    def test_files_and_a_topic_at_once_are_refused(self):
        log = random_logs.write_csv(self.folder / "log.csv", events_of_days(9, 1))
        self.refuse(USAGE, "ties", log, *self.source("any", "json"), "-o", self.folder / "out",
                    says="not from both")


class SaidTest(TopicNightTest):
    def test_json_lines_tell_lag_bytes_and_the_clients_statistics(self):
        events = random_logs.wide_log(10, count=3000, member_count=30)
        topic = self.new_topic()
        self.peer.produce(topic, records_of(events, "json"))
        result = self.succeed("ties", *self.source(topic, "json"), "-o", self.folder / "out",
                              "--log", "json", "-X", "statistics.interval.ms=1")
        lines = [json.loads(line) for line in result.err.splitlines()]
        phase, = (line for line in lines if line["event"] == "phase"
                  and line["phase"] == "consuming")
        self.assertEqual((phase["done"], phase["total"], phase["lag"]), (3000, 3000, 0))
        self.assertEqual(phase["bytes"], sum(len(record.key) + len(record.value)
                                             for record in records_of(events, "json")))
        statistics = [line["kafka_statistics"] for line in lines
                      if line["event"] == "kafka_statistics"]
        self.assertTrue(any(topic in one["topics"] for one in statistics))
        done, = (json.loads(line) for line in result.out.splitlines())
        self.assertEqual(done["lag"], 0)

    def test_the_commands_of_the_readme_do_what_it_says(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        section = text[text.index("## With Kafka"):]
        block = re.search(r"(?:^    .*\n)+", section, re.MULTILINE).group(0)
        script = re.sub(r"^    ", "", block, flags=re.MULTILINE)
        self.assertIn("tests/kafka/broker.py", script)
        script = script.replace("build/tieflow", str(TIEFLOW)).replace("/tmp/", f"{self.folder}/")
        script = re.sub(r"^make.*\n", "", script, flags=re.MULTILINE)
        done = subprocess.run([shutil.which("bash"), "-ec", script], cwd=ROOT, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=README_TIMEOUT_S,
                              env=dict(os.environ, PATH=f"{os.path.dirname(sys.executable)}:"
                                                        f"{os.environ['PATH']}"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count("  ties "), 3, done.stdout)  # two nights, and in all
        job = Job(self, "files", self.folder / "demo.ndjson")
        job.run_days(range(2))
        for day in range(2):
            self.assertEqual(same_but_arrival(self.folder / "demo-tables" / f"date={date_of(day)}"),
                             same_but_arrival(job.folder(day)))
