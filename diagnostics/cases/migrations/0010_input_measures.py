"""Measures of the input of a prediction, and an index by which the predictions of a day are found."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("cases", "0009_withdrawn_index"),
    ]

    operations = [
        migrations.AddField(
            model_name='prediction',
            name='input_measures',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(fields=['finished_at'], name='cases_predi_finishe_488661_idx'),
        ),
    ]
