-- A report is seen by whoever sees its batch, and never changed: its hash is on record.
SELECT public.restrict_rows('processing_batchreport',
    'EXISTS (SELECT 1 FROM intake_batch b WHERE b.id = processing_batchreport.batch_id)');

CREATE FUNCTION report_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'acceptance reports are immutable: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER report_immutable BEFORE UPDATE ON processing_batchreport
    FOR EACH ROW EXECUTE FUNCTION report_refuse_change();
