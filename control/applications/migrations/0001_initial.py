import uuid

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import control.applications.models
import control.partners.models
import control.texts


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("custom_forms", "0002_versions_are_kept"),
        ("partners", "0008_search_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApplicationForm",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "slug",
                    models.CharField(
                        max_length=60,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9]+(-[a-z0-9]+)*\\Z", "must be small letters, digits and single hyphens"
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=120, validators=[control.texts.no_control_characters])),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("closed", "Closed")],
                        default="draft",
                        max_length=10,
                    ),
                ),
                (
                    "intro",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_map,
                        validators=[control.applications.models._texts],
                    ),
                ),
                (
                    "color",
                    models.CharField(
                        blank=True,
                        max_length=7,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A#[0-9a-fA-F]{6}\\Z", "must be a colour such as #0F6CBD"
                            )
                        ],
                    ),
                ),
                (
                    "group",
                    models.CharField(blank=True, max_length=80, validators=[control.texts.no_control_characters]),
                ),
                (
                    "partner_type",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not set"),
                            ("affiliate", "Affiliate"),
                            ("influencer", "Influencer"),
                            ("publisher", "Publisher"),
                            ("agency", "Agency"),
                            ("network", "Network"),
                            ("referral", "Referral"),
                            ("reseller", "Reseller"),
                            ("distributor", "Distributor"),
                            ("technology", "Technology"),
                            ("other", "Other"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("contract_template", models.CharField(blank=True, max_length=60)),
                ("verify_email", models.BooleanField(default=True)),
                (
                    "reapply",
                    models.CharField(
                        choices=[("instant", "At once"), ("days", "After some days"), ("never", "Never")],
                        default="days",
                        max_length=8,
                    ),
                ),
                (
                    "reapply_days",
                    models.PositiveIntegerField(
                        default=30,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                (
                    "sla_h",
                    models.PositiveIntegerField(
                        default=48,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(2000),
                        ],
                    ),
                ),
                ("referral_allowed", models.BooleanField(default=True)),
                (
                    "countries",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_list,
                        validators=[control.applications.models._countries],
                    ),
                ),
                (
                    "words",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_list,
                        validators=[control.texts.TextList(50, 60)],
                    ),
                ),
                (
                    "weights",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_map,
                        validators=[control.applications.models._weights],
                    ),
                ),
                (
                    "embed_hosts",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_list,
                        validators=[control.applications.models._hosts],
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "fields",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="application_form",
                        to="custom_forms.customform",
                    ),
                ),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="application_forms",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="AutoRule",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120, validators=[control.texts.no_control_characters])),
                ("position", models.PositiveIntegerField(default=100)),
                ("conditions", models.JSONField(default=control.partners.models.empty_list)),
                ("action", models.CharField(choices=[("approve", "Approve"), ("reject", "Reject")], max_length=8)),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("mode", models.CharField(choices=[("off", "Off"), ("on", "On")], default="off", max_length=3)),
                ("dry_run", models.JSONField(blank=True, default=control.partners.models.empty_map)),
                ("is_archived", models.BooleanField(default=False)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rules",
                        to="applications.applicationform",
                    ),
                ),
            ],
            options={
                "ordering": ["form", "position", "created"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Application",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("unverified", "Unverified"),
                            ("new", "New"),
                            ("needs_info", "Needs info"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="unverified",
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=120, validators=[control.texts.no_control_characters])),
                ("email", models.EmailField(max_length=254)),
                ("locale", models.CharField(blank=True, max_length=16)),
                ("answers", models.JSONField(blank=True, default=control.partners.models.empty_map)),
                ("company", models.CharField(blank=True, max_length=200)),
                ("website", models.CharField(blank=True, max_length=500)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("tax_id", models.CharField(blank=True, max_length=200)),
                ("source", models.JSONField(blank=True, default=control.partners.models.empty_map)),
                ("base_url", models.CharField(blank=True, max_length=300)),
                ("score", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("parts", models.JSONField(blank=True, default=control.partners.models.empty_list)),
                ("duplicates", models.JSONField(blank=True, default=control.partners.models.empty_list)),
                ("site", models.JSONField(blank=True, default=control.partners.models.empty_map)),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("reason_text", models.TextField(blank=True)),
                ("reason_shown", models.BooleanField(default=True)),
                ("question", models.TextField(blank=True)),
                ("notes", models.JSONField(blank=True, default=control.partners.models.empty_list)),
                ("pauses", models.JSONField(blank=True, default=control.partners.models.empty_list)),
                ("due", models.DateTimeField(blank=True, null=True)),
                ("decided_by", models.CharField(blank=True, max_length=254)),
                ("rule", models.CharField(blank=True, max_length=120)),
                ("visited", models.DateTimeField(blank=True, null=True)),
                ("submitted", models.DateTimeField(default=django.utils.timezone.now)),
                ("verified", models.DateTimeField(blank=True, null=True)),
                ("started", models.DateTimeField(blank=True, null=True)),
                ("decided", models.DateTimeField(blank=True, null=True)),
                (
                    "assigned",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to="partners.partner",
                    ),
                ),
                (
                    "referred_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="referred_applications",
                        to="partners.partner",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to="custom_forms.formversion",
                    ),
                ),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to="applications.applicationform",
                    ),
                ),
            ],
            options={
                "ordering": ["-submitted"],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["status", "due"], name="application_by_due"),
                    models.Index(fields=["form", "status", "submitted"], name="application_by_form"),
                    models.Index(fields=["email", "submitted"], name="application_by_email"),
                    models.Index(fields=["tax_id"], name="application_by_tax_id"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["needs_info", "new"])),
                        fields=("form", "email"),
                        name="application_waiting",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FormDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("visited", models.PositiveIntegerField(default=0)),
                ("started", models.PositiveIntegerField(default=0)),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="applications.applicationform",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("form", "day"), name="application_form_day")],
            },
        ),
    ]
