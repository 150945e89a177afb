"""The harness itself: what the other tests take for granted of the broker and of its clients."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from tests.cli.support import ROOT, flip_bit
from tests.kafka.clients import UNCOMMITTED, Kcat, PeerError, Record
from tests.kafka.support import BrokerTest

SCRIPT = ROOT / "tests" / "kafka" / "broker.py"
PATIENCE_S = 60


def values(records):
    return [record.value for record in records]


def is_running(pid):
    """True for a process that is there and not a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class ClientsTest(BrokerTest):
    def test_what_java_produces_java_and_kcat_read_back(self):
        topic = self.new_topic(partitions=3)
        sent = [Record(bytes([i, 0, 255]) * i, key=b"k%d" % i, partition=i % 3,
                       timestamp=1_767_225_600_000 + i, headers=[("h", b"\0\xff"), ("h", b"")])
                for i in range(10)]
        places = self.peer.produce(topic, sent)
        self.assertEqual(places, [(i % 3, i // 3) for i in range(10)])
        expected = []
        for record, (partition, offset) in zip(sent, places):
            expected.append(Record(record.value, record.key, partition, record.timestamp,
                                   record.headers, offset))
        expected.sort(key=lambda record: (record.partition, record.offset))
        self.assertEqual(self.peer.consume(topic), expected)
        for record in expected:
            record.headers = []
        self.assertEqual(self.kcat.consume(topic), expected)

    def test_what_kcat_produces_java_reads_back_bytes_keys_and_all(self):
        topic = self.new_topic()
        every_byte = bytes(range(256))
        sent = [Record(b"\0\0\0\0\1" + every_byte, key=b"1:2"), Record(b"\n\n", key=b"\n"),
                Record(b"{}", key=every_byte)]
        self.kcat.produce(topic, sent, partition=0)
        read = self.peer.consume(topic)
        self.assertEqual([(record.key, record.value) for record in read],
                         [(record.key, record.value) for record in sent])
        self.kcat.produce(topic, [b"no key", b"\n"], partition=0)
        self.assertEqual([(record.key, record.value) for record in self.peer.consume(topic)[3:]],
                         [(None, b"no key"), (None, b"\n")])

    def test_a_value_may_be_null_and_a_key_empty(self):
        topic = self.new_topic()
        self.peer.produce(topic, [Record(None, key=b""), Record(b"")])
        for read in (self.peer.consume(topic), self.kcat.consume(topic)):
            self.assertEqual([(record.key, record.value) for record in read],
                             [(b"", None), (None, b"")])

    def test_every_compression_reads_back(self):
        for kind in ("none", "gzip", "snappy", "lz4", "zstd"):
            topic = self.new_topic()
            sent = [b"again and again " * 100] * 20
            self.peer.produce(topic, sent, settings={"compression.type": kind})
            self.assertEqual(values(self.kcat.consume(topic)), sent)

    def test_a_reader_of_committed_data_sees_no_aborted_record(self):
        topic = self.new_topic()
        self.peer.produce(topic, [b"a"], transaction="one")
        self.peer.produce(topic, [b"b"], transaction="one", end="abort")
        self.peer.produce(topic, [b"c"], transaction="one", end="commit")
        for client in (self.peer, self.kcat):
            self.assertEqual(values(client.consume(topic)), [b"a", b"c"])
            self.assertEqual(values(client.consume(topic, UNCOMMITTED)), [b"a", b"b", b"c"])

    def test_a_reader_of_committed_data_stops_at_an_open_transaction(self):
        topic = self.new_topic()
        self.peer.produce(topic, [b"a"])
        self.peer.produce(topic, [b"b"], transaction="two", end="open")
        self.peer.produce(topic, [b"c"])
        self.assertEqual(self.peer.ends(topic), [1])
        self.assertEqual(self.peer.ends(topic, UNCOMMITTED), [3])
        self.assertEqual(values(self.kcat.consume(topic)), [b"a"])
        self.peer.produce(topic, [b"d"], transaction="two", end="commit")
        self.assertEqual(values(self.kcat.consume(topic)), [b"a", b"b", b"c", b"d"])

    def test_deleted_records_are_gone_and_offsets_stay(self):
        topic = self.new_topic()
        self.peer.produce(topic, [b"a", b"b", b"c"])
        self.peer.delete_records(topic, 0, 2)
        self.assertEqual(self.peer.offsets(topic), [(2, 3)])
        self.assertEqual([(one.offset, one.value) for one in self.kcat.consume(topic)], [(2, b"c")])

    def test_topics_come_and_go_and_none_is_made_by_asking(self):
        topic = self.new_topic(configs={"max.message.bytes": "1000"})
        self.assertIn(topic, self.peer.topics())
        with self.assertRaisesRegex(PeerError, "RecordTooLarge"):
            self.peer.produce(topic, [bytes(2000)])
        self.peer.delete_topic(topic)
        self.assertNotIn(topic, self.peer.topics())
        with self.assertRaisesRegex(RuntimeError, "(?i)unknown topic"):
            self.kcat.consume(topic)

    def test_what_a_group_commits_can_be_looked_up(self):
        topic = self.new_topic(partitions=2)
        self.peer.produce(topic, [Record(b"x", partition=1)] * 5)
        self.kcat.run("-G", f"{topic}-readers", "-X", "auto.offset.reset=earliest", "-c", 3, topic)
        self.assertEqual(self.peer.committed(f"{topic}-readers"), {f"{topic}-1": 3})


class LifeTest(BrokerTest):
    def test_restart_and_crash_keep_address_and_data(self):
        broker = self.own_broker(settings={"broker.session.timeout.ms": 4000})
        topic = self.new_topic(broker=broker)
        address, kcat = broker.brokers, Kcat(broker.brokers)
        broker.peer.produce(topic, [b"a"], transaction="t")
        for end in (broker.stop, broker.kill):
            pid = broker.pid
            end()
            self.assertFalse(is_running(pid))
            broker.start()
            self.assertEqual(broker.brokers, address)
            self.assertEqual(values(kcat.consume(topic)), [b"a"])
            self.assertEqual(values(broker.peer.consume(topic)), [b"a"])

    def test_closing_leaves_neither_process_nor_folder(self):
        broker = self.own_broker()
        self.assertEqual(broker.peer.topics(), [])
        pids = [broker.pid, broker.peer.java.pid]
        self.assertTrue(all(map(is_running, pids)) and broker.folder.is_dir())
        broker.close()
        self.assertFalse(any(map(is_running, pids)) or broker.folder.exists())

    def test_a_flipped_bit_at_rest_reaches_the_reader(self):
        broker = self.own_broker()
        topic = self.new_topic(broker=broker)
        broker.peer.produce(topic, [b"a" * 100])
        broker.stop()
        segment, = broker.segments(topic, 0)
        flip_bit(segment, segment.stat().st_size - 10)
        broker.start()
        with self.assertRaisesRegex(PeerError, "(?i)corrupt"):
            broker.peer.consume(topic)

    def test_topics_are_made_by_producing_where_that_is_asked_for(self):
        broker = self.own_broker(auto_create=True, settings={"num.partitions": 2})
        broker.peer.produce("fresh", [b"a"])
        self.assertEqual(len(broker.peer.offsets("fresh")), 2)

    def test_a_setting_that_kafka_refuses_is_an_error_with_its_reason(self):
        with self.assertRaisesRegex(RuntimeError, "num.io.threads"):
            self.own_broker(settings={"num.io.threads": -1})


class SecurityTest(BrokerTest):
    def check_passwords_and_permissions(self, security):
        broker = self.own_broker(security=security)
        topic = self.new_topic(broker=broker)
        broker.peer.produce(topic, [b"a"])
        broker.peer.allow("reader", "topic", topic, "read")

        def kcat(user, password=None):
            return Kcat(broker.brokers, broker.client_settings(user, password))

        self.assertEqual(values(kcat("reader").consume(topic)), [b"a"])
        with self.assertRaisesRegex(RuntimeError, "(?i)authorization failed"):
            kcat("reader").produce(topic, [b"b"])
        with self.assertRaisesRegex(RuntimeError, "(?i)authorization failed"):
            kcat("writer").consume(topic)
        with self.assertRaisesRegex(RuntimeError, "(?i)authentication"):
            kcat("reader", "wrong").run("-L", "-m", 5)
        broker.restart()
        self.assertEqual(values(kcat("reader").consume(topic)), [b"a"])

    def test_passwords_and_permissions(self):
        self.check_passwords_and_permissions("sasl")

    def test_passwords_and_permissions_under_tls(self):
        self.check_passwords_and_permissions("sasl_ssl")

    def test_an_unknown_certificate_is_refused_by_the_client(self):
        broker = self.own_broker(security="sasl_ssl")
        settings = broker.client_settings()
        del settings["ssl.ca.location"]
        with self.assertRaisesRegex(RuntimeError, "(?i)certificate verify failed"):
            Kcat(broker.brokers, settings).run("-L", "-m", 5)


class CommandLineTest(BrokerTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def arguments(self, *command, options=()):
        return [sys.executable, SCRIPT, "--folder", self.folder / "data", *options, "--", *command]

    def assertNothingIsLeft(self):
        self.assertEqual(list((self.folder / "data").iterdir()), [])

    def test_the_command_gets_the_broker_and_gives_the_exit_code(self):
        produce = 'echo hello | kcat -P -b "$TIEFLOW_BROKERS" -t greetings'
        consume = 'kcat -C -e -q -b "$TIEFLOW_BROKERS" -t greetings'
        done = subprocess.run(self.arguments("sh", "-c", f"{produce} && {consume}; exit 3"),
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (3, "hello\n"), done.stderr)
        self.assertNothingIsLeft()

    def test_the_command_finds_the_topics_that_were_asked_for(self):
        done = subprocess.run(self.arguments("sh", "-c", 'kcat -L -J -b "$TIEFLOW_BROKERS"',
                                             options=["--topic", "connections:3"]),
                              capture_output=True, text=True, check=True)
        topics = {topic["topic"]: len(topic["partitions"])
                  for topic in json.loads(done.stdout)["topics"]}
        own = {name: count for name, count in topics.items() if not name.startswith("__")}
        self.assertEqual(own, {"connections": 3})

    def test_a_command_that_dies_or_does_not_exist_gives_the_code_that_a_shell_gives(self):
        for command, code in ((["sh", "-c", "kill -9 $$"], 128 + 9), (["/no/such/program"], 127)):
            done = subprocess.run(self.arguments(*command), capture_output=True, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertNothingIsLeft()

    def children_after(self, number):
        """Sends a signal to broker.py while its command runs; returns its exit code, the pid of the
        broker and that of the command."""
        ready = self.folder / "ready"
        process = subprocess.Popen(self.arguments("sh", "-c", f"echo $$ >{ready}; exec sleep 60"),
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + PATIENCE_S
        while not (ready.exists() and ready.read_text().endswith("\n")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        command = int(ready.read_text())
        task = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = {int(pid) for pid in task.read_text().split()}
        broker, = children - {command}
        os.kill(process.pid, number)
        return process.wait(PATIENCE_S), broker, command

    def test_signals_end_command_and_broker_in_order(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            code, *pids = self.children_after(number)
            self.assertEqual(code, 128 + number)
            self.assertFalse(any(map(is_running, pids)))
            self.assertNothingIsLeft()
            (self.folder / "ready").unlink()

    def test_even_a_killed_parent_leaves_no_broker(self):
        _, broker, command = self.children_after(signal.SIGKILL)
        os.kill(command, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while is_running(broker):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
