"""Usage, configuration, messages and exit codes of the command."""

import json
import os
import pty
import subprocess

from tests.cli import random_logs
from tests.cli.nightly import date_of, first_ms
from tests.cli.oracle import Event
from tests.cli.support import (CONFIG, DATA_WRONG, DONE, IO, KERNEL_FLAGS, KERNELS, ROOT, TIEFLOW,
                               USAGE, CommandTest, digests, quality_of, rows_of)

VERBS = ("ties", "run", "backfill", "import", "generate", "snapshot", "check", "explain",
         "attribute", "report")
EVENTS = [Event(first_ms(0) + i, i % 7, i % 11 + 20) for i in range(300)]


class LogTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "tables"
        self.log = random_logs.write_csv(self.folder / "log.csv", EVENTS)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_nothing_published(self):
        self.assertEqual(digests(self.out) if self.out.exists() else {}, {})


class UsageTest(LogTest):
    def test_a_wrong_command_line_is_refused_in_one_line_that_helps(self):
        ties = ("ties", self.log, "-o", self.out)
        run = ("run", "--logs", self.log, "-o", self.out, "--state", self.folder / "state")
        for says, arguments in (
                ("--help", ()),
                ("nosuch", ("nosuch",)),
                ("nosuch", ("help", "nosuch")),
                ("--ties", ("--ties",)),
                ("--out", ("ties", self.log)),
                ("no logs", ("ties", "-o", self.out)),
                ("help ties", (*ties, "--bogus")),
                ("-x", (*ties, "-x")),
                ("--seed", (*ties, "--seed", 1)),  # an option, but of another verb
                ("--threads needs a value", (*ties, "--threads")),
                ("takes no value", (*ties, "--quiet=true")),
                ("--out: the value is empty", ("ties", self.log, "-o", "")),
                ("--memory is too little", (*ties, "--memory", "4M", "--threads", 2)),
                ("xml", ("explain", self.log, "-o", self.out, "--format", "xml")),
                ("xml", ("check", self.log, "-o", self.out, "--format", "xml")),
                ("xml", ("attribute", "--state", self.folder, "--positions", self.log, "-o",
                         self.out, "--format", "xml")),
                ("leave out one", ("import", self.log, "-o", self.out, "--brokers", "nowhere:1")),
                ("avro-bare", ("ties", "-o", self.out, "--brokers", "nowhere:1",
                               "--writer-schema", self.log)),
                ("--out: the value is empty", ("ties", self.log, "--out=")),
                ("--out: the value is empty", ("check", self.log, "-o", "")),
                ("--state: the value is empty", ("snapshot", "ls", "--state", "")),
                ("strict|sequence", (*ties, "--simultaneous", "maybe")),
                ("csv, parquet, both", (*ties, "--format", "xml")),
                ("0 to 1", (*ties, "--max-malformed", 2)),
                ("0 to 1", (*ties, "--max-malformed", "nan")),
                ("1 to 256", (*ties, "--threads", 0)),
                ("1 to 256", (*ties, "--threads", 257)),
                ("not a size", (*ties, "--memory", "much")),
                ("not a size", (*ties, "--memory", "-1G")),
                ("not a size", (*ties, "--memory", "4k")),
                ("auto|plain", (*ties, "--kernel", "fast")),
                ("--date", run),
                ("YYYY-MM-DD", (*run, "--date", "yesterday")),
                ("YYYY-MM-DD", (*run, "--date", "2025-02-29")),
                ("--state", ("run", "--logs", self.log, "-o", self.out, "--date", "2026-01-01")),
                ("no input", ("import", "-o", self.folder / "x.csv")),
                ("must end in", ("import", self.log, "-o", self.folder / "x.txt")),
                ("konect", ("import", self.log, "-o", self.folder / "x.csv", "--input-format",
                            "x")),
                ("--columns", ("import", self.log, "-o", self.folder / "x.csv", "--columns", "a")),
                ("--time-unit", ("import", self.log, "-o", self.folder / "x.csv", "--time-unit",
                                 "fortnight")),
                ("--delimiter", ("import", self.log, "-o", self.folder / "x.csv", "--delimiter",
                                 "::"))):
            with self.subTest(arguments=arguments):
                self.refuse(USAGE, *arguments, says=says)
        self.assert_nothing_published()
        self.assertFalse((self.folder / "x.csv").exists())

    def test_instructions_that_the_processor_has_not_are_refused(self):
        for kernel in KERNEL_FLAGS:
            if kernel not in KERNELS:
                self.refuse(CONFIG, "ties", self.log, "-o", self.out, "--kernel", kernel,
                            says="this processor does not run it")
        self.assert_nothing_published()

    def test_every_verb_has_a_page_of_help(self):
        overview = self.succeed("--help").out
        self.assertEqual(overview, self.succeed("help").out)
        for verb in VERBS:
            self.assertIn(f"  {verb} ", overview)
            page = self.succeed("help", verb).out
            self.assertEqual(page, self.succeed(verb, "--help").out)
            self.assertEqual(page, self.succeed(verb, "-h", "--config", "not read").out)
            self.assertTrue(page.startswith(f"usage: tieflow {verb} "), page)
            self.assertIn("Example", page)
            for option in ("--config", "--log", "--quiet"):
                self.assertIn(option, page)
            self.assertLessEqual(max(map(len, page.splitlines())), 140)

    def test_the_version_is_printed(self):
        self.assertRegex(self.succeed("--version").out, r"^tieflow \d+\.\d+\.\d+\n$")

    def test_short_and_long_spellings_mean_the_same(self):
        self.succeed("ties", self.log, "--out", self.out, "--format", "csv", "--threads", 1)
        first = digests(self.out)
        for i, spelled in enumerate((("-o{}", "-fcsv", "-t1"), ("--out={}", "--format=csv"),
                                     ("-o", "{}", "-f", "csv", "--threads=1"))):
            out = self.folder / f"again{i}"
            self.succeed("ties", *(argument.format(out) for argument in spelled), "--", self.log)
            self.assertEqual(first, digests(out))
        self.refuse(USAGE, "ties", self.log, "-o", self.out, "-t=1")  # '=' is for long names


