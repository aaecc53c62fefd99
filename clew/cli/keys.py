"""Commands about token keys and click ids: rotate keys, make new ones, decode an id."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.options import Data, Where, settings_or_exit
from clew.cli.output import fail, out, print_json
from installation.directory import DataDir
from installation.keys import KeysFileError, load_keys, load_or_make_keys
from installation.keys import rotate_keys as rotate_keys_file
from runtime.clock import SystemClock
from runtime.user_error import FINE, NO, UNREACHABLE, WRONG_USE
from schemas.values import click_id
from schemas.values.durations import parse_duration_us


def rotate_keys(
    data: Data = None,
    old_verifies: Annotated[
        str, typer.Option(metavar="DURATION", help="How long ids signed with the old key stay valid.")
    ] = "730d",
) -> None:
    """Sign new ids with a new key.

    Restart `clew serve` afterwards, so that every edge process loads it.
    """
    try:
        old_us = parse_duration_us(old_verifies)
    except ValueError as error:
        raise fail(f"--old-verifies: {error}", WRONG_USE) from None
    path = _keys_or_exit(Where(data))
    try:
        keys = rotate_keys_file(path, os.urandom, SystemClock().now_us() // 1000, old_verifies_ms=old_us // 1000)
    except KeysFileError as error:
        raise fail(str(error), UNREACHABLE) from None
    out.print(f"{path}: key {keys.current.key_id} signs now; restart `clew serve`")


def new_keys(
    data: Data = None,
    give_up_issued_ids: Annotated[
        bool, typer.Option("--give-up-issued-ids", help="Accept that postbacks for ids issued so far answer 404.")
    ] = False,
) -> None:
    """Make new token keys when the old ones are lost for good."""
    path = _keys_or_exit(Where(data))
    if path.exists():
        raise fail(f"{path} exists; `clew keys rotate` replaces the signing key and keeps old ids valid", WRONG_USE)
    if not give_up_issued_ids:
        raise fail(
            f"postbacks for all ids issued with the keys that were at {path} will answer 404; restore the file from a "
            "backup, or repeat the command with --give-up-issued-ids",
            WRONG_USE,
        )
    try:
        load_or_make_keys(path, os.urandom, SystemClock().now_us() // 1000)
    except KeysFileError as error:
        raise fail(str(error), UNREACHABLE) from None
    out.print(f"{path}: new keys; start `clew serve` again")


@with_option_groups
def show_id(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Click or impression id: 36 characters.")],
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Decode a click or impression id; check its signature.

    Exit code 1 if this installation did not sign it.
    """
    raw = click_id.from_text(token)
    if raw is None:
        raise fail(f"{token[:60]!r} is not a click id; it has 36 characters of base64url", NO)
    clock, path = SystemClock(), _keys_or_exit(where)
    if not path.is_file():
        raise fail(f"there are no token keys at {path}; give the data directory of the installation", UNREACHABLE)
    now_ms = clock.now_us() // 1000
    try:
        keys = load_keys(path)
    except (KeysFileError, OSError) as error:
        raise fail(str(error), UNREACHABLE) from None
    signed = click_id.verify(keys, raw, now_ms) is not None
    facts = click_id.facts_of(raw)
    says = {
        "signed": signed,
        "ts": _rfc3339(facts.ts_ms),
        "offer_id": facts.offer_id,
        "partner_id": facts.partner_id,
        "key_id": facts.key_id,
        "random": facts.random.hex(),
    }
    if as_json:
        print_json(says)
    else:
        for name, value in says.items():
            out.print(f"{name:<11} {value}")
    raise typer.Exit(FINE if signed else NO)


def _rfc3339(ms: int) -> str:
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return f"{ms} ms after 1970"
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _keys_or_exit(where: Where) -> Path:
    """Return the file of the token keys: CLEW_KEYS, or keys.toml in the data directory."""
    settings = settings_or_exit()
    if where.log is not None or where.warehouse is not None:
        where.address_or_exit(settings)  # a mistake in an address is an error, even if --data names the directory
    if settings.keys is not None:
        return settings.keys
    if where.data is not None:
        return DataDir(where.data).keys(None)
    address = where.address_or_exit(settings)
    if address.data is None:
        raise fail("set CLEW_KEYS to the file of the token keys, or give --data DIR of a tracker", WRONG_USE)
    return address.data.keys(None)
