"""What the drivers of benchmarks share: programs in processes of their own, and the machine."""

import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import threading
import time

GIB = 1 << 30


class Ended(Exception):
    """A program did not do what it was to do; the text says what it did, `code` how it ended."""

    def __init__(self, text, code=None):
        super().__init__(text)
        self.code = code


def end_with_children():
    """A driver that is told to end takes the program that it runs with it, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def text_of(command):
    return " ".join(map(str, command))


def run(command, folder, limit=None):
    """Runs a command to its end, killed after `limit` seconds; FOLDER/stderr.txt has its errors.

    Returns what the process took and its phases (of `--log json`), and the JSON of its last line.
    """
    errors = pathlib.Path(folder) / "stderr.txt"
    with open(errors, "wb") as err:
        begin = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                                   stderr=err)
        alarm = threading.Timer(limit or threading.TIMEOUT_MAX, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            output = process.stdout.read().decode()
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            alarm.cancel()
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    log = errors.read_text(errors="replace")
    if process.returncode != 0:
        if limit and seconds >= limit:
            raise Ended(f"not through in {limit} s")
        raise Ended(f"{text_of(command)}\nended with {process.returncode}:\n{log[-2000:]}",
                    process.returncode)
    found = {
        "seconds": round(seconds, 3),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_bytes": usage.ru_maxrss * 1024,
        "phases": {},
        "slices": 0,
    }
    for line in log.splitlines():
        record = json.loads(line) if line.startswith("{") else {}
        if record.get("event") == "phase":
            name = record["phase"]
            found["phases"][name] = round(found["phases"].get(name, 0) + record["seconds"], 1)
            if record.get("unit") == "slices":
                found["slices"] = max(found["slices"], record["total"])
    last = output.strip().splitlines()[-1] if output.strip() else ""
    return found, json.loads(last) if last.startswith("{") else {}


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        fields = [line.partition(":") for line in info]
    names = [value.strip() for key, _, value in fields if key.strip() == "model name"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "kernel": platform.release().split("-")[0],
    }


def machine_text():
    known = machine()
    return (f"{known['cores']} x {known['processor']}, {known['memory_bytes'] / GIB:.0f} GiB, "
            f"Linux {known['kernel']}")
