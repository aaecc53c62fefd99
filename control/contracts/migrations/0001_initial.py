import uuid

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import control.partners.models
import control.program.validators
import control.texts


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("files", "0001_initial"),
        ("partners", "0008_search_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContractTemplate",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "code",
                    models.CharField(
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9][a-z0-9_-]*\\Z", "must be small letters, digits, - and _"
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=200, validators=[control.texts.no_control_characters])),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("master", "Master agreement"),
                            ("schedule", "Schedule"),
                            ("addendum", "Addendum"),
                            ("nda", "Confidentiality"),
                            ("dpa", "Data processing"),
                        ],
                        default="master",
                        max_length=8,
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "ordering": ["code"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Contract",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField(unique=True)),
                ("locale", models.CharField(max_length=16)),
                ("values", models.JSONField(blank=True, default=control.partners.models.empty_map)),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("sent", "Sent"),
                            ("viewed", "Viewed"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("countersigned", "Countersigned"),
                            ("active", "Active"),
                            ("expiring", "Expiring"),
                            ("expired", "Expired"),
                            ("terminated", "Terminated"),
                        ],
                        default="sent",
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True, max_length=2000)),
                (
                    "tz",
                    models.CharField(default="UTC", max_length=64, validators=[control.program.validators.timezone]),
                ),
                ("starts", models.DateTimeField(blank=True, null=True)),
                ("ends", models.DateTimeField(blank=True, null=True)),
                ("pdf_sha256", models.CharField(blank=True, max_length=64)),
                ("sent_by", models.CharField(max_length=254)),
                ("sent", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("opened", models.DateTimeField(blank=True, null=True)),
                ("countersigned_by", models.CharField(blank=True, max_length=254)),
                ("countersigned", models.DateTimeField(blank=True, null=True)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="contracts", to="partners.partner"
                    ),
                ),
                (
                    "pdf",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="files.storedfile",
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="successors",
                        to="contracts.contract",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Acceptance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person_id", models.CharField(max_length=64)),
                ("person_email", models.CharField(max_length=254)),
                ("authority", models.TextField()),
                ("typed_name", models.CharField(max_length=200, validators=[control.texts.no_control_characters])),
                ("at", models.DateTimeField()),
                ("ip", models.CharField(max_length=64)),
                ("user_agent", models.CharField(max_length=500)),
                ("session", models.CharField(max_length=64)),
                ("locale", models.CharField(max_length=16)),
                ("sha256", models.CharField(max_length=64)),
                ("opened", models.DateTimeField(blank=True, null=True)),
                (
                    "snapshot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="files.storedfile"
                    ),
                ),
                (
                    "contract",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acceptance", to="contracts.contract"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TemplateVersion",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("texts", models.JSONField()),
                ("variables", models.JSONField(blank=True, default=control.partners.models.empty_list)),
                ("plan_terms", models.JSONField(blank=True, default=control.partners.models.empty_list)),
                (
                    "term_months",
                    models.PositiveIntegerField(
                        blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "notice_days",
                    models.PositiveIntegerField(default=30, validators=[django.core.validators.MaxValueValidator(730)]),
                ),
                (
                    "tail_days",
                    models.PositiveIntegerField(default=30, validators=[django.core.validators.MaxValueValidator(730)]),
                ),
                ("countersign", models.BooleanField(default=False)),
                ("change_note", models.TextField(blank=True, max_length=2000)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("published", models.DateTimeField(blank=True, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="contracts.contracttemplate",
                    ),
                ),
            ],
            options={
                "ordering": ["template", "-number"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="contract",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="contracts", to="contracts.templateversion"
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(fields=("template", "number"), name="contract_version_once"),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("published", None)), fields=("template",), name="contract_version_one_draft"
            ),
        ),
        migrations.AddIndex(
            model_name="contract",
            index=models.Index(fields=["partner", "state"], name="contract_by_partner"),
        ),
        migrations.AddIndex(
            model_name="contract",
            index=models.Index(fields=["state", "starts"], name="contract_by_start"),
        ),
        migrations.AddIndex(
            model_name="contract",
            index=models.Index(fields=["state", "ends"], name="contract_by_end"),
        ),
    ]
