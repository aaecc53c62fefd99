"""Sample data of the page of all components. It is made up, fixed, and long enough to show how things fold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.conf import settings

from control.ui.charts.bar import bar_chart, ranking
from control.ui.charts.chart import Chart, Series
from control.ui.charts.donut import donut_chart
from control.ui.charts.line import line_chart
from control.ui.charts.scale import money_unit
from control.ui.components import Component, component, component_names
from control.ui.formats import brief_money_text, change, count_text, money_text
from control.ui.guide_texts import START, TEXTS
from control.ui.navigation import Group, Link
from control.ui.table import Cell, Column, Page, Row, Table

DAYS = 30


def is_shown() -> bool:
    """Return True where developers work: with DEBUG, or where the setting says so."""
    return bool(settings.DEBUG or getattr(settings, "SHOW_COMPONENTS", False))


@dataclass(frozen=True, slots=True)
class Section:
    """A component with its documentation and the template that shows its states."""

    component: Component
    demo: str


def sections(only: Sequence[str] = ()) -> list[Section]:
    """Return every component, or those asked for."""
    names = [name for name in component_names() if name in only or not only]
    return [Section(component(name), f"guide/demos/{name}.html") for name in names]


class SampleForm(forms.Form):
    """Form with each kind of field."""

    name = forms.CharField(label="Name", max_length=80, help_text="Partners see it in their list of offers.")
    landing_url = forms.URLField(label="Landing URL", assume_scheme="https")
    kind = forms.ChoiceField(label="Kind", choices=[("sale", "Sale"), ("lead", "Lead"), ("install", "Install")])
    commission = forms.DecimalField(label="Commission in percent", min_value=0, max_value=100)
    description = forms.CharField(label="Description", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    access = forms.ChoiceField(
        label="Who may promote it",
        widget=forms.RadioSelect,
        choices=[
            ("open", "Every partner"),
            ("approval", "Partners that we approve"),
            ("private", "Partners that we pick"),
        ],
    )
    terms = forms.BooleanField(label="Partners must accept the terms first", required=False)
    file = forms.FileField(label="Picture", required=False, help_text="PNG or JPEG, at most 2 MB.")


def _wave(index: int, size: float, phase: float = 0.0) -> float:
    week = 1.0 if index % 7 not in (1, 2) else 0.62
    return size * week * (1 + 0.18 * math.sin(index / 2.3 + phase) + 0.008 * index)


def _days() -> list[str]:
    return [f"{day.day} {day:%b}" for day in (START + timedelta(days=index) for index in range(DAYS))]


def _charts() -> dict[str, Chart]:
    days = _days()
    revenue = Series("Revenue", [round(_wave(index, 12_400_000)) for index in range(DAYS)])
    before = Series("30 days before", [round(_wave(index, 10_900_000, 1.4)) for index in range(DAYS)], "muted", True)
    sales = Series("Sales", [round(_wave(index, 210)) for index in range(12)])
    leads = Series("Leads", [round(_wave(index, 120, 2.0)) for index in range(12)])
    profit = [round(_wave(index, 40_000) - 38_000) for index in range(12)]
    states = [
        ("Active", 148.0),
        ("Applied", 30.0),
        ("Paused", 24.0),
        ("Invited", 15.0),
        ("Approved", 14.0),
        ("Offboarded", 9.0),
    ]
    partners = [
        ("Blue Lagoon Media", 6_119_100.0),
        ("Urban Reach", 4_402_050.0),
        ("Atlas Studio", 2_887_000.0),
        ("Lunar Deals", 911_500.0),
    ]
    return {
        "line": line_chart("Revenue", days, [revenue, before], unit=money_unit("USD")),
        "bars": bar_chart("Conversions", days[:12], [sales, leads]),
        "stack": bar_chart("Conversions by goal", days[:12], [sales, leads], stacked=True),
        "signed": bar_chart("Margin", days[:12], [Series("Margin", profit)], unit=money_unit("USD")),
        "gaps": line_chart(
            "Clicks", days[:10], [Series("Clicks", [3, 5, None, None, 8, 7, 7, None, 4, 6])], height=180
        ),
        "empty": line_chart("Clicks", days, [Series("Clicks", [0] * DAYS)], height=180),
        "donut": donut_chart("Partners by state", states, note="partners"),
        "ranking": ranking("Revenue", partners, unit=money_unit("USD"), over="Partner"),
    }


def _partners() -> Table:
    columns = [
        Column("Partner", "name"),
        Column("Status", "status"),
        Column("Manager"),
        Column("Clicks", "clicks", numeric=True, descending_first=True),
        Column("Revenue", "revenue", numeric=True, descending_first=True),
        Column("Trend"),
    ]
    named = [
        ("Blue Lagoon Media", "team@bluelagoon.example", "Active", "good", "Olivia Stone", 37_830, 6_119_100),
        ("Urban Reach", "partners@urbanreach.example", "Paused", "warn", "", 38_532, 4_402_050),
        (
            "Gesellschaft für vergleichende Verbraucherinformation mbH",
            "a.very.long.address@verbraucherinformation.example",
            "Invited",
            "info",
            "Marc Weber",
            0,
            0,
        ),
        ("<script>alert(1)</script>", "quotes\"'&<>@example.com", "Suspended", "bad", "O'Neill & Sons", 12, 990),
    ]
    rows = [
        Row(
            [
                Cell(name, note=mail, href="#partner", avatar=True),
                Cell(state, badge=tone),  # type: ignore[arg-type]
                manager,
                count_text(clicks),
                money_text(revenue, "USD"),
                Cell(f"{name}: 12 days", spark=[_wave(index, 10, number) for index in range(12)]),
            ],
            id=str(number),
        )
        for number, (name, mail, state, tone, manager, clicks, revenue) in enumerate(named, 1)
    ]
    foot = ["4 partners", "", "", count_text(76_374), money_text(10_522_140, "USD"), ""]
    return Table("Partners", columns, rows, order="-revenue", selectable=True, foot=foot)


def _dry_run() -> Table:
    columns = [Column("Row", numeric=True), Column("Result"), Column("E-mail"), Column("Name"), Column("Tier")]
    rows = [
        Row(["2", Cell("Created", badge="good"), "new@x.example", "New Partner GmbH", "Bronze"]),
        Row(
            [
                "3",
                Cell("Changed", badge="info"),
                "team3@x.example",
                Cell("Urban Media Inc", old="Urban Media"),
                "Bronze",
            ]
        ),
        Row(["4", Cell("Unchanged", badge="neutral"), "team4@x.example", "Open Labs", "Silver"]),
        Row(
            [
                "9",
                Cell("Error", badge="bad"),
                "team9@x.example",
                "Prime Compare",
                Cell("'platinum' is not a tier", error=True),
            ]
        ),
    ]
    return Table("Dry run", columns, rows)


def _figures() -> list[dict[str, object]]:
    course = [_wave(index, 10) for index in range(DAYS)]
    note = "vs. 30 days before"
    return [
        {
            "label": "Clicks",
            "value": count_text(2_625_327),
            "change": change(2_625_327, 2_469_000),
            "icon": "click",
            "values": course,
            "note": note,
        },
        {
            "label": "Conversions",
            "value": count_text(77_540),
            "change": change(77_540, 72_260),
            "icon": "shopping-cart",
            "values": course,
            "note": note,
        },
        {
            "label": "Revenue",
            "value": brief_money_text(385_977_045, "USD"),
            "change": change(38, 41),
            "icon": "coin",
            "values": course,
            "note": note,
        },
        {
            "label": "Refunds",
            "value": "1.8\u202f%",
            "change": change(1.8, 2.1, lower_is_better=True),
            "icon": "receipt-refund",
            "values": course,
            "note": note,
        },
    ]


TOKENS = (
    "ground",
    "surface",
    "surface-2",
    "surface-3",
    "line",
    "line-strong",
    "text",
    "text-2",
    "text-3",
    "accent",
    "accent-soft",
    "good-soft",
    "warn-soft",
    "bad-soft",
    "info-soft",
    "violet-soft",
    "series-1",
    "series-2",
    "series-3",
    "series-4",
    "series-5",
    "series-6",
)


def _navigation() -> list[Group]:
    """Return links of a console as they will be, whichever modules are installed."""
    pages = {
        "": [("Home", "layout-dashboard", 0), ("Reports", "chart-bar", 0), ("Conversions", "shopping-cart", 0)],
        "Program": [
            ("Offers", "target-arrow", 0),
            ("Links", "link", 0),
            ("Plans", "receipt", 4),
            ("Coupons", "ticket", 0),
        ],
        "Partners": [("Partners", "users", 0), ("Applications", "user-plus", 30)],
        "System": [("Problems", "alert-triangle", 0), ("Audit trail", "history", 0), ("Settings", "settings", 0)],
    }
    return [
        Group(label, [Link(text, f"#{text}", icon, text == "Home", count) for text, icon, count in links])
        for label, links in pages.items()
    ]


def context(address: str, only: Sequence[str] = ()) -> dict[str, object]:
    """Return what the page of all components shows, or of a few."""
    wrong = SampleForm({"name": "", "landing_url": "shop", "commission": "120", "access": "open"})
    return {
        **TEXTS,
        "navigation": _navigation(),
        "address": address,
        "sections": sections(only),
        "whole": not only,
        "tokens": TOKENS,
        "charts": _charts(),
        "table": _partners(),
        "dry_run": _dry_run(),
        "empty_table": Table("Links", [Column("Link")], []),
        "figures": _figures(),
        "page": Page(7, 50, 1_204),
        "form": SampleForm(),
        "wrong_form": wrong,
    }


def portal_context() -> dict[str, object]:
    """Return what the sample of the portal shows."""
    pages = (("Home", "home"), ("Links", "link"), ("Reports", "chart-bar"), ("Earnings", "coin"), ("More", "menu-2"))
    links = [Link(text, f"#{text}", icon, text == "Home", 0) for text, icon in pages]
    return {
        **TEXTS,
        "navigation": [Group("", links)],
        "charts": _charts(),
        "figures": _figures(),
        "program_name": "Acme Partners",
    }
