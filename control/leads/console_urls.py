"""URLs of the leads, below /console/."""

from django.urls import path

from control.leads import console_pages as pages

urlpatterns = [
    path("leads/", pages.index, name="console_leads"),
    path("leads/new/", pages.new, name="console_lead_new"),
    path("leads/routing/", pages.routing, name="console_lead_routing"),
    path("leads/preview/", pages.preview, name="console_lead_preview"),
    path("leads/<uuid:lead_id>/", pages.show, name="console_lead"),
]
