from django.db import migrations

from migrations.sql import run_sql

TABLES = ("intake_uploadpart", "intake_upload")
REVERSE = "".join(
    f"DROP POLICY readers ON {table};"
    f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;"
    f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [("intake", "0012_uploads")]
    operations = [run_sql("upload_policies", REVERSE)]
