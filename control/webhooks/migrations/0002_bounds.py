from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="full_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="webhook",
            name="status",
            field=models.CharField(
                choices=[("active", "Active"), ("paused", "Paused"), ("disabled", "Disabled"), ("deleted", "Deleted")],
                default="active",
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["webhook", "state", "id"], name="webhook_delivery_state"),
        ),
    ]
