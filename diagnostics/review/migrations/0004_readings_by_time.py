"""An index by which the readings of a day are found."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("review", "0003_case_counts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(fields=['signed_at'], name='review_read_signed__962067_idx'),
        ),
    ]
