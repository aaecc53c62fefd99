"""Fits of a program file: valid fits, each mistake with its place and its fix, and programs without fits."""

import re
from typing import Any

import msgspec
import pytest

from program import fits
from program.entries import Fit, Plan
from program.file import ProgramReading, read_program
from program.fits import to_toml
from program.terms import canonical, from_canonical
from tests.program.test_file import GOOD, read

FIT = Fit(
    model="markov", run="5d1f" * 8, from_ts="2026-03-01T00:00:00Z", to_ts="2026-04-01T00:00:00Z",
    as_of="2026-04-15T00:00:00.000001Z", conversions=390, weights={8: 10**12, 7: 830_000_000_000},
)  # fmt: skip
BLOCK = "\n".join(to_toml(FIT)) + "\n"
PLAN = f'[[plan]]\noffer = 101\npartner = 7\npercent = "8"\nmodel = "fitted({FIT.id})"\nconversions_min = 390\n'


def said(reading: ProgramReading) -> list[tuple[str, str]]:
    return [(mistake.place, mistake.message) for mistake in reading.mistakes]


def test_a_fit_is_read_as_it_was_written() -> None:
    reading = read(GOOD + PLAN + BLOCK)
    assert (reading.mistakes, reading.warnings) == ((), ()) and reading.program is not None
    terms = reading.program.terms
    assert terms.fits == {FIT.id: FIT.ordered()} and re.fullmatch("[0-9a-f]{12}", FIT.id)
    plan = Plan(101, 7, percent_e6=8_000_000, model=f"fitted({FIT.id})", conversions_min=390)
    assert terms.plans[-1] == plan and plan.model in terms.models
    stored = from_canonical(canonical(terms))
    assert stored.fits == terms.fits and stored.fits[FIT.id].id == FIT.id and plan in stored.plans
    assert list(stored.fits[FIT.id].weights) == [7, 8]


def test_open_ranges_and_models_for_reports() -> None:
    fit = msgspec.structs.replace(FIT, model="shapley", from_ts="", to_ts="", weights={7: 1, 8: 1})
    text = GOOD + f'[attribution]\nmodels = ["fitted({fit.id})", "fitted( {FIT.id} )"]\n'
    reading = read(text + BLOCK + "\n".join(to_toml(fit)))
    assert reading.mistakes == () and reading.program is not None
    assert set(reading.program.terms.fits) == {fit.id, FIT.id}
    assert {f"fitted({fit.id})", f"fitted({FIT.id})"} < set(reading.program.terms.models)


@pytest.mark.parametrize(
    "changed",
    [{"model": "shapley"}, {"run": "0" * 32}, {"as_of": "2026-04-16T00:00:00Z"}, {"from_ts": ""}, {"to_ts": ""},
     {"conversions": 391}, {"weights": {7: 830_000_000_001, 8: 10**12}}, {"weights": {7: 830_000_000_000}}],
)  # fmt: skip
def test_every_change_makes_another_fit(changed: dict[str, Any]) -> None:
    other = msgspec.structs.replace(FIT, **changed)
    assert other.id != FIT.id
    text = "\n".join(to_toml(other)).replace(other.id, FIT.id)
    ((place, message),) = said(read(GOOD + PLAN + text))
    assert place == "fits[0].id" and other.id in message and "clew fit" in message


