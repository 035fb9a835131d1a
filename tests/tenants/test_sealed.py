"""The form in which objects are stored: every change is refused, memory stays constant."""

import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.encryption.sealed import (
    CHUNK_BYTES,
    HEADER_BYTES,
    DataKey,
    NotAuthenticError,
    Place,
    SealedReader,
    key_version,
    opened_chunks,
    plain_size,
    sealed_chunks,
    value_open,
    value_seal,
)

ACME = DataKey(3, b"a" * 32)
GLOBEX = DataKey(3, b"g" * 32)
PLACE = Place("frostbyte-acme", "raw/1/abc")
SEALED = CHUNK_BYTES + 16


def seal(plain: bytes, key: DataKey = ACME, place: Place = PLACE) -> bytes:
    return b"".join(sealed_chunks(io.BytesIO(plain).read, key=key, place=place))


def unseal(sealed: bytes, key: DataKey = ACME, place: Place = PLACE) -> bytes:
    header, body = sealed[:HEADER_BYTES], io.BytesIO(sealed[HEADER_BYTES:])
    assert key_version(header) == key.version
    return b"".join(opened_chunks(body.read, header=header, key=key, place=place))


def plain(chunks: float) -> bytes:
    size = int(CHUNK_BYTES * chunks)
    return bytes(range(256)) * (size // 256) + b"x" * (size % 256)


SIZES = [0, 1 / CHUNK_BYTES, 0.5, 1, 1 + 1 / CHUNK_BYTES, 2, 3.25]


@pytest.mark.parametrize("chunks", SIZES)
def test_it_opens_to_what_was_sealed_and_the_size_is_known_before(chunks: float) -> None:
    data = plain(chunks)
    sealed = seal(data)
    assert unseal(sealed) == data
    assert plain_size(len(sealed)) == len(data)
    assert seal(data) != sealed
    assert data[:16] not in sealed or len(data) < 16


@pytest.mark.parametrize("chunks", SIZES)
def test_another_key_name_or_bucket_opens_nothing(chunks: float) -> None:
    sealed = seal(plain(chunks))
    for key, place in [
        (GLOBEX, PLACE),
        (ACME, Place("frostbyte-globex", PLACE.key)),
        (ACME, Place(PLACE.bucket, "raw/2/abc")),
        (ACME, Place(PLACE.bucket + "r", PLACE.key[1:])),
    ]:
        with pytest.raises(NotAuthenticError):
            unseal(sealed, key, place)


def parts(chunks: int = 3) -> tuple[bytes, list[bytes]]:
    sealed = seal(plain(chunks))
    body = sealed[HEADER_BYTES:]
    return sealed[:HEADER_BYTES], [body[i : i + SEALED] for i in range(0, len(body), SEALED)]


@pytest.mark.parametrize(
    "order", [[0, 1], [0, 2], [1, 2], [2], [], [1, 0, 2], [0, 1, 1, 2], [0, 1, 2, 2], [0, 1, 2, 0]]
)
def test_chunks_missing_moved_or_repeated_are_refused(order: list[int]) -> None:
    header, blocks = parts()
    with pytest.raises(NotAuthenticError):
        unseal(header + b"".join(blocks[i] for i in order))


def test_a_chunk_of_another_object_is_refused() -> None:
    header, blocks = parts()
    _other, others = parts()
    with pytest.raises(NotAuthenticError):
        unseal(header + blocks[0] + others[1] + blocks[2])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_changed_bit_and_any_cut_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(seal(b"some text that must not change"))
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(sealed) - 1))
        sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del sealed[data.draw(st.integers(0, len(sealed) - 1)) :]
    with pytest.raises((NotAuthenticError, AssertionError)):
        unseal(bytes(sealed))


@pytest.mark.parametrize("stored", [0, HEADER_BYTES, HEADER_BYTES + 15, HEADER_BYTES + SEALED + 3])
def test_sizes_that_no_object_has(stored: int) -> None:
    with pytest.raises(NotAuthenticError):
        plain_size(stored)


class Endless(io.RawIOBase):
    """So many bytes, a few at a time, as a socket gives them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        given = min(size, self.left, 50_000)
        self.left -= given
        return bytes(given)


def test_a_large_object_costs_no_memory() -> None:
    reader = SealedReader(sealed_chunks(Endless(64_000_000).read, key=ACME, place=PLACE))
    header = reader.read(HEADER_BYTES)
    tracemalloc.start()
    try:
        opened = opened_chunks(reader.read, header=header, key=ACME, place=PLACE)
        total = sum(len(chunk) for chunk in opened)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 64_000_000
    assert peak < 16 * CHUNK_BYTES


def test_a_reader_gives_as_many_bytes_as_asked() -> None:
    data = plain(2.5)
    whole = seal(data)
    reader = SealedReader(iter([whole[:100], b"", whole[100:]]))
    taken = [reader.read(size) for size in (1, 99, 5, 0, 300_000)]
    assert [len(part) for part in taken] == [1, 99, 5, 0, 300_000]
    assert b"".join(taken) + reader.read() == whole
    assert reader.read(10) == b""


def test_a_small_value_opens_for_its_purpose_and_key_only() -> None:
    sealed = value_seal(b"a secret", key=ACME, purpose="credential 1")
    assert value_open(sealed, key=ACME, purpose="credential 1") == b"a secret"
    assert value_seal(b"a secret", key=ACME, purpose="credential 1") != sealed
    for key, purpose, value in [
        (GLOBEX, "credential 1", sealed),
        (ACME, "credential 2", sealed),
        (ACME, "credential 1", sealed[:-1]),
        (ACME, "credential 1", b""),
    ]:
        with pytest.raises(NotAuthenticError):
            value_open(value, key=key, purpose=purpose)


def test_a_key_does_not_show_itself() -> None:
    assert "aaaa" not in repr(ACME)
