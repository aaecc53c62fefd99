from django.db import migrations, models

import control.program.models
import control.program.validators


class Migration(migrations.Migration):
    dependencies = [
        ("program", "0005_publish_request_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="link",
            name="landing_url",
            field=models.CharField(
                blank=True, default="", max_length=2048, validators=[control.program.validators.landing_url]
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="subs",
            field=models.JSONField(
                blank=True, default=control.program.models.empty_map, validators=[control.program.validators.link_subs]
            ),
        ),
        migrations.AddIndex(
            model_name="link",
            index=models.Index(
                condition=models.Q(("landing_url", ""), _negated=True), fields=["offer"], name="link_with_page"
            ),
        ),
    ]
