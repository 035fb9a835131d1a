"""The table of embedders, and how a process gets one."""

import pytest

from processing import embedders
from processing.embedders import check_embedders, get_embedder
from processing.errors import EmbeddingError
from tenants.configuration import TenantConfiguration


def test_process_has_one_instance_of_a_model() -> None:
    assert get_embedder("all-MiniLM-L6-v2") is get_embedder()


def test_default_configuration_names_a_model_that_is_there() -> None:
    embedder = get_embedder(TenantConfiguration().embedding_model)

    assert embedder.embed(["text"]).shape == (1, embedder.dimensions)


def test_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(EmbeddingError, match="no-such-model") as raised:
        get_embedder("no-such-model")
    assert "all-MiniLM-L6-v2" in raised.value.remediation


def test_check_passes_the_table_as_it_is() -> None:
    assert check_embedders() == []


def test_check_reports_duplicates_and_missing_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    row = embedders.EMBEDDERS[0]
    monkeypatch.setattr(
        embedders, "EMBEDDERS", (row, row, ("other", "processing.embedders.nowhere.Model"))
    )

    assert sorted(error.id or "" for error in check_embedders()) == [
        "processing.E020",
        "processing.E021",
    ]
