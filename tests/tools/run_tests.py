"""Runs tieflow's tests and checks; the last line is `N passed, N failed, N skipped`.

    run_tests.py [options] SECTION...

Sections, each run in the order given:

    lint     the checks named by --lint, each a make target lint-NAME: one check, one count
    unit     tests/test_*.c in the release build
    asan     the same under the address and undefined-behaviour sanitizers
    tsan     those named by --tsan under the thread sanitizer
    cli      Python tests of the program as a whole, tests/cli, module by module
    kafka    the same with a Kafka broker, tests/kafka
    tables   DuckDB and Arrow read what our Parquet writer wrote, tests/check_tables.py
    fuzz     every target of tests/fuzz, starting from its corpus, until each has had
             --fuzz-seconds of a processor

TIEFLOW_PATIENCE=n waits n times as long for a test as usual: for slow builds.

Every test gets a TMPDIR of its own. What passes takes one line, what fails shows all its output,
what is skipped says why. The exit code is 0 only if something passed and nothing failed: a section
that finds nothing to run although its sources are there has failed.

The script makes what it runs (through make), and touches nothing outside the build folder.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from scratch import scratch_parent

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Generous: they end what hangs, they do not measure.
PATIENCE = int(os.environ.get("TIEFLOW_PATIENCE", "1"))
UNIT_TIMEOUT_S = 600 * PATIENCE
CLI_TIMEOUT_S = 3000 * PATIENCE
KAFKA_TIMEOUT_S = 3000 * PATIENCE
FUZZ_GRACE_S = 120


@dataclasses.dataclass
class Outcome:
    """What one program or check came to."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: list = dataclasses.field(default_factory=list)
    output: str = ""
    seconds: float = 0.0
    note: str = ""


class Report:
    """Prints outcomes as they come and adds them up."""

    def __init__(self):
        self.outcomes = []
        self.section_seconds = {}

    def add(self, outcome):
        self.outcomes.append(outcome)
        word = "FAIL" if outcome.failed else "ok" if outcome.passed else "SKIP"
        counts = f"{outcome.passed} passed"
        if outcome.failed:
            counts += f", {outcome.failed} failed"
        if outcome.skipped:
            counts += f", {len(outcome.skipped)} skipped"
        line = f"{word:4}  {outcome.name:34} {counts:22} {outcome.seconds:7.2f} s  {outcome.note}"
        print(line.rstrip())
        if outcome.failed:
            print("".join(f"      | {line}\n" for line in outcome.output.splitlines()), end="")
        sys.stdout.flush()

    def finish(self):
        """Prints the closing lines and returns the exit code."""
        passed = sum(outcome.passed for outcome in self.outcomes)
        failed = sum(outcome.failed for outcome in self.outcomes)
        skipped = sum(len(outcome.skipped) for outcome in self.outcomes)
        print()
        times = (f"{name} {seconds:.1f} s" for name, seconds in self.section_seconds.items())
        print("time: " + ", ".join(times))
        for outcome in self.outcomes:
            for reason in outcome.skipped:
                print(f"SKIPPED {outcome.name}: {reason}")
        for outcome in self.outcomes:
            if outcome.failed:
                print(f"FAILED  {outcome.name}")
        if passed == 0 and failed == 0:
            print("no test has run: that is a failure")
        print(f"{passed} passed, {failed} failed, {skipped} skipped")
        return 1 if failed or passed == 0 else 0


def make_environment():
    """The environment for a make of our own: the variables that the user gave to the make above us
    are kept, its job server (which is not ours to use) is not."""
    environment = dict(os.environ)
    flags = environment.get("MAKEFLAGS", "")
    flags = re.sub(r"(^|\s)(-j\d*|--jobserver-auth=\S+|--output-sync\S*|-O\w*)(?=\s|$)", " ", flags)
    environment["MAKEFLAGS"] = flags.strip() if flags.strip() != "--" else ""
    environment.pop("MAKELEVEL", None)
    environment.pop("MFLAGS", None)
    return environment


