"""URLs of the notes, below /console/."""

from django.urls import path

from control.timeline import pages

urlpatterns = [path("partners/<int:number>/notes/new/", pages.new, name="console_partner_note")]
