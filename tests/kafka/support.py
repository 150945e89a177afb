"""What the tests with a broker share: one broker for all of them, topics of their own.

See tests/cli/support.py for the environment variables.
"""

import atexit
import itertools
import unittest

from tests.cli.support import needing
from tests.kafka.broker import Broker
from tests.kafka.clients import Kcat

NAMES = itertools.count(1)


class Shared:
    """The broker that every test may use which does not stop it."""

    broker = None

    @classmethod
    def get(cls):
        if cls.broker is None:
            broker = Broker(auto_create=False)
            atexit.register(broker.close)
            broker.start()
            cls.broker = broker
        return cls.broker


class BrokerTest(unittest.TestCase):
    """A test with a broker at hand, its Java client and kcat. Mix it into CommandTest for tests of
    the command."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with needing("nothing is tested against a Kafka broker"):
            cls.broker = Shared.get()
            cls.kcat = Kcat(cls.broker.brokers)
        cls.peer = cls.broker.peer

    def own_broker(self, **options):
        """A broker that this test may stop, or that has other settings."""
        broker = Broker(**options)
        self.addCleanup(broker.close)
        broker.start()
        return broker

    def new_topic(self, partitions=1, configs=None, broker=None):
        """A topic whose name no other test has."""
        name = f"{self._testMethodName[:60]}-{next(NAMES)}"
        (broker or self.broker).peer.create_topic(name, partitions, configs)
        return name
