"""URLs of the notifications."""

from django.urls import path

from control.notifications import pages, unsubscribe

urlpatterns = [
    path("u/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("accounts/mails/", pages.preferences, name="account_mails"),
    path("notifications/", pages.notifications, name="notifications"),
    path("notifications/read/", pages.read_all, name="notifications_read"),
    path("notifications/bell/", pages.bell_part, name="notifications_bell"),
    path("notifications/<int:notification_id>/", pages.open_one, name="notification"),
]
