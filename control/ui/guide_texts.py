"""Texts of the page of all components: made up, fixed, and long enough to show how things fold."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 29, 9, 12, tzinfo=UTC)

TEXTS: dict[str, object] = {
    "tabs": [
        {"label": "Overview", "href": "/console/components/", "current": True},
        {"label": "Links", "href": "#links", "count": 14},
        {"label": "Conversions", "href": "#conversions"},
        {"label": "Terms", "href": "#terms"},
        {"label": "People", "href": "#people", "count": 3},
        {"label": "History", "href": "#history"},
    ],
    "periods": [
        {"label": label, "href": f"?days={label}", "current": label == "30 days"}
        for label in ("Today", "7 days", "30 days")
    ],
    "steps": [
        {"label": "Upload", "href": "#upload", "state": "done"},
        {"label": "Map columns", "href": "#map", "state": "done"},
        {"label": "Dry run", "state": "current"},
        {"label": "Apply", "state": "next"},
    ],
    "changes": [
        {"field": "Commission", "before": "8 %", "after": "8.5 %"},
        {
            "field": "Landing URL",
            "before": "https://shop.example/",
            "after": "https://shop.example/autumn?utm_source=partners&utm_medium=referral",
        },
        {"field": "Hold", "before": "", "after": "30 days"},
    ],
    "events": [
        {
            "title": "Click on newsletter",
            "time": START,
            "text": "Blue Lagoon Media, link shoes-autumn",
            "icon": "click",
            "tone": "info",
        },
        {
            "title": "Click on comparison",
            "time": START + timedelta(hours=26),
            "text": "Urban Reach, link best-shoes",
            "icon": "click",
            "tone": "info",
        },
        {
            "title": "Order 10-4711 paid",
            "time": START + timedelta(hours=31),
            "text": "$128.00",
            "icon": "shopping-cart",
            "tone": "good",
        },
        {
            "title": "Commission approved",
            "time": START + timedelta(days=30),
            "text": "$10.24, by the plan Standard",
            "icon": "check",
            "tone": "good",
            "who": "Olivia Stone",
        },
    ],
    "facts": [
        ("Website", "https://bluelagoon.example"),
        ("Country", "Germany"),
        ("Tier", "Silver"),
        ("Manager", None),
    ],
    "queue": [
        {
            "title": "30 applications",
            "text": "The oldest waits for 3 days",
            "href": "#applications",
            "icon": "user-plus",
        },
        {"title": "4 drafts to publish", "text": "Two raise a commission", "href": "#drafts", "icon": "file-diff"},
        {
            "title": "7 failed deliveries",
            "text": "Webhook of Urban Reach",
            "href": "#webhooks",
            "icon": "webhook",
            "end": "2 h",
        },
    ],
    "actions": [
        {"label": "Duplicate", "href": "#duplicate", "icon": "copy"},
        {"label": "Export as CSV", "href": "#export", "icon": "download"},
        {"label": "Archive", "href": "#archive", "icon": "archive", "danger": True},
    ],
    "filters": [
        {
            "name": "status",
            "label": "Status",
            "options": [("active", "Active"), ("paused", "Paused")],
            "value": "active",
        },
        {"name": "tier", "label": "Tier", "options": [("gold", "Gold"), ("silver", "Silver")], "value": ""},
    ],
    "chips": [("Status: Active", "?"), ("Country: Germany", "?status=active")],
    "crumbs": [("Partners", "#partners"), ("Blue Lagoon Media", "#partner")],
    "states": ["active", "applied", "needs_info", "invited", "suspended", "draft", "archived", "countersigned"],
    "secret": "clew_live_9f2c41d07ab64b7c8e53d0f1a2b3c4d5",
    "command": "curl -H 'Authorization: Bearer KEY' https://partners.acme.example/api/v1/links?limit=50",
    "long": "An unusually long name of a thing that nobody wants to read to its end but somebody typed in",
    "attack": "<script>alert(1)</script>",
}
