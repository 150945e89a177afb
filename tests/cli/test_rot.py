"""A sample of what `make soak-rot` tries: files that have gone bad."""

from tests.cli import rot

SAMPLE = 250  # one damage of so many of each kind and file


class SampleOf:
    step = SAMPLE


class StateRotTest(SampleOf, rot.StateRotTest):
    pass


class SeveralRotTest(SampleOf, rot.SeveralRotTest):
    pass


class WideRotTest(SampleOf, rot.WideRotTest):
    pass


class LogRotTest(rot.LogRotTest):
    step = SAMPLE // 5
