"""What a power loss may leave on the disk at any moment of a commit, and that a run after it gives
the old generation or the new one, never a mix.

    python -m tests.cli.power [IMAGES]

records commits through tests/shim/file_calls.c, builds for each moment the disks that a power
loss may leave (up to IMAGES for each moment, 24 where it is not given), and runs the program again
on each. The last line says how many there were. `make soak-power` does that.

The model. The disk before the recorded command is durable. A moment is behind a call, and before
the next one. What may be on the disk then:

- Of a file, what it was when fsync, fdatasync or syncfs last returned. Of what was written, cut or
  punched since: nothing; all; the first so many calls, the last of them cut at a multiple of 512
  bytes; or all of its length, with zeros from such a place on. Each file on its own.
- Of a folder, its entries as of the fsync of the folder or the syncfs that returned last. Of what
  was done to its entries since (made, removed, renamed, exchanged): any part, in which the history
  of each entry has no gap: what changed an entry needs what changed that entry before. A rename or
  an exchange is one step, whether or not it is within one folder. fsync of a file says nothing of
  its entry.

State and tables are file systems of their own: syncfs of the one does nothing for the other.

That is more than ext4, XFS or btrfs let happen: they keep the order of renames in one folder, and
their fsync takes the entry along. Not in it: calls that were under way (a write that is cut is in
it one moment later), losses of what was promised durable, by disks that lie, and sectors that go
bad (tests/cli/rot.py).

Fewer moments and images are tried than there are where they are many: all parts of the entries up
to 6 of them, of more none, all, each alone, all but each, and random ones; of the files' contents
all alike, and random mixes. Two moments that may leave the same disk are tried once.

What must hold of each image. Of what is there as it is: a manifest, of tables or of a generation,
is there only with all that it names, whole. Of the same command run once more: it is done, and the
state and the tables are those of a job that nothing ever happened to; but for files of generations
that were being removed, which a repeated date leaves to the next one: there that is run, too.
"""

import collections
import dataclasses
import errno
import hashlib
import itertools
import json
import os
import random
import shutil
import sys
import unittest

from tests.cli import file_calls, random_logs
from tests.cli.nightly import Job, NightlyTest, date_of, events_of_days, study_options
from tests.cli.support import DONE

SECTOR_BYTES = 512
RENAME_EXCHANGE = 2  # of linux/fs.h
ENTRIES_ALL_PARTS = 6
ROOT = 0
DAYS = 5
ROTTEN = b"rot"  # what a test has made of a file before the command

# A change of a file's bytes: `data` written at `offset`; None: cut to `offset` bytes.
Write = collections.namedtuple("Write", "offset data")


@dataclasses.dataclass(frozen=True, eq=False)
class Change:
    """A change of entries of folders."""

    number: int
    entries: dict  # of (folder, name): node, or None where it goes away


def applied(content, writes):
    content = bytearray(content)
    for write in writes:
        if write.data is None:
            del content[write.offset:]
            continue
        if len(content) < write.offset:
            content.extend(bytes(write.offset - len(content)))
        content[write.offset:write.offset + len(write.data)] = write.data
    return bytes(content)


