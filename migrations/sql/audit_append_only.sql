-- Audit events can be added and read, nothing else. Three walls, each enough against a mistake:
--   the table belongs to a role that nobody becomes, so the application cannot alter it;
--   the application holds INSERT and SELECT only;
--   a trigger refuses UPDATE, DELETE and TRUNCATE whoever asks.
-- Row-level security shows a tenant's role its own events only.
CREATE OR REPLACE FUNCTION public.audit_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();

ALTER TABLE public.audit_auditevent ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_auditevent FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    tenants text := current_database() || '_tenants';
    keeper text := current_database() || '_audit';
    application text := current_user;
BEGIN
    EXECUTE format('CREATE POLICY platform_reads ON public.audit_auditevent FOR SELECT TO %I USING (true)', application);
    EXECUTE format('CREATE POLICY platform_adds ON public.audit_auditevent FOR INSERT TO %I WITH CHECK (true)', application);
    EXECUTE format('CREATE POLICY tenant_reads ON public.audit_auditevent FOR SELECT TO %I USING (tenant = public.current_tenant_slug())', tenants);
    EXECUTE format('CREATE POLICY tenant_adds ON public.audit_auditevent FOR INSERT TO %I WITH CHECK (tenant = public.current_tenant_slug())', tenants);

    EXECUTE format('GRANT %I TO %I WITH SET TRUE, INHERIT FALSE', keeper, application);
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', keeper);
    EXECUTE format('ALTER TABLE public.audit_auditevent OWNER TO %I', keeper);
    EXECUTE format('SET LOCAL ROLE %I', keeper);
    EXECUTE format('REVOKE ALL ON public.audit_auditevent FROM %I, %I', application, tenants);
    EXECUTE format('GRANT SELECT, INSERT ON public.audit_auditevent TO %I, %I', application, tenants);
    EXECUTE format('SET LOCAL ROLE %I', application);
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', keeper);
    EXECUTE format('REVOKE %I FROM %I', keeper, application);
END
$$;
