"""The [program] table of a mapping: the parts of a program that a history does not contain.

Values are kept as texts for a program file, after the readers of program files have checked them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from integrations.files.mapping.templates import Template, parse_template
from program import fields as values
from program.toml.tables import Table
from schemas.values.durations import parse_duration_us

_NAMES = ("id", "name")


@dataclass(frozen=True, slots=True)
class ProgramPart:
    """Parts of an inferred program that come from the mapping."""

    name: str
    currency: str
    timezone: str
    fallback_url: str
    trusted_proxies: tuple[str, ...]
    models: tuple[str, ...]
    landing_url: str
    allowed_hosts: tuple[str, ...]
    windows: dict[str, str]
    """click_window and impression_window, if they are set."""
    goals: tuple[tuple[str, str], ...]
    """Key and name of every offer's goals."""
    plans: tuple[dict[str, str], ...]
    """Keys and texts of the plans that every offer gets."""
    offer_name: Template
    partner_name: Template


def read_program_part(table: Table) -> ProgramPart:
    """Read the table; its mistakes go to its book."""
    name = partial(parse_template, only=_NAMES)
    part = ProgramPart(
        name=table.text("name", "Inferred program"),
        currency=table.parsed("currency", values.currency, "", required=True),
        timezone=table.parsed("timezone", values.timezone, "UTC"),
        fallback_url=table.parsed("fallback_url", values.fallback_url, "", empty_allowed=True),
        trusted_proxies=table.parsed_texts("trusted_proxies", values.proxy),
        models=table.parsed_texts("models", values.model),
        landing_url=table.parsed("landing_url", values.landing_url, "", required=True),
        allowed_hosts=table.parsed_texts("allowed_hosts", values.host_pattern),
        windows={
            key: table.parsed(key, _same(parse_duration_us), "")
            for key in ("click_window", "impression_window")
            if key in table
        },
        goals=_read_goals(table),
        plans=tuple(_read_plan(plan) for plan in table.tables("plans")),
        offer_name=table.parsed("offer_name", name, parse_template("{name}")),
        partner_name=table.parsed("partner_name", name, parse_template("{name}")),
    )
    _check_goals(table, part)
    return part


def _same(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Return a reader that checks a text and returns it unchanged."""

    def check(text: str) -> str:
        parse(text)
        return text

    return check


def _read_goals(table: Table) -> tuple[tuple[str, str], ...]:
    goals = []
    for goal in table.tables("goals"):
        key = goal.parsed("key", values.goal_key, "", required=True)
        goals.append((key, goal.text("name", key or "-")))
        goal.done()
    if len({key for key, _ in goals}) < len(goals):
        table.wrong("goals", "has a key twice")
    return tuple(goals)


def _read_plan(table: Table) -> dict[str, str]:
    readers: dict[str, Callable[[str], object]] = {
        "goal": values.goal_key,
        "percent": values.percent_e6,
        "fixed": values.fixed,
        "hold": partial(parse_duration_us, zero_allowed=True),
        "model": values.model,
    }
    texts = {
        key: table.parsed(key, _same(reader), "", numbers_allowed=key == "percent")
        for key, reader in readers.items()
        if key in table
    }
    table.done()
    if "percent" not in table and "fixed" not in table:
        table.wrong("percent", "is missing; a plan needs percent, fixed or both")
    return texts


def _check_goals(table: Table, part: ProgramPart) -> None:
    known = {key for key, _ in part.goals} or {"1"}
    seen = set()
    for index, plan in enumerate(part.plans):
        goal = plan.get("goal")
        if goal is not None and goal not in known:
            table.wrong("plans", f"plan {index} is for goal {goal}, which is not in goals")
        if goal in seen:
            table.wrong("plans", f"plan {index} ties with another: both are for {goal or 'every goal'}")
        seen.add(goal)
