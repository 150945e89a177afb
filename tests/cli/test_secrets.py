"""Passwords that a user gives reach no output: neither what is printed nor a file that is written,
whatever the verb, and most of all where something is wrong.

Here nobody answers, or the settings are wrong; tests/kafka/ has brokers that refuse and take them.
"""

import concurrent.futures
import itertools
import os
import pathlib
import pty
import subprocess

from tests.cli.support import BROKER, CONFIG, RETRY, TIEFLOW, USAGE, CommandTest

NOBODY = "127.0.0.1:1"
# The word of every secret; percent-encoded as in a URL, and behind a sign that splits texts.
HUSH = "hush"
REGISTRY = f"http://me:{HUSH}%40-1@{NOBODY}"
SETTINGS = (f"sasl.password={HUSH}-2", "sasl.username=me", "sasl.mechanism=PLAIN",
            "security.protocol=sasl_plaintext", f"ssl.key.password={HUSH}-3",
            f"ssl.keystore.password={HUSH} = 4")
MISTAKES = (("-X", f"sasl.pasword={HUSH}"), ("-X", f"{HUSH}"), ("-X", f"={HUSH}"),
            ("-X", f"sasl.password:{HUSH}"), ("-X", f"ssl.key.pem={HUSH}"),
            ("-X", f"ssl.keystore.password={HUSH}", "-X", f"ssl.keystore.location=/{NOBODY}"),
            ("--registry", f"hush://me:{HUSH}@{NOBODY}".replace("hush:", "ftp:")),
            ("--registry", f"http://me:{HUSH}@{NOBODY}/?x=1"),
            ("--registry", f"http://me:{HUSH}@"), ("--registry", f"http://me:{HUSH}@a:99999"),
            ("--registry", f"http://me:{HUSH}@a b"), ("--registry", f"me:{HUSH}@a"),
            ("--registry", f"http://me:{HUSH}@{NOBODY}#x"),
            (f"--registry=http://me:{HUSH}@{NOBODY}", "--registry", ""))


class SecretsTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log.csv"
        self.log.write_text("at,from,to\n1767225600000,1,2\n")
        self.out = self.folder / "out"
        self.state = self.folder / "state"
        self.given = self.folder / "given"  # what the user wrote
        self.given.mkdir()

    def verbs(self):
        night = ("--state", self.state, "-o", self.out)
        return (("run", "--date", "2026-01-01", *night), ("backfill", "--to", "2026-01-01", *night),
                ("import", self.log), ("check",), ("explain",), ("ties", "-o", self.out),
                ("run", "--date", "2026-01-01", "--emit", "kafka", *night))

    def assert_hushed(self, result, codes=(BROKER, CONFIG, USAGE)):
        self.assertIn(result.code, codes, str(result))
        self.assertNotIn(HUSH, result.out + result.err)
        for folder, _, files in os.walk(self.folder):
            for name in files:
                path = pathlib.Path(folder, name)
                self.assertNotIn(HUSH, name)
                self.assertTrue(self.given in path.parents or HUSH.encode() not in
                                path.read_bytes(), path)

    def ways(self):
        """The settings on the command line, in a file of the client, in a configuration."""
        client = self.given / "client.properties"
        client.write_text("\n".join(SETTINGS) + "\n")
        config = self.given / "tieflow.ini"
        config.write_text(f"brokers = {NOBODY}\nregistry = {REGISTRY}\nbroker-timeout = 1\n" +
                          "".join(f"kafka = {setting}\n" for setting in SETTINGS))
        said = ("--brokers", NOBODY, "--broker-timeout", 1, "--registry", REGISTRY)
        return (said + tuple(itertools.chain(*(("-X", setting) for setting in SETTINGS))),
                said + ("-F", client), ("--config", config))

    def all_at_once(self, commands, codes):
        """Each of them may wait for a broker."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for words, result in zip(commands, pool.map(lambda words: self.command(*words),
                                                        commands)):
                with self.subTest(command=words):
                    self.assert_hushed(result, codes)

    def test_where_nobody_answers(self):
        logs = itertools.cycle(((), ("--log", "json"), ("--quiet",)))
        self.all_at_once([(*verb, *way, *next(logs))
                          for verb, way in itertools.product(self.verbs(), self.ways())],
                         (BROKER, RETRY))

    def test_where_the_settings_are_wrong(self):
        self.all_at_once([(*verb, "--brokers", NOBODY, "--broker-timeout", 1, *mistake)
                          for verb, mistake in itertools.product(self.verbs(), MISTAKES)],
                         (BROKER, CONFIG, RETRY, USAGE))

    def test_where_a_file_is_wrong(self):
        path = self.given / "file"
        for text in (f"sasl.pasword = {HUSH}\n", f"{HUSH}\n", f"sasl.password {HUSH}\n",
                     f"kafka = {HUSH}\n", f"[run\nx = {HUSH}", f"[run]\nx={HUSH}\n",
                     f"registry = ftp://me:{HUSH}@a\n",
                     f"sasl.password = {HUSH}\n", f"kafka = sasl.password={HUSH}\nthreads = x\n",
                     f"[{HUSH}]\n", f"kafka sasl.password={HUSH}\n"):
            path.write_text(text)
            for option in ("--config", "-F"):
                with self.subTest(text=text, option=option):
                    self.assert_hushed(self.command("check", "--brokers", NOBODY,
                                                    "--broker-timeout", 1, option, path))

    def test_on_a_terminal(self):
        ours, theirs = pty.openpty()
        with subprocess.Popen([str(TIEFLOW), *map(str, self.verbs()[0] + self.ways()[0])],
                              stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL) as process:
            os.close(theirs)
            said = b""
            while True:
                try:
                    piece = os.read(ours, 4096)
                except OSError:  # the other end is gone
                    break
                said += piece
            os.close(ours)
        self.assertEqual(process.returncode, BROKER, said)
        self.assertNotIn(HUSH.encode(), said)