def test_the_order_of_weights_does_not_matter() -> None:
    assert msgspec.structs.replace(FIT, weights=dict(sorted(FIT.weights.items()))).id == FIT.id


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (f'id = "{FIT.id}"', 'id = "5d1f"', "fits[0].id", "must be 12 hex digits"),
        ('"markov"', '"linear"', "fits[0].model", "must be one of markov, shapley"),
        ("5d1f" * 8, "5d1f", "fits[0].run", "the id of the run, 32 hex digits"),
        ("2026-03-01T00:00:00Z", "2026-03-01", "fits[0].from", "a timestamp with an offset"),
        ("2026-04-15T00:00:00.000001Z", "yesterday", "fits[0].as_of", "a timestamp with an offset"),
        ("conversions = 390\n\n", "conversions = 0\n\n", "fits[0].conversions", "a whole number from 1 to"),
        ("conversions = 390\n\n", "\n", "fits[0].conversions", "is missing"),
        ("7 = 830000000000", "7 = 0", "fits[0].weights.7", "from 1 to 1000000000000"),
        ("7 = 830000000000", f"7 = {10**12 + 1}", "fits[0].weights.7", "from 1 to 1000000000000"),
        ("7 = 830000000000", '7 = "830000000000"', "fits[0].weights.7", "must be a whole number, not a text"),
        ("7 = 830000000000", "7 = 0.83", "fits[0].weights.7", "must be a whole number, not a number"),
        ("7 = 830000000000", "0 = 1", "fits[0].weights.0", "keys must be partner ids"),
        ("7 = 830000000000", "blue = 1", "fits[0].weights.blue", "keys must be partner ids"),
        ("conversions = 390\n\n", "conversions = 390\nnulls = 3\n", "fits[0].nulls", "is not a known key"),
    ],
)
def test_mistakes_in_a_fit(old: str, new: str, place: str, message: str) -> None:
    assert old in BLOCK
    found = said(read(GOOD + BLOCK.replace(old, new, 1)))
    assert [where for where, _ in found] == [place] and message in found[0][1], found


def test_partners_that_the_program_lacks() -> None:
    fit = msgspec.structs.replace(FIT, weights={7: 1, 9: 2})
    ((place, message),) = said(read(GOOD + "\n".join(to_toml(fit))))
    assert place == "fits[0].weights.9" and "no partner 9" in message and 'status = "inactive"' in message


def test_duplicate_and_missing_fits_are_mistakes() -> None:
    ((place, message),) = said(read(GOOD + BLOCK + BLOCK))
    assert place == "fits[1].id" and message.startswith(f"fit {FIT.id} is already defined on line")
    found = said(read(GOOD + PLAN + '[attribution]\nmodels = ["fitted(0a1b2c3d4e5f)"]\n'))
    assert [where for where, _ in found] == ["plan[3].model", "attribution.models"]
    assert all("clew fit RUN" in message for _, message in found)
    (_, empty), *_ = said(read(GOOD + BLOCK.split("7 =", maxsplit=1)[0]))
    assert "the weight of at least one partner" in empty


def test_the_number_of_fits_and_weights_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "WEIGHTS_MAX", 2)
    assert said(read(GOOD + BLOCK)) == []
    monkeypatch.setattr(fits, "WEIGHTS_MAX", 1)
    assert "2 weights in total, at most 1" in said(read(GOOD + BLOCK))[0][1]
    monkeypatch.setattr(fits, "FITS_MAX", 0)
    assert "has 1 tables, at most 0" in said(read(GOOD + BLOCK))[0][1]


def test_a_plan_may_not_require_more_conversions_than_its_fit_has() -> None:
    ((place, message),) = said(read(GOOD + PLAN.replace("390", "391") + BLOCK))
    assert place == "plan[3].conversions_min"
    for part in ("plan offer=101,partner=7 requires 391", f"fitted({FIT.id}) was fitted to 390", "longer range"):
        assert part in message


@pytest.mark.parametrize("model", ["", 'model = "linear"\n'])
def test_a_rule_takes_no_minimum_of_conversions(model: str) -> None:
    plan = f'[[plan]]\noffer = 101\npartner = 7\npercent = "8"\n{model}conversions_min = 5\n'
    ((place, message),) = said(read(GOOD + plan))
    assert place == "plan[3].conversions_min" and "is a rule and needs no minimum" in message


@pytest.mark.parametrize("value", ["0", '"5"', "-1", "1.5"])
def test_minimums_are_whole_numbers(value: str) -> None:
    ((place, _),) = said(read(GOOD + PLAN.replace("= 390", f"= {value}") + BLOCK))
    assert place == "plan[3].conversions_min"


def test_a_plan_cannot_pay_by_markov_itself() -> None:
    ((place, message),) = said(read(GOOD + PLAN.replace(f"fitted({FIT.id})", "markov")))
    assert place == "plan[3].model" and "clew fit RUN" in message


def test_a_fit_changes_the_hash() -> None:
    program = read(GOOD).program
    with_fit = read_program(GOOD + BLOCK, {"SECOND_KEY": "k", "SHOES": "h"}.get).program
    assert program is not None and with_fit is not None and with_fit.hash != program.hash
