"""Compute models over a path table, as `clew model` does (docs/contract.md, section 9).

    from attribution.paths.evaluate import ModelOptions, answer
    from attribution.paths.files import TableOptions, read_table, table_of

    table = read_table(Path("paths.csv"), TableOptions())    # or table_of(an Arrow table)
    for result in answer(table, parse_asked("linear,markov"), ModelOptions(order=2)):
        result.as_json()

Pure: the same table gives bit-identical results, in any order of its rows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from attribution.paths.intervals import interval, markov_errors, rule_errors
from attribution.paths.leave_one_out import leave_one_out
from attribution.paths.markov import (
    ORDER_MAX,
    STATES_MAX,
    BadOrder,
    count_transitions,
    removal_effects,
    states_of,
)
from attribution.paths.markov_iterative import NoEnd, iterated_effects
from attribution.paths.path_table import (
    UNATTRIBUTED,
    BadTable,
    Floats,
    PathTable,
    Progress,
    UnusableOption,
    no_progress,
)
from attribution.paths.rake import in_order, rake
from attribution.paths.rules import Credits, Rule, credit_paths, total_of
from attribution.paths.shapley import (
    EXACT_CHANNELS_MAX,
    SAMPLES_DEFAULT,
    SAMPLES_MAX,
    SAMPLES_MIN,
    coalitions_of,
    rate_worths,
    sample_rate,
    shapley_exact,
)
from schemas.values.model_names import DATA_DRIVEN, FITTED, MODEL_NAMES, BadModel, Model, parse_model

GAMES = ("conversions", "rate", "leave_one_out")
IGNORED = ("direct", "(direct)")
SHARE_UNITS = 10**12
"""Number of parts that shares are rounded to, so that they do not depend on the processor."""
INTERVAL_WORK_MAX = 200_000_000
"""Touches × channels up to which the intervals of markov are computed by default: about half a second."""
NAMES_SHOWN_MAX = 20
_BETWEEN = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True)
class ModelOptions:
    """Parameters of models; None stands for the default. Only `ignored` changes a rule."""

    order: int | None = None
    """Channels that a state of markov remembers; 1 by default."""
    ignored: tuple[str, ...] | None = None
    """Channels, in any letter case, that last_non_direct skips; IGNORED by default."""
    game: str | None = None
    """Game of shapley, one of GAMES; the first of them by default."""
    samples: int | None = None
    """Random orders for a game of too many channels to be exact; SAMPLES_DEFAULT by default."""
    seed: int | None = None
    """Seed of those orders; 1 by default."""
    intervals: bool | None = None
    """Whether markov has intervals; by default, if they take little time."""
    raked: bool = False
    """Whether markov credits each path within its own channels, raked to the removal effects' shares."""

    def check(self) -> None:
        """Raise ValueError for a value out of range."""
        if self.order is not None and not 1 <= self.order <= ORDER_MAX:
            raise ValueError(f"the order of markov is 1 to {ORDER_MAX}, not {self.order}")
        if self.game is not None and self.game not in GAMES:
            raise ValueError(f"{self.game!r} is not a game of shapley; the games are {', '.join(GAMES)}")
        if self.samples is not None and not SAMPLES_MIN <= self.samples <= SAMPLES_MAX:
            raise ValueError(f"samples are {SAMPLES_MIN} to {SAMPLES_MAX}, not {self.samples}")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"a seed is a whole number from 0, not {self.seed}")

    def check_effects(self, models: Sequence[Model]) -> None:
        """Raise UnusableOption for an option that changes none of the models."""
        names = {model.name for model in models}
        sampled = "shapley" in names and self.game == "rate"
        for option, is_given, has_effect, needs in (
            ("--order", self.order is not None, "markov" in names, "markov"),
            ("--raked", self.raked, "markov" in names, "markov"),
            ("--intervals", self.intervals is not None, "markov" in names, "markov"),
            ("--game", self.game is not None, "shapley" in names, "shapley"),
            ("--samples", self.samples is not None, sampled, "shapley with --game rate"),
            ("--seed", self.seed is not None, sampled, "shapley with --game rate"),
            ("--direct", self.ignored is not None, "last_non_direct" in names, "last_non_direct"),
        ):
            if is_given and not has_effect:
                raise UnusableOption(f"{option} is for {needs}, which is not among the models; leave it out")


