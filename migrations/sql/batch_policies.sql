-- A batch stays with the collection that it was for, and its files with it.
SELECT public.restrict_rows('intake_batch',
    'collection_id IN (SELECT c.id FROM intake_collection c)');
SELECT public.restrict_rows('intake_batchfile',
    'EXISTS (SELECT 1 FROM intake_batch b WHERE b.id = intake_batchfile.batch_id)');
