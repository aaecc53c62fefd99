"""An application form: a process that makes it. `python -m tests.browser.apply_objects DATA`."""

import sys
from pathlib import Path

from tests.browser.portal_objects import start

SLUG = "walkers"


def main() -> None:
    start(Path(sys.argv[1]))
    from tests.control.applications.sample import FIELDS, creators

    ways = {
        "key": "ways", "type": "multi", "label": {"en": "Ways"}, "required": True,
        "options": [{"value": "blog", "label": {"en": "Blog"}}, {"value": "social", "label": {"en": "Social media"}}],
    }  # fmt: skip
    profiles = {
        "key": "profiles", "type": "text", "label": {"en": "Profiles"}, "required": True,
        "visible_if": {"field": "ways", "values": ["social"]},
    }  # fmt: skip
    creators([*FIELDS, ways, profiles], slug=SLUG, name="Walkers", color="#0b6e4f")


if __name__ == "__main__":
    main()
