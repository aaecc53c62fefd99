"""axe-core over the protocol of the browser's tools: a strict Content-Security-Policy allows no script tag."""

import json
from functools import cache
from typing import Any

from playwright.sync_api import Page

from tools.assets import WORK

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@cache
def _source() -> str:
    return (WORK / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def faults(page: Page, part: str = "html") -> list[str]:
    """Return every fault that axe finds in a part of a page, named by a selector, with the elements that have it."""
    session = page.context.new_cdp_session(page)
    if session.send("Runtime.evaluate", {"expression": "typeof axe"})["result"]["value"] == "undefined":
        session.send("Runtime.evaluate", {"expression": _source()})
    options = json.dumps({"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
    asked = {"expression": f"axe.run({json.dumps(part)}, {options})", "awaitPromise": True, "returnByValue": True}
    answer: dict[str, Any] = session.send("Runtime.evaluate", asked)
    session.detach()
    assert "value" in answer["result"], answer
    return [
        f"{violation['impact']}: {violation['id']}: {node['target']} {node['failureSummary'][:200]}"
        for violation in answer["result"]["value"]["violations"]
        for node in violation["nodes"][:3]
    ]
