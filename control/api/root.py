"""The API with all its resources, at /api/v1/."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Swagger
from ninja.openapi.schema import OpenAPISchema

from control.accounts.api import invitations, users
from control.accounts.keys_api import api_keys
from control.api.auth import BearerKey, PersonSession
from control.api.merge_patch import MEDIA_TYPE
from control.api.problems import CONTENT_TYPE, Problem, handle_errors, problem
from control.audit.api import audit_events
from control.engine.api import conversions, explanations, reports
from control.engine.balances_api import balances
from control.engine.hits_api import hits, problems, rejected_hits
from control.engine.postback_api import postback_tests
from control.jobs.api import jobs
from control.modules.api import modules_router
from control.modules.config import module_routers
from control.modules.states import module_of_route
from control.partners.api import partners
from control.partners.settings_api import partner_settings_router
from control.program.api import links, offers
from control.program.api_approvals import approvals
from control.program.api_requests import requests as publish_requests
from control.program.api_terms import coupons, plans
from control.program.api_versions import program_versions
from control.reasons.api import reasons_router
from control.scheduled.api import scheduled
from control.search.api import search_router

_DESCRIPTION = (
    "Lists answer `{items, next}`. Errors are RFC 9457 problems. `PATCH` is a JSON merge patch and wants `If-Match`. "
    "`POST` takes `Idempotency-Key`. Times are RFC 3339 in UTC."
)
_SCHEMAS = "#/components/schemas/{model}"


class ControlApi(NinjaAPI):
    """API whose document names the media type of errors."""

    _document: OpenAPISchema | None = None

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the document, which callers must not change. It is made once: that takes a second."""
        if any(options.values()):
            return self._make_document(**options)
        if self._document is None:
            self._document = self._make_document()
        return self._document

    def _make_document(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for address, operations in schema["paths"].items():
            for method, operation in operations.items():
                if module_of_route(address.removeprefix("/")) is not None:
                    _add_module_off(operation)
                _simplify_body(operation)
                if method == "patch":
                    content = operation["requestBody"]["content"]
                    content[MEDIA_TYPE] = content["application/json"]
                _name_form(operation, schema["components"]["schemas"])
                for status, answer in operation["responses"].items():
                    if int(status) >= HTTPStatus.BAD_REQUEST:
                        answer["content"] = {CONTENT_TYPE: {"schema": {"$ref": _SCHEMAS.format(model="Problem")}}}
        schema["components"]["schemas"].update(_problem_schemas())
        return schema


def _problem_schemas() -> dict[str, Any]:
    own = Problem.model_json_schema(ref_template=_SCHEMAS)
    return {**own.pop("$defs"), "Problem": own}


def _add_module_off(operation: dict[str, Any]) -> None:
    """Say that an operation answers 404 while its module is off."""
    operation["responses"].setdefault(404, {"description": "Not Found"})


def _simplify_body(operation: dict[str, Any]) -> None:
    """Say that a body may be left out by `required`, not by a type that may be null."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    kinds = [kind for kind in content.get("schema", {}).get("anyOf", ()) if kind.get("type") != "null"]
    if len(kinds) == 1:
        content["schema"] = kinds[0]
        operation["requestBody"]["required"] = False


def _name_form(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give the form of an upload a name in the document; its file is required."""
    content = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
    if content is None or "$ref" in content["schema"]:
        return
    form, name = content["schema"], f"{operation['summary'].replace(' ', '')}Form"
    for field, own in form["properties"].items():
        kinds = own.get("anyOf", ())
        if any(kind.get("format") == "binary" for kind in kinds):
            form["properties"][field] = {"title": own["title"], "type": "string", "format": "binary"}
            form["required"] = sorted({*form.get("required", ()), field})
    schemas[name] = {**form, "title": name}
    content["schema"] = {"$ref": f"#/components/schemas/{name}"}


api = ControlApi(
    title="Clew",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    auth=[BearerKey(), PersonSession()],
    docs=Swagger(settings={"persistAuthorization": False}),
)
handle_errors(api)
api.add_router("/users", users)
api.add_router("/invitations", invitations)
api.add_router("/api-keys", api_keys)
api.add_router("/audit-events", audit_events)
api.add_router("/jobs", jobs)
api.add_router("/partners", partners)
api.add_router("/offers", offers)
api.add_router("/links", links)
api.add_router("/program-versions", program_versions)
api.add_router("/publish-requests", publish_requests)
api.add_router("/scheduled-changes", scheduled)
api.add_router("/plans", plans)
api.add_router("/coupons", coupons)
api.add_router("/approvals", approvals)
api.add_router("/search", search_router)
api.add_router("/reports", reports)
api.add_router("/balances", balances)
api.add_router("/conversions", conversions)
api.add_router("/explanations", explanations)
api.add_router("/hits", hits)
api.add_router("/rejected-hits", rejected_hits)
api.add_router("/problems", problems)
api.add_router("/postback-tests", postback_tests)
api.add_router("/modules", modules_router)
api.add_router("/partner-settings", partner_settings_router)
api.add_router("/reasons", reasons_router)
for _place, _router in module_routers():
    api.add_router(_place, _router)


def unknown_path(request: HttpRequest) -> HttpResponse:
    """Answer paths that the API does not have."""
    return problem(request, 404, "there is no such path; see /api/v1/docs")
