"""URLs of the portal, below /portal/."""

from django.urls import path

from control.portal.pages import (
    balance,
    conversions,
    help,
    home,
    links,
    manifest,
    more,
    offers,
    people,
    profile,
    seats,
    statistics,
)

urlpatterns = [
    path("", home.home, name="portal_home"),
    path("links/", links.index, name="portal_links"),
    path("links/new/", links.new, name="portal_link_new"),
    path("links/several/", links.bulk, name="portal_link_bulk"),
    path("links/made/", links.made, name="portal_links_made"),
    path("links/at/<str:code>/", links.show, name="portal_link"),
    path("links/at/<str:code>/qr.svg", links.qr, name="portal_link_qr"),
    path("offers/", offers.index, name="portal_offers"),
    path("offers/<int:number>/", offers.show, name="portal_offer"),
    path("statistics/", statistics.index, name="portal_statistics"),
    path("conversions/", conversions.index, name="portal_conversions"),
    path("conversions/<str:conversion_id>/", conversions.show, name="portal_conversion"),
    path("balance/", balance.index, name="portal_balance"),
    path("profile/", profile.profile, name="portal_profile"),
    path("people/", people.index, name="portal_people"),
    path("people/<uuid:seat_id>/", people.person, name="portal_person"),
    path("manifest.webmanifest", manifest.manifest, name="portal_manifest"),
    path("help/", help.index, name="portal_help"),
    path("more/", more.more, name="portal_more"),
    path("partner/", seats.seats, name="portal_seats"),
]
