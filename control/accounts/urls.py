"""URLs of the accounts."""

from django.urls import include, path

from control.accounts import views

urlpatterns = [
    path("accounts/invitations/<str:token>/", views.accept_invitation, name="accept_invitation"),
    path("accounts/profile/", views.profile, name="account_profile"),
    path("accounts/second-factor/", views.second_factor, name="account_second_factor"),
    path("accounts/view-as/end/", views.end_view, name="account_view_as_end"),
    path("accounts/sessions/end/", views.end_session, name="account_session_end"),
    path("accounts/", include("allauth.urls")),
]
