"""URLs of the contracts, below /console/."""

from django.urls import path

from control.contracts import pages

urlpatterns = [
    path("contracts/", pages.index, name="console_contracts"),
    path("contracts/new/", pages.new, name="console_contract_new"),
    path("contracts/<uuid:contract_id>/", pages.contract, name="console_contract"),
    path("contracts/<uuid:contract_id>/pdf/", pages.pdf, name="console_contract_pdf"),
    path("contracts/<uuid:contract_id>/<slug:act>/", pages.act, name="console_contract_act"),
]
