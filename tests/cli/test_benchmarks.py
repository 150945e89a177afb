"""The drivers of the benchmarks, at sizes at which nothing is measured: that they run to their
end, check what they are to check, and go on where they were cut off."""

import json
import subprocess
import sys

from tests.cli.support import ROOT, TIEFLOW, TIMEOUT_SECONDS, CommandTest, skip_loudly, text_of

BUILD = TIEFLOW.parent
PROGRAMS = ("temporal", "triangles", "positions")


class BenchmarkTest(CommandTest):
    def setUp(self):
        super().setUp()
        for name in PROGRAMS:
            if not (BUILD / "bench" / f"bench_{name}").exists():
                skip_loudly("the benchmarks are not built: make bench-programs")

    def drive(self, driver, *args):
        command = [sys.executable, str(ROOT / "bench" / driver), str(BUILD), str(self.folder),
                   *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_SECONDS)

    def test_contenders_agree(self):
        done = self.drive("contest.py", "--logs", "stream:100000,rmat:100000", "--rounds", 1,
                          "--contenders", "tieflow-1,roaring,sorted,triangles")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in text_of(self.folder / "contest.jsonl").splitlines()]
        self.assertEqual([(line["model"], line["contender"].split()[0]) for line in lines],
                         [("stream", "tieflow"), ("stream", "tieflow"), ("stream", "CRoaring"),
                          ("stream", "sorted"), ("stream", "forward"), ("rmat", "tieflow"),
                          ("rmat", "tieflow")])
        temporal = lines[:4]
        self.assertEqual(len({line["checksum"] for line in temporal}), 1)
        self.assertEqual(lines[4]["triangles"], lines[0]["mutual_sum"])
        self.assertEqual(list(self.folder.glob("*.tfp")), [])

    def test_tieflow_must_end_in_time(self):
        done = self.drive("contest.py", "--logs", "stream:100000", "--contenders", "roaring",
                          "--limit", 0.01, "--rounds", 1)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not through in 0.01 s", done.stderr)

    def test_study_goes_on_where_it_was(self):
        ties = 200_000
        done = self.drive("study.py", "--ties", ties, "--degree", 50)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(text_of(self.folder / "study.json"))
        self.assertEqual(found["triangles"]["triangles"], found["ties"]["summary"]["mutual_sum"])
        self.assertEqual(found["ties"]["summary"]["ties"], ties)
        self.assertGreater(found["night-5"]["summary"]["ties"], 0)
        self.assertEqual(found["attribution"]["moves"], ties * 3 // 10000)
        self.assertEqual([run["memory_mib"] for run in found["memory"]["runs"]], [48, 49, 50])
        again = self.drive("study.py", "--ties", ties, "--degree", 50, "--again", "night-5")
        self.assertEqual(again.returncode, 0, again.stderr)
        made = [line for line in again.stderr.splitlines() if line.endswith(" ...")]
        self.assertEqual(made, [f"study: {step} ..."
                                for step in ("night-5", "attribution", "memory", "triangles")])
        other = self.drive("study.py", "--ties", ties + 1)
        self.assertIn("give another folder", other.stderr)
        self.assertNotEqual(other.returncode, 0)
