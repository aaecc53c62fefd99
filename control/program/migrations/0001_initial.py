import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import control.program.models
import control.program.validators
import control.texts


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("partners", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProgramPart",
            fields=[
                ("hash", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("content", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="ProgramSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(blank=True, max_length=200, validators=[control.texts.no_control_characters]),
                ),
                (
                    "currency",
                    models.CharField(default="USD", max_length=3, validators=[control.program.validators.currency]),
                ),
                (
                    "timezone",
                    models.CharField(default="UTC", max_length=64, validators=[control.program.validators.timezone]),
                ),
                (
                    "fallback_url",
                    models.CharField(blank=True, max_length=2048, validators=[control.program.validators.fallback_url]),
                ),
                (
                    "trusted_proxies",
                    models.JSONField(
                        blank=True,
                        default=control.program.models.empty_list,
                        validators=[control.program.validators.proxies],
                    ),
                ),
                (
                    "report_models",
                    models.JSONField(
                        blank=True,
                        default=control.program.models.empty_list,
                        validators=[control.program.validators.models],
                    ),
                ),
                (
                    "link_user_id",
                    models.CharField(
                        choices=[("untrusted", "Untrusted"), ("trusted", "Trusted")], default="untrusted", max_length=9
                    ),
                ),
            ],
            options={
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="ProgramVersion",
            fields=[
                ("seq", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("published", "Published"), ("routes", "Routes"), ("rolled_back", "Rolled back")],
                        max_length=11,
                    ),
                ),
                ("terms_hash", models.CharField(max_length=32)),
                ("routes_root", models.CharField(max_length=32)),
                ("published", models.DateTimeField()),
                ("effective", models.DateTimeField()),
                ("author", models.CharField(max_length=254)),
                ("approver", models.CharField(blank=True, max_length=254)),
                ("reason", models.TextField(blank=True)),
                ("diff", models.JSONField(default=control.program.models.empty_list)),
                ("back_to", models.PositiveBigIntegerField(null=True)),
            ],
            options={
                "ordering": ["-seq"],
            },
        ),
        migrations.CreateModel(
            name="StoredFit",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("content", models.BinaryField()),
            ],
            options={
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Offer",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, validators=[control.texts.no_control_characters])),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("archived", "Archived"),
                        ],
                        default="draft",
                        max_length=8,
                    ),
                ),
                (
                    "access",
                    models.CharField(
                        choices=[("open", "Open"), ("approval", "On approval"), ("private", "Private")],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("description", models.TextField(blank=True, max_length=20000)),
                ("landing_url", models.CharField(max_length=2048, validators=[control.program.validators.landing_url])),
                (
                    "allowed_hosts",
                    models.JSONField(
                        blank=True,
                        default=control.program.models.empty_list,
                        validators=[control.program.validators.hosts],
                    ),
                ),
                (
                    "click_window_us",
                    models.BigIntegerField(default=2592000000000, validators=[control.program.validators.window_us]),
                ),
                (
                    "impression_window_us",
                    models.BigIntegerField(default=86400000000, validators=[control.program.validators.window_us]),
                ),
                (
                    "goals",
                    models.JSONField(
                        default=control.program.models.default_goals, validators=[control.program.validators.goals]
                    ),
                ),
                ("reopen", models.BooleanField(default=True)),
                ("pass_through", models.BooleanField(default=False)),
                ("published", models.BooleanField(default=False, editable=False)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "ordering": ["number"],
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["status", "number"], name="offer_by_status")],
            },
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(max_length=128, unique=True, validators=[control.program.validators.link_code]),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("inactive", "Inactive")], default="active", max_length=8
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="links", to="partners.partner"
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="links", to="program.offer"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="ProgramHead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "version",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="program.programversion"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SealedSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed_secret", models.BinaryField()),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "offer",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealed",
                        to="program.offer",
                    ),
                ),
            ],
            options={
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Coupon",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("ended", "Ended")],
                        default="draft",
                        max_length=9,
                    ),
                ),
                ("ending", models.BooleanField(default=False)),
                ("valid_from", models.DateTimeField(editable=False, null=True)),
                ("valid_to", models.DateTimeField(editable=False, null=True)),
                ("published_in", models.PositiveBigIntegerField(editable=False, null=True)),
                ("ended_in", models.PositiveBigIntegerField(editable=False, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("code", models.CharField(max_length=128, validators=[control.program.validators.coupon_code])),
                ("key", models.CharField(editable=False, max_length=384)),
                ("starts", models.DateTimeField(blank=True, null=True)),
                ("ends", models.DateTimeField(blank=True, null=True)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="coupons", to="partners.partner"
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="coupons", to="program.offer"
                    ),
                ),
            ],
            options={
                "ordering": ["key", "created"],
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["key", "state"], name="coupon_by_key"),
                    models.Index(fields=["offer", "state"], name="coupon_by_offer"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[("requested", "Requested"), ("approved", "Approved"), ("rejected", "Rejected")],
                        default="requested",
                        max_length=9,
                    ),
                ),
                ("reason", models.TextField(blank=True, max_length=4000)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="partners.partner"
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="program.offer"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["status", "id"], name="approval_by_status")],
                "constraints": [models.UniqueConstraint(fields=("partner", "offer"), name="approval_once")],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("ended", "Ended")],
                        default="draft",
                        max_length=9,
                    ),
                ),
                ("ending", models.BooleanField(default=False)),
                ("valid_from", models.DateTimeField(editable=False, null=True)),
                ("valid_to", models.DateTimeField(editable=False, null=True)),
                ("published_in", models.PositiveBigIntegerField(editable=False, null=True)),
                ("ended_in", models.PositiveBigIntegerField(editable=False, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("key", models.CharField(editable=False, max_length=128)),
                ("goal", models.CharField(blank=True, max_length=64)),
                ("percent_e6", models.BigIntegerField(default=0, validators=[control.program.validators.percent_e6])),
                (
                    "fixed_minor",
                    models.BigIntegerField(default=0, validators=[control.program.validators.amount_minor]),
                ),
                (
                    "fixed_currency",
                    models.CharField(blank=True, max_length=3, validators=[control.program.validators.currency]),
                ),
                ("hold_us", models.BigIntegerField(default=0, validators=[control.program.validators.hold_us])),
                (
                    "model",
                    models.CharField(
                        default="last_click", max_length=200, validators=[control.program.validators.model]
                    ),
                ),
                (
                    "click_window_us",
                    models.BigIntegerField(blank=True, null=True, validators=[control.program.validators.window_us]),
                ),
                (
                    "impression_window_us",
                    models.BigIntegerField(blank=True, null=True, validators=[control.program.validators.window_us]),
                ),
                (
                    "conversions_min",
                    models.BigIntegerField(
                        blank=True, null=True, validators=[control.program.validators.conversions_min]
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="plans", to="program.offer"
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plans",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "ordering": ["key", "created"],
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["offer", "state"], name="plan_by_offer")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "draft")), fields=("key",), name="plan_one_draft"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "published")), fields=("key",), name="plan_one_published"
                    ),
                ],
            },
        ),
    ]
