from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0005_lower_email"),
        ("program", "0002_terms_are_kept"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="link",
            index=models.Index(fields=["created", "id"], name="link_by_time"),
        ),
    ]
