"""A few bytes that unpack to very many, and counts that promise as many: each ends in one clear
line, within a bounded memory.

What is allowed is in schemas/limits.h. The memory is the peak of the process (ru_maxrss).
"""

import contextlib
import sqlite3
import struct
import subprocess
import sys
import zlib

from tests.cli.rot import xxh64
from tests.cli.support import (CONFIG, DATA_WRONG, DONE, TIEFLOW, TIMEOUT_SECONDS, USAGE,
                               CommandTest, Result)

MIB = 1 << 20
PROGRAM = 64 * MIB  # the program, its libraries and its buffers
FRAME = 256 * MIB   # LIMIT_FRAME_BYTES
TEXTS = 128 * MIB   # LIMIT_STUDY_TEXT_BYTES
GIB = 1 << 30
ZEROS = 4 * MIB
# A process starts with the peak of the one that it was forked from: that must be a small one.
MEASURE = ("import os, sys; child = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:]);"
           "_, status, usage = os.wait4(child, 0);"
           "open(sys.argv[1], 'w').write(str(usage.ru_maxrss));"
           "sys.exit(os.waitstatus_to_exitcode(status))")
HEADER_BYTES = 48
SYNC = b"sync marker here"
CONNECTIONS = (b'{"type":"record","name":"c","fields":[{"name":"at","type":"long"},'
               b'{"name":"from","type":"long"},{"name":"to","type":"long"}]}')


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True,
                          check=True).stdout


