from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="title",
            field=models.CharField(blank=True, default="", max_length=80),
        ),
        migrations.AddField(
            model_name="export",
            name="total_rows",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="export",
            name="state",
            field=models.CharField(
                choices=[("waiting", "Waiting"), ("running", "Running"), ("done", "Ready"), ("failed", "Failed")],
                default="waiting",
                max_length=8,
            ),
        ),
    ]
