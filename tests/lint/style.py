"""Checks the house rules that neither a compiler nor clang-tidy knows.

    style.py [ROOT]

One line per violation, exit code 1 if there is any. The rules are the functions below; each says
in its first line what it asks for.
"""

import pathlib
import re
import sys

import tree

FILE_BYTES_MAX = 1 << 20
LINE_COLUMNS_MAX = 100

# Text that we write ourselves; anything else in the tree is data.
OUR_SUFFIXES = {".c", ".h", ".py", ".sh", ".md", ".java", ".xml", ".ini", ".toml", ".html", ".sql",
                ".txt"}
OUR_NAMES = {"Makefile", ".clang-format", ".clang-tidy", ".gitignore", "run"}

# Modules without a header and a unit test of their own, and why. Those that verbs.h declares (they
# include it and have no header) need no entry: tests/cli tests the verbs.
NO_HEADER = {"pipeline/main.c": "nothing calls it"}
NO_TEST = {
    "pipeline/main.c": "tests/cli runs the program",
    "pipeline/attribute_state.c": "tests/cli/test_study_nights.py compares a log with its state",
    "pipeline/dead_letters.c": "tests/kafka/test_emit.py reads them from file and topic",
    "pipeline/emit_request.c": "tests/kafka/test_emit.py runs with every option that it reads",
    "pipeline/engine.c": "tests/cli compares its tables with an oracle",
    "pipeline/ingest.c": "tests/cli compares nights, repeats and late logs with an oracle",
    "pipeline/log_files.c": "test_fact_logs and tests/cli run nights, repeats, logs that are gone",
    "pipeline/log_source.c": "tests/cli/test_generate.py asks for every model",
    "pipeline/night_study.c": "tests/cli/test_study_nights.py compares nights with one run",
    "pipeline/progress.c": "tests/cli/test_command_line.py reads its JSON lines",
    "pipeline/quarantine.c": "test_fact_logs and tests/cli read what is set aside",
    "pipeline/publish.c": "tests/cli/test_outputs.py",
    "pipeline/row_block.c": "tests/cli/test_attribute.py compares every table with an oracle",
    "pipeline/run.c": "tests/cli runs `ties`, `run` and `backfill`",
    "pipeline/study_job.c": "tests/cli/test_attribute.py compares every table with an oracle",
    "pipeline/study_settings.c": "tests/cli/test_attribute.py compares every table with an oracle",
    "pipeline/study_tables.c": "tests/cli/test_attribute.py compares every table with an oracle",
    "pipeline/study_ties.c": "tests/cli/test_attribute.py compares every table with an oracle",
    "pipeline/survey.c": "tests/cli tests `check` and `explain`, which show what it finds",
    "pipeline/topic.c": "tests/kafka/test_ingest.py compares topics with files",
    "pipeline/topic_plan.c": "test_fact_logs and tests/kafka/test_ingest.py read topics by night",
    "pipeline/topic_writer.c": "tests/kafka/test_topics.py reads back what it wrote",
    "stages/attribution/carriers.c": "test_attribution compares its rows with an oracle",
    "stages/attribution/cohort.c": "test_attribution compares its classes with an oracle",
    "stages/attribution/member_facts.c": "test_attribution compares its rows with an oracle",
    "stages/attribution/movers.c": "test_attribution compares its doses with an oracle",
    "stages/attribution/row_lists.c": "test_attribution compares what is in them with an oracle",
    "stages/attribution/tie_walk.c": "test_side_gather and test_attribution look at what it reads",
    "stages/decode/csv.c": "test_log_reader reads it",
    "stages/decode/csv_record.c": "test_log_reader and test_fact_reader try every quoting",
    "stages/decode/fact_fields.c": "test_fact_reader tries every field",
    "stages/decode/fields.c": "test_log_reader and test_edge_list try every field",
    "stages/decode/log_writer.c": "test_log_reader reads back what it writes",
    "stages/decode/ndjson.c": "test_log_reader reads it",
    "stages/decode/text_lines.c": "test_log_reader reads with every buffer size",
    "stages/report/page_comparisons.c": "test_report_page reads the whole page",
    "stages/report/page_curves.c": "test_report_page reads the whole page",
    "stages/report/page_header.c": "test_report_page reads the whole page",
    "stages/report/page_notes.c": "test_report_page reads the whole page",
    "stages/report/page_tables.c": "test_report_page reads the whole page",
    "stages/report/report_style.c": "tests/cli/test_report.py looks at it in a browser",
    "stages/sink/database_views.c": "test_database opens every view",
    "stages/sink/parquet_column.c": "test_parquet_table writes every type of column",
    "stages/sink/table_writer.c": "test_csv_table and test_parquet_table go through it",
}
VERBS_HEADER = pathlib.PurePosixPath("pipeline/verbs.h")

# Printing and leaving are for pipeline/ to do.
FORBIDDEN_CALL = re.compile(
    r"\b(v?f?printf|v?dprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit)\s*\(")

