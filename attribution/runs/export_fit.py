"""`clew fit`: convert the weights of a fitted run to a fit for the program file."""

from typing import Literal, NamedTuple, cast

from attribution.core.revisions import LIVE
from attribution.runs.find import run_named
from attribution.runs.runner import Runs
from attribution.runs.shares import from_json, weights_of
from attribution.runs.spec import spec_of
from attribution.store.as_of import TS_MAX
from program.entries import Fit
from runtime.user_error import ReportError
from schemas.values.timestamps import rfc3339
from warehouse.port import Warehouse


class RunFit(NamedTuple):
    """Fit of a run. `gap` is the fraction of its conversions whose credits cannot follow the fitted shares, 0 to 1."""

    fit: Fit
    gap: float


def export_fit(warehouse: Warehouse, text: str) -> RunFit:
    """Return the fit of `RUN` or `RUN:MODEL`, where RUN is a run id or a prefix of one.

    Raises ReportError if the run does not exist, did not fit the model, fitted several and MODEL is missing, or had
    no conversions with touches.
    """
    name, _, model = text.partition(":")
    if name == LIVE:
        raise ReportError(f"{LIVE} is not a fitted run; create one with `clew attribute --model markov`")
    run_id = run_named(warehouse, name)
    run = Runs(warehouse).find(run_id)
    if run is None:
        raise ReportError(f"run {run_id} no longer exists; analyst.runs lists the runs")
    spec, shares = spec_of(run.parameters), from_json(run.shares)
    if not shares:
        models = ", ".join(spec.models)
        raise ReportError(
            f"run {run_id} has {models}, which are not fitted; create a fitted run with `clew attribute --model markov`"
        )
    if model not in shares and (model or len(shares) > 1):
        wrong = f"did not fit {model}" if model else "fitted several models"
        raise ReportError(f"run {run_id} {wrong}; write {' or '.join(f'{name}:{known}' for known in sorted(shares))}")
    chosen = model or next(iter(shares))
    fitted = shares[chosen]
    if not fitted.touched:
        raise ReportError(f"run {run_id} has no conversions with touches, so it has no weights; use a longer range")
    fit = Fit(
        model=cast(Literal["markov", "shapley"], chosen), run=run_id,
        from_ts=rfc3339(spec.from_us) if spec.from_us > 0 else "",
        to_ts=rfc3339(spec.to_us) if spec.to_us < TS_MAX else "",
        as_of=rfc3339(spec.as_of_us), conversions=fitted.touched, weights=weights_of(fitted),
    ).ordered()  # fmt: skip
    return RunFit(fit, fitted.gap)
