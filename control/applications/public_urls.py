"""URLs of the public pages, below /apply/."""

from django.urls import path

from control.applications import public

urlpatterns = [
    path("status/<str:token>/", public.application_page, name="apply_status"),
    path("verify/<str:token>/", public.verification, name="apply_verify"),
    path("<slug:slug>/", public.apply, name="apply"),
    path("<slug:slug>/thanks/", public.thanks, name="apply_thanks"),
    path("<slug:slug>/started/", public.started, name="apply_started"),
]