# Places that exist on one machine only. The alternatives are spelled so that this file has none.
MACHINE_PATH = re.compile(r"(?<![\w.$}\])/*-])/(?:root|home|work|Users|opt/wheels)/\w")
# Hosts that packages are fetched from: each machine says in its own configuration which to use.
REGISTRY_HOST = re.compile(
    r"\b(?:(?:[\w-]+\.)?(?:pypi|pythonhosted)\.org|repo1?\.maven\.|(?:deb|security|ftp)\.debian\."
    r"|registry\.npmjs\.|(?:static\.|index\.)crates\.io|(?:proxy|sum)\.golang\.)")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def is_ours(path):
    return path.suffix in OUR_SUFFIXES or path.name in OUR_NAMES


def check_size(path, data):
    """No file over 1 MiB."""
    if len(data) > FILE_BYTES_MAX:
        yield 1, f"{len(data)} bytes: the limit is {FILE_BYTES_MAX}"


def check_text(path, data):
    """Our text is UTF-8, ends in one newline, has no trailing blanks, no tabs outside a Makefile;
    C, Python and shell keep to 100 columns."""
    if not is_ours(path):
        return
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        yield data.count(b"\n", 0, error.start) + 1, "not UTF-8"
        return
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield line_of(text, len(text)), "must end in one newline"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "trailing blank"
        if "\t" in line and path.name != "Makefile":
            yield number, "tab"
        if len(line) > LINE_COLUMNS_MAX and path.suffix in (".c", ".h", ".py", ".sh"):
            yield number, f"{len(line)} columns: the limit is {LINE_COLUMNS_MAX}"


def check_places(path, data):
    """No path of somebody's machine, no host of a package registry."""
    text = data.decode(errors="replace")
    for pattern, what in ((MACHINE_PATH, "path of one machine"), (REGISTRY_HOST, "registry host")):
        for match in pattern.finditer(text):
            yield line_of(text, match.start()), f"{what}: {match.group(0)}"


def check_guard(path, data):
    """A header's guard is TIEFLOW_ and its path."""
    if path.suffix != ".h":
        return
    guard = "TIEFLOW_" + re.sub(r"\W", "_", str(path)).upper()
    if f"#ifndef {guard}\n#define {guard}\n" not in data.decode(errors="replace"):
        yield 1, f"the include guard must be {guard}"


def check_calls(path, data):
    """No print and no exit below pipeline/."""
    if path.suffix not in (".c", ".h") or path.parts[0] not in ("schemas", "stages"):
        return
    text = tree.without_comments(data.decode(errors="replace"), strings_too=True)
    for match in FORBIDDEN_CALL.finditer(text):
        yield line_of(text, match.start()), f"{match.group(1)} below pipeline/: return a status"


FILE_CHECKS = [check_size, check_text, check_places, check_guard, check_calls]


def is_verb(path, root):
    """True for a module of pipeline/ that has no header since verbs.h declares it."""
    return path.parent == VERBS_HEADER.parent and f'#include "{VERBS_HEADER}"' in (
        (root / path).read_text(errors="replace"))


def check_modules(paths, root):
    """Every module has a header and a test, and a name that no other module has (the test is named
    after it)."""
    modules = [path for path in sorted(paths)
               if path.suffix == ".c" and path.parts[0] in ("schemas", "stages", "pipeline")]
    seen = {}
    for path in modules:
        header = path.with_suffix(".h")
        test = pathlib.PurePosixPath(f"tests/test_{path.stem}.c")
        verb = header not in paths and is_verb(path, root)
        if header not in paths and str(path) not in NO_HEADER and not verb:
            yield path, f"has no {header}"
        if test not in paths and str(path) not in NO_TEST and not verb:
            yield path, f"has no {test}"
        if path.stem in seen:
            yield path, f"has the name of {seen[path.stem]}"
        seen[path.stem] = path


def check_exceptions(paths, _root):
    """An exception names a file that exists."""
    for path in sorted({*NO_HEADER, *NO_TEST}):
        if pathlib.PurePosixPath(path) not in paths:
            yield path, "has an exception in tests/lint/style.py, and is gone"


def check_folders(paths, _root):
    """Every folder under stages/ has a README.md."""
    for folder in sorted({path.parts[1] for path in paths
                          if path.parts[0] == "stages" and len(path.parts) > 2}):
        readme = pathlib.PurePosixPath(f"stages/{folder}/README.md")
        if readme not in paths:
            yield readme, "is missing"


def check_corpora(paths, _root):
    """Every fuzzing corpus belongs to a target."""
    for name in sorted({path.parts[3] for path in paths
                        if path.parts[:3] == ("tests", "fuzz", "corpus") and len(path.parts) > 4}):
        target = pathlib.PurePosixPath(f"tests/fuzz/fuzz_{name}.c")
        if target not in paths:
            yield pathlib.PurePosixPath(f"tests/fuzz/corpus/{name}"), f"has no {target}"


TREE_CHECKS = [check_modules, check_exceptions, check_folders, check_corpora]


def violations(root):
    root = pathlib.Path(root)
    paths = tree.files(root)
    if not paths:
        return [f"{root}: no file found"]
    found = []
    for path in paths:
        data = (root / path).read_bytes()
        for check in FILE_CHECKS:
            found += [f"{path}:{line}: {wrong}" for line, wrong in check(path, data)]
    for check in TREE_CHECKS:
        found += [f"{path}: {wrong}" for path, wrong in check(set(paths), root)]
    return found


def main():
    found = violations(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
