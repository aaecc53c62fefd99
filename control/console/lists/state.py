"""State of a list, as its address says it: search, filters, order, columns, place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

_Q_CHARS_MAX = 200
_PAGE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Known:
    """Names that a list accepts in its address."""

    columns: Sequence[str]
    shown: Sequence[str]
    """Columns without a choice."""
    sortable: Sequence[str]
    filters: Sequence[str]
    order: str


@dataclass(frozen=True, slots=True)
class ListState:
    """State of a list. Everything unknown in the address is left out."""

    q: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    order: str = ""
    columns: tuple[str, ...] = ()
    page: int = 1
    cursor: str = ""

    def query(self, known: Known) -> str:
        """Write search, filters, order and columns as the query of an address; the same state gives the same text."""
        pairs = [("q", self.q)] if self.q else []
        pairs += [(name, self.filters[name]) for name in known.filters if self.filters.get(name)]
        if self.order != known.order:
            pairs.append(("order", self.order))
        if self.columns != tuple(known.shown):
            pairs.append(("columns", ",".join(self.columns)))
        return urlencode(pairs)


def read_state(values: Mapping[str, str], known: Known) -> ListState:
    """Read the state from an address."""
    order = values.get("order", "")
    if order.removeprefix("-") not in known.sortable:
        order = known.order
    wanted = values.get("columns", "").split(",")
    columns = tuple(name for name in known.columns if name in wanted)
    page = values.get("page", "1")
    return ListState(
        q=" ".join(values.get("q", "").replace("\0", "").split())[:_Q_CHARS_MAX],
        filters={name: values[name].replace("\0", "") for name in known.filters if values.get(name)},
        order=order,
        columns=columns or tuple(known.shown),
        page=min(int(page), _PAGE_MAX) if page.isascii() and page.isdecimal() and int(page) else 1,
        cursor=values.get("cursor", "").replace("\0", "")[:100],
    )
