"""Events as the records that other programs would write, spelled here from the formats' own rules.

Avro's are in https://avro.apache.org/docs/1.11.1/specification/ ("Binary encoding"), the framing is
that of Confluent's serializers: a zero byte, the schema's id in four bytes, the datum.
"""

import json
import struct

from tests.cli.oracle import ORIGINS
from tests.cli.support import ROOT
from tests.kafka.clients import Record

SCHEMA = ROOT / "schemas" / "connections.avsc"
SCHEMA_ID = 7
KINDS = ("disconnect", "connect")  # in the order of the schema

# What --encoding takes, with the options that tell the schema where one is needed.
OPTIONS = {
    "avro": ("--encoding", "avro", "--schema-map", f"{SCHEMA_ID}={SCHEMA}"),
    "avro-bare": ("--encoding", "avro-bare"),
    "json": ("--encoding", "json"),
    "packed": ("--encoding", "packed"),
}


def long(number):
    """An Avro long: zigzag, then seven bits a byte, the low ones first. Ids of 2^63 and more are
    the negative longs of the same 64 bits."""
    if number >= 2**63:
        number -= 2**64
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(string):
    data = string.encode()
    return long(len(data)) + data


def avro_bare(event):
    return (long(event.at) + long(event.from_) + long(event.to) + long(KINDS.index(event.kind))
            + long(ORIGINS.index(event.origin)))


def framed(number, datum):
    return struct.pack(">bI", 0, number) + datum


def avro(event):
    return framed(SCHEMA_ID, avro_bare(event))


def json_object(event):
    return json.dumps({"at": event.at, "from": event.from_, "to": event.to, "kind": event.kind,
                       "origin": event.origin}).encode()


VALUES = {"avro": avro, "avro-bare": avro_bare, "json": json_object}


def key_of(event):
    return f"{min(event.from_, event.to)}:{max(event.from_, event.to)}".encode()


def records_of(events, encoding, partition=None):
    """One keyed record for each event."""
    value_of = VALUES[encoding]
    return [Record(value_of(event), key=key_of(event), partition=partition) for event in events]
