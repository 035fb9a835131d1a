from django.db import migrations

from migrations.sql import run_sql

REVERSE = """
DROP POLICY own_row ON public.tenants_tenant;
ALTER TABLE public.tenants_tenant DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial"), ("audit", "0002_append_only")]
    operations = [run_sql("tenant_registry_rls", REVERSE)]
