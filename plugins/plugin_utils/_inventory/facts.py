# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of a host: its addresses, and results of JMESPath queries."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_address,
    explain_unusable,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    FactsNeededError,
    HostVariables,
    VariableError,
    VaultedError,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import UNDECRYPTED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import shorten

with suppress(ImportError):  # see _libraries
    import jmespath

# The errors of a query: those of JMESPath are ValueErrors, and its functions let some errors of Python pass.
_QUERY_ERRORS = (VariableError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def get_facts(variables: HostVariables) -> Mapping[str, Any]:
    """Return the host's facts, empty if they were not gathered."""
    facts = variables.read_value("ansible_facts", {})
    return facts if isinstance(facts, Mapping) else {}


def get_known_facts(variables: HostVariables) -> Mapping[str, Any]:
    """Return the host's facts, empty if they are not known yet. For checks to which facts can only add errors."""
    with suppress(FactsNeededError):
        return get_facts(variables)
    return {}


def list_fact_addresses(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every address in the facts that other hosts could dial, in the order of the facts, each once."""
    lists = (facts.get(key) for key in ("all_ipv4_addresses", "all_ipv6_addresses"))
    texts = (text for found in lists if isinstance(found, (list, tuple)) for text in found)
    return tuple(dict.fromkeys(address for text in texts if (address := parse_fact_address(text))))


def parse_fact_address(text: Any) -> str | None:
    """Return an address of facts if other hosts could dial it, else None. BSD and macOS add zones, as in ``fe80::1%em0``."""
    try:
        address = canonicalise_address(str(text))
    except AddressError:
        return None
    return None if explain_unusable(address) else address


class _PlainValues:
    """Variables with their values as plain data: JMESPath's functions do not accept Ansible's subclasses.

    JMESPath reads a field with ``get``, and takes this object for a value without fields in a projection such as ``*``.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables

    def get(self, name: str) -> Any:
        return make_plain(self._variables.get(name))


@lru_cache(maxsize=64)
def _compile(query: str) -> Any:
    return jmespath.compile(query)


def check_unused_query(variables: HostVariables, name: str) -> None:
    """Add an error if a query that is not used cannot be right for any host.

    It may be the query of a group, and a host that does not use it may lack the values that it reads. So it is not run.
    """
    query = variables.read_value(name)
    if query is None:
        return
    try:
        _check_functions(_compile(str(query)).parsed)
    except _QUERY_ERRORS as exc:
        variables.add_error("query-invalid", name, query, f"the JMESPath query fails: {shorten(str(exc), 200)}")


def _check_functions(expression: Mapping[str, Any]) -> None:
    """Raise ValueError for a function that JMESPath does not have. JMESPath itself raises it when the query is run."""
    name = expression.get("value")
    if expression["type"] == "function_expression" and name not in jmespath.functions.Functions.FUNCTION_TABLE:
        raise ValueError(f"Unknown function: {name}()")
    for child in expression["children"]:
        if isinstance(child, Mapping):  # the children of a slice are numbers
            _check_functions(child)


def ask(variables: HostVariables, name: str, query: Any) -> Any:
    """Return the result of a JMESPath query on the host's variables and facts.

    None if there is no result, or if the query fails; then an error is added to the findings of ``variables``.
    """
    try:
        result = _compile(str(query)).search(_PlainValues(variables.variables))
    except VaultedError:
        variables.add_error("variable-vaulted", name, query, f"it reads a value that is encrypted, and {UNDECRYPTED}")
        return None
    except _QUERY_ERRORS as exc:
        variables.add_error("query-invalid", name, query, f"the JMESPath query fails: {shorten(str(exc), 200)}")
        return None
    if not _has_all_variables(result):
        return result
    message = "the JMESPath query yields all variables of the host; name the variable or the fact that it reads"
    variables.add_error("query-invalid", name, query, message)
    return None


def _has_all_variables(result: Any) -> bool:
    """Tell whether a result has all variables of a host, as that of ``@``. Some of them may be secrets, or not computable."""
    if isinstance(result, _PlainValues):
        return True
    items = result.values() if isinstance(result, dict) else result if isinstance(result, list) else ()
    return any(map(_has_all_variables, items))
