"""API: modules, and their switch."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.merge_patch import MergePatch
from control.modules.config import ModuleConfig
from control.modules.services import switch_module, visible_modules
from control.modules.states import find_module, is_on
from control.partners.access import require_operator

modules_router = Router(tags=["modules"])


class ModuleFields(Schema):
    """State of a module."""

    model_config = ConfigDict(extra="forbid")

    on: bool = Field(description="Pages and resources of a module that is off answer 404, and its jobs wait.")


class ModulePatch(MergePatch, ModuleFields):
    """Switch of a module."""


class ModuleOut(Schema):
    """A module. What it has stored stays while it is off."""

    id: str
    title: str
    text: str = Field(description="What it does.")
    on: bool
    needs: list[str] = Field(description="Modules that must be on before this one.")
    users: list[str] = Field(description="Roles of operators that may use it.")


class ModulePage(Schema):
    """All modules."""

    items: list[ModuleOut]
    next: str | None


def _out(module: ModuleConfig) -> ModuleOut:
    return ModuleOut(
        id=module.label, title=module.title, text=module.text, on=is_on(module.label), needs=list(module.needs),
        users=module.users(),
    )  # fmt: skip


@modules_router.get("", response=answers(ModulePage))
def list_modules(request: HttpRequest) -> dict[str, Any]:
    """List the modules that are installed. For operators only."""
    return {"items": [_out(module) for module in visible_modules(actor_of(request))], "next": None}


@modules_router.get("/{module_id}", response=answers(ModuleOut, errors=(404,)))
def get_module(request: HttpRequest, response: HttpResponse, module_id: str) -> ModuleOut:
    """Get one module."""
    require_operator(actor_of(request), Area.SETTINGS, Action.READ)
    shown = _out(find_module(module_id))
    set_etag(response, shown)
    return shown


@modules_router.patch("/{module_id}", response=answers(ModuleOut, errors=(404, 409, 412)))
def patch_module(request: HttpRequest, response: HttpResponse, module_id: str, body: ModulePatch) -> ModuleOut:
    """Switch a module on or off. Other processes follow within two seconds."""
    actor = actor_of(request)
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    with transaction.atomic():
        before = _out(find_module(module_id))
        check_if_match(request, before)
        if values := body.values(before):
            switch_module(actor, module_id, values["on"])
    shown = _out(find_module(module_id))
    set_etag(response, shown)
    return shown
