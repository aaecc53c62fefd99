from typing import Any

from django.db import migrations

import control.partners.search_text

_BATCH_ROWS = 500


def fill(apps: Any, _schema_editor: object) -> None:
    """Write the text of the partners that are there; storing a row computes it."""
    partner = apps.get_model("partners", "Partner")
    batch = []
    for row in partner.objects.order_by("number").iterator(chunk_size=_BATCH_ROWS):
        row.search = control.partners.search_text.text_of(row)
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            partner.objects.bulk_update(batch, ["search"])
            batch = []
    partner.objects.bulk_update(batch, ["search"])


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="partner",
            name="search",
            field=control.partners.search_text.SearchText(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
