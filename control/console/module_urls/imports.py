"""URLs of the pages of imports, below /console/."""

from django.urls import path

from control.console.pages import imports

urlpatterns = [
    path("imports/", imports.index, name="console_imports"),
    path("imports/new/", imports.new, name="console_import_new"),
    path("imports/<uuid:import_id>/", imports.show, name="console_import"),
    path("imports/<uuid:import_id>/columns/", imports.columns, name="console_import_columns"),
    path("imports/<uuid:import_id>/errors/", imports.errors, name="console_import_errors"),
]
