-- Audit events can be added and read, nothing else. Three walls, each enough against a mistake:
--   table and schema belong to a role that nobody becomes, so the application cannot alter,
--   empty or drop them;
--   the application holds INSERT and SELECT only;
--   a trigger refuses UPDATE, DELETE and TRUNCATE whoever asks.
-- Row-level security shows a tenant's role its own events only.
DO $$
DECLARE
    tenants text := current_database() || '_tenants';
    keeper text := current_database() || '_audit';
    application text := current_user;
BEGIN
    EXECUTE format('GRANT %I TO %I WITH SET TRUE, INHERIT FALSE', keeper, application);
    EXECUTE format('CREATE SCHEMA audit AUTHORIZATION %I', keeper);
    EXECUTE format('SET LOCAL ROLE %I', keeper);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA audit TO %I', application);
    EXECUTE format('GRANT USAGE ON SCHEMA audit TO %I', tenants);
    EXECUTE format('SET LOCAL ROLE %I', application);

    ALTER TABLE public.audit_auditevent SET SCHEMA audit;
    EXECUTE format('ALTER TABLE audit.audit_auditevent OWNER TO %I', keeper);

    EXECUTE format('SET LOCAL ROLE %I', keeper);
    EXECUTE format('REVOKE CREATE ON SCHEMA audit FROM %I', application);
    EXECUTE format('REVOKE ALL ON audit.audit_auditevent FROM %I, %I', application, tenants);
    EXECUTE format('GRANT SELECT, INSERT ON audit.audit_auditevent TO %I, %I', application, tenants);

    CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        RAISE EXCEPTION 'audit events are append-only: % refused', TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END
    $body$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.audit_auditevent
        FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

    ALTER TABLE audit.audit_auditevent ENABLE ROW LEVEL SECURITY;
    ALTER TABLE audit.audit_auditevent FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY platform_reads ON audit.audit_auditevent FOR SELECT TO %I USING (true)', application);
    EXECUTE format('CREATE POLICY platform_adds ON audit.audit_auditevent FOR INSERT TO %I WITH CHECK (true)', application);
    EXECUTE format('CREATE POLICY tenant_reads ON audit.audit_auditevent FOR SELECT TO %I USING (tenant = public.current_tenant_slug())', tenants);
    EXECUTE format('CREATE POLICY tenant_adds ON audit.audit_auditevent FOR INSERT TO %I WITH CHECK (tenant = public.current_tenant_slug())', tenants);

    EXECUTE format('SET LOCAL ROLE %I', application);
    EXECUTE format('REVOKE %I FROM %I', keeper, application);
END
$$;
