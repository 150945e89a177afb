"""tieflow beside what else counts common neighbours: one log, one run, equal results.

    contest.py BUILD FOLDER [--logs MODEL:TIES,...] [--contenders NAME,...] [--rounds N]
               [--limit SECONDS]

Called by `make bench`. BUILD has the programs, FOLDER takes logs and scratch files, which are
removed, and contest.jsonl: a line per log and contender. For every log each contender runs in
processes of its own, up to --rounds times and as long as all of its rounds together stay below a
minute; the median counts.

What is timed is the whole work, from the packed log on disk to all counts in memory, within the
process: bench/contender.h says what is charged to whom. DuckDB reads the same ties as CSV instead.
The ratio is a contender's time over that of tieflow on two threads. Temporal contenders must agree
with tieflow on every tie (a checksum over all counts in log order; DuckDB: their sum), static ones
on the triangles of the finished graph, which are that sum. A difference ends the run with an error.

A contender that does not finish (--limit, or too little memory) gets a line that says so, as does
one that is known to stop before that size, or whose library is missing. R-MAT, with its hubs, is
for tieflow alone.
"""

import argparse
import collections
import datetime
import json
import pathlib
import signal
import statistics
import subprocess
import sys

import programs

DEGREE = 200
REFERENCE = "tieflow-2"
# What tieflow must keep to on two threads, on the graph that the contest has by default.
RMAT_TIES, RMAT_MOST_NS = 50_000_000, 400
ROUNDS_SECONDS = 60
# How a contender ends that finds too little memory: it says so (FAILURE_RETRY), or is killed.
STOPS = (None, 75, -signal.SIGKILL)

Contender = collections.namedtuple("Contender", "program argument threads ties_max stops")
CONTENDERS = {
    "tieflow-2": Contender("bench_temporal", "tieflow", 2, None, ""),
    "tieflow-1": Contender("bench_temporal", "tieflow", 1, None, ""),
    "roaring": Contender("bench_temporal", "roaring", 1, 50_000_000, "more than half an hour"),
    "sorted": Contender("bench_temporal", "sorted", 1, 50_000_000, "more than half an hour"),
    "graphblas": Contender("bench_static", "graphblas", 2, 50_000_000,
                             "memory, and a quarter of an hour"),
    "igraph": Contender("bench_static", "igraph", 1, 50_000_000,
                          "memory: 64-bit ids, several copies"),
    "triangles": Contender("bench_triangles", None, 2, None, ""),
    "duckdb": Contender("peer_duckdb_ties.py", None, 2, 5_000_000,
                        "minutes at 5 M already, and a join grows faster than the ties"),
}


class Log:
    """One log of the contest: its options, and its files once they are made."""

    def __init__(self, text, options):
        self.model, _, ties = text.partition(":")
        self.ties = int(ties)
        self.folder = options.folder
        self.tieflow = options.build / "tieflow"
        self.path = self.folder / "contest.tfp"
        self.csv = self.folder / "contest.csv"
        self.members = self.ties * 2 // DEGREE
        self.model_options = ["--model", self.model, "--ties", self.ties]
        if self.model == "rmat":
            scale = max(1, (self.members - 1).bit_length())
            self.members = 1 << scale
            self.model_options += ["--scale", scale]
        else:
            self.model_options += ["--degree", DEGREE, "--disconnects", 0, "--warts", 0]

    def make(self, path):
        command = [self.tieflow, "generate", "-o", path, "-q", "--days", 1826]
        programs.run(command + self.model_options, self.folder)

    def remove(self):
        self.path.unlink(missing_ok=True)
        self.csv.unlink(missing_ok=True)


def command_of(contender, log, options):
    """The command of a contender; Ended where something that it needs is missing."""
    python = options.build / "venv" / "bin" / "python"
    program = options.build / "bench" / contender.program
    if contender.program.endswith(".py"):
        if not python.exists() or subprocess.run([python, "-c", "import duckdb"], check=False,
                                                 capture_output=True).returncode != 0:
            raise programs.Ended("skipped: the Python package duckdb is missing: make deps-test")
        if not log.csv.exists():
            log.make(log.csv)
        script = pathlib.Path(__file__).with_name(contender.program)
        return [python, script, log.csv, log.folder, contender.threads]
    if not program.exists():
        raise programs.Ended("skipped: its library is missing (make deps-peers)")
    if contender.argument is None:
        return [program, log.path, log.folder, contender.threads]
    return [program, contender.argument, log.path, log.folder, contender.threads, log.members]


