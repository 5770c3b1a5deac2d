# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The input of the compiler: an inventory, and the variables of a host with all errors in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, Protocol

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    ERROR,
    WARNING,
    Fault,
    Finding,
    make_host_finding,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import (
    KINDS,
    KNOWN_VARIABLES,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import KindError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kinds import (
    INTERCEPTIONS,
    MAPPINGS,
    SETTINGS,
    read_kind,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import FACTS, REASON, list_kong_facts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import UNDECRYPTED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import shorten

# In the reason why a template cannot be computed: it may read facts that are missing, by their old names or in ansible_facts.
_OF_FACTS = re.compile(r"\bansible_|has no attribute")
_NEVER_TEXT = "a value that Ansible Vault encrypts is text, never a mapping or a list; encrypt each value in it, or the whole file"


class VariableError(Exception):
    """A variable whose value cannot be computed, such as a template that names an undefined variable."""


class VaultedError(VariableError):
    """A variable whose value is encrypted with Ansible Vault, without a vault password of this run that decrypts it."""


class FactsNeededError(Exception):
    """A value that facts may change was read from variables without facts."""


class Inventory(Protocol):
    """The whole inventory, independent of the limit of the run."""

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Names of the hosts of each group."""

    def read_variables(self, host: str) -> Mapping[str, Any]:
        """Return a host's variables, including ``ansible_facts``. Values are computed when they are read.

        Reading a value raises VariableError if it cannot be computed.
        """

    def without_facts(self, host: str) -> Mapping[str, Any]:
        """Return a host's variables as if no facts of any host were known."""

    def read_fixed(self, host: str) -> Mapping[str, Any]:
        """Return a host's variables of which only those can be read that no fact can change.

        Reading another value, or the facts, raises FactsNeededError.
        """


@dataclass(frozen=True)
class PlainInventory:
    """An inventory of plain dicts, for use without Ansible."""

    groups: Mapping[str, Sequence[str]]
    hostvars: Mapping[str, Mapping[str, Any]]

    def read_variables(self, host: str) -> Mapping[str, Any]:
        """Return the host's variables."""
        return self.hostvars[host]

    def without_facts(self, host: str) -> Mapping[str, Any]:
        """Return the host's variables without its facts."""
        return {name: value for name, value in self.hostvars[host].items() if name != FACTS}

    def read_fixed(self, host: str) -> Mapping[str, Any]:
        """Return the host's variables. Reading its facts raises FactsNeededError."""
        return _FixedVariables({FACTS: {}, **self.hostvars[host]})


@dataclass(frozen=True)
class _FixedVariables(Mapping[str, Any]):
    """Plain variables whose facts cannot be read."""

    _variables: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        if name == FACTS:
            raise FactsNeededError(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


@dataclass(frozen=True, eq=False)
class Names:
    """The names in an inventory: its hosts, and its groups with their members."""

    hosts: frozenset[str]
    groups: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, inventory: Inventory) -> Names:
        """Return the names of an inventory."""
        return cls(frozenset(host for hosts in inventory.groups.values() for host in hosts), inventory.groups)


@dataclass
class HostVariables:
    """The ``kong_*`` variables of a host. Reading checks their kinds and adds errors to ``findings``.

    ``own`` returns the same variables as if no facts were known. ``refused`` are the variables with such an error.
    """

    host: str
    variables: Mapping[str, Any]
    own: Callable[[str], Mapping[str, Any]]
    findings: list[Finding] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    _values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, inventory: Inventory, host: str) -> HostVariables:
        """Return the variables of a host. Facts with the name of a variable are an error in ``findings``."""
        found = cls(host, inventory.read_variables(host), cache(inventory.without_facts))
        found.findings.extend(
            make_host_error("variable-in-facts", host, name, None, REASON) for name in list_kong_facts(found.variables)
        )
        return found

    @classmethod
    def read_fixed(cls, inventory: Inventory, host: str) -> HostVariables:
        """Return the variables of a host of which only those can be read that no fact can change."""
        return cls(host, inventory.read_fixed(host), inventory.without_facts)

    def without_facts(self) -> HostVariables:
        """Return the variables of the host as if no facts were known, with separate findings."""
        return HostVariables(self.host, self.own(self.host), self.own)

    def add_error(self, code: str, variable: str, value: Any, message: str, detail: str = "") -> None:
        """Add an error about a variable. Host, variable and value are added to the message."""
        self.findings.append(make_host_error(code, self.host, variable, value, message).with_detail(detail))

    def check_all(self) -> None:
        """Read every variable of the contract that the host has, so that a wrong one is an error even if it is not used."""
        for name in sorted(KNOWN_VARIABLES.intersection(self.variables)):
            with suppress(FactsNeededError):
                self.read_value(name)

    def read_value(self, name: str, default: Any = None) -> Any:
        """Return a variable in the form of its kind, or the default if it is not set or refused."""
        if name not in self._values:
            # Most variables are not set.
            self._values[name] = self._read(name) if name in self.variables else None
        found = self._values[name]
        return default if found is None else found

    def _read(self, name: str) -> Any:
        """Return a variable that is set, or None if it is null. A value that cannot be computed or is of the wrong kind is refused."""
        kind = KINDS.get(name)
        value = None
        try:
            value = self.variables.get(name)
            return read_kind(kind, value) if kind else value
        except VaultedError:
            reason = _NEVER_TEXT if kind in (SETTINGS, MAPPINGS, INTERCEPTIONS) else UNDECRYPTED
            self._refuse("variable-vaulted", name, None, f"its value is encrypted, and {reason}")
        except VariableError as exc:
            self._refuse(
                "variable-undefined",
                name,
                None,
                f"its value cannot be computed; {_advise(str(exc))}: {shorten(str(exc), 200)}",
            )
        except KindError as exc:
            self._refuse("variable-invalid", name, kind.show(value) if kind else value, str(exc))
        return None

    def _refuse(self, code: str, name: str, value: Any, message: str) -> None:
        """Add an error about a variable that has no usable value."""
        self.refused.add(name)
        self.add_error(code, name, value, message)

    def read_text(self, name: str, default: str) -> str:
        """Return a variable that is text."""
        return str(self.read_value(name, default))

    def read_boolean(self, name: str) -> bool | None:
        """Return a variable that is true or false, or None if it is not set."""
        value = self.read_value(name)
        return value if isinstance(value, bool) else None

    def list_items(self, name: str) -> list[Any]:
        """Return a variable that is a list, an empty list if it is not set."""
        return list(self.read_value(name, []))

    def read_settings(self, names: frozenset[str]) -> dict[str, Any]:
        """Return the named variables that are set."""
        present = sorted(names.intersection(self.variables))
        return {name: value for name in present if (value := self.read_value(name)) is not None}


def _advise(reason: str) -> str:
    """Return the fix of a template that cannot be computed."""
    facts = ", or gather the facts that it reads (plan gathers none; a cache, fact_caching, keeps them)"
    return f"correct the template{facts if _OF_FACTS.search(reason) else ''}"


def make_host_error(code: str, host: str, variable: str, value: Any, fault: str | Fault) -> Finding:
    """Return an error finding. Its message has the host, the variable and the value first."""
    return make_host_finding(ERROR, code, host, variable, value, fault)


def make_host_warning(code: str, host: str, variable: str, value: Any, fault: str | Fault) -> Finding:
    """Return a warning finding with a message as in make_host_error."""
    return make_host_finding(WARNING, code, host, variable, value, fault)


def find_misspelt_variables(host: str, names: Sequence[str]) -> list[Finding]:
    """Return a warning for each unknown ``kong_*`` name that is similar to a known name."""
    return [
        make_host_warning("variable-unknown", host, name, None, f"this variable is not used; did you mean {match}?")
        for name in names
        if name not in KINDS and (match := _find_close_match(name))
    ]


@lru_cache(maxsize=1024)
def _find_close_match(name: str) -> str | None:
    return next(iter(get_close_matches(name, sorted(KNOWN_VARIABLES), n=1, cutoff=0.9)), None)
