"""The indexes from which lists of cases are read; see list_indexes.py."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_external_identities'),
        ('cases', '0012_listed_columns'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='case',
            name='unread_by_due_at',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='unread_by_opened_at',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='unread_by_accession_number',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='unread_by_triage_score',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='finalized_by_time',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='cases_case_site_id_397db3_idx',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='cases_case_site_id_b93b51_idx',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='case_by_accession_number',
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'stat_rank', 'due_at', 'id', 'shown_only_to'], name='open_by_due_at'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'stat_rank', 'opened_at', 'id', 'shown_only_to'], name='open_by_opened_at'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'stat_rank', 'accession_number', 'id', 'shown_only_to'], name='open_by_accession_number'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'stat_rank', 'listed_study_at', 'id', 'shown_only_to'], name='open_by_study'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'priority_rank', 'due_at', 'id', 'shown_only_to'], name='open_by_priority'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'priority_rank', '-triage_score', 'due_at', 'id', 'shown_only_to'], name='open_by_triage_score'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', True), ('withdrawn_at__isnull', True)), fields=['site', 'id', 'shown_only_to'], name='open_by_id'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', False), ('withdrawn_at__isnull', True)), fields=['site', 'finalized_at', 'id', 'shown_only_to'], name='final_by_time'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('finalized_at__isnull', True), ('on_worklist', False), ('withdrawn_at__isnull', True)), fields=['site', 'opened_at', 'id', 'shown_only_to'], name='imported_by_time'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['site', 'opened_at', 'id', 'shown_only_to'], name='case_by_time'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['site', 'accession_number', 'id', 'shown_only_to'], name='case_by_accession'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['site', 'listed_study_at', 'id', 'shown_only_to'], name='case_by_study'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['site', 'priority_rank', 'opened_at', 'id', 'shown_only_to'], name='case_by_priority'),
        ),
        migrations.AddIndex(
            model_name='radiograph',
            index=models.Index(fields=['site', 'view', 'case'], name='radiograph_by_view'),
        ),
        migrations.AddIndex(
            model_name='radiograph',
            index=models.Index(fields=['site', 'study_at', 'case'], name='radiograph_by_study_time'),
        ),
    ]
