"""Checks that every #include points to its own or an earlier layer.

    layers.py [ROOT]

Three rules, one line per violation, exit code 1 if there is any:

1. `#include "..."` names a file from the root of the repository, in the including file's own layer
   or in one before it. LAYERS is the order.
2. `#include <...>` names a header of C11 or POSIX, or an outside library. An outside library has
   one module that may include it: LIBRARIES.
3. A C file in a folder that LAYERS does not know is a violation: a new layer takes its place in the
   order first.
"""

import pathlib
import re
import sys

import tree

# Each may include itself and what stands before it. Folders in one tuple are side by side: neither
# may include the other.
LAYERS = [
    ("schemas",),
    ("stages/base",),
    ("stages/generate",),
    ("stages/kafka",),
    ("stages/source",),
    ("stages/decode",),
    ("stages/dictionary",),
    ("stages/order",),
    ("stages/adjacency",),
    ("stages/embeddedness",),
    ("stages/tie_store",),
    ("stages/facts",),
    ("stages/careers",),
    ("stages/attribution",),
    ("stages/state",),
    ("stages/sink",),
    ("stages/report",),
    ("pipeline",),
    ("bench", "tests"),
]

# Header of an outside library, and the one file that may include it.
LIBRARIES = {
    "zstd.h": "stages/base/compression.c",
    "zstd_errors.h": "stages/base/compression.c",
    "xxhash.h": "stages/base/checksum.c",
    "yajl/yajl_parse.h": "stages/base/json.c",
    "roaring/roaring.h": "stages/adjacency/node_set.c",
    "librdkafka/rdkafka.h": "stages/kafka/client.h",
    "librdkafka/rdkafka_mock.h": "tests/mock_cluster.c",
    "curl/curl.h": "stages/kafka/schema_registry.c",
    "avro.h": "stages/decode/avro_schema.c",
    "zlib.h": "stages/base/compression.c",
    "ini.h": "pipeline/options.c",
    "sqlite3.h": "stages/sink/database.c",
    "cmocka.h": "tests/testing.h",
    "execinfo.h": "tests/shim/sites.h",
    "sys/auxv.h": "tests/shim/sites.h",
    "sys/syscall.h": "tests/shim/file_calls.c",
    "GraphBLAS.h": "bench/peer_graphblas.c",
    "igraph/igraph.h": "bench/peer_igraph.c",
}

# Benchmarks that measure a library itself beside us, and its header.
PEERS = {
    "bench/peer_roaring.c": "roaring/roaring.h",
    "bench/peer_rdkafka.c": "librdkafka/rdkafka.h",
    "bench/peer_sql.c": "sqlite3.h",
}

# Files with variants for a processor, and the compiler's header of its instructions.
PROCESSORS = {
    "stages/embeddedness/kernel_set.c": "cpuid.h",
    "stages/embeddedness/scan_avx2.c": "immintrin.h",
    "stages/embeddedness/scan_avx512.c": "immintrin.h",
}

C11 = """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads
    time uchar wchar wctype""".split()
POSIX = """arpa/inet dirent dlfcn fcntl fnmatch ftw glob grp iconv langinfo libgen net/if netdb
    netinet/in netinet/tcp nl_types poll pthread pwd regex sched search semaphore spawn strings
    sys/ipc sys/mman sys/resource sys/select sys/shm sys/socket sys/stat sys/statvfs sys/time
    sys/times sys/types sys/uio sys/un sys/utsname sys/wait syslog termios unistd utime
    wordexp""".split()
# What Linux and the BSDs have beyond POSIX.
COMMON = "getopt sys/file sys/ioctl sys/random sysexits".split()
SYSTEM = {f"{name}.h" for name in C11 + POSIX + COMMON}

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def layer_of(path):
    """(position in LAYERS, folder) of a path, or None. tests/fuzz belongs to tests."""
    for position, folders in enumerate(LAYERS):
        for folder in folders:
            if str(path).startswith(folder + "/"):
                return position, folder
    return None


def check_own(path, target, root):
    """Rule 1 for `#include "target"` in `path`: what is wrong, or None."""
    mine, its = layer_of(path), layer_of(target)
    if not (root / target).is_file() or its is None:
        return f'"{target}" is no file of a layer, seen from the root of the repository'
    if its[0] > mine[0]:
        return f'"{target}": {mine[1]} comes before {its[1]} and may not include it'
    if its[0] == mine[0] and its[1] != mine[1]:
        return f'"{target}": {mine[1]} and {its[1]} stand side by side'
    return None


def check_outside(path, header):
    """Rule 2 for `#include <header>` in `path`: what is wrong, or None."""
    if header in SYSTEM or PROCESSORS.get(str(path)) == header:
        return None
    if header not in LIBRARIES:
        return f"<{header}> is neither C11, POSIX nor a library listed in tests/lint/layers.py"
    if str(path) != LIBRARIES[header] and PEERS.get(str(path)) != header:
        return f"<{header}> may be included by {LIBRARIES[header]} alone"
    return None


def check_file(root, path):
    """Yields the violations of one C file as (line, text)."""
    if layer_of(path) is None:
        yield 1, f"{path.parent} is in no layer: give it a place in tests/lint/layers.py"
        return
    text = tree.without_comments((root / path).read_text(errors="replace"))
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        own = re.fullmatch(r'"([^"]+)"', match.group(1))
        outside = re.fullmatch(r"<([^>]+)>", match.group(1))
        if own:
            wrong = check_own(path, own.group(1), root)
        elif outside:
            wrong = check_outside(path, outside.group(1))
        else:
            wrong = f"cannot see what is included by {match.group(1)}"
        if wrong:
            yield line, wrong


def violations(root):
    root = pathlib.Path(root)
    sources = [path for path in tree.files(root) if path.suffix in (".c", ".h")]
    if not sources:
        return [f"{root}: no C file found"]
    return [f"{path}:{line}: {wrong}" for path in sources for line, wrong in check_file(root, path)]


def main():
    found = violations(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
