"""A real Apache Kafka broker for one test or one command: a single KRaft node on loopback.

    python3 tests/kafka/broker.py [--folder DIR] [--topic NAME:PARTITIONS]... -- COMMAND [ARG...]

runs COMMAND with TIEFLOW_BROKERS=127.0.0.1:port in its environment and ends with its exit code.
Topics are made as asked for, others as they are first used, with one partition.
The ports are free ones, and nothing listens on any other address. Whatever happens, SIGKILL
included, no broker stays behind; its data, a folder of its own below DIR, goes when it ends.

Kafka comes from Maven the first time, into TIEFLOW_CACHE (default build/maven), which then also
keeps our helpers, compiled, and the archive of loaded classes that makes later starts quick.
"""

import argparse
import contextlib
import errno
import hashlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # as a script: import from the root of the repository, like the tests
    sys.path[0] = str(ROOT)

from tests.cli.support import CACHE  # noqa: E402
from tests.kafka.clients import Peer  # noqa: E402
from tests.tools import java  # noqa: E402
from tests.tools.scratch import scratch_parent  # noqa: E402

KAFKA_VERSION = "3.9.2"
SLF4J_VERSION = "1.7.36"
CLUSTER_ID = "dGllZmxvdy1jbHVzdGVyMQ"  # any 16 bytes in base64
SOURCES = [ROOT / "tests" / "kafka" / name for name in ("KafkaNode.java", "KafkaPeer.java")]
HOST = "127.0.0.1"
# Below the range that the kernel gives to outgoing connections, so that none takes the port of a
# broker that is being restarted.
PORTS = range(20_000, 30_000)
START_TIMEOUT_S = 90
STARTED = "Kafka Server started"
IN_USE = "Address already in use"

# One user who may do everything, and others who may do what Peer.allow() lets them.
ADMIN = "admin"
PASSWORDS = {ADMIN: "admin-secret", "reader": "reader-secret", "writer": "writer-secret"}
PROTOCOLS = {None: "PLAINTEXT", "sasl": "SASL_PLAINTEXT", "sasl_ssl": "SASL_SSL"}
STORE_PASSWORD = "store-secret"

# As little as one node needs, and a long session: its only member must not be shut out because the
# machine is busy. (One that was killed is let in again when its old session is over.)
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "broker.session.timeout.ms": 18000,
    "broker.heartbeat.interval.ms": 500,
    "num.network.threads": 2,
    "num.io.threads": 2,
    "background.threads": 2,
    "log.cleaner.enable": "false",
}

LOG4J = """\
log4j.rootLogger=WARN, out
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.target=System.err
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
"""


def say(text):
    print(f"broker: {text}", file=sys.stderr, flush=True)


def kafka_class_path():
    """Kafka, all that it needs, and our helpers; fetched and compiled where they are not yet."""
    java.need("java")
    jars = CACHE / f"kafka-{KAFKA_VERSION}"
    if not jars.is_dir():
        say(f"fetching Apache Kafka {KAFKA_VERSION} through Maven into {CACHE}")
    java.fetch(jars, f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
               f"org.slf4j:slf4j-reload4j:{SLF4J_VERSION}")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:12]
    helpers = java.compile_jar(CACHE / f"kafka-{KAFKA_VERSION}-helpers-{digest}", SOURCES, jars)
    return java.class_path(helpers, jars), helpers / "classes.jsa"


def free_ports(count):
    """Ports of the range that nothing listens on at the moment."""
    found = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(errno.EADDRINUSE, f"no free port in {PORTS}")


def write_properties(path, properties):
    lines = (f"{name}={value}\n" for name, value in properties.items())
    path.write_text("".join(lines), encoding="utf-8")
    return path


