#!/bin/sh
# The main job on files, end to end: a seeded log of about a million ties over three dates, the
# nightly job for each date, and where its tables are. TIEFLOW names the program (build/tieflow);
# everything is made in the folder "demo" beside it.
set -eu

tieflow=${TIEFLOW:-build/tieflow}
folder=$(dirname "$tieflow")/demo

rm -rf "$folder/state" "$folder/tables"
mkdir -p "$folder/logs"

echo "== a study-shaped log: 1,000,000 ties of 20,000 members over three days"
"$tieflow" generate -o "$folder/logs/connections.tfp" --ties 1000000 --degree 100 \
    --start 2026-01-01 --days 3 --seed 1

for date in 2026-01-01 2026-01-02 2026-01-03; do
    echo
    echo "== the night of $date"
    "$tieflow" run --state "$folder/state" --date "$date" --logs "$folder/logs" -o "$folder/tables"
done

echo
echo "== the state that the next night starts from"
"$tieflow" snapshot ls --state "$folder/state"

echo
echo "The tables: $folder/tables/date=2026-01-0?/ties.parquet, ties.csv, quality.csv, ..."
echo "One query (any DuckDB):"
echo "  duckdb -c \"SELECT least(mutual, 20) AS mutual, count(*) AS ties, avg(strength) AS strength"
echo "             FROM '$folder/tables/date=*/ties.parquet' GROUP BY 1 ORDER BY 1\""
