-- Emptying the table is a change, too.
CREATE TRIGGER receipt_keep_all BEFORE TRUNCATE ON intake_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION receipt_refuse_change();
