"""`clew fit`: what a run was fitted to, as a fit that a program can hold."""

from typing import Literal, NamedTuple, cast

from attribution.core.revisions import LIVE
from attribution.runs.find import run_named
from attribution.runs.runner import Runs
from attribution.runs.shares import from_json, weights_of
from attribution.runs.spec import spec_of
from attribution.store.as_of import TS_MAX
from program.program import Fit
from runtime.user_error import ReportError
from schemas.values.timestamps import rfc3339
from warehouse.port import Warehouse


class RunFit(NamedTuple):
    """A run's fit, and the part of its conversions whose credits cannot follow the fitted shares, 0 to 1."""

    fit: Fit
    gap: float


def export_fit(warehouse: Warehouse, text: str) -> RunFit:
    """The fit of `RUN` or `RUN:MODEL`, where RUN is an id or the beginning of one.

    Raises ReportError if there is no such run, or it fitted no such model, several, or none to any touch.
    """
    name, _, model = text.partition(":")
    if name == LIVE:
        raise ReportError(f"{LIVE} is fitted to nothing; `clew attribute --model markov` makes a run that is")
    run_id = run_named(warehouse, name)
    run = Runs(warehouse).find(run_id)
    if run is None:
        raise ReportError(f"run {run_id} is gone; see analyst.runs")
    spec, shares = spec_of(run.parameters), from_json(run.shares)
    if not shares:
        models = ", ".join(spec.models)
        raise ReportError(f"run {run_id} has {models}, fitted to nothing; `clew attribute --model markov` makes one")
    if model not in shares and (model or len(shares) > 1):
        wrong = f"fitted no {model}" if model else "fitted several models"
        raise ReportError(f"run {run_id} {wrong}; write {' or '.join(f'{name}:{known}' for known in sorted(shares))}")
    chosen = model or next(iter(shares))
    fitted = shares[chosen]
    if not fitted.touched:
        raise ReportError(f"run {run_id} has no conversions with touches, so it knows no weights; take a longer range")
    fit = Fit(
        model=cast(Literal["markov", "shapley"], chosen), run=run_id,
        from_ts=rfc3339(spec.from_us) if spec.from_us > 0 else "",
        to_ts=rfc3339(spec.to_us) if spec.to_us < TS_MAX else "",
        as_of=rfc3339(spec.as_of_us), conversions=fitted.touched, weights=weights_of(fitted),
    ).ordered()  # fmt: skip
    return RunFit(fit, fitted.gap)
