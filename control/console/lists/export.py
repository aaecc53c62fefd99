"""Exports of lists: few rows are sent at once, many are the work of a job."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseRedirect
from django.urls import reverse

DIRECT_ROWS_MAX = 5_000
"""Most rows of a file that is sent at once."""


def ask_for_export(resource: str, file_format: str, filters: Mapping[str, Any]) -> HttpResponseRedirect:
    """Lead to the page that asks for an export."""
    address = reverse("console_export_new", args=[resource, file_format])
    return HttpResponseRedirect(f"{address}?{urlencode({'filters': json.dumps(filters)})}")
