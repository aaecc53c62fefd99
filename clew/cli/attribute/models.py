"""`clew attribute --model`: apply models to stored conversions and store the credits as a run, which pays nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clew.cli.ask import ask
from clew.cli.attribute.catch_up import ANSWER_WITHIN_S, CatchUpOptions
from clew.cli.option_groups import OptionGroup
from clew.cli.options import Where
from clew.cli.output import err, fail, out, print_json, print_table
from clew.requests.types import WORKERS_MAX, Reuse, RunRequest
from runtime.user_error import WRONG_USE

_PANEL = "Run (--model)"


def _option(*names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_PANEL, **more)


@dataclass(frozen=True, slots=True)
class ModelOptions(OptionGroup):
    """Models of a run, and the conversions and touches that it takes."""

    model: Annotated[
        str | None,
        _option(metavar="MODELS", help="Models to apply, separated by commas, for example linear,markov."),
    ] = None
    from_: Annotated[
        str | None,
        _option("--from", metavar="DATE", help="First day or instant, in the program's time zone (default: no limit)."),
    ] = None
    to: Annotated[
        str | None,
        _option(metavar="DATE", help="End: first day or instant that is not included (default: no limit)."),
    ] = None
    as_of: Annotated[
        str | None,
        _option("--as-of", metavar="DATE", help="Use only data received before this time (default: now)."),
    ] = None
    reuse: Annotated[
        Reuse,
        _option(
            help="A touch may count for several conversions (reuse), only if no earlier conversion gave it credit "
            "(consume), or only if no earlier conversion had it (reset)."
        ),
    ] = "reuse"
    stitch: Annotated[
        bool,
        _option("--stitch", help="Treat visitors that share a user, and users that share a visitor, as one person."),
    ] = False
    workers: Annotated[
        int,
        _option(
            metavar="N", help="Number of slices of the conversions that are computed at once.", min=1, max=WORKERS_MAX
        ),
    ] = 1
    conversions_min: Annotated[
        int,
        _option(
            "--conversions-min",
            metavar="N",
            help="Fewest conversions that markov and shapley may be fitted to (0: any).",
            min=0,
        ),
    ] = 0


def run_models(
    where: Where, options: ModelOptions, to_catch_up: CatchUpOptions, program: Path | None, *, as_json: bool
) -> None:
    """Catch up, apply the models, and print what the run gave."""
    if not (options.model or "").strip():
        raise fail("--model names no model; leave it out to catch up only", WRONG_USE)
    request = RunRequest(
        models=options.model or "", wait=to_catch_up.wait, timeout=to_catch_up.timeout_s,
        from_=options.from_, to=options.to, as_of=options.as_of, reuse=options.reuse,
        stitch=options.stitch, workers=options.workers, conversions_min=options.conversions_min,
    )  # fmt: skip
    err.print("attributing what is in the log, then applying the models …")
    answer = ask(where, request, to_catch_up.timeout_s + ANSWER_WITHIN_S, program)
    if as_json:
        print_json(answer)
    else:
        _print_run(answer)


def _print_run(answer: dict[str, Any]) -> None:
    stored = "it existed already; nothing was written" if answer["was_there"] else f"{answer['rows']} credits written"
    out.print(f"run {answer['run_id']}: {stored}")
    values = ", ".join(f"{value} {currency}" for currency, value in answer["values"].items()) or "nothing"
    failed = f"; {answer['failed']} failed" if answer["failed"] else ""
    out.print(f"{answer['conversions']} conversions worth {values}{failed}")
    for model, fitted in answer["shares"].items():
        nulls = "" if fitted["nulls"] is None else f" and {fitted['nulls']} journeys without a conversion"
        out.print(f"{model}: fitted to {fitted['touched']} conversions with touches{nulls}; gap {fitted['gap']:.2e}")
        rows = [
            [row["partner_id"], *map(_share, (row["share_e12"] / 1e12, row["ci_low"], row["ci_high"]))]
            for row in fitted["partners"]
        ]
        print_table(["partner_id", "share", "ci_low", "ci_high"], rows, model)


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"
