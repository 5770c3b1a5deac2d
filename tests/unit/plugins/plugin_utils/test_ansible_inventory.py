# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an Ansible inventory in one process. The tests of the actions read the same values in real runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 every text may be a template
    trust_as_template = str

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _ansible_inventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import (
    AnsibleInventory,
    Encrypted,
    _mask,
    _strip_prefix,
    _walk_causes,
    make_plain_value,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.ssh_port import CONFIGURED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    FactsNeededError,
    VariableError,
    VaultedError,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import VAULTED


class Vaulted:
    """A vaulted value of ansible-core before 2.19."""

    __ENCRYPTED__ = True

    def __str__(self):
        return "hunter2"


class Text(str):
    """A text with a tag of Ansible. Its str() is another text."""

    __slots__ = ()

    def __str__(self):
        return "tagged"


MARKED = object.__new__(Encrypted)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Text("a"), "a"),
        (None, None),
        (False, False),
        (7, 7),
        (1.5, 1.5),
        (("a", Text("b")), ["a", "b"]),
        ([["a"], ("b",)], [["a"], ["b"]]),
        ({Text("a"): {"b": Text("c")}}, {"a": {"b": "c"}}),
        (Vaulted(), "hunter2"),
        ([Vaulted()], ["hunter2"]),
    ],
)
def test_values_are_plain_data(value, expected):
    found = make_plain_value(value)
    assert found == expected
    assert type(found) is type(expected)
    assert "tagged" not in repr(found)


def test_values_of_other_classes_are_kept():
    value = SimpleNamespace()
    assert make_plain_value(value) is value


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: ["a", value], lambda value: {"a": {"b": value}}])
def test_omit_is_an_error_that_says_what_to_do(wrap):
    with pytest.raises(VariableError, match="remove the variable from this host"):
        make_plain_value(wrap("__omit_place_holder__1234"))
    assert make_plain_value(wrap("x__omit_place_holder__")) == wrap("x__omit_place_holder__")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MARKED, VAULTED),
        ("a", "a"),
        (["a", MARKED, ("b", MARKED)], ["a", VAULTED, ["b", VAULTED]]),
        ({"a": MARKED, "b": {"c": MARKED, "d": 1}}, {"a": VAULTED, "b": {"c": VAULTED, "d": 1}}),
        (7, 7),
    ],
)
def test_encrypted_values_are_replaced(value, expected):
    assert _mask(value) == expected


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        ("ansible_default_ipv4", "default_ipv4"),
        ("ansible_local", "ansible_local"),
        ("kong_role", "kong_role"),
        ("my_ansible_x", "my_ansible_x"),
    ],
)
def test_names_of_facts_below_ansible_facts(fact, name):
    assert _strip_prefix(fact) == name


def test_causes_of_an_error_begin_with_the_error():
    first, second, third = ValueError("a"), KeyError("b"), OSError("c")
    first.__cause__, second.__cause__ = second, third
    assert [*_walk_causes(first)] == [first, second, third]
    assert [*_walk_causes(None)] == []


class Manager:
    """A VariableManager of Ansible. It injects the facts of its cache above the inventory."""

    def __init__(self, inventory, facts, reads):
        self.inventory = inventory
        self._fact_cache = SimpleNamespace(get=facts.get)
        self.reads = reads

    def get_vars(self, host):
        facts = self._fact_cache.get(host, {})
        is_plain = facts.__class__ is dict
        self.reads.append((host, bool(facts) if is_plain else None))
        plain = facts if is_plain else {}
        found = {**self.inventory[host], **{f"ansible_{name}": value for name, value in plain.items()}, **plain}
        return {**found, "ansible_facts": plain} if plain else found


class Hostvars(Mapping):
    """Ansible's hostvars. Their items are not read here: that would read every host."""

    __getitem__ = __iter__ = __len__ = None

    def __init__(self, manager):
        self._variable_manager = manager

    def raw_get(self, host):
        return self._variable_manager.get_vars(host=host)


HOSTS = {
    "n": {
        "kong_site": "a",
        "address": "10.0.0.1",
        "kong_address": trust_as_template("{{ address }}"),
        "kong_role": "data_plane",
    },
    "m": {"kong_address": trust_as_template("{{ nowhere }}"), "both": trust_as_template("{{ [1, 2] | sum }}")},
    "f": {"kong_address": trust_as_template("{{ ansible_facts.default_ipv4.address }}")},
}
# The host of the task. Ansible gives these variables to every host.
HOSTS["p"] = {"groups": {"kong": [*HOSTS]}, "inventory_hostname": "p", "kong_strict": False, "kong_site": "a"}
FACTS = {
    "f": {"default_ipv4": {"address": "10.9.9.9"}, "ansible_kernel": "6"},
    "n": {"address": "6.6.6.6", "kong_role": "control_plane", "kong_nat": ["x"], "own": "fact"},
}


@pytest.fixture
def reads():
    return []


@pytest.fixture
def inventory(reads):
    return make_inventory(reads)


def make_inventory(reads, **of_play):
    task = {**HOSTS["p"], "vars": {}, "hostvars": Hostvars(Manager(HOSTS, FACTS, reads)), **of_play}
    return AnsibleInventory(task, DataLoader())


def test_the_inventory_precedes_facts_of_the_same_name(inventory):
    variables = inventory.read_variables("n")
    assert (variables["kong_role"], variables["address"], variables["kong_address"]) == (
        "data_plane",
        *2 * ["10.0.0.1"],
    )
    assert "kong_nat" not in variables
    assert "own" not in variables
    assert variables["ansible_facts"] == FACTS["n"]
    context = inventory._hostvars.with_facts.raw_get("n")
    assert "kong_nat" not in context
    assert (context["address"], context["own"], context["kong_role"]) == ("10.0.0.1", "fact", "data_plane")


