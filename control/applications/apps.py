"""App of the applications."""

from django.http import HttpRequest

from control.accounts.roles import Area
from control.audit.event_resources import EventResource
from control.modules.config import ModuleConfig
from control.notifications.kinds import Category, MailKind, Variable

_NAME = Variable("name of the applicant", "Ana Berger")
_FORM = Variable("name of the form", "Creators")
_LINK = Variable("address of the page of the application", "https://partners.example/apply/status/x/")
_STATES = ("needs_info", "approved", "rejected", "withdrawn")
_AGAIN = Variable("day from which one may apply again; empty if never", "2026-04-04")


def _mail(title: str, **more: Variable) -> MailKind:
    return MailKind(title, Category.APPLICATIONS, variables={"name": _NAME, "form": _FORM, **more})


class ApplicationsConfig(ModuleConfig):
    """Forms by which people apply, and their applications."""

    name = "control.applications"
    label = "applications"
    verbose_name = "Applications"
    text = "People apply to become partners by forms; each application has a score with its evidence."
    area = Area.PARTNERS
    api_routers = {
        "/application-forms": "control.applications.api_forms.application_forms",
        "/application-rules": "control.applications.api_forms.application_rules",
        "/application-invitations": "control.applications.api_invitations.application_invitations",
        "/applications": "control.applications.api.applications",
        "/apply": "control.applications.api_public.apply_router",
    }
    console_urls = "control.applications.console_urls"
    event_resources = (
        EventResource(
            "application",
            "applications.Application",
            "control.applications.api.application_event",
            {"created": "submitted"},
            status="status",
            by_state={state: state for state in _STATES} | {"new": "waiting"},
            kinds=("submitted", "waiting", *_STATES, "changed"),
            joined=("form", "version"),
        ),
        EventResource(
            "application_form",
            "applications.ApplicationForm",
            "control.applications.api_forms.form_out",
            status="status",
            kinds=("created", "changed", "status_changed"),
            joined=("fields",),
        ),
    )
    mail_kinds = {
        "application.invitation": _mail(
            "Invitation to apply", link=_LINK, who=Variable("person who invites", "Ada Lovelace"),
            expires=Variable("time until which the link works", "2026-03-05 09:04"),
        ),
        "application.verify": _mail("Application: confirm the address", link=_LINK),
        "application.received": _mail("Application received", link=_LINK),
        "application.known": _mail("Application sent twice", link=_LINK),
        "application.too_early": _mail("Application too early after a rejection", again_from=_AGAIN, link=_LINK),
        "application.question": _mail(
            "Question about an application", question=Variable("the question", "Where do you post?"), link=_LINK
        ),
        "application.approved": _mail(
            "Application approved",
            link=Variable("address that sets the password", "https://partners.example/accounts/invitations/x/"),
        ),
        "application.rejected": _mail(
            "Application rejected", reason=Variable("reason, if it is shown", "Your site is not about shoes."),
            again_from=_AGAIN, link=_LINK,
        ),
        "application.withdrawn": _mail("Application withdrawn"),
    }  # fmt: skip

    def ready(self) -> None:
        from control.applications.selectors import sees_applications
        from control.console.access import operator_of
        from control.console.waiting import waiting_to_decide
        from control.ui.navigation import Entry, add_entry

        def visible(request: HttpRequest) -> bool:
            actor = operator_of(request)
            return actor is not None and sees_applications(actor)

        entry = Entry("Applications", "console_applications", "user-plus", "Partners", 49, visible, waiting_to_decide)
        add_entry("console", entry)
