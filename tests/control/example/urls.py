"""URLs of the notes, below /console/."""

from django.urls import path

from tests.control.example import pages

urlpatterns = [
    path("notes/", pages.index, name="console_notes"),
    path("notes/new/", pages.new, name="console_note_new"),
]
