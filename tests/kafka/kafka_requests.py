"""The shim that ends or stops the program at one of its requests to brokers; see
tests/shim/kafka_requests.c."""

import contextlib
import os
import signal
import subprocess

from tests.cli.support import TIEFLOW, Result

SHIM = TIEFLOW.parent / "tests" / "shim" / "kafka_requests.so"

FETCH = 1
# Requests that decide something, by their keys in the protocol.
KEYS = {"Produce": 0, "ListOffsets": 2, "OffsetCommit": 8, "OffsetFetch": 9, "FindCoordinator": 10,
        "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25, "EndTxn": 26,
        "TxnOffsetCommit": 28}


def environment(key, number, action):
    """The environment in which the number-th request with that key is the one to act at."""
    return dict(os.environ, LD_PRELOAD=str(SHIM), KAFKA_REQUESTS_KEY=str(key),
                KAFKA_REQUESTS_NUMBER=str(number), KAFKA_REQUESTS_ACTION=action)


class Stopped:
    """A run of the program that stands still at a request. A context: it ends with it."""

    def __init__(self, arguments, key, number=1, action="stop-before"):
        self.process = subprocess.Popen([str(TIEFLOW), *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=environment(key, number, action))
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self.process.returncode = os.waitstatus_to_exitcode(status)
            raise AssertionError(f"it has ended before that: {self.end()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        """What came of it."""
        out, err = b"", b""
        with contextlib.suppress(ValueError):  # asked before
            out, err = self.process.communicate()
        return Result(subprocess.CompletedProcess(self.process.args, self.process.returncode, out,
                                                  err))
