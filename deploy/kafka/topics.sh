#!/bin/sh
# Creates the topics where `clew migrate` may not; an administrator runs it once.
# `clew migrate` checks the same settings afterwards and refuses what could lose records.
#   KAFKA=broker:9092 PREFIX=clew. REPLICAS=3 ./topics.sh
set -eu
: "${KAFKA:?host:port of a broker}"
PREFIX=${PREFIX-}
REPLICAS=${REPLICAS:-3}
TOPICS_COMMAND=${TOPICS_COMMAND:-kafka-topics.sh}
IN_SYNC=$(( REPLICAS > 1 ? 2 : 1 ))

make_topic() { # name, partitions
    "$TOPICS_COMMAND" --bootstrap-server "$KAFKA" --create --if-not-exists --topic "$PREFIX$1" --partitions "$2" \
        --replication-factor "$REPLICAS" \
        --config cleanup.policy=delete --config min.insync.replicas="$IN_SYNC" \
        --config unclean.leader.election.enable=false --config retention.ms=1209600000 --config retention.bytes=-1
}

make_topic hits "${HITS_PARTITIONS:-8}"            # may grow later
make_topic conversions "${CONVERSIONS_PARTITIONS:-1}"  # never changes: verdicts depend on it
make_topic shards "${SHARDS:-8}"                   # never changes; holds no records, only leases of attribution
