import uuid

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import control.leads.models
import control.partners.models
import control.texts


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("partners", "0008_search_index"),
        ("territories", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Lead",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "source",
                    models.CharField(blank=True, max_length=80, validators=[control.texts.no_control_characters]),
                ),
                ("company", models.CharField(max_length=200, validators=[control.texts.no_control_characters])),
                ("company_key", models.CharField(editable=False, max_length=200)),
                (
                    "contact",
                    models.CharField(blank=True, max_length=200, validators=[control.texts.no_control_characters]),
                ),
                ("email", models.EmailField(blank=True, max_length=254)),
                (
                    "phone",
                    models.CharField(blank=True, max_length=40, validators=[control.texts.no_control_characters]),
                ),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{2}\\Z", "must be two capitals, for example DE"
                            )
                        ],
                    ),
                ),
                (
                    "region",
                    models.CharField(blank=True, max_length=120, validators=[control.texts.no_control_characters]),
                ),
                (
                    "postal",
                    models.CharField(blank=True, max_length=20, validators=[control.texts.no_control_characters]),
                ),
                (
                    "segment",
                    models.CharField(blank=True, max_length=120, validators=[control.texts.no_control_characters]),
                ),
                (
                    "product",
                    models.CharField(blank=True, max_length=120, validators=[control.texts.no_control_characters]),
                ),
                ("note", models.TextField(blank=True, max_length=4000)),
                ("value_minor", models.PositiveBigIntegerField(blank=True, null=True)),
                ("value_currency", models.CharField(blank=True, max_length=3)),
                ("consent", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("offered", "Offered"),
                            ("accepted", "Accepted"),
                            ("working", "Working"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                            ("expired", "Expired"),
                        ],
                        default="new",
                        max_length=8,
                    ),
                ),
                ("deadline", models.DateTimeField(blank=True, null=True)),
                ("last_activity", models.DateTimeField(default=django.utils.timezone.now)),
                ("reminders", models.PositiveIntegerField(default=0)),
                ("escalated", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, max_length=2000)),
                (
                    "order_number",
                    models.CharField(blank=True, max_length=200, validators=[control.texts.no_control_characters]),
                ),
                (
                    "conversions",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_list,
                        validators=[control.texts.TextList(100, 64)],
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "offered_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="partners.partner",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leads",
                        to="partners.partner",
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leads",
                        to="territories.territory",
                    ),
                ),
            ],
            options={
                "ordering": ["-created"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="LeadOffer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rank", models.PositiveIntegerField()),
                ("why", models.TextField()),
                ("at", models.DateTimeField()),
                ("due", models.DateTimeField()),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Waiting"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("late", "No answer in time"),
                            ("withdrawn", "Withdrawn"),
                            ("reclaimed", "Taken back"),
                        ],
                        default="",
                        max_length=9,
                    ),
                ),
                ("answered", models.DateTimeField(null=True)),
                ("reason", models.TextField(blank=True)),
                (
                    "lead",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="offers", to="leads.lead"
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lead_offers", to="partners.partner"
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="territories.territory",
                    ),
                ),
            ],
            options={
                "ordering": ["lead", "rank"],
            },
        ),
        migrations.CreateModel(
            name="LeadRouting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "accept_h",
                    models.PositiveIntegerField(
                        default=24,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(500),
                        ],
                    ),
                ),
                (
                    "idle_days",
                    models.PositiveIntegerField(
                        default=7,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(365),
                        ],
                    ),
                ),
                (
                    "expire_days",
                    models.PositiveIntegerField(
                        default=30,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(365),
                        ],
                    ),
                ),
                (
                    "max_open",
                    models.PositiveIntegerField(
                        default=20,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                    ),
                ),
                (
                    "pool",
                    models.JSONField(
                        blank=True, default=control.partners.models.empty_map, validators=[control.leads.models._pool]
                    ),
                ),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["state", "deadline"], name="lead_by_deadline"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["state", "last_activity"], name="lead_by_activity"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["state", "created"], name="lead_by_time"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["partner", "state"], name="lead_by_partner"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["offered_to", "state"], name="lead_by_offered"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["company_key"], name="lead_by_company"),
        ),
        migrations.AddIndex(
            model_name="leadoffer",
            index=models.Index(fields=["partner", "at"], name="lead_offer_by_partner"),
        ),
        migrations.AddConstraint(
            model_name="leadoffer",
            constraint=models.UniqueConstraint(fields=("lead", "partner"), name="lead_offered_once"),
        ),
    ]
