"""Metrics: every name is listed here once with its help text; docs/reference/metrics.md is generated from the list.

With PROMETHEUS_MULTIPROC_DIR set (the parent does) all processes of `clew serve` write to one directory, and
whichever answers /metrics shows the sum.
"""

import functools
import os
from pathlib import Path
from typing import Any, Literal

from runtime import metrics_files
from runtime.logs import Throttled, logger

metrics_files.allocate(os.environ)  # prometheus_client chooses at its import how values are kept

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest  # noqa: E402
from prometheus_client.mmap_dict import MmapedDict  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: E402

_log = Throttled(logger("metrics"))

CounterName = Literal[
    "clew_hits_total",
    "clew_clicks_unrecorded_total",
    "clew_absent_ids_total",
    "clew_http_requests_total",
    "clew_http_refused_total",
    "clew_http_connections_closed_total",
    "clew_log_appends_total",
    "clew_log_append_errors_total",
    "clew_kafka_producers_recycled_total",
    "clew_spill_drained_total",
    "clew_ingest_rows_total",
    "clew_ingest_dead_letters_total",
    "clew_ingest_retries_total",
    "clew_ingest_recoveries_total",
    "clew_ingest_skipped_total",
    "clew_attribution_conversions_total",
    "clew_attribution_restatements_total",
    "clew_attribution_fenced_total",
    "clew_children_restarted_total",
    "clew_program_follow_errors_total",
    "clew_jobs_total",
    "clew_mails_total",
    "clew_webhook_requests_total",
]
GaugeName = Literal[
    "clew_ingest_lag_records",
    "clew_ingest_paused_partitions",
    "clew_attribution_pending_conversions",
    "clew_attribution_shards",
    "clew_log_bytes",
    "clew_kafka_away",
    "clew_spill_records",
    "clew_spill_bytes",
    "clew_key_index_lag_records",
    "clew_jobs_waiting",
    "clew_jobs_dead",
]
HistogramName = Literal[
    "clew_http_seconds",
    "clew_log_commit_seconds",
    "clew_verdict_wait_seconds",
    "clew_ingest_batch_seconds",
    "clew_attribution_pass_seconds",
    "clew_job_seconds",
]

COUNTERS: dict[CounterName, tuple[str, tuple[str, ...]]] = {
    "clew_hits_total": ("Hits by kind and verdict or reason.", ("kind", "verdict")),
    "clew_clicks_unrecorded_total": ("Visitors redirected although their click could not be recorded.", ()),
    "clew_absent_ids_total": ("Ids that were placeholders and count as absent, by kind and field.", ("kind", "field")),
    "clew_http_requests_total": ("Answers by route and status.", ("route", "status")),
    "clew_http_refused_total": ("Requests refused while they were read, by error.", ("error",)),
    "clew_http_connections_closed_total": (
        "Connections closed by the server: a late head, idle, an unread response, descriptors.",
        ("reason",),
    ),
    "clew_log_appends_total": ("Records made durable, by topic.", ("topic",)),
    "clew_log_append_errors_total": ("Appends that failed, by topic.", ("topic",)),
    "clew_kafka_producers_recycled_total": ("Kafka producers recreated, by reason.", ("reason",)),
    "clew_spill_drained_total": ("Records sent from the local log to Kafka, by topic.", ("topic",)),
    "clew_ingest_rows_total": ("Rows stored, by table.", ("table",)),
    "clew_ingest_dead_letters_total": ("Records that could not be decoded.", ()),
    "clew_ingest_retries_total": ("Inserts retried.", ()),
    "clew_ingest_recoveries_total": ("Batches finished after a crash.", ()),
    "clew_ingest_skipped_total": (
        "Records that became no row: repeats, duplicates, refused records.",
        ("verdict",),
    ),
    "clew_attribution_conversions_total": ("Conversions credited for the first time.", ()),
    "clew_attribution_restatements_total": ("Conversions whose credits were revised after late events.", ()),
    "clew_attribution_fenced_total": ("Passes abandoned because another worker had taken the shard.", ()),
    "clew_children_restarted_total": ("Child processes restarted after they ended.", ("child",)),
    "clew_program_follow_errors_total": ("Attempts to take the published program, or to store it, that failed.", ()),
    "clew_jobs_total": ("Runs of jobs, by task and outcome: done, retried, dead.", ("task", "outcome")),
    "clew_mails_total": ("Mails that the mail server accepted or refused.", ("outcome",)),
    "clew_webhook_requests_total": ("Requests to receivers of webhooks: delivered or failed.", ("outcome",)),
}
GAUGES: dict[GaugeName, tuple[str, tuple[str, ...]]] = {
    "clew_ingest_lag_records": ("Records in the log that are not in the warehouse.", ("topic", "partition")),
    "clew_ingest_paused_partitions": ("Partitions paused at a record of an unknown schema version.", ()),
    "clew_attribution_pending_conversions": ("Conversions not credited yet.", ()),
    "clew_attribution_shards": ("Shards of attribution that this process owns.", ()),
    "clew_log_bytes": ("Bytes of a partition's file.", ("topic", "partition")),
    "clew_kafka_away": ("1 while an edge appends to its local log because Kafka is unavailable.", ("slot",)),
    "clew_spill_records": ("Records in an edge's local log that wait for Kafka.", ("slot",)),
    "clew_spill_bytes": ("Bytes in an edge's local log that wait for Kafka.", ("slot",)),
    "clew_key_index_lag_records": ("Records of conversions that an edge's key index has not read yet.", ("slot",)),
    "clew_jobs_waiting": ("Jobs that are due or running.", ()),
    "clew_jobs_dead": ("Jobs that failed too often and wait for a person.", ()),
}
HISTOGRAMS: dict[HistogramName, tuple[str, tuple[str, ...]]] = {
    "clew_http_seconds": ("Time to answer, by route.", ("route",)),
    "clew_log_commit_seconds": ("Time of one group commit.", ()),
    "clew_verdict_wait_seconds": ("Time from a postback's append on Kafka to its verdict.", ()),
    "clew_ingest_batch_seconds": ("Time to store one batch.", ()),
    "clew_attribution_pass_seconds": ("Time of one attribution pass.", ()),
    "clew_job_seconds": ("Time of one run of a job, by task.", ("task",)),
}

