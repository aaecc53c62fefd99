"""Components: templates in templates/components/, used as `{% ui "badge" text=... %}`.

A template opens with a comment: a sentence on what the component is for, an empty line, then a line for each value it
takes. `name*` must be given, `name` may be left out, `[name]` is a slot filled with mark-up. The comment is the
documentation of the component and is checked: a value that it does not name is an error. The smallest components have
nothing but the comment, and are drawn by a function.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from django.template import Context, Engine, Template, TemplateSyntaxError

from control.ui import marks, page_marks
from control.ui.paths import COMPONENT_FOLDER

_HEADER = re.compile(r"\{% comment %\}\n(?P<text>.*?)\{% endcomment %\}", re.DOTALL)
_PARAMETER = re.compile(r"(?P<slot>\[)?(?P<name>[a-z_]+)\]?(?P<required>\*)?  +(?P<text>.+)")

DRAWN: Mapping[str, Callable[..., str]] = {"avatar": marks.avatar, "badge": marks.badge, "button": page_marks.button}
"""Functions that draw components. Their arguments are the values of the component."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Value or slot of a component."""

    name: str
    text: str
    required: bool
    slot: bool


@dataclass(frozen=True, slots=True)
class Component:
    """Documentation of a component, as its header gives it."""

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    known: frozenset[str] = field(init=False, repr=False, compare=False)
    required: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(one.name for one in self.parameters))
        object.__setattr__(self, "required", frozenset(one.name for one in self.parameters if one.required))

    def check(self, given: Mapping[str, object]) -> None:
        """Raise TemplateSyntaxError when a value is unknown or missing."""
        names = given.keys()
        if self.required <= names <= self.known:
            return
        if unknown := ", ".join(sorted(names - self.known)):
            raise TemplateSyntaxError(f"{self.name}: {unknown} unknown; it takes {', '.join(sorted(self.known))}")
        raise TemplateSyntaxError(f"{self.name}: {', '.join(sorted(self.required - names))} missing")


def parse_header(name: str, source: str) -> Component:
    """Read the header of a template. Raises ValueError when it has none."""
    match = _HEADER.match(source)
    if match is None:
        raise ValueError(f"components/{name}.html does not open with {{% comment %}} and its documentation")
    text, _, lines = match["text"].partition("\n\n")
    parameters: list[Parameter] = []
    for line in lines.splitlines():
        if found := _PARAMETER.fullmatch(line):
            parameters.append(Parameter(found["name"], found["text"], bool(found["required"]), bool(found["slot"])))
        elif line.strip() and parameters:
            last = parameters[-1]
            parameters[-1] = Parameter(last.name, f"{last.text} {line.strip()}", last.required, last.slot)
    return Component(name, " ".join(text.split()), tuple(parameters))


@cache
def component(name: str) -> Component:
    """Return the documentation of a component. Raises TemplateSyntaxError when there is none of this name."""
    path = COMPONENT_FOLDER / f"{name}.html"
    if not path.exists():
        raise TemplateSyntaxError(f"{name!r} is not a component; the page /console/components/ shows all")
    return parse_header(name, path.read_text("utf-8"))


def component_names() -> list[str]:
    """Return the name of every component."""
    return sorted(path.stem for path in COMPONENT_FOLDER.glob("*.html"))


def render(context: Context, name: str, values: Mapping[str, object]) -> str:
    """Render a component, which sees only its values and what each page has."""
    component(name).check(values)
    if (draw := DRAWN.get(name)) is not None:
        return f"{draw(**values)}\n"  # as templates end: buttons in a line of text keep the space between them
    template: Template = _engine(context).get_template(f"components/{name}.html")
    inner = context.new(dict(values))
    for shared in ("request", "csrf_token"):
        if shared in context:
            inner[shared] = context[shared]
    return template.render(inner)


def _engine(context: Context) -> Engine:
    template = context.template
    return template.engine if template is not None else Engine.get_default()
