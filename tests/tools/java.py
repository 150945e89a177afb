"""Java programs of others for the tests: fetched by Maven once, compiled against, run, stopped.

Where Maven fetches from is for the machine's own configuration to say. What was fetched or made
appears under its name in one step, when it is complete: a run that was cut short is done again, and
of two runs at once one waits for the other.
"""

import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

# Quick to start and small; none of these programs runs long enough for the better compiler.
FLAGS = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
FETCH_TIMEOUT_S = 900
STOP_TIMEOUT_S = 60
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """Java, Maven or what Maven should have fetched is not there."""


def need(*tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"{' and '.join(missing)} not found")


def make_once(folder, fill):
    """Has `fill` make what `folder` is to hold, in a scratch folder that takes its name in the end;
    only where that is not there already. One at a time: what Maven keeps for itself is not made for
    two of it."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as near:
                made = pathlib.Path(near) / "made"
                made.mkdir()
                fill(made)
                made.rename(folder)
    finally:
        os.close(lock)
    return folder


def pom(artifacts):
    """The text of a pom.xml that asks for artifacts, each group:name:version."""
    text = ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
            "<groupId>tieflow</groupId><artifactId>tests</artifactId><version>1</version>"
            "<packaging>pom</packaging><dependencies>")
    for artifact in artifacts:
        group, name, version = artifact.split(":")
        text += (f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
                 f"<version>{version}</version></dependency>")
    return text + "</dependencies></project>\n"


def run_maven(made, what, *arguments):
    """Runs a goal that is to fill the folder `made`. It runs beside that, in a scratch folder:
    Maven marks there what it has unpacked, and would take it for done the next time."""
    need("java", "mvn")
    try:
        done = subprocess.run(["mvn", "-q", "-B", *arguments, f"-DoutputDirectory={made}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=FETCH_TIMEOUT_S, check=False,
                              cwd=made.parent)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Maven takes more than {FETCH_TIMEOUT_S} s to fetch {what}") from error
    if done.returncode != 0 or not any(made.iterdir()):
        lines = done.stdout.decode(errors="replace").splitlines() or ["it says nothing"]
        raise Unavailable(f"Maven cannot fetch {what}: "
                          f"{next((line for line in lines if 'ERROR' in line), lines[-1])}")


def fetch(folder, *artifacts):
    """Makes `folder` hold the jars of artifacts (group:name:version) and of all they depend on;
    only the first time does this take a network."""
    def fill(made):
        path = made.parent / "pom.xml"
        path.write_text(pom(artifacts), encoding="utf-8")
        run_maven(made, ", ".join(artifacts), "-f", path, "dependency:copy-dependencies")

    return make_once(folder, fill)


def fetch_archive(folder, artifact):
    """Makes `folder` hold what an archive holds (group:name:version:type:classifier)."""
    return make_once(folder, lambda made: run_maven(made, artifact, "dependency:unpack",
                                                    f"-Dartifact={artifact}"))


def class_path(*folders):
    """All jars of some folders, always in the same order: an archive of classes asks for that."""
    return ":".join(str(jar) for folder in folders for jar in sorted(folder.glob("*.jar")))


def compile_jar(folder, sources, jars):
    """Makes `folder` hold a jar of the classes of some sources. Its name should change with
    theirs."""
    def fill(made):
        need("javac", "jar")
        with tempfile.TemporaryDirectory(prefix="tieflow-java-") as classes:
            subprocess.run(["javac", "-proc:none", "-cp", class_path(jars), "-d", classes,
                            *sources], check=True)
            subprocess.run(["jar", "--create", "--file", made / f"{folder.name}.jar", "-C",
                            classes, "."], check=True)

    return make_once(folder, fill)


def die_with_parent():
    """Between fork and exec: whatever ends our own process, even SIGKILL, ends the new one. It
    leaves the group of the terminal, whose Ctrl-C is for its parent to act upon."""
    os.setpgid(0, 0)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A Java process whose output goes to a file. It belongs to the thread that starts it: the
    kernel ends it when that thread ends."""

    def __init__(self, arguments, log, **options):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as file:
            self.log_begin = file.tell()
            options = {"stdin": subprocess.DEVNULL, "stdout": file, **options}
            self.process = subprocess.Popen(["java", *FLAGS, *arguments], stderr=file,
                                            preexec_fn=die_with_parent, **options)
        self.pid = self.process.pid

    def output(self):
        with open(self.log, "rb") as file:
            file.seek(self.log_begin)
            return file.read().decode(errors="replace")

    def wait_until(self, is_ready, timeout_s):
        """Waits until is_ready() holds; fails with the end of the log where the process ends first
        or takes longer."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            code = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                self.kill()
                what = f"took more than {timeout_s} s" if code is None else f"ended with {code}"
                raise RuntimeError(f"java {what}:\n{self.output()[-4000:]}")
            time.sleep(0.02)

    def stop(self):
        """Asks it to end, and makes it end where it does not."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
