from django.db import migrations

from migrations.sql import run_sql

REVERSE = """
DROP TRIGGER receipt_immutable ON intake_receipt;
DROP FUNCTION receipt_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_initial")]
    operations = [run_sql("receipt_immutable", REVERSE)]