class File:
    def __init__(self, durable=b""):
        self.durable = durable
        self.pending = []

    def whole(self):
        return applied(self.durable, self.pending)

    def torn(self, rng):
        """The first so many writes, the last of them cut at a sector's edge."""
        count = rng.randrange(len(self.pending))
        last = self.pending[count]
        if last.data is None:
            return applied(self.durable, self.pending[:count])
        sectors = -(-(last.offset + len(last.data)) // SECTOR_BYTES)
        cut = SECTOR_BYTES * rng.randint(last.offset // SECTOR_BYTES, sectors) - last.offset
        last = Write(last.offset, last.data[:max(cut, 0)])
        return applied(self.durable, [*self.pending[:count], last])

    def holed(self, rng):
        """All of its length, and zeros from a sector's edge on."""
        content = self.whole()
        kept = min(len(content), SECTOR_BYTES * rng.randrange(len(content) // SECTOR_BYTES + 1))
        return content[:kept] + bytes(len(content) - kept)

    def contents(self):
        """The ways in which it may be left: functions of a random generator."""
        if not self.pending:
            return [lambda rng: self.durable]
        return [lambda rng: self.durable, lambda rng: self.whole(), self.torn, self.holed]


class Disk:
    """What was done to the files below a folder, and how much of it is durable."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.files = {}
        self.folders = {ROOT}
        self.node_of_inode = {os.stat(folder).st_ino: ROOT}
        self.top = {}  # node: the entry of the root that it lies below, a file system of its own
        self.now = {}  # (folder, name): node
        self.durable = {}
        self.pending = []
        self.nodes = itertools.count(1)
        self.changes = itertools.count(1)
        for parent, folders, files in os.walk(folder):
            for name in sorted(folders + files):
                path = os.path.join(parent, name)
                node = next(self.nodes)
                self.node_of_inode[os.stat(path).st_ino] = node
                self.now[self.entry(path)] = node
                self.top[node] = self.top_of(path)
                if name in folders:
                    self.folders.add(node)
                else:
                    with open(path, "rb") as file:
                        self.files[node] = File(file.read())
        self.durable = dict(self.now)

    def entry(self, path):
        """(folder, name) of a path below the folder."""
        *parents, name = os.path.relpath(path, self.folder).split("/")
        node = ROOT
        for parent in parents:
            node = self.now[node, parent]
        return node, name

    def top_of(self, path):
        return os.path.relpath(path, self.folder).split("/")[0]

    def change(self, entries):
        for entry, node in entries.items():
            if node is None:
                del self.now[entry]
            else:
                self.now[entry] = node
        self.pending.append(Change(next(self.changes), entries))

    def found(self, call, is_folder=False):
        """The node of what the call makes."""
        node = next(self.nodes)
        self.node_of_inode[call.inode] = node
        self.top[node] = self.top_of(call.path)
        if is_folder:
            self.folders.add(node)
        else:
            self.files[node] = File()
        return node

    def make(self, call, is_folder):
        self.change({self.entry(call.path): self.found(call, is_folder)})

    def needed(self, change):
        """The change and what it needs: earlier ones of its entries, and so on."""
        closure = {change.number: change}
        entries = set(change.entries)
        for earlier in reversed(self.pending):
            if earlier.number < change.number and entries & set(earlier.entries):
                closure[earlier.number] = earlier
                entries |= set(earlier.entries)
        return closure

    def settle(self, changes):
        for change in sorted(changes, key=lambda change: change.number):
            for entry, node in change.entries.items():
                if node is None:
                    self.durable.pop(entry, None)
                else:
                    self.durable[entry] = node
        numbers = {change.number for change in changes}
        self.pending = [change for change in self.pending if change.number not in numbers]

    def sync_node(self, node):
        if node in self.files:
            file = self.files[node]
            file.durable, file.pending = file.whole(), []
            return
        closure = {}
        for change in self.pending:
            if any(folder == node for folder, _ in change.entries):
                closure.update(self.needed(change))
        self.settle(closure.values())

    def sync_below(self, top):
        for node, file in self.files.items():
            if self.top[node] == top:
                file.durable, file.pending = file.whole(), []
        self.settle([change for change in self.pending
                     if all((name if folder == ROOT else self.top[folder]) == top
                            for folder, name in change.entries)])

    def take(self, call, data):
        """One call of the log."""
        if call.result < 0:
            if call.error not in (errno.EEXIST, errno.ENOENT, errno.ENOTEMPTY):
                raise AssertionError(f"the recorded command had a failure: {call}")
            return
        if call.name == "open":
            if call.flags & os.O_TMPFILE == os.O_TMPFILE:
                self.found(call)  # scratch, which has no name
            elif self.entry(call.path) not in self.now:
                self.make(call, False)
            elif call.flags & os.O_TRUNC:
                self.files[self.node_of_inode[call.inode]].pending.append(Write(0, None))
        elif call.name in file_calls.WRITES:
            self.files[self.node_of_inode[call.inode]].pending.append(Write(call.offset, data))
        elif call.name in ("fsync", "fdatasync"):
            self.sync_node(self.node_of_inode[call.inode])
        elif call.name == "syncfs":
            self.sync_below(self.top_of(call.path))
        elif call.name == "mkdir":
            self.make(call, True)
        elif call.name in ("unlink", "rmdir"):
            self.change({self.entry(call.path): None})
        elif call.name in ("rename", "renameat2"):
            one, other = self.entry(call.path), self.entry(call.other)
            is_exchange = call.name == "renameat2" and call.flags & RENAME_EXCHANGE
            self.change({one: self.now[other] if is_exchange else None, other: self.now[one]})
        elif call.name == "fallocate":
            # What was scratch reads as zeros; the shim has offset and length.
            self.files[self.node_of_inode[call.inode]].pending.append(
                Write(call.offset, bytes(call.length)))
        else:
            raise AssertionError(f"not in the model: {call}")

    # --- what may be left ---

    def parts(self, rng):
        """Parts of the pending changes without gaps in the history of an entry."""
        def closed(chosen):
            closure = {}
            for change in chosen:
                closure.update(self.needed(change))
            return tuple(sorted(closure.values(), key=lambda change: change.number))

        pending = self.pending
        if len(pending) <= ENTRIES_ALL_PARTS:
            chosen = itertools.chain.from_iterable(itertools.combinations(pending, size)
                                                   for size in range(len(pending) + 1))
        else:
            chosen = [[], pending, *([change] for change in pending)]
            chosen += [[other for other in pending if other.number < change.number]
                       for change in pending]
            chosen += [[other for other in pending
                        if change.number not in self.needed(other)] for change in pending]
            chosen += [rng.sample(pending, rng.randrange(len(pending))) for _ in range(16)]
        return sorted({closed(part): None for part in chosen},
                      key=lambda part: [change.number for change in part])

    def images(self, rng, most):
        """{path: content, or None for a folder} of up to `most` disks that may be left."""
        ways = {node: file.contents() for node, file in self.files.items()}
        choices = [dict.fromkeys(ways, way) for way in range(4)]
        choices += [{node: rng.randrange(4) for node in ways} for _ in range(4)]
        pairs = list(itertools.product(self.parts(rng), choices))
        if len(pairs) > most:
            pairs = [pairs[0], pairs[-1], *rng.sample(pairs, most - 2)]
        for part, choice in pairs:
            entries = dict(self.durable)
            for change in part:
                for entry, node in change.entries.items():
                    if node is None:
                        entries.pop(entry, None)
                    else:
                        entries[entry] = node
            contents = {node: all_ways[min(choice[node], len(all_ways) - 1)]
                        for node, all_ways in ways.items()}
            yield self.tree(entries, lambda node, contents=contents: contents[node](rng))

    def tree(self, entries, content):
        """The files that can be reached from the folder."""
        found = {}
        inner = collections.defaultdict(list)
        for (folder, name), node in entries.items():
            inner[folder].append((name, node))
        waiting = [(ROOT, "")]
        while waiting:
            folder, path = waiting.pop()
            for name, node in inner[folder]:
                is_folder = node in self.folders
                found[path + name] = None if is_folder else content(node)
                if is_folder:
                    waiting.append((node, f"{path}{name}/"))
        return found


def image_key(image):
    digest = hashlib.sha256()
    for path in sorted(image):
        content = image[path]
        digest.update(f"{path}\0{-1 if content is None else len(content)}\0".encode())
        digest.update(content or b"")
    return digest.digest()


def image_write(image, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in sorted(image):
        if image[path] is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(image[path])


class PowerTest(NightlyTest):
    """`disk` holds all that the program writes: a state and the tables. Logs lie beside it."""

    most = 24  # images of a moment
    limit = None  # images of a commit; None: all
    counts = collections.Counter()

    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()

    def job(self, *options):
        job = Job(self, "job", self.logs, "--threads", 1, *options)
        job.state, job.out = self.disk / "state", self.disk / "tables"
        return job

    def study_of(self, events):
        """Options for a study of some members of a log."""
        members = sorted({member for event in events for member in (event.from_, event.to)})
        return study_options(self.folder, random.Random(7), members[:40], DAYS)

    def record(self, arguments):
        """Runs the command; the disk before it, and the calls with what they wrote."""
        before = Disk(self.disk)
        log, data = self.folder / "calls", self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        log.unlink(missing_ok=True)
        data.mkdir()
        result = self.command(*arguments, env=file_calls.environment(self.disk, log=log, data=data))
        self.assertEqual(result.code, DONE, str(result))
        return before, [(call, (data / str(call.number)).read_bytes()
                         if call.name in file_calls.WRITES else None)
                        for call in file_calls.read_log(log)]

    def assert_manifests_hold(self, image, known):
        """A manifest is there only with all that it names. `known`: paths to the contents that
        they may have, which are those of undisturbed runs."""
        for path, content in image.items():
            if not path.endswith("/manifest.json"):
                continue
            folder = path.rpartition("/")[0]
            if any(part.startswith(".") for part in folder.split("/")):
                continue
            self.assertIn(content, known[path])
            for name, size in self.named_by(json.loads(content), folder):
                self.assertIsNotNone(image.get(name), f"{path} names {name}")
                if image[name] != ROTTEN:
                    self.assertIn(image[name], known[name], f"{path} names {name}")
                    self.assertEqual(len(image[name]), size, f"{path} names {name}")

    def named_by(self, manifest, folder):
        """(path, bytes) of the files that a manifest names."""
        if "tables" in manifest:
            return [(f"{folder}/{table['file']}", table["bytes"]) for table in manifest["tables"]]
        found = []
        waiting = [manifest]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if "file" in value:
                    found.append((f"state/{value['file']}", value["bytes"]))
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return found

    def try_commit(self, name, arguments, following):
        """Every moment of one command on the disk as it is; afterwards the disk is what the
        command leaves. `following` is the command of the next date; None: there are no dates."""
        known = collections.defaultdict(set)
        self.note(known)
        disk, calls = self.record(arguments)
        self.note(known)
        wanted = self.snapshot_of()
        later = self.after(following)
        rng = random.Random(name)
        images = {}  # by key: (moment, image)
        for moment in range(len(calls) + 1):
            for image in disk.images(rng, self.most):
                images.setdefault(image_key(image), (moment, image))
            if moment < len(calls):
                disk.take(*calls[moment])
        self.assertEqual(self.snapshot_of(), {path: content for path, content in disk.tree(
            disk.now, lambda node: disk.files[node].whole()).items() if content is not None})
        chosen = list(images.values())
        if self.limit is not None and len(chosen) > self.limit:
            chosen = rng.sample(chosen, self.limit)
        for moment, image in chosen:
            last = str(calls[moment - 1][0]) if moment else "before the first call"
            with self.subTest(commit=name, behind=last):
                self.counts[name] += 1
                self.assert_manifests_hold(image, known)
                image_write(image, self.disk)
                self.succeed(*arguments)
                self.assert_same_disk(wanted, following, later)
        image_write(disk.tree(disk.now, lambda node: disk.files[node].whole()), self.disk)

    def note(self, known):
        for path, content in self.snapshot_of().items():
            known[path].add(content)

    def snapshot_of(self):
        """{path: content} of all files on the disk."""
        return {str(path.relative_to(self.disk)): path.read_bytes()
                for path in self.disk.rglob("*") if path.is_file()}

    def after(self, following):
        """The files on the disk one date later; the disk stays as it is."""
        if following is None:
            return None
        kept = self.folder / "kept"
        shutil.copytree(self.disk, kept)
        self.succeed(*following)
        files = self.snapshot_of()
        shutil.rmtree(self.disk)
        kept.rename(self.disk)
        return files

    def assert_same_disk(self, wanted, following, later):
        found = self.snapshot_of()
        litter = set(found) - set(wanted)
        if litter and following is not None:
            self.assertEqual([path for path in litter if not path.startswith("state/gen-")], [])
            self.assert_same_files(wanted, {path: found.get(path) for path in wanted})
            self.succeed(*following)
            wanted, found = later, self.snapshot_of()
        self.assert_same_files(wanted, found)

    def assert_same_files(self, wanted, found):
        self.assertEqual(sorted(found), sorted(wanted))
        self.assertEqual([path for path in wanted if wanted[path] != found[path]], [])


class NightPowerTest(PowerTest):
    def setUp(self):
        super().setUp()
        self.events = events_of_days(1, DAYS, count=400)
        random_logs.write_csv(self.logs / "a.csv", self.events)

    def try_night(self, name, job, day):
        self.try_commit(name, job.arguments("run", "--date", date_of(day)),
                        job.arguments("run", "--date", date_of(day + 1)))

    def test_the_first_night_of_all(self):
        self.try_night("first night", self.job(), 0)

    def test_a_night_on_a_state_and_its_repeat(self):
        job = self.job("--keep", 2)  # an old generation goes
        job.run_days(range(3))
        self.try_night("night", job, 3)
        self.try_night("repeat", job, 3)

    def test_a_night_with_a_tail(self):
        job = self.job("--tail", 1_000_000, "--format", "csv", "--keep", 2)
        job.run_days(range(3))
        self.try_night("night with a tail", job, 3)

    def test_a_backfill(self):
        job = self.job("--format", "csv")
        job.run(0)
        self.try_commit("backfill",
                        job.arguments("backfill", "--from", date_of(1), "--to", date_of(3)),
                        job.arguments("run", "--date", date_of(4)))

    def test_a_night_with_a_study_and_its_repeat(self):
        job = self.job("--format", "csv", "--keep", 2, *self.study_of(self.events))
        job.run_days(range(3))
        self.try_night("night with a study", job, 3)
        self.try_night("repeat with a study", job, 3)

    def test_a_generation_that_is_made_again(self):
        job = self.job("--format", "csv")
        job.run_days(range(3))
        for day in (1, 2):
            (job.state / f"gen-{date_of(day)}" / "dictionary.tff").write_bytes(ROTTEN)
        self.try_night("generation made again", job, 3)


class TablesPowerTest(PowerTest):
    def test_ties_over_the_tables_of_another_log(self):
        for i in range(2):
            random_logs.write_csv(self.folder / f"{i}.csv", events_of_days(i, 1))
        out = self.disk / "tables"
        self.succeed("ties", self.folder / "0.csv", "-o", out)
        self.try_commit("ties", ["ties", self.folder / "1.csv", "-o", out], None)

    def test_a_study_over_that_of_another_log(self):
        logs = [events_of_days(seed, DAYS, count=400) for seed in range(2)]
        paths = [random_logs.write_csv(self.folder / f"{i}.csv", log) for i, log in enumerate(logs)]
        study = ("--format", "csv", *self.study_of(logs[1]), "-o", self.disk / "tables")
        self.succeed("attribute", "-l", paths[0], *study)
        self.try_commit("attribute", ["attribute", "-l", paths[1], *study], None)


def main():
    PowerTest.most = int(sys.argv[1]) if len(sys.argv) > 1 else PowerTest.most
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(PowerTest.counts.items()))
    print(f"images replayed: {sum(PowerTest.counts.values())} ({kinds})")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
