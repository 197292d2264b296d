"""Projects of ideal outputs that ask for training, gold and the like ask for none: nobody ranks in them."""

from django.db import migrations


def ask_for_none(apps, schema_editor):
    projects = apps.get_model("annotate", "Project").objects.filter(task="demonstration")
    projects.update(gold_rate=0, repeat_rate=0, training_count=0, qualification_count=0)


class Migration(migrations.Migration):
    dependencies = [("annotate", "0007_pause_policy")]
    operations = [migrations.RunPython(ask_for_none, migrations.RunPython.noop)]
