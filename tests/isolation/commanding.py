"""Every way to call our management commands, read from their own parsers, and what to call with.

A command is attacked unless `NOT_ATTACKED` says why not. An argument whose name is in neither
`OWN`, `VALUES` nor `LEFT_OUT` fails a test, unless it is a switch or has choices.
"""

import argparse
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import (
    BaseCommand,
    CommandError,
    call_command,
    get_commands,
    load_command_class,
)

from tenants.access.roles import TENANT_ADMIN, TENANT_USER
from tests.isolation.attacks import Answer
from tests.isolation.surfaces import own_commands
from tests.isolation.world import Material, username_of

NOT_ATTACKED: Final[Mapping[str, str]] = {
    "bench": "works in a home of its own",
    "bench_objects": "minutes of writes and reads by the handle that test_stores attacks",
    "bench_tenants": "works in a home of its own",
    "demo": "works in a home of its own, on tenants of its own",
    "demo_tenants": "makes the two demo tenants, and takes no name",
    "embedded": "starts and stops servers; knows no tenant",
    "receipt": "tells of the file that it is given; opens no tenant",
    "up": "starts the programs; knows no tenant",
    "upgrade": "changes every schema, each under its own role, and takes no name",
    "watch": "waits on a folder; takes files in by the same service as `ingest`, which is attacked",
}
"""Commands that are not attacked, and why. Every other one is."""

OWN: Final = frozenset({"slug", "slugs", "tenant"})
"""Arguments that name the tenant to work on: the attacker's."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "batch": "the sender's name of a batch, looked for within the tenant that is named",
    "every": "every dead letter of the tenant that is named",
    "all": "goes through every tenant, each by its own name",
    "ask": "waits for a person at a keyboard",
    "master": "turns the platform's key, in a file that all tests share",
}
"""Arguments that are not given, and why."""

ENTERS: Final = "tenant create"
"""The one call whose slug is nobody's yet, so that the victim's is the attack."""

_AGO: Final = re.compile(r"\d+\.\d+")
_ONCE: Final = re.compile(r"(shown this once: )\S+")
_FRAMES: Final = re.compile(r"[\s─━-╿]+")


@dataclass(frozen=True, slots=True)
class Given:
    """What an attacker types of a tenant: all that is known of it, and a folder of its files."""

    material: Material
    folder: Path


@dataclass(frozen=True, eq=False)
class Door:
    """One command with one chain of actions, and the arguments that it takes."""

    command: str
    words: tuple[str, ...]
    arguments: tuple[argparse.Action, ...]
    rivals: tuple[tuple[str, ...], ...]
    """Names of arguments of which only one may be given."""

    def __str__(self) -> str:
        return " ".join((self.command, *self.words))

    @property
    def is_in_a_tenants_name(self) -> bool:
        """Whether it works on a tenant that is named."""
        return any(action.dest in OWN for action in self.arguments)


@dataclass(frozen=True, slots=True)
class Line:
    """A call: the words after the command, and the text in them that an answer may repeat."""

    words: tuple[str, ...]
    sent: tuple[str, ...]


def issuer_of(material: Material) -> str:
    """Return where a tenant's own identity provider would be; nothing listens there."""
    return f"https://127.0.0.1:1/{material.words.key.lower()}"


def _names(given: Given) -> tuple[str, ...]:
    """Return one of everything that a tenant has and that one could name."""
    material = given.material
    ids = (values[0] for column, values in sorted(material.ids.items()) if column in _NAMED_IDS)
    return tuple(
        dict.fromkeys(
            (
                material.slug,
                username_of(material.words, TENANT_USER),
                username_of(material.words, TENANT_ADMIN),
                material.key_ids[0],
                f"{material.words.staff}-readers",
                material.words.filename.lower(),
                material.words.name,
                *ids,
            )
        )
    )


_NAMED_IDS: Final = frozenset(
    {"intake_document.id", "intake_receipt.id", "processing_chunk.id", "processing_run.id"}
)


def _settings(given: Given) -> tuple[str, ...]:
    names = _names(given)
    return ("retention_days=90", *(f"pii_policy={name}" for name in names[:3]))


VALUES: Final[Mapping[str, Callable[[Given], tuple[str, ...]]]] = {
    "changes": _settings,
    "client_id": _names,
    "client_secret_file": lambda given: (str(given.folder / "secret"),),
    "collection": lambda given: (
        "default",
        given.material.words.filename.lower(),
        f"{given.material.words.filename.lower()}-empty",
    ),
    "confirm": _names,
    "email_domains": _names,
    "expect": lambda _given: ("1",),
    "expires_at": lambda _given: ("9",),
    "facts": lambda given: (str(given.folder / "facts.jsonl"),),
    "groups": lambda given: (f"{given.material.words.staff}-readers",),
    "issuer": lambda given: (issuer_of(given.material),),
    "key_id": lambda given: (*given.material.key_ids, *_names(given)),
    "name": _names,
    "code": lambda _given: ("CHECKSUM_MISMATCH",),
    "reason": _names,
    "runs": lambda given: given.material.ids["processing_run.id"],
    "timeout": lambda _given: ("1",),
    "older_than": lambda _given: ("1",),
    "paths": lambda given: (str(given.folder / "files"),),
    "role_claim": _names,
    "roles": lambda given: tuple(f"{name}={TENANT_USER}" for name in _names(given)),
    "root": lambda given: (str(given.folder / "files"),),
    "search": _names,
    "username": _names,
}
"""By the name of an argument: what to give of a tenant."""


