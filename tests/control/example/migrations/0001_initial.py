import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("partners", "0005_lower_email"),
    ]

    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("text", models.TextField(max_length=2000)),
                ("author", models.CharField(editable=False, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="partners.partner"
                    ),
                ),
            ],
            options={
                "ordering": ["-created"],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["partner", "created"], name="note_by_partner")],
            },
        ),
    ]
