from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0006_list_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="PartnerSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("show_revenue", models.BooleanField(default=False)),
                ("show_profit", models.BooleanField(default=False)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
    ]
