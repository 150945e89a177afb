#!/usr/bin/env python3
"""Checks every Parquet table under the given folders against the CSV of the same name beside it.

    check_tables.py DIR...

Two independent readers, DuckDB and pyarrow, must see the documented types and, row by row, the
very values of the CSV; the statistics of every column chunk must be those of its data. Prints one
line per table that is wrong and exits 1; otherwise prints how much was compared and exits 0.

Needs the packages duckdb and pyarrow.
"""

import csv
import math
import os
import struct
import sys

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

U64, U32, TIME, F64, TEXT, BOOL = "u64", "u32", "time", "f64", "text", "bool"

# What schemas/tables.c promises, by the column's name. An unknown name is an error: a new
# column must be entered here.
COLUMN_TYPES = {name: kind for kind, names in {
    U64: "from to union member_low member_high record count u64 u64_or_null"
         " member company previous_company contacts contacts_certain contacts_possible"
         " contacts_tied unmatched mover contact tie_age_ms contact_tenure_ms interactions"
         " seniority_gap_years applications experiment variant sides at_risk transmitting"
         " transmissions pairs members placebo_transmissions unmatched_transmissions",
    U32: "mutual degree_from degree_to u32"
         " degree new_ties weak medium strong above_threshold moves moves_carried"
         " reach_place reach_region reach_country reach_abroad reach_unknown bin"
         " strength_decile",
    TIME: "at created_at ended_at time time_or_null tie_created_at at_before at_after",
    F64: "strength f64 f64_or_null expected credit diversity industry_diversity low high"
         " exposure_ms rate wilson_low wilson_high standard_error low_95 high_95 credit_each"
         " credit_equal credit_last credit_strength excess share mean variance difference p"
         " interaction_rank",
    TEXT: "log check file reason content kind origin text text_or_null precision rule window"
          " measure label segment value part fact name meaning kind_before kind_after placebo"
          " tercile log2_bin same_industry reach coworker",
    BOOL: "flag mass contact_active mover_invited certain above_median",
}.items() for name in names.split()}

# Where a name means something else than in the other tables.
OTHER_TYPES = {
    ("ties", "above_threshold"): BOOL, ("members", "from"): TIME,
    ("members", "transmissions"): U32, ("totals", "value"): F64,
}
NULLABLE = {(table, name) for table, names in {
    "ties": "ended_at interactions interaction_rank same_industry seniority_gap_years reach"
            " experiment variant",
    "moves": "previous_company contacts contacts_certain contacts_possible contacts_tied expected"
             " unmatched",
    "transmissions": "contact_tenure_ms interactions",
    "members": "from diversity industry_diversity experiment variant",
    "dose_response": "low high rate wilson_low wilson_high standard_error low_95 high_95 share",
    "segments": "low high rate wilson_low wilson_high standard_error low_95 high_95 share",
    "arms": "variance difference standard_error p",
    "revisions": "kind_before at_before kind_after at_after",
}.items() for name in names.split()}
NULLABLE_NAMES = {"time_or_null", "u64_or_null", "f64_or_null", "text_or_null"}

ARROW_TYPES = {U64: pa.uint64(), U32: pa.uint32(), TIME: pa.timestamp("ms", tz="UTC"),
               F64: pa.float64(), TEXT: pa.string(), BOOL: pa.bool_()}
DUCKDB_TYPES = {U64: "UBIGINT", U32: "UINTEGER", TIME: "TIMESTAMP WITH TIME ZONE",
                F64: "DOUBLE", TEXT: "VARCHAR", BOOL: "BOOLEAN"}
# Times are compared as milliseconds, doubles as their bits.
PLAIN_TYPES = {U64: pa.uint64(), U32: pa.uint32(), TIME: pa.int64(), F64: pa.int64(),
               TEXT: pa.string(), BOOL: pa.bool_()}

CSV_ROWS = 1 << 16
STATISTIC_TEXT_BYTES = 64  # longer texts may lack a minimum and a maximum


class Wrong(Exception):
    """The table is not what it must be; the text says where."""


def expected_types(table, names):
    unknown = [name for name in names if name not in COLUMN_TYPES]
    if unknown:
        raise Wrong(f"column {unknown[0]!r} is not known to check_tables.py: enter its type there")
    return [(name, OTHER_TYPES.get((table, name), COLUMN_TYPES[name]),
             (table, name) in NULLABLE or name in NULLABLE_NAMES)
            for name in names]


