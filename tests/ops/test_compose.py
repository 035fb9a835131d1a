"""compose.yaml against the settings: what it says is what the application reads."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.core.management import get_commands

from frostbyte.settings.env import PROJECT_DIR
from tests.ops.variables import environment_defaults

APPLICATION = ("migrate", "web", "worker", "beat")
IMAGE_VARIABLES = {
    "postgres": {"POSTGRES_PASSWORD", "FROSTBYTE_DATABASE_PASSWORD"},
    "valkey": {"REDIS_PASSWORD"},
    "minio": {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"},
    "minio-user": {
        *("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"),
        "MC_CONFIG_DIR",
    },
}
SECRETS = ("SECRET", "PASSWORD", "ACCESS_KEY", "ROOT_USER")
REFERENCE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<rule>:[?-])?(?P<text>[^}]*)\}")
SHOW_SETTINGS = """
import django, json
django.setup()
from django.conf import settings
print(json.dumps({
    "database": {k: str(v) for k, v in settings.DATABASES["default"].items()},
    **{name: getattr(settings, name) for name in (
        "DEBUG", "REDIS_URL", "S3_ENDPOINT_URL", "S3_ACCESS_KEY", "QDRANT_URL", "CLAMD_HOST",
        "SECRET_KEY", "MASTER_KEY_FILE", "S3_IDENTITIES", "BASE_DOMAIN", "SECURE_SSL_REDIRECT",
        "CELERY_BROKER_URL")},
}))
"""


def read_example() -> dict[str, str]:
    """Return the names and values of `.env.example`."""
    lines = (PROJECT_DIR / ".env.example").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)


def filled_in() -> dict[str, str]:
    """Return `.env.example` as an operator fills it in."""
    return {name: value or f"given-{name.lower()}" for name, value in read_example().items()}


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as Compose does."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match["name"], "")
        if not value and match["rule"] == ":?":
            raise KeyError(match["name"])
        return value or (match["text"] if match["rule"] == ":-" else "")

    return REFERENCE.sub(value_of, text).replace("$$", "$")


@pytest.fixture(scope="module")
def raw() -> str:
    """The file as written."""
    return (PROJECT_DIR / "compose.yaml").read_text()


@pytest.fixture(scope="module")
def services(raw: str) -> dict[str, Any]:
    """The services, with the variables of a filled-in `.env.example`."""
    loaded: dict[str, Any] = yaml.safe_load(substitute(raw, filled_in()))
    services: dict[str, Any] = loaded["services"]
    return services


def test_the_file_names_exactly_the_variables_of_the_example(raw: str) -> None:
    assert {match["name"] for match in REFERENCE.finditer(raw)} == set(read_example())


@pytest.mark.parametrize("name", [n for n in read_example() if any(s in n for s in SECRETS)])
def test_a_secret_is_neither_in_the_file_nor_has_a_default(raw: str, name: str) -> None:
    assert read_example()[name] == ""
    with pytest.raises(KeyError, match=name):
        substitute(raw, {**filled_in(), name: ""})


@pytest.mark.parametrize("name", APPLICATION)
def test_the_application_reads_every_variable_that_is_set(
    services: dict[str, Any], name: str
) -> None:
    unknown = set(services[name]["environment"]) - set(environment_defaults())
    assert unknown == {"DJANGO_SETTINGS_MODULE"}


def test_the_images_get_their_own_variables_only(services: dict[str, Any]) -> None:
    given = {
        name: set(service["environment"])
        for name, service in services.items()
        if name not in APPLICATION and "environment" in service
    }
    assert given == IMAGE_VARIABLES


def test_every_address_is_a_service_that_the_application_waits_for(
    services: dict[str, Any],
) -> None:
    environment = services["web"]["environment"]
    hosts = {urlsplit(value).hostname for key, value in environment.items() if key.endswith("_URL")}
    hosts.add(environment["CLAMD_HOST"])
    assert hosts == {"postgres", "valkey", "minio", "qdrant", "clamd"}
    waits_for = set(services["web"]["depends_on"]) | set(services["minio-user"]["depends_on"])
    assert hosts <= waits_for


def test_what_others_wait_for_to_be_healthy_has_a_health_check(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[name], name


def test_every_volume_is_declared_and_data_are_on_volumes(raw: str) -> None:
    loaded = yaml.safe_load(substitute(raw, filled_in()))
    mounted = {
        volume.split(":")[0]
        for service in loaded["services"].values()
        for volume in service.get("volumes", [])
    }
    keys = {filled_in()["FROSTBYTE_KEYS_FOLDER"]}
    files = {name for name in mounted if name.startswith("./")} - keys
    assert mounted - files - keys == set(loaded["volumes"])
    assert all((PROJECT_DIR / name).is_file() for name in files)


def test_only_the_web_server_is_published_and_on_the_loopback_interface(
    services: dict[str, Any],
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


@pytest.mark.parametrize("name", APPLICATION)
def test_every_command_is_a_real_one(services: dict[str, Any], name: str) -> None:
    python, *arguments = services[name]["command"]
    assert python == "python"
    if arguments[0] == "manage.py":
        assert arguments[1] in get_commands()
        return
    assert importlib.util.find_spec(arguments[1]) is not None
    targets = [part.removeprefix("--app=") for part in arguments if part.count(":") == 1]
    assert len(targets) == 1
    module, attribute = targets[0].split(":")
    assert hasattr(importlib.import_module(module), attribute)


def test_the_health_check_is_a_real_module(services: dict[str, Any]) -> None:
    command = services["web"]["healthcheck"]["test"]
    assert command[:3] == ["CMD", "python", "-m"]
    assert importlib.util.find_spec(command[3]) is not None


def test_production_settings_load_with_exactly_this_environment(services: dict[str, Any]) -> None:
    environment = {**services["web"]["environment"], "PATH": os.environ["PATH"]}
    shown = _settings_with(environment)
    assert shown["database"]["HOST"] == "postgres"
    assert shown["database"]["USER"] == "frostbyte"
    assert shown["database"]["PASSWORD"] == "given-frostbyte_database_password"
    assert shown["REDIS_URL"] == "redis://:given-redis_password@valkey:6379/0"
    assert shown["CELERY_BROKER_URL"] == shown["REDIS_URL"]
    assert shown["S3_ENDPOINT_URL"] == "http://minio:9000"
    assert shown["S3_ACCESS_KEY"] == "given-s3_access_key"
    assert shown["QDRANT_URL"] == "http://qdrant:6333"
    assert shown["CLAMD_HOST"] == "clamd"
    assert shown["SECRET_KEY"] == "given-frostbyte_secret_key"
    assert shown["S3_IDENTITIES"] == "none"
    folder = shown["MASTER_KEY_FILE"].rpartition("/")[0]
    assert f"./keys:{folder}" in services["web"]["volumes"]
    assert shown["BASE_DOMAIN"] == "given-frostbyte_base_domain"
    assert (shown["DEBUG"], shown["SECURE_SSL_REDIRECT"]) == (False, True)


def test_production_settings_refuse_to_load_without_a_secret_key(services: dict[str, Any]) -> None:
    environment = {**services["web"]["environment"], "PATH": os.environ["PATH"]}
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _settings_with({**environment, "FROSTBYTE_SECRET_KEY": ""})
    assert "Set FROSTBYTE_SECRET_KEY" in caught.value.stderr


def _settings_with(environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW_SETTINGS],
        env=dict(environment),
        cwd=PROJECT_DIR,
        check=True,
        capture_output=True,
        text=True,
    )
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_the_image_installs_what_exists_and_carries_no_secret_or_data() -> None:
    dockerfile = (PROJECT_DIR / "Dockerfile").read_text()
    for name in re.findall(r"requirements/\w+\.txt", dockerfile):
        assert (PROJECT_DIR / name).is_file()
    ignored = (PROJECT_DIR / ".dockerignore").read_text().splitlines()
    assert {".env", ".frostbyte", ".venv", ".git", "keys"} <= set(ignored)
    assert "USER frostbyte" in dockerfile


def test_the_bootstrap_script_reads_the_password_that_the_file_gives(
    services: dict[str, Any],
) -> None:
    script = (PROJECT_DIR / "migrations" / "sql" / "bootstrap.sql").read_text()
    wanted = set(re.findall(r"^\\getenv \w+ (\w+)$", script, flags=re.MULTILINE))
    assert wanted <= set(services["postgres"]["environment"])
    mounts = services["postgres"]["volumes"]
    target = next(Path(mount.split(":")[1]) for mount in mounts if "bootstrap.sql" in mount)
    assert target.parent == Path("/docker-entrypoint-initdb.d")
