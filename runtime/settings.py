"""Every setting of Clew, one section per station; the only reader of the environment.

`CLEW_<SECTION>__<NAME>` sets one; an unknown section or name is an error, and all mistakes are reported together.
A name without `__` that is not a setting is ignored: a program file may refer to it as `env:NAME`. Stations receive
their section, never this module's loader. docs/reference/settings.md is generated from here.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as PydanticSettingsError

from runtime.control_settings import (
    APPROVAL_ROLES_PATTERN,
    EngineSettings,
    FollowSettings,
    JobSettings,
    MailSettings,
    WebhookSettings,
    WebSettings,
)
from runtime.oidc_settings import OidcSettings
from runtime.settings_section import Section, parse_networks

PREFIX = "CLEW_"


class SettingsError(ValueError):
    """The settings are wrong; the message lists every mistake."""


_ABSENT_IDS = (
    "undefined,null,none,nan,nil,0,-,n/a,anonymous,guest,unknown,(null),(none),(not set),[object Object],"
    "00000000-0000-0000-0000-000000000000"
)


class TrackerSettings(Section):
    """The edge."""

    url_bytes_max: int = Field(8_192, description="Longest request target; longer ones answer 414.")
    header_bytes_max: int = Field(16_384, description="Largest request head; larger ones answer 431.")
    postback_body_bytes_max: int = Field(65_536, description="Largest postback body; larger ones answer 413.")
    batch_body_bytes_max: int = Field(8 * 1024 * 1024, description="Largest /v1/events body; larger ones answer 413.")
    batch_lines_max: int = Field(10_000, description="Most lines in one /v1/events body; more answer 413.")
    field_bytes_max: int = Field(2_048, description="Longest value of one field, in UTF-8 bytes.")
    custom_fields_max: int = Field(50, description="Most custom fields of one postback.")
    inflight_max: int = Field(2_000, ge=1, description="Most requests that wait for the log; more answer 503.")
    redirect_append_timeout_ms: int = Field(2_000, description="Longest wait of a redirect for its click's append.")
    append_timeout_ms: int = Field(10_000, description="Longest wait of a postback or batch before 503.")
    body_timeout_ms: int = Field(30_000, description="Longest wait for a request's body; slower ones answer 408.")
    future_ts_max_s: int = Field(300, description="How far ahead of the clock a line's ts may be.")
    absent_ids: str = Field(
        _ABSENT_IDS, description="Placeholders that count as an absent id, in upper or lower case, separated by commas."
    )
    ip_privacy: Literal["full", "truncated"] = Field(
        "full", description="Store visitor addresses whole, or cut to /24 (IPv4) and /48 (IPv6)."
    )


class HttpSettings(Section):
    """Connections of every port."""

    connections_max: int = Field(
        10_000, ge=16, description="Most open connections of one process; beyond it idle ones are closed."
    )
    pipelined_requests_max: int = Field(
        16, ge=1, description="Most requests that wait on one connection; reading pauses until they are answered."
    )
    head_timeout_s: int = Field(10, ge=1, description="Longest wait for a whole request head.")
    idle_timeout_s: int = Field(60, ge=1, description="Longest time that a connection stays open without a request.")
    crowded_idle_timeout_s: int = Field(
        15, ge=1, description="The same when more than 80 % of the file descriptors are in use."
    )
    metrics_networks: str = Field(
        "127.0.0.0/8,::1", description="Networks that may read /metrics, separated by commas; this machine by default."
    )

    @field_validator("metrics_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Parse `metrics_networks`."""
        return parse_networks(self.metrics_networks)


class LogSettings(Section):
    """The embedded log."""

    group_rows_max: int = Field(4_096, ge=1, description="Most records in one transaction.")
    queue_rows_max: int = Field(50_000, ge=1, description="Most records queued for a transaction in one process.")
    busy_timeout_ms: int = Field(5_000, description="Longest wait for the shared file's write lock.")
    log_bytes_max: int = Field(20 * 1024**3, description="Largest file of one partition; beyond it appends answer 503.")
    retention_age_max_s: int = Field(7 * 86_400, description="Committed records are kept at most this long.")
    retention_bytes_max: int = Field(4 * 1024**3, description="Above it committed records are dropped, oldest first.")
    dedupe_keys_age_max_s: int = Field(730 * 86_400, description="How long a dedupe key is remembered.")


