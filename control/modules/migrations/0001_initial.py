import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ModuleSwitch",
            fields=[
                ("module", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("is_on", models.BooleanField()),
                ("changed", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("changed_by", models.CharField(editable=False, max_length=254)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
    ]