@dataclass(frozen=True)
class ChannelCredit:
    channel: str
    conversions: float
    value: float
    share: float | None
    """Part of all conversions; None without conversions."""
    extra: dict[str, float | None] = field(default_factory=dict)
    """removal_effect, ci_low, ci_high, std_error, as far as the model has them."""


@dataclass(frozen=True)
class Answer:
    """Credits of one model by channel, in the order of names; the row of paths without touches is the last."""

    model: str
    channels: list[ChannelCredit]
    totals: dict[str, float | None]
    about: dict[str, Any] = field(default_factory=dict)
    """Parameters of the model that are not part of its name."""
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """Sentences about given options that had no effect on this table."""

    def as_json(self) -> dict[str, Any]:
        rows = [
            {"channel": c.channel, "conversions": c.conversions, "value": c.value, "share": c.share, **c.extra}
            for c in self.channels
        ]
        return {"model": self.model, **self.about, "channels": rows, "totals": self.totals}


def parse_asked(text: str) -> tuple[Model, ...]:
    """Parse a comma-separated list of models; each counts once, in the order given. Raises BadModel."""
    found: dict[str, Model] = {}
    for part in _BETWEEN.split(text):
        word = part.strip()
        if word in DATA_DRIVEN:
            found[word] = Model(word, word)
        elif word:
            try:
                model = parse_model(word)
            except BadModel as error:
                if word.partition("(")[0].strip() in (*MODEL_NAMES, FITTED):
                    raise
                raise BadModel(
                    f"{word!r} is not a model; the models are {', '.join((*MODEL_NAMES, *DATA_DRIVEN))}"
                ) from error
            found[model.text] = model
    if not found:
        raise BadModel(f"name at least one model of {', '.join((*MODEL_NAMES, *DATA_DRIVEN))}")
    return tuple(found.values())


def answer(
    table: PathTable, models: Sequence[Model], options: ModelOptions | None = None, progress: Progress = no_progress
) -> list[Answer]:
    """Compute the answer of each model; all rules share one scan of the touches.

    Long models call `progress`: with removed channels (markov of a high order) or pairs of samples (shapley). Raises
    BadTable for a table that lacks a column of a model, ValueError for an option out of range.
    """
    options = options or ModelOptions()
    options.check()
    by_rule = [model for model in models if model.name != "markov"]
    rules = [Rule("set_linear" if m.name == "shapley" else m.name, m.parameters) for m in by_rule]
    ignored = {name.casefold() for name in (IGNORED if options.ignored is None else options.ignored)}
    passed = [name for name in table.names if name.casefold() in ignored]
    try:
        credits = credit_paths(table, rules, passed) if rules else []
    except ValueError as error:
        raise BadTable(str(error)) from None
    of_rule = dict(zip((model.text for model in by_rule), credits, strict=True))
    totals = _totals(table)
    answers = []
    for model in models:
        if model.name == "markov":
            answers.append(_markov(table, totals, options, progress))
        elif model.name == "shapley" and options.game == "rate":
            answers.append(_shapley_rate(table, totals, options, progress))
        elif model.name == "shapley" and options.game == "leave_one_out":
            answers.append(_leave_one_out(table, totals))
        else:
            answers.append(_of_rule(table, totals, model, of_rule[model.text], bool(passed)))
            if model.name == "last_non_direct" and options.ignored and not passed:
                unused = f"no channel is called {' or '.join(options.ignored)}; --direct takes {_listed(table.names)}"
                answers[-1] = replace(answers[-1], unused=(unused,))
    return answers


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN_MAX]) + (", …" if len(names) > NAMES_SHOWN_MAX else "")


def round_shares(shares: Floats) -> Floats:
    """Round shares to parts of 10^12 that add up to 1, by largest remainder; the first of equal ones is rounded up."""
    units = shares * SHARE_UNITS
    whole = np.floor(units)
    left = round(float(units.sum() - whole.sum()))
    whole[np.argsort(-np.round(units - whole, 3), kind="stable")[:left]] += 1
    return np.asarray(whole / SHARE_UNITS, np.float64)


