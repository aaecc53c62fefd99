"""App of the imports."""

from control.accounts.roles import Action, Area
from control.audit.event_resources import EventResource
from control.modules.config import ModuleConfig


class ImportsConfig(ModuleConfig):
    """Imports of files."""

    name = "control.imports"
    label = "imports"
    verbose_name = "Imports"
    text = "Partners, links, plans and more are added or changed from CSV and XLSX files."
    area = Area.PARTNERS
    action = Action.WRITE
    api_routers = {"/imports": "control.imports.api.imports"}
    console_urls = "control.console.module_urls.imports"
    event_resources = (
        EventResource(
            "import", "imports.Import", "control.imports.api.import_out",
            {"checked": "checked", "applied": "completed", "undone": "undone", "failed": "failed"},
            kinds=("checked", "completed", "undone", "failed"), joined=("file",),
        ),
    )  # fmt: skip