class OutputTest(LogTest):
    def test_quiet_is_silent(self):
        state = self.folder / "state"
        nights = ("--logs", self.log, "-o", self.out, "--state", state)
        for arguments in (("ties", self.log, "-o", self.out),
                          ("run", *nights, "--date", date_of(0)),
                          ("backfill", *nights, "--to", date_of(2)),
                          ("import", self.log, "-o", self.folder / "x.tfp"),
                          ("generate", "-o", self.folder / "y.tfp", "--ties", 10, "--degree", 2)):
            result = self.succeed(*arguments, "--quiet")
            self.assertEqual((result.out, result.err), ("", ""), arguments)

    def test_what_is_not_quiet_says_what_was_made(self):
        result = self.succeed("ties", self.log, "-o", self.out)
        self.assertIn(str(self.out), result.out)
        self.assertIn(str(len(rows_of(self.out / "ties.csv"))), result.out)
        self.assertEqual(result.err, "")

    def test_json_logs_are_one_object_per_line(self):
        log = self.write("bad.csv", random_logs.csv_text(EVENTS) + "bad\n")
        result = self.succeed("ties", log, "-o", self.out, "--log", "json")
        lines = [json.loads(line) for line in result.err.splitlines()]
        self.assertEqual({line["event"] for line in lines}, {"note", "phase"})
        phases = [line["phase"] for line in lines if line["event"] == "phase"]
        self.assertEqual(phases, ["reading", "ordering", "rows", "embeddedness", "writing"])
        for line in lines:
            if line["event"] == "phase":
                self.assertLessEqual(line["done"], line["total"])
        (done,) = (json.loads(line) for line in result.out.splitlines())
        self.assertEqual((done["event"], done["tables"]), ("done", str(self.out)))
        self.assertEqual(done["summary"]["ties"], len(rows_of(self.out / "ties.csv")))

    def test_errors_are_json_too_where_the_log_is(self):
        result = self.command("ties", self.folder / 'no "such" file', "-o", self.out, "--log",
                              "json")
        (error,) = (json.loads(line) for line in result.err.splitlines())
        self.assertEqual(error["event"], "error")
        self.assertEqual(error["exit_code"], result.code)
        self.assertIn('no "such" file', error["text"])

    def test_a_terminal_sees_a_bar_with_rate_and_eta_that_goes_away(self):
        log = self.folder / "large.csv"
        self.succeed("generate", "-o", log, "--ties", 1500000, "--degree", 100)
        ours, theirs = pty.openpty()
        process = subprocess.Popen([str(TIEFLOW), "ties", str(log), "-o", str(self.out)],
                                   stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:
            pass  # the other end is closed
        os.close(ours)
        self.assertEqual(process.wait(), DONE)
        for text in (b"ETA", b"/s", b"%", b"events"):
            self.assertIn(text, shown)
        self.assertEqual(shown.rsplit(b"\r", 1)[-1], b"\x1b[K")

    def test_output_that_cannot_be_written(self):
        in_the_way = self.write("file", "")
        for out in (in_the_way, in_the_way / "below", "/proc/tieflow", "/dev/full"):
            self.refuse(IO, "ties", self.log, "-o", out)
            self.refuse(IO, "backfill", "--logs", self.log, "--state", self.folder / "state", "-o",
                        out)
        self.refuse(IO, "backfill", "--logs", self.log, "--state", in_the_way, "-o", self.out)
        self.refuse(IO, "import", self.log, "-o", in_the_way / "x.csv")
        self.refuse(IO, "generate", "-o", self.folder / "nowhere" / "x.csv", "--ties", 10,
                    "--degree", 2)

    def test_a_full_disk_behind_standard_output(self):
        for arguments in (("--help",), ("--version",), ("help", "ties"), ("explain", self.log),
                          ("check", self.log), ("ties", self.log, "-o", self.out)):
            with open("/dev/full", "wb") as full:
                code = subprocess.run([str(TIEFLOW), *map(str, arguments)], stdout=full,
                                      stderr=subprocess.DEVNULL, check=False).returncode
            self.assertEqual(code, IO, arguments)

    def test_a_log_that_cannot_be_read(self):
        self.refuse(IO, "ties", self.folder / "nowhere.csv", "-o", self.out, says="nowhere.csv")
        self.refuse(IO, "import", self.folder / "nowhere.csv", "-o", self.folder / "x.csv",
                    says="nowhere.csv")
        self.refuse(IO, "import", self.folder, "-o", self.folder / "x.csv", says=self.folder.name)
        self.assert_nothing_published()

    def test_folders_without_logs(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.write("empty/notes.txt", "not a log")
        self.write("empty/.hidden.csv", "at,from,to\n")
        state = self.folder / "state"
        self.refuse(CONFIG, "ties", empty, "-o", self.out, says="no log files")
        self.refuse(CONFIG, "run", "--logs", empty, "-o", self.out, "--state", state, "--date",
                    date_of(0), says="no log files")
        self.assert_nothing_published()
        self.assertEqual(list(state.glob("gen-*")), [])


class ConfigTest(LogTest):
    """Everything a flag says, an INI file can say."""

    def config(self, text):
        return self.write("tieflow.ini", text)

    def tables_with(self, config, *options):
        """The formats of the tables written with this file, which shows what won."""
        self.succeed("ties", "-c", self.config(config), *options)
        endings = {path.suffix for path in self.out.iterdir() if path.name.startswith("ties.")}
        return sorted(endings)

    def base(self):
        return f"# a comment\nlogs = {self.log}\nout={self.out}\n"

    def test_the_command_line_wins_over_the_section_and_the_section_over_the_rest(self):
        general = self.base() + "format = csv\n"
        section = general + "[ties]\nformat = parquet\n[run]\nformat = both\n"
        self.assertEqual(self.tables_with(general), [".csv"])
        self.assertEqual(self.tables_with(section), [".parquet"])
        self.assertEqual(self.tables_with(section, "--format", "csv"), [".csv"])
        self.assertEqual(self.tables_with(general, "-f", "both"), [".csv", ".parquet"])

    def test_a_line_too_long_to_be_read_whole_is_refused(self):
        long = self.config(f"out = {self.out}\nthreads = {1:0300}\n")
        self.refuse(CONFIG, "ties", self.log, "-c", long, says=[f"{long}:2", "longer than"])

    def test_a_value_that_the_kafka_client_does_not_take_is_refused(self):
        self.refuse(CONFIG, "ties", "-o", self.out, "--brokers", "nowhere:1", "-X",
                    "socket.timeout.ms=soon", says=["does not take socket.timeout.ms", "soon"])

    def test_what_connects_says_what_is_wrong_before_it_does(self):
        topic = ("--brokers", "localhost:1")
        run = ("run", "--state", self.folder / "state", "-o", self.out, "--date", date_of(0))
        missing = self.folder / "missing"
        settings, registry = ("-F", missing), ("--registry", "nonsense")
        commands = [(*verb, *topic, *options) for options in (settings, registry) for verb in (
            ("ties", "-o", self.out), ("check", "-o", self.out), (*run, "--emit", "kafka"),
            (*run, "--logs", self.log, "--emit", "kafka"))]
        commands += [("import", self.log, *topic, "--encoding", "json", *settings),
                     ("import", self.log, *topic, *registry)]
        for command in commands:
            with self.subTest(command=command):
                result = self.command(*command)
                self.assertNotEqual(result.code, DONE)
                self.assertIn(str(missing) if "-F" in command else "cannot be parsed",
                              result.out + result.err)

    def test_the_list_of_logs_is_replaced_not_joined(self):
        other = random_logs.write_csv(self.folder / "other.csv", EVENTS[:5])
        text = f"logs = nowhere1.csv\nlogs = nowhere2.csv\n[ties]\nlogs = {self.log}\n"
        self.succeed("ties", "-c", self.config(text), "-o", self.out)
        self.assertEqual(quality_of(self.out)["read"], len(EVENTS))
        self.succeed("ties", "-c", self.config(text), "-o", self.out, "--logs", other)
        self.assertEqual(quality_of(self.out)["read"], 5)
        both = f"logs = {self.log}\nlogs = {other}\n"
        self.succeed("ties", "-c", self.config(both), "-o", self.out)
        self.assertEqual(quality_of(self.out)["read"], len(EVENTS) + 5)

    def test_options_of_other_verbs_may_stand_in_the_general_part(self):
        text = self.base() + "seed = 7\nkeep = 3\nquiet = true\n"
        self.assertEqual(self.succeed("ties", "-c", self.config(text)).out, "")

    def test_a_wrong_file_is_named_with_its_line(self):
        for line, says, text in (
                (1, "bogus", "bogus = 1\n"),
                (3, "bogus", "# x\n\nbogus = 1\n"),
                (2, "bogus", "[ties]\nbogus = 1\n"),
                (2, "seed", "[ties]\nseed = 1\n"),  # an option, but not of this section
                (2, "nosuch", "[nosuch]\nx = 1\n"),
                (1, "name = value", "garbage\n"),
                (1, "memory", "memory = 0\n"),
                (1, "out", "out =\n"),
                (1, "quiet", "quiet = maybe\n"),
                (1, "simultaneous", "simultaneous = sometimes\n"),
                (1, "config", "config = other.ini\n"),
                (1, "-o", "o = here\n")):
            with self.subTest(text):
                result = self.refuse(CONFIG, "ties", "-c", self.config(text), self.log, "-o",
                                     self.out, says=f"tieflow.ini:{line}: ")
                if says != "-o":
                    self.assertIn(says, result.err)
                self.assertNotIn("tieflow ;", result.err)
        self.assert_nothing_published()

    def test_a_file_that_cannot_be_read(self):
        for path in (self.folder / "nowhere.ini", self.folder):
            self.refuse(CONFIG, "ties", "-c", path, self.log, "-o", self.out, says="cannot be read")

    def test_a_nightly_job_runs_from_its_file(self):
        config = self.config(f"logs = {self.log}\nstate = {self.folder}/state\nout = {self.out}\n"
                             "[run]\nkeep = 2\n")
        self.succeed("check", "-c", config, "--date", date_of(0))
        self.succeed("run", "-c", config, "--date", date_of(0))
        self.succeed("run", "-c", config, "--date", date_of(1))
        self.assertIn(date_of(1), self.succeed("snapshot", "ls", "-c", config).out)


class CheckTest(LogTest):
    """`check` and `explain` on what is sound and what is not."""

    def state_until(self, day):
        state = self.folder / "state"
        self.succeed("backfill", "--logs", self.log, "--state", state, "-o", self.out, "--from",
                     date_of(0), "--to", date_of(day))
        return state

    def test_check_finds_nothing_in_what_is_sound(self):
        state = self.state_until(0)
        before = digests(self.folder)
        result = self.succeed("check", self.log, "--state", state, "-o", self.out, "--date",
                              date_of(1))
        for text in ("log.csv", "300 events", date_of(0), date_of(1), "no problems"):
            self.assertIn(text, result.out)
        self.assertEqual(before, digests(self.folder))

    def test_check_names_every_problem_and_fails_in_the_class_of_the_first(self):
        bad = self.write("bad.csv", "at,from,to\n1,2,3\nx,y,z\n")
        cut = self.write("cut.tfp", b"TFF1")
        state = self.state_until(0)
        for code, says, arguments in (
                (DATA_WRONG, ["bad.csv:3", "1 of 2"], (bad,)),
                (DATA_WRONG, ["cut.tfp"], (cut,)),
                (DATA_WRONG, ["bad.csv", "cut.tfp"], (bad, cut)),
                (IO, ["nowhere.csv"], (self.folder / "nowhere.csv",)),
                (USAGE, ["no logs"], ()),
                (CONFIG, [date_of(3), date_of(1)], (self.log, "--state", state, "--date",
                                                    date_of(3))),
                (CONFIG, ["--simultaneous"], (self.log, "--state", state, "--simultaneous",
                                              "sequence")),
                (IO, ["bad.csv"], (self.log, "-o", bad / "below"))):
            with self.subTest(says=says):
                result = self.refuse(code, "check", *arguments, says="found")
                for text in says:
                    self.assertTrue(any(text in line and "PROBLEM" in line
                                        for line in result.out.splitlines()), str(result))

    def test_check_notes_what_would_be_set_aside(self):
        log = self.write("log.csv", random_logs.csv_text(EVENTS) + "bad\n")
        self.assertIn("set aside", self.succeed("check", log).out)
        self.refuse(DATA_WRONG, "check", log, "--max-malformed", 0)

    def test_check_finds_a_damaged_state(self):
        state = self.state_until(0)
        (state / f"gen-{date_of(0)}" / "manifest.json").write_text("{}")
        result = self.refuse(DATA_WRONG, "check", self.log, "--state", state)
        self.assertIn("manifest.json", result.out)

    def test_what_cannot_be_looked_at_is_not_taken_for_free(self):
        loop = self.folder / "loop"
        loop.symlink_to("loop")
        for arguments in (("--state", loop), ("-o", loop / "out")):
            result = self.refuse(IO, "check", self.log, *arguments)
            self.assertIn("PROBLEM", result.out)
            self.assertIn(f"{loop}", result.out)
            self.assertNotIn("not there yet", result.out)
        self.refuse(IO, "explain", self.log, "--state", loop, says=str(loop))
        self.refuse(IO, "ties", "-c", loop, self.log, "-o", self.out, says=str(loop))

    def test_explain_tells_inputs_stages_and_needs(self):
        state = self.state_until(0)
        before = digests(self.folder)
        packed = self.folder / "log.tfp"
        self.succeed("import", self.log, "-o", packed)
        result = self.succeed("explain", packed, "--state", state, "-o", self.out)
        for text in ("log.tfp: packed", "300 records", "1 generations", date_of(0), "embeddedness",
                     "memory", "disk"):
            self.assertIn(text, result.out)
        packed.unlink()
        self.assertEqual(before, digests(self.folder))

    def test_explain_refuses_what_cannot_be_read(self):
        self.refuse(IO, "explain", self.folder / "nowhere.csv", says="nowhere.csv")
        self.refuse(DATA_WRONG, "explain", self.write("bad.csv", "a,b,c\n"), says="bad.csv")
        self.refuse(USAGE, "explain", says="no logs")


class DamageTest(LogTest):
    """Files that are not what they say: an error that names the file and the place."""

    def refuse_log(self, path, says=()):
        self.refuse(DATA_WRONG, "ties", path, "-o", self.out, says=[path.name, *says])
        self.assert_nothing_published()

    def test_a_wrong_header(self):
        for header in ("at,from\n", "from,to,kind\n", "at;from;to\n", "1,2,3\n", "at,from,to,at\n",
                       '"at,from,to\n', "AT,FROM,TO\n"):
            with self.subTest(header):
                self.refuse_log(self.write("header.csv", header + "5,1,2\n"))

    def test_a_zstd_stream_that_is_cut_or_damaged(self):
        path = self.folder / "log.csv.zst"
        random_logs.write_csv(path, EVENTS)
        whole = path.read_bytes()
        for content in (whole[:-1], whole[:len(whole) // 2], whole[:10], whole[:5],
                        whole[:8] + b"\xff\xff\xff\xff" + whole[12:], whole + b"behind"):
            path.write_bytes(content)
            self.refuse_log(path)

    def test_a_packed_log_cut_anywhere(self):
        path = self.folder / "log.tfp"
        self.succeed("import", self.log, "-o", path)
        whole = path.read_bytes()
        for size in (4, 20, 47, 48, 60, len(whole) // 2, len(whole) - 48, len(whole) - 1):
            path.write_bytes(whole[:size])
            with self.subTest(size=size):
                self.refuse_log(path)

    def test_a_packed_log_with_one_flipped_bit_anywhere(self):
        path = self.folder / "log.tfp"
        self.succeed("import", self.log, "-o", path)
        whole = path.read_bytes()
        for offset in range(0, len(whole), max(1, len(whole) // 80)):
            content = bytearray(whole)
            content[offset] ^= 4
            path.write_bytes(content)
            with self.subTest(offset=offset):
                self.refuse_log(path)

    def test_garbage_of_every_kind_is_refused(self):
        for content in (b"\x7fELF\x02\x01\x01" + bytes(1000), b"\x1f\x8b\x08" + bytes(100),
                        bytes(range(256)) * 50, b"\0" * 4096, b"\xef\xbb\xbf", b"PAR1" * 10,
                        b"TFF1" + bytes(44), b"TFF2" + bytes(200), b"\x28\xb5\x2f\xfd" + bytes(50),
                        b"[1,2,3]\n", b"{" * 100000, b"x" * (3 << 20)):
            with self.subTest(content[:12]):
                path = self.write("garbage.csv", content)
                result = self.command("ties", path, "-o", self.out)
                if content == b"\xef\xbb\xbf":  # an empty file with a byte order mark
                    self.assertEqual(result.code, DONE, str(result))
                    continue
                self.assertEqual(result.code, DATA_WRONG, str(result))
                self.assertIn("garbage.csv", result.err)
                self.assertEqual(len(result.err.splitlines()), 1)

    def test_an_import_stops_at_the_first_bad_record_and_writes_nothing(self):
        bad = self.write("bad.csv", "at,from,to\n1,2,3\n1,2,x\n1,2,4\n")
        out = self.folder / "out.tfp"
        self.refuse(DATA_WRONG, "import", bad, "-o", out, says="bad.csv:3")
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"bad.csv", "log.csv"})


class MalformedTest(LogTest):
    """Records that are not events: set aside up to a share, an error above it."""

    FIELDS = ("x,1,2,connect,organic", ",1,2,connect,organic", "1.5,1,2,connect,organic",
              "1e3,1,2,connect,organic", "0x10,1,2,connect,organic", "+5,1,2,connect,organic",
              " 5,1,2,connect,organic", "5 ,1,2,connect,organic",
              "9223372036854775808,1,2,connect,organic", "253402300800000,1,2,connect,organic",
              "-62135596800001,1,2,connect,organic", "5,-1,2,connect,organic",
              "5,18446744073709551616,2,connect,organic", "5,1,,connect,organic",
              "5,1,2,CONNECT,organic", "5,1,2,connect,mine", "5,1,2,connect", "5,1,2",
              "5,1,2,connect,organic,6", '5,"1"2,2,connect,organic', '5,1,2,"connect,organic',
              "é,1,2,connect,organic", "\0,1,2,connect,organic", "5,1\x00,2,connect,organic")

    NDJSON = ('{"at":5,"from":1}', '{"at":5,"from":1,"to":-2}', '{"at":5.5,"from":1,"to":2}',
              '{"at":5,"from":1,"to":18446744073709551616}', '{"at":null,"from":1,"to":2}',
              '{"at":5,"from":[1],"to":2}', '{"at":5,"from":1,"to":2,"kind":"maybe"}',
              '{"at":5,"from":1,"to":2', '{"at":5,"from":1,"to":2} {}', "[5,1,2]", "5", "nonsense",
              '{"at":5,"at":6,"from":1,"to":2}', '{"at":true,"from":1,"to":2}')

    def test_more_malformed_records_than_can_be_set_aside_are_refused(self):
        log = self.write("log.csv", "at,from,to\n" + "x\n" * 1_000_001)
        self.refuse(DATA_WRONG, "ties", log, "-o", self.out, "--max-malformed", 1,
                    says=["1000000 malformed records", "is it a log of connections?"])
        self.assert_nothing_published()

    def assert_each_is_quarantined(self, name, lines, good_head, good):
        for line in lines:
            content = good_head + (line + "\n" + good).encode("utf-8", "surrogateescape")
            path = self.write(name, content)
            with self.subTest(line):
                self.refuse(DATA_WRONG, "ties", path, "-o", self.folder / "gate", says=name)
                self.succeed("ties", path, "-o", self.out, "--max-malformed", 1)
                count = quality_of(self.out)
                self.assertEqual((count["malformed"], count["ties"]), (1, 1))
                (row,) = rows_of(self.out / "quarantine.csv")
                self.assertEqual((row["file"], row["record"]), (name, "1"))
                self.assertTrue(row["reason"])

    def test_every_kind_of_bad_csv_record_is_quarantined_alone(self):
        self.assert_each_is_quarantined("log.csv", self.FIELDS, b"at,from,to,kind,origin\n",
                                        "7,3,4,connect,organic\n")

    def test_every_kind_of_bad_ndjson_record_is_quarantined_alone(self):
        good = '{"at":7,"from":3,"to":4}\n'
        for line in self.NDJSON:  # the first line tells the format: it must be a good one
            path = self.write("log.ndjson", good + line + "\n")
            with self.subTest(line):
                self.succeed("ties", path, "-o", self.out, "--max-malformed", 1)
                count = quality_of(self.out)
                self.assertEqual((count["malformed"], count["ties"]), (1, 1))
                (row,) = rows_of(self.out / "quarantine.csv")
                self.assertEqual((row["file"], row["record"]), ("log.ndjson", "2"))

    def test_a_bad_avro_record_is_quarantined_with_its_number_and_bytes(self):
        path = self.folder / "log.avro"
        path.write_bytes((ROOT / "tests/golden/connections_unfit.avro").read_bytes())
        self.refuse(DATA_WRONG, "import", path, "-o", self.folder / "out.csv", says="log.avro:2")
        self.succeed("ties", path, "-o", self.out, "--max-malformed", 1)
        count = quality_of(self.out)
        self.assertEqual((count["read"], count["malformed"]), (3, 1))
        (row,) = rows_of(self.out / "quarantine.csv")
        self.assertEqual((row["file"], row["record"]), ("log.avro", "2"))
        self.assertIn("outside the years 0001 to 9999", row["reason"])
        self.assertEqual(row["content"], "80f0fea1fa9d7302040200")

    def test_text_that_is_not_utf8(self):
        path = self.write("log.csv", b"at,from,to,kind\n5,\xff\xfe,2,connect\n7,3,4,\n")
        self.succeed("ties", path, "-o", self.out, "--max-malformed", 1)
        (row,) = rows_of(self.out / "quarantine.csv")
        self.assertIn("UTF-8", row["reason"])

    def test_a_line_of_megabytes_costs_one_record(self):
        huge = "5,1,2," + "x" * (3 << 20) + "\n"
        for name, head, good in (("log.csv", "at,from,to,kind\n", "7,3,4,connect\n"),
                                 ("log.ndjson", '{"at":7,"from":3,"to":4}\n',
                                  '{"at":8,"from":3,"to":5}\n')):
            path = self.write(name, head + huge + good)
            self.succeed("ties", path, "-o", self.out, "--max-malformed", 1)
            (row,) = rows_of(self.out / "quarantine.csv")
            self.assertIn("longer", row["reason"])
            self.assertLess(len(row["content"]), 2000)
            self.assertGreater(quality_of(self.out)["ties"], 0)

    def test_the_greatest_and_least_values_are_not_malformed(self):
        path = self.write("log.csv", "at,from,to\n253402300799999,0,18446744073709551615\n"
                                     "-62135596800000,18446744073709551615,1\n")
        self.succeed("ties", path, "-o", self.out)
        self.assertEqual(quality_of(self.out)["ties"], 2)

    def test_the_share_is_a_gate(self):
        def log(bad):
            good = random_logs.csv_text(EVENTS[:100 - bad])
            return self.write("log.csv", good + "bad\n" * bad)

        self.succeed("ties", log(1), "-o", self.out)  # one in a hundred is the default
        self.assertEqual(len(rows_of(self.out / "quarantine.csv")), 1)
        before = digests(self.out)
        self.refuse(DATA_WRONG, "ties", log(2), "-o", self.out,
                    says=["log.csv:100", "2 of 100", "--max-malformed"])
        self.assertEqual(before, digests(self.out))  # what was there stays
        self.succeed("ties", log(2), "-o", self.out, "--max-malformed", 0.02)
        self.assertEqual(len(rows_of(self.out / "quarantine.csv")), 2)
        self.refuse(DATA_WRONG, "ties", log(1), "-o", self.out, "--max-malformed", 0)
        self.succeed("ties", log(0), "-o", self.out, "--max-malformed", 0)


class ImportTest(LogTest):
    """Foreign files."""

    def imported(self, name, content, *options):
        out = self.folder / "out.csv"
        self.succeed("import", self.write(name, content), "-o", out, *options)
        return out.read_text()

    def test_named_and_numbered_columns_delimiters_and_units(self):
        wanted = "at,from,to,kind,origin\n1500,7,8,disconnect,import\n"
        for content, options in (
                ("when,src,dst,what,via\n1500,7,8,disconnect,import\n",
                 ("--columns", "at=when,from=src,to=dst,kind=what,origin=via")),
                ("7;8;1500;disconnect;import\n",
                 ("--columns", "from=1,to=2,at=3,kind=4,origin=5", "--delimiter", ";")),
                ("junk\njunk\n7\t8\t1500000\tdisconnect\timport\n",
                 ("--columns", "from=1,to=2,at=3,kind=4,origin=5", "--delimiter", "tab", "--skip",
                  2, "--time-unit", "us")),
                ("at,from,to,kind,origin\n1500999999,7,8,disconnect,import\n",
                 ("--time-unit", "ns")),
                ("at,from,to,kind,origin\n1970-01-01T00:00:01.500Z,7,8,disconnect,import\n",
                 ("--time-unit", "iso"))):
            with self.subTest(content):
                self.assertEqual(self.imported("in.csv", content, "--input-format", "csv",
                                               *options), wanted)
        self.assertEqual(self.imported("in.csv", "at,from,to\n2,7,8\n", "--time-unit", "s"),
                         "at,from,to,kind,origin\n2000,7,8,connect,unknown\n")

    def test_edge_lists_of_the_collections(self):
        wanted = "at,from,to,kind,origin\n{},1,2,connect,unknown\n{},2,3,connect,unknown\n"
        snap = "# comment\n1\t2\n2 3\n"
        self.assertEqual(self.imported("in.txt", snap, "--input-format", "snap"),
                         wanted.format(2, 3))
        self.assertEqual(self.imported("in.txt", "1 2 10\n2 3 20\n", "--input-format", "snap"),
                         wanted.format(10000, 20000))
        konect = "% sym unweighted\n1 2 1 10\n2 3 1 20\n"
        self.assertEqual(self.imported("out.x", konect, "--input-format", "konect"),
                         wanted.format(10000, 20000))
        matrix = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n1 2\n2 3\n"
        self.assertEqual(self.imported("in.mtx", matrix, "--input-format", "mtx"),
                         wanted.format(3, 4))

    def test_several_files_become_one_log(self):
        parts = [random_logs.write_csv(self.folder / f"{i}.csv", EVENTS[i * 100:i * 100 + 100])
                 for i in range(3)]
        out = self.folder / "all.csv"
        self.succeed("import", *parts, "-o", out)
        self.assertEqual(out.read_bytes(), self.log.read_bytes())