class KafkaSettings(Section):
    """The log on Kafka."""

    hits_partitions: int = Field(8, ge=1, description="Partitions of a new topic of clicks and impressions.")
    conversions_partitions: int = Field(
        1, ge=1, description="Partitions of the topic of conversions; cannot be changed once the topic exists."
    )
    shards: int = Field(8, ge=1, description="Shards of attribution; cannot be changed once the topics exist.")
    request_timeout_ms: int = Field(10_000, description="Longest wait for a broker's response.")
    session_timeout_ms: int = Field(10_000, description="A consumer silent for this long loses its partitions.")
    batch_bytes_max: int = Field(512 * 1024, ge=1_024, description="Most bytes of one batch of one partition.")
    fetch_bytes_max: int = Field(
        8 * 1024**2, ge=1_024, description="Most bytes per fetch request; one response per partition may be buffered."
    )
    replication_factor: int = Field(
        0, description="Replicas of a new topic; 0 means 3, or the number of brokers if there are fewer."
    )
    pending_bytes_max: int = Field(64 * 1024**2, description="Most bytes queued for Kafka in one process.")
    recycle_records_max: int = Field(
        1_000_000_000,
        ge=1,
        description="Records after which a Kafka producer is recreated, so that its sequence numbers never wrap.",
    )
    batch_age_max_ms: int = Field(
        1_000,
        description="Maximum time a record waits for its batch to fill on Kafka; each batch becomes a ClickHouse part.",
    )
    retention_age_min_s: int = Field(7 * 86_400, description="Topics that keep records for less are refused.")
    allow_unsafe_topics: bool = Field(False, description="Start even if topics could lose records (development only).")


class SpillSettings(Section):
    """The edge's local log, used while Kafka is unavailable."""

    bytes_max: int = Field(4 * 1024**3, description="Most bytes spilled per process; above it postbacks answer 503.")
    append_timeout_ms: int = Field(250, description="Longest wait for Kafka before a record is spilled.")
    probe_interval_ms: int = Field(500, description="Pause between checks whether Kafka is available again.")


class ClickHouseSettings(Section):
    """The warehouse on a ClickHouse server."""

    connections_max: int = Field(8, ge=2, description="Most concurrent statements of one process; further ones wait.")
    connect_timeout_s: int = Field(5, ge=1, description="Longest wait for a connection.")
    statement_timeout_s: int = Field(300, ge=1, description="Longest wait for the response to a statement.")
    query_memory_bytes_max: int = Field(8 * 1024**3, description="Most memory of one query of Clew itself.")
    cluster: str = Field(
        "",
        pattern=r"^[\w.-]*$",
        description="Name of the cluster: tables are then replicated and distributed over it.",
    )
    dedup_window_blocks: int = Field(
        10_000, ge=1_200, description="Inserted blocks per table whose tokens are remembered."
    )
    dedup_window_s: int = Field(
        30 * 86_400, ge=7 * 86_400, description="How long a cluster remembers tokens, at most that many blocks."
    )
    fsync: bool = Field(True, description="Make every insert durable on a server that has no replicas.")
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities that sign the server's certificate; the system's unless set."
    )


class WarehouseSettings(Section):
    """The embedded warehouse."""

    query_memory_bytes_max: int = Field(3 * 1024**3, description="Most memory of one query of Clew itself.")
    threads_max: int = Field(2, description="Most threads of one query.")
    fsync: bool = Field(True, description="Make every insert durable before it is committed.")
    dedup_window_blocks: int = Field(
        10_000, ge=1_200, description="Inserted blocks per table whose tokens are remembered."
    )


class IngestSettings(Section):
    """Ingest: from the log to the warehouse."""

    batch_rows_max: int = Field(50_000, ge=1, description="Most records of one batch.")
    batch_bytes_max: int = Field(32 * 1024**2, ge=1, description="Most bytes of one batch.")
    batch_age_max_ms: int = Field(250, description="Maximum time a record waits for its batch to fill, on one machine.")
    poll_interval_ms: int = Field(50, description="Pause between polls of an idle log.")
    retry_backoff_max_ms: int = Field(5_000, description="Longest pause between retries of a failed insert.")
    user_agent_cache_max: int = Field(20_000, description="Parsed user agents kept in the cache.")
    geo_database: Path | None = Field(None, description="Country or city database in MaxMind format (optional).")


class AttributionSettings(Section):
    """Attribution: from touches to credits and commissions."""

    pass_interval_ms: int = Field(500, description="Pause between passes when there is nothing new.")
    pass_conversions_max: int = Field(20_000, ge=1, description="Most conversions of one pass.")
    ingest_wait_timeout_ms: int = Field(60_000, description="Longest wait of a pass for ingest to catch up.")


class ApiSettings(Section):
    """Reports and queries."""

    query_timeout_s: int = Field(30, description="Longest run of one user query.")
    query_memory_bytes_max: int = Field(2 * 1024**3, description="Most memory of one user query.")
    query_rows_max: int = Field(1_000_000, description="Most rows in the result of one user query.")


class ServeSettings(Section):
    """The parent process."""

    web: bool = Field(True, description="Run console, portal and API, and the worker of their jobs.")
    restart_backoff_max_ms: int = Field(1_000, description="Longest pause before a dead child is restarted.")
    drain_timeout_s: int = Field(30, description="Longest wait for requests in flight at shutdown.")
    hang_timeout_s: int = Field(
        60,
        ge=10,
        description="Longest time that a child may not respond; then it is killed and restarted.",
    )
    engine_stop_timeout_s: int = Field(
        120, description="Longest wait at shutdown for the engine to process acknowledged events."
    )