def measure(name, log, options):
    """The median run of a contender."""
    contender = CONTENDERS[name]
    if contender.ties_max and log.ties > contender.ties_max:
        raise programs.Ended(f"stops at {contender.ties_max:,} ties: {contender.stops}")
    command = command_of(contender, log, options)
    runs = []
    while len(runs) < options.rounds and sum(run["seconds"] for run in runs) < ROUNDS_SECONDS:
        process, found = programs.run(command, log.folder, options.limit)
        found["peak_bytes"] = process["peak_bytes"]
        found["processor_seconds"] = process["processor_seconds"]
        runs.append(found)
    runs.sort(key=lambda run: run["seconds"])
    middle = runs[(len(runs) - 1) // 2]
    middle["rounds"] = [run["seconds"] for run in runs]
    middle["seconds"] = round(statistics.median(middle["rounds"]), 3)
    middle["threads"] = contender.threads
    return middle


def check(name, found, first):
    """Ends everything where a contender's results are not tieflow's."""
    triangles = found.get("mutual_sum", found.get("triangles"))
    if (found["ties"], triangles) != (first["ties"], first["mutual_sum"]) or (
            found.get("checksum", first["checksum"]) != first["checksum"]):
        sys.exit(f"contest: {name} finds {found}, tieflow {first}")


def contenders_of(log, options):
    """tieflow on two threads and those asked for; the graph with hubs is for tieflow alone."""
    asked = [name for name in options.contenders if name != REFERENCE]
    return [REFERENCE] + [name for name in asked
                          if log.model != "rmat" or name.startswith("tieflow")]


def hold(log, options, lines):
    """All contenders on one log; prints its table."""
    log.make(log.path)
    log_bytes = log.path.stat().st_size
    about = {"model": log.model, "members": log.members, "log_bytes": log_bytes,
             "log_bytes_per_event": round(log_bytes / log.ties, 2), "machine": programs.machine(),
             "when": datetime.date.today().isoformat()}
    print(f"{log.model}: {log.ties:,} ties, {log.members:,} members, "
          f"packed log {about['log_bytes_per_event']} bytes per event")
    print(f"  {'contender':<18} {'counts':<8} {'threads':>7} {'ns/tie':>8} {'M ties/s':>8} "
          f"{'bytes/tie':>9} {'ratio':>7}  seconds by stage")
    first = None
    for name in contenders_of(log, options):
        try:
            found = measure(name, log, options)
        except programs.Ended as ended:
            if name.startswith("tieflow") or ended.code not in STOPS:
                raise
            why = "out of memory" if ended.code else str(ended)
            print(f"  {name:<18} {why}", flush=True)
            lines.append({"contender": name, "ties": log.ties, "stops": why, **about})
            continue
        first = first or found
        check(name, found, first)
        found["counts"] = "temporal" if "mutual_sum" in found else "static"
        found["ns_per_tie"] = round(1e9 * found["seconds"] / log.ties, 1)
        found["peak_bytes_per_tie"] = round(found["peak_bytes"] / log.ties, 2)
        found["ratio"] = round(found["seconds"] / first["seconds"], 2)
        lines.append({**found, **about})
        found["mties_per_second"] = round(1e3 / found["ns_per_tie"], 3)
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in found["stages"].items())
        print(f"  {found['contender']:<18} {found['counts']:<8} {found['threads']:>7} "
              f"{found['ns_per_tie']:>8.1f} {found['mties_per_second']:>8.2f} "
              f"{found['peak_bytes_per_tie']:>9.2f} {found['ratio']:>6.1f}x  {stages}", flush=True)
    print(f"  equal results: sum of M {first['mutual_sum']:,}, checksum {first['checksum']}")
    if log.model == "rmat" and log.ties == RMAT_TIES:
        print(f"  must: at most {RMAT_MOST_NS} ns per tie on 2 threads: "
              f"{'kept' if first['ns_per_tie'] <= RMAT_MOST_NS else 'MISSED'}")
    print(flush=True)


def names(text):
    chosen = text.split(",")
    if unknown := set(chosen) - set(CONTENDERS):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(CONTENDERS)}")
    return chosen


def main():
    programs.end_with_children()
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--logs", default="stream:5000000,stream:50000000,rmat:50000000")
    parser.add_argument("--contenders", type=names, default=list(CONTENDERS),
                        help=",".join(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=900)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    lines = []
    print(programs.machine_text())
    for text in options.logs.split(","):
        log = Log(text, options)
        try:
            hold(log, options, lines)
        except programs.Ended as ended:
            sys.exit(f"contest: {ended}")
        finally:
            log.remove()
            with open(options.folder / "contest.jsonl", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)


if __name__ == "__main__":
    main()
