"""A sample of what `make soak-power` tries: what a power loss may leave, and what comes of it."""

from tests.cli import power


class SampleOf:
    most = 6  # images of a moment
    limit = 15  # of a commit


class NightPowerTest(SampleOf, power.NightPowerTest):
    pass


class TablesPowerTest(SampleOf, power.TablesPowerTest):
    most = 12
    limit = 80
