-- How many documents there are and how many bytes they had as received, kept by the database
-- itself: whatever adds or removes documents, the totals follow in the same transaction.
INSERT INTO intake_documenttotals (id, documents, size_bytes)
SELECT 1, count(*), coalesce(sum(size_bytes), 0) FROM intake_document;

CREATE FUNCTION document_totals_follow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    -- Rights and search path of the schema's owner, whoever writes the document.
    EXECUTE format(
        'UPDATE %I.intake_documenttotals SET documents = documents + $1, size_bytes = size_bytes + $2',
        TG_TABLE_SCHEMA
    ) USING
        (SELECT CASE TG_OP WHEN 'DELETE' THEN -count(*) ELSE count(*) END FROM changed),
        (SELECT coalesce(sum(CASE TG_OP WHEN 'DELETE' THEN -size_bytes ELSE size_bytes END), 0) FROM changed);
    RETURN NULL;
END
$$;

CREATE TRIGGER document_totals_add AFTER INSERT ON intake_document
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION document_totals_follow();
CREATE TRIGGER document_totals_take AFTER DELETE ON intake_document
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION document_totals_follow();
