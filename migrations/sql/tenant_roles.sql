-- The roles that every tenant's rights rest on. They live in the cluster, so they carry the
-- database's name; a test database that is made anew finds them in place.
--   <database>_tenants  what each tenant's role may do in the public schema
--   <database>_audit    owns the audit events; nobody logs in as it, nobody becomes it
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[current_database() || '_tenants', current_database() || '_audit']
    LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END
$$;

-- The slug of the tenant whose role is in force; NULL for any other role, so that a policy
-- comparing with it fails closed.
CREATE OR REPLACE FUNCTION public.current_tenant_slug() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT CASE WHEN starts_with(current_user::text, current_database() || '_t_')
        THEN replace(substr(current_user::text, length(current_database()) + 4), '_', '-')
    END
$$;
