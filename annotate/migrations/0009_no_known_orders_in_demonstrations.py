
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0008_demonstrations_ask_for_no_known_orders'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('task', 'demonstration'), _negated=True), models.Q(('gold_rate', 0), ('qualification_count', 0), ('repeat_rate', 0), ('training_count', 0)), _connector='OR'), name='project_of_demonstrations_has_no_known_orders', violation_error_message='A project of ideal outputs has no known orders: it takes no gold, repeats, training or qualification. Set them to 0.'),
        ),
    ]