def plain_login(user, *users):
    """The line by which Java logs in; for a listener also those whom it knows."""
    known = "".join(f' user_{name}="{PASSWORDS[name]}"' for name in users)
    return ("org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="{user}" password="{PASSWORDS[user]}"{known};')


class Broker:
    """One node, its data, and a Java client to talk to it: `with Broker() as broker: ...`.

    `security` is None, "sasl" (passwords, and permissions by user) or "sasl_ssl" (the same under a
    certificate of its own). `settings` are added to the node's. Belongs to the thread that starts
    it. Raises java.Unavailable where Kafka cannot be had.
    """

    def __init__(self, folder=None, security=None, auto_create=True, settings=None):
        self.class_path, self.archive = kafka_class_path()
        if folder is not None:
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="broker-",
                                                    dir=folder or scratch_parent())).resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "broker.log"
        self.security = security
        self.settings = {"auto.create.topics.enable": str(auto_create).lower(), **(settings or {})}
        self.port = None
        self.process = None
        self.training = None
        self._peer = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def brokers(self):
        return f"{HOST}:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    # The node

    def start(self):
        """Returns when the node answers. Ports and data stay what they were in earlier starts."""
        first = self.port is None
        for attempt in range(3):
            if first:
                shutil.rmtree(self.data, ignore_errors=True)
                self.configure(*free_ports(2))
            self.process = java.Process(self.java_arguments(), self.log)
            try:
                self.process.wait_until(lambda: STARTED in self.process.output(), START_TIMEOUT_S)
                return
            except RuntimeError as error:  # somebody was quicker to take the port
                if not first or attempt == 2 or IN_USE not in str(error):
                    raise

    def configure(self, port, controller_port):
        self.port = port
        protocol = PROTOCOLS[self.security]
        settings = {
            **SETTINGS,
            "controller.quorum.voters": f"1@{HOST}:{controller_port}",
            "listeners": f"CLIENT://{self.brokers},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": f"CLIENT://{self.brokers}",
            "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,CLIENT:{protocol}",
            "log.dirs": self.data,
        }
        if self.security is not None:
            settings |= {
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.client.plain.sasl.jaas.config": plain_login(ADMIN, *PASSWORDS),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # The controller listens without passwords, to the node itself.
                "super.users": f"User:{ADMIN};User:ANONYMOUS",
            }
        if self.security == "sasl_ssl":
            settings |= self.make_certificate()
        write_properties(self.folder / "server.properties", settings | self.settings)
        (self.folder / "log4j.properties").write_text(LOG4J, encoding="utf-8")

    def java_arguments(self):
        """The first node ever writes down, when it ends, which classes it had loaded; later ones
        map that archive and start in half the time."""
        self.training = None
        archive = f"-XX:SharedArchiveFile={self.archive}"
        if not self.archive.exists():
            self.training = self.archive.with_suffix(f".{os.getpid()}")
            archive = f"-XX:ArchiveClassesAtExit={self.training}"
        return [archive, "-Xlog:cds=off", "-Xlog:cds+dynamic=off", "-Xmx512m",
                f"-Dlog4j.configuration=file:{self.folder}/log4j.properties",
                "-cp", self.class_path, "KafkaNode", self.folder / "server.properties", CLUSTER_ID]

    def make_certificate(self):
        """A key and its certificate, signed by itself; returns the settings of the listener."""
        store, password = self.folder / "store.p12", ["-storepass", STORE_PASSWORD]
        if not store.exists():
            java.need("keytool")
            subprocess.run(["keytool", "-genkeypair", "-alias", "node", "-keyalg", "EC", "-dname",
                            f"CN={HOST}", "-ext", f"SAN=ip:{HOST}", "-keystore", store,
                            *password], check=True, capture_output=True)
            subprocess.run(["keytool", "-exportcert", "-rfc", "-alias", "node", "-keystore", store,
                            "-file", self.certificate, *password], check=True, capture_output=True)
        return {"ssl.keystore.location": store, "ssl.keystore.password": STORE_PASSWORD,
                "ssl.truststore.location": self.certificate, "ssl.truststore.type": "PEM"}

    def stop(self):
        """An orderly end: all is on disk, and the next start finds it."""
        if self.process is None:
            return
        self.process.stop()
        self.process = None
        if self.training is not None and self.training.exists():
            self.training.rename(self.archive)

    def kill(self):
        """The end that a crash is."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Stops what runs and removes the data."""
        try:
            self.close_peer()
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Clients

    @property
    def certificate(self):
        """The file of the certificate that clients are to trust, of a broker with one."""
        return self.folder / "node.pem"

    def client_settings(self, user=ADMIN, password=None):
        """Settings of librdkafka by which a user logs in: for -X of kcat and tieflow."""
        if self.security is None:
            return {}
        settings = {"security.protocol": PROTOCOLS[self.security].lower(),
                    "sasl.mechanisms": "PLAIN", "sasl.username": user,
                    "sasl.password": PASSWORDS.get(user, "") if password is None else password}
        if self.security == "sasl_ssl":
            settings["ssl.ca.location"] = str(self.certificate)
        return settings

    @property
    def peer(self):
        """The Java client, as a user who may do everything; started when first asked for."""
        if self._peer is None:
            properties = {"bootstrap.servers": self.brokers,
                          "security.protocol": PROTOCOLS[self.security]}
            if self.security is not None:
                properties |= {"sasl.mechanism": "PLAIN", "sasl.jaas.config": plain_login(ADMIN)}
            if self.security == "sasl_ssl":
                properties |= {"ssl.truststore.location": self.certificate,
                               "ssl.truststore.type": "PEM"}
            path = write_properties(self.folder / "client.properties", properties)
            archive = [f"-XX:SharedArchiveFile={self.archive}"] if self.archive.exists() else []
            self._peer = Peer([*archive, "-Xlog:cds=off", "-Xlog:cds+dynamic=off", "-Xmx512m",
                               f"-Dlog4j.configuration=file:{self.folder}/log4j.properties",
                               "-cp", self.class_path, "KafkaPeer", path],
                              self.folder / "peer.log")
        return self._peer

    def close_peer(self):
        """Ends the Java client; `peer` starts another."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def warm_up(self):
        """Makes a producer's first hello, for which Kafka sets up topics of its own and tells the
        producer to wait; not what somebody who tries the command should see."""
        self.peer.produce("", [], transaction="warm-up", end="abort")

    # Data at rest

    def segments(self, topic, partition):
        """The files of a partition's records, oldest first. Change them while the node is stopped.
        """
        return sorted((self.data / f"{topic}-{partition}").glob("*.log"))


def name_and_partitions(text):
    name, _, partitions = text.rpartition(":")
    if not name or not partitions.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not NAME:PARTITIONS")
    return name, int(partitions)


def run_command(broker, command):
    """Runs a command beside the broker; the end of the command is our own."""
    environment = dict(os.environ, TIEFLOW_BROKERS=broker.brokers)
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        return 127
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return code if code >= 0 else 128 - code


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end(number, _frame):
    """The first signal unwinds the stack, so that the broker is stopped; others wait for that."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--folder", help="where the broker's data is for a while")
    parser.add_argument("--topic", action="append", default=[], type=name_and_partitions)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for number in SIGNALS:
        signal.signal(number, end)
    try:
        with Broker(options.folder) as broker:
            for name, partitions in options.topic:
                broker.peer.create_topic(name, partitions)
            broker.warm_up()
            broker.close_peer()
            say(f"Apache Kafka {KAFKA_VERSION} listens on {broker.brokers}")
            return run_command(broker, options.command)
    except java.Unavailable as error:
        say(error)
        return 69


if __name__ == "__main__":
    sys.exit(main())
