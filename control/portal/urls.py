"""URLs of the portal, below /portal/."""

from django.urls import path

from control.portal.pages import home, more, seats

urlpatterns = [
    path("", home.home, name="portal_home"),
    path("more/", more.more, name="portal_more"),
    path("partner/", seats.seats, name="portal_seats"),
]
