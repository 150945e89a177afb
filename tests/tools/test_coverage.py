"""What coverage.py makes of the counts of gcov and of the arguments."""

import unittest

import coverage

SOURCE = """    TRY(call(err));
    assert(x);
        return err_memory(err, 1, "x");
    if (a && b) {
        return err_set(err, FAILURE_DATA, "x");""".splitlines()


def line(number, count, *branches):
    return {"line_number": number, "count": count, "function_name": "f",
            "branches": [{"count": branch} for branch in branches]}


COUNTED = {"lines": [line(1, 9, 9, 0), line(2, 9, 9, 0), line(3, 0), line(4, 9, 0, 4, 5, 0),
                     line(5, 2)]}


class CoverageTest(unittest.TestCase):
    def test_kinds_are_read_off_the_line(self):
        self.assertEqual([coverage.kind_of(text) for text in SOURCE],
                         ["handed on", "assertion", "memory", "other", "error"])

    def test_branches_and_error_lines_that_never_ran_are_missed_and_assertions_are_not(self):
        taken, not_taken, missed = coverage.missed_of(COUNTED, SOURCE)
        self.assertEqual((taken, not_taken), (3, 3))
        self.assertEqual([(one.number, one.kind) for one in missed],
                         [(1, "handed on"), (3, "memory"), (4, "other"), (4, "other")])

    def found(self, *arguments):
        found = coverage.Coverage(coverage.argued_of("\n".join(arguments)))
        found.add("x.c", COUNTED, SOURCE)
        return found

    def test_an_error_branch_is_argued_away_by_its_function_and_its_text(self):
        found = self.found("# why", "= never: it is", "  not reached", "",
                           "x.c: f: TRY(call(err));", 'x.c: g: return err_memory(err, 1, "x");')
        self.assertEqual((found.open, dict(found.reasons)), (1, {"never": 1}))
        self.assertTrue(found.errors[0].endswith("argued: never"))
        self.assertTrue(found.errors[1].endswith("NOT ARGUED"))

    def test_an_argument_about_a_line_that_is_gone_is_stale_and_one_that_was_taken_is_spare(self):
        gone, taken = "x.c: f: TRY(gone(err));", 'x.c: f: return err_set(err, FAILURE_DATA, "x");'
        found = self.found("= never: no", gone, taken)
        self.assertEqual(found.stale, {gone})
        self.assertIn(f"argued, and taken all the same: {taken}", list(found.tell()))

    def test_an_argument_without_a_reason_and_one_made_twice_are_refused(self):
        for lines in (("x.c: f: y",), ("= a", "x.c: f: y"), ("= a: b", "x.c"),
                      ("= a: b", "x.c: f: y", "= b: c", "x.c: f: y")):
            with self.assertRaises(SystemExit):
                coverage.argued_of("\n".join(lines))

    def test_parts_and_all_are_added_up(self):
        self.assertEqual([row.split()[0] for row in self.found().table()],
                         ["module", "x.c", ".", "all"])


if __name__ == "__main__":
    unittest.main()
