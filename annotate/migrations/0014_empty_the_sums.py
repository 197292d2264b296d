"""Sums made before StatusCount was kept are made anew."""

from django.db import migrations

SUMS = ("Tally", "AnnotatorWeek", "AnnotatorPair", "PairCell")


def empty_the_sums(apps, schema_editor):
    """What was summed without them is summed anew by rebuild_statistics --missing, or by the beat."""
    for name in SUMS:
        apps.get_model("annotate", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("annotate", "0013_status_counts")]
    operations = [migrations.RunPython(empty_the_sums, migrations.RunPython.noop)]
