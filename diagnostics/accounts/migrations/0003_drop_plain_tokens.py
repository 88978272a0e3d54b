"""Delete the tokens of Django REST framework: they were stored in plain text and never expired."""

from django.db import migrations

TABLE = "authtoken_token"


def drop_plain_tokens(apps, schema_editor):
    connection = schema_editor.connection
    if TABLE in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(TABLE)}")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_tokens_limits_second_factors")]
    operations = [migrations.RunPython(drop_plain_tokens, migrations.RunPython.noop)]
