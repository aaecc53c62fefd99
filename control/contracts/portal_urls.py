"""URLs of the contracts, below /portal/."""

from django.urls import path

from control.contracts import portal_pages as pages

urlpatterns = [
    path("contracts/", pages.index, name="portal_contracts"),
    path("contracts/<uuid:contract_id>/", pages.show, name="portal_contract"),
    path("contracts/<uuid:contract_id>/pdf/", pages.pdf, name="portal_contract_pdf"),
]
