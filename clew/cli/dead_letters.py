"""Commands about records that could not be decoded."""

import asyncio

from clew.cli.ask import ask_about
from clew.cli.options import AsJson, Data, Log, Warehouse, Where, settings_or_exit
from clew.cli.output import fail, out, print_json, print_table
from eventlog.port import LogUnavailable
from runtime.clock import SystemClock
from runtime.user_error import UNREACHABLE

_SHOWN = ("log", "source", "partition", "offset", "error", "decodes_now")


def list_letters(data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Show them: where each was, why it could not be decoded, and whether this version can."""
    answer = ask_about(Where(data, log, warehouse), "dead_letters", {})
    if as_json:
        print_json(answer)
    elif not answer["dead_letters"]:
        out.print("no dead letters")
    else:
        print_table(_SHOWN, [[letter[name] for name in _SHOWN] for letter in answer["dead_letters"]])


def replay_letters(data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Append those that this version can decode to the log again; each comes back once, however often this runs."""
    from operations.dead_letters import DeadRecord, replay_dead

    where = Where(data, log, warehouse)
    letters = ask_about(where, "dead_letters", {})["dead_letters"]
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
        raise fail(f"{error}; run it again, what came back is left out", UNREACHABLE) from None
    if as_json:
        print_json(dict(counts))
    else:
        out.print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "no dead letters")