def fixed_addresses():
    """A prefix for programs under a sanitizer: on kernels that spread addresses widely, those of
    gcc 12 and clang 14 fail at random to place their shadow memory."""
    prefix = ["setarch", os.uname().machine, "-R"]
    try:
        subprocess.run(prefix + ["true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return prefix


def run(command, timeout_s, environment=None):
    """Runs a command in the root folder; returns (exit code, output). After `timeout_s` it and its
    children are killed and the exit code is 124."""
    with tempfile.TemporaryDirectory(prefix="tieflow-test-", dir=scratch_parent()) as scratch:
        os.chmod(scratch, 0o755)  # tests that run as root run the program as somebody else as well
        environment = dict(environment or os.environ, TMPDIR=scratch)
        try:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        except OSError as error:
            return 127, f"{command[0]}: {error.strerror}\n"
        try:
            output, _ = process.communicate(timeout=timeout_s)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nkilled: still running after {timeout_s} s\n".encode()
            code = 124
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    text = output.decode(errors="replace")
    if code < 0:
        text += f"\nended by signal {-code} ({signal.Signals(-code).name})\n"
    return code, text


# In front of a command: the shell adds the times that it and the command have had of a processor.
TIMED = ["bash", "-c", '"$@"; code=$?; times; exit $code', "timed"]


def processor_seconds(output):
    """What the last lines of a timed command say; at least a second, so that whoever waits for
    them comes to an end."""
    times = re.findall(r"(\d+)m([\d.]+)s", "".join(output.splitlines()[-2:]))
    return max(1, sum(60 * int(minutes) + float(seconds) for minutes, seconds in times))


def run_make(target, live):
    """Runs one make target, past its first error so that all are seen; with `live` its lines go to
    the terminal as they come."""
    command = ["make", "--keep-going", target]
    if live:
        sys.stdout.flush()
        code = subprocess.run(command, cwd=ROOT, env=make_environment(), check=False,
                              stdin=subprocess.DEVNULL).returncode
        return code, f"make {target} failed: see above\n" if code else ""
    return run(command, None, make_environment())


def check_of(name, command_result, started):
    """The outcome of something that is either fine or not."""
    code, output = command_result
    outcome = Outcome(name, seconds=time.monotonic() - started, output=output)
    if code == 0:
        outcome.passed = 1
    else:
        outcome.failed = 1
    return outcome


def parse_cmocka(code, output):
    """Counts a cmocka program's tests from its log. A test that was begun and never ended (a crash)
    has failed, and so has a program that exits with an error, or that ran nothing. What a test
    printed last before it skipped itself is taken as the reason."""
    outcome = Outcome("", output=output)
    current = None
    said = ""
    for line in output.splitlines():
        begun = re.search(r"\[ RUN      \] (.*)$", line)
        ended = re.search(r"\[(       OK |  FAILED  |  SKIPPED |  ERROR   )\] (.*)$", line)
        if begun:
            outcome.failed += current is not None
            current = begun.group(1)
            said = ""
        elif ended and ended.group(2).startswith("GROUP "):
            outcome.failed += 1
        elif ended and ended.group(2) == current:
            word = ended.group(1).strip()
            if word == "OK":
                outcome.passed += 1
            elif word == "SKIPPED":
                outcome.skipped.append(f"{current}: {said or 'the test does not say why'}")
            else:
                outcome.failed += 1
            current = None
        elif line.strip():
            said = line.strip()
    outcome.failed += current is not None
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.output += f"\nexit code {code}, though no test failed\n"
    if outcome.passed + outcome.failed + len(outcome.skipped) == 0:
        outcome.failed = 1
        outcome.output += "\nno test has run\n"
    return outcome


def run_unittest(python, folder, module, top, environment, timeout_s):
    """Runs the Python tests of a module in a folder, imported from `top`, and counts them."""
    with tempfile.NamedTemporaryFile(prefix="tieflow-unittest-") as file:
        script = str(ROOT / "tests/tools/run_unittest.py")
        code, output = run([python, script, file.name, folder, f"{module}.py", top], timeout_s,
                           environment)
        written = file.read()
    outcome = Outcome("", output=output)
    if written:
        counts = json.loads(written)
        outcome.passed, outcome.failed = counts["passed"], counts["failed"]
        outcome.skipped = counts["skipped"]
    if outcome.failed == 0 and (code != 0 or outcome.passed + len(outcome.skipped) == 0):
        outcome.failed = 1
        outcome.output += f"\nexit code {code}: no test was found, or the run has died\n"
    return outcome


class Runner:
    """The sections; every method runs one and reports its outcomes."""

    def __init__(self, options, report):
        self.options = options
        self.report = report
        self.build = pathlib.Path(options.build)
        self.jobs = os.cpu_count() or 1
        self.python = ROOT / self.build / "venv/bin/python"

    def made(self, target):
        """Makes what a section runs; a failure is reported as the section's own."""
        started = time.monotonic()
        outcome = check_of(f"make {target}", run_make(target, live=True), started)
        if outcome.failed:
            self.report.add(outcome)
        return not outcome.failed

    def in_parallel(self, function, items, waiting=0):
        """Reports function(item) of all items, as they come; of so many more at a time than there
        are processors."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs + waiting) as pool:
            for future in concurrent.futures.as_completed(
                    [pool.submit(function, item) for item in items]):
                self.report.add(future.result())

    def lint(self):
        for name in self.options.lint.split():
            started = time.monotonic()
            live = name in ("gcc", "clang")
            self.report.add(check_of(f"lint {name}", run_make(f"lint-{name}", live), started))

    def programs(self, variant, folder, names, prefix):
        """Runs the cmocka programs `names` of one variant."""
        if not names:
            self.report.add(Outcome(f"{variant} tests", failed=1, output="tests/ has no test_*.c"))
        # An allocation that is too large gives NULL, as it does elsewhere. The interceptor of
        # strstr would measure the whole rest of the text at every call. Shadows of large
        # allocations are cleared in place: mapped anew they cost twice as much.
        environment = dict(
            os.environ,
            ASAN_OPTIONS="allocator_may_return_null=1:detect_stack_use_after_return=1:"
                         "intercept_strstr=0:clear_shadow_mmap_threshold=1000000000",
            UBSAN_OPTIONS="print_stacktrace=1",
            TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1")

        def one(name):
            started = time.monotonic()
            program = str(folder.absolute() / "tests" / name)
            code, output = run(prefix + [program], UNIT_TIMEOUT_S, environment)
            outcome = parse_cmocka(code, output)
            outcome.name = f"{variant} {name}"
            outcome.seconds = time.monotonic() - started
            return outcome

        self.in_parallel(one, names, waiting=2)  # for pretended brokers

    def unit(self):
        if self.made("everything"):
            self.programs("unit", self.build, all_unit_tests(), [])

    def asan(self):
        if self.made("variant-asan"):
            self.programs("asan", self.build / "asan", all_unit_tests(), fixed_addresses())

    def tsan(self):
        names = self.options.tsan.split()
        if names and self.made("variant-tsan"):
            self.programs("tsan", self.build / "tsan", names, fixed_addresses())

    def command_tests(self, name, timeout_s):
        """Runs the Python tests of the folder `name`, which run the program, each module in a
        process of its own."""
        folder = f"tests/{name}"
        modules = sorted(path.stem for path in (ROOT / folder).glob("test_*.py"))
        if not modules or not self.made("all"):
            return
        environment = dict(os.environ, TIEFLOW=str(self.build.absolute() / "tieflow"),
                           PYTHONDONTWRITEBYTECODE="1")
        environment.setdefault("TIEFLOW_CACHE", str(self.build.absolute() / "maven"))

        def one(module):
            started = time.monotonic()
            outcome = run_unittest(str(self.python), folder, module, ".", environment, timeout_s)
            outcome.name = f"{name} {module}"
            outcome.seconds = time.monotonic() - started
            return outcome

        self.in_parallel(one, modules, waiting=1)  # for a disk, a broker, a process to start

    def cli(self):
        if self.made("cli-programs"):  # with the benchmarks, whose drivers are tested too
            self.command_tests("cli", CLI_TIMEOUT_S)

    def kafka(self):
        if self.made("cli-programs"):  # with the libraries that are loaded in front of libc
            self.command_tests("kafka", KAFKA_TIMEOUT_S)

    def tables(self):
        checker = ROOT / "tests/check_tables.py"
        program = self.build / "tests/test_parquet_table"
        if not checker.exists() or not self.made(str(program)):
            return
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tieflow-tables-") as folder:
            result = run([str(program.absolute()), folder], UNIT_TIMEOUT_S)
            if result[0] == 0:
                result = run([str(self.python), str(checker), folder], UNIT_TIMEOUT_S)
        self.report.add(check_of("tables check_tables.py", result, started))

    def fuzz(self):
        targets = sorted(path.stem.removeprefix("fuzz_")
                         for path in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
        chosen = self.options.fuzz_targets.split() or targets
        unknown = set(chosen) - set(targets)
        if unknown:
            self.report.add(Outcome("fuzz", failed=1, output=f"no such targets: {unknown}"))
        targets = [target for target in targets if target in chosen]
        if targets and self.made("variant-fuzz"):
            prefix = fixed_addresses()
            self.in_parallel(lambda target: self.fuzz_one(target, prefix), targets)

    def fuzz_one(self, target, prefix):
        """One target. libFuzzer writes what it finds into the first folder and only reads the
        second, so that the corpus in the repository stays as it is."""
        started = time.monotonic()
        folder = self.build.absolute() / "fuzz"
        seconds = self.options.fuzz_seconds
        finds = folder / "finds" / target
        crashes = folder / "crashes"
        if not self.options.fuzz_keep:
            shutil.rmtree(finds, ignore_errors=True)
        finds.mkdir(parents=True, exist_ok=True)
        crashes.mkdir(parents=True, exist_ok=True)
        program = str(folder / "fuzz" / f"fuzz_{target}")
        command = prefix + [program, "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1",
                            f"-artifact_prefix={crashes}/{target}-"]
        corpus = [str(finds)]
        if (ROOT / "tests/fuzz/corpus" / target).is_dir():
            corpus.append(str(ROOT / "tests/fuzz/corpus" / target))
        inputs = used = 0
        while used < seconds:
            left = math.ceil(seconds - used)
            code, output = run([*TIMED, *command, f"-max_total_time={left}", *corpus],
                               left + FUZZ_GRACE_S)
            used += processor_seconds(output)
            executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
            inputs += int(executed.group(1)) if executed else 0
            if code != 0:
                break
        outcome = check_of(f"fuzz {target}", (code, output), started)
        outcome.note = f"{inputs} inputs, {used:.0f} s of a processor"
        if outcome.failed:
            # The log of a long run is mostly progress; the end says what was found.
            lines = outcome.output.splitlines()[-80:]
            lines.append(f"again: {program} {crashes}/{target}-...")
            outcome.output = "\n".join(lines)
        return outcome


def all_unit_tests():
    return sorted(path.stem for path in (ROOT / "tests").glob("test_*.c"))


def main():
    sections = ["lint", "unit", "asan", "tsan", "cli", "kafka", "tables", "fuzz"]
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", default="build", help="build folder")
    parser.add_argument("--lint", default="", help="names of the checks")
    parser.add_argument("--tsan", default="", help="names of the tests that start threads")
    parser.add_argument("--fuzz-seconds", type=int, default=5)
    parser.add_argument("--fuzz-targets", default="", help="names of the targets (all)")
    parser.add_argument("--fuzz-keep", action="store_true", help="start from earlier finds")
    parser.add_argument("sections", nargs="+", choices=sections, metavar="SECTION")
    options = parser.parse_args()
    os.chdir(ROOT)
    report = Report()
    runner = Runner(options, report)
    for section in options.sections:
        print(f"-- {section}", flush=True)
        started = time.monotonic()
        getattr(runner, section)()
        report.section_seconds[section] = time.monotonic() - started
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
