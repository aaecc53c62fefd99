"""Checks of the control plane, as part of an audit."""

from typing import Any

from clew.cli.options import settings_or_exit
from clew.cli.output import errors_as_exit_codes
from installation.address import InstallationAddress


def add_control_checks(audit: dict[str, Any], place: InstallationAddress) -> None:
    """Add the checks of the control plane, if the installation has one, to the answer of an audit."""
    from control.backup import has_control_plane

    settings = settings_or_exit()
    data = place.data.root if place.data is not None else None
    if not settings.control and (data is None or not has_control_plane(data)):
        return
    from clew.processes.control_plane import find_control_place

    with errors_as_exit_codes():
        find_control_place(data, None, settings).start(settings, signs=False, migrates=False)
        from control.checks import check_all

        audit["checks"] += [check.to_json() for check in check_all()]
    audit["ok"] = all(check["ok"] for check in audit["checks"])
