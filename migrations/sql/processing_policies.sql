-- What the pipeline makes of a document is seen by whoever sees the document.
SELECT public.restrict_rows_of_documents('processing_run');
SELECT public.restrict_rows_of_documents('processing_chunk');
SELECT public.restrict_rows('processing_stagerun',
    'EXISTS (SELECT 1 FROM processing_run r WHERE r.id = processing_stagerun.run_id)');
SELECT public.restrict_rows('processing_redaction',
    'EXISTS (SELECT 1 FROM processing_run r WHERE r.id = processing_redaction.run_id)');
