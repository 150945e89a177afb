"""Damaged batches: whichever byte it is and whatever the topic is called, the run ends with an
error that says where, or passes over exactly that batch.

After a checksum that fails librdkafka goes on at a place of the response that depends on the length
of the batch, and what it finds there on the length of the topic's name; so there are many of both.
"""

import concurrent.futures
import os
import random
import resource

from tests.cli import random_logs
from tests.cli.support import CORRUPT, digests, flip_bit, quality_of, rows_of
from tests.kafka.corrupt_batch import HEADER_BYTES, batches, flip
from tests.kafka.encodings import records_of
from tests.kafka.test_ingest import ABOUT_THE_RUN, TopicTest

MEND = None
# Bytes of a batch by name: in the header where the checksum covers them (but not the offset of the
# last record, since by that the broker itself finds batches), and in the records. MEND is a batch
# whose checksum fits and that cannot be unpacked.
PLACES = {
    "checksum": lambda batch, rng: rng.randrange(17, 21),
    "attributes": lambda batch, rng: rng.randrange(21, 23),
    "timestamps": lambda batch, rng: rng.randrange(27, 43),
    "producer": lambda batch, rng: rng.randrange(43, 57),
    "record count": lambda batch, rng: rng.randrange(57, 61),
    "first record": lambda batch, rng: HEADER_BYTES,
    "middle": lambda batch, rng: batch.bytes // 2,
    "anywhere": lambda batch, rng: rng.randrange(HEADER_BYTES, batch.bytes),
    "end": lambda batch, rng: batch.bytes - 1,
    "inside": MEND,
}
BATCHES = 3
NAMES = range(3, 83)  # their lengths; short batches come with every third
SMALL = ABOUT_THE_RUN + ["quality.csv", "quality.parquet", "quarantine.csv", "quarantine.parquet"]


class Topic:
    """A topic, its events, and what is left of them."""

    def __init__(self, name, partitions=1):
        self.name = name
        self.partitions = partitions
        self.events = []  # (partition, offset, event)
        self.bad = []     # (partition, first offset, last offset)
        self.damage = ""

    def feed(self, peer, partition, events, codec="none"):
        offset = sum(1 for other, _, _ in self.events if other == partition)
        peer.produce(self.name, records_of(events, "json", partition),
                     settings={"compression.type": codec, "linger.ms": "1000"})
        self.events += [(partition, offset + i, event) for i, event in enumerate(events)]

    def spoil(self, broker, partition, index, place, rng):
        segment, = (path for path in broker.segments(self.name, partition))
        batch = batches(segment)[index]
        if PLACES[place] is MEND:
            flip(segment, batch.first, mend=True)
        else:
            at = PLACES[place](batch, rng)
            flip_bit(segment, batch.position + at, 1 << rng.randrange(8))
            place = f"{place} (byte {at} of {batch.bytes})"
        self.bad.append((partition, batch.first, batch.last))
        self.damage += f" {place} at {partition}/{batch.first}"

    def lost(self):
        return sum(last - first + 1 for _, first, last in self.bad)

    def left(self):
        return [event for partition, offset, event in self.events
                if not any(partition == other and first <= offset <= last
                           for other, first, last in self.bad)]


class CorruptTest(TopicTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rng = random.Random(11)
        cls.log = random_logs.wide_log(34, count=4000, member_count=9)

    def feed_names(self, broker):
        """One partition, three batches, one of them damaged."""
        topics = []
        places = list(PLACES)
        for i, length in enumerate(NAMES[::2]):
            topic = Topic(f"{i:02}".ljust(length, "t"))
            broker.peer.create_topic(topic.name)
            mends = PLACES[places[i % len(places)]] is MEND
            codec = self.rng.choice(["gzip", "zstd", "lz4"]) if mends else "none"
            for _ in range(BATCHES):
                count = 1 if i % 3 == 0 and not mends else self.rng.randint(2, 60)
                topic.feed(broker.peer, 0, self.rng.sample(self.log, count), codec)
            topics.append(topic)
        return topics

    def feed_others(self, broker):
        """Three partitions, each with a damaged batch; neighbours that are damaged both."""
        several = Topic("several", partitions=3)
        neighbours = Topic("neighbours")
        broker.peer.create_topic(several.name, several.partitions)
        broker.peer.create_topic(neighbours.name)
        for i in range(12):
            several.feed(broker.peer, i % 3, self.rng.sample(self.log, 20))
        for count in (5, 1, 9, 1, 30, 4):
            neighbours.feed(broker.peer, 0, self.rng.sample(self.log, count))
        return several, neighbours

    def spoil_all(self, broker, topics, several, neighbours):
        for i, topic in enumerate(topics):
            topic.spoil(broker, 0, i % BATCHES, list(PLACES)[i % len(PLACES)], self.rng)
        for partition in range(3):
            several.spoil(broker, partition, 3 - partition, "middle", self.rng)
        for index in (1, 2, 4):
            neighbours.spoil(broker, 0, index, "anywhere", self.rng)

    def check(self, topic, broker):
        source = self.source(topic.name, "json", broker)
        partition, first, _ = min(topic.bad)
        self.refuse(CORRUPT, "ties", *source, "-o", self.folder / f"{topic.name}.none",
                    says=f"topic {topic.name}, partition {partition}, offset {first}: ")
        out = self.ties_of(topic.name, *source, "--on-corrupt", "skip", "--max-malformed", 1)
        quality = quality_of(out)
        self.assertEqual((quality["read"], quality["malformed"]),
                         (len(topic.events), topic.lost()))
        rows = rows_of(out / "quarantine.csv")
        for (number, low, high), row in zip(sorted(topic.bad), rows, strict=True):
            self.assertEqual((row["file"], row["record"]), (f"{topic.name}/{number}", str(low)))
            self.assertIn(f"offsets {low} to {high} cannot be read", row["reason"])
        files = self.ties_of_files(topic.left(), f"{topic.name}.left")
        self.assertEqual(digests(files, without=SMALL), digests(out, without=SMALL))

    def test_every_kind_of_damage_ends_the_run_or_is_passed_over(self):
        broker = self.own_broker()
        topics = self.feed_names(broker)
        others = self.feed_others(broker)
        broker.stop()
        self.spoil_all(broker, topics, *others)
        broker.start()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            checks = [(topic, pool.submit(self.check, topic, broker))
                      for topic in (*topics, *others)]
        for topic, check in checks:
            with self.subTest(topic=topic.name, damage=topic.damage):
                check.result()
        # Each try costs open files, so that there can be too many of them.
        self.refuse(CORRUPT, "ties", *self.source("several", "json", broker), "-o",
                    self.folder / "few", "--on-corrupt", "skip", "--max-malformed", 1,
                    limits={resource.RLIMIT_NOFILE: 80}, says=["too many batches", "ulimit -n"])
