"""The checksum of the thumbnail of a radiograph."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0007_stat_target'),
    ]

    operations = [
        migrations.AddField(
            model_name='radiograph',
            name='thumbnail_sha256',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
    ]
