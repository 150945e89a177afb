"""The study at its full size: a log of billions of ties through tieflow, step by step.

    study.py BUILD FOLDER [--ties N] [--degree D] [--threads N] [--memory SIZE] [--again STEP]

Called by `make bench-study`. What a step finds stands in FOLDER/study.json as soon as it is
through, and a step that stands there is not made again, so a run that was cut off goes on where it
was; --again STEP makes that step and those behind it once more. Needs Linux and nothing but
Python's own library. At 2 billion ties: about an hour, 60 GB of disk, and the memory that --memory
says.

Steps, each in a process of its own, whose time, processor time and greatest resident memory count:

    log          the connection log, packed, in time order, each pair once
    ties         log on disk to table of ties on disk (Parquet), under `sequence`
    state        the same log into a state, date by date, without tables, but for the last six dates
    night-1      the next date on that state (1.1 M ties of 2 B)
    night-5      five more dates at once
    attribution  3 moves per 10,000 ties (600,000 of 2 B) attributed on the state after the nights;
                 the careers are made for it and read, but making them is not in its time
    memory       a log of 3/20 of the ties through `ties` in 2, 6 and 16 GiB (of fewer than 2 B ties
                 in proportion, beside 48 MiB that any run takes): all tables must be the same bytes
    triangles    triangles of the graph of `ties` by bench_triangles; must be the sum of all M

The tables of a step are removed once it is measured. Nights work on links of the state before, so
that each can be made again; the links take no room.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import sys

from programs import GIB, Ended, end_with_children, machine, machine_text, run

START = datetime.date(2015, 1, 1)
DAYS = 1826
MEMORY_STEP_GIB = (2, 6, 16)
LEAST_MIB = 48  # that any run takes


def bytes_below(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Study:
    def __init__(self, options):
        self.options = options
        self.tieflow = options.build / "tieflow"
        self.folder = options.folder
        self.log = self.folder / "logs" / "base.tfp"
        self.tables = self.folder / "tables"
        self.limits = ["--memory", options.memory] if options.memory else []
        self.limits += ["--threads", options.threads, "--log", "json"]
        self.found = {}

    def log_make(self, path, ties):
        path.parent.mkdir(exist_ok=True)
        return run(
            [self.tieflow, "generate", "-o", path, "--model", "stream", "--ties", ties]
            + ["--degree", self.options.degree, "--start", START, "--days", DAYS]
            + ["--disconnects", 0, "--warts", 0, "--log", "json"],
            self.folder,
        )[0]

    def step_log(self):
        found = self.log_make(self.log, self.options.ties)
        found["bytes"] = self.log.stat().st_size
        found["bytes_per_event"] = round(found["bytes"] / self.options.ties, 2)
        return found

    def ties_make(self, log, limits):
        """One run of `tieflow ties`; returns what it took, its summary and its manifest."""
        shutil.rmtree(self.tables, ignore_errors=True)
        found, done = run(
            [self.tieflow, "ties", log, "-o", self.tables, "--format", "parquet"]
            + ["--simultaneous", "sequence"] + limits,
            self.folder,
        )
        manifest = json.loads((self.tables / "manifest.json").read_text())
        found["summary"] = done["summary"]
        found["run_id"] = manifest["run_id"]
        found["checksums"] = {table["file"]: table["xxh64"] for table in manifest["tables"]}
        found["table_bytes"] = bytes_below(self.tables)
        shutil.rmtree(self.tables)
        return found

    def step_ties(self):
        return self.ties_make(self.log, self.limits)

    def state_of(self, step):
        return self.folder / f"state-{step}"

    def step_state(self):
        state = self.state_of("state")
        shutil.rmtree(state, ignore_errors=True)
        shutil.rmtree(self.tables, ignore_errors=True)
        found, done = run(
            [self.tieflow, "backfill", "--state", state, "--logs", self.log.parent]
            + ["--from", START, "--to", self.day(6), "-o", self.tables, "--format", "none"]
            + self.limits,
            self.folder,
        )
        found["summary"] = done["summary"]
        found["state_bytes"] = bytes_below(state)
        adjacency = sum(path.stat().st_size for path in state.rglob("adjacency*"))
        found["adjacency_bytes"] = adjacency
        found["adjacency_bytes_per_tie"] = round(adjacency / self.options.ties, 2)
        shutil.rmtree(self.tables)
        return found

    def day(self, before):
        """The date so many days before the last one."""
        return START + datetime.timedelta(days=DAYS - 1 - before)

    def night(self, step, before, verb):
        """The step's dates on links of the state that another step has left; nothing of a state is
        written in place."""
        state = self.state_of(step)
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(self.state_of(before), state, copy_function=os.link)
        shutil.rmtree(self.tables, ignore_errors=True)
        found, done = run(
            [self.tieflow, *verb, "--state", state, "--logs", self.log.parent]
            + ["-o", self.tables, "--format", "parquet"] + self.limits,
            self.folder,
        )
        found["summary"] = done["summary"]
        shutil.rmtree(self.tables)
        return found

    def step_night_1(self):
        return self.night("night-1", "state", ["run", "--date", self.day(5)])

    def step_night_5(self):
        dates = ["--from", self.day(4), "--to", self.day(0)]
        return self.night("night-5", "night-1", ["backfill"] + dates)

    def step_attribution(self):
        positions = self.folder / "positions.csv"
        members = self.options.ties * 2 // self.options.degree
        moves = self.options.ties * 3 // 10000
        start_ms = (START - datetime.date(1970, 1, 1)).days * 86400000
        program = self.options.build / "bench" / "bench_positions"
        run([program, positions, members, moves, start_ms, DAYS], self.folder)
        shutil.rmtree(self.tables, ignore_errors=True)
        found, done = run(
            [self.tieflow, "attribute", "--state", self.state_of("night-5")]
            + ["--positions", positions, "--scope", "moves"]
            + ["-o", self.tables, "--format", "parquet"] + self.limits,
            self.folder,
        )
        found["summary"] = done["summary"]
        found["moves"] = moves
        found["positions_bytes"] = positions.stat().st_size
        positions.unlink()
        shutil.rmtree(self.tables)
        return found

    def step_memory(self):
        ties = self.options.ties * 3 // 20
        share = min(1, ties / 300_000_000)
        log = self.folder / "memory" / "memory.tfp"
        self.log_make(log, ties)
        runs = []
        for gib in MEMORY_STEP_GIB:
            mib = round(LEAST_MIB + (gib * 1024 - LEAST_MIB) * share)
            limits = ["--memory", f"{mib}M", "--threads", self.options.threads, "--log", "json"]
            found = self.ties_make(log, limits)
            runs.append({"memory_mib": mib, **found})
        log.unlink()
        if any(found["checksums"] != runs[0]["checksums"] for found in runs):
            sys.exit(f"study: tables depend on memory: {[found['checksums'] for found in runs]}")
        return {**runs[0], "runs": runs}

    def step_triangles(self):
        found, counted = run(
            [self.options.build / "bench" / "bench_triangles", self.log, self.folder,
             self.options.threads],
            self.folder,
        )
        found["triangles"] = counted["triangles"]
        found["phases"] = counted["stages"]
        ties = self.found["ties"]["summary"]
        if counted["triangles"] != ties["mutual_sum"] or counted["ties"] != ties["ties"]:
            sys.exit(f"study: {counted} where tieflow found {ties}")
        return found

    STEPS = ("log", "ties", "state", "night-1", "night-5", "attribution", "memory", "triangles")

    def make(self):
        path = self.folder / "study.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        asked = {"ties": self.options.ties, "degree": self.options.degree}
        self.found = json.loads(path.read_text()) if path.exists() else {"asked": asked}
        if self.found["asked"] != asked:
            sys.exit(f"study: {path} is of {self.found['asked']}: give another folder")
        if self.options.again:
            for step in self.STEPS[self.STEPS.index(self.options.again):]:
                self.found.pop(step, None)
        for step in self.STEPS:
            if step not in self.found:
                print(f"study: {step} ...", file=sys.stderr, flush=True)
                self.found[step] = getattr(self, "step_" + step.replace("-", "_"))()
                self.found[step]["machine"] = machine()
                self.found[step]["when"] = datetime.date.today().isoformat()
                written = path.with_suffix(".tmp")
                written.write_text(json.dumps(self.found, indent=1) + "\n")
                written.replace(path)
        self.print()

    def print(self):
        members = self.options.ties * 2 // self.options.degree
        print(f"{self.options.ties:,} ties, {members:,} members; {machine_text()}")
        print(f"  {'step':<12} {'seconds':>8} {'processor':>9} {'ns/tie':>8} {'peak GiB':>8}  "
              "phases (s)")
        for step in self.STEPS:
            found = self.found[step]
            # of the ties that the step itself works on
            ties = found.get("summary", {}).get("ties") or self.options.ties
            phases = [f"{name} {seconds:.1f}" for name, seconds in found["phases"].items()]
            print(
                f"  {step:<12} {found['seconds']:>8.1f} {found['processor_seconds']:>9.1f} "
                f"{1e9 * found['seconds'] / ties:>8.0f} {found['peak_bytes'] / GIB:>8.2f}  "
                f"{', '.join(phases)}"
            )
        print(f"  log {self.found['log']['bytes_per_event']} bytes per event, table of ties "
              f"{self.found['ties']['table_bytes'] / self.options.ties:.1f} and adjacency at rest "
              f"{self.found['state']['adjacency_bytes_per_tie']} bytes per tie")
        print(f"  sum of M = triangles = {self.found['triangles']['triangles']:,}; "
              f"ties.parquet {self.found['ties']['checksums']['ties.parquet']}")
        moved = self.found["attribution"]
        print(f"  {moved['moves']:,} moves attributed in {moved['seconds']:.1f} s")
        for found in self.found["memory"]["runs"]:
            print(f"  {found['summary']['ties']:,} ties in {found['memory_mib']} MiB: "
                  f"{found['slices']} slices, {found['seconds']:.1f} s, "
                  f"peak {found['peak_bytes'] / GIB:.2f} GiB")
        print("  equal tables in every memory")


def main():
    end_with_children()
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--ties", type=int, default=2_000_000_000)
    parser.add_argument("--degree", type=int, default=200,
                        help="mean degree, which sets the number of members")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="", help="of tieflow; empty for its own default")
    parser.add_argument("--again", choices=Study.STEPS)
    try:
        Study(parser.parse_args()).make()
    except Ended as ended:
        sys.exit(f"study: {ended}")


if __name__ == "__main__":
    main()
