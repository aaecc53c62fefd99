from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0005_lower_email"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["tier", "name", "number"], name="partner_by_tier_name"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["country", "name", "number", "tier"], name="partner_by_country_name"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["status", "created", "number"], name="partner_by_status_time"),
        ),
    ]
