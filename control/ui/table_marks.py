"""Drawing of tables: heads, rows and the last line. Every text is escaped, also one that is marked as safe."""

from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from control.ui.charts.spark import sparkline
from control.ui.marks import address, avatar, badge, escape, icon
from control.ui.queries import changed_query
from control.ui.table import Cell, Column, Heading, Table


def table_heads(table: Table, query: QueryDict | None) -> SafeString:
    """Draw the heads of a table. With the query of the page, a click on a head sorts."""
    return SafeString("".join(_head(heading, query) for heading in table.headings))


def _head(heading: Heading, query: QueryDict | None) -> str:
    column, way = heading.column, heading.sorted
    numeric, sorting = ' class="cl-right"' if column.numeric else "", f' aria-sort="{way}"' if way else ""
    label = escape(column.label)
    if column.key and query is not None:
        href = escape(changed_query(query, {"order": heading.next_order, "page": None, "cursor": None}))
        arrow = icon({"ascending": "chevron-up", "descending": "chevron-down", "": "selector"}[way])
        label = f'<a class="cl-sort" href="{href}"{" data-sorted" if way else ""}>{label}{arrow}</a>'
    return f'<th role="columnheader" scope="col"{numeric}{sorting}>{label}</th>'


def table_rows(table: Table) -> SafeString:
    """Draw the rows of a table, each with the box that marks it if rows can be chosen."""
    openings, nothing = _openings(table), _nothing()
    marking = escape(gettext("Mark %(name)s"))
    drawn: list[str] = []
    for row in table.rows:
        drawn.append('<tr role="row">')
        if table.selectable:
            drawn.append(
                '<td class="cl-pick" role="cell"><input class="form-check-input" type="checkbox" name="row" '
                f'value="{escape(row.id)}" aria-label="{marking % {"name": escape(row.title)}}"></td>'
            )
        drawn.append("\n")
        drawn += [f"{opening}{_framed(cell, nothing)}</td>" for opening, cell in zip(openings, row.cells, strict=True)]
        drawn.append("</tr>")
    return SafeString("".join(drawn))


def foot_cells(table: Table) -> SafeString:
    """Draw the cells of the last line of a table."""
    nothing = _nothing()
    pairs = zip(_openings(table), table.foot, strict=True)
    return SafeString("".join(f"{opening}{_framed(cell, nothing)}</td>" for opening, cell in pairs))


def _openings(table: Table) -> list[str]:
    return [_opening(at == 0, column) for at, column in enumerate(table.columns)]


def _opening(first: bool, column: Column) -> str:
    classes = f"{'cl-right' if column.numeric else ''}{' cl-title' if first else ''}"
    return f'<td role="cell" class="{classes}" data-label="{escape(column.label)}">'


def _nothing() -> str:
    """Draw what an empty cell shows."""
    return f'<span class="cl-faint" aria-label="{escape(gettext("none"))}" role="img">–</span>'


def _framed(cell: Cell | str, nothing: str) -> str:
    """Draw a cell with its avatar and its note."""
    if isinstance(cell, str):
        return f"<span>{escape(cell)}</span>" if cell else nothing
    content = _content(cell, nothing)
    if cell.note:
        content += f'<span class="cl-cell-note">{escape(cell.note)}</span>'
    if not (cell.avatar or cell.note):
        return content
    picture = avatar(cell.text, square=True) if cell.avatar else ""
    return f'<div class="cl-cell">{picture}<div class="cl-cell-text">{content}</div></div>'


def _content(cell: Cell, nothing: str) -> str:
    text = escape(cell.text)
    if cell.old is not None:
        return (
            f'<del class="cl-old"><span class="visually-hidden">{escape(gettext("before:"))} </span>'
            f'{escape(cell.old)}</del> <ins class="cl-new"><span class="visually-hidden">'
            f"{escape(gettext('after:'))} </span>{text}</ins>"
        )
    if cell.badge:
        return badge(cell.text, cell.badge, dot=True)
    if cell.spark:
        return f'{sparkline(cell.spark)}<span class="visually-hidden">{text}</span>'
    if cell.code:
        return f"<code>{_link(cell.href, text, '') if cell.href else text}</code>"
    if cell.href:
        return _link(cell.href, text, ' class="cl-cell-link"')
    if cell.error:
        return f'<span class="cl-field-error">{icon("alert-circle")}{text}</span>'
    return f"<span>{text}</span>" if cell.text else nothing


def _link(href: str, text: str, classes: str) -> str:
    return f'<a{classes} href="{escape(address(href))}">{text}</a>'
