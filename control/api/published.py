"""Header that says which version of the program a change has published."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpResponse

from control.program.versions import current

HEADER = "Clew-Program-Version"


@contextmanager
def naming_version(response: HttpResponse) -> Iterator[None]:
    """Send the newest version if the block, or a change at the same time, has made one."""
    before = _seq()
    yield
    after = _seq()
    if after != before:
        response[HEADER] = str(after)


def _seq() -> int:
    version = current()
    return version.seq if version is not None else 0
