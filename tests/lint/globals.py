"""Checks that the library has no mutable globals.

    globals.py LIBRARY

Whatever a program may write at run time lies in .data, .bss or a thread-local twin of them;
constants lie in .rodata, or in .data.rel.ro where they hold addresses. So the object files tell,
whatever the source looks like: static locals are found too. One line per violation, exit code 1 if
there is any.
"""

import re
import subprocess
import sys

WRITABLE = re.compile(r"^\.(data|bss|tdata|tbss)(\..*)?$")
CONSTANT = re.compile(r"^\.data\.rel\.ro(\..*)?$")


def violations(library):
    """The writable symbols of an archive or object file, as "member.o: symbol in .section"."""
    listing = subprocess.run(["objdump", "-t", library], check=True, capture_output=True,
                             text=True).stdout
    found = []
    members = 0
    member = library
    for line in listing.splitlines():
        header = re.match(r"^(\S+\.o):\s+file format", line)
        if header:
            member = header.group(1)
            members += 1
            continue
        # address, flags, section, tab, size, name; the name of a section itself is no symbol.
        symbol = re.match(r"^[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+\s+(?:\.hidden )?(\S+)$", line)
        if symbol is None or "d" in symbol.group(1):
            continue
        section = symbol.group(2)
        if section == "*COM*" or WRITABLE.match(section) and not CONSTANT.match(section):
            found.append(f"{member}: {symbol.group(3)} in {section} can be written to")
    if members == 0:
        found.append(f"{library}: no object file found")
    return found


def main():
    found = violations(sys.argv[1])
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
