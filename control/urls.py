"""URLs of pages and API."""

from django.urls import include, path, re_path

from control.accounts.views import start
from control.api.root import api, unknown_path
from control.modules.config import module_urls

urlpatterns = [
    path("", start, name="start"),
    path("api/v1/", api.urls),
    re_path(r"^api/", unknown_path),
    path("", include("control.notifications.urls")),
    path("", include("control.accounts.urls")),
    path("", include("control.ui.urls")),
    path("apply/", include("control.applications.public_urls")),
    path("console/", include("control.console.urls")),
    *module_urls(),
]
handler403 = "control.portal.errors.refused"
handler404 = "control.portal.errors.not_found"