def plain(array, kind):
    """Any reader's column as one array of PLAIN_TYPES[kind]."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if kind == F64:
        return array.cast(pa.float64()).view(pa.int64())
    return array.cast(PLAIN_TYPES[kind])


def plain_of_csv(texts, kind, nullable, first_row, name):
    """Cells of a CSV column as an array of PLAIN_TYPES[kind]; numbers must be in canonical form."""
    array = pa.array(texts, pa.string())
    if nullable:
        array = pc.if_else(pc.equal(array, ""), None, array)
    if kind == TEXT:
        return array
    try:
        if kind == F64:
            return array.cast(pa.float64()).view(pa.int64())
        numbers = array.cast(PLAIN_TYPES[kind])
    except pa.ArrowInvalid as problem:
        raise Wrong(f"CSV rows from {first_row}, column {name}: {problem}") from None
    if not numbers.cast(pa.string()).equals(array):
        raise Wrong(f"CSV rows from {first_row}, column {name}: a value in a form of its own")
    return numbers


def compare(name, kind, first_row, reader, theirs, csv_values):
    if theirs.equals(csv_values):
        return
    for i, (a, b) in enumerate(zip(theirs.to_pylist(), csv_values.to_pylist())):
        if a != b:
            if kind == F64:
                a, b = (None if bits is None else struct.unpack("d", struct.pack("q", bits))[0]
                        for bits in (a, b))
            raise Wrong(f"row {first_row + i}, column {name}: {reader} reads {a!r}, CSV {b!r}")
    raise Wrong(f"column {name}: {reader} reads {len(theirs)} rows from {first_row}, "
                f"CSV {len(csv_values)}")


def csv_batches(path, names):
    """The rows of the CSV file as lists, CSV_ROWS at a time."""
    with open(path, "rb") as raw:
        raw.seek(-1, os.SEEK_END)
        if raw.read(1) != b"\n":
            raise Wrong("the CSV does not end with a line feed")
    with open(path, newline="", encoding="utf-8") as text:
        reader = csv.reader(text, strict=True)
        header = next(reader)
        if header != names:
            raise Wrong(f"CSV header {header} where Parquet has {names}")
        batch = []
        for row in reader:
            if len(row) != len(names):
                raise Wrong(f"CSV line {reader.line_num}: {len(row)} cells for {len(names)} "
                            "columns")
            batch.append(row)
            if len(batch) == CSV_ROWS:
                yield batch
                batch = []
        if batch:
            yield batch


def read_with_pyarrow(path, columns, arrow_file):
    for field, (name, kind, nullable) in zip(arrow_file.schema_arrow, columns):
        if field.type != ARROW_TYPES[kind] or field.nullable != nullable:
            raise Wrong(f"column {name}: pyarrow sees {field}, must be {ARROW_TYPES[kind]}"
                        f"{'' if nullable else ' not null'}")
    table = pq.read_table(path, partitioning=None)
    return [plain(table.column(i), kind) for i, (_, kind, _) in enumerate(columns)]


def read_with_duckdb(path, columns):
    with duckdb.connect() as connection:
        source = "read_parquet('" + path.replace("'", "''") + "', hive_partitioning=false)"
        seen = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        for (name, kind, _), row in zip(columns, seen, strict=True):
            if (row[0], row[1]) != (name, DUCKDB_TYPES[kind]):
                raise Wrong(f"column {name}: DuckDB sees {row[0]} {row[1]}, "
                            f"must be {DUCKDB_TYPES[kind]}")
        quoted = [f'epoch_ms("{name}")' if kind == TIME else f'"{name}"'
                  for name, kind, _ in columns]
        table = connection.sql(f"SELECT {', '.join(quoted)} FROM {source}").to_arrow_table()
        return [plain(table.column(i), kind) for i, (_, kind, _) in enumerate(columns)]


def raw_bounds(values, kind):
    """Minimum and maximum of non-null plain values, as pyarrow's min_raw and max_raw give them."""
    if kind == TEXT:
        encoded = [text.encode() for text in values.to_pylist()]
        return min(encoded), max(encoded)
    if kind == F64:
        doubles = values.view(pa.float64()).to_pylist()
        # The format's rule for zeros: the smaller as a minimum, the greater as a maximum.
        return min(doubles) or -0.0, max(doubles) or 0.0
    bounds = pc.min_max(values).as_py()
    return bounds["min"], bounds["max"]


def same_bound(stored, true, kind):
    if kind == F64:
        return stored == true and math.copysign(1, stored) == math.copysign(1, true)
    if kind in (U64, U32):
        stored &= (1 << (64 if kind == U64 else 32)) - 1  # pyarrow gives the signed reading
    if kind == TEXT and isinstance(stored, str):
        stored = stored.encode()
    return stored == true


