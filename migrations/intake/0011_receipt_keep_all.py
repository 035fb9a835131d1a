from django.db import migrations

from migrations.sql import run_sql

REVERSE = "DROP TRIGGER receipt_keep_all ON intake_receipt;"


class Migration(migrations.Migration):
    dependencies = [("intake", "0010_receipt_batch_reference")]
    operations = [run_sql("receipt_keep_all", REVERSE)]
