"""URLs of the look itself."""

from django.urls import path

from control.ui import views

urlpatterns = [
    path("theme/", views.set_theme, name="ui_theme"),
    path("console/components/", views.components, name="ui_components"),
    path("console/components/portal/", views.portal_components, name="ui_components_portal"),
]
