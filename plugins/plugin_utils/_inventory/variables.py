# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The input of the compiler: an inventory, and the variables of a host with all errors in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Protocol

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR, WARNING, Finding, plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import FACTS, REASON, kong_facts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import UNDECRYPTED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escaped


class VariableError(Exception):
    """A variable whose value cannot be computed, such as a template that names an undefined variable."""


class VaultedError(VariableError):
    """A variable whose value is encrypted with Ansible Vault, without a vault password of this run that decrypts it."""


class Inventory(Protocol):
    """The whole inventory, independent of the limit of the run."""

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Names of the hosts of each group."""

    def variables(self, host: str) -> Mapping[str, Any]:
        """Return a host's variables, including ``ansible_facts``. Values are computed when they are read.

        Reading a value raises VariableError if it cannot be computed.
        """

    def without_facts(self, host: str) -> Mapping[str, Any]:
        """Return a host's variables as if no facts of any host were known."""


@dataclass(frozen=True)
class PlainInventory:
    """An inventory of plain dicts, for use without Ansible."""

    groups: Mapping[str, Sequence[str]]
    hostvars: Mapping[str, Mapping[str, Any]]

    def variables(self, host: str) -> Mapping[str, Any]:
        """Return the host's variables."""
        return self.hostvars[host]

    def without_facts(self, host: str) -> Mapping[str, Any]:
        """Return the host's variables without its facts."""
        return {name: value for name, value in self.hostvars[host].items() if name != FACTS}


@dataclass(frozen=True)
class Names:
    """The names in an inventory: its hosts, and its groups with their members."""

    hosts: frozenset[str]
    groups: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, inventory: Inventory) -> Names:
        """Return the names of an inventory."""
        return cls(frozenset(host for hosts in inventory.groups.values() for host in hosts), inventory.groups)


# The variables of the inventory contract that are not Kong settings. Kong's own are in _kong.
CONTRACT_VARIABLES = frozenset(
    {
        "kong_address",
        "kong_address_networks",
        "kong_address_query",
        "kong_admin_allow_any",
        "kong_cluster",
        "kong_config",
        "kong_flat_network",
        "kong_fleet_name",
        "kong_group",
        "kong_listen_file",
        "kong_listen_target",
        "kong_nat",
        "kong_nat_egress",
        "kong_nat_query",
        "kong_plan_file",
        "kong_published_ports",
        "kong_report_before",
        "kong_report_path",
        "kong_role",
        "kong_site",
        "kong_strict",
        "kong_transparent",
        "kong_verify_outsiders",
        "kong_version",
        "kong_virtual_addresses",
        "kong_vpn_address",
    }
)
ROLE_PREFIXES = ("kong_listen_", "kong_firewall_", "kong_transparent_", "kong_verify_")


@dataclass
class HostVariables:
    """The ``kong_*`` variables of a host. Reading checks their types and adds errors to ``findings``.

    ``own`` returns the same variables as if no facts were known.
    """

    host: str
    variables: Mapping[str, Any]
    own: Callable[[str], Mapping[str, Any]]
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def of(cls, inventory: Inventory, host: str) -> HostVariables:
        """Return the variables of a host. Facts with the name of a variable are an error in ``findings``."""
        found = cls(host, inventory.variables(host), inventory.without_facts)
        found.findings.extend(
            host_error("variable-in-facts", host, name, None, REASON) for name in kong_facts(found.variables)
        )
        return found

    def without_facts(self) -> HostVariables:
        """Return the variables of the host as if no facts were known, with separate findings."""
        return HostVariables(self.host, self.own(self.host), self.own)

    def error(self, code: str, variable: str, value: Any, message: str) -> None:
        """Add an error about a variable. Host, variable and value are added to the message."""
        self.findings.append(host_error(code, self.host, variable, value, message))

    def value(self, name: str, default: Any = None) -> Any:
        """Return a variable's value, or the default if it is not set or cannot be computed."""
        try:
            found = self.variables.get(name)
        except VaultedError:
            self.error("variable-vaulted", name, None, f"its value is encrypted, and {UNDECRYPTED}")
            return default
        except VariableError as exc:
            self.error("variable-undefined", name, None, f"its value cannot be computed: {exc}")
            return default
        return default if found is None else found

    def text(self, name: str, default: str) -> str:
        """Return a variable that is a name: text that is not empty."""
        value = self.value(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.error("variable-invalid", name, value, "it must be text and not empty")
        return default

    def boolean(self, name: str) -> bool | None:
        """Return a variable that is true or false, or None if it is not set."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        self.error("variable-invalid", name, value, "it must be true or false, in an INI inventory True or False")
        return None

    def items(self, name: str) -> list[Any]:
        """Return a variable that is a list. A single item is a list with this item."""
        value = self.value(name, [])
        return list(value) if isinstance(value, (list, tuple)) else [value]

    def settings(self, names: frozenset[str]) -> dict[str, Any]:
        """Return the named variables that are set."""
        present = sorted(names.intersection(self.variables))
        return {name: value for name in present if (value := self.value(name)) is not None}


def host_error(code: str, host: str, variable: str, value: Any, message: str) -> Finding:
    """Return an error finding. Its message has the host, the variable and the value first."""
    return _host_finding(ERROR, code, host, variable, value, message)


def host_warning(code: str, host: str, variable: str, value: Any, message: str) -> Finding:
    """Return a warning finding with a message as in host_error."""
    return _host_finding(WARNING, code, host, variable, value, message)


def _host_finding(severity: str, code: str, host: str, variable: str, value: Any, message: str) -> Finding:
    value = plain(value)
    shown = "" if value is None else f": {value!r}"
    # A value may come from facts, and the message of an error may quote it.
    return Finding(severity, code, host, variable, value, escaped(f"{host}: {variable}{shown}: {message}"))


def misspelt_variables(host: str, names: Sequence[str], known: frozenset[str]) -> list[Finding]:
    """Return a warning for each unknown ``kong_*`` name that is similar to a known name."""
    return [
        host_warning("variable-unknown", host, name, None, f"this variable is not used; did you mean {match}?")
        for name in names
        if name not in known and not name.startswith(ROLE_PREFIXES) and (match := _close_match(name, known))
    ]


@lru_cache(maxsize=1024)
def _close_match(name: str, known: frozenset[str]) -> str | None:
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=0.9)), None)
