"""Header that says which version of the program a change has published."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpResponse

from control.program.versions import noting_versions

HEADER = "Clew-Program-Version"


@contextmanager
def naming_version(response: HttpResponse) -> Iterator[None]:
    """Send the number of the last version that the block makes, if it makes one."""
    with noting_versions() as made:
        yield
    if made:
        response[HEADER] = str(made[-1])
