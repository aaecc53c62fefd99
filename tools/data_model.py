"""Picture of the tables of the control plane, as Mermaid diagrams, made from Django's models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_KINDS = {
    "CharField": "text", "TextField": "text", "EmailField": "text", "SearchText": "text", "BooleanField": "boolean",
    "JSONField": "json", "BinaryField": "bytes", "DateTimeField": "time", "DateField": "date", "UUIDField": "uuid",
}  # fmt: skip


def chapters() -> list[str]:
    """Return a chapter for each app: purpose of its tables, and a diagram."""
    return [_chapter(label, models) for label, models in _models_by_app()]


def overview() -> str:
    """Return a diagram of the apps, with the references between them."""
    edges: dict[tuple[str, str], int] = {}
    labels = []
    for label, models in _models_by_app():
        labels.append(label)
        for model in models:
            for field in _references(model):
                other = field.related_model._meta.app_label
                if other != label:
                    edges[label, other] = edges.get((label, other), 0) + 1
    lines = ["```mermaid", "flowchart LR", *(f"    {label}" for label in labels)]
    lines += [f"    {one} -->|{count}| {other}" for (one, other), count in sorted(edges.items())]
    return "\n".join([*lines, "```\n"])


def _models_by_app() -> Iterator[tuple[str, list[Any]]]:
    _start_django()
    from django.apps import apps

    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        models = sorted(app.get_models(), key=lambda model: model.__name__)
        if app.name.startswith("control.") and models:
            yield app.label, models


def _start_django() -> None:
    from control.address import SqliteFile
    from control.configuration import Configuration
    from control.start import start_django
    from runtime.settings import Settings

    start_django(Configuration(SqliteFile(Path(":memory:")), Settings.model_construct(), "x" * 40))


def _chapter(label: str, models: list[Any]) -> str:
    from control.audit.audited import AuditedModel

    lines = [f"## {label}\n", "| table | holds | audited |", "|---|---|---|"]
    for model in models:
        doc = " ".join((model.__doc__ or "").split("\n\n")[0].split())
        audited = "yes" if issubclass(model, AuditedModel) else ""
        lines.append(f"| `{model._meta.db_table}` | {doc} | {audited} |")
    lines += ["", "```mermaid", "erDiagram"]
    for model in models:
        lines += _entity(model)
    for model in models:
        lines += [_relation(model, field) for field in _references(model)]
    return "\n".join([*lines, "```\n"])


def _entity(model: Any) -> list[str]:
    lines = [f"    {model.__name__} {{"]
    for field in model._meta.concrete_fields:
        keys = [key for key, holds in (
            ("PK", field.primary_key), ("FK", field.is_relation), ("UK", field.unique and not field.primary_key),
        ) if holds]  # fmt: skip
        lines.append(f"        {_kind(field)} {field.column} {', '.join(keys)}".rstrip())
    return [*lines, "    }"]


def _kind(field: Any) -> str:
    while field.is_relation:
        field = field.target_field
    return _KINDS.get(type(field).__name__) or _KINDS.get(field.get_internal_type(), "integer")


def _references(model: Any) -> list[Any]:
    """Return the foreign keys of a model; those to tables of libraries are left out."""
    return [
        field for field in model._meta.concrete_fields
        if field.is_relation and field.related_model.__module__.startswith("control.")
    ]  # fmt: skip


def _relation(model: Any, field: Any) -> str:
    one, many = ("o|" if field.null else "||"), ("o|" if field.unique else "o{")
    mirrored = {"o{": "}o", "o|": "|o"}[many]
    return f"    {model.__name__} {mirrored}--{one} {field.related_model.__name__} : {field.name}"
