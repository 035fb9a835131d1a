"""Every way into the application, read from the application itself.

The endpoints of both URL configurations (pages, console and API), the names of query parameters
and form fields that the code reads, the tasks and the management commands. Tests that iterate
these meet what is new without anybody's remembering it.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from drf_spectacular.generators import SchemaGenerator

PROJECT_DIR: Final = Path(__file__).resolve().parents[2]
OWN_PACKAGES: Final = ("audit", "frostbyte", "intake", "processing", "search", "tenants")
EVERY_METHOD: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORM_METHODS: Final = ("GET", "POST")

_CONVERTER: Final = re.compile(r"<(?:(\w+):)?(\w+)>")
_NAMED_GROUP: Final = re.compile(r"\(\?P<(\w+)>[^()]*\)")


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One address of one URL configuration, and what answers there.

    `route` has its parameters as `{name}`; `parameters` tells the kind of each: `uuid`, `int`,
    `slug`, `str`, `path`, or `regex` for a group of a regular expression.
    """

    urlconf: str
    route: str
    name: str
    view: Callable[..., Any]
    parameters: Mapping[str, str]

    @property
    def is_api(self) -> bool:
        """Whether it belongs to the API."""
        return self.route.startswith("api/")

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods that it may answer; those of a form, for a function that limits none."""
        view_class = getattr(self.view, "view_class", getattr(self.view, "cls", None))
        if view_class is None:
            return _methods_of_function(self.view)
        return tuple(method for method in EVERY_METHOD if hasattr(view_class, method.lower()))

    def address(self, values: Mapping[str, object]) -> str:
        """Return the path with `values` in the place of the parameters."""
        return "/" + self.route.format_map({name: str(value) for name, value in values.items()})

    def __str__(self) -> str:
        return f"{self.urlconf.rsplit('_', 1)[-1]}:/{self.route}"


@lru_cache(maxsize=8)
def endpoints(urlconf: str) -> tuple[Endpoint, ...]:
    """Return everything that a URL configuration leads to."""
    return tuple(_walk(get_resolver(urlconf).url_patterns, "", "", {}, urlconf))


def all_endpoints() -> tuple[Endpoint, ...]:
    """Return the endpoints of a tenant's host and those of the public one."""
    return endpoints(settings.ROOT_URLCONF) + endpoints(settings.PUBLIC_SCHEMA_URLCONF)


def tenant_tasks() -> dict[str, Any]:
    """Return our own Celery tasks by name."""
    current_app.loader.import_default_modules()
    return {
        name: task
        for name, task in sorted(current_app.tasks.items())
        if type(task).__module__.split(".")[0] in OWN_PACKAGES
    }


def own_commands() -> tuple[str, ...]:
    """Return the names of our own management commands."""
    ours = {name for name, app in get_commands().items() if app.split(".")[0] in OWN_PACKAGES}
    return tuple(sorted(ours))


@lru_cache(maxsize=1)
def request_names() -> Mapping[str, frozenset[str]]:
    """Return, for `GET`, `POST` and `FILES`, the names that our code reads from requests.

    Read from the source: `request.GET.get("name")`, `.getlist("name")` and `["name"]`.
    """
    found: dict[str, set[str]] = {"GET": set(), "POST": set(), "FILES": set()}
    for package in OWN_PACKAGES:
        for path in (PROJECT_DIR / package).rglob("*.py"):
            for kind, name in _names_read(ast.parse(path.read_text())):
                found[kind].add(name)
    return {kind: frozenset(names) for kind, names in found.items()}


@lru_cache(maxsize=1)
def query_names() -> frozenset[str]:
    """Return every name that may stand in a query: those that the code reads or OpenAPI tells."""
    generators: list[Any] = [
        SchemaGenerator(urlconf=urlconf)  # type: ignore[no-untyped-call]
        for urlconf in (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF)
    ]
    described = {
        parameter["name"]
        for generator in generators
        for item in generator.get_schema(public=True)["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    return request_names()["GET"] | described


def _methods_of_function(view: Any) -> tuple[str, ...]:
    """Return what Django's `require_http_methods` lets through, however deep it is wrapped."""
    while view is not None:
        limits = inspect.getclosurevars(view).nonlocals if inspect.isfunction(view) else {}
        if "request_method_list" in limits:
            return tuple(sorted(set(EVERY_METHOD) & set(limits["request_method_list"])))
        view = getattr(view, "__wrapped__", None)
    return FORM_METHODS


def _walk(
    patterns: list[Any], route: str, namespace: str, kinds: Mapping[str, str], urlconf: str
) -> Iterator[Endpoint]:
    for pattern in patterns:
        part, found = _readable(pattern.pattern)
        here, known = route + part, {**kinds, **found}
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, here, inner, known, urlconf)
        elif isinstance(pattern, URLPattern):
            name = f"{namespace}{pattern.name}" if pattern.name else ""
            yield Endpoint(urlconf, here, name, pattern.callback, known)


def _readable(pattern: Any) -> tuple[str, dict[str, str]]:
    """Return a part of a route with `{name}` for each parameter, and the parameters' kinds."""
    text = str(pattern)
    if isinstance(pattern, RegexPattern):
        names = dict.fromkeys(_NAMED_GROUP.findall(text), "regex")
        plain = _NAMED_GROUP.sub(r"{\1}", text).replace("^", "").replace("$", "").replace("\\", "")
        if set("()[]*+?|") & set(plain):
            raise ValueError(f"No attack can be generated for the expression {text!r}.")
        return plain, names
    kinds = {name: kind or "str" for kind, name in _CONVERTER.findall(text)}
    return _CONVERTER.sub(r"{\2}", text), kinds


def _names_read(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in {"get", "getlist"}:
                yield from _named(node.func.value, node.args[0])
        elif isinstance(node, ast.Subscript):
            yield from _named(node.value, node.slice)


def _named(source: ast.expr, key: ast.expr) -> Iterator[tuple[str, str]]:
    kinds = {"GET": "GET", "query_params": "GET", "POST": "POST", "FILES": "FILES"}
    is_constant = isinstance(key, ast.Constant) and isinstance(key.value, str)
    if isinstance(source, ast.Attribute) and source.attr in kinds and is_constant:
        yield kinds[source.attr], ast.literal_eval(key)
