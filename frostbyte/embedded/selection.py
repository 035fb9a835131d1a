"""Which servers this installation runs itself: those for which the environment names no other."""

from frostbyte.embedded.postgres import Postgres
from frostbyte.embedded.seaweed import SeaweedFS
from frostbyte.embedded.servers import EmbeddedServers
from frostbyte.embedded.valkey import Valkey
from frostbyte.settings.env import Environment, environment


def own_services(settings: Environment) -> tuple[str, ...]:
    """Return the names of the servers that no variable replaces by a given service."""
    given = {
        Postgres.name: settings.database_url,
        Valkey.name: settings.redis_url,
        SeaweedFS.name: settings.s3_endpoint_url,
    }
    return tuple(name for name, url in given.items() if not url)


def own_servers() -> EmbeddedServers:
    """Return the servers of this installation, under FROSTBYTE_HOME."""
    settings = environment()
    return EmbeddedServers(
        settings.home.resolve(),
        services=own_services(settings),
        own_master_key=not settings.master_key_file,
    )
