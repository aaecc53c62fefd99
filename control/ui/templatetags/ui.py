"""Tags and filters of every page: components, icons, addresses, texts for numbers.

`{% ui "badge" text=partner.status %}` renders a component. `{% uiblock "card" title="Links" %}...{% enduiblock %}`
renders one with content; inside, `{% fill "actions" %}...{% endfill %}` fills a slot of another name.
"""

from collections.abc import Iterable

from django import template
from django.http import HttpRequest
from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.utils.safestring import SafeString, mark_safe

from control.ui import account_pages, marks, page_marks, table_marks
from control.ui.assets_manifest import asset_url
from control.ui.charts.chart import Chart
from control.ui.charts.spark import sparkline
from control.ui.components import render
from control.ui.local_formats import count_text, money_text
from control.ui.navigation import Area, Group, Link, bar_and_more, main_and_more, navigation
from control.ui.queries import changed_query
from control.ui.states import state_text, state_tone
from control.ui.table import Table
from control.ui.theme import theme_of

register = template.Library()

register.simple_tag(marks.icon)
register.simple_tag(page_marks.navigation_links)
register.simple_tag(table_marks.foot_cells)
register.simple_tag(table_marks.table_rows)
register.simple_tag(marks.options, name="option_marks")
register.filter("address", marks.address)
register.filter("initials", marks.initials)


class BlockNode(Node):
    """Component with content."""

    child_nodelists = ("nodelist",)

    def __init__(self, name: FilterExpression, values: dict[str, FilterExpression], nodelist: NodeList) -> None:
        self.name, self.values = name, values
        self.fills = [node for node in nodelist if isinstance(node, FillNode)]
        self.nodelist = NodeList(node for node in nodelist if not isinstance(node, FillNode))

    def render(self, context: Context) -> SafeString:
        """Render the content first, then the component around it."""
        values: dict[str, object] = {key: value.resolve(context) for key, value in self.values.items()}
        for fill in self.fills:
            values[fill.slot] = fill.nodelist.render(context)
        values["slot"] = self.nodelist.render(context)
        return mark_safe(render(context, self.name.resolve(context), values))


class FillNode(Node):
    """Content of a slot with a name."""

    def __init__(self, slot: str, nodelist: NodeList) -> None:
        self.slot, self.nodelist = slot, nodelist

    def render(self, context: Context) -> SafeString:
        raise TemplateSyntaxError("{% fill %} must be directly inside {% uiblock %}")


@register.simple_tag(takes_context=True)
def ui(context: Context, component_name: str, **values: object) -> SafeString:
    """Render a component by name."""
    return mark_safe(render(context, component_name, values))


@register.tag
def uiblock(parser: Parser, token: Token) -> BlockNode:
    """Render a component around content."""
    bits = token.split_contents()[1:]
    if not bits:
        raise TemplateSyntaxError("uiblock needs the name of a component")
    name, rest = parser.compile_filter(bits[0]), bits[1:]
    values = token_kwargs(rest, parser)
    if rest:
        raise TemplateSyntaxError(f"uiblock {bits[0]}: {rest[0]!r} is not of the form name=value")
    nodelist = parser.parse(("enduiblock",))
    parser.delete_first_token()
    return BlockNode(name, values, nodelist)


@register.tag
def fill(parser: Parser, token: Token) -> FillNode:
    """Fill a slot of the component around it."""
    bits = token.split_contents()
    if len(bits) != 2 or bits[1][0] not in "\"'":
        raise TemplateSyntaxError('fill needs the name of one slot: {% fill "actions" %}')
    nodelist = parser.parse(("endfill",))
    parser.delete_first_token()
    return FillNode(bits[1].strip("\"'"), nodelist)


@register.simple_tag
def asset(name: str) -> str:
    """Return the address of a built file."""
    return asset_url(name)


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: object) -> str:
    """Return the query of this page with some values changed; None removes one."""
    return changed_query(context["request"].GET, changes)


@register.simple_tag(takes_context=True)
def table_heads(context: Context, table: Table, sortable: object) -> SafeString:
    """Draw the heads of a table. `sortable` is False where a click must not sort."""
    return table_marks.table_heads(table, context["request"].GET if sortable is not False else None)


@register.filter
def money(minor: int, currency: str) -> str:
    """Write minor units with their currency."""
    return money_text(minor, currency)


@register.filter
def count(number: int) -> str:
    """Write a whole number with separators."""
    return count_text(number)


@register.filter
def lines(texts: Iterable[object]) -> str:
    """Write one text per line."""
    return "\n".join(str(text) for text in texts)


@register.filter
def drawn(chart: Chart) -> SafeString:
    """Return the drawing of a chart, in which every text is escaped."""
    return mark_safe(chart.svg)


@register.filter
def spark(values: list[float]) -> SafeString:
    """Draw a sparkline."""
    return mark_safe(sparkline(values))


@register.filter
def status_tone(state: object) -> str:
    """Return the tone of a state."""
    return state_tone(state)


@register.filter
def status_text(state: object) -> str:
    """Write a state for people."""
    return state_text(state)


@register.filter
def theme(request: object) -> str:
    """Return the theme of a page: light, dark, or auto."""
    return theme_of(request)


@register.simple_tag
def bar_links(groups: Iterable[Group]) -> tuple[list[Link], list[Link]]:
    """Return the links of the bar at the bottom of a phone, and the others."""
    return bar_and_more(groups)


@register.simple_tag
def main_links(groups: Iterable[Group]) -> tuple[list[Link], list[Link]]:
    """Return the links of the bar at the top, and those of its menu."""
    return main_and_more(groups)


@register.simple_tag(takes_context=True)
def navigation_groups(context: Context, area: Area) -> list[Group]:
    """Return the links of a shell; a page may bring its own as `navigation`."""
    if getattr(context["request"], "second_factor_missing", False):
        return []
    own: list[Group] | None = context.get("navigation")
    return navigation(area, context["request"]) if own is None else own


@register.filter
def account_layout(request: HttpRequest) -> str:
    """Return the shell of account pages."""
    return account_pages.layout_of(request)


@register.simple_tag(takes_context=True)
def account_tabs(context: Context) -> list[dict[str, object]]:
    """Return the tabs of account pages."""
    return list(account_pages.tabs(context["request"]))


@register.filter
def browser_name(agent: object) -> str:
    """Name a browser by its user agent."""
    return account_pages.browser_name(agent)
