"""Which tenants have anything for the pipeline to do: one question to PostgreSQL for many of them.

The login role reads no tenant's rows, and entering hundreds of tenants every few seconds to find
nothing would cost a core. So PostgreSQL itself takes each tenant's role in turn.
"""

from collections.abc import Iterable
from typing import Final

from django.db import connection, transaction
from psycopg import sql

from processing.models import OPEN_STATES
from tenants.access.readers import EVERYTHING
from tenants.database.schemas import tenant_role
from tenants.models import Tenant

AT_ONCE: Final = 50
"""Tenants a transaction: it locks some 25 tables and indexes of each until it ends, and all the
sessions of a server have a few thousand locks between them."""

_FIND: Final = """
DO $do$
DECLARE
    tenant text[];
    has_work boolean;
    found text[] := '{{}}';
BEGIN
    FOREACH tenant SLICE 1 IN ARRAY {tenants}::text[] LOOP
        BEGIN
            EXECUTE format('SET LOCAL ROLE %I', tenant[2]);
            EXECUTE format(
                'SELECT EXISTS (SELECT FROM %1$I.processing_run WHERE state = ANY (%2$L))
                     OR EXISTS (SELECT FROM %1$I.intake_document d WHERE NOT EXISTS
                            (SELECT FROM %1$I.processing_run r WHERE r.document_id = d.id))
                     OR EXISTS (SELECT FROM %1$I.intake_batch b
                            WHERE b.state IN (''received'', ''cancelled'') AND NOT EXISTS
                            (SELECT FROM %1$I.processing_batchreport t WHERE t.batch_id = b.id))',
                tenant[1], {states}::text[]) INTO has_work;
        EXCEPTION WHEN OTHERS THEN
            -- Whoever enters it meets the error itself, and tells of it.
            has_work := true;
        END;
        IF has_work THEN
            found := found || tenant[1];
        END IF;
    END LOOP;
    SET LOCAL ROLE NONE;
    PERFORM set_config('frostbyte.with_work', array_to_string(found, ','), true);
END
$do$
"""


def tenants_with_work(tenants: Iterable[Tenant]) -> list[Tenant]:
    """Return those with an unfinished run, a document without one, or a batch that is not over.

    Asked in the public schema.
    """
    known = list(tenants)
    groups = (known[start : start + AT_ONCE] for start in range(0, len(known), AT_ONCE))
    return [tenant for group in groups for tenant in _with_work(group)]


def _with_work(known: list[Tenant]) -> list[Tenant]:
    find = sql.SQL(_FIND).format(
        tenants=sql.Literal([[tenant.schema_name, tenant_role(tenant)] for tenant in known]),
        states=sql.Literal([state.value for state in OPEN_STATES]),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('frostbyte.reader', %s, true)", [EVERYTHING])
        cursor.execute(find)
        cursor.execute("SELECT string_to_array(current_setting('frostbyte.with_work'), ',')")
        found = set(cursor.fetchone()[0])
        cursor.execute("SELECT set_config('frostbyte.reader', '', true)")
    return [tenant for tenant in known if tenant.schema_name in found]
