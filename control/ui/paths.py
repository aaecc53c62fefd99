"""Folders of the pages' files."""

from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
"""Files that the browser loads from /static/."""
