#!/bin/sh
# The two jobs on files, end to end: the nightly job over three dates, and a study of five years in
# which the truth is planted. TIEFLOW names the program (build/tieflow); everything is made in the
# folder "demo" beside it.
set -eu

tieflow=${TIEFLOW:-build/tieflow}
folder=$(dirname "$tieflow")/demo

rm -rf "$folder"
mkdir -p "$folder/logs"

echo "== a connection log: 300,000 ties of 6,000 members over three days"
"$tieflow" generate -o "$folder/logs/connections.tfp" --ties 300000 --degree 100 \
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
echo "== five years of a labour market: ties carry jobs most often at 10 mutual connections"
world=$folder/world
"$tieflow" generate -o "$world" --careers --ties 1000000 --degree 100 --hazard inverted-u \
    --hazard-rate 0.005 --move-rate 0.01 --company-size 15 --company-skew 1 --seed 1

echo
echo "== the study: which ties carried which jobs?"
"$tieflow" attribute --connections "$world/connections.tfp" --positions "$world/positions.csv" \
    --members "$world/members.csv" --companies "$world/companies.csv" \
    --industries "$world/industries.csv" --interactions "$world/interactions.csv" \
    --applications "$world/applications.csv" --assignments "$world/assignments.csv" \
    -o "$folder/study"

curve="SELECT label AS mutual, at_risk, transmissions, round(1000 * rate, 2) AS per_1000,
    round(1000 * low_95, 2) AS low, round(1000 * high_95, 2) AS high,
    round(1000 * expected_rate, 2) AS by_chance FROM curve"
if command -v sqlite3 >/dev/null; then
    echo
    sqlite3 -box "$folder/study/study.sqlite" "$curve"
fi

echo
echo "Open it in a browser:  $folder/study/report.html"
echo "One query on the sums:  sqlite3 -box $folder/study/study.sqlite 'SELECT * FROM curve'"
echo "One on the jobs (any DuckDB):"
echo "  duckdb -c \"SELECT least(mutual, 20) AS mutual, count(*) AS jobs, avg(strength) AS strength"
echo "             FROM '$folder/study/transmissions.parquet' GROUP BY 1 ORDER BY 1\""
echo "The nights' tables:     $folder/tables/date=2026-01-0?/ties.parquet, quality.csv, ..."
