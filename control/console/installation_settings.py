"""Settings of the installation as its page shows them: value, source, and meaning; secrets are masked."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from runtime.settings import PREFIX, Settings, environment_value
from runtime.settings_section import Section

Environment = Callable[[str], str | None]
"""Returns the value of a variable."""
MASKED = "set, not shown"
_SECRET_NAME = re.compile(r"password$|secret_key$|(^|_)key$|secret$|token$")
_PASSWORD_IN_URL = re.compile(r"://[^/@]*:[^/@]*@")


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting."""

    variable: str
    value: str
    """Text for people; masked if it is a secret."""
    source: str
    """default, environment, file or command line."""
    text: str
    default: str

    @property
    def is_default(self) -> bool:
        return self.source == "default"


@dataclass(frozen=True, slots=True)
class ShownSection:
    """Settings of one part of Clew."""

    title: str
    settings: list[Shown]


def shown_sections(settings: Settings, environment: Environment = environment_value) -> list[ShownSection]:
    """Return every setting of this process, by section; general ones come first."""
    plain: list[Shown] = []
    sections: list[ShownSection] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            found = list(_settings(value, f"{PREFIX}{name.upper()}__", environment))
            sections.append(ShownSection((type(value).__doc__ or name).partition("\n")[0].rstrip("."), found))
        else:
            plain.append(_shown(settings, name, field, PREFIX, environment))
    return [ShownSection("General", plain), *sections]


def _settings(section: Section, prefix: str, environment: Environment) -> Iterator[Shown]:
    for name, field in type(section).model_fields.items():
        parts = getattr(section, name)
        if isinstance(parts, dict) and parts:  # a section for each name, such as for each provider
            for key, part in parts.items():
                yield from _settings(part, f"{prefix}{name.upper()}__{key.upper()}__", environment)
        else:
            yield _shown(section, name, field, prefix, environment)


def _shown(model: BaseModel, name: str, field: FieldInfo, prefix: str, environment: Environment) -> Shown:
    value, variable = getattr(model, name), f"{prefix}{name.upper()}"
    # A secret may be in a file that another setting names.
    file = getattr(model, f"{name}_file", None)
    return Shown(
        variable, MASKED if file is not None and value is None else _text(name, field, value),
        _source(field, value, variable, file, environment), field.description or "", _plain(field.default),
    )  # fmt: skip


def _source(field: FieldInfo, value: Any, variable: str, file: Any, environment: Environment) -> str:
    if environment(variable):
        return "environment"
    if file is not None and value is None:
        return "file"
    return "default" if value == field.default else "command line"


def _text(name: str, field: FieldInfo, value: Any) -> str:
    text = _plain(value)
    if (
        text
        and not isinstance(value, bool | int | float | Path)
        and (field.repr is False or _SECRET_NAME.search(name) or _PASSWORD_IN_URL.search(text))
    ):
        return MASKED
    return text


def _plain(value: Any) -> str:
    if value is None or value == {} or value is PydanticUndefined:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