def check_chunk(chunk, values, kind, where):
    # Packed bits that zstd would hardly make fewer are left as they are.
    packed = {"DELTA_BINARY_PACKED", "RLE_DICTIONARY"} & set(chunk.encodings)
    if chunk.compression not in (("ZSTD", "UNCOMPRESSED") if packed else ("ZSTD",)):
        raise Wrong(f"{where}: compressed with {chunk.compression}")
    statistics = chunk.statistics
    if statistics is None or not statistics.has_null_count:
        raise Wrong(f"{where}: no statistics")
    if statistics.null_count != values.null_count:
        raise Wrong(f"{where}: null_count {statistics.null_count}, the data have "
                    f"{values.null_count}")
    values = values.drop_null()
    if len(values) == 0:
        if statistics.has_min_max:
            raise Wrong(f"{where}: a minimum where all values are null")
        return
    least, most = raw_bounds(values, kind)
    if not statistics.has_min_max:
        if kind == TEXT and max(len(least), len(most)) > STATISTIC_TEXT_BYTES:
            return
        raise Wrong(f"{where}: no minimum and maximum")
    if not same_bound(statistics.min_raw, least, kind):
        raise Wrong(f"{where}: minimum {statistics.min_raw!r}, the data have {least!r}")
    if not same_bound(statistics.max_raw, most, kind):
        raise Wrong(f"{where}: maximum {statistics.max_raw!r}, the data have {most!r}")


def check_statistics(metadata, columns, values):
    first = 0
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        if group.num_rows == 0:
            raise Wrong(f"row group {g} is empty")
        for c, (name, kind, _) in enumerate(columns):
            check_chunk(group.column(c), values[c].slice(first, group.num_rows), kind,
                        f"row group {g}, column {name}")
        first += group.num_rows
    if first != metadata.num_rows:
        raise Wrong(f"the row groups hold {first} rows, the file {metadata.num_rows}")


def check_table(path):
    """Compares one Parquet file with its CSV; returns its rows."""
    csv_path = path.removesuffix(".parquet") + ".csv"
    if not os.path.exists(csv_path):
        raise Wrong("no CSV of the same name beside it")
    with pq.ParquetFile(path) as arrow_file:
        metadata = arrow_file.metadata
        if metadata.created_by != "tieflow":
            raise Wrong(f"created by {metadata.created_by!r}")
        names = arrow_file.schema_arrow.names
        columns = expected_types(os.path.basename(path).removesuffix(".parquet"), names)
        arrow_values = read_with_pyarrow(path, columns, arrow_file)
    duckdb_values = read_with_duckdb(path, columns)
    rows = 0
    for batch in csv_batches(csv_path, names):
        for c, ((name, kind, nullable), cells) in enumerate(zip(columns, zip(*batch))):
            values = plain_of_csv(cells, kind, nullable, rows, name)
            compare(name, kind, rows, "pyarrow", arrow_values[c].slice(rows, len(batch)), values)
            compare(name, kind, rows, "DuckDB", duckdb_values[c].slice(rows, len(batch)), values)
        rows += len(batch)
    for reader, values in (("pyarrow", arrow_values), ("DuckDB", duckdb_values)):
        if len(values[0]) != rows:
            raise Wrong(f"{reader} reads {len(values[0])} rows, CSV {rows}")
    check_statistics(metadata, columns, arrow_values)
    return rows


def find_tables(folders):
    for folder in folders:
        for parent, children, files in os.walk(folder):
            children.sort()
            for name in sorted(files):
                if name.endswith(".parquet"):
                    yield os.path.join(parent, name)


def main(folders):
    if not folders:
        print("usage: check_tables.py DIR...", file=sys.stderr)
        return 64
    csv.field_size_limit(1 << 28)
    tables = rows = wrong = 0
    for path in find_tables(folders):
        tables += 1
        try:
            rows += check_table(path)
        except (Wrong, csv.Error, ValueError, OSError, pa.ArrowException, duckdb.Error) as problem:
            wrong += 1
            print(f"{path}: {' '.join(str(problem).split())}", file=sys.stderr)
    if tables == 0:
        print(f"no Parquet tables under {' '.join(folders)}", file=sys.stderr)
        return 1
    if wrong > 0:
        print(f"{wrong} of {tables} tables are wrong", file=sys.stderr)
        return 1
    print(f"{tables} tables, {rows} rows compared")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
