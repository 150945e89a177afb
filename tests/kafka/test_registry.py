"""The two registries of the tests answer alike, and the stub fails as it is told to."""

import json
import unittest
import urllib.error

from tests.cli.support import needing
from tests.kafka.registry import Client, Registry
from tests.kafka.registry_stub import StubRegistry

LONG = json.dumps({"type": "record", "name": "a", "fields": [{"name": "x", "type": "long"}]})
INT = LONG.replace("long", "int")


class BothTest(unittest.TestCase):
    def check_protocol(self, registry):
        client = Client(registry.url)
        number = client.register("ties-value", LONG)
        self.assertEqual(client.register("ties-value", LONG), number)
        self.assertEqual(client.register("others-value", LONG), number)
        other = client.register("others-value", INT)
        self.assertNotEqual(other, number)
        self.assertEqual(client.schema(number), LONG)
        self.assertEqual(client.schema(other), INT)
        self.assertEqual(client.subjects(), ["others-value", "ties-value"])
        self.refused(404, client.schema, 99)
        self.refused(422, client.register, "ties-value", '{"type":"reco')

    def refused(self, status, call, *arguments):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.code, status)
        self.assertIn("error_code", json.load(caught.exception))
        caught.exception.close()

    def test_apicurio_speaks_the_protocol(self):
        with needing("no registry of others is tested against"):
            registry = Registry()
        with registry:
            self.check_protocol(registry)
        self.assertIsNotNone(registry.process.process.returncode)
        self.assertFalse(registry.folder.exists())

    def test_the_stub_speaks_the_protocol(self):
        with StubRegistry() as registry:
            self.check_protocol(registry)

    def test_the_stub_counts_what_it_is_asked(self):
        with StubRegistry(first_id=7) as registry:
            self.assertEqual(registry.register("ties-value", LONG), 7)
            client = Client(registry.url)
            self.assertEqual(client.schema(7), LONG)
            self.refused(404, client.schema, 8)
            self.assertEqual(registry.requests, ["GET /schemas/ids/7", "GET /schemas/ids/8"])

    def test_the_stub_fails_as_often_as_it_is_told_to(self):
        with StubRegistry() as registry:
            registry.register("ties-value", LONG)
            registry.fail, registry.failure = 2, 503
            client = Client(registry.url)
            self.refused(503, client.schema, 1)
            self.refused(503, client.schema, 1)
            self.assertEqual(client.schema(1), LONG)

    def test_the_stub_lets_in_only_those_who_log_in(self):
        with StubRegistry(login=("user", "p@ss")) as registry:
            self.refused(401, Client(registry.url).subjects)
            self.assertIn("user:p%40ss@", registry.url_with_login)
