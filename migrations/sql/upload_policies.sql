-- An upload is seen by whoever reads the collection that it goes to, and its parts with it.
SELECT public.restrict_rows('intake_upload',
    'collection_id IN (SELECT c.id FROM intake_collection c)');
SELECT public.restrict_rows('intake_uploadpart',
    'EXISTS (SELECT 1 FROM intake_upload u WHERE u.id = intake_uploadpart.upload_id)');
