"""Published graphs and logs: what the ties add up to is known from elsewhere.

With the line number as time and `--simultaneous sequence` the sum of embeddedness is the number of
triangles of the graph. The figures are those of the SOURCE.txt beside each data set.
"""

import gzip
import lzma

from tests.cli import oracle
from tests.cli.support import CommandTest, data_file, manifest_of, rows_of

MATRICES = {
    "karate.mtx": 45,
    "A.mtx": 11,
    "jagmesh7.mtx": 2016,
    "ldbc-cdlp-undirected-example.mtx": 6,
    "ldbc-undirected-example.mtx": 4,
    "ldbc-wcc-example.mtx": 5,
    "LFAT5.mtx": 0,
    "bcsstk13.mtx.gz": 342300,
    "tree-example.mtx": 0,
}


class KnownAnswersTest(CommandTest):
    def unpacked(self, path):
        """A data file as it was before gzip or xz."""
        opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix)
        if opener is None:
            return path
        plain = self.folder / path.stem
        with opener(path, "rb") as stream:
            plain.write_bytes(stream.read())
        return plain

    def imported(self, path, *options):
        log = self.folder / "log.tfp"
        self.succeed("import", self.unpacked(path), "-o", log, *options)
        return log

    def ties(self, log, simultaneous):
        """(ties, sum of mutual), from the table; the manifest must say the same."""
        out = self.folder / simultaneous
        self.succeed("ties", log, "-o", out, "--simultaneous", simultaneous, "--format", "csv")
        rows = rows_of(out / "ties.csv")
        total = sum(int(row["mutual"]) for row in rows)
        summary = manifest_of(out)["summary"]
        self.assertEqual((summary["ties"], summary["mutual_sum"]), (len(rows), total))
        return len(rows), total

    def test_matrix_market_graphs_have_the_triangles_that_lagraph_prints(self):
        for name, triangles in MATRICES.items():
            with self.subTest(name):
                path = data_file("reference-graphs", name)
                log = self.imported(path, "--input-format", "mtx", "--line-times")
                self.assertEqual(self.ties(log, oracle.SEQUENCE)[1], triangles)

    def test_a_matrix_market_file_is_told_by_its_content(self):
        log = self.imported(data_file("reference-graphs", "karate.mtx"))
        self.assertEqual(self.ties(log, oracle.SEQUENCE), (78, 45))

    def test_ca_grqc_has_the_edges_and_triangles_that_snap_prints(self):
        # The mirror's first line is an address without the comment sign.
        log = self.imported(data_file("snap", "ca-GrQc.txt.gz"), "--input-format", "snap",
                            "--skip", 1, "--line-times")
        self.assertEqual(self.ties(log, oracle.SEQUENCE), (14484, 48260))

    def test_ego_facebook_has_the_edges_and_triangles_that_snap_prints(self):
        log = self.imported(data_file("snap", "facebook-combined.jlg.gz"), "--input-format", "csv",
                            "--skip", 1, "--columns", "from=1,to=2", "--line-times")
        self.assertEqual(self.ties(log, oracle.SEQUENCE), (88234, 1612010))

    def test_college_messages_give_the_known_ties_and_sums(self):
        log = self.imported(data_file("temporal", "CollegeMsg.txt.gz"), "--input-format", "snap")
        self.assertEqual(self.ties(log, oracle.SEQUENCE), (13838, 14319))
        self.assertEqual(self.ties(log, oracle.STRICT), (13838, 14291))

    def test_dpdk_connections_give_the_known_ties_and_sums(self):
        log = self.unpacked(data_file("dpdk-jobmoves", "connections.csv.xz"))
        self.assertEqual(self.ties(log, oracle.SEQUENCE), (8077, 25507))
        self.assertEqual(self.ties(log, oracle.STRICT), (8077, 24204))
