from django.db import migrations

from migrations.sql import run_sql

REVERSE = """
DROP TRIGGER document_totals_add ON intake_document;
DROP TRIGGER document_totals_take ON intake_document;
DROP FUNCTION document_totals_follow();
DELETE FROM intake_documenttotals;
"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0003_quotas")]
    operations = [run_sql("document_totals", REVERSE)]
