"""Tasks of the applications."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from control.applications import auto_rules
from control.applications.assessing import assess, wanted_words
from control.applications.models import Application
from control.applications.site import SiteLook, look_at
from control.applications.states import WAITING
from control.applications.submitting import ASSESS_TASK
from control.configuration import current_configuration
from control.jobs.registry import JobRun, task
from runtime.clock import SystemClock


@task(ASSESS_TASK, attempts_max=3)
def assess_application(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Look at the site of an applicant, score the application again, and let the rules decide."""
    found = Application.objects.select_related("form", "version").filter(pk=arguments["application"]).first()
    if found is None or found.status not in WAITING:
        return
    look = _look(found)
    with transaction.atomic():
        rows = Application.objects.select_for_update(of=("self",)).select_related("form", "version")
        application = rows.get(pk=found.pk)
        if application.status not in WAITING:
            return
        application.site = look.stored() if look is not None else {}
        assess(application)
        application.save(update_fields=["site", "score", "parts", "duplicates"])
    auto_rules.decide(application)


def _look(application: Application) -> SiteLook | None:
    if not application.website:
        return None
    networks = current_configuration().settings.webhooks.networks()
    return look_at(application.website, wanted_words(application), networks, SystemClock())
