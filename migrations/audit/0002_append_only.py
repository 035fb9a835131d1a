from django.db import migrations

from migrations.sql import run_sql

TAKE_BACK = """
DO $$
DECLARE
    keeper text := current_database() || '_audit';
    application text := current_user;
BEGIN
    EXECUTE format('GRANT %I TO %I WITH SET TRUE, INHERIT TRUE', keeper, application);
    DROP TRIGGER append_only ON audit.audit_auditevent;
    DROP POLICY platform_reads ON audit.audit_auditevent;
    DROP POLICY platform_adds ON audit.audit_auditevent;
    DROP POLICY tenant_reads ON audit.audit_auditevent;
    DROP POLICY tenant_adds ON audit.audit_auditevent;
    ALTER TABLE audit.audit_auditevent NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE audit.audit_auditevent DISABLE ROW LEVEL SECURITY;
    EXECUTE format('ALTER TABLE audit.audit_auditevent OWNER TO %I', application);
    ALTER TABLE audit.audit_auditevent SET SCHEMA public;
    DROP SCHEMA audit CASCADE;
    EXECUTE format('REVOKE %I FROM %I', keeper, application);
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        run_sql("tenant_roles", "DROP FUNCTION public.current_tenant_slug()"),
        run_sql("audit_append_only", TAKE_BACK),
    ]
