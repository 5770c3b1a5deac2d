# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of an Ansible run as input of the compiler: values are templated when they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from ansible import constants  # type: ignore[import-untyped]
from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]
from ansible.plugins.loader import connection_loader  # type: ignore[import-untyped]
from ansible.template import Templar  # type: ignore[import-untyped]

try:
    from ansible.parsing.vault import EncryptedString as Encrypted  # type: ignore[import-untyped]
except ImportError:  # before ansible-core 2.19
    from ansible.parsing.yaml.objects import (  # type: ignore[import-untyped]
        AnsibleVaultEncryptedUnicode as Encrypted,
    )

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import RUN_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.ssh_port import CONFIGURED, CONFIGURED_OPTIONS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import FACTS, TrustedHostvars
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    FactsNeededError,
    VariableError,
    VaultedError,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import CONFIG, VAULTED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._template_names import (
    may_depend_on_facts,
    may_have_templates,
)

# Before ansible-core 2.19 `omit` is a text with this beginning.
_OMITTED = "__omit_place_holder__"


class AnsibleInventory:
    """The whole inventory, which --limit and serial do not narrow."""

    def __init__(self, task_vars: Mapping[str, Any], loader: DataLoader) -> None:
        self._task_vars = task_vars
        self.groups: Mapping[str, Sequence[str]] = task_vars["groups"]
        self._hostvars = TrustedHostvars(task_vars["hostvars"])
        # The variables of a host are read with and without facts, one after the other.
        self._read_own = lru_cache(maxsize=1)(self._hostvars.without_facts.raw_get)
        self._loader = loader

    def read_variables(self, host: str) -> Mapping[str, Any]:
        """Return the variables of a host, with its facts."""
        own = self._read_own(host)
        facts = {_strip_prefix(name): value for name, value in self._hostvars.read_facts(host).items()}
        # Facts are variables of their own in templates only, so a host with facts is read again if it has a template.
        return _Variables(
            {**self._complete(own), FACTS: facts},
            lambda: self._make_context(host if facts else None, own),
            self._loader,
            self._play,
        )

    def _complete(self, own: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the variables of a host with those of the play and the configuration."""
        of_run = {name: value for name, value in self._play.items() if name in RUN_VARIABLES}
        return {**own, **of_run, CONFIGURED: self._configured}

    @cached_property
    def _configured(self) -> Mapping[str, Any]:
        """The options for SSH of Ansible's configuration: its file, variables of the environment, and options of the command."""
        connection_loader.get("ssh", class_only=True)  # makes its options known
        return {
            name: constants.config.get_config_value(name, plugin_type="connection", plugin_name="ssh")
            for name in CONFIGURED_OPTIONS
        }

    @cached_property
    def _play(self) -> Mapping[str, Any]:
        """The variables that the play or the task sets: those that its host does not have, and other values of run variables."""
        own = self._hostvars.with_facts.raw_get(self._task_vars["inventory_hostname"])
        return {
            name: value
            for name, value in self._task_vars.items()
            if name not in ("hostvars", "vars") and (name not in own or (name in RUN_VARIABLES and value != own[name]))
        }

    def _make_context(self, host: str | None, own: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the variables for templates of a host with facts, or of a host without facts from its own variables."""
        trusted = self._hostvars.with_facts
        return {FACTS: {}, **(trusted.raw_get(host) if host else own), "hostvars": trusted}

    def without_facts(self, host: str) -> Mapping[str, Any]:
        """Return the variables of a host as if no facts of any host were known."""
        own = {FACTS: {}, **self._read_own(host)}
        return _Variables(own, lambda: self._make_context_without_facts(own), self._loader, {})

    def read_fixed(self, host: str) -> Mapping[str, Any]:
        """Return the variables of a host as read_variables does, without facts.

        Reading facts, or a value that may depend on facts, raises FactsNeededError.
        """
        own = {FACTS: {}, **self._read_own(host)}
        return _FixedVariables(
            self._complete(own), lambda: self._make_context_without_facts(own), self._loader, self._play
        )

    def _make_context_without_facts(self, own: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**own, "hostvars": self._hostvars.without_facts}


class _Variables(Mapping[str, Any]):
    """The variables of one host, templated by Ansible. A value that cannot be templated raises VariableError.

    Ansible compiles and renders a template at every access, which would be most of the time of a plan, so each value is
    kept, and only templates are given to Ansible. Facts are never templates, and hostvars would search all facts of a host
    for templates, which takes ten times as long as reading the host.

    ``context`` returns the variables for templates. With their ``hostvars`` a template may take a node's NAT from the
    variables of its router. Templates of run variables may use the variables of a play, ``play``, as well.
    """

    def __init__(
        self,
        variables: Mapping[str, Any],
        context: Callable[[], Mapping[str, Any]],
        loader: DataLoader,
        play: Mapping[str, Any],
    ) -> None:
        self._variables = variables
        self._context = context
        self._loader = loader
        self._play = play
        self._looked_at: dict[str, Any] = {}

    @cached_property
    def _templar(self) -> Templar:
        return Templar(loader=self._loader, variables=self._context())

    @cached_property
    def _run_templar(self) -> Templar:
        return Templar(loader=self._loader, variables={**self._play, **self._context()})

    def __getitem__(self, key: str) -> Any:
        if key not in self._looked_at:
            self._looked_at[key] = self._look_at(key)
        return self._looked_at[key]

    def _look_at(self, name: str) -> Any:
        value = self._variables[name]
        if name == FACTS:
            return value
        try:
            if not may_have_templates(value):
                return make_plain_value(value)
            return compute_value(self._run_templar if name in RUN_VARIABLES else self._templar, value)
        except VaultedError:
            # The plan needs the names of the settings in kong_config, and no vault password for their values.
            found = self._without_secrets(value) if name == CONFIG else None
            if not isinstance(found, Mapping):
                raise
            return found

    def _without_secrets(self, value: Any) -> Any:
        """Return a value with VAULTED in place of each item that cannot be computed without an encrypted value.

        Raises VariableError for an item that cannot be computed for another reason.
        """
        if isinstance(value, Mapping):
            return {key: self._without_secrets(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._without_secrets(item) for item in value]
        try:
            return compute_value(self._templar, value)
        except VaultedError:
            return self._read_names_without_secrets(value)

    def _read_names_without_secrets(self, template: Any) -> Any:
        """Return the mapping that a template yields if VAULTED is in place of each encrypted value, or only VAULTED."""
        try:
            found = compute_value(self._masked_templar, _mask(template))
        except VariableError:
            return VAULTED
        return found if isinstance(found, Mapping) and VAULTED in str(found) else VAULTED

    @cached_property
    def _masked_templar(self) -> Templar:
        unmasked = (FACTS, "hostvars")
        masked = {key: value if key in unmasked else _mask(value) for key, value in self._context().items()}
        return Templar(loader=self._loader, variables=masked)

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default. Most variables are not set, and an exception for each would take most of the time."""
        return self[key] if key in self._variables else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


class _FixedVariables(_Variables):
    """The variables of one host without facts. A value that may depend on facts raises FactsNeededError."""

    def _look_at(self, name: str) -> Any:
        if name == FACTS or may_depend_on_facts(self._variables[name], self._variables, self._play):
            raise FactsNeededError(name)
        return super()._look_at(name)


def explain_uncomputable(host: str, variables: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return why the first of the named variables of a host that cannot be computed has no value; empty text if all have.

    A play that reads them with the filter default would leave them out without a message.
    """
    for name in names:
        try:
            variables.get(name)
        except VariableError as exc:
            return f"{host}: {name}: its value cannot be computed; correct the template: {exc}"
    return ""


def _strip_prefix(fact: str) -> str:
    """Return the name of a fact below ansible_facts, as namespace_facts of ansible/vars/clean.py names it."""
    return fact if fact == "ansible_local" else fact.removeprefix("ansible_")


def compute_value(templar: Templar, value: Any) -> Any:
    """Return a value with its templates computed. Raises VariableError, of the class VaultedError without a vault password."""
    try:
        return make_plain_value(templar.template(value))
    except Exception as exc:  # before ansible-core 2.19 a template raises any error of Python
        kind = VaultedError if any("Vault" in type(each).__name__ for each in _walk_causes(exc)) else VariableError
        raise kind(str(exc) or type(exc).__name__) from exc


def _walk_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors that caused it. From ansible-core 2.19 on the first is an error of the template."""
    while error is not None:
        yield error
        error = error.__cause__


def make_plain_value(value: Any) -> Any:
    """Return a templated value without Ansible's tags and lazy containers, and a vaulted value as text.

    Raises VariableError for `omit`.
    """
    if isinstance(value, str):
        if value.startswith(_OMITTED):
            raise VariableError("omit works in options of tasks only; remove the variable from this host")
        return str.__str__(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [make_plain_value(item) for item in value]
    if isinstance(value, Mapping):
        return {make_plain_value(key): make_plain_value(item) for key, item in value.items()}
    # Before ansible-core 2.19 a vaulted value is an object that str() decrypts.
    return str(value) if getattr(value, "__ENCRYPTED__", False) else value


def _mask(value: Any) -> Any:
    """Return a value of the inventory with VAULTED in place of each encrypted value."""
    if isinstance(value, Encrypted):
        return VAULTED
    if isinstance(value, Mapping):
        return {key: _mask(item) for key, item in value.items()}
    return [_mask(item) for item in value] if isinstance(value, (list, tuple)) else value
