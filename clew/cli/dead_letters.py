"""Commands about dead letters: records that could not be decoded."""

import asyncio

from clew.cli.ask import ask
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.options import Where, settings_or_exit
from clew.cli.output import fail, out, print_json, print_table
from clew.requests.types import DeadLettersRequest
from eventlog.port import LogUnavailable
from runtime.clock import SystemClock
from runtime.user_error import UNREACHABLE

_SHOWN = ("log", "source", "partition", "offset", "error", "decodes_now")


@with_option_groups
def list_letters(where: Where, as_json: AsJson = False) -> None:
    """List dead letters.

    Shows the position of each, why it could not be decoded, and whether this version can decode it.
    """
    answer = ask(where, DeadLettersRequest())
    if as_json:
        print_json(answer)
    elif not answer["dead_letters"]:
        out.print("no dead letters")
    else:
        print_table(_SHOWN, [[letter[name] for name in _SHOWN] for letter in answer["dead_letters"]])


@with_option_groups
def replay_letters(where: Where, as_json: AsJson = False) -> None:
    """Append dead letters to the log again.

    Takes those that this version can decode. Running the command again appends none twice.
    """
    from operations.dead_letters import DeadRecord, replay_dead

    letters = ask(where, DeadLettersRequest())["dead_letters"]
    records = [
        DeadRecord(
            letter["log"], letter["source"], letter["partition"], letter["offset"], letter["error"],
            bytes.fromhex(letter["value"]), letter["replayed"],
        )
        for letter in letters
    ]  # fmt: skip
    settings = settings_or_exit()
    try:
        counts = asyncio.run(replay_dead(where.address_or_exit(settings).log, records, settings, SystemClock()))
    except LogUnavailable as error:
        raise fail(f"{error}; run the command again; letters already appended are left out", UNREACHABLE) from None
    if as_json:
        print_json(dict(counts))
    else:
        out.print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "no dead letters")
