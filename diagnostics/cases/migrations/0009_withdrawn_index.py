"""An index of the few withdrawn cases, which the numbers of the list of cases leave out."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0008_thumbnails'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='case',
            index=models.Index(
                fields=['site'],
                condition=Q(withdrawn_at__isnull=False),
                name='withdrawn_cases',
            ),
        ),
    ]
