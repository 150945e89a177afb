"""Which branches of the library the tests have taken, by what gcc counted.

    coverage.py BUILD ARGUED

BUILD is the build folder of the coverage variant, in which tests have run. Two files are written
into it: modules.txt, a line for each module, and errors.txt, the branches of error paths that no
test took. What a branch is for is read off its line:

    memory       an allocation failed (err_memory)
    handed on    a callee failed (TRY, TRY_OR, failed)
    error        something else is wrong (err_set): a line that never ran
    assertion    our own mistake, which no test should reach; not counted as a branch
    other        no error path

ARGUED is the kept file that says why the error branches that are left need no test:

    # a remark
    = name of a reason: what it is, which holds for all that follows
      and may go on
    path: function: the line of source

The exit code is 0 only if every error branch that no test took is argued away, and every argument
is about a line that is there.
"""

import collections
import dataclasses
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("schemas", "stages", "pipeline")
ERRORS = ("memory", "handed on", "error")


@dataclasses.dataclass(frozen=True, order=True)
class Missed:
    """A branch that no test took."""

    number: int  # of its line
    kind: str
    function: str


def kind_of(line):
    """What the branches of a line of C are for."""
    if re.search(r"\bassert\s*\(", line):
        return "assertion"
    if re.search(r"\berr_memory\s*\(|\bno_memory\s*\(", line):
        return "memory"
    if re.search(r"\bTRY(_OR)?\s*\(|\bfailed\s*\(", line):
        return "handed on"
    return "error" if re.search(r"\berr_\w+\s*\(|\w_error\s*\(", line) else "other"


def missed_of(counted, source):
    """(branches taken, branches not taken, [Missed]) of one file as gcov counts it: lines with
    branches not taken, and lines of errors that never ran."""
    taken = 0
    missed = []
    for line in counted["lines"]:
        number = line["line_number"]
        kind = kind_of(source[number - 1])
        if kind == "assertion":
            continue
        one = Missed(number, kind, line.get("function_name", ""))
        counts = [branch["count"] for branch in line["branches"]]
        taken += sum(count > 0 for count in counts)
        missed += [one] * sum(count == 0 for count in counts)
        if not counts and line["count"] == 0 and kind in ("memory", "error"):
            missed.append(one)
    branches = sum(len(line["branches"]) for line in counted["lines"]
                   if kind_of(source[line["line_number"] - 1]) != "assertion")
    return taken, branches - taken, missed


def counted_by_gcov(notes):
    """What gcov tells of one object: {source file: its counts}."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", notes],
                          capture_output=True, check=True, cwd=ROOT)
    files = {}
    for line in done.stdout.splitlines():
        for file in json.loads(line)["files"]:
            files[file["file"]] = file
    return files


def argued_of(text):
    """{"path: function: line": name of the reason} of the file of arguments."""
    argued = {}
    reason = None
    for line in text.splitlines():
        if line.startswith("= ") and ": " in line:
            reason = line[2:line.index(": ")]
        elif line and not line.startswith(("#", "  ")):
            if reason is None or line.count(": ") < 2 or line in argued:
                raise SystemExit(f"no argument, or argued twice: {line}")
            argued[line] = reason
    return argued


def keys_of(name, counted, source):
    """What an argument may be about: the lines of one file, each in its function."""
    return {f"{name}: {line.get('function_name', '')}: {source[line['line_number'] - 1].strip()}"
            for line in counted["lines"]}


class Coverage:
    """What is found, module by module."""

    def __init__(self, argued):
        self.argued = argued
        self.modules = []
        self.errors = []
        self.kinds = collections.Counter()
        self.reasons = collections.Counter()
        self.open = 0
        self.stale = set(argued)
        self.spare = set(argued)

    def add(self, name, counted, source):
        taken, not_taken, missed = missed_of(counted, source)
        self.modules.append((name, taken, not_taken))
        self.kinds.update(one.kind for one in missed)
        self.stale -= keys_of(name, counted, source)
        for one, count in sorted(collections.Counter(missed).items()):
            if one.kind not in ERRORS:
                continue
            text = source[one.number - 1].strip()
            key = f"{name}: {one.function}: {text}"
            reason = self.argued.get(key)
            self.spare.discard(key)
            if reason is None:
                self.open += count
            else:
                self.reasons[reason] += count
            self.errors.append(f"{name}:{one.number}: {one.kind}: {one.function}: {text} -- " +
                               ("NOT ARGUED" if reason is None else f"argued: {reason}"))

    def table(self):
        """A line for each module, each part and all."""
        parts = collections.defaultdict(lambda: [0, 0])
        for name, taken, not_taken in self.modules:
            folder = str(pathlib.Path(name).parent)
            for whole in (folder, "all"):
                parts[whole][0] += taken
                parts[whole][1] += not_taken
        rows = [*self.modules, *((part, *counts) for part, counts in
                                 sorted(parts.items(), key=lambda one: (one[0] == "all", one)))]
        return [f"{'module':44} {'taken':>7} {'not':>7} {'share':>7}",
                *(f"{name:44} {yes:7} {no:7} {100 * yes / max(1, yes + no):6.1f}%"
                  for name, yes, no in rows)]

    def tell(self):
        """The lines for whoever asked."""
        yield self.table()[-1]
        yield "not taken: " + ", ".join(f"{kind} {count}" for kind, count
                                        in self.kinds.most_common())
        for reason, count in self.reasons.most_common():
            yield f"  {count:5}  argued: {reason}"
        yield f"  {self.open:5}  NOT ARGUED"
        for key in sorted(self.spare - self.stale):
            yield f"argued, and taken all the same: {key}"
        for key in sorted(self.stale):
            yield f"ARGUED, AND NOT THERE: {key}"


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    coverage = Coverage(argued_of(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")))
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.c")):
            name = str(path.relative_to(ROOT))
            notes = (build / "obj" / name).with_suffix(".gcno")
            coverage.add(name, counted_by_gcov(str(notes)).get(name, {"lines": []}),
                         path.read_text(encoding="utf-8").splitlines())
    for name, lines in (("modules", coverage.table()), ("errors", coverage.errors)):
        (build / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(coverage.tell()))
    print(f"{build}/modules.txt, {build}/errors.txt")
    return 1 if coverage.open or coverage.stale else 0


if __name__ == "__main__":
    sys.exit(main())
