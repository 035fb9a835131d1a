-- A tenant's own tables, each by the one before it: a group's entries, the collections that they
-- open, the documents in those, and what there is of a document.
SELECT public.restrict_rows('intake_collection_groups',
    'group_id IN (SELECT g.id FROM auth_group g
                  WHERE g.name = ANY ((SELECT public.reader_groups())::text[]))');
SELECT public.restrict_rows('intake_collection',
    '(SELECT public.reader_groups()) IS NOT NULL
     AND (NOT restricted OR EXISTS (SELECT 1 FROM intake_collection_groups m
                                    WHERE m.collection_id = intake_collection.id))');
SELECT public.restrict_rows('intake_document',
    'collection_id IN (SELECT c.id FROM intake_collection c)');
-- A receipt goes with its document; that of a refused file stays with the collection it was for.
SELECT public.restrict_rows('intake_receipt',
    'CASE WHEN document_id IS NULL
          THEN collection_id IN (SELECT c.id FROM intake_collection c)
          ELSE EXISTS (SELECT 1 FROM intake_document d WHERE d.id = intake_receipt.document_id)
     END');

-- The vector table is the store adapter's; it is there in a tenant that was onboarded before.
DO $$
BEGIN
    IF to_regclass('vector_point') IS NOT NULL THEN
        PERFORM public.restrict_rows_of_documents('vector_point');
    END IF;
END
$$;
