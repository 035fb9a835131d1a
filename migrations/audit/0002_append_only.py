from django.db import migrations

from migrations.sql import run_sql

TAKE_BACK = """
DO $$
DECLARE keeper text := current_database() || '_audit';
BEGIN
    EXECUTE format('GRANT %I TO CURRENT_USER WITH SET TRUE, INHERIT TRUE', keeper);
    EXECUTE format('ALTER TABLE public.audit_auditevent OWNER TO %I', current_user);
    EXECUTE format('REVOKE %I FROM CURRENT_USER', keeper);
END
$$;
DROP TRIGGER audit_append_only ON public.audit_auditevent;
DROP POLICY platform_reads ON public.audit_auditevent;
DROP POLICY platform_adds ON public.audit_auditevent;
DROP POLICY tenant_reads ON public.audit_auditevent;
DROP POLICY tenant_adds ON public.audit_auditevent;
DROP FUNCTION public.audit_refuse_change();
ALTER TABLE public.audit_auditevent DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        run_sql("tenant_roles", "DROP FUNCTION public.current_tenant_slug()"),
        run_sql("audit_append_only", TAKE_BACK),
    ]
