-- Which collections of a tenant a connection sees. The session setting frostbyte.reader says who
-- reads (tenants/readers.py): '*' is the platform itself, a JSON list of names is someone in those
-- groups, and anything else, nothing included, is nobody.
CREATE FUNCTION public.reads_everything() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT current_setting('frostbyte.reader', true) IS NOT DISTINCT FROM '*'
$$;

-- The reader's groups; NULL for the platform, which has none, and for nobody. What is no JSON list
-- is an error, never a wider view.
CREATE FUNCTION public.reader_groups() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT CASE WHEN current_setting('frostbyte.reader', true) NOT IN ('', '*')
        THEN ARRAY(SELECT jsonb_array_elements_text(current_setting('frostbyte.reader')::jsonb))
    END
$$;

-- Show the rows of a table to those readers only for whom the condition holds, the owner included.
-- The sub-select makes one call a query of what would be one a row.
CREATE FUNCTION public.restrict_rows(target regclass, condition text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('DROP POLICY IF EXISTS readers ON %s', target);
    EXECUTE format('CREATE POLICY readers ON %s USING ((SELECT public.reads_everything()) OR (%s))',
        target, condition);
END
$$;

-- The same for rows of a document: they are seen by whoever sees the document. EXISTS leaves it to
-- the planner: an index look-up for few rows, a hash of the readable documents for many.
CREATE FUNCTION public.restrict_rows_of_documents(target regclass) RETURNS void
LANGUAGE sql
AS $$
    SELECT public.restrict_rows(target, format(
        'EXISTS (SELECT 1 FROM intake_document d WHERE d.id = %s.document_id)', target))
$$;
