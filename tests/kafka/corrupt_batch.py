"""Damages record batches in the segment files of a Kafka broker, for tests of what a reader does.

    corrupt_batch.py SEGMENT                      lists its batches
    corrupt_batch.py SEGMENT OFFSET flip          damages the batch that holds OFFSET: its checksum
                                                  fails
    corrupt_batch.py SEGMENT OFFSET flip-and-mend the same with a checksum that fits: a compressed
                                                  batch can no longer be unpacked

SEGMENT is a file such as DATA/TOPIC-0/00000000000000000000.log. A broker serves the bytes of a
batch as they lie on disk and does not look into them again, so a running broker hands out the
damage at once. (It checks them when it starts after a crash, and when it compacts: do this to a
topic of the test's own, after everything has been written.)

A batch, big-endian, as in Kafka's DefaultRecordBatch (message format 2):

    OFFSET  SIZE  DESCRIPTION
         0     8  offset of the first record
         8     4  bytes behind this field
        12     4  leader epoch
        16     1  format: 2
        17     4  CRC-32C of everything behind this field
        21     2  attributes: bits 0 to 2 are the codec, bit 5 is a control batch
        23     4  offset of the last record, counted from the first
        27    30  timestamps, producer id, epoch and sequence
        57     4  number of records
        61        the records, compressed together
"""

import collections
import pathlib
import struct
import sys

HEADER_BYTES = 61
CRC_AT = 17
CHECKED_AT = 21

# Where a batch lies in its segment and what its header says; `last` is the offset of its last
# record, `codec` a number as in the table above (0: not compressed).
Batch = collections.namedtuple("Batch", "position bytes first last codec control records")


def crc32c(data):
    """The Castagnoli checksum, bit by bit into a table: fast enough for a test's batch."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def batches(segment):
    """The batches of a segment file, in order. Space that was only reserved (zeros) ends them."""
    data = pathlib.Path(segment).read_bytes()
    found = []
    position = 0
    while position + HEADER_BYTES <= len(data):
        first, length = struct.unpack_from(">qi", data, position)
        if length == 0:
            break
        attributes, last = struct.unpack_from(">hi", data, position + CHECKED_AT)
        records, = struct.unpack_from(">i", data, position + 57)
        found.append(Batch(position, 12 + length, first, first + last, attributes & 7,
                           bool(attributes & 32), records))
        position += 12 + length
    return found


def batch_of(segment, offset):
    """The batch that holds the record at `offset`."""
    for batch in batches(segment):
        if batch.first <= offset <= batch.last:
            return batch
    raise ValueError(f"{segment} has no batch with offset {offset}")


def flip(segment, offset, mend=False):
    """Damages the batch that holds `offset`, and returns it. Without `mend` its checksum fails.
    With it the checksum is made to fit again, so that only what looks inside finds the damage; the
    batch should be compressed: its first bytes, where a codec has its magic, are damaged."""
    batch = batch_of(segment, offset)
    with open(segment, "r+b") as file:
        file.seek(batch.position)
        data = bytearray(file.read(batch.bytes))
        for at in range(HEADER_BYTES, min(HEADER_BYTES + 4, len(data))):
            data[at] ^= 0xFF
        if mend:
            struct.pack_into(">I", data, CRC_AT, crc32c(data[CHECKED_AT:]))
        file.seek(batch.position)
        file.write(data)
    return batch


def main(arguments):
    if len(arguments) == 1:
        for batch in batches(arguments[0]):
            print(batch)
        return 0
    if len(arguments) != 3 or arguments[2] not in ("flip", "flip-and-mend"):
        print(__doc__, file=sys.stderr)
        return 64
    segment, offset, how = arguments
    print(flip(segment, int(offset), mend=how == "flip-and-mend"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
