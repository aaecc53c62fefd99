import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import control.partners.models
import control.texts


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Partner",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, validators=[control.texts.no_control_characters])),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("applied", "Applied"),
                            ("invited", "Invited"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("dormant", "Dormant"),
                            ("suspended", "Suspended"),
                            ("offboarded", "Offboarded"),
                        ],
                        default="applied",
                        max_length=12,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("partner", "Partner"), ("direct", "Direct traffic")], default="partner", max_length=8
                    ),
                ),
                (
                    "type",
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
                ("email", models.EmailField(blank=True, max_length=254)),
                (
                    "company",
                    models.CharField(blank=True, max_length=200, validators=[control.texts.no_control_characters]),
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
                    "language",
                    models.CharField(
                        blank=True,
                        max_length=16,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\\Z", "must be a language, for example pt-BR"
                            )
                        ],
                    ),
                ),
                (
                    "website",
                    models.CharField(
                        blank=True, max_length=2000, validators=[django.core.validators.URLValidator(["http", "https"])]
                    ),
                ),
                (
                    "traffic_sources",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_list,
                        validators=[control.texts.TextList(50, 80)],
                    ),
                ),
                (
                    "tags",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_list,
                        validators=[control.texts.TextList(50, 80)],
                    ),
                ),
                (
                    "group",
                    models.CharField(blank=True, max_length=80, validators=[control.texts.no_control_characters]),
                ),
                ("tier", models.CharField(blank=True, max_length=80, validators=[control.texts.no_control_characters])),
                (
                    "custom",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_map,
                        validators=[control.texts.TextMap(50, 500)],
                    ),
                ),
                (
                    "external_ids",
                    models.JSONField(
                        blank=True,
                        default=control.partners.models.empty_map,
                        validators=[control.texts.TextMap(20, 200)],
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partners",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="PartnerTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "old",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("applied", "Applied"),
                            ("invited", "Invited"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("dormant", "Dormant"),
                            ("suspended", "Suspended"),
                            ("offboarded", "Offboarded"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "new",
                    models.CharField(
                        choices=[
                            ("applied", "Applied"),
                            ("invited", "Invited"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("dormant", "Dormant"),
                            ("suspended", "Suspended"),
                            ("offboarded", "Offboarded"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("actor", models.CharField(max_length=254)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="transitions", to="partners.partner"
                    ),
                ),
            ],
            options={
                "ordering": ["partner", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["status", "number"], name="partner_by_status"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["name", "number"], name="partner_by_name"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["email"], name="partner_by_email"),
        ),
    ]
