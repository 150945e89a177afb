"""Every way in which a file goes bad, and what a state and a packed log must do about it.

    python -m tests.cli.rot [STEP]

makes a state of a few nights, damages one file of it at a time, and looks what `snapshot verify`
and the next night make of it: all damages, or with STEP one of so many of each kind. Then the same
with a packed log. The last line says how many there were. `make soak-rot` tries all of them.

Damages of a file: cut at each frame's edges, at every byte of a frame's header, every 512 bytes,
and to nothing; one bit turned, of every bit of every header and of the payloads' bytes here and
there (of a manifest: of every eighth byte); two frames exchanged, one left out, doubled, or
overwritten; another date's file of that name, another state's; a manifest of a later layout; bytes
behind the end; no file at all. `snapshot verify` is shown every damage, the next night all but
seven of eight turned bits.

What must come of it:

- `snapshot verify` names the file, with exit code 65 (74 where there is no file).
- The next night, where it has to read the file and an earlier generation does without it: says
  so, goes back to that one, and leaves the state and the tables of a job that nothing ever happened
  to.
- Where none does: exit code 65 (74), the file is named, and nothing has changed.
- Where the night has no need of the file: the same tables, and the damage is still there for
  `snapshot verify` to find. Only its absence, or another size, is seen by any night.
- A manifest that is damaged: the state ends with the date before, and says so. Its date run again,
  and then the next, give what a job has that nothing ever happened to.
"""

import collections
import random
import re
import shutil
import struct
import sys
import unittest

from tests.cli import random_logs
from tests.cli.oracle import day_of
from tests.cli.nightly import Job, NightlyTest, date_of, first_ms, study_options
from tests.cli.support import CONFIG, DATA_WRONG, DONE, IO, digests, rows_of

HEADER_BYTES = 48
BLOCK_BYTES = 512
DAYS = 4  # nights of the state; the next one is DAYS itself
FLIPS_PER_NIGHT = 8  # `snapshot verify` sees all of them, the next night one of so many

Damage = collections.namedtuple("Damage", "kind label content")  # content: bytes, or None: no file


def frame_edges(content):
    """Offsets at which frames begin, and the end of the last."""
    edges = [0]
    while edges[-1] < len(content):
        stored = struct.unpack_from("<I", content, edges[-1] + 16)[0]
        edges.append(edges[-1] + HEADER_BYTES + stored)
    return edges


