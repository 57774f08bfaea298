"""What Hydra and OmegaConf do again for every composition, once a process; what is composed stays the same."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import hydra.version
import omegaconf._utils
import omegaconf.base
import yaml
from hydra.core.config_store import ConfigStore


def spare_repetition() -> None:
    """A third off each composition, of which a multirun needs two a job; safe to call more than once.

    - Hydra copies all that is registered before it composes, though it copies each node again as it reads it.
    - OmegaConf reads YAML with the parser in Python; libyaml's, where PyYAML has it, builds the same values.
    - OmegaConf parses each interpolation every time that it looks behind it; nothing changes a parsed one.
    - Hydra reads the version that it is asked to behave as some three hundred times.
    """
    ConfigStore.__deepcopy__ = lambda self, _: self  # type: ignore[attr-defined]
    omegaconf._utils.get_yaml_loader = yaml_loader
    for module, name in ((hydra.version, "_get_version"), (omegaconf.base, "parse")):
        function = getattr(module, name)
        if not hasattr(function, "cache_info"):
            setattr(module, name, lru_cache(1000)(function))


@cache
def yaml_loader() -> Any:
    """OmegaConf's loader with libyaml's parser below it."""
    if not yaml.__with_libyaml__:
        return _PLAIN()
    parser: Any = yaml.cyaml.CParser

    class Loader(parser, _PLAIN()):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            parser.__init__(self, stream)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return Loader


_PLAIN = omegaconf._utils.get_yaml_loader
