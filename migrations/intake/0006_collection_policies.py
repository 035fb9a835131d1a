from django.db import migrations

from migrations.sql import run_sql

TABLES = (
    "vector_point",
    "intake_receipt",
    "intake_document",
    "intake_collection",
    "intake_collection_groups",
)
REVERSE = "".join(
    f"DROP POLICY readers ON {table};"
    f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;"
    f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [("intake", "0005_collections"), ("tenants", "0006_readers")]
    operations = [run_sql("collection_policies", REVERSE)]
