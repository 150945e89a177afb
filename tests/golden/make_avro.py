"""Makes the golden Avro files of this folder with fastavro, an implementation that is not ours:

    make_avro.py        in an environment that has fastavro and backports.zstd

The tests read the files as they are; this says how they came about.
"""

import json
import pathlib

import fastavro

HERE = pathlib.Path(__file__).parent
SCHEMA = HERE.parent.parent / "schemas/connections.avsc"
OURS = fastavro.parse_schema(json.loads(SCHEMA.read_text()))
EVENTS = [
    {"at": 1700000000123, "from": 1, "to": 2, "kind": "connect", "origin": "unknown"},
    {"at": 0, "from": 0, "to": -1, "kind": "disconnect", "origin": "import"},
    {"at": -62135596800000, "from": -2**63, "to": 2**63 - 1, "kind": "connect",
     "origin": "organic"},
    {"at": 253402300799999, "from": 16777215, "to": 34359738368, "kind": "disconnect",
     "origin": "recommended"},
]

# Another writer's: other names and order, fields of every kind that we do not have, a type that
# holds itself, a name used again, numbers in unions, symbols in another order, a string where we
# have an enum.
FOREIGN = fastavro.parse_schema({
    "type": "record", "name": "edge", "namespace": "other.place", "fields": [
        {"name": "tree", "type": ["null", {"type": "record", "name": "node", "fields": [
            {"name": "left", "type": ["null", "node"]},
            {"name": "right", "type": ["null", "node"]},
            {"name": "leaves", "type": {"type": "array", "items": "double"}}]}]},
        {"name": "to", "type": ["null", "long"]},
        {"name": "tags", "type": {"type": "map", "values": ["string", "boolean", "bytes"]}},
        {"name": "previous", "type": {"type": "enum", "name": "act", "symbols": [
            "renamed", "connect", "disconnect"]}},
        {"name": "kind", "type": "act"},
        {"name": "hash", "type": {"type": "fixed", "name": "hash16", "size": 16}},
        {"name": "from", "type": ["int", "null", "long"]},
        {"name": "weight", "type": "float"},
        {"name": "origin", "type": ["null", "string"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]})


def foreign(event):
    leaf = {"left": None, "right": None, "leaves": [1.5, -2.5]}
    return event | {"tree": {"left": leaf, "right": {**leaf, "leaves": []}, "leaves": []},
                    "tags": {"a": "text", "b": True, "c": b"\x00\xff"}, "previous": "renamed",
                    "hash": b"0123456789abcdef", "weight": 0.5,
                    "origin": None if event["origin"] == "unknown" else event["origin"]}


def write(name, schema, events, codec):
    with open(HERE / name, "wb") as file:
        fastavro.writer(file, schema, events, codec=codec, sync_interval=20,
                        sync_marker=b"tieflow-golden-1")


def main():
    for codec in ("null", "deflate", "zstandard"):
        write(f"connections_{codec}.avro", OURS, EVENTS, codec)
    write("foreign_deflate.avro", FOREIGN, map(foreign, EVENTS), "deflate")
    # A time of the year 10000: a datum that is no event, between two that are.
    unfit = [EVENTS[0], EVENTS[0] | {"at": 253402300800000}, EVENTS[3]]
    write("connections_unfit.avro", OURS, unfit, "null")


if __name__ == "__main__":
    main()
