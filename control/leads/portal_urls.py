"""URLs of the leads, below /portal/."""

from django.urls import path

from control.leads import portal_pages as pages

urlpatterns = [
    path("leads/", pages.index, name="portal_leads"),
    path("leads/<uuid:lead_id>/", pages.show, name="portal_lead"),
]
