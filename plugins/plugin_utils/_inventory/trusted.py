# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of the inventory, which the facts of a host cannot override.

A host reports its own facts, so a compromised host chooses them. Ansible merges facts into the variables of the host,
above the inventory (inject_facts_as_vars; ansible/vars/manager.py, VariableManager.get_vars, at 2.17 to 2.21). The
values of set_fact and register are in a cache of their own above the facts, and stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text

FACTS = "ansible_facts"
_PREFIX = "kong_"
REASON = (
    "the facts of this host have this name, and kong_* variables are never taken from facts. Clear the facts "
    "(--flush-cache) and find the source of the fact; set_fact must not be cacheable"
)


def list_kong_facts(variables: Mapping[str, Any]) -> list[str]:
    """Return the names of the host's facts that are names of kong_* variables."""
    facts = variables.get(FACTS)
    return sorted(str(name) for name in facts if str(name).startswith(_PREFIX)) if isinstance(facts, Mapping) else []


def explain_refusal(variables: Mapping[str, Any]) -> str:
    """Return why a task must not use the kong_* variables of its host; empty text if it may."""
    names = ", ".join(map(escape_text, list_kong_facts(variables)))
    return f"{variables.get('inventory_hostname')}: {names}: {REASON}" if names else ""


class _Missing(dict[str, Any]):
    """The facts of a host of which Ansible knows none.

    Its iteration raises KeyError, as VariableManager.get_vars of 2.17 to 2.21 expects it from a host without facts. Empty
    facts would be searched for the names of every connection plugin, which takes longer than reading the host.
    """

    def __iter__(self) -> Iterator[str]:
        raise KeyError


class _NoFacts:
    """A fact cache without hosts."""

    def get(self, _host: str, _default: object = None) -> dict[str, Any]:
        """Return no facts."""
        return _Missing()


class _TrustedManager:
    """A VariableManager of Ansible in which variables of the inventory come before facts of the same name."""

    def __init__(self, manager: Any, without_facts: Any) -> None:
        self._manager = manager
        self._without_facts = without_facts

    def get_vars(self, **arguments: Any) -> dict[str, Any]:
        """Return the variables of a host as VariableManager.get_vars does; the inventory is read twice only if needed."""
        variables: dict[str, Any] = {FACTS: {}, **self._manager.get_vars(**arguments)}
        injected = [name for name in variables.get(FACTS, ()) if name in variables]
        if not injected:
            return variables
        own = self._without_facts.get_vars(**arguments)
        kept = {name: own[name] for name in injected if name in own}
        dropped = {name for name in injected if name not in own and str(name).startswith(_PREFIX)}
        return {name: value for name, value in {**variables, **kept}.items() if name not in dropped}


class TrustedHostvars:
    """Ansible's ``hostvars`` twice: with the inventory before facts of the same name, and without facts.

    They are objects of Ansible's own class, because ansible-core 2.19 and later accept no other mapping in templates.
    """

    def __init__(self, hostvars: Any) -> None:
        manager = hostvars._variable_manager  # noqa: SLF001 - Ansible has no public way to it
        without_facts = _copy(manager, _fact_cache=_NoFacts())
        self._cache = manager._fact_cache  # noqa: SLF001
        self.with_facts = _copy(hostvars, _variable_manager=_TrustedManager(manager, without_facts))
        self.without_facts = _copy(hostvars, _variable_manager=without_facts)

    def read_facts(self, host: str) -> Mapping[str, Any]:
        """Return the facts of a host as the cache has them; no facts if none are known."""
        try:
            return self._cache.get(host) or {}
        except KeyError:
            return {}


def _copy(original: Any, **changed: Any) -> Any:
    """Return a shallow copy of an object with some attributes changed; its own copy methods are not called."""
    copied = object.__new__(type(original))
    vars(copied).update({**vars(original), **changed})
    return copied
