from django.db import migrations

from migrations.sql import run_sql

REVERSE = """
DROP POLICY own_rows ON public.tenants_datakeyversion;
ALTER TABLE public.tenants_datakeyversion DISABLE ROW LEVEL SECURITY;
DROP POLICY own_rows ON public.tenants_storecredential;
ALTER TABLE public.tenants_storecredential DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0009_data_keys")]
    operations = [run_sql("tenant_keys_rls", REVERSE)]