REGISTRY = CollectorRegistry()
_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

_counters = {name: Counter(name, doc, labels, registry=REGISTRY) for name, (doc, labels) in COUNTERS.items()}
_gauges = {
    name: Gauge(name, doc, labels, registry=REGISTRY, multiprocess_mode="livemostrecent")
    for name, (doc, labels) in GAUGES.items()
}
_histograms = {
    name: Histogram(name, doc, labels, registry=REGISTRY, buckets=_BUCKETS_S)
    for name, (doc, labels) in HISTOGRAMS.items()
}


_METRICS: dict[str, Any] = {
    name: metric for group in (_counters, _gauges, _histograms) for name, metric in group.items()
}


@functools.cache
def _child(name: str, labels: tuple[tuple[str, str], ...]) -> Any:
    """The series of one set of labels; a lookup costs more than counting. Bounded, because labels are closed lists."""
    metric = _METRICS[name]
    return metric.labels(**dict(labels)) if labels else metric


def count(name: CounterName, amount: int = 1, **labels: str) -> None:
    """Add to a counter. Never raises: what cannot be counted must not fail a request."""
    try:
        _child(name, tuple(labels.items())).inc(amount)
    except (OSError, ValueError) as error:
        _log.error("not_counted", metric=name, error=str(error))


def gauge(name: GaugeName, value: float, **labels: str) -> None:
    """Set a gauge. Never raises."""
    try:
        _child(name, tuple(labels.items())).set(value)
    except (OSError, ValueError) as error:
        _log.error("not_counted", metric=name, error=str(error))


def observe(name: HistogramName, seconds: float, **labels: str) -> None:
    """Record one duration in seconds. Never raises."""
    try:
        _child(name, tuple(labels.items())).observe(seconds)
    except (OSError, ValueError) as error:
        _log.error("not_counted", metric=name, error=str(error))


def exposition() -> bytes:
    """Render all metrics in the Prometheus text format, summed over processes where they share a directory."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process(pid: int, folder: Path) -> None:
    """Drop the live gauges of a process that ended; fold its counters into one file. Raises OSError."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    for kind in ("counter", "histogram"):
        ended = folder / f"{kind}_{pid}.db"
        if not ended.exists():
            continue
        total = MmapedDict(str(folder / f"{kind}_ended.db"))  # type: ignore[no-untyped-call]
        try:
            for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(ended)):  # type: ignore[no-untyped-call]
                before, _ = total.read_value(key)  # type: ignore[no-untyped-call]
                total.write_value(key, before + value, timestamp)  # type: ignore[no-untyped-call]
        finally:
            total.close()  # type: ignore[no-untyped-call]
        ended.unlink()
