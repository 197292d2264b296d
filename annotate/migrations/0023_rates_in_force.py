"""The pay per hour of each project becomes its first rate: it held for all work, however old."""

from django.db import migrations


def copy(apps, schema_editor):
    rates = apps.get_model("annotate", "PayRate")
    for project in apps.get_model("annotate", "Project").objects.exclude(pay_per_hour=None):
        rates.objects.create(project=project, since=None, per_hour=project.pay_per_hour)


class Migration(migrations.Migration):
    dependencies = [("annotate", "0022_pay_ledger")]
    operations = [migrations.RunPython(copy, migrations.RunPython.noop)]
