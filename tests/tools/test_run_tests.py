"""The runner must count what the frameworks say, and take every silence for a failure."""

import contextlib
import io
import os
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

import run_tests


def cmocka(code, text):
    outcome = run_tests.parse_cmocka(code, textwrap.dedent(text))
    return outcome.passed, outcome.failed, len(outcome.skipped)


class Cmocka(unittest.TestCase):
    def test_results_are_counted_once(self):
        self.assertEqual(cmocka(1, """\
            [==========] Running 3 test(s).
            [ RUN      ] good
            output without a newline[       OK ] good
            [ RUN      ] bad
            [  ERROR   ] --- 0x1 != 0x2
            [   LINE   ] --- t.c:10: error: Failure!
            [  FAILED  ] bad
            [ RUN      ] absent
            [  SKIPPED ] absent
            [==========] 3 test(s) run.
            [  PASSED  ] 1 test(s).
            [  SKIPPED ] 1 test(s), listed below:
            [  SKIPPED ] absent
            [  FAILED  ] 1 test(s), listed below:
            [  FAILED  ] bad
            """), (1, 1, 1))

    def test_what_was_printed_last_is_the_reason_of_a_skip(self):
        outcome = run_tests.parse_cmocka(0, "[ RUN      ] a\nno such file\n[  SKIPPED ] a\n")
        self.assertEqual(outcome.skipped, ["a: no such file"])

    def test_crash_in_the_middle_is_a_failure(self):
        self.assertEqual(cmocka(-6, """\
            [ RUN      ] good
            [       OK ] good
            [ RUN      ] crash
            """), (1, 1, 0))

    def test_setup_that_fails_is_a_failure(self):
        self.assertEqual(cmocka(0, """\
            [  FAILED  ] GROUP SETUP
            [  ERROR   ] x
            """), (0, 1, 0))
        self.assertEqual(cmocka(0, """\
            [ RUN      ] good
            [  ERROR   ] good
            [ RUN      ] other
            [       OK ] other
            """), (1, 1, 0))

    def test_exit_code_without_a_failed_test_is_a_failure(self):
        self.assertEqual(cmocka(1, "[ RUN      ] good\n[       OK ] good\n"), (1, 1, 0))

    def test_silence_is_a_failure(self):
        self.assertEqual(cmocka(0, ""), (0, 1, 0))


class Unittest(unittest.TestCase):
    def outcome(self, source):
        """What comes of a real run of the given tests."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "test_sample.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write("import unittest\n" + textwrap.dedent(source))
            return run_tests.run_unittest(sys.executable, folder, "test_sample", folder, None, 60)

    def counts(self, source):
        outcome = self.outcome(source)
        return outcome.passed, outcome.failed, len(outcome.skipped)

    def test_results_are_counted(self):
        outcome = self.outcome("""
            class T(unittest.TestCase):
                def test_good(self): pass
                def test_bad(self): self.fail()
                def test_error(self): raise ValueError
                @unittest.skip("no broker")
                def test_skipped(self): pass
            """)
        self.assertEqual((outcome.passed, outcome.failed, len(outcome.skipped)), (1, 2, 1))
        self.assertIn("T.test_skipped: no broker", outcome.skipped[0])

    def test_class_skipped_as_a_whole_is_one_skip(self):
        self.assertEqual(self.counts("""
            class T(unittest.TestCase):
                @classmethod
                def setUpClass(cls): raise unittest.SkipTest("no broker")
                def test_a(self): pass
            class U(unittest.TestCase):
                def test_good(self): pass
            """), (1, 0, 1))

    def test_subtests_that_fail_or_skip_are_counted_and_their_test_has_not_passed(self):
        self.assertEqual(self.counts("""
            class T(unittest.TestCase):
                def test_cases(self):
                    for case in range(4):
                        with self.subTest(case=case):
                            if case == 1: self.fail()
                            if case > 1: self.skipTest("no file")
            """), (0, 1, 2))

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.counts(""), (0, 1, 0))

    def test_module_that_cannot_be_read_is_a_failure(self):
        self.assertEqual(self.counts("import no_such_module_anywhere"), (0, 1, 0))

    def test_death_in_the_middle_is_a_failure(self):
        self.assertEqual(self.counts("""
            import os
            class T(unittest.TestCase):
                def test_good(self): pass
                def test_leaves(self): os._exit(0)
            """), (0, 1, 0))


class Report(unittest.TestCase):
    def finish(self, *outcomes):
        report = run_tests.Report()
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            for outcome in outcomes:
                report.add(outcome)
            code = report.finish()
        return code, text.getvalue()

    def test_last_line_is_the_sum(self):
        code, text = self.finish(run_tests.Outcome("a", passed=2),
                                 run_tests.Outcome("b", passed=1, skipped=["c: why"]))
        self.assertEqual(text.splitlines()[-1], "3 passed, 0 failed, 1 skipped")
        self.assertIn("SKIPPED b: c: why", text)
        self.assertEqual(code, 0)

    def test_failure_sets_the_exit_code_and_shows_its_output(self):
        code, text = self.finish(run_tests.Outcome("a", passed=2, failed=1, output="the reason"))
        self.assertEqual(text.splitlines()[-1], "2 passed, 1 failed, 0 skipped")
        self.assertIn("the reason", text)
        self.assertEqual(code, 1)

    def test_nothing_passed_is_a_failure(self):
        self.assertEqual(self.finish()[0], 1)
        self.assertEqual(self.finish(run_tests.Outcome("a", skipped=["all"]))[0], 1)


class Run(unittest.TestCase):
    def test_what_hangs_is_killed_with_its_children(self):
        code, output = run_tests.run(["sh", "-c", "echo begun; sleep 60 & sleep 60"], 0.5)
        self.assertEqual(code, 124)
        self.assertIn("begun", output)
        self.assertIn("killed", output)

    def test_signal_is_named(self):
        code, output = run_tests.run(["sh", "-c", "kill -ABRT $$"], 10)
        self.assertLess(code, 0)
        self.assertIn("SIGABRT", output)

    def test_times_of_a_processor_are_those_of_the_command_not_of_the_clock(self):
        busy = 'end=$((SECONDS + 2)); while [ $SECONDS -lt $end ]; do :; done'
        code, output = run_tests.run(run_tests.TIMED + ["sh", "-c", "sleep 1.5; exit 3"], 10)
        self.assertEqual((code, run_tests.processor_seconds(output)), (3, 1))
        _, output = run_tests.run(run_tests.TIMED + ["bash", "-c", busy + "; sleep 1"], 60)
        self.assertTrue(1 <= run_tests.processor_seconds(output) <= 2.5, output)

    def test_make_keeps_the_users_variables_and_not_the_job_server(self):
        flags = "r --no-print-directory -j2 -Otarget --jobserver-auth=3,4 -- V=1 BUILD=/x"
        with mock.patch.dict(os.environ, {"MAKEFLAGS": flags, "MAKELEVEL": "1"}):
            environment = run_tests.make_environment()
        self.assertEqual(environment["MAKEFLAGS"].split(),
                         ["r", "--no-print-directory", "--", "V=1", "BUILD=/x"])
        self.assertNotIn("MAKELEVEL", environment)


if __name__ == "__main__":
    unittest.main()
