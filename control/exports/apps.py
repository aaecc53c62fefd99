"""App of the exports."""

from control.audit.event_resources import EventResource
from control.modules.config import ModuleConfig


class ExportsConfig(ModuleConfig):
    """Exports as files."""

    name = "control.exports"
    label = "exports"
    verbose_name = "Exports"
    text = "Lists, reports and conversions can be taken out as CSV and XLSX files."
    api_routers = {"/exports": "control.exports.api.exports"}
    console_urls = "control.console.module_urls.exports"
    event_resources = (
        EventResource(
            "export", "exports.Export", "control.exports.api.export_out",
            {"completed": "completed", "failed": "failed"}, kinds=("completed", "failed"), joined=("file",),
        ),
    )  # fmt: skip
