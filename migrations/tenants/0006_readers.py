from django.db import migrations

from migrations.sql import run_sql

REVERSE = """
DROP FUNCTION public.restrict_rows_of_documents(regclass);
DROP FUNCTION public.restrict_rows(regclass, text);
DROP FUNCTION public.reader_groups();
DROP FUNCTION public.reads_everything();
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_key_groups")]
    operations = [run_sql("readers", REVERSE)]
