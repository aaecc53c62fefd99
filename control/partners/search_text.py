"""Text by which partners are found, without case and accents: SQLite's LIKE folds ASCII letters only."""

import unicodedata
from typing import Any

from django.db import models

SOURCES = ("name", "company", "email", "number")


def folded(text: str) -> str:
    """Return a text without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def text_of(partner: models.Model) -> str:
    """Return the text by which a partner is found."""
    return folded(" ".join(str(getattr(partner, name) or "") for name in SOURCES))


class SearchText(models.TextField):  # type: ignore[type-arg]
    """Column that holds the folded text of other columns. It is written with each row, also by bulk_create."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Compute the text of the row that is about to be stored."""
        text = text_of(model_instance)
        setattr(model_instance, self.attname, text)
        return text
