"""A night from a topic into topics, disturbed at every point: killed at its calls about files and
at its requests to the broker, its calls failing. Whatever it was, the next run makes up for it:
state and tables are, byte for byte, those of a night that nobody disturbs, and whoever reads
committed records finds each row and each dead letter once.

    make soak-kafka
    TIEFLOW_KAFKA_POINTS=all python -m unittest tests.kafka.test_disturbed_nights

TIEFLOW_KAFKA_POINTS  how many points of each kind, evenly dealt out, or "all" (default 3)
"""

import dataclasses
import os
import random
import signal
import sys

from tests.cli import file_calls
from tests.cli.nightly import Job, date_of, events_of_days, first_ms
from tests.cli.rehearsal import RehearsedTest, Step, tree, visible
from tests.cli.support import DONE
from tests.cli.test_failing_calls import faults_of
from tests.kafka import kafka_requests
from tests.kafka.clients import Record
from tests.kafka.encodings import OPTIONS, records_of
from tests.kafka.kafka_requests import KEYS
from tests.kafka.test_emit import EmitTest

POINTS = os.environ.get("TIEFLOW_KAFKA_POINTS", "3")
LETTER = Record(b"no event", b"1:2")


def dealt_out(points):
    """As many of the points as are asked for."""
    count = len(points) if POINTS == "all" else min(int(POINTS), len(points))
    return [points[i * len(points) // count] for i in range(count)]


class DisturbedNightTest(RehearsedTest, EmitTest):
    """`self.step` is the night of day 1, into topics that no other night has."""

    def write_logs(self):
        self.topic = self.new_topic(partitions=3)
        events = events_of_days(40, 2, count=600)
        self.today = [event for event in events if event.at >= first_ms(1)]
        self.peer.produce(self.topic, records_of(events[:len(events) - len(self.today)], "json"))
        self.source = ("--topic", self.topic, *OPTIONS["json"], "--max-malformed", "0.5")

    def jobs(self):
        yield [Step("night", self.night(0), date_of(0))]

    def night(self, day, *sink):
        return ["run", "--state", self.job / "state", "-o", self.job / "out", "--brokers",
                self.broker.brokers, *self.source, "--date", date_of(day), *sink]

    def make_sink(self):
        super().make_sink()
        self.letters = f"{self.prefix}letters"
        self.peer.create_topic(self.letters)
        self.sink_topics.append(self.letters)
        self.sink += ("--dead-letters", self.letters)

    def setUp(self):
        super().setUp()
        self.tables = Job(self, "job", [])
        self.tables.out = self.job / "out"
        self.peer.produce(self.topic, [*records_of(self.today, "json"), LETTER])
        self.step = Step("night", self.night(1, *self.sink), date_of(1), "night 1", "night 2")
        log, self.requests = self.folder / "calls", self.folder / "requests"
        environment = file_calls.environment(self.job, log=log, kinds=self.kinds)
        environment["LD_PRELOAD"] = f"{kafka_requests.SHIM} {environment['LD_PRELOAD']}"
        environment["KAFKA_REQUESTS_LOG"] = str(self.requests)
        self.succeed(*self.step.arguments, "--threads", 1, env=environment)
        self.calls = file_calls.read_log(log)
        self.keep("night 2")
        self.assert_sent_once()

    def assert_sent_once(self):
        self.assertEmitted(self.tables, (1,))
        self.peer.settle(self.letters)
        self.assertEqual([(one.key, one.value) for one in self.peer.consume(self.letters)],
                         [(LETTER.key, LETTER.value)])

    def disturbed(self, environment):
        """Runs the night so, in topics of its own, from what was there before it."""
        self.make_sink()
        self.restore(self.step.before)
        self.step = dataclasses.replace(self.step, arguments=self.night(1, *self.sink))
        return self.command(*self.step.arguments, "--threads", 1, env=environment)

    def make_up(self):
        """The next run, and what there is then."""
        self.assert_whole(self.step)
        self.succeed(*self.step.arguments)
        self.assert_undisturbed(self.step)
        self.assert_sent_once()

    def told(self, count, all_of_them, what):
        print(f"\n{count} of {all_of_them} {what}", file=sys.stderr, flush=True)


class KillsAtFilesTest(DisturbedNightTest):
    def test_nights_killed_at_their_calls_about_files_take_and_send_each_row_once(self):
        points = [(call, action) for call in self.calls
                  for action in ("kill-before", "kill-amid", "kill-after")
                  if action != "kill-amid" or call.name in file_calls.WRITES]
        chosen = dealt_out(points)
        for call, action in chosen:
            with self.subTest(point=f"{action} {call}"):
                result = self.disturbed(file_calls.environment(self.job, first=call.number,
                                                               action=action))
                self.assertEqual(result.code, -signal.SIGKILL, str(result))
                self.make_up()
        self.told(len(chosen), len(points), "kills at calls about files")


class KillsAtRequestsTest(DisturbedNightTest):
    def test_nights_killed_at_their_requests_take_and_send_each_row_once(self):
        keys = [int(line) for line in self.requests.read_text(encoding="utf-8").split()]
        self.assertLessEqual(set(KEYS.values()), set(keys), "a night has requests of every kind")
        points = [(name, number, action) for name, key in KEYS.items()
                  for number in range(1, keys.count(key) + 1)
                  for action in ("kill-before", "kill-after", "kill-late")]
        # The end of the transaction is where it matters most: never left out.
        random.Random(1).shuffle(points)
        points.sort(key=lambda point: point[0] != "EndTxn")
        chosen = points if POINTS == "all" else points[:int(POINTS)]
        killed = 0
        for name, number, action in chosen:
            with self.subTest(point=f"{action} {name} {number}"):
                result = self.disturbed(kafka_requests.environment(KEYS[name], number, action))
                # How many there are depends on the broker's timing, too.
                self.assertIn(result.code, (-signal.SIGKILL, DONE), str(result))
                killed += result.code != DONE
                self.make_up()
        self.assertGreater(killed, len(chosen) // 2)
        self.told(killed, len(points), "kills at requests")


class FailingCallsTest(DisturbedNightTest):
    kinds = file_calls.ALL_KINDS

    def test_nights_whose_calls_about_files_fail_take_and_send_each_row_once(self):
        faults = [(call, error) for call in self.calls
                  for error, is_for_good in faults_of(call) if not is_for_good]
        chosen = dealt_out(faults)
        for call, error in chosen:
            with self.subTest(call=str(call), error=error):
                result = self.disturbed(file_calls.environment(
                    self.job, kinds=self.kinds, first=call.number, action="fail", error=error))
                if result.code == DONE:
                    self.assertEqual(visible(tree(self.job)), visible(self.kept["night 2"]))
                self.make_up()
        self.told(len(chosen), len(faults), "failures of calls")
