import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import control.imports.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("files", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=16)),
                ("form", models.JSONField(default=dict)),
                ("headings", models.JSONField(default=control.imports.models.empty_list)),
                ("sample", models.JSONField(default=control.imports.models.empty_list)),
                ("rows_count", models.PositiveIntegerField(default=0)),
                ("mapping", models.JSONField(default=dict)),
                ("match", models.CharField(blank=True, max_length=120)),
                ("clear_empty", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploaded", "Uploaded"),
                            ("checking", "Checking"),
                            ("checked", "Checked"),
                            ("applying", "Applying"),
                            ("applied", "Applied"),
                            ("undoing", "Undoing"),
                            ("undone", "Undone"),
                        ],
                        default="uploaded",
                        max_length=12,
                    ),
                ),
                ("problem", models.TextField(blank=True)),
                ("reason", models.TextField(blank=True)),
                ("needs_reason", models.BooleanField(default=False)),
                ("done_rows", models.PositiveIntegerField(default=0)),
                ("total_rows", models.PositiveIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("creator_kind", models.CharField(max_length=16)),
                ("creator_id", models.CharField(max_length=64)),
                ("creator_name", models.CharField(max_length=254)),
                ("runner_kind", models.CharField(blank=True, max_length=16)),
                ("runner_id", models.CharField(blank=True, max_length=64)),
                ("audit_from", models.PositiveBigIntegerField(default=0)),
                ("checked", models.DateTimeField(null=True)),
                ("applied", models.DateTimeField(null=True)),
                ("undone", models.DateTimeField(null=True)),
                ("file", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="files.storedfile")),
            ],
        ),
        migrations.CreateModel(
            name="ImportRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("changed", "Changed"),
                            ("unchanged", "Unchanged"),
                            ("error", "Error"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("applied", "Applied"),
                            ("refused", "Refused"),
                            ("undone", "Undone"),
                            ("kept", "Kept"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("made", models.BooleanField(default=False)),
                ("object_id", models.CharField(blank=True, max_length=64)),
                ("object_name", models.CharField(blank=True, max_length=200)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("errors", models.JSONField(default=control.imports.models.empty_list)),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="imports.import",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="KnownHeading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=16)),
                ("heading", models.CharField(max_length=120)),
                ("field", models.CharField(max_length=120)),
                ("used", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("type", "heading"), name="known_heading")],
            },
        ),
        migrations.AddIndex(
            model_name="import",
            index=models.Index(fields=["created", "id"], name="import_by_time"),
        ),
        migrations.AddIndex(
            model_name="import",
            index=models.Index(fields=["creator_id", "created"], name="import_by_creator"),
        ),
        migrations.AddIndex(
            model_name="importrow",
            index=models.Index(fields=["source", "outcome", "number"], name="import_row_by_outcome"),
        ),
        migrations.AddIndex(
            model_name="importrow",
            index=models.Index(fields=["source", "state", "number"], name="import_row_by_state"),
        ),
        migrations.AddConstraint(
            model_name="importrow",
            constraint=models.UniqueConstraint(fields=("source", "number"), name="import_row_number"),
        ),
    ]