class Settings(BaseSettings):
    """All sections. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid"
    )

    tracker: TrackerSettings = TrackerSettings()
    http: HttpSettings = HttpSettings()
    eventlog: LogSettings = LogSettings()
    chdb: WarehouseSettings = WarehouseSettings()
    kafka: KafkaSettings = KafkaSettings()
    spill: SpillSettings = SpillSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    ingest: IngestSettings = IngestSettings()
    attribution: AttributionSettings = AttributionSettings()
    api: ApiSettings = ApiSettings()
    engine: EngineSettings = EngineSettings()
    serve: ServeSettings = ServeSettings()
    web: WebSettings = WebSettings()
    oidc: OidcSettings = OidcSettings()
    jobs: JobSettings = JobSettings()
    mail: MailSettings = MailSettings()
    webhooks: WebhookSettings = WebhookSettings()
    follow: FollowSettings = FollowSettings()
    log: str | None = Field(
        None, repr=False, description="Where the log is: `sqlite:DIR` or `kafka://host:9092,…?topic_prefix=…`."
    )
    log_password: str | None = Field(None, repr=False, description="Password of Kafka's user.")
    log_password_file: Path | None = Field(None, description="File that holds the password instead.")
    warehouse: str | None = Field(
        None,
        repr=False,
        description="Where the warehouse is: `chdb:DIR` or `clickhouse://user@host:8123/database`, or `clickhouses://`.",
    )
    warehouse_password: str | None = Field(None, repr=False, description="Password of ClickHouse's user.")
    warehouse_password_file: Path | None = Field(None, description="File that holds the password instead.")
    terms_lead_s: int = Field(
        60, description="Time from publishing until new terms count, so that every process knows them; 0 for tests."
    )
    publish_approval_roles: str = Field(
        "",
        pattern=APPROVAL_ROLES_PATTERN,
        description="Roles whose people publish terms and roll back only with the approval of another person, "
        "separated by commas: owner, admin; api_key means all API keys. The command line needs no approval.",
    )
    control: str | None = Field(
        None,
        repr=False,
        description="Where the database of the control plane is: `sqlite:DIR/control.sqlite` or "
        "`postgresql://user@host:5432/database`; DIR/control.sqlite unless set.",
    )
    control_password: str | None = Field(None, repr=False, description="Password of PostgreSQL's user.")
    control_password_file: Path | None = Field(None, description="File that holds the password instead.")
    keys: Path | None = Field(None, description="File of the token keys; DIR/keys.toml unless set.")
    api_key: str | None = Field(None, repr=False, description="Key that `clew replay` sends.")

    def paths(self) -> dict[str, str]:
        """Environment of the settings that name files, absolute: children run in another working directory."""
        return {PREFIX + name: str(path.absolute()) for name, path in _paths_in(self)}


def _paths_in(values: Iterable[tuple[str, object]]) -> Iterator[tuple[str, Path]]:
    """Yield the settings that name files, with the names of their variables after the prefix."""
    for name, value in values:
        if isinstance(value, Path):
            yield name.upper(), value
        elif isinstance(value, Section | dict):
            inner = value.items() if isinstance(value, dict) else value
            yield from ((f"{name.upper()}__{part}", path) for part, path in _paths_in(inner))


_SECTIONS = tuple(name for name, field in Settings.model_fields.items() if isinstance(field.default, Section))
_PLAIN = tuple(name for name in Settings.model_fields if name not in _SECTIONS)


def _wrong_names() -> list[str]:
    """List variables with our prefix that match no setting."""
    problems = []
    for name in sorted(name for name in os.environ if name.startswith(PREFIX)):
        ours = name[len(PREFIX) :].lower()
        if ours in _SECTIONS:
            problems.append(f"{name}: this is a section; set {name}__<NAME>, see docs/reference/settings.md")
        elif "__" in ours and ours.split("__")[0] not in _SECTIONS:
            problems.append(f"{name}: there is no such setting; see docs/reference/settings.md")
    return problems


def load_settings() -> Settings:
    """Load settings from the environment. Raises SettingsError with every mistake, one per line."""
    problems = _wrong_names()
    try:
        settings = Settings()
    except PydanticSettingsError:  # a section that was given whole; it is among the problems
        raise SettingsError("\n".join(problems)) from None
    except ValidationError as error:
        problems += [
            f"{PREFIX}{'__'.join(str(part).upper() for part in e['loc'])}: {e['msg'].lower()}" for e in error.errors()
        ]
        raise SettingsError("\n".join(problems)) from None
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def environment_value(name: str) -> str | None:
    """Return the environment variable that a program file refers to as "env:NAME"."""
    return os.environ.get(name)


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Environment of a child process: this process's own plus `extra`."""
    return {**os.environ, **extra}
