"""`python -m unittest discover`, which also writes down what came of it.

    run_unittest.py RESULT_FILE FOLDER PATTERN TOP

PATTERN says which files of the folder, TOP is the folder from which the tests are imported.

The closing lines of unittest do not tell tests from subtests and leave out tests of a class that
was skipped as a whole; the JSON in RESULT_FILE has a count of the tests that passed, one of the
failures, and a "name: reason" for each skip.
"""

import json
import sys
import unittest


class Result(unittest.TextTestResult):
    """Counts what the base class only prints."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.passed += 1


def main():
    result_file, folder, pattern, top = sys.argv[1:]
    suite = unittest.defaultTestLoader.discover(folder, pattern, top_level_dir=top)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    failures = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = [f"{test.id()}: {reason}" for test, reason in result.skipped]
    with open(result_file, "w", encoding="utf-8") as file:
        json.dump({"passed": result.passed, "failed": failures, "skipped": skipped}, file)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
