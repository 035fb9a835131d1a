-- A receipt is a promise: once given it is not changed and not taken back.
CREATE FUNCTION receipt_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipts are immutable: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER receipt_immutable BEFORE UPDATE OR DELETE ON intake_receipt
    FOR EACH ROW EXECUTE FUNCTION receipt_refuse_change();
