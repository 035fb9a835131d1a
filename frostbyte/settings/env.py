"""Every environment variable that Frostbyte reads, typed, with its default.

Values come from the process environment, then from the encrypted secrets file, then from `.env` in
the project folder. A service that
is not named (DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL) is the embedded one under FROSTBYTE_HOME.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from frostbyte.embedded.endpoints import Endpoints, load_endpoints, read_json
from frostbyte.settings.secrets_file import SecretsFileSource

PROJECT_DIR = Path(__file__).resolve().parents[2]


class Environment(BaseSettings):
    """The process environment. Names are FROSTBYTE_<FIELD>, but for the four services' URLs."""

    model_config = SettingsConfigDict(
        env_prefix="FROSTBYTE_",
        env_file=PROJECT_DIR / ".env",
        extra="ignore",
        # What is wrong with a value is told without the value.
        hide_input_in_errors=True,
    )

    home: Path = PROJECT_DIR / ".frostbyte"
    work_folder: str = ""
    secret_key: SecretStr = SecretStr("")
    master_key_file: str = ""
    secrets_file: str = ""
    age_identity_file: str = ""
    base_domain: str = "localhost"
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    port: int = 8000
    proxy_count: int = 0
    require_operator_totp: Literal["", "on", "off"] = ""
    require_malware_scan: Literal["", "on", "off"] = ""
    oidc_private_networks: Literal["", "on", "off"] = ""
    session_hours: int = 12
    session_idle_minutes: int = 60
    log_level: str = "INFO"
    log_format: str = "console"
    worker_concurrency: int = 1
    parse_memory_mb: int = 2048
    parse_seconds: int = 300
    worker_max_documents: int = 1000
    worker_max_memory_mb: int = 3000
    max_runs_in_flight_per_tenant: int = 4
    lease_seconds: int = 30
    max_request_mb: int = 10_240
    batch_open_hours: int = 24
    upload_hours: int = 24
    admin_rate_per_minute: int = 60
    max_streams_per_tenant: int = 200
    bucket_prefix: str = "frostbyte"
    database_url: str = Field("", validation_alias="DATABASE_URL")
    redis_url: str = Field("", validation_alias="REDIS_URL")
    s3_endpoint_url: str = Field("", validation_alias="S3_ENDPOINT_URL")
    s3_access_key: SecretStr = Field(
        SecretStr(""), validation_alias=AliasChoices("S3_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
    )
    s3_secret_key: SecretStr = Field(
        SecretStr(""), validation_alias=AliasChoices("S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY")
    )
    s3_region: str = Field("us-east-1", validation_alias="S3_REGION")
    s3_identities: Literal["", "iam", "none"] = ""
    qdrant_url: str = Field("", validation_alias="QDRANT_URL")
    clamd_host: str = Field("", validation_alias="CLAMD_HOST")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the secrets file between the process environment and `.env`."""
        del file_secret_settings
        given = {**dotenv_settings(), **env_settings(), **init_settings()}
        secrets = SecretsFileSource(
            settings_cls,
            path=given.get("secrets_file", ""),
            identity_path=given.get("age_identity_file", ""),
        )
        return init_settings, env_settings, secrets, dotenv_settings

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip() for host in value.split(",") if host.strip())
        return value

    @property
    def embedded(self) -> Endpoints:
        """Where the embedded servers are, for each service that is not named."""
        return load_endpoints(self.home)

    @property
    def signing_key(self) -> str:
        """Django's SECRET_KEY: the given one, or the one made at the first embedded start."""
        given = self.secret_key.get_secret_value()
        return given or read_json(self.home / "secrets.json").get("secret_key", "")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment, read once a process."""
    return Environment()
