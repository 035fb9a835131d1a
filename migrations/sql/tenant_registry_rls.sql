-- A tenant's role may read its own row of the registry, and nothing else of the public schema.
ALTER TABLE public.tenants_tenant ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
    tenants text := current_database() || '_tenants';
BEGIN
    EXECUTE format('CREATE POLICY own_row ON public.tenants_tenant FOR SELECT TO %I USING (slug = public.current_tenant_slug())', tenants);
    EXECUTE format('GRANT SELECT ON public.tenants_tenant TO %I', tenants);
END
$$;
