"""URLs of the notifications."""

from django.urls import path

from control.notifications import pages, unsubscribe

urlpatterns = [
    path("u/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("accounts/mails/", pages.preferences, name="account_mails"),
]
