"""A pause may say nothing of quality: then what the annotator ranked makes labels all the same."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotate", "0014_empty_the_sums")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="keeps_labels",
            field=models.BooleanField(
                default=False,
                help_text="While paused, what they ranked makes labels all the same: the pause is no doubt of it.",
            ),
        ),
    ]
