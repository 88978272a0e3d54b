"""The index from which the active-learning queue selects cases by the outcome of their prediction."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0013_list_indexes'),
        ('registry', '0004_leak_reason'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(fields=['outcome', 'case'], name='prediction_by_outcome'),
        ),
    ]
