"""Studies from night to night: the same tables as one run over everything, and late reports."""

import datetime
import fcntl
import random

from tests.cli import random_worlds
from tests.cli.oracle import DAY_MS, day_of
from tests.cli.support import CONFIG, USAGE, CommandTest, digests, rows_of, text_of

LAST_MS = 253_370_764_800_000  # 9999-01-01: some worlds end with the calendar
EPOCH = datetime.date(1970, 1, 1)
TABLES = ("moves", "transmissions", "attributions", "members", "dose_response", "segments", "arms",
          "placebos", "totals")
COLUMNS = "from,to,created_at,ended_at,mutual,degree_from,degree_to,union,strength"
FACT_LOGS = ("positions", "interactions", "applications", "assignments", "members")


def date_text(at):
    return (EPOCH + datetime.timedelta(days=at // DAY_MS)).isoformat()


def short_cases(count):
    """Worlds of a few weeks, with at least a few connections."""
    seed = 7000
    found = []
    while len(found) < count:
        seed += 1
        case = random_worlds.case(seed)
        days = [day_of(event.at) for event in case.world.connections]
        if (len(days) > 5 and max(days) - min(days) < 40 * DAY_MS and max(days) < LAST_MS
                and "--as-of" not in case.options):
            found.append((seed, case))
    return found


class StudyNightsTest(CommandTest):
    def logs_of(self, world, name):
        """The options that name a world's logs, by log."""
        folder = self.folder / f"{name}.logs"
        folder.mkdir()
        logs = {}
        for log, records in world._asdict().items():
            path = folder / f"{log}.csv"
            path.write_text(random_worlds.csv_text(log, records), encoding="utf-8")
            logs[log] = [path]
        return logs

    @staticmethod
    def options_of(logs, connections="--logs"):
        options = []
        for log, paths in logs.items():
            for path in paths:
                options += [connections if log == "connections" else f"--{log}", path]
        return options

    def night(self, name, logs, date, *options):
        self.succeed("run", "--state", self.folder / f"{name}.state", "--date", date,
                     *self.options_of(logs), "-o", self.folder / name, *options)
        return self.folder / name / f"date={date}"

    def nights(self, name, logs, first, last, *options):
        folder = None
        for at in range(first, last + 1, DAY_MS):
            folder = self.night(name, logs, date_text(at), *options)
        return folder

    def backfill(self, name, logs, first, last, *options):
        self.succeed("backfill", "--state", self.folder / f"{name}.state", "--from",
                     date_text(first), "--to", date_text(last), *self.options_of(logs), "-o",
                     self.folder / name, *options)
        return self.folder / name / f"date={date_text(last)}"

    def attribute(self, name, logs, last, *options):
        self.succeed("attribute", *self.options_of(logs, "--connections"), "-o",
                     self.folder / name, "--as-of", last + DAY_MS - 1, *options)
        return self.folder / name

    def assert_same_study(self, one, other, what):
        for table in TABLES:
            self.assertSameText(text_of(one / f"{table}.csv"), text_of(other / f"{table}.csv"),
                                f"{what}: {table}")

    def range_of(self, world):
        days = [day_of(event.at) for event in world.connections]
        return min(days), max(days) + DAY_MS

    def test_nights_a_backfill_and_one_run_give_the_same_study(self):
        for seed, case in short_cases(4):
            with self.subTest(seed=seed):
                first, last = self.range_of(case.world)
                logs = self.logs_of(case.world, f"w{seed}")
                options = case.options
                nights = self.nights(f"n{seed}", logs, first, last, *options)
                backfill = self.backfill(f"b{seed}", logs, first, last, *options)
                once = self.attribute(f"a{seed}", logs, last, *options)
                self.assert_same_study(nights, once, "nights and one run")
                self.assert_same_study(backfill, once, "a backfill and one run")
                facts = {(row["log"], row["check"]): row["count"]
                         for row in rows_of(nights / "quality.csv")
                         if row["log"] != "connections"}
                self.assertEqual(facts, {(row["log"], row["check"]): row["count"]
                                         for row in rows_of(backfill / "quality.csv")
                                         if row["log"] != "connections"} | {
                                             key: count for key, count in facts.items()
                                             if key[1] == "backdated"})

    def test_ties_of_a_night_are_those_of_its_date_with_what_the_study_knows(self):
        found = 0
        for seed, case in short_cases(4):
            with self.subTest(seed=seed):
                first, _ = self.range_of(case.world)
                last = max(day_of(event.at) for event in case.world.connections
                           if event.kind == "connect")
                logs = self.logs_of(case.world, f"w{seed}")
                night = self.nights(f"n{seed}", logs, first, last, *case.options)
                backfill = self.backfill(f"b{seed}", logs, first, last, *case.options)
                once = self.attribute(f"a{seed}", logs, last, *case.options)
                wanted = [row for row in rows_of(once / "ties.csv")
                          if int(row["created_at"]) >= last]
                found += len(wanted)
                self.assertEqual(rows_of(night / "ties.csv"), wanted)
                self.assertSameText(text_of(night / "ties.csv"), text_of(backfill / "ties.csv"),
                                    "nights and a backfill")
                before = self.folder / f"b{seed}" / f"date={date_text(last - DAY_MS)}"
                self.assertEqual(text_of(before / "ties.csv").splitlines()[0], COLUMNS)
        self.assertGreater(found, 0)

    def test_a_study_of_a_states_ties_is_that_of_their_log(self):
        for seed, case in short_cases(4):
            with self.subTest(seed=seed):
                first, last = self.range_of(case.world)
                logs = self.logs_of(case.world, f"w{seed}")
                facts = {log: paths for log, paths in logs.items() if log != "connections"}
                ties = {"connections": logs["connections"]}
                simultaneous = [text for i, text in enumerate(case.options)
                                if "--simultaneous" in case.options[max(0, i - 1):i + 1]]
                self.backfill(f"b{seed}", ties, first, last - 2 * DAY_MS, *simultaneous)
                self.backfill(f"b{seed}", ties, last - DAY_MS, last, *simultaneous)
                state = self.folder / f"b{seed}.state"
                before = digests(state)
                for date in (last - 2 * DAY_MS, last):
                    once = self.attribute(f"a{seed}.{date}", logs, date, *case.options)
                    for scope in ("all", "moves"):
                        out = self.folder / f"s{seed}.{date}.{scope}"
                        given = [] if date == last else ["--date", date_text(date)]
                        with open(state / "lock", "rb") as lock:  # as a run holds it
                            fcntl.flock(lock, fcntl.LOCK_EX)
                            self.succeed("attribute", "--state", state, *given,
                                         *self.options_of(facts), *case.options, "-o", out,
                                         "--scope", scope)
                        self.check_state_study(once, out, scope)
                self.assertEqual(before, digests(state))

    def check_state_study(self, once, out, scope):
        if scope == "all":
            self.assert_same_study(once, out, "a log and a state")
            self.assertSameText(text_of(once / "ties.csv"), text_of(out / "ties.csv"), "ties")
            self.assertTrue((out / "report.html").exists())
            return
        for table in ("transmissions", "attributions"):
            self.assertSameText(text_of(once / f"{table}.csv"), text_of(out / f"{table}.csv"),
                                f"a log and a state: {table}")
        self.assertEqual([row | {"expected": "", "unmatched": ""}
                          for row in rows_of(once / "moves.csv")], rows_of(out / "moves.csv"))

    def test_a_study_of_a_state_takes_its_ties_and_its_date_from_there(self):
        seed, case = short_cases(1)[0]
        first, last = self.range_of(case.world)
        logs = self.logs_of(case.world, f"w{seed}")
        ties = {"connections": logs.pop("connections")}
        self.backfill("b", ties, first, last)
        command = ("attribute", "--state", self.folder / "b.state", *self.options_of(logs), "-o",
                   self.folder / "out")
        self.refuse(USAGE, *command, *self.options_of(ties), says="--state and --logs")
        self.refuse(USAGE, *command, "--as-of", last, says=("--as-of", "--date"))
        self.refuse(CONFIG, *command, "--date", date_text(first - DAY_MS), says="no generation")
        self.refuse(USAGE, "attribute", "--state", self.folder / "b.state", "-o",
                    self.folder / "out", says="--positions")

    def test_a_night_that_leaves_out_the_positions_of_before_is_refused(self):
        seed, case = short_cases(1)[0]
        first, last = self.range_of(case.world)
        logs = self.logs_of(case.world, f"w{seed}")
        self.nights("n", logs, first, first + DAY_MS, *case.options)
        before = digests(self.folder)
        ties = {"connections": logs["connections"]}
        for at in (first + DAY_MS, first + 2 * DAY_MS):  # repeated, and the next one
            self.refuse(CONFIG, "run", "--state", self.folder / "n.state", "--date", date_text(at),
                        *self.options_of(ties), "-o", self.folder / "n",
                        says="with --positions as before")
        self.assertEqual(before, digests(self.folder))

    def test_a_repeated_date_gives_the_same_bytes_whatever_the_logs_have_grown_by(self):
        seed, case = short_cases(1)[0]
        first, last = self.range_of(case.world)
        logs = self.logs_of(case.world, f"w{seed}")
        folder = self.nights("n", logs, first, last, *case.options)
        before = digests(folder)
        with open(logs["positions"][0], "a", encoding="utf-8") as file:
            file.write(f"{first + 1},1,1,start,day\n")
        self.night("n", logs, date_text(last), *case.options)
        self.assertEqual(before, digests(folder))

    def test_late_reports_change_what_they_should_and_are_told(self):
        revised = 0
        for seed, case in short_cases(6):
            with self.subTest(seed=seed):
                first, last = self.range_of(case.world)
                logs = self.logs_of(case.world, f"w{seed}")
                rng = random.Random(seed)
                early, late = [], []
                for record in case.world.positions:
                    (late if rng.random() < 0.3 and record.at < last else early).append(record)
                logs["positions"][0].write_text(random_worlds.csv_text("positions", early),
                                                encoding="utf-8")
                before = self.nights(f"n{seed}", logs, first, last - DAY_MS, *case.options)
                reports = logs["positions"][0].with_name("reports.csv")
                reports.write_text(random_worlds.csv_text("positions", late), encoding="utf-8")
                logs["positions"].append(reports)
                after = self.night(f"n{seed}", logs, date_text(last), *case.options)
                once = self.attribute(f"a{seed}", logs, last, *case.options)
                self.assert_same_study(after, once, "nights and one run")
                revised += self.check_revisions(before, after, late, last)
        self.assertGreater(revised, 0)

    def check_revisions(self, before, after, late, last):
        """The table of revisions is the difference between two tables of moves."""
        def moves(folder):
            return {(row["member"], row["company"]): (row["kind"], row["at"])
                    for row in rows_of(folder / "moves.csv")}

        was, now = moves(before), moves(after)
        told = {(row["member"], row["company"]): ((row["kind_before"], row["at_before"]),
                                                  (row["kind_after"], row["at_after"]))
                for row in rows_of(after / "revisions.csv")}
        for key, (old, new) in told.items():
            self.assertEqual(old, was.get(key, ("", "")), key)
            if now.get(key) != new:  # a newer record of the last night has changed it once more
                self.assertGreaterEqual(int(now[key][1] if key in now else last), last - DAY_MS)
        for key in was:
            if was[key] != now.get(key):
                self.assertIn(key, told)
        counts = {row["check"]: int(row["count"]) for row in rows_of(after / "quality.csv")
                  if row["log"] == "positions"}
        self.assertEqual(counts["backdated"],
                         sum(1 for record in set(late) if record.at < last))
        return len(told)
