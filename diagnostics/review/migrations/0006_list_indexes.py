"""Indexes of the rows that select cases for a list."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0013_list_indexes'),
        ('review', '0005_selected_cases'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['by'], name='open_claim_by_reader'),
        ),
        migrations.AddIndex(
            model_name='consensus',
            index=models.Index(fields=['status', 'case'], name='consensus_by_status'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(fields=['by', 'signed_at'], name='reading_by_reader'),
        ),
    ]
