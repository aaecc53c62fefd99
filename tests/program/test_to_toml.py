"""A program written as a file reads back as the same program."""

import msgspec
from hypothesis import given, settings

from program.checks import Draft
from program.compile import compile_draft
from program.entries import Fit, Offer, Partner, Plan
from program.file import read_program
from program.program import Program, Secrets
from program.to_toml import program_to_toml
from tests.program.programs import programs


def _read_back(program: Program) -> Program:
    text = "\n".join(program_to_toml(program))
    reading = read_program(text, lambda _: None)
    assert reading.program is not None, reading.mistakes
    return reading.program


@settings(max_examples=50)
@given(programs())
def test_any_program_reads_back(program: Program) -> None:
    again = _read_back(program)
    assert again.hash == program.hash
    assert again.routes == program.routes
    assert again.labels == program.labels


def test_fits_and_minimums_read_back() -> None:
    fit = Fit(model="markov", run="0" * 32, as_of="2026-03-01T00:00:00Z", conversions=900, weights={7: 12, 8: 3})
    draft = Draft(currency="USD")
    draft.partners = [(("partner", n), Partner(n, "")) for n in (7, 8)]
    draft.offers = [(("offer", 0), Offer(101, "Shoes", "https://shop.example/"))]
    draft.fits = [(("fits", 0), fit.id, fit)]
    plan = Plan(101, percent_e6=10**6, model=f"fitted({fit.id})", conversions_min=500)
    draft.plans = [(("plan", 0), plan)]
    program = compile_draft(draft)
    assert _read_back(program).terms == program.terms


def test_secrets_are_not_written() -> None:
    draft = Draft(currency="USD", offers=[(("offer", 0), Offer(101, "Shoes", "https://shop.example/"))])
    program = msgspec.structs.replace(compile_draft(draft), secrets=Secrets(("key-of-events",), {101: "s3cret"}))
    text = "\n".join(program_to_toml(program))
    assert "key-of-events" not in text and "s3cret" not in text
