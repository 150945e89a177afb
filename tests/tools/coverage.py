"""Which branches of the library the tests have taken, by what gcc counted.

    coverage.py BUILD

BUILD is the build folder of the coverage variant, in which tests have run. Two files are written
into it: modules.txt, a line for each module, and errors.txt, the branches of error paths that no
test took. What a branch is for is read off its line:

    memory       an allocation failed (err_memory)
    handed on    a callee failed (TRY, TRY_OR, failed)
    error        something else is wrong (err_set): a line that never ran
    assertion    our own mistake, which no test should reach; not counted as a branch
    other        no error path
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("schemas", "stages", "pipeline")
ERRORS = ("memory", "handed on", "error")


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
    """(branches taken, branches not taken, [(line, kind)]) of one file as gcov counts it: lines
    with branches not taken, and lines of errors that never ran."""
    taken = 0
    missed = []
    for line in counted["lines"]:
        number = line["line_number"]
        kind = kind_of(source[number - 1])
        if kind == "assertion":
            continue
        counts = [branch["count"] for branch in line["branches"]]
        taken += sum(count > 0 for count in counts)
        missed += [(number, kind)] * sum(count == 0 for count in counts)
        if not counts and line["count"] == 0 and kind in ("memory", "error"):
            missed.append((number, kind))
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


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    modules, errors = [], []
    kinds = collections.Counter()
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.c")):
            name = str(path.relative_to(ROOT))
            source = path.read_text(encoding="utf-8").splitlines()
            notes = (build / "obj" / name).with_suffix(".gcno")
            counted = counted_by_gcov(str(notes)).get(name, {"lines": []})
            taken, not_taken, missed = missed_of(counted, source)
            modules.append((name, taken, not_taken))
            kinds.update(kind for _, kind in missed)
            errors += [f"{name}:{number}: {kind}: {source[number - 1].strip()}"
                       for number, kind in sorted(set(missed)) if kind in ERRORS]
    taken = sum(module[1] for module in modules)
    not_taken = sum(module[2] for module in modules)
    lines = [f"{'module':44} {'taken':>7} {'not':>7} {'share':>7}"]
    for name, yes, no in [*modules, ("all", taken, not_taken)]:
        lines.append(f"{name:44} {yes:7} {no:7} {100 * yes / max(1, yes + no):6.1f}%")
    (build / "modules.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (build / "errors.txt").write_text("\n".join(errors) + "\n", encoding="utf-8")
    print(lines[-1])
    print("not taken: " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
    print(f"{build}/modules.txt, {build}/errors.txt ({len(errors)} lines)")


if __name__ == "__main__":
    main()
