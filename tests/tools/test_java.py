"""java.py with a Maven that is made up: what was fetched is whole, or is not there."""

import concurrent.futures
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import java

# The folder to fill, whatever comes before it.
FOLDER = 'for argument; do folder=${argument#-DoutputDirectory=}; done'


class Fetch(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.bin = pathlib.Path(scratch.name) / "bin"
        self.bin.mkdir()
        self.cache = pathlib.Path(scratch.name) / "cache"
        self.folder = self.cache / "kafka-1.0"
        self.command("java", "")

    def command(self, name, body):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def fetch(self):
        with mock.patch.dict(os.environ, {"PATH": f"{self.bin}:/usr/bin:/bin"}):
            return java.fetch(self.folder, "group:name:1.0", "group:other:2.0")

    def test_what_maven_copies_is_there_under_its_name_and_nothing_else(self):
        self.command("mvn", f'{FOLDER}; touch "$folder/b.jar" "$folder/a.jar"')
        self.assertEqual(self.fetch(), self.folder)
        self.assertEqual(os.listdir(self.cache), ["kafka-1.0"])
        self.assertEqual(java.class_path(self.folder), f"{self.folder}/a.jar:{self.folder}/b.jar")

    def test_maven_is_asked_for_all_artifacts_once(self):
        log = self.bin / "log"
        self.command("mvn", f'{FOLDER}; cat "$4" >>{log}; touch "$folder/a.jar"')
        self.fetch()
        self.fetch()
        asked = log.read_text()
        self.assertEqual(asked.count("<project"), 1)
        self.assertIn("<artifactId>name</artifactId><version>1.0</version>", asked)
        self.assertIn("<artifactId>other</artifactId><version>2.0</version>", asked)

    def test_a_download_that_fails_in_the_middle_leaves_nothing_and_is_done_again(self):
        self.command("mvn", f'{FOLDER}; touch "$folder/a.jar"; echo "[ERROR] no network"; exit 1')
        with self.assertRaisesRegex(java.Unavailable, r"group:name:1.0.*no network"):
            self.fetch()
        self.assertEqual(os.listdir(self.cache), [])
        self.command("mvn", f'{FOLDER}; touch "$folder/a.jar"')
        self.assertTrue((self.fetch() / "a.jar").exists())

    def test_a_maven_that_does_nothing_has_failed(self):
        self.command("mvn", "")
        with self.assertRaises(java.Unavailable):
            self.fetch()

    def test_of_two_at_once_one_waits_for_the_other(self):
        log = self.bin / "log"
        self.command("mvn", f'{FOLDER}; echo began >>{log}; sleep 0.5; touch "$folder/a.jar"')
        with mock.patch.dict(os.environ, {"PATH": f"{self.bin}:/usr/bin:/bin"}):
            with concurrent.futures.ThreadPoolExecutor() as pool:
                both = [pool.submit(java.fetch, self.folder, "group:name:1.0") for _ in range(2)]
        self.assertEqual([one.result() for one in both], [self.folder] * 2)
        self.assertEqual(log.read_text(), "began\n")
        self.assertEqual(os.listdir(self.folder), ["a.jar"])

    def test_programs_that_are_missing_are_named(self):
        (self.bin / "java").unlink()
        with mock.patch.dict(os.environ, {"PATH": str(self.bin)}):
            with self.assertRaisesRegex(java.Unavailable, "java and mvn not found"):
                java.fetch(self.folder, "group:name:1.0")


if __name__ == "__main__":
    unittest.main()
