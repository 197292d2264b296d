import secrets

from django.db import migrations, models


def draw(apps, schema_editor):
    for project in apps.get_model("annotate", "Project").objects.all():
        project.names_key = secrets.token_hex()
        project.save(update_fields=["names_key"])


class Migration(migrations.Migration):
    dependencies = [("annotate", "0019_consent_recalled")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="names_key",
            field=models.CharField(
                default="", editable=False, help_text="Of annotators' names in files: names.py.", max_length=64
            ),
        ),
        migrations.RunPython(draw, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="project",
            name="names_key",
            field=models.CharField(
                default=secrets.token_hex,
                editable=False,
                help_text="Of annotators' names in files: names.py.",
                max_length=64,
            ),
        ),
    ]
