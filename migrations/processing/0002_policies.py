from django.db import migrations

from migrations.sql import run_sql

TABLES = (
    "processing_redaction",
    "processing_stagerun",
    "processing_chunk",
    "processing_run",
)
REVERSE = "".join(
    f"DROP POLICY readers ON {table};"
    f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;"
    f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [
        ("processing", "0001_initial"),
        ("intake", "0006_collection_policies"),
    ]
    operations = [run_sql("processing_policies", REVERSE)]
