from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0003_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["manager", "status"], name="partner_by_manager_status"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["manager", "tier"], name="partner_by_manager_tier"),
        ),
        migrations.AddIndex(
            model_name="partner",
            index=models.Index(fields=["manager", "country"], name="partner_by_manager_country"),
        ),
    ]
