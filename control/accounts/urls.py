"""URLs of the accounts."""

from django.urls import include, path

from control.accounts import oidc_views, views

urlpatterns = [
    path("accounts/invitations/<str:token>/", views.accept_invitation, name="accept_invitation"),
    path("accounts/profile/", views.profile, name="account_profile"),
    path("accounts/second-factor/", views.second_factor, name="account_second_factor"),
    path("accounts/view-as/end/", views.end_view, name="account_view_as_end"),
    path("accounts/sessions/end/", views.end_session, name="account_session_end"),
    path("accounts/oidc/<slug:key>/", oidc_views.begin, name="account_oidc"),
    path("accounts/oidc/<slug:key>/callback/", oidc_views.come_back, name="account_oidc_callback"),
    path("accounts/identities/<uuid:identity_id>/remove/", oidc_views.disconnect, name="account_identity_remove"),
    path("accounts/link/<uuid:user_id>/<str:token>/", oidc_views.use_link, name="account_sign_in_link"),
    path("accounts/", include("allauth.urls")),
]