def zstd_of_zeros(count):
    """So many bytes of zeros, packed: frame behind frame, which is quick to make."""
    return zstd(bytes(ZEROS)) * (count // ZEROS)


def deflate_of_zeros(count):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(ZEROS)) + packer.flush(zlib.Z_FULL_FLUSH)  # independent ones
    return piece * (count // ZEROS) + packer.flush()


def frame(kind, items, raw, payload, stored=None, first=0, last=0):
    """A frame with a right checksum, whatever its counts promise."""
    head = b"TFF1" + struct.pack("<5Iqq", kind, items, raw,
                                 len(payload) if stored is None else stored, 0, first, last)
    return head + struct.pack("<Q", xxh64(payload, xxh64(head))) + payload


def avro_long(value):
    value = (value << 1 ^ value >> 63) & (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def sized(data):
    return avro_long(len(data)) + data


def avro(codec, count, block, stored=None, entries=b""):
    head = (b"Obj\1" + avro_long(2) + sized(b"avro.codec") + sized(codec) +
            sized(b"avro.schema") + sized(CONNECTIONS) + entries + avro_long(0) + SYNC)
    length = avro_long(len(block) if stored is None else stored)
    return head + avro_long(count) + length + block + SYNC


class BombTest(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gib = zstd_of_zeros(GIB)

    def run_measured(self, *args):
        """The result, and the peak of the process in bytes."""
        peak = self.folder / "peak"
        command = [sys.executable, "-c", MEASURE, str(peak), str(TIEFLOW), *map(str, args)]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        return Result(done), int(peak.read_text()) * 1024

    def refuse_within(self, most_bytes, code, says, *args):
        result, peak = self.run_measured(*args)
        self.assertEqual(result.code, code, str(result))
        self.assertEqual(result.err.count("\n"), 1, str(result))
        self.assertIn(says, result.err + result.out)
        self.assertLess(peak, most_bytes, str(result))

    def refuse_log(self, most_bytes, says, name, content):
        log = self.folder / name
        log.write_bytes(content)
        self.assertLess(len(content), MIB)
        out = self.folder / "tables"
        self.refuse_within(most_bytes, DATA_WRONG, says, "ties", log, "-o", out)
        self.assertFalse((out / "ties.csv").exists())

    def test_frames_of_a_packed_log(self):
        gib = self.gib
        end = frame(0, 0, 0, zstd(b""))
        for says, content in (
                ("over the limits", frame(1, 1, GIB, gib) + end),
                ("damaged", frame(1, 1 << 20, 25 << 20, gib) + end),
                ("over the limits", frame(1, (1 << 32) - 1, 25, zstd(bytes(25))) + end),
                ("over the limits", frame(1, 1, 25, zstd(bytes(25)), (1 << 32) - 1) + end),
                ("1 events take 25 bytes", frame(1, 1, FRAME, zstd_of_zeros(FRAME)) + end)):
            with self.subTest(says=says):
                self.refuse_log(2 * FRAME, says, "bomb.tfp", content)

    def test_blocks_of_an_avro_file(self):
        for codec, block in ((b"deflate", deflate_of_zeros(GIB)),
                             (b"zstandard", self.gib)):
            with self.subTest(codec=codec):
                self.refuse_within_avro(avro(codec, 1, block),
                                        f"more than the {FRAME} bytes allowed")

    def refuse_within_avro(self, content, says):
        log = self.folder / "bomb.avro"
        log.write_bytes(content)
        # The bytes are unpacked into room that doubles.
        self.refuse_within(2 * FRAME + PROGRAM, DATA_WRONG, says, "ties", log, "-o",
                           self.folder / "tables")

    def test_counts_of_an_avro_file(self):
        block = avro_long(1000) + avro_long(1) + avro_long(2)
        many = avro_long(1 << 40) + (sized(b"k") + sized(b"v")) * 2000
        for says, content in (
                ("records: the limit is", avro(b"null", 1 << 62, block)),
                ("records: the limit is", avro(b"null", -1, block)),
                ("a length of", avro(b"null", 1, block, 1 << 62)),
                ("a length of", avro(b"null", 1, block, FRAME + 1)),
                ("truncated", avro(b"null", 1, block, FRAME)),
                ("more than 1024 entries", avro(b"null", 1, block, entries=many)),
                ("a length of", avro(b"null", 1, block, entries=avro_long(1) +
                                     avro_long(1 << 40)))):
            with self.subTest(says=says):
                self.refuse_within_avro(content, says)

    def test_text_of_one_endless_line_and_of_endless_ones(self):
        header = b"at,from,to\n"
        self.refuse_log(PROGRAM, "longer than a record may be", "line.csv.zst",
                        zstd(header) + self.gib)
        self.refuse_log(PROGRAM, "longer than a record may be", "quote.csv.zst",
                        zstd(header + b'"') + self.gib)
        self.refuse_log(PROGRAM, "columns", "header.csv.zst",
                        zstd(b"at,from,to" + b",x" * 5000 + b"\n1,2,3\n"))
        self.refuse_log(2 * PROGRAM, "not JSON", "array.ndjson.zst",
                        zstd(b'{"at":1,"from":' + b"[" * (MIB - 100) + b"\n"))
        lines = b"x\n" * (2 * MIB)
        self.refuse_log(1024 * MIB, "1000000 malformed records", "lines.csv.zst",
                        zstd(header + lines))

    def test_edge_list_of_zeros_is_not_imported(self):
        log = self.folder / "zeros.txt.zst"
        log.write_bytes(self.gib)
        self.refuse_within(PROGRAM, DATA_WRONG, "", "import", log, "--input-format", "snap", "-o",
                           self.folder / "log.tfp")

    def test_stream_with_a_window_of_gibibytes(self):
        log = zstd(b"at,from,to\n1000,1,2\n" + bytes(1 << 28), "--long=30", "-1")
        self.refuse_log(PROGRAM, "a window of more than 134217728 bytes", "long.csv.zst", log)

    def test_documents(self):
        config = self.folder / "bomb.ini"
        config.write_bytes(self.gib)
        self.refuse_within(FRAME * 2 + PROGRAM, DATA_WRONG, "longer than 268435456 bytes", "ties",
                           "--config", config)
        schema = self.folder / "bomb.avsc"
        schema.write_bytes(zstd(b'"' + b"a" * (100 * MIB) + b'"'))
        self.refuse_within(FRAME + PROGRAM, CONFIG, "a schema has at most 65536", "check",
                           "--brokers", "127.0.0.1:1", "--schema-map", f"7={schema}")

    def test_manifest_of_a_state(self):
        state = self.state_made()
        manifest = state / "gen-2026-01-01" / "manifest.json"
        manifest.write_bytes(zstd(b"[" + b"0," * (20 * MIB)))
        self.refuse_within(1400 * MIB, DATA_WRONG, "more than 16777216 values", "snapshot",
                           "verify", "--state", state)

    def state_made(self):
        log = self.folder / "log.csv"
        log.write_text("at,from,to\n1767225600000,1,2\n1767225600001,2,3\n1767225600002,1,3\n")
        positions = self.folder / "positions.csv"
        positions.write_text("at,member,company,kind\n1000,1,1,start\n")
        state = self.folder / "state"
        self.succeed("run", "--state", state, "--date", "2026-01-01", "--logs", log,
                     "--positions", positions, "-o", self.folder / "nights", "--quiet")
        return state

    def test_counts_of_every_file_of_a_state(self):
        """Each count of the first frame, with checksums of frame and file made right again. Degrees
        are for nights of large graphs, and `verify` looks at their checksum alone: test_degrees.
        """
        state = self.state_made()
        folder = state / "gen-2026-01-01"
        files = sorted(folder.glob("*.tff"))
        self.assertEqual([path.stem for path in files],
                         ["adjacency", "cohort", "degrees", "dictionary", "facts-positions",
                          "ties-2026-01-01"])
        manifest = (folder / "manifest.json").read_text()
        for path in [path for path in files if path.stem != "degrees"]:
            before = path.read_bytes()
            for offset in (8, 12, 16):  # items, unpacked, stored
                with self.subTest(file=path.name, offset=offset):
                    head = bytearray(before[:40])
                    head[offset:offset + 4] = b"\xff" * 4
                    stored, = struct.unpack_from("<I", before, 16)
                    payload = before[HEADER_BYTES:HEADER_BYTES + stored]
                    content = (bytes(head) + struct.pack("<Q", xxh64(payload, xxh64(bytes(head))))
                               + before[HEADER_BYTES:])
                    path.write_bytes(content)
                    self.promise(folder, manifest, before, content)
                    self.refuse_within(PROGRAM, DATA_WRONG, path.name, "snapshot", "verify",
                                       "--state", state)
            path.write_bytes(before)
        (folder / "manifest.json").write_text(manifest)
        self.assertEqual(self.run_measured("snapshot", "verify", "--state", state)[0].code, DONE)

    def promise(self, folder, manifest, before, content):
        """Makes the manifest say the checksum of the changed file, and its own again."""
        changed = manifest.replace(f"{xxh64(before):016x}", f"{xxh64(content):016x}")
        self.assertNotEqual(changed, manifest)
        body, _, end = changed.rpartition(',\n  "xxh64": "')
        (folder / "manifest.json").write_text(
            f'{body},\n  "xxh64": "{xxh64(body.encode()):016x}"{end[17:]}')

    def test_database_whose_view_never_ends(self):
        connections = self.folder / "log.csv"
        positions = self.folder / "positions.csv"
        connections.write_text("at,from,to\n1000,1,2\n")
        positions.write_text("at,member,company,kind\n1000,1,1,start\n")
        out = self.folder / "study"
        self.succeed("attribute", "--connections", connections, "--positions", positions, "-o",
                     out)
        endless = ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
                   "SELECT 'x' AS name, max(x) AS value FROM n")
        huge = "SELECT zeroblob(1000000000) AS name, 1.0 AS value"
        much = ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200) "
                "SELECT printf('%.*c', 1000000, 'x') AS log, '' AS \"check\", x AS count FROM n")
        for table, view, most, says in (
                ("quality", much, PROGRAM + TEXTS, "the texts of the study take more than"),
                ("totals", endless, PROGRAM, "steps: no study that"),
                ("totals", huge, PROGRAM, "too big")):
            with contextlib.closing(sqlite3.connect(out / "study.sqlite")) as database, database:
                kind, = database.execute("SELECT type FROM sqlite_master WHERE name = ?",
                                         (table,)).fetchone()
                database.execute(f"DROP {kind} {table}")
                database.execute(f"CREATE VIEW {table} AS {view}")
            self.refuse_within(most, DATA_WRONG, says, "report", out)

    def test_counts_on_the_command_line(self):
        log = self.folder / "log.csv"
        log.write_text("at,from,to\n1000,1,2\n")
        for option, value in (("--threads", 1 << 32), ("--threads", -1), ("--memory", "1E"),
                              ("--memory", 1 << 64)):
            with self.subTest(option=option, value=value):
                self.refuse_within(PROGRAM, USAGE, option, "ties", log, "-o",
                                   self.folder / "tables", option, value)
        for options in (("--members", 1 << 32), ("--ties", 1 << 64), ("--members", 0),
                        ("--degree", 1 << 40), ("--days", 1 << 62), ("--ties", -1)):
            with self.subTest(options=options):
                self.refuse_within(PROGRAM, USAGE, options[0], "generate", "-o",
                                   self.folder / "log.tfp", *options)