@dataclass(frozen=True)
class _Totals:
    conversions: float
    value: float
    nulls: float
    bare_conversions: float
    """Conversions of paths without touches."""
    bare_value: float

    def as_json(self) -> dict[str, float | None]:
        journeys = self.conversions + self.nulls
        rate = self.conversions / journeys if journeys else None
        return {"conversions": self.conversions, "value": self.value, "null": self.nulls, "conversion_rate": rate}


def _totals(table: PathTable) -> _Totals:
    bare = np.diff(table.offsets) == 0
    return _Totals(
        total_of(table.conversions), total_of(table.values), total_of(table.nulls), total_of(table.conversions[bare]),
        total_of(table.values[bare]),
    )  # fmt: skip


def _of_rule(table: PathTable, totals: _Totals, model: Model, credits: Credits, has_ignored: bool) -> Answer:
    """Build the answer of a rule: only its shares are rounded, not its conversions and values."""
    total = totals.conversions
    shares = credits.conversions / total if total else np.full(len(table.names) + 1, np.nan)
    extra: dict[str, Floats] = {}
    about: dict[str, Any] = {}
    if model.name == "shapley":
        about["game"] = "conversions"
        shares = round_shares(shares) if total else shares
        extra["ci_low"], extra["ci_high"] = interval(shares, rule_errors(shares, credits.squares, total))
    notes: tuple[str, ...] = ()
    if model.name == "last_non_direct" and not has_ignored:
        notes = ("last_non_direct skips no channel: none is called direct; name one, as in --direct Direct",)
    elif model.name == "last_click" and table.kinds is None:
        notes = ("a path table has no types of touches, so last_click is last_touch",)
    return Answer(
        model.text, _rows(table, totals, credits.conversions, credits.values, shares, extra), totals.as_json(), about,
        notes,
    )  # fmt: skip


def _markov(table: PathTable, totals: _Totals, options: ModelOptions, progress: Progress) -> Answer:
    """Build the answer of markov: each channel gets the share of its removal effect."""
    count = len(table.names)
    try:
        order = 1 if options.order is None else options.order
        states = states_of(table, order)
        if states.channel.shape[0] > STATES_MAX:
            effects, errors = iterated_effects(table, states, count, progress), None
        else:
            wants_intervals = options.intervals
            if wants_intervals is None:
                wants_intervals = table.codes.shape[0] * count <= INTERVAL_WORK_MAX
            chain = count_transitions(table, states)
            removal = removal_effects(chain, count, wants_intervals)
            effects, errors = removal.effects, None
            if wants_intervals:
                errors = markov_errors(table, chain, removal, totals.conversions, totals.bare_conversions)
    except (BadOrder, NoEnd) as error:
        raise BadTable(str(error)) from None
    extra = {"removal_effect": np.append(effects, totals.bare_conversions / (totals.conversions or np.nan))}
    shares = _split(table, totals, effects)
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    if errors is not None:
        extra["ci_low"], extra["ci_high"] = interval(shares, errors)
    elif states.channel.shape[0] > STATES_MAX:
        sentence = f"intervals are computed for up to {STATES_MAX} states, and this table has more"
        notes = () if options.intervals else (f"{sentence}; they are left out",)
        unused = (f"{sentence}; leave --intervals out",) if options.intervals else ()
    elif options.intervals is None:
        notes = ("intervals of a table of this size take long and are left out; --intervals computes them",)
    about: dict[str, Any] = {"order": order}
    if not options.raked:
        return replace(_data_driven(table, totals, "markov", about, shares, extra, notes), unused=unused)
    conversions, values, about["gap"] = _raked(table, totals, effects, shares)
    rows = _rows(table, totals, conversions, values, shares, extra)
    return Answer("markov", rows, totals.as_json(), about, notes, unused)


