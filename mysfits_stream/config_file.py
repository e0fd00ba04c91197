"""``config.yaml`` -> :class:`~mysfits_stream.config.Config`, checked key by key.

Reading is strict: an unknown key, a key written twice, a wrong type or a value out of range is a
:class:`~mysfits_stream.errors.ConfigError` with the key's path.
"""

from __future__ import annotations

import json
import logging
import types
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from mysfits_stream.config import Config
from mysfits_stream.errors import ConfigError
from mysfits_stream.setting_limits import JsonText, Limit, OneOf

log = logging.getLogger(__name__)

DEFAULT_PATH = Path("config.yaml")
LARGEST_FILE = 1024 * 1024  # characters
MOST_VALUES = 10_000

MOODS = {"none": "instant", "aws": "aws"}
"""Values of the deprecated key ``local.moods``, and the values of ``local.behavior``."""

PAIRS = tuple[tuple[str, str], ...]
"""The type of keys with values in a configuration, which is hashable."""

LONGEST = 4300
"""How many bits of a number are looked at; Python writes as many digits."""


def load(
    path: Path | None = None, warn: Callable[[str], None] = log.warning, section: str | None = None
) -> Config:
    """Read a configuration file, or a ``section`` of the file and defaults for all else.

    ``path`` None means ``config.yaml`` in the working directory, or the defaults without a file; a given
    path must exist. ``warn`` is called for each deprecated key. Raises ConfigError with the file, and the
    line of broken YAML or the path of the key.
    """
    # A link that leads nowhere is a file that is missing, not a wish for the defaults.
    if path is None and not (DEFAULT_PATH.exists() or DEFAULT_PATH.is_symlink()):
        return Config()

    import yaml

    path = path or DEFAULT_PATH
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise ConfigError(f"{path}: longer than {LARGEST_FILE:,} characters")
        _check_nodes(yaml.compose(text, yaml.SafeLoader))
        document = yaml.safe_load(text)
    except FileNotFoundError:
        what = "a symbolic link to a file that does not exist" if path.is_symlink() else "no such file"
        raise ConfigError(f"{path}: {what}; name another with --config") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read: not UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{path}: {where}not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # PyYAML takes tags, and what looks like a date, at their word: Python says what is wrong then.
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return Config()
    _refuse_foreign(path, document)
    if section and isinstance(document, Mapping):
        document = {key: value for key, value in document.items() if key == section}
    try:
        return _anchored(parse(document, lambda text: warn(f"{path}: {text}")), path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _refuse_foreign(path: Path, document: Any) -> None:
    """Raise ConfigError for another tool's file: no key is known or like a known key."""
    if not isinstance(document, Mapping):
        return
    from difflib import get_close_matches

    known = [f.name for f in fields(Config)]
    keys = [key for key in document if isinstance(key, str)]
    if len(keys) > 1 and not any(get_close_matches(key.lower(), known, n=1, cutoff=0.75) for key in keys):
        raise ConfigError(
            f"{path}: another tool's configuration (keys: {', '.join(keys[:3])}); name a file of "
            "mysfits-stream with --config FILE or MYSFITS_STREAM_CONFIG"
        )


def _anchored(config: Config, directory: Path) -> Config:
    """``config`` with ``processor.source`` relative to the working directory.

    In the file, the path is relative to the file's directory.
    """
    if config.processor.source is None:
        return config
    source = str(directory / config.processor.source)
    return replace(config, processor=replace(config.processor, source=source))


def parse(document: Any, warn: Callable[[str], None] = log.warning) -> Config:
    """The configuration of a YAML document; raises ConfigError with the path of the key."""
    _refuse_two_throttles(document)
    return cast(Config, _section(Config, _with_current_keys(document, warn), ""))


def _refuse_two_throttles(document: Any) -> None:
    """Raise ConfigError if both the cost of a day and the rate limit are set."""
    api = document.get("api") if isinstance(document, Mapping) else None
    if isinstance(api, Mapping) and api.get("max_cost_per_day") is not None and "rate_limit" in api:
        raise ConfigError(
            "api.max_cost_per_day and api.rate_limit: the cost sets the rate limit already; "
            "remove one of the two"
        )


def override(config: Config, settings: Mapping[str, Any]) -> Config:
    """``config`` with settings from options or the environment.

    None leaves a setting unchanged.

    A key names a setting, with the section if any: ``stack``, ``local.access``. Unknown keys are ignored.
    """
    for key, value in settings.items():
        if value is not None:
            config = _override_one(config, key, value)
    return config


def _override_one(config: Config, key: str, value: Any) -> Config:
    section_name, _, name = key.rpartition(".")
    section: Any = getattr(config, section_name) if section_name else config
    known = {f.name: f for f in fields(section)}
    if name not in known:
        return config
    checked = _value(key, get_type_hints(type(section))[name], value, known[name])
    changed = replace(section, **{name: checked})
    return replace(config, **{section_name: changed}) if section_name else changed


def _check_nodes(root: Any) -> None:
    """Raise MarkedYAMLError for a key that is written twice: YAML would use the last value.

    Also for over MOST_VALUES values with aliases written out: a short document with aliases of aliases has
    billions of values, and an alias inside of itself has no end.
    """
    import yaml

    waiting = deque([root] if root else [])
    count = 0
    while waiting:
        node = waiting.popleft()
        count += 1
        if count > MOST_VALUES:
            problem = f"over {MOST_VALUES:,} values, or an alias inside of itself"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        if node.id == "sequence":
            waiting.extend(node.value)
        elif node.id == "mapping":
            seen: set[str] = set()
            for key, value in node.value:
                # A key that is a list or a mapping is refused when the document is built.
                name = key.value if key.id == "scalar" else id(key)
                if str(name) in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{name} is written twice", problem_mark=key.start_mark
                    )
                seen.add(str(name))
                waiting.append(value)


