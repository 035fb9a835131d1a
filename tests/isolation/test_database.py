"""What PostgreSQL itself refuses, whatever the application forgets."""

import threading

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django_tenants.utils import schema_context  # noqa: TID251 - what is banned is tried

from intake.models import Document
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant


def refused(tenant: Tenant, statement: str) -> str:
    """Run a statement as the tenant's role and return PostgreSQL's refusal."""
    with pytest.raises(DatabaseError) as caught, tenant_context(tenant), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    return str(caught.value)


TABLES = ["intake_document", "intake_receipt", "processing_chunk", "vector_point", "auth_user"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["SELECT * FROM {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_another_schema_is_closed(acme: Tenant, globex: Tenant, statement: str, table: str) -> None:
    for own, other in ((acme, globex), (globex, acme)):
        message = refused(own, statement.format(f"{other.schema_name}.{table}"))
        assert "permission denied for schema" in message


def test_the_login_role_reads_no_tenant(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {tenant.schema_name}.intake_document")


def test_a_tenant_sees_its_own_registry_row_only(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert list(Tenant.objects.values_list("slug", flat=True)) == [tenant.slug]
    assert "permission denied" in refused(acme, "SELECT * FROM tenants_apikey")
    assert "permission denied" in refused(acme, "UPDATE tenants_tenant SET state = 'ACTIVE'")
    assert "permission denied" in refused(acme, "CREATE TABLE public.left_behind (id int)")


def test_an_unknown_schema_is_an_error_not_public(acme: Tenant, globex: Tenant) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), schema_context("t_nobody"):
        Document.objects.count()
    with tenant_context(acme):
        assert Document.objects.count() == 0


def test_role_and_path_return_after_a_rollback(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        with pytest.raises(ProgrammingError), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM nowhere")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_schema()")
            user, schema = cursor.fetchone()
    assert user == f"{connection.settings_dict['NAME']}_{acme.schema_name}"
    assert schema == acme.schema_name != globex.schema_name


def test_a_vector_handle_works_in_its_own_tenant_only(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex), pytest.raises(Exception, match="outside its own tenant"):
        for_tenant(acme).vectors.count()
    with tenant_context(globex):
        assert for_tenant(globex).vectors.count() == 0


def test_threads_that_interleave_tenants_keep_their_own(acme: Tenant, globex: Tenant) -> None:
    seen: dict[str, set[str]] = {acme.slug: set(), globex.slug: set()}
    gate = threading.Barrier(2)

    def look(tenant: Tenant) -> None:
        try:
            for _ in range(20):
                gate.wait(timeout=10)
                with tenant_context(tenant), connection.cursor() as cursor:
                    cursor.execute("SELECT current_schema() || ' ' || current_user")
                    seen[tenant.slug].add(cursor.fetchone()[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=look, args=(tenant,)) for tenant in (acme, globex)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = connection.settings_dict["NAME"]
    for tenant in (acme, globex):
        schema = tenant.schema_name
        assert seen[tenant.slug] == {f"{schema} {database}_{schema}"}
