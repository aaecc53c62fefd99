"""Store of contents by hash: terms, and the parts of routes."""

from collections.abc import Mapping, Sequence

from control.program.models import ProgramPart

_BATCH_ROWS = 500


def read_contents(names: Sequence[str]) -> dict[str, bytes]:
    """Return contents by hash. Raises KeyError if one is missing."""
    found: dict[str, bytes] = {}
    wanted = list(dict.fromkeys(names))
    for at in range(0, len(wanted), _BATCH_ROWS):
        rows = ProgramPart.objects.filter(hash__in=wanted[at : at + _BATCH_ROWS]).values_list("hash", "content")
        found.update((name, bytes(content)) for name, content in rows)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise KeyError(f"the database lacks {len(missing)} parts of the program, for example {missing[0]}")
    return found


def store_contents(contents: Mapping[str, bytes]) -> None:
    """Store contents that are not there yet."""
    rows = (ProgramPart(hash=name, content=content) for name, content in contents.items())
    ProgramPart.objects.bulk_create(rows, batch_size=_BATCH_ROWS, ignore_conflicts=True)
