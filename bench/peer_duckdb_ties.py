"""A contender (bench/contender.h) in DuckDB: the mutual connections as a temporal self-join.

    peer_duckdb_ties.py CSV FOLDER THREADS

CSV is the connection log, connects alone. A tie's mutual connections are the members tied to both
of its ends by ties before it in the log. Needs Python with the package duckdb. Prints one line of
JSON, without a checksum; FOLDER takes what does not fit into memory.
"""

import json
import sys
import time

import duckdb

TIES = """
CREATE TABLE tie AS SELECT row_number() OVER () AS id, "from" AS a, "to" AS b
    FROM read_csv('{csv}', columns = {columns})
"""
SIDES = """
CREATE TABLE side AS
    SELECT id, a AS member, b AS contact FROM tie UNION ALL SELECT id, b, a FROM tie
"""
# Only ties with mutual connections come out: the others have none.
MUTUAL = """
CREATE TABLE mutual AS SELECT tie.id, count(*) AS mutual FROM tie
    JOIN side AS of_a ON of_a.member = tie.a AND of_a.id < tie.id
    JOIN side AS of_b ON of_b.member = tie.b AND of_b.contact = of_a.contact AND of_b.id < tie.id
    GROUP BY tie.id
"""


def main():
    csv, folder, threads = sys.argv[1:]
    with open(csv, encoding="utf-8") as file:
        names = file.readline().strip().split(",")
    columns = {name: "VARCHAR" if name in ("kind", "origin") else "BIGINT" for name in names}
    start = time.monotonic()
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute(f"SET temp_directory = '{folder}/duckdb.tmp'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(TIES.format(csv=csv, columns=columns))
    read = time.monotonic()
    connection.execute(SIDES)
    connection.execute(MUTUAL)
    ties = connection.execute("SELECT count(*) FROM tie").fetchone()[0]
    mutual_sum = connection.execute("SELECT coalesce(sum(mutual), 0) FROM mutual").fetchone()[0]
    end = time.monotonic()
    print(json.dumps({
        "contender": f"DuckDB {duckdb.__version__}",
        "ties": ties,
        "mutual_sum": int(mutual_sum),
        "seconds": round(end - start, 3),
        "stages": {"reading": round(read - start, 3), "joining": round(end - read, 3)},
    }))


if __name__ == "__main__":
    main()