def test_templates_may_read_facts_and_nothing_else_is_templated(inventory):
    variables = inventory.read_variables("f")
    assert variables["kong_address"] == "10.9.9.9"
    assert variables["ansible_facts"] == {"default_ipv4": {"address": "10.9.9.9"}, "kernel": "6"}
    without = inventory.without_facts("f")
    assert without["ansible_facts"] == {}
    with pytest.raises(VariableError):
        without["kong_address"]


def test_the_options_for_ssh_of_the_configuration(reads, monkeypatch):
    assert make_inventory(reads).read_variables("n")[CONFIGURED]["port"] is None
    monkeypatch.setenv("ANSIBLE_REMOTE_PORT", "2222")
    monkeypatch.setenv("ANSIBLE_SSH_COMMON_ARGS", "-p 2223")
    found = make_inventory(reads).read_variables("n")[CONFIGURED]
    assert (found["port"], found["ssh_common_args"], found["ssh_extra_args"]) == (2222, "-p 2223", "")


def test_values_that_cannot_be_computed(inventory):
    variables = inventory.read_variables("m")
    assert variables["both"] == 3
    for _again in range(2):
        with pytest.raises(VariableError, match="nowhere") as caught:
            variables["kong_address"]
        assert not isinstance(caught.value, VaultedError)
    with pytest.raises(KeyError):
        variables["kong_site"]


def test_variables_are_a_mapping_that_computes_each_value_once(inventory, monkeypatch):
    variables = inventory.read_variables("n")
    computed = []
    real = _ansible_inventory.compute_value
    monkeypatch.setattr(
        _ansible_inventory, "compute_value", lambda templar, value: (computed.append(value), real(templar, value))[1]
    )
    assert [variables[name] for name in ("kong_site", "kong_address", "kong_address")] == ["a", *2 * ["10.0.0.1"]]
    assert computed == ["{{ address }}"]
    assert {*variables} == {*HOSTS["n"], "ansible_facts", CONFIGURED}
    assert len(variables) == len(HOSTS["n"]) + 2
    assert ("kong_site" in variables, "kong_nat" in variables) == (True, False)
    assert (variables.get("kong_site"), variables.get("kong_nat"), variables.get("kong_nat", 3)) == ("a", None, 3)


def test_hosts_without_templates_are_read_once(inventory, reads):
    assert inventory.read_variables("n")["kong_site"] == inventory.without_facts("n")["kong_site"] == "a"
    assert reads == [("n", None), ("p", False)]


def test_a_host_without_facts(inventory):
    assert inventory.read_variables("m")["ansible_facts"] == {}
    assert inventory._hostvars.with_facts.raw_get("m")["ansible_facts"] == {}


def test_the_cache_of_facts_may_raise_for_unknown_hosts(inventory):
    def refuse(_host):
        raise KeyError

    inventory._hostvars._cache = SimpleNamespace(get=refuse)
    assert inventory._hostvars.read_facts("m") == {}
    assert inventory.read_variables("m")["ansible_facts"] == {}


def test_the_hostvars_of_ansible_are_not_changed(reads):
    hostvars = Hostvars(Manager(HOSTS, FACTS, reads))
    before = {**vars(hostvars)}, {**vars(hostvars._variable_manager)}
    make_inventory(reads, hostvars=hostvars).read_variables("n")
    assert (vars(hostvars), vars(hostvars._variable_manager)) == before
    assert hostvars.raw_get("n")["kong_role"] == "control_plane"


def test_facts_and_other_hosts_are_not_searched_for_encrypted_values(inventory):
    variables = inventory.read_variables("f")
    masked = variables._masked_templar.available_variables
    assert masked["hostvars"] is inventory._hostvars.with_facts
    assert masked["ansible_facts"] is variables._context()["ansible_facts"]
    assert masked["kong_address"] == HOSTS["f"]["kong_address"]


def test_the_play_may_set_the_variables_of_the_run_and_no_others(reads):
    of_play = {"kong_strict": trust_as_template("{{ strict }}"), "strict": True, "kong_site": "b", "kong_role": "x"}
    variables = make_inventory(reads, **of_play).read_variables("m")
    assert variables["kong_strict"] is True
    assert "kong_site" not in variables
    assert "kong_role" not in variables
    # The value of a variable of the run that the play does not change is that of each host.
    assert "kong_strict" not in make_inventory(reads).read_variables("m")
    assert "kong_strict" not in make_inventory(reads, **of_play).without_facts("m")


def test_only_values_that_no_fact_can_change_are_read_before_facts(reads):
    of_play = {"kong_strict": trust_as_template("{{ strict }}"), "strict": True}
    inventory = make_inventory(reads, **of_play)
    variables = inventory.read_fixed("n")
    assert (variables["kong_address"], variables["kong_strict"], variables.get("kong_nat")) == ("10.0.0.1", True, None)
    assert variables[CONFIGURED] == inventory.read_variables("n")[CONFIGURED]
    assert {*variables} == {*inventory.read_variables("n")}
    with pytest.raises(VariableError, match="nowhere"):
        inventory.read_fixed("m")["kong_address"]
    for host, name in (("f", "kong_address"), ("f", "ansible_facts"), ("n", "ansible_facts")):
        with pytest.raises(FactsNeededError):
            inventory.read_fixed(host).get(name)
