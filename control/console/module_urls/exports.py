"""URLs of the pages of exports, below /console/."""

from django.urls import path

from control.console.pages import exports

urlpatterns = [
    path("exports/", exports.index, name="console_exports"),
    path("exports/new/<str:resource>/<str:file_format>/", exports.new, name="console_export_new"),
    path("exports/<uuid:export_id>/file/", exports.file, name="console_export_file"),
]
