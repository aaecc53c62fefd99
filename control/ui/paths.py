"""Folders of the pages' files."""

from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
"""Files that the browser loads from /static/."""

BUILT_FOLDER = STATIC_FOLDER / "ui"
"""Files that `make setup` builds; git ignores them, the wheel contains them."""

COMPONENT_FOLDER = Path(__file__).parent / "templates" / "components"
"""Templates of the components."""
