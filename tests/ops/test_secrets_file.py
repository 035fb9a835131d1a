"""The encrypted file of variables: what it may hold, what comes before it, and how it fails."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pyrage
import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError
from pyrage import x25519

from frostbyte.kernel.age import identity_lines
from frostbyte.settings.env import PROJECT_DIR, Environment
from frostbyte.settings.secrets_file import variable_names
from tests.ops.variables import environment_defaults

Make = Callable[[bytes], Environment]
SECRET = "not-to-be-printed-1f3a"


@pytest.fixture
def identity(tmp_path: Path) -> x25519.Identity:
    """An identity that is in the file which the environment names."""
    made = x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(identity_lines(made))
    return made


@pytest.fixture
def made(tmp_path: Path, identity: x25519.Identity, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A function that encrypts a text to the identity and reads the environment with it."""
    for name in environment_defaults():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FROSTBYTE_SECRETS_FILE", str(tmp_path / "secrets.age"))
    monkeypatch.setenv("FROSTBYTE_AGE_IDENTITY_FILE", str(tmp_path / "identity.txt"))

    def make(text: bytes) -> Environment:
        encrypted = pyrage.encrypt(text, [identity.to_public()], armored=len(text) % 2 == 0)
        (tmp_path / "secrets.age").write_bytes(encrypted)
        return Environment(_env_file=None)

    return make


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"FROSTBYTE_SECRET_KEY": SECRET, "S3_SECRET_KEY": "s", "FROSTBYTE_PORT": 81}),
        (
            f"# a comment\nFROSTBYTE_SECRET_KEY='{SECRET}'\n"
            "S3_SECRET_KEY=s\nexport FROSTBYTE_PORT=81\n"
        ),
    ],
)
def test_json_and_lines_are_read_and_what_is_not_set_has_its_default(made: Make, text: str) -> None:
    settings = made(text.encode())
    assert settings.secret_key.get_secret_value() == SECRET
    assert settings.s3_secret_key.get_secret_value() == "s"
    assert (settings.port, settings.log_level) == (81, "INFO")
    assert SECRET not in repr(settings)


def test_the_process_environment_comes_first_and_a_plain_env_file_last(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(b'{"S3_REGION": "from-secrets", "FROSTBYTE_BUCKET_PREFIX": "from-secrets"}')
    monkeypatch.setenv("S3_REGION", "from-process")
    (tmp_path / ".env").write_text("FROSTBYTE_BUCKET_PREFIX=plain\nFROSTBYTE_LOG_LEVEL=DEBUG\n")
    settings = Environment(_env_file=tmp_path / ".env")
    assert settings.s3_region == "from-process"
    assert settings.bucket_prefix == "from-secrets"
    assert settings.log_level == "DEBUG"


@pytest.mark.parametrize(
    "text",
    [
        '{"FROSTBYTE_SECRET_KEYS": "%s", "S3_SECRET_KEY": "x"}',
        '{"FROSTBYTE_SECRETS_FILE": "%s"}',
        "FROSTBYTE_HOUSE=%s\n",
    ],
)
def test_a_name_that_nobody_reads_is_told_without_its_value(made: Make, text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="does not read: FROSTBYTE_") as caught:
        made((text % SECRET).encode())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['{"S3_SECRET_KEY": ', '{"S3_SECRET_KEY": ["%s"]}', '["%s"]', "%s", "", "\xff%s"],
)
def test_what_is_neither_json_nor_lines_is_told_without_its_content(made: Make, text: str) -> None:
    content = text.replace("%s", SECRET).encode("latin-1")
    with pytest.raises(ImproperlyConfigured, match="must be JSON") as caught:
        made(content)
    assert SECRET not in str(caught.value)


def test_a_value_that_does_not_fit_is_not_printed(made: Make) -> None:
    with pytest.raises(ValidationError, match="port") as caught:
        made(f'{{"FROSTBYTE_PORT": "{SECRET}"}}'.encode())
    assert SECRET not in str(caught.value)


def test_each_way_of_not_opening_says_what_to_do(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(b'{"S3_REGION": "somewhere"}')
    secrets, identity = tmp_path / "secrets.age", tmp_path / "identity.txt"
    good = secrets.read_bytes()

    def refused() -> str:
        with pytest.raises(ImproperlyConfigured) as caught:
            Environment(_env_file=None)
        return str(caught.value)

    for content in (good[:-3], b"no age file", b""):
        secrets.write_bytes(content)
        assert "does not open with" in refused()
    secrets.unlink()
    assert "secrets.age (FROSTBYTE_SECRETS_FILE) cannot be read: FileNotFoundError" in refused()
    secrets.write_bytes(good)
    identity.write_text(identity_lines(x25519.Identity.generate()))
    assert "encrypted to another recipient" in refused()
    identity.write_text("# nothing here\n")
    assert "holds no age identity" in refused()
    identity.unlink()
    assert "identity.txt (FROSTBYTE_AGE_IDENTITY_FILE) cannot be read" in refused()
    monkeypatch.delenv("FROSTBYTE_AGE_IDENTITY_FILE")
    assert "Set FROSTBYTE_AGE_IDENTITY_FILE" in refused()


def test_the_names_are_those_that_the_guide_lists() -> None:
    assert variable_names(Environment) == set(environment_defaults())


def run(code: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=PROJECT_DIR,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_program_of_its_own_starts_with_the_file(
    made: Make, tmp_path: Path, identity: x25519.Identity
) -> None:
    made(f'{{"FROSTBYTE_SECRET_KEY": "{SECRET}"}}'.encode())
    told = run(
        "from django.conf import settings; print(len(settings.SECRET_KEY), settings.DEBUG)",
        {
            "DJANGO_SETTINGS_MODULE": "frostbyte.settings.prod",
            "FROSTBYTE_SECRETS_FILE": str(tmp_path / "secrets.age"),
            "FROSTBYTE_AGE_IDENTITY_FILE": str(tmp_path / "identity.txt"),
        },
    )
    assert told.split() == [str(len(SECRET)), "False"]
