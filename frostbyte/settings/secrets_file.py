"""Environment variables from an age-encrypted file, so that secrets can be kept with the rest.

`FROSTBYTE_SECRETS_FILE` names the file, JSON (`{"NAME": "value"}`) or lines `NAME=value` inside;
`FROSTBYTE_AGE_IDENTITY_FILE` names what opens it. Values are never printed, names are.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyrage
from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values
from pydantic import AliasChoices
from pydantic_settings import BaseSettings, EnvSettingsSource

from frostbyte.kernel.age import NotIdentitiesError, identities_of

FILE: Final = "FROSTBYTE_SECRETS_FILE"
IDENTITY: Final = "FROSTBYTE_AGE_IDENTITY_FILE"


class SecretsFileSource(EnvSettingsSource):
    """Gives what the secrets file holds, in the way of the process environment."""

    def __init__(self, settings_cls: type[BaseSettings], *, path: str, identity_path: str) -> None:
        self._path, self._identity_path = path, identity_path
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        if not self._path:
            return {}
        values = read_secrets(Path(self._path), identity_path=self._identity_path)
        unknown = sorted(
            set(values) - variable_names(self.settings_cls) | set(values) & {FILE, IDENTITY}
        )
        if unknown:
            raise ImproperlyConfigured(
                f"{self._path} sets what Frostbyte does not read: {', '.join(unknown)}."
            )
        return {name.lower(): value for name, value in values.items()}


def variable_names(settings_cls: type[BaseSettings]) -> set[str]:
    """Return the name of every environment variable that the settings read."""
    prefix = settings_cls.model_config.get("env_prefix", "")
    names: set[str] = set()
    for field_name, field in settings_cls.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names |= {str(choice) for choice in alias.choices}
        else:
            names.add(str(alias) if alias else f"{prefix}{field_name}".upper())
    return names


def read_secrets(path: Path, *, identity_path: str) -> dict[str, str]:
    """Return the variables of an encrypted file; raises `ImproperlyConfigured`, without values."""
    if not identity_path:
        raise ImproperlyConfigured(f"Set {IDENTITY} to the age identity that opens {path}.")
    opened = _decrypted(path, Path(identity_path))
    try:
        text = opened.decode()
        return _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)
    except ValueError:
        raise ImproperlyConfigured(
            f'Inside {path} there must be JSON, {{"NAME": "value"}}, or lines NAME=value.'
        ) from None


def _decrypted(path: Path, identity_path: Path) -> bytes:
    try:
        identities = identities_of(identity_path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(IDENTITY, identity_path, error) from None
    except NotIdentitiesError:
        raise ImproperlyConfigured(
            f"{identity_path} ({IDENTITY}) holds no age identity: make one with `age-keygen`."
        ) from None
    try:
        return bytes(pyrage.decrypt(path.read_bytes(), list(identities)))
    except OSError as error:
        raise _unreadable(FILE, path, error) from None
    except pyrage.DecryptError:
        raise ImproperlyConfigured(
            f"{path} ({FILE}) does not open with {identity_path}: it is encrypted to another "
            "recipient, damaged, or no age file."
        ) from None


def _from_json(text: str) -> dict[str, str]:
    loaded: dict[str, Any] = json.loads(text)
    if not all(isinstance(value, str | int | bool) for value in loaded.values()):
        raise ValueError
    return {name: _as_text(value) for name, value in loaded.items()}


def _as_text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_lines(text: str) -> dict[str, str]:
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    if not values or None in values.values():
        raise ValueError
    return {name: value or "" for name, value in values.items()}


def _unreadable(variable: str, path: Path, error: Exception) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{path} ({variable}) cannot be read: {type(error).__name__}.")
