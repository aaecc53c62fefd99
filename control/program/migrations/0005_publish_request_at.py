from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("program", "0004_publish_request"),
    ]

    operations = [
        migrations.AddField(
            model_name="publishrequest",
            name="at",
            field=models.DateTimeField(null=True),
        ),
    ]
