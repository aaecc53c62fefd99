"""URLs of pages and API."""

from django.urls import include, path

from control.accounts.views import start

urlpatterns = [
    path("", start, name="start"),
    path("", include("control.accounts.urls")),
    path("", include("control.ui.urls")),
]
