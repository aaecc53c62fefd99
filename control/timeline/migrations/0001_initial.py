import uuid

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("partners", "0008_search_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("object_type", models.CharField(default="partner", max_length=40)),
                ("object_id", models.CharField(max_length=64)),
                ("text", models.TextField(validators=[django.core.validators.MaxLengthValidator(4000)])),
                (
                    "audience",
                    models.CharField(
                        choices=[("internal", "Colleagues only"), ("shared", "Shared with the partner")],
                        default="internal",
                        max_length=8,
                    ),
                ),
                ("author", models.CharField(editable=False, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="timeline_notes",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "ordering": ["-created", "-id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Mention",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mentions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mentions", to="timeline.note"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddIndex(
            model_name="note",
            index=models.Index(fields=["object_type", "object_id", "-created"], name="note_by_object"),
        ),
        migrations.AddIndex(
            model_name="note",
            index=models.Index(fields=["partner", "-created"], name="timeline_note_by_partner"),
        ),
        migrations.AddConstraint(
            model_name="mention",
            constraint=models.UniqueConstraint(fields=("note", "user"), name="one_mention_of_a_person"),
        ),
    ]