def _with_current_keys(document: Any, warn: Callable[[str], None]) -> Any:
    """``document`` with ``local.behavior`` instead of ``local.moods``, deprecated until 1.0."""
    local = document.get("local") if isinstance(document, Mapping) else None
    if not isinstance(local, Mapping) or "moods" not in local:
        return document
    if "behavior" in local:
        raise ConfigError("local.moods: the old name of local.behavior; remove local.moods")
    moods = local["moods"]
    if complaint := OneOf(tuple(MOODS)).complaint(moods):
        raise ConfigError(f"local.moods: {complaint}, found {_describe(moods)}")
    behavior = MOODS[moods]
    warn(f"local.moods is deprecated and works until 1.0; write local.behavior: {behavior}")
    kept = {key: value for key, value in local.items() if key != "moods"}
    return {**document, "local": {**kept, "behavior": behavior}}


def _section(schema: type, document: Any, path: str) -> Any:
    if not isinstance(document, Mapping):
        where = f"{path}: " if path else ""
        raise ConfigError(f"{where}expected keys with values, found {_describe(document)}")
    known = {f.name: f for f in fields(schema)}
    for key in document:
        if key not in known:
            here = _join(path, key if isinstance(key, str) else _describe(key))
            raise ConfigError(f"{here}: unknown key; known here: {', '.join(known)}")
    hints = get_type_hints(schema)
    return schema(
        **{key: _value(_join(path, key), hints[key], value, known[key]) for key, value in document.items()}
    )


def _value(path: str, hint: Any, value: Any, schema_field: Any) -> Any:
    if is_dataclass(hint):
        return _section(cast(type, hint), {} if value is None else value, path)
    allowed = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in allowed:
        return None
    if is_dataclass(allowed[0]):
        return _section(cast(type, allowed[0]), value, path)
    if read := schema_field.metadata.get("read"):
        return read(value, path)
    value = _typed(path, allowed[0], value)
    if normalize := schema_field.metadata.get("normalize"):
        value = normalize(value)
    limit: Limit | None = schema_field.metadata.get("limit")
    if limit and (complaint := limit.complaint(value)):
        raise ConfigError(f"{path}: {complaint}, found {_describe(value)}")
    return value


def _typed(path: str, wanted: Any, value: Any) -> Any:
    if wanted == PAIRS:
        keys = _mapping(path, value)
        return tuple((_typed(path, str, key), _typed(_join(path, str(key)), str, keys[key])) for key in keys)
    if get_origin(wanted) is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_typed(f"{path}[{index}]", str, item) for index, item in enumerate(items))
    if wanted is JsonText:
        try:
            return JsonText(json.dumps(_mapping(path, value), default=str))
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigError(f"{path}: cannot be written as JSON: {error}") from error
    if get_origin(wanted) is Literal:
        wanted = str
    if wanted is bool:
        if isinstance(value, bool):
            return value
        raise ConfigError(f"{path}: expected true or false, found {_describe(value)}")
    accepted = (int, float) if wanted is float else (wanted,)
    # YAML's true is an int to Python, and never what a number's key means.
    if isinstance(value, bool) or not isinstance(value, accepted):
        kind = {str: "text", int: "a whole number", float: "a number"}[wanted]
        raise ConfigError(f"{path}: expected {kind}, found {_describe(value)}")
    return value


def _mapping(path: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: expected keys with values, found {_describe(value)}")
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list: " + ", ".join(map(_describe, value))
    if isinstance(value, int) and value.bit_length() > LONGEST:
        return "a number of more digits than Python writes"
    return "nothing" if value is None else repr(value)
