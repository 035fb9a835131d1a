"""The names and defaults of the environment variables that `Environment` reads."""

from pydantic import AliasChoices, SecretStr

from frostbyte.settings.env import Environment


def environment_defaults() -> dict[str, str]:
    """Return each variable's name and its default as text; an alternative name has it too."""
    prefix = Environment.model_config["env_prefix"]
    found: dict[str, str] = {}
    for field_name, field in Environment.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names = [str(choice) for choice in alias.choices]
        else:
            names = [str(alias) if alias else f"{prefix}{field_name.upper()}"]
        found.update(dict.fromkeys(names, _text(field.default)))
    return found


def _text(default: object) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return "" if default == () else str(default)
