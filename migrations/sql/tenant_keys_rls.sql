-- A tenant's role may read its own wrapped data keys and its own sealed credential, and change neither.
ALTER TABLE public.tenants_datakeyversion ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenants_storecredential ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
    tenants text := current_database() || '_tenants';
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants_datakeyversion', 'tenants_storecredential']
    LOOP
        -- The registry shows the role its own row only; a row of another's is compared with nothing.
        EXECUTE format(
            'CREATE POLICY own_rows ON public.%I FOR SELECT TO %I USING '
            '(tenant_id = (SELECT id FROM public.tenants_tenant WHERE slug = public.current_tenant_slug()))',
            name, tenants);
        EXECUTE format('GRANT SELECT ON public.%I TO %I', name, tenants);
    END LOOP;
END
$$;
