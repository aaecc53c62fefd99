"""Read, check and write the `[[fits]]` tables of a program file: fitted weights of runs.

The id of a fit is a hash of its content. A weight changed by hand makes a different fit, which no plan refers to.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, cast

from program.checks import UNREAD, Draft, check_twice
from program.entries import Fit, Plan
from program.fields import U32_MAX
from program.toml.lines import TomlPath
from program.toml.tables import BadValue, Book, Table
from schemas.values.model_names import DATA_DRIVEN, FIT_ID_CHARS, FITTED, BadModel, Model, parse_model

FITS_MAX = 100
WEIGHTS_MAX = 100_000
"""Limit for all fits of a program together, about 2 MB in its stored form."""
WEIGHT_MAX = 10**12
CONVERSIONS_MAX = 10**12

_RUN = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(rf"[0-9a-f]{{{FIT_ID_CHARS}}}")
_PARTNER = re.compile(r"[1-9][0-9]{0,9}")


def read_fits(root: Table, draft: Draft) -> None:
    """Add the tables to the draft; report mistakes to the root's book."""
    tables, weights = root.tables("fits"), 0
    if len(tables) > FITS_MAX:
        root.wrong(
            "fits", f"has {len(tables)} tables, at most {FITS_MAX} are allowed: remove those that no plan or run uses"
        )
        return
    for table in tables:
        before = len(table.book.mistakes)
        fit_id = table.parsed("id", _id, "", required=True)
        fit = _read_fit(table)
        weights += len(fit.weights)
        if len(table.book.mistakes) == before and fit_id != fit.id:
            table.wrong(
                "id",
                f"does not match the content, whose id is {fit.id}; use the table as `clew fit` printed it, or write "
                f"{fit.id} here and in the models that use it",
            )
        draft.fits.append((table.place, fit_id, fit))
    if weights > WEIGHTS_MAX:
        root.wrong(
            "fits", f"has {weights} weights in total, at most {WEIGHTS_MAX} are allowed: remove fits that are not used"
        )


def _read_fit(table: Table) -> Fit:
    fit = Fit(
        model=cast(Literal["markov", "shapley"], table.choice("model", DATA_DRIVEN, "")),
        run=table.parsed("run", _run, "", required=True),
        as_of=table.parsed("as_of", _instant, "", required=True),
        from_ts=table.parsed("from", _instant, ""),
        to_ts=table.parsed("to", _instant, ""),
        conversions=table.number("conversions", least=1, most=CONVERSIONS_MAX) or 0,
        weights=_read_weights(table.table("weights", required=True)),
    )
    table.done()
    if "weights" in table and not fit.weights:
        table.wrong("weights", "must have the weight of at least one partner")
    return fit


def _read_weights(table: Table) -> dict[int, int]:
    found: dict[int, int] = {}
    for key in table:
        if _PARTNER.fullmatch(key) is None or int(key) > U32_MAX:
            table.wrong(key, f"is not a partner: keys must be partner ids, from 1 to {U32_MAX}")
        elif (weight := table.number(key, least=1, most=WEIGHT_MAX)) is not None:
            found[int(key)] = weight
    return found


def _id(text: str) -> str:
    return _matching(_ID, text, f"must be {FIT_ID_CHARS} hex digits, as `clew fit` prints it")


def _run(text: str) -> str:
    return _matching(_RUN, text, "must be the id of the run, 32 hex digits")


def _matching(pattern: re.Pattern[str], text: str, otherwise: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadValue(otherwise)
    return text


def _instant(text: str) -> str:
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise BadValue('must be a timestamp with an offset, for example "2026-03-01T00:00:00Z"')
    return text


# ------------------------------------------------------------------------------------- checks against other tables


def check_fits(draft: Draft, book: Book) -> None:
    """Report duplicate fits, unknown partners in fits, and models whose fit is missing or has too few conversions."""
    check_twice([((*place, "id"), fit_id) for place, fit_id, _ in draft.fits], "fit", book)
    partners = {partner.id for _, partner in draft.partners}
    for place, _, fit in draft.fits:
        for partner in fit.weights.keys() - partners:
            book.wrong(
                (*place, "weights", str(partner)),
                f'there is no partner {partner}; add a [[partner]] with this id, with status = "inactive" if it left',
            )
    fits = {fit_id: fit for _, fit_id, fit in draft.fits if fit_id}
    for text in draft.models:
        _check_there(("attribution", "models"), _model(text), fits, book)
    for place, plan in draft.plans:
        _check_plan(place, plan, fits, book)


def _check_plan(place: TomlPath, plan: Plan, fits: dict[str, Fit], book: Book) -> None:
    model = _model(plan.model)
    fit = _check_there((*place, "model"), model, fits, book)
    if plan.conversions_min is None or book.has_mistake((*place, "model")):
        return
    if fit is None:
        book.wrong(
            (*place, "conversions_min"),
            f"is only for plans that pay by {FITTED}(ID); {plan.model} is a rule and needs no minimum: remove the key",
        )
    elif UNREAD < fit.conversions < plan.conversions_min:
        book.wrong(
            (*place, "conversions_min"),
            f"plan {plan.name} requires {plan.conversions_min} conversions, but {plan.model} was fitted to "
            f"{fit.conversions}: fit a run over a longer range, pay by a rule, or lower conversions_min",
        )


def _model(text: str) -> Model | None:
    try:
        return parse_model(text)
    except BadModel:  # already reported by the parser
        return None


def _check_there(place: TomlPath, model: Model | None, fits: dict[str, Fit], book: Book) -> Fit | None:
    """Return the fit of the model; None for a rule, or after reporting that the fit is missing."""
    if model is None or model.name != FITTED:
        return None
    if model.fit not in fits:
        book.wrong(place, f"there is no fit {model.fit}; add its [[fits]] table, which `clew fit RUN` prints")
    return fits.get(model.fit)


# ------------------------------------------------------------------------------------------------------- as TOML


def to_toml(fit: Fit) -> Iterator[str]:
    """Yield the lines of a `[[fits]]` table that reads back as this fit."""
    yield "[[fits]]"
    yield f'id = "{fit.id}"'
    yield f'model = "{fit.model}"'
    yield f'run = "{fit.run}"'
    for key, text in (("from", fit.from_ts), ("to", fit.to_ts), ("as_of", fit.as_of)):
        if text:
            yield f"{key} = {json.dumps(text)}"
    yield f"conversions = {fit.conversions}"
    yield ""
    yield "[fits.weights]"
    for partner, weight in fit.ordered().weights.items():
        yield f"{partner} = {weight}"
