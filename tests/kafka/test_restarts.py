"""Brokers that go away amid a run and come back, and runs that get into each other's way: nothing
is lost, nothing is there twice."""

import time

from tests.cli.nightly import Job, date_of, events_of_days
from tests.cli.support import CONFIG, DONE, RETRY, digests, rows_of
from tests.kafka.broker import Broker
from tests.kafka.clients import UNCOMMITTED
from tests.kafka.encodings import OPTIONS, records_of
from tests.kafka.kafka_requests import FETCH, KEYS, Stopped
from tests.kafka.test_emit import TABLES, EmitTest
from tests.kafka.test_ingest import same_but_arrival

# Short batches, of which one comes at a time.
READS_SLOWLY = ("-X", "fetch.message.max.bytes=1", "-X", "queued.min.messages=1")
SENDS_SLOWLY = ("-X", "batch.num.messages=50")
# A node that was killed is let in again when its session is over.
SESSION_MS = 3000


class RestartTest(EmitTest):
    """The broker is the class's own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(settings={"broker.session.timeout.ms": SESSION_MS})
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()
        cls.peer = cls.broker.peer

    def setUp(self):
        super().setUp()
        self.events = events_of_days(41, 1, count=3000)
        self.reference = self.job("reference", self.events)
        self.reference.run(0)

    def restart_amid(self, stopped, end):
        """The broker goes away while the run stands still, and comes back when that goes on."""
        with stopped:
            end()
            stopped.go_on()
            time.sleep(0.5)
            self.broker.start()
            result = stopped.end()
            self.assertEqual(result.code, DONE, str(result))

    def test_a_broker_that_restarts_while_it_is_read_loses_and_doubles_nothing(self):
        topic = self.new_topic(partitions=3)
        self.peer.produce(topic, records_of(self.events, "json"), settings={"batch.size": "2000"})
        files, out = self.folder / "files", self.folder / "out"
        self.succeed("ties", self.logs, "-o", files)
        run = ["ties", "--brokers", self.broker.brokers, "--topic", topic, *OPTIONS["json"],
               *READS_SLOWLY, "-o", out]
        for end in (self.broker.stop, self.broker.kill):
            with self.subTest(end=end.__name__):
                self.restart_amid(Stopped(run, FETCH, 9), end)
                self.assertEqual(same_but_arrival(out), same_but_arrival(files))

    def restart_amid_sending(self, request, number, action):
        job = Job(self, "sent", self.logs, *self.sink, *SENDS_SLOWLY)
        self.restart_amid(Stopped(job.arguments("run", "--date", date_of(0)), KEYS[request],
                                  number, action), self.broker.kill)
        self.assertEqual(job.tables(), self.reference.tables())
        self.assertEqual(self.outboxes(job), [])
        self.assertEmitted(job, (0,))

    def test_a_broker_that_crashes_amid_a_transaction_gets_each_row_once(self):
        self.restart_amid_sending("Produce", 4, "stop-before")

    def test_a_broker_that_crashes_while_it_commits_gets_each_row_once(self):
        self.restart_amid_sending("EndTxn", 1, "stop-after")


class TwoRunsTest(EmitTest):
    def setUp(self):
        super().setUp()
        self.events = events_of_days(42, 2)
        self.topic = self.new_topic(partitions=2)
        self.peer.produce(self.topic, records_of(self.events, "json"))
        self.source = ("--topic", self.topic, *OPTIONS["json"])

    def in_topics(self, isolation=UNCOMMITTED):
        return {table: self.peer.consume(self.prefix + table, isolation) for table in TABLES}

    def test_a_second_run_of_the_same_state_is_refused_and_changes_nothing(self):
        job = Job(self, "job", [], *self.sink, *self.source)
        for day, key in ((0, FETCH), (1, KEYS["EndTxn"])):
            with Stopped(job.arguments("run", "--date", date_of(day)), key) as first:
                before = digests(self.folder), self.in_topics()
                job.refused(RETRY, day, str(job.state))
                job.refused(RETRY, 1 - day, str(job.state))
                self.assertEqual(before, (digests(self.folder), self.in_topics()))
                first.go_on()
                result = first.end()
                self.assertEqual(result.code, DONE, str(result))
        self.assertEmitted(job, range(2))

    def test_a_run_that_another_one_has_fenced_off_says_so_and_sends_nothing(self):
        for request in ("AddPartitionsToTxn", "EndTxn"):
            with self.subTest(at=request):
                self.make_sink()
                one = Job(self, f"one-{request}", [], *self.sink, *self.source)
                two = self.job(f"two-{request}", events_of_days(43, 1), *self.sink)
                with Stopped(one.arguments("run", "--date", date_of(0)), KEYS[request]) as first:
                    two.run(0)
                    first.go_on()
                    result = first.end()
                self.assertEqual(result.code, RETRY, str(result))
                self.assertIn("another run with this transactional id", result.err)
                self.assertEmitted(two, (0,))
                self.assertEqual(len(rows_of(one.folder(0) / "quality.csv")),
                                 len(rows_of(two.folder(0) / "quality.csv")))
                # Its rows wait; they are of another history than what the topics hold.
                self.assertNotEqual(self.outboxes(one), [])
                one.refused(CONFIG, 0, ["another history", "--emit-prefix"])
                self.assertEmitted(two, (0,))