@lru_cache(maxsize=1)
def doors() -> tuple[Door, ...]:
    """Return every way to call the commands that are attacked."""
    attacked = [name for name in own_commands() if name not in NOT_ATTACKED]
    return tuple(door for name in attacked for door in _doors(name, (), _parser(name), ()))


def lines(door: Door, given: Given, *, own: str) -> list[Line]:
    """Return calls in the name of the tenant `own`, with what is `given` as everything else.

    Every value of each argument is tried with what must be given only, and with everything.
    """
    values = {action: _values(door, action, given, own) for action in _offered(door)}
    rounds = max((len(found) for found in values.values()), default=1)
    free = [action for action in values if not _is_needed(action)]
    choices = ([], *([action] for action in free), free)
    made = (_line(door, values, at, chosen) for at in range(rounds) for chosen in choices)
    return list(dict.fromkeys(made))


def unknown(door: Door) -> list[str]:
    """Return the arguments for which nobody has said a value."""
    return [
        action.dest
        for action in _offered(door)
        if action.dest not in OWN | set(VALUES) and action.nargs != 0 and not action.choices
    ]


def call(door: Door, line: Line, monkeypatch: pytest.MonkeyPatch, *, typed: str) -> Answer:
    """Call a command and return how it ended with everything that it printed.

    `typed` answers whatever it asks.
    """
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
    ended = 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            call_command(door.command, *line.words, stdout=said, stderr=said, no_color=True)
        except CommandError as error:
            ended = error.returncode
            said.write(str(error))
    return Answer(status=ended, headers={}, text=_steady(said.getvalue()))


def write_files(material: Material, folder: Path, *, instead: Material | None = None) -> Given:
    """Write a tenant's text file, a question about it and a secret into a folder.

    `instead`: the like of this tenant, of whose words none shall be in the file.
    """
    name = next(name for name in material.files if name.endswith(".txt"))
    text = material.files[name].decode()
    if instead is not None:
        text = text.replace(material.words.content, "Nowherexx")
        name, material = f"nowhere-{name}", instead
    (folder / "files").mkdir(parents=True)
    (folder / "files" / name).write_text(text)
    fact = {
        "query": f"{material.words.question} {material.words.content} pump",
        "answers": [{"path": name, "page": 1}],
        "text_contains": material.words.content,
    }
    (folder / "facts.jsonl").write_text(json.dumps(fact))
    (folder / "secret").write_text("a client secret")
    return Given(material, folder)


def _steady(text: str) -> str:
    """Return what was printed without what no two calls share: times, keys, widths of tables."""
    return _FRAMES.sub(" ", _AGO.sub("<number>", _ONCE.sub(r"\1<once>", text)))


def _parser(name: str) -> argparse.ArgumentParser:
    command: Any = load_command_class(get_commands()[name], name)
    parser: argparse.ArgumentParser = command.create_parser("manage.py", name)
    return parser


def _doors(
    command: str,
    words: tuple[str, ...],
    parser: argparse.ArgumentParser,
    taken: tuple[argparse.Action, ...],
) -> Iterator[Door]:
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    arguments = taken + tuple(
        a for a in parser._actions if a.dest not in _common() and a not in inner
    )
    for action in inner:
        for word, below in action.choices.items():
            yield from _doors(command, (*words, word), below, arguments)
    if not inner:
        groups = parser._mutually_exclusive_groups
        rivals = tuple(tuple(a.dest for a in group._group_actions) for group in groups)
        yield Door(command, words, arguments, rivals)


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    """Return the arguments that Django gives to every command."""
    parser = BaseCommand().create_parser("manage.py", "none")
    return frozenset(action.dest for action in parser._actions)


def _offered(door: Door) -> list[argparse.Action]:
    """Return the arguments to give: of rivals the first that is not left out."""
    kept = [action for action in door.arguments if action.dest not in LEFT_OUT]
    named = {action.dest for action in kept}
    lost = {
        dest for rivals in door.rivals for dest in [each for each in rivals if each in named][1:]
    }
    return [action for action in kept if action.dest not in lost]


def _values(door: Door, action: argparse.Action, given: Given, own: str) -> tuple[str, ...]:
    if action.nargs == 0:
        return ()
    if action.dest in OWN:
        return (given.material.slug if str(door) == ENTERS else own,)
    if action.dest in VALUES:
        return VALUES[action.dest](given)
    return tuple(map(str, action.choices or ()))


def _is_needed(action: argparse.Action) -> bool:
    return action.required or action.dest in OWN


def _line(
    door: Door,
    values: Mapping[argparse.Action, tuple[str, ...]],
    at: int,
    chosen: Sequence[argparse.Action],
) -> Line:
    words = list(door.words)
    sent: list[str] = []
    for action, found in values.items():
        if not _is_needed(action) and action not in chosen:
            continue
        flag = action.option_strings[-1] if action.option_strings else ""
        if not found:
            words.append(flag)
            continue
        value = found[at % len(found)]
        words.append(f"{flag}={value}" if flag else value)
        sent += _parts(value)
    return Line(tuple(words), tuple(sent))


def _parts(value: str) -> tuple[str, ...]:
    """Return a value and, of a path, the names of the files that are meant by it."""
    folder = Path(value)
    if not value.startswith("/"):
        return (value,)
    return (value, *(path.name for path in folder.rglob("*") if path.is_file()))
