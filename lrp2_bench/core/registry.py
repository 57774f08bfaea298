"""Extension points: implementations of one interface by name.

Ours are listed as ``NAME: "module:Class"`` and imported when they are asked for. An installed package adds its own by
an entry point in the registry's group, a running program by the decorator ``@REGISTRY.register``. A module that asks
the registry rather than a list of its own knows them all.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any, Generic, TypeVar

from lrp2_bench.core.errors import BenchError, UnknownNameError

Item = TypeVar("Item", bound=type[Any])


@dataclass(frozen=True)
class _Added:
    """By an installed package: where it is, as ``module:Class``, and the package's name."""

    target: str
    package: str


class Registry(Generic[Item]):
    """Classes that implement ``base`` (``module:Class``, imported with the first of them), by name.

    ``what`` says what they are, in messages; ``group`` is the entry points' group; ``ours`` maps names to
    ``module:Class``.
    """

    def __init__(self, what: str, group: str, base: str, ours: Mapping[str, str]) -> None:
        self.what, self.group = what, group
        self._base, self._ours = base, dict(ours)
        self._registered: dict[str, Item] = {}
        self._loaded: dict[str, Item] = {}

    def register(self, item: Item) -> Item:
        """Make a class known in this process under its attribute ``name``; a decorator.

        Processes that this one starts (jobs of a launcher) do not know it: for these a package declares an entry
        point. Raises :class:`BenchError` for a class without a name, of another base, or of a name that is taken.
        """
        name = getattr(item, "name", None)
        if not isinstance(name, str):
            raise BenchError(f"The {self.what} {item.__name__} has no name: give the class one, as in name = 'mine'.")
        known = self._registered.get(name)
        # A notebook's cell that runs again defines the same class once more.
        same = known is not None and (known.__module__, known.__qualname__) == (item.__module__, item.__qualname__)
        if name in self and not same:
            raise BenchError(f"There is a {self.what} '{name}' already: give the class another name.")
        self._check(name, item, item.__module__)
        self._registered[name] = item
        return item

    def names(self) -> tuple[str, ...]:
        """Ours in their order, then those of packages and programs, sorted."""
        others = {*self._registered, *(name for name, _ in _added(self.group))} - self._ours.keys()
        return (*self._ours, *sorted(others))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def get(self, name: str) -> Item:
        """The class of that name.

        Raises :class:`UnknownNameError` for a name that nobody registered, :class:`BenchError` for one that is
        registered twice, and for a package whose class cannot be imported or does not implement the interface.
        """
        if name in self._registered:
            return self._registered[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Item:
        added = {found for key, found in _added(self.group) if key == name}
        if name not in self._ours and not added:
            raise UnknownNameError(
                self.what,
                name,
                self.names(),
                f"--help lists them; a package adds one by an entry point in {self.group}.",
            )
        if len(added) + (name in self._ours) > 1:
            owners = sorted([*(found.package for found in added), *(["lrp2-bench"] if name in self._ours else [])])
            raise BenchError(
                f"The {self.what} '{name}' is registered more than once, by {', '.join(owners)}.\n"
                "Uninstall one of these packages, or have it choose another name."
            )
        if name in self._ours:
            item: Item = self._import(self._ours[name])
            return item
        (found,) = added
        try:
            item = self._import(found.target)
        except Exception as error:
            raise BenchError(
                f"The {self.what} '{name}' of the package '{found.package}' cannot be loaded from "
                f"'{found.target}': {type(error).__name__}: {error}.\nFix or uninstall that package."
            ) from error
        self._check(name, item, f"package {found.package}")
        return item

    def _check(self, name: str, item: Any, origin: str) -> None:
        base: Any = self._import(self._base)
        if not isinstance(item, type) or not issubclass(item, base):
            raise BenchError(
                f"The {self.what} '{name}' ({origin}) is not a subclass of {base.__module__}.{base.__name__}."
            )
        own = getattr(item, "name", name)
        if own != name:
            raise BenchError(
                f"The {self.what} '{name}' ({origin}) calls itself '{own}': give its entry point that name as well."
            )
        missing = [*sorted(getattr(item, "__abstractmethods__", ())), *_without_value(base, item)]
        if missing:
            raise BenchError(f"The {self.what} '{name}' ({origin}) lacks {', '.join(missing)}.")

    def _import(self, target: str) -> Any:
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)


def _without_value(base: type[Any], item: type[Any]) -> list[str]:
    """The class variables that ``base`` declares without a value and ``item`` does not give one."""
    declared = getattr(base, "__annotations__", {}).items()
    return [name for name, kind in declared if "ClassVar" in str(kind) and not hasattr(item, name)]


def _added(group: str) -> list[tuple[str, _Added]]:
    return [(point.name, _Added(point.value, package)) for package, point in _entry_points() if point.group == group]


@cache
def _entry_points() -> tuple[tuple[str, EntryPoint], ...]:
    """With their packages, of all groups at once: every look reads the metadata of all installed packages."""
    first: dict[str, Distribution] = {}
    for package in distributions():
        first.setdefault(package.name.lower().replace("_", "-"), package)  # the first on the path, as for imports
    return tuple(
        (package.name, point)
        for package in first.values()
        for point in package.entry_points
        if point.group.startswith("lrp2_bench.")
    )
