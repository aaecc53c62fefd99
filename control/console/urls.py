"""URLs of the console."""

from django.urls import path

from control.console.pages import audit, home, jobs, keys, partners, people, search

urlpatterns = [
    path("", home.home, name="console_home"),
    path("search/", search.index, name="console_search"),
    path("settings/", home.settings, name="console_settings"),
    path("changes/<uuid:bulk_id>/", home.bulk, name="console_bulk"),
    path("partners/", partners.index, name="console_partners"),
    path("partners/new/", partners.new, name="console_partner_new"),
    path("partners/<int:number>/", partners.show, name="console_partner"),
    path("partners/<int:number>/edit/", partners.edit, name="console_partner_edit"),
    path("partners/<int:number>/history/", partners.history, name="console_partner_history"),
    path("partners/<int:number>/to/<slug:to>/", partners.move, name="console_partner_move"),
    path("audit/", audit.index, name="console_audit"),
    path("audit/<int:event_id>/", audit.show, name="console_audit_event"),
    path("jobs/", jobs.index, name="console_jobs"),
    path("jobs/<uuid:job_id>/", jobs.show, name="console_job"),
    path("jobs/<uuid:job_id>/replay/", jobs.replay, name="console_job_replay"),
    path("people/", people.index, name="console_people"),
    path("people/new/", people.new, name="console_user_new"),
    path("people/<uuid:user_id>/", people.show, name="console_user"),
    path("people/<uuid:user_id>/switch/", people.switch, name="console_user_switch"),
    path("api-keys/", keys.index, name="console_keys"),
    path("api-keys/new/", keys.new, name="console_key_new"),
    path("api-keys/<uuid:key_id>/revoke/", keys.revoke, name="console_key_revoke"),
]
