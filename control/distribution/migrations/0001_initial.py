from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Follower",
            fields=[
                ("name", models.CharField(max_length=128, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("sequence", models.PositiveBigIntegerField()),
                ("root", models.CharField(max_length=32)),
                ("terms_hash", models.CharField(max_length=32)),
                ("seen", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "seen"], name="follower_by_kind")],
            },
        ),
    ]
