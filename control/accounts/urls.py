"""URLs of the accounts."""

from django.urls import include, path

from control.accounts import views

urlpatterns = [
    path("accounts/invitations/<str:token>/", views.accept_invitation, name="accept_invitation"),
    path("accounts/", include("allauth.urls")),
]
