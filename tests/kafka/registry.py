"""A schema registry that is not ours: Apicurio, which also speaks the protocol of Confluent's.

It keeps schemas in memory, listens on loopback alone, and ends with the tests. It takes seconds to
start; what a registry does when it is out of order, registry_stub.py can show.
"""

import json
import pathlib
import shutil
import tempfile
import urllib.error
import urllib.request

from tests.cli.support import CACHE
from tests.kafka.broker import HOST, free_ports
from tests.tools import java
from tests.tools.scratch import scratch_parent

VERSION = "3.0.9"  # the last that Java 17 runs
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
API = "apis/ccompat/v7"
START_TIMEOUT_S = 120
REQUEST_TIMEOUT_S = 30
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class Client:
    """The two calls of the protocol by which tests prepare and look up schemas."""

    def __init__(self, url):
        self.url = url

    def call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data, {"Content-Type": MEDIA_TYPE})
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
            return json.load(answer)

    def register(self, subject, schema):
        """Returns the id of a schema text, which is the old one where the registry has it."""
        return self.call(f"subjects/{subject}/versions", {"schema": schema})["id"]

    def schema(self, number):
        return self.call(f"schemas/ids/{number}")["schema"]

    def subjects(self):
        return sorted(self.call("subjects"))


class Registry(Client):
    """`with Registry() as registry: ... registry.url ...`. Belongs to the thread that starts it.
    Raises java.Unavailable where Apicurio cannot be had."""

    def __init__(self):
        java.need("java")
        self.program = java.fetch_archive(CACHE / f"apicurio-registry-{VERSION}", ARTIFACT)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-", dir=scratch_parent()))
        self.process = None
        super().__init__(None)

    def __enter__(self):
        port, = free_ports(1)
        self.url = f"http://{HOST}:{port}/{API}"
        try:
            self.process = java.Process(
                ["-Xmx384m", f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={port}", "-jar",
                 self.program / f"apicurio-registry-app-{VERSION}-runner.jar"],
                self.folder / "registry.log", cwd=self.folder)
            self.process.wait_until(self.answers, START_TIMEOUT_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self):
        try:
            return self.subjects() is not None
        except (urllib.error.URLError, OSError):
            return False
