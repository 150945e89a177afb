"""Runs killed at every call that they make about their files, and at any time, and run again:
nobody can tell.

    make soak-kills KILLS=1000
    TIEFLOW_KILLS=1000 TIEFLOW_SEED=1 python -m unittest tests.cli.test_kills

TIEFLOW_KILLS  how many, two thirds of them at points, evenly dealt out, the rest at random times;
               "all": so many that each point has its kill (default 120)
TIEFLOW_SEED   of what is drawn (default 1)

A point is the place before or behind a call that changes files, or amid a write. A run is killed
there; what it left must be whole to any reader; then it, or the night after it where it had got so
far, is run to its end, sometimes killed again on the way; and everything in the state and in the
tables, down to the last hidden file, must be what runs leave that nobody disturbs.
"""

import collections
import os
import random
import signal

from tests.cli import file_calls
from tests.cli.rehearsal import RehearsedTest

KILLS = os.environ.get("TIEFLOW_KILLS", "120")
SEED = int(os.environ.get("TIEFLOW_SEED", "1"))

KILL_AGAIN = 0.25  # how often a run that goes on after a kill is killed, too
GO_ON = 0.5        # how often the night after it follows a kill that came behind the commit
AT_RANDOM = "at random times"


class KillsTest(RehearsedTest):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.survived = collections.Counter()

    def kill_at(self, step, point):
        """Kills the step before, amid or behind one of its calls."""
        action, call = point
        with self.subTest(step=str(step), point=f"{action} {call}"):
            result = self.command(*step.arguments, "--threads", 1, env=file_calls.environment(
                self.job, first=call.number, action=action))
            self.assertEqual(result.code, -signal.SIGKILL, str(result))
            self.survive(step, f"{action[len('kill-'):]} {call.name}")

    def is_killed(self, step):
        """Starts the step; whether it could be killed at a random time, before its end."""
        return self.kill_after([*step.arguments, "--threads", step.threads],
                               self.rng.uniform(0, 1.2 * step.seconds))

    def kill_anywhen(self, step):
        """Kills the step at a random time, if it is not done by then."""
        with self.subTest(step=str(step)):
            if self.is_killed(step):
                self.survive(step, AT_RANDOM)
            else:
                self.assert_undisturbed(step)

    def survive(self, step, kind):
        """Goes on after a kill."""
        self.assert_whole(step)
        self.survived[kind] += 1
        if self.survived.total() % 1000 == 0:
            self.report()
        while self.rng.random() < KILL_AGAIN:
            if self.is_killed(step):
                self.assert_whole(step)
                self.survived["again, " + AT_RANDOM] += 1
        generation = self.job / "state" / f"gen-{step.date}" / "manifest.json"
        if step.following and generation.exists() and self.rng.random() < GO_ON:
            step = step.following
        self.succeed(*step.arguments, "--threads", self.rng.randint(1, step.threads))
        self.assert_undisturbed(step)

    def points(self):
        """All places to kill at: [(step, (action, call))]."""
        found = []
        for step in self.steps:
            for call in step.calls:
                found.append((step, ("kill-before", call)))
                if call.name in file_calls.WRITES:
                    found.append((step, ("kill-amid", call)))
                found.append((step, ("kill-after", call)))
        return found

    def assert_jobs_are_what_they_say(self):
        """There are tails and none, repeats, dropped generations, scratch files."""
        def calls(job):
            return [call for step in self.steps if step.job == job for call in step.calls]

        def rows(job, step):
            return sum(call.path.endswith("/.next/adjacency.tff")
                       or call.other.endswith("/.next/adjacency.tff")
                       for call in next(s for s in self.steps if s.after == f"{job} {step}").calls)

        for job in ("nights with tails", "nights with a study and tails"):
            self.assertEqual([rows(job, step) for step in range(1, 6)], [1, 0, 0, 1, 0], job)
        self.assertIn("unlink", {call.name for call in calls("nights")})
        self.assertTrue(any(call.path.endswith("study.sqlite") or
                            call.other.endswith("study.sqlite") for call in calls("attribute")))
        self.assertIn("pwrite", {call.name for call in calls("ties in little memory")})

    def test_nobody_can_tell_how_often_a_run_was_killed(self):
        self.assert_jobs_are_what_they_say()
        points = self.points()
        at_points = len(points) if KILLS == "all" else 2 * int(KILLS) // 3
        for i in range(at_points):
            step, point = points[i * len(points) // at_points]
            self.restore(step.before)
            self.kill_at(step, point)
        while self.survived[AT_RANDOM] < at_points // 2:
            step = self.rng.choice(self.steps)
            self.restore(step.before)
            self.kill_anywhen(step)
        self.report()
        print(f"the jobs have {len(points)} points")

    def report(self):
        print(f"\n{self.survived.total()} kills survived (seed {SEED})")
        for kind, count in sorted(self.survived.items()):
            print(f"  {count:6}  {kind}", flush=True)
