"""Sections of settings of the control plane. runtime/settings.py reads them."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, field_validator

from runtime.settings_section import Section, parse_networks

_ROLES = "(owner|admin|partner_manager|finance|support|analyst|read_only|partner)"

_PUBLISHER = "(owner|admin|api_key)"
APPROVAL_ROLES_PATTERN = rf"^(\s*{_PUBLISHER}\s*(,\s*{_PUBLISHER}\s*)*)?$"
"""Form of the list of those who need an approval."""


class WebSettings(Section):
    """Console, portal and API of the control plane."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^/\s?#]+)?$",
        description="Address under which people reach console and portal, for links in mail; with https, cookies are "
        "sent over https only.",
    )
    tracking_url: str = Field(
        "",
        pattern=r"^(https?://[^/\s?#]+)?$",
        description="Address of links, pixels and postbacks, such as https://t.acme.example; `clew serve` sets it.",
    )
    hosts: str = Field("", description="Further host names that requests may name, separated by commas.")
    trusted_proxies: str = Field(
        "",
        description="Networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto count, separated by commas.",
    )
    threads_max: int = Field(8, ge=1, description="Most pages and API calls answered at the same time.")
    body_bytes_max: int = Field(
        4 * 1024**2, ge=1_024, description="Largest request body that is not a file; larger ones answer 413."
    )
    session_age_max_s: int = Field(
        12 * 3_600, ge=60, description="A person signs in again after this long, however active the session is."
    )
    session_idle_max_s: int = Field(
        30 * 60, ge=120, description="A session that nobody uses ends after this long; open pages do not count as use."
    )
    component_page: bool = Field(
        False, description="/console/components/ shows every part that pages are made of, for developers."
    )
    invitation_age_max_s: int = Field(7 * 86_400, ge=60, description="An invitation is valid for this long.")
    api_key_requests_per_s: int = Field(
        200, ge=1, description="Requests of one API key that a web process answers in the long run; more answer 429."
    )
    api_key_burst_requests: int = Field(
        2_000, ge=1, description="Requests that an API key may send at once after a pause, in each web process."
    )
    view_as_age_max_s: int = Field(
        900, ge=60, le=86_400, description="Seeing the pages as another person does ends after this long."
    )
    second_factor_roles: str = Field(
        "",
        pattern=rf"^(\s*{_ROLES}\s*(,\s*{_ROLES}\s*)*)?$",
        description="Roles whose people need an authenticator app or a passkey, separated by commas: owner, admin, "
        "partner_manager, finance, support, analyst, read_only; partner means the people of all partners.",
    )
    second_factor_grace_s: int = Field(
        0, ge=0, description="For this long after an account was made, its person may work without a second factor."
    )
    secret_key: str | None = Field(
        None, repr=False, min_length=32, description="Key that signs sessions; DIR/control.key unless set."
    )
    secret_key_file: Path | None = Field(None, description="File that holds the key instead.")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Parse `trusted_proxies`."""
        return parse_networks(self.trusted_proxies)

    def demanding_roles(self) -> frozenset[str]:
        """Parse `second_factor_roles`."""
        return frozenset(part.strip() for part in self.second_factor_roles.split(",") if part.strip())

    def host_names(self) -> tuple[str, ...]:
        """Parse `hosts`."""
        return tuple(part.strip() for part in self.hosts.split(",") if part.strip())


class JobSettings(Section):
    """Background work of the control plane."""

    threads_max: int = Field(2, ge=1, description="Most jobs that one worker does at the same time.")
    lease_s: int = Field(30, ge=1, description="A job whose worker is silent for this long is given to another one.")
    poll_interval_ms: int = Field(500, ge=10, description="Pause between looks for a job when none is due.")
    retry_pause_s: int = Field(2, description="Pause before the first retry; it doubles with each further one.")
    retry_pause_max_s: int = Field(3_600, description="Longest pause between retries.")
    done_age_max_s: int = Field(7 * 86_400, description="Jobs that are done are kept for this long.")


class MailSettings(Section):
    """Mail that the control plane sends."""

    server: str = Field(
        "",
        description="Mail server: `smtp://user@host:587` (STARTTLS if the server offers it) or `smtps://user@host:465`.",
    )
    password: str | None = Field(None, repr=False, description="Password of the mail server's user.")
    password_file: Path | None = Field(None, description="File that holds the password instead.")
    sender: str = Field("Clew <clew@localhost>", description="Sender of all mail.")
    timeout_s: int = Field(20, ge=1, description="Longest wait for the mail server.")


class WebhookSettings(Section):
    """Events that the control plane sends to other systems."""

    private_networks: str = Field(
        "",
        description="Networks besides public addresses to which webhooks may go, separated by commas; by default none, "
        "so that a webhook reaches no system inside.",
    )
    timeout_s: int = Field(10, ge=1, le=60, description="Longest time of one request, from connecting to the answer.")
    failing_max_s: int = Field(
        5 * 86_400, ge=60, description="A webhook whose receiver fails for this long is disabled, and its owner told."
    )
    log_age_max_s: int = Field(30 * 86_400, ge=3_600, description="Events and deliveries are kept for this long.")
    deliveries_max: int = Field(
        100_000, ge=1_000, le=1_000_000,
        description="Finished deliveries that are kept for each webhook; the oldest delivered ones go first. If "
        "more wait, the webhook is paused and its owner told.",
    )  # fmt: skip

    @field_validator("private_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Parse `private_networks`."""
        return parse_networks(self.private_networks)


class FollowSettings(Section):
    """Edges and engines that take the program from the control plane."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^/\s?#]+)?$",
        description="Address of the control plane, such as https://partners.acme.example; `clew serve` sets it.",
    )
    key: str | None = Field(
        None,
        repr=False,
        min_length=32,
        description="Key of the machines of an installation; DIR/machine.key unless set.",
    )
    key_file: Path | None = Field(None, description="File that holds the key instead.")
    wait_s: int = Field(25, ge=0, le=60, description="Longest wait of one request for something new.")
    waiting_max: int = Field(500, ge=1, description="Most followers that wait at one web process.")
    retry_pause_max_ms: int = Field(2_000, ge=100, description="Longest pause while the control plane is unavailable.")


class EngineSettings(Section):
    """Console and API ask the engine for reports, conversions and explanations."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^/\s?#]+)?$",
        description="Address of the engine's API (`clew api`); `clew serve` sets it.",
    )
    key: str | None = Field(
        None,
        repr=False,
        min_length=32,
        description="Key of the engine's API, the same on every `clew web` and `clew api`; made from the key of the "
        "machines unless set.",
    )
    key_file: Path | None = Field(None, description="File that holds the key instead.")
    connect_timeout_ms: int = Field(2_000, ge=1, description="Longest wait for a connection to the engine.")
    answer_timeout_s: int = Field(20, ge=1, description="Longest wait for an answer of the engine.")
    answer_bytes_max: int = Field(
        32 * 1024**2, ge=1_024, description="Largest answer of the engine that is read; larger ones are an error."
    )
    requests_max: int = Field(
        4, ge=1, description="Most requests of one web process that wait for the engine; further ones wait their turn."
    )
    answer_age_max_ms: int = Field(
        2_000, description="An answer is used again for this long; 0 asks the engine each time."
    )
