#!/bin/sh
# The main job through Kafka, end to end: a seeded log of about a million ties over three dates is
# replayed into a topic, the nightly job reads each date from there, and its tables go into topics
# as well. TIEFLOW names the program (build/tieflow), TIEFLOW_BROKERS the brokers, which must have
# the topics (`make demo-kafka` sees to that); everything is made in the folder "demo-kafka" beside
# the program.
set -eu

tieflow=${TIEFLOW:-build/tieflow}
brokers=${TIEFLOW_BROKERS:?names the brokers: make demo-kafka starts one}
folder=$(dirname "$tieflow")/demo-kafka
schemas=$(dirname "$0")/../schemas/tables

rm -rf "$folder/state" "$folder/tables"
mkdir -p "$folder/logs"

echo "== a study-shaped log: 1,000,000 ties of 20,000 members over three days"
"$tieflow" generate -o "$folder/logs/connections.tfp" --ties 1000000 --degree 100 \
    --start 2026-01-01 --days 3 --seed 1

echo
echo "== replayed into the topic connections"
"$tieflow" import "$folder/logs/connections.tfp" --brokers "$brokers" --topic connections \
    --encoding packed

for date in 2026-01-01 2026-01-02 2026-01-03; do
    echo
    echo "== the night of $date"
    "$tieflow" run --state "$folder/state" --date "$date" --brokers "$brokers" \
        --topic connections --encoding packed -o "$folder/tables" --emit kafka \
        --schema-map "1=$schemas/ties.avsc" --schema-map "2=$schemas/endings.avsc" \
        --schema-map "3=$schemas/late.avsc" --schema-map "4=$schemas/quarantine.avsc" \
        --schema-map "5=$schemas/quality.avsc"
done

echo
echo "== what another client (kcat) sees of it"
kcat -L -b "$brokers" | grep 'topic "[^_]'
kcat -C -e -q -b "$brokers" -t tieflow.quality -o beginning -c 5 \
    -f '%t [%p] at %o: key %k, %S bytes of Avro\n'

echo
echo "The tables: $folder/tables/date=2026-01-0?/ties.parquet, ties.csv, quality.csv, ..."
