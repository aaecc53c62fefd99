"""Dimensions of the engine's reports, as API and console offer them. Pure."""

from collections.abc import Mapping

DIMENSIONS_MAX = 3
"""Most dimensions of one report."""
FILTERS_MAX = 20
SUBS = tuple(f"sub{number}" for number in range(1, 31))
TIMES = ("hour", "day", "week", "month")
LABELS: Mapping[str, str] = {
    "partner": "Partner",
    "offer": "Offer",
    "goal": "Goal",
    "link": "Link",
    "day": "Day",
    "hour": "Hour",
    "week": "Week",
    "month": "Month",
    "country": "Country",
    "device": "Device",
    "os": "Operating system",
    "browser": "Browser",
    "utm_source": "UTM source",
    "status": "Status",
    **{name: f"Sub {name.removeprefix('sub')}" for name in SUBS},
}
"""Dimensions of the KPI report."""
FILTERS = tuple(name for name in LABELS if name not in (*TIMES, "partner", "offer"))
"""Dimensions with filters of their own; partners and offers belong to the scope of a request."""
DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "kpi": (*LABELS, "total"),
    "rejected": ("reason", "kind", "offer", "partner", "link", "day"),
}
"""Dimensions of each report."""
