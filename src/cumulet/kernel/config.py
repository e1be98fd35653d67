# SPDX-License-Identifier: Apache-2.0
"""Settings of a process, handed in from the command line; nothing reads them from anywhere else."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

import msgspec
import yaml

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs between one cloud and another.

    `state` is the folder that holds everything the cloud keeps. `public_url` is the address by which
    clients come, for the catalog.
    """

    state: Path
    public_url: str = "http://127.0.0.1:9600"
    region: str = "RegionOne"
    admin_password: str = ""
    cors_origins: tuple[str, ...] = ()
    classic_ports: bool = False
    host_grace: float = 60.0
    """For how many seconds a host that is down is waited for by what only it could have. An agent is back
    in seconds and most machines within a minute; a user would rather be told than wait much longer."""
    unified_limits: bool = False
    """Whether quotas that are known to Keystone's unified limits take their limits from there."""
    limit_model: Literal["flat", "strict_two_level"] = "flat"
    """How a domain's unified limits bear on its projects: flat or strict_two_level."""
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Operators' overrides of policy rules, by service."""
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What operators want otherwise than the services' own settings say, by service."""


class SettingsError(ValueError):
    """What an operator wrote is no setting, or not a value that it can have; the message says which."""


def changed(settings: S, given: Mapping[str, Any]) -> S:
    """A service's settings, a dataclass, with these values in place of its defaults.

    The types of its fields say what a value may be. Raises SettingsError.
    """
    types = get_type_hints(type(settings), include_extras=True)
    values = {}
    for name, value in given.items():
        if name not in types:
            raise SettingsError(f"There is no setting {name}; there are {', '.join(types)}.")
        try:
            values[name] = msgspec.convert(value, types[name])
        except msgspec.ValidationError as error:
            raise SettingsError(f"{name} cannot be {value!r}: {error}.") from None
    try:
        return dataclasses.replace(settings, **values)  # type: ignore[type-var]
    except ValueError as error:
        raise SettingsError(str(error)) from None


def read_mapping(text: str, file: str, of: str) -> dict[str, Any]:
    """The mapping in the text of a YAML file, which may be empty.

    Raises ValueError with a sentence: `file` says what it is, `of` what it should map to what.
    """
    try:
        found: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"the {file} is no YAML: {_place(error)}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"the {file} should map {of}, not be a {type(found).__name__}")
    return found


def _place(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
