"""Manifest with which browsers install the portal as an app."""

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from control.accounts.actor import Actor
from control.portal.access import portal_page
from control.program.load import program_settings
from control.ui.assets_manifest import asset_url

_THEME_COLOUR = "#3454d1"
_BACKGROUND_COLOUR = "#f5f6f8"
_SHORT_NAME_CHARS_MAX = 12
_SIZES = (192, 512)


@portal_page()
def manifest(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Send the manifest, with the name of the program."""
    name, home = program_settings().name or "Clew", reverse("portal_home")
    icons: list[dict[str, str]] = [
        {"src": asset_url(f"app-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any maskable"}
        for size in _SIZES
    ]
    icons.append({"src": asset_url("favicon.svg"), "sizes": "any", "type": "image/svg+xml"})
    content = {
        "id": home, "name": name, "short_name": name[:_SHORT_NAME_CHARS_MAX].strip(), "start_url": home, "scope": "/",
        "display": "standalone", "background_color": _BACKGROUND_COLOUR, "theme_color": _THEME_COLOUR, "icons": icons,
    }  # fmt: skip
    return JsonResponse(content, content_type="application/manifest+json")
