"""What coverage.py makes of the counts of gcov."""

import unittest

import coverage

SOURCE = """    TRY(call(err));
    assert(x);
        return err_memory(err, 1, "x");
    if (a && b) {
        return err_set(err, FAILURE_DATA, "x");""".splitlines()


def line(number, count, *branches):
    return {"line_number": number, "count": count,
            "branches": [{"count": branch} for branch in branches]}


class CoverageTest(unittest.TestCase):
    def test_kinds_are_read_off_the_line(self):
        self.assertEqual([coverage.kind_of(text) for text in SOURCE],
                         ["handed on", "assertion", "memory", "other", "error"])

    def test_branches_and_error_lines_that_never_ran_are_missed_and_assertions_are_not(self):
        counted = {"lines": [line(1, 9, 9, 0), line(2, 9, 9, 0), line(3, 0), line(4, 9, 0, 4, 5, 0),
                             line(5, 2)]}
        self.assertEqual(coverage.missed_of(counted, SOURCE),
                         (3, 3, [(1, "handed on"), (3, "memory"), (4, "other"), (4, "other")]))


if __name__ == "__main__":
    unittest.main()
