"""Header that says which version of the program a change has published."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpResponse

from control.program.versions import newest_seq

HEADER = "Clew-Program-Version"


@contextmanager
def naming_version(response: HttpResponse) -> Iterator[None]:
    """Send the newest version if the block, or a change at the same time, has made one."""
    before = newest_seq()
    yield
    after = newest_seq()
    if after != before:
        response[HEADER] = str(after)
