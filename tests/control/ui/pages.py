"""Reading of pages: their elements, and marks of text that became mark-up."""

from html.parser import HTMLParser

ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ '4'|add:'2z' }}"


class Elements(HTMLParser):
    """Elements of a page with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def injections(page: str) -> list[str]:
    """Return the elements that an attack made: scripts, handlers, pictures, addresses that run code, inline styles."""
    said = []
    for tag, values in Elements(page).found:
        own_script = values.get("src", "").startswith("/static/ui/") or "nonce" in values
        own_script = own_script or values.get("type") == "application/json"  # data, which no browser runs
        if tag == "img" or (tag == "script" and not own_script):
            said.append(f"<{tag} {values}>")
        said += [f"{tag} {name}" for name in values if name.startswith("on") or name == "style"]
        said += [
            f"{tag} {name}={values[name]}"
            for name in ("href", "src", "action", "formaction")
            if values.get(name, "").strip().lower().startswith(("javascript:", "data:", "//"))
        ]
    return said
