import os

from django.db import migrations

# Divides by zero, or sleeps, in one schema only.
BROKEN = os.environ.get("LATER_BROKEN", "none")
SLOW = os.environ.get("LATER_SLOW", "none")


class Migration(migrations.Migration):
    dependencies = [("search", "0001_note")]
    operations = [
        migrations.RunSQL(
            f"SELECT 1 / CASE WHEN current_schema() = '{BROKEN}' THEN 0 ELSE 1 END,"
            f" pg_sleep(CASE WHEN current_schema() = '{SLOW}' THEN 60 ELSE 0 END)",
            migrations.RunSQL.noop,
        )
    ]
