"""URLs of the console pages, below /console/."""

from django.urls import path

from control.applications.pages import forms, queue, rules

urlpatterns = [
    path("applications/", queue.index, name="console_applications"),
    path("applications/<uuid:application_id>/", queue.show, name="console_application"),
    path("applications/<uuid:application_id>/<slug:act>/", queue.act, name="console_application_act"),
    path("applications/<uuid:application_id>/files/<uuid:file_id>/", queue.file, name="console_application_file"),
    path("applications/forms/", forms.index, name="console_application_forms"),
    path("applications/forms/new/", forms.new, name="console_application_form_new"),
    path("applications/forms/<uuid:form_id>/", forms.show, name="console_application_form"),
    path("applications/forms/<uuid:form_id>/edit/", forms.edit, name="console_application_form_edit"),
    path("applications/forms/<uuid:form_id>/preview/", forms.preview, name="console_application_form_preview"),
    path("applications/forms/<uuid:form_id>/fields/new/", forms.field_new, name="console_application_field_new"),
    path("applications/forms/<uuid:form_id>/fields/<slug:key>/", forms.field_edit, name="console_application_field"),
    path("applications/forms/<uuid:form_id>/rules/new/", rules.new, name="console_application_rule_new"),
    path("applications/rules/<uuid:rule_id>/", rules.show, name="console_application_rule"),
    path("applications/rules/<uuid:rule_id>/edit/", rules.edit, name="console_application_rule_edit"),
]
