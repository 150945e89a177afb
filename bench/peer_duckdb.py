"""A further peer of the attribution: the counts of bench/peer_sql.c in DuckDB, on the same tables.

    peer_duckdb.py FOLDER [THREADS]

FOLDER is that of `bench_attribution FOLDER --export 1`: tables as CSV, and attribution.jsonl with
the counts of SQLite, to which these must be equal. Needs Python with the package duckdb. Prints
seconds without loading, and how they compare with tieflow's on the same ties and as many threads.
"""

import json
import pathlib
import sys
import time

import duckdb

DAY_MS = 86400000
# The rules of the preset `default`.
RULES = {"tie_ms": 30 * DAY_MS, "job_ms": 365 * DAY_MS, "as_of": 1420070400000 + 1826 * DAY_MS}

TABLES = ("tie", "spell", "job", "entry", "move")
SIDES = """
CREATE TABLE side AS SELECT row_number() OVER () AS id, * FROM
    (SELECT a AS mover, b AS contact, created, ended, mutual FROM tie
     UNION ALL SELECT b, a, created, ended, mutual FROM tie)
"""
CUT = """
SELECT mutual FROM tie ORDER BY mutual LIMIT 1
    OFFSET ((SELECT count(*) FROM tie) * {third} + 2) // 3 - 1
"""
TERCILE = "(mutual > {low})::INT + (mutual > {high})::INT"
TRANSMISSIONS = """
SELECT {tercile} AS tercile, count(*) FROM
    (SELECT DISTINCT move.id, side.contact, side.mutual FROM move
     JOIN side ON side.mover = move.member
     JOIN spell ON spell.member = side.contact AND spell.company = move.company
     WHERE side.created + {tie_ms} <= move.at AND side.ended >= move.at
       AND spell.start_hi <= move.at AND spell.start_lo + {job_ms} <= move.at
       AND spell.end_hi > move.at)
    GROUP BY 1 ORDER BY 1
"""
AT_RISK = """
SELECT {tercile} AS tercile, count(*) FROM side WHERE id IN
    (SELECT side.id FROM side JOIN entry ON entry.member = side.mover
     JOIN spell ON spell.member = side.contact
     LEFT JOIN job ON job.member = side.mover AND job.company = spell.company
     WHERE greatest(side.created + {tie_ms}, entry.at_hi, spell.start_hi,
                    spell.start_lo + {job_ms})
        <= least({as_of}, side.ended, job.at, spell.end_hi - 1))
    GROUP BY 1 ORDER BY 1
"""


def counts(connection, query, rules):
    tercile = TERCILE.format(**rules)
    found = dict(connection.execute(query.format(tercile=tercile, **rules)).fetchall())
    return [found.get(i, 0) for i in range(3)]


def main():
    folder = pathlib.Path(sys.argv[1])
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    lines = [json.loads(line) for line in (folder / "attribution.jsonl").open()]
    sqlite = [line for line in lines if line.get("ratio_threads") == threads][0]
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    start = time.monotonic()
    for table in TABLES:
        connection.execute(f"CREATE TABLE {table} AS FROM read_csv('{folder / table}.csv')")
    connection.execute(SIDES)
    loaded = time.monotonic()
    low, high = (connection.execute(CUT.format(third=i)).fetchone()[0] for i in (1, 2))
    rules = {**RULES, "low": low, "high": high}
    at_risk = counts(connection, AT_RISK, rules)
    risked = time.monotonic()
    transmissions = counts(connection, TRANSMISSIONS, rules)
    done = time.monotonic()
    if at_risk != sqlite["at_risk"] or transmissions != sqlite["transmissions"]:
        sys.exit(f"DuckDB counts {at_risk} at risk, {transmissions} transmissions; "
                 f"SQLite {sqlite['at_risk']}, {sqlite['transmissions']}")
    print(f"DuckDB {duckdb.__version__}, {threads} threads: {done - loaded:.2f} s (sides at risk "
          f"{risked - loaded:.2f}, transmissions {done - risked:.2f}) after {loaded - start:.1f} s "
          f"of loading: tieflow on {threads} takes {sqlite['seconds']:.2f} s; equal counts")


if __name__ == "__main__":
    main()
