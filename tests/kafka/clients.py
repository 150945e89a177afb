"""Clients that are not ours: Kafka's own in Java, and kcat."""

import base64
import dataclasses
import json
import subprocess
import time

from tests.tools import java

COMMITTED, UNCOMMITTED = "read_committed", "read_uncommitted"
TIMEOUT_SECONDS = 120


@dataclasses.dataclass
class Record:
    """A record to produce, or one that was consumed. Key and value are bytes, or None; headers
    are pairs of text and bytes. What is None to produce, the producer decides."""

    value: bytes
    key: bytes = None
    partition: int = None
    timestamp: int = None
    headers: list = dataclasses.field(default_factory=list)
    offset: int = None


class PeerError(Exception):
    """What a command of the Java client failed with; `kind` is the name of Java's exception."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def _text(data):
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text):
    return None if text is None else base64.b64decode(text)


class Peer:
    """KafkaPeer.java at the other end of two pipes; every call waits for its answer."""

    def __init__(self, arguments, log):
        self.java = java.Process(arguments, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.java.process.stdin.close()
        self.java.process.stdout.close()
        self.java.stop()

    def call(self, command, **arguments):
        """Returns (result, records)."""
        process = self.java.process
        process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        process.stdin.flush()
        records = []
        for line in process.stdout:
            answer = json.loads(line)
            if "record" in answer:
                records.append(answer["record"])
            elif "error" in answer:
                raise PeerError(answer["error"], answer["message"])
            else:
                return answer["done"], records
        raise PeerError("Ended", self.java.output()[-4000:])

    # Administration

    def topics(self):
        return sorted(self.call("topics")[0])

    def create_topic(self, topic, partitions=1, configs=None):
        self.call("create_topic", topic=topic, partitions=partitions, configs=configs or {})

    def delete_topic(self, topic):
        self.call("delete_topic", topic=topic)

    def add_partitions(self, topic, partitions):
        """Raises their number to `partitions`."""
        self.call("add_partitions", topic=topic, partitions=partitions)

    def delete_records(self, topic, partition, before):
        """As retention does: the partition then starts at offset `before`."""
        self.call("delete_records", topic=topic, partition=partition, before=before)

    def offsets(self, topic, isolation=COMMITTED):
        """[(first, end), ...] by partition; read_committed ends before the first open transaction.
        """
        found, _ = self.call("offsets", topic=topic, isolation=isolation)
        return [tuple(pair) for pair in found]

    def ends(self, topic, isolation=COMMITTED):
        return [end for _, end in self.offsets(topic, isolation)]

    def settle(self, topic):
        """Waits until no transaction is open on a topic: partitions are told of an end only after
        the producer is."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.ends(topic) != self.ends(topic, UNCOMMITTED):
            if time.monotonic() > deadline:
                raise RuntimeError(f"a transaction on {topic} does not end")
            time.sleep(0.02)

    def committed(self, group):
        """{"topic-partition": offset}"""
        return self.call("committed", group=group)[0]

    def allow(self, user, kind, name, *operations):
        """Lets a user do "read", "write", "describe", ... to a "topic", "group", "cluster" or
        "transactional_id"."""
        self.call("allow", user=user, type=kind, name=name, operations=operations)

    # Records

    def consume(self, topic, isolation=COMMITTED, settings=None):
        """All that a topic holds at the moment, partition by partition in order of offsets."""
        _, found = self.call("consume", topic=topic, isolation=isolation, settings=settings or {})
        records = [Record(_bytes(one["value"]), _bytes(one["key"]), one["partition"],
                          one["timestamp"], [(k, _bytes(v)) for k, v in one["headers"]],
                          one["offset"]) for one in found]
        return sorted(records, key=lambda record: (record.partition, record.offset))

    def produce(self, topic, records, transaction=None, end="commit", settings=None):
        """Writes records, or bare values; returns their [(partition, offset), ...].

        `transaction` is an id; its transaction goes on where an earlier call left it with
        end="open", and ends with "commit" or "abort". `settings` are those of a Java producer,
        such as {"compression.type": "zstd"}.
        """
        sent = []
        for record in records:
            if not isinstance(record, Record):
                record = Record(record)
            sent.append({"value": _text(record.value), "key": _text(record.key),
                         "partition": record.partition, "timestamp": record.timestamp,
                         "headers": [[k, _text(v)] for k, v in record.headers]})
        places, _ = self.call("produce", topic=topic, records=sent, transaction=transaction,
                              end=end, settings=settings or {})
        return [tuple(place) for place in places]


class Kcat:
    """kcat, the client of the command line, with the settings of one user."""

    # kcat takes these between keys, values and records; the bytes that are sent must not have them.
    BETWEEN_RECORDS, AFTER_KEY = b"\x1e<next>\x1e", b"\x1f<key>\x1f"

    def __init__(self, brokers, settings=None):
        java.need("kcat")
        self.common = ["-b", brokers]
        for name, value in (settings or {}).items():
            self.common += ["-X", f"{name}={value}"]

    def run(self, *arguments, stdin=b""):
        done = subprocess.run(["kcat", *self.common, *map(str, arguments)], input=stdin,
                              capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"kcat {arguments} ended with {done.returncode}:\n"
                               f"{done.stderr.decode(errors='replace')}")
        return done.stdout

    def produce(self, topic, records, partition=None, options=()):
        """Writes bare values, or Records of which value and key are taken; all to one partition, or
        by their keys."""
        records = [record if isinstance(record, Record) else Record(record) for record in records]
        keyed = any(record.key is not None for record in records)
        text = []
        for record in records:
            parts = [record.key or b"", record.value] if keyed else [record.value]
            for part in parts:
                if self.BETWEEN_RECORDS in part or self.AFTER_KEY in part:
                    raise ValueError("these bytes are what kcat tells records and keys apart by")
            text.append(self.AFTER_KEY.join(parts))
        arguments = ["-P", "-t", topic, "-D", self.BETWEEN_RECORDS.decode(), *options]
        if keyed:
            arguments += ["-K", self.AFTER_KEY.decode()]
        if partition is not None:
            arguments += ["-p", partition]
        self.run(*arguments, stdin=self.BETWEEN_RECORDS.join(text))

    def consume(self, topic, isolation=COMMITTED, options=()):
        """All that a topic holds at the moment, partition by partition in order of offsets."""
        out = self.run("-C", "-t", topic, "-o", "beginning", "-e", "-q",
                       "-X", f"isolation.level={isolation}", "-X", "fetch.wait.max.ms=20",
                       "-f", "%p %o %T %K %S\n%k%s", *options)
        records, at = [], 0
        while at < len(out):
            line_end = out.index(b"\n", at)
            partition, offset, time_ms, key_bytes, value_bytes = map(int, out[at:line_end].split())
            at = line_end + 1
            key = value = None
            if key_bytes >= 0:
                key, at = out[at:at + key_bytes], at + key_bytes
            if value_bytes >= 0:
                value, at = out[at:at + value_bytes], at + value_bytes
            records.append(Record(value, key, partition, time_ms, [], offset))
        return sorted(records, key=lambda record: (record.partition, record.offset))
