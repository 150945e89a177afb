"""`--memory`: it is kept to. That nothing in the results shows it, test_determinism.py asks.

The logs are large enough that the smaller budgets cut the rows into slices, and spill tape, rows
and results into scratch files.
"""

import json

from tests.cli.nightly import date_of
from tests.cli.support import USAGE, CommandTest

TIES = 600_000
SLICED = ("--memory", "14M", "--threads", 1)  # the rows of TIES are more than a batch gets of it
PROGRAM = 48 << 20  # what the program itself and its libraries may take beside --memory


class MemoryTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log.csv"

    def generate(self, path, ties, *options):
        self.succeed("generate", "-o", path, "--ties", ties, "--start", date_of(0), "--quiet",
                     *options)
        return path

    def log_made(self):
        return self.generate(self.log, TIES, "--degree", 150, "--days", 3, "--disconnects", 0.1,
                             "--warts", 0.02)

    def ties(self, name, logs, *options):
        out = self.folder / name
        return out, self.succeed("ties", *logs, "-o", out, "--format", "parquet", *options)

    def test_a_small_memory_is_told_and_leaves_no_file_behind(self):
        self.log_made()
        out, result = self.ties("sliced", [self.log], *SLICED)
        self.assertRegex(result.err, r"--memory 14.7 MB: rows in \d+ slices, .* of scratch in ")
        self.assertEqual([path for path in out.rglob("*") if path.suffix not in
                          (".parquet", ".json")], [])
        self.assertEqual(self.ties("roomy", [self.log])[1].err, "")

    def test_what_cannot_be_done_in_the_memory_is_refused_before_it_is_begun(self):
        self.log_made()
        out = self.folder / "tables"
        self.refuse(USAGE, "ties", self.log, "-o", out, "--memory", "1M",
                    says=["--memory", "MiB"])
        self.assertEqual([path for path in out.rglob("*") if path.is_file()], [])
        self.assertIn("too little memory",
                      self.succeed("explain", self.log, "--memory", "1M").out)

    def test_the_peak_stays_within_the_memory(self):
        log = self.generate(self.folder / "log.tfp", 3_000_000, "--degree", 100)
        for threads, memory in ((1, 28), (1, 48), (2, 96), (2, 192)):
            with self.subTest(memory=memory):
                _, result = self.ties(f"{memory}", [log], "--memory", f"{memory}M", "--threads",
                                      threads, "--log", "json")
                peak = json.loads(result.out.splitlines()[-1])["peak_bytes"]
                self.assertLess(peak, (memory << 20) + PROGRAM)

    def test_explain_tells_what_the_run_would_choose(self):
        self.log_made()
        roomy = self.succeed("explain", self.log).out
        self.assertIn("rows, in 1 slice, and results", roomy)
        self.assertRegex(roomy, r"scratch files \(removed\) +0 bytes")
        sliced = self.succeed("explain", self.log, *SLICED).out
        self.assertRegex(sliced, r"rows, in \d+ slices, and results")
        self.assertRegex(sliced, r"scratch files \(removed\) +[\d.]+ MB")
