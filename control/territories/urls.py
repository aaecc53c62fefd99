"""URLs of the territories, below /console/."""

from django.urls import path

from control.territories import pages

urlpatterns = [
    path("territories/", pages.index, name="console_territories"),
    path("territories/new/", pages.new, name="console_territory_new"),
    path("territories/test/", pages.test, name="console_territory_test"),
    path("territories/<uuid:territory_id>/", pages.edit, name="console_territory"),
]