def _raked(table: PathTable, totals: _Totals, effects: Floats, shares: Floats) -> tuple[Floats, Floats, float]:
    """Return conversions and values (C+1) summed over the credits of each path, and the gap to the shares."""
    bare = [totals.bare_conversions], [totals.bare_value]
    touched = shares[:-1].sum()
    if not np.isfinite(effects).all() or not touched > 0:
        return np.append(np.zeros(len(table.names)), bare[0]), np.append(np.zeros(len(table.names)), bare[1]), 0.0
    coalitions = coalitions_of(table)
    raked = rake(*in_order(coalitions, table.values[coalitions.rows]), np.maximum(effects, 0.0), shares[:-1] / touched)
    return np.append(raked.conversions, bare[0]), np.append(raked.values, bare[1]), round(raked.gap, 12)


def _shapley_rate(table: PathTable, totals: _Totals, options: ModelOptions, progress: Progress) -> Answer:
    coalitions, count = coalitions_of(table), len(table.names)
    extra: dict[str, Floats] = {}
    about: dict[str, Any] = {"game": "rate"}
    unused: tuple[str, ...] = ()
    if count <= EXACT_CHANNELS_MAX:
        if options.samples is not None or options.seed is not None:
            option = "--seed" if options.samples is None else "--samples"
            unused = (f"the rates of {count} channels are computed exactly, not sampled; leave {option} out",)
        worths = shapley_exact(rate_worths(coalitions, count)) if count else np.zeros(0)
    else:
        samples = SAMPLES_DEFAULT if options.samples is None else options.samples
        seed = 1 if options.seed is None else options.seed
        sampled = sample_rate(coalitions, count, samples, seed, progress)
        worths = sampled.values
        about |= {"samples": samples, "seed": seed}
        whole = worths.sum()
        touched = 1 - totals.bare_conversions / totals.conversions if totals.conversions else np.nan
        extra["std_error"] = np.append(sampled.errors / whole * touched if whole else np.full(count, np.nan), 0.0)
    found = _data_driven(table, totals, "shapley", about, _split(table, totals, worths), extra, ())
    return replace(found, unused=unused)


def _leave_one_out(table: PathTable, totals: _Totals) -> Answer:
    conversions, values = leave_one_out(table)
    conversions, values = np.append(conversions, totals.bare_conversions), np.append(values, totals.bare_value)
    shares = conversions / totals.conversions if totals.conversions else np.full(conversions.shape[0], np.nan)
    rows = _rows(table, totals, conversions, values, shares, {})
    return Answer("shapley", rows, totals.as_json(), {"game": "leave_one_out"})


def _split(table: PathTable, totals: _Totals, weights: Floats) -> Floats:
    """Return shares (C+1) of all conversions: the part of paths without touches is fixed, the rest follows weights."""
    whole = float(weights.sum()) if weights.size else 0.0
    if not totals.conversions:
        return np.full(len(table.names) + 1, np.nan)
    bare = totals.bare_conversions / totals.conversions
    if not np.isfinite(whole) or whole == 0.0:  # no path with touches converts
        return np.append(np.zeros(len(table.names)), 1.0)
    return round_shares(np.append(weights / whole * (1 - bare), bare))


def _data_driven(
    table: PathTable, totals: _Totals, name: str, about: dict[str, Any], shares: Floats, extra: dict[str, Floats],
    notes: tuple[str, ...],
) -> Answer:  # fmt: skip
    conversions = np.nan_to_num(shares) * totals.conversions
    conversions[-1] = totals.bare_conversions
    touched = shares[:-1].sum()
    values = np.nan_to_num(shares / touched if touched else shares * 0) * (totals.value - totals.bare_value)
    values[-1] = totals.bare_value
    return Answer(name, _rows(table, totals, conversions, values, shares, extra), totals.as_json(), about, notes)


def _rows(
    table: PathTable, totals: _Totals, conversions: Floats, values: Floats, shares: Floats, extra: dict[str, Floats]
) -> list[ChannelCredit]:
    names = [*table.names, UNATTRIBUTED] if totals.bare_conversions else list(table.names)
    return [
        ChannelCredit(
            name,
            float(conversions[k]),
            float(values[k]),
            _rounded(shares[k]),
            {key: _rounded(column[k]) for key, column in extra.items()},
        )
        for k, name in enumerate(names)
    ]


def _rounded(number: float) -> float | None:
    return round(float(number), 12) if np.isfinite(number) else None
