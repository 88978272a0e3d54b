"""The indexes by which periodic tasks find the deliveries and retrievals that are open, and those of a case."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0014_prediction_outcome_index'),
        ('integrations', '0004_webhooks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='resultdelivery',
            index=models.Index(fields=['status', 'queued_at'], name='delivery_by_status'),
        ),
        migrations.AddIndex(
            model_name='resultdelivery',
            index=models.Index(fields=['case', 'node'], name='delivery_by_case'),
        ),
        migrations.AddIndex(
            model_name='studyretrieval',
            index=models.Index(fields=['status', 'queued_at'], name='retrieval_by_status'),
        ),
    ]
