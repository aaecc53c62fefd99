from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0002_partner_search"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["tier", "number"], name="partner_by_tier"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["country", "number"], name="partner_by_country"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["created", "number"], name="partner_by_time"),
        ),
    ]