def flipped(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def cuts(content, edges):
    sizes = set(edges) | set(range(0, len(content), BLOCK_BYTES)) | {len(content) - 1}
    for edge in edges[:-1]:
        sizes.update(range(edge, edge + HEADER_BYTES + 1))
    for size in sorted(sizes - {len(content)}):
        yield Damage("cut", f"cut at {size}", content[:size])


def flips(content, edges, rng):
    """Of headers every bit, of each payload's bytes one bit in the first, the last and a few."""
    bits = []
    for start, end in zip(edges, edges[1:]):
        bits += range(8 * start, 8 * (start + HEADER_BYTES))
        payload = range(start + HEADER_BYTES, end)
        few = {payload[0], payload[-1], *rng.choices(payload, k=16)} if payload else set()
        bits += [8 * byte + rng.randrange(8) for byte in sorted(few)]
    for bit in bits:
        yield Damage("flip", f"bit {bit % 8} of byte {bit // 8}", flipped(content, bit))


def swaps(content, edges, rng):
    """Frames exchanged, left out, doubled; the END frame is the last. `rng` picks among many."""
    frames = [content[start:end] for start, end in zip(edges, edges[1:])]
    for i in sorted(rng.sample(range(len(frames)), min(6, len(frames)))):
        other = frames.copy()
        yield Damage("swap", f"frame {i} left out", b"".join(frames[:i] + frames[i + 1:]))
        yield Damage("swap", f"frame {i} doubled", b"".join(frames[:i + 1] + frames[i:]))
        if i + 1 < len(frames):
            other[i], other[i + 1] = other[i + 1], other[i]
            yield Damage("swap", f"frames {i} and {i + 1} exchanged", b"".join(other))
            other = frames.copy()
            other[i] = frames[i + 1]
            yield Damage("swap", f"frame {i} overwritten by the next", b"".join(other))


def odds(content):
    yield Damage("odd", "empty", b"")
    yield Damage("odd", "missing", None)
    yield Damage("odd", "a byte behind the end", content + b"\0")
    yield Damage("odd", "twice over", content + content)
    yield Damage("odd", "zeros", bytes(len(content)))


def frame_damages(content, rng):
    edges = frame_edges(content)
    assert edges[-1] == len(content)
    for damages in (cuts(content, edges), flips(content, edges, rng), swaps(content, edges, rng),
                    odds(content)):
        for damage in damages:
            if damage.content != content:
                yield damage


def manifest_damages(content, rng):
    for size in sorted(set(range(0, len(content), 64)) | {len(content) - 1}):
        yield Damage("cut", f"cut at {size}", content[:size])
    for byte in range(len(content)):
        yield Damage("flip", f"a bit of byte {byte}",
                     flipped(content, 8 * byte + rng.randrange(8)))
    yield from odds(content)


def thinned(damages, step):
    """One of `step` of each kind, and of a kind of which there are any at least one."""
    kinds = collections.defaultdict(list)
    for damage in damages:
        kinds[damage.kind].append(damage)
    rng = random.Random(step)
    for kind in kinds.values():
        numbers = rng.sample(range(len(kind)), -(-len(kind) // step))
        yield from (kind[number] for number in sorted(numbers))


class RotTest(NightlyTest):
    """A state, and beside it the same state one night later. `step` thins the damages out."""

    step = 1
    counts = collections.Counter()

    def make_job(self, name, *options, has_study=True, count=1500):
        rng = random.Random(3)
        ids = random_logs.member_ids(rng, 300)
        events = []
        for day in range(DAYS + 1):
            times = [first_ms(day) + rng.randrange(86_400_000) for _ in range(count // 3)]
            events += random_logs.random_events(rng, count, ids, times)
        random_logs.write_csv(self.logs / f"{name}.csv", events)
        study = study_options(self.folder, rng, ids, DAYS) if has_study else ()
        self.options = ("--threads", 1, *options, *study)
        self.whole = Job(self, name, self.logs, *self.options)
        self.whole.run_days(range(DAYS))
        self.after = self.copied(f"{name}-after")
        self.after.run(DAYS)
        self.before = digests(self.whole.state), digests(self.whole.out)
        self.undisturbed = digests(self.after.state), digests(self.after.out)

    def copied(self, name):
        job = Job(self, name, self.logs, *self.options)
        for folder, copy in ((self.whole.state, job.state), (self.whole.out, job.out)):
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
        return job

    def named_files(self):
        """What the newest generation names, below the state folder."""
        text = (self.whole.state / f"gen-{date_of(DAYS - 1)}" / "manifest.json").read_text()
        return re.findall(r'"file": "([^"]*)"', text)

    def looked_at(self, command, **options):
        """A command that ended by itself, with one of the exit codes that the contract has."""
        result = self.command(*command, **options)
        self.assertIn(result.code, (DONE, DATA_WRONG, IO, CONFIG), str(result))
        if result.code != DONE:
            self.assertTrue(result.err.splitlines()[-1].startswith("tieflow: "), str(result))
        return result

    def refused(self, command, name):
        """It names the file, and says what to do."""
        result = self.looked_at(command)
        self.assertIn(result.code, (DATA_WRONG, IO), str(result))
        self.assertIn(name, result.err.splitlines()[-1])
        return result

    def digests_of(self, job):
        return digests(job.state), digests(job.out)

    def try_file(self, name, damages, needed):
        """Tries damages of a file of the state. `needed`: the next night reads it."""
        base = name.partition("/")[2]
        verify = ("snapshot", "verify", "--date", date_of(DAYS - 1), "--state")
        spare = None
        flips = 0
        for damage in damages:
            with self.subTest(file=name, damage=damage.label):
                job, spare = spare or self.copied("case"), None
                self.counts[damage.kind] += 1
                path = job.state / name
                whole = path.read_bytes()
                if damage.content is None:
                    path.unlink()
                else:
                    path.write_bytes(damage.content)
                self.refused((*verify, job.state), base)
                flips += damage.kind == "flip"
                if damage.kind == "flip" and flips % FLIPS_PER_NIGHT != 1:
                    path.write_bytes(whole)
                    spare = job
                    continue
                is_seen = needed or damage.content is None or len(damage.content) != len(whole)
                self.try_night(job, name, is_seen)
                if not is_seen:
                    self.refused((*verify, job.state), base)
                    path.write_bytes(whole)
                    self.assertEqual(self.undisturbed, self.digests_of(job))

    def try_night(self, job, name, is_seen):
        """The night after the damage of a file."""
        generation, _, base = name.partition("/")
        has_earlier = generation > f"gen-{date_of(0)}"
        night = job.arguments("run", "--date", date_of(DAYS))
        if is_seen and not has_earlier:
            was = self.digests_of(job)
            self.refused(night, base)
            self.assertEqual(was, self.digests_of(job))
            return
        result = self.looked_at(night)
        self.assertEqual(result.code, DONE, str(result))
        self.assertEqual("DAMAGED STATE" in result.err and base in result.err, is_seen)
        if is_seen:
            self.assertEqual(self.undisturbed[0], digests(job.state))
        self.assertEqual(self.undisturbed[1], digests(job.out))

    def try_manifest(self, damages):
        name = f"gen-{date_of(DAYS - 1)}/manifest.json"
        for damage in damages:
            with self.subTest(damage=damage.label):
                job = self.copied("case")
                path = job.state / name
                self.counts[damage.kind] += 1
                if damage.content is None:  # as pruning leaves it, or a crash in it
                    path.unlink()
                else:
                    path.write_bytes(damage.content)
                    self.refused(("snapshot", "verify", "--state", job.state), "manifest.json")
                tables = digests(job.out)
                result = self.looked_at(job.arguments("run", "--date", date_of(DAYS)))
                self.assertEqual(result.code, CONFIG, str(result))
                self.assertIn(f"the next date is {date_of(DAYS - 1)}", result.err)
                self.assertEqual("DAMAGED STATE" in result.err and "manifest.json" in result.err,
                                 damage.content is not None)
                self.assertEqual(tables, digests(job.out))
                job.run(DAYS - 1)
                self.assertEqual(self.before, self.digests_of(job))
                job.run(DAYS)
                self.assertEqual(self.undisturbed, self.digests_of(job))

    def try_all_files(self, unread=()):
        """Every file that the newest generation names, and its manifest. `unread`: beginnings of
        the names of files that the next night has no need of."""
        for name in self.named_files():
            base = name.partition("/")[2]
            damages = frame_damages((self.whole.state / name).read_bytes(), random.Random(name))
            self.try_file(name, thinned(damages, self.step), not base.startswith(tuple(unread)))
        content = (self.whole.state / f"gen-{date_of(DAYS - 1)}" / "manifest.json").read_bytes()
        self.try_manifest(thinned(manifest_damages(content, random.Random(8)), 8 * self.step))


class StateRotTest(RotTest):
    def test_nights_with_tails(self):
        self.make_job("tails", "--tail", 1_000_000, has_study=False)
        self.try_all_files(unread=[f"ties-{date_of(0)}"])

    def test_nights_with_tails_and_a_study(self):
        self.make_job("study", "--tail", 1_000_000)
        self.try_all_files(unread=["degrees"])  # it loads all rows

    def test_nights_that_write_the_adjacency_anew(self):
        self.make_job("anew", "--tail", 0, has_study=False)
        self.try_all_files(unread=["degrees", "ties"])

    def test_the_file_of_another_date_or_of_another_state(self):
        self.make_job("one", "--tail", 0)
        folders = [f"gen-{date_of(day)}" for day in range(DAYS)]
        one = self.whole
        log = random_logs.write_csv(self.folder / "two.csv", random_logs.random_events(
            random.Random(4), 2000, range(1, 200), [first_ms(day) for day in range(DAYS)]))
        foreign = Job(self, "two", log, *self.options)
        foreign.run_days(range(DAYS))
        for name in self.named_files():
            generation, _, base = name.partition("/")
            content = (one.state / name).read_bytes()
            others = [job.state / folder / base for job in (one, foreign) for folder in folders]
            damages = [Damage("mix", str(path.relative_to(self.folder)), path.read_bytes())
                       for path in others if path.exists() and path.read_bytes() != content]
            self.assertGreater(len(damages), 0)
            self.try_file(name, thinned(damages, self.step), base != "degrees.tff")
        others = [one.state / folder / "manifest.json" for folder in folders[:-1]]
        others.append(foreign.state / folders[-1] / "manifest.json")
        damages = [Damage("mix", str(path.relative_to(self.folder)), path.read_bytes())
                   for path in others]
        self.try_manifests_of_others(damages[:-1], damages[-1])

    def try_manifests_of_others(self, of_dates, of_state):
        self.try_manifest(of_dates)
        # It is sound and of the right date; it is just that none of the files is the one it names.
        job = self.copied("case")
        (job.state / f"gen-{date_of(DAYS - 1)}" / "manifest.json").write_bytes(of_state.content)
        self.refused(("snapshot", "verify", "--state", job.state), ".tff")
        result = self.looked_at(job.arguments("run", "--date", date_of(DAYS)))
        self.assertEqual(result.code, DATA_WRONG, str(result))
        self.assertIn("DAMAGED STATE", result.err)
        self.assertEqual(self.before[1], digests(job.out))

    def test_a_manifest_of_a_later_layout_is_left_alone(self):
        self.make_job("later")
        job = self.copied("case")
        path = job.state / f"gen-{date_of(DAYS - 1)}" / "manifest.json"
        text = path.read_text().replace('"tieflow_state": 2', '"tieflow_state": 3')
        body, _, end = text.rpartition(',\n  "xxh64": "')
        path.write_text(f'{body},\n  "xxh64": "{xxh64(body.encode()):016x}"{end[17:]}')
        was = self.digests_of(job)
        for command in (("snapshot", "verify", "--state", job.state),
                        job.arguments("run", "--date", date_of(DAYS)),
                        job.arguments("run", "--date", date_of(DAYS - 1)),
                        job.arguments("backfill", "--to", date_of(DAYS))):
            self.refuse(CONFIG, *command, says=["manifest.json", "newer tieflow"])
        self.assertEqual(was, self.digests_of(job))

    def test_files_that_do_not_belong_there_do_no_harm(self):
        self.make_job("litter")
        job = self.copied("case")
        newest = job.state / f"gen-{date_of(DAYS - 1)}"
        (newest / "notes.txt").write_text("of a person")
        (job.state / "gen-2026-13-77").mkdir()
        (job.state / "gen-of-someone").write_text("no folder")
        (job.state / f"gen-{date_of(DAYS + 3)}").mkdir()  # of a later date, and empty
        self.counts["odd"] += 4
        self.succeed("snapshot", "verify", "--state", job.state)
        job.run(DAYS)
        self.assertLessEqual(self.undisturbed[0].items(), digests(job.state).items())
        self.assertEqual(self.undisturbed[1], digests(job.out))


class SeveralRotTest(RotTest):
    """More than one generation is damaged."""

    def damage(self, job, day, base, content=b"rot"):
        path = job.state / f"gen-{date_of(day)}" / base
        path.write_bytes(content)
        self.counts["mix"] += 1

    def test_the_newest_sound_one_is_taken_however_far_back(self):
        self.make_job("job", "--tail", 0)
        for first in range(1, DAYS):
            job = self.copied("case")
            for day in range(first, DAYS):
                self.damage(job, day, "dictionary.tff")
            result = job.run(DAYS)
            self.assertIn(f"the generation of {date_of(first - 1)} is taken instead", result.err)
            self.assertEqual(self.undisturbed, self.digests_of(job))

    def test_a_backfill_goes_back_too_and_a_date_that_is_asked_for_is_made_again(self):
        self.make_job("job", "--tail", 0)
        job = self.copied("case")
        self.damage(job, DAYS - 1, "cohort.tff")
        self.assertIn("DAMAGED STATE", job.backfill(DAYS, DAYS).err)
        self.assertEqual(self.undisturbed, self.digests_of(job))
        job = self.copied("case")
        self.damage(job, DAYS - 1, "manifest.json")
        self.assertIn("DAMAGED STATE", job.run(DAYS - 1).err)
        self.assertEqual(self.before, self.digests_of(job))

    def test_where_every_generation_is_damaged_nothing_is_done(self):
        self.make_job("job", "--tail", 0)
        job = self.copied("case")
        for day in range(DAYS):
            self.damage(job, day, "dictionary.tff")
        was = self.digests_of(job)
        result = self.refused(job.arguments("run", "--date", date_of(DAYS)), "dictionary.tff")
        self.assertIn("no generation of the state is whole", result.err)
        self.assertEqual(was, self.digests_of(job))

    def test_an_older_generation_stops_no_night(self):
        self.make_job("job", "--tail", 0)
        job = self.copied("case")
        self.damage(job, 1, "manifest.json")
        self.damage(job, 2, "dictionary.tff")
        result = job.run(DAYS)
        self.assertIn("old generations are kept for now", result.err)
        self.assertEqual(self.undisturbed[1], digests(job.out))
        listed = self.refused(("snapshot", "ls", "--state", job.state), "manifest.json").out
        self.assertEqual(len(listed.splitlines()), 1 + DAYS + 1)
        self.refused(job.arguments("run", "--date", date_of(3)), "dictionary.tff")

    def test_a_generation_is_not_made_again_from_logs_that_have_changed(self):
        self.make_job("job", "--tail", 0)
        log = self.logs / "job.csv"
        text = log.read_text()
        lines = text.splitlines(keepends=True)
        own = next(i for i, line in enumerate(lines[1:], 1)
                   if line.endswith(",connect,organic\n") and day_of(int(line.split(",")[0])) ==
                   first_ms(DAYS - 1) and line.split(",")[1] != line.split(",")[2])
        other = lines[own].replace(",connect,", ",disconnect,")
        for changed in ("".join([*lines[:own], other, *lines[own + 1:]]), text[:len(text) // 2],
                        None):
            job = self.copied("case")
            self.damage(job, DAYS - 1, "dictionary.tff")
            log.unlink()
            (self.logs / "other.csv").write_text("at,from,to,kind\n")
            if changed is not None:
                log.write_text(changed)
            night = job.arguments("run", "--date", date_of(DAYS))
            for _ in range(2):  # the second finds it set aside
                result = self.looked_at(night)
                self.assertEqual(result.code, DATA_WRONG, str(result))
                self.assertIn("cannot be made again", result.err.splitlines()[-1])
            self.assertIn("set aside", self.succeed("snapshot", "ls", "--state", job.state).out)
            self.assertEqual(self.before[1], digests(job.out))
            (self.logs / "other.csv").unlink()
            log.write_text(text)
            job.run(DAYS)
            self.assertEqual(self.undisturbed, self.digests_of(job))


class WideRotTest(RotTest):
    """Files of many frames."""

    def test_frames_exchanged_left_out_and_doubled(self):
        log = self.logs / "a.tfp"
        self.succeed("generate", "-o", log, "--ties", 300_000, "--degree", 20, "--start",
                     date_of(0), "--days", DAYS + 1)
        self.options = ("--tail", 0, "--format", "none")
        self.whole = Job(self, "wide", self.logs, *self.options)
        self.whole.run_days(range(DAYS))
        self.after = self.copied("wide-after")
        self.after.run(DAYS)
        self.undisturbed = digests(self.after.state), digests(self.after.out)
        for name in self.named_files():
            content = (self.whole.state / name).read_bytes()
            edges = frame_edges(content)
            needed = "/ties-" not in name and "/degrees" not in name
            rng = random.Random(name)
            damages = [*swaps(content, edges, rng),
                       *(Damage("cut", f"cut at {edge}", content[:edge]) for edge in edges[:-1])]
            self.try_file(name, thinned(damages, 4 * self.step), needed)


class LogRotTest(RotTest):
    """A packed log: the file and the frame are named, and there is never a silent gap."""

    def make_log(self, ties):
        self.log = self.logs / "a.tfp"
        self.succeed("generate", "-o", self.log, "--ties", ties, "--degree", 20, "--start",
                     date_of(0), "--days", 2)
        self.content = self.log.read_bytes()
        self.wanted = self.folder / "wanted"
        self.succeed("ties", self.log, "-o", self.wanted, "--format", "csv")

    def try_log(self, damage):
        self.counts[damage.kind] += 1
        self.log.write_bytes(damage.content)
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        result = self.looked_at(("ties", self.log, "-o", out, "--format", "csv"))
        if damage.label == "twice over":  # as `cat` joins logs: every record is there twice
            self.assertEqual(rows_of(out / "ties.csv"), rows_of(self.wanted / "ties.csv"))
            return
        self.assertEqual(result.code, DATA_WRONG, str(result))
        line = result.err.splitlines()[-1]
        self.assertIn("a.tfp", line)
        if damage.content[:4] == b"TFF1" and damage.kind != "odd":
            self.assertIn("frame at byte", line)
        self.assertEqual(digests(out), {})

    def test_every_cut_and_every_flip(self):
        self.make_log(10_000)
        damages = frame_damages(self.content, random.Random(5))
        for damage in thinned(damages, self.step):
            if damage.content is not None:
                with self.subTest(damage=damage.label):
                    self.try_log(damage)

    def test_frames_exchanged_left_out_doubled_and_overwritten(self):
        self.make_log(300_000)  # two full frames and one more
        edges = frame_edges(self.content)
        for damage in thinned(swaps(self.content, edges, random.Random(7)), -(-self.step // 50)):
            with self.subTest(damage=damage.label):
                self.try_log(damage)

    def test_a_night_that_reads_a_damaged_log_leaves_its_state_alone(self):
        self.make_log(10_000)
        job = Job(self, "job", self.logs)
        job.run(0)
        was = self.digests_of(job)
        for damage in thinned(frame_damages(self.content, random.Random(6)), 10 * self.step):
            if damage.content is not None and damage.kind in ("cut", "flip"):
                self.counts[damage.kind] += 1
                with self.subTest(damage=damage.label):
                    self.log.write_bytes(damage.content)
                    result = self.refused(job.arguments("run", "--date", date_of(1)), "a.tfp")
                    self.assertNotIn("looking for a generation", result.err)
                    self.assertEqual(was, self.digests_of(job))


def xxh64(data, seed=0):
    """XXH64, by its specification."""
    primes = (11400714785074694791, 14029467366897019727, 1609587929392839161,
              9650029242287828579, 2870177450012600261)
    mask = (1 << 64) - 1

    def rotated(value, bits):
        return (value << bits | value >> 64 - bits) & mask

    def mixed(lane, word):
        return rotated((lane + word * primes[1]) & mask, 31) * primes[0] & mask

    at = 0
    total = seed + primes[4]
    if len(data) >= 32:
        lanes = [(seed + offset) & mask
                 for offset in (primes[0] + primes[1], primes[1], 0, -primes[0])]
        while at + 32 <= len(data):
            words = struct.unpack_from("<4Q", data, at)
            lanes = [mixed(lane, word) for lane, word in zip(lanes, words)]
            at += 32
        total = sum(rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & mask
        for lane in lanes:
            total = ((total ^ mixed(0, lane)) * primes[0] + primes[3]) & mask
    total = (total + len(data)) & mask
    while at + 8 <= len(data):
        total ^= mixed(0, struct.unpack_from("<Q", data, at)[0])
        total = (rotated(total, 27) * primes[0] + primes[3]) & mask
        at += 8
    if at + 4 <= len(data):
        total ^= struct.unpack_from("<I", data, at)[0] * primes[0] & mask
        total = (rotated(total, 23) * primes[1] + primes[2]) & mask
        at += 4
    for byte in data[at:]:
        total ^= byte * primes[4] & mask
        total = rotated(total, 11) * primes[0] & mask
    for shift, prime in ((33, primes[1]), (29, primes[2])):
        total = (total ^ total >> shift) * prime & mask
    return total ^ total >> 32


def main():
    RotTest.step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    kinds = ", ".join(f"{count} {kind}s" for kind, count in sorted(RotTest.counts.items()))
    print(f"damages tried: {sum(RotTest.counts.values())} ({kinds})")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
