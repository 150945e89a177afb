"""The checkers must fail on a tree that breaks their rule: each test breaks one, once."""

import pathlib
import subprocess
import tempfile
import unittest
import unittest.mock

import globals as globals_checker
import layers
import style

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A small tree in which all is well.
GOOD = {
    "schemas/ids.h": "#ifndef TIEFLOW_SCHEMAS_IDS_H\n#define TIEFLOW_SCHEMAS_IDS_H\n\n#endif\n",
    "stages/base/README.md": "# base\n",
    "stages/base/bytes.h": "#ifndef TIEFLOW_STAGES_BASE_BYTES_H\n"
                           "#define TIEFLOW_STAGES_BASE_BYTES_H\n\n#include <stdint.h>\n\n#endif\n",
    "stages/base/bytes.c": '#include "stages/base/bytes.h"\n\n#include "schemas/ids.h"\n',
    "pipeline/main.c": '#include "stages/base/bytes.h"\n\n#include <stdio.h>\n',
    "tests/test_bytes.c": '#include "stages/base/bytes.h"\n',
    "Makefile": "all:\n\ttrue\n",
}


class Checker(unittest.TestCase):
    """Runs a checker on GOOD with some files changed."""

    checker = None

    def found(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for name, content in {**GOOD, **changes}.items():
                if content is None:
                    continue
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return self.checker.violations(root)

    def assert_finds(self, name, content, part):
        """The one change gives exactly one violation, which names the file and says `part`."""
        found = self.found({name: content})
        self.assertEqual(len(found), 1, found)
        self.assertIn(name, found[0])
        self.assertIn(part, found[0])


class Layers(Checker):
    checker = layers

    def test_good_tree_has_no_violation(self):
        self.assertEqual(self.found({}), [])

    def test_tree_without_c_files_is_a_violation(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(len(layers.violations(root)), 1)

    def test_earlier_layer_may_not_include_later(self):
        self.assert_finds("schemas/ids.c", '#include "stages/base/bytes.h"\n', "comes before")
        self.assert_finds("stages/base/x.c", '#include "pipeline/main.c"\n', "comes before")

    def test_stages_keep_their_order(self):
        headers = {"stages/sink/a.h": "", "stages/order/a.h": ""}
        upward = {**headers, "stages/order/b.c": '#include "stages/sink/a.h"\n'}
        self.assertEqual(len(self.found(upward)), 1)
        downward = {**headers, "stages/sink/b.c": '#include "stages/order/a.h"\n'}
        self.assertEqual(self.found(downward), [])

    def test_bench_and_tests_do_not_include_each_other(self):
        changes = {"bench/bench_a.h": "", "tests/test_a.c": '#include "bench/bench_a.h"\n'}
        self.assertIn("side by side", self.found(changes)[0])

    def test_include_names_a_file_from_the_root(self):
        self.assert_finds("stages/base/x.c", '#include "bytes.h"\n', "no file of a layer")
        self.assert_finds("stages/base/x.c", '#include "../base/bytes.h"\n', "no file of a layer")

    def test_library_is_included_by_its_module_alone(self):
        self.assertEqual(self.found({"stages/base/compression.c": "#include <zstd.h>\n"}), [])
        self.assert_finds("stages/base/x.c", "  #  include <zstd.h>\n", "compression.c alone")

    def test_benchmark_of_a_library_includes_that_library(self):
        self.assertEqual(self.found({"bench/peer_roaring.c": "#include <roaring/roaring.h>\n"}), [])
        self.assert_finds("bench/peer_roaring.c", "#include <zstd.h>\n", "compression.c alone")

    def test_unknown_outside_header_is_a_violation(self):
        self.assert_finds("stages/base/x.c", "#include <openssl/md5.h>\n", "neither C11")

    def test_unknown_folder_is_a_violation(self):
        self.assert_finds("stages/novelty/x.c", "", "in no layer")

    def test_include_through_a_macro_is_a_violation(self):
        self.assert_finds("stages/base/x.c", "#include HEADER\n", "cannot see")

    def test_include_in_a_comment_is_none(self):
        self.assertEqual(self.found({"stages/base/x.c": "/*\n#include <zstd.h>\n*/\n"}), [])


class Style(Checker):
    checker = style

    def setUp(self):
        # The sample tree has but one of the files that the real one excepts.
        main = {"pipeline/main.c": "as in the real tree"}
        patch = unittest.mock.patch.object(style, "NO_TEST", main)
        patch.start()
        self.addCleanup(patch.stop)

    def test_good_tree_has_no_violation(self):
        self.assertEqual(self.found({}), [])

    def test_text_rules(self):
        self.assert_finds("notes.md", "blank \n", "trailing blank")
        self.assert_finds("notes.md", "a\tb\n", "tab")
        self.assert_finds("notes.md", "no newline", "one newline")
        self.assert_finds("notes.md", "two\n\n", "one newline")
        self.assert_finds("notes.md", b"\xff\n", "UTF-8")
        self.assert_finds("tests/x.py", "#" * 101 + "\n", "columns")

    def test_data_need_not_be_text(self):
        self.assertEqual(self.found({"tests/data/x.bin": b"\xff\t \n"}), [])

    def test_large_file_is_a_violation(self):
        self.assert_finds("tests/data/x.bin", bytes((1 << 20) + 1), "the limit")

    def test_path_of_a_machine_is_a_violation(self):
        self.assert_finds("notes.md", "see /" + "home/me/notes\n", "one machine")
        self.assert_finds("tests/data/x.bin", b"see /" + b"root/x\n", "one machine")

    def test_registry_host_is_a_violation(self):
        for host in ("pypi" + ".org", "files.python" + "hosted.org", "deb." + "debian.org",
                     "repo." + "maven.apache.org"):
            self.assert_finds("notes.md", f"from {host}\n", "registry host")

    def test_wrong_include_guard_is_a_violation(self):
        self.assert_finds("schemas/x.h", "#ifndef X_H\n#define X_H\n\n#endif\n", "include guard")

    def test_print_and_exit_below_pipeline_are_violations(self):
        for call in ("printf(text)", "fprintf (stderr, text)", "exit(1)", "perror(text)"):
            text = f"void f(void) {{ {call}; }}\n"
            self.assert_finds("stages/base/bytes.c", text, "below pipeline")
        self.assertEqual(self.found({"pipeline/main.c": "int f(void) { printf(text); }\n"}), [])

    def test_print_in_comments_strings_and_longer_names_is_none(self):
        text = '/* printf(x) */ char *a = "exit(1)"; void f(void) { snprintf(b); on_exit(); }\n'
        self.assertEqual(self.found({"stages/base/bytes.c": text}), [])

    def test_module_without_header_or_test_is_a_violation(self):
        self.assert_finds("stages/base/bytes.h", None, "bytes.h")
        self.assert_finds("tests/test_bytes.c", None, "tests/test_bytes.c")

    def test_verb_is_declared_in_verbs_h_and_needs_no_more(self):
        guard = "TIEFLOW_PIPELINE_VERBS_H"
        verbs = {"pipeline/verbs.h": f"#ifndef {guard}\n#define {guard}\n\n#endif\n"}
        self.assertEqual(self.found({**verbs, "pipeline/a.c": '#include "pipeline/verbs.h"\n'}), [])
        self.assertEqual(len(self.found({**verbs, "pipeline/a.c": ""})), 2)

    def assert_finds(self, name, content, part):
        if content is None:
            found = self.found({name: None})
            self.assertEqual(len(found), 1, found)
            self.assertIn(part, found[0])
        else:
            super().assert_finds(name, content, part)

    def test_two_modules_of_one_name_are_a_violation(self):
        header = GOOD["stages/base/bytes.h"].replace("STAGES_BASE", "SCHEMAS")
        found = self.found({"schemas/bytes.c": "", "schemas/bytes.h": header})
        self.assertEqual(len(found), 1, found)
        self.assertIn("has the name of", found[0])

    def test_exception_for_a_file_that_is_gone_is_a_violation(self):
        self.assert_finds("pipeline/main.c", None, "pipeline/main.c")

    def test_stage_without_readme_is_a_violation(self):
        self.assert_finds("stages/base/README.md", None, "is missing")

    def test_corpus_without_target_is_a_violation(self):
        found = self.found({"tests/fuzz/corpus/csv/a": "x"})
        self.assertEqual(len(found), 1, found)
        target = {"tests/fuzz/fuzz_csv.c": ""}
        self.assertEqual(self.found({"tests/fuzz/corpus/csv/a": "x", **target}), [])


class Globals(unittest.TestCase):
    def found(self, source):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.o")
            subprocess.run(["gcc", "-O1", "-fPIE", "-x", "c", "-", "-c", "-o", str(path)],
                           input=source.encode(), check=True)
            return globals_checker.violations(str(path))

    def test_constants_are_fine(self):
        self.assertEqual(self.found('const char *const names[] = {"a", "b"};\n'
                                    "static const int n[3] = {1, 2, 3};\n"
                                    "int f(int i) { return n[i]; }\n"), [])

    def test_globals_statics_and_thread_locals_are_violations(self):
        for source in ("int x;\n", "int x = 1;\n", "int f(void) { static int x; return ++x; }\n",
                       'const char *x[] = {"a"};\n', "_Thread_local int x;\n"):
            found = self.found(source)
            self.assertEqual(len(found), 1, source)
            self.assertIn("can be written to", found[0])


if __name__ == "__main__":
    unittest.main()
