# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of an older plan that left the fleet, and the command that removes our rules from them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import format_finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import (
    Run,
    describe_damaged,
    describe_members,
    forget_left,
    list_left,
    make_left_findings,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

NO_RUN = Run([], [])


def plan(**addresses):
    return plan_fleet({name: {"kong_address": address} for name, address in addresses.items()})


def read_commands(found):
    """Return the words after the name of the playbook, by the node of the warning."""
    return {
        finding["hosts"][0]: shlex.split(finding["message"].partition("gatehouse.kong.remove ")[2]) for finding in found
    }


OLD = plan(k1="10.0.0.1", k2="10.0.0.2", k10="10.0.0.10")


@pytest.mark.parametrize(
    ("new", "left"),
    [
        (OLD, []),
        (plan(k1="10.0.0.1", k2="10.0.0.2", k10="10.0.0.10", k11="10.0.0.11"), []),
        (plan(k1="10.0.0.1"), ["k2", "k10"]),
        # A node with another name at the same place is the same host. Its rules must stay.
        (plan(k1="10.0.0.1", k2="10.0.0.2", renamed="10.0.0.10"), []),
        # Two nodes whose addresses were exchanged are the same two hosts.
        (plan(k1="10.0.0.2", k2="10.0.0.1", k10="10.0.0.10"), []),
    ],
)
def test_nodes_that_left(new, left):
    assert [*list_left(OLD, new)] == left
    found = make_left_findings(OLD, new, NO_RUN)
    assert [finding["hosts"] for finding in found] == [[name] for name in left]
    assert {finding["code"] for finding in found} <= {"node-left"}


def test_a_node_whose_site_has_another_name_is_the_same_host():
    """The command in the warning would remove the rules of a node that runs."""
    new = plan_fleet({name: {"kong_address": f"10.0.0.{name[1:]}", "kong_site": "lan"} for name in ("k1", "k2", "k10")})
    assert make_left_findings(OLD, new, NO_RUN) == []
    (found,) = make_left_findings(OLD, plan(k1="10.0.0.1", k2="10.0.0.22", k10="10.0.0.10"), NO_RUN)
    assert (found["hosts"], "an older plan has this node at 10.0.0.2. " in found["message"]) == (["k2"], True)


def test_a_node_that_left_is_kept_until_it_is_cleaned_or_a_node_again():
    first = plan(k1="10.0.0.1", k2="10.0.0.2")
    kept = {**first, "left": list_left(OLD, first)}
    assert [*kept["left"]] == ["k10"]
    second = plan(k1="10.0.0.1")
    assert [*list_left(kept, second)] == ["k2", "k10"]
    assert [*list_left(kept, {**second, "left": list_left(kept, second)})] == ["k2", "k10"]
    assert [*list_left(kept, OLD)] == []
    assert [*list_left(forget_left(kept, ["k10", "x"]), second)] == ["k2"]
    assert "left" not in forget_left(kept, ["k10"])
    assert forget_left(kept, ["x"]) == kept


def test_a_replacement_with_the_name_of_another_host_is_named_with_the_old_address():
    (found,) = make_left_findings(OLD, plan(k1="10.0.0.9", k2="10.0.0.2", k10="10.0.0.10"), NO_RUN)
    assert (found["code"], found["hosts"]) == ("node-left", ["k1"])
    assert "an older plan has this node at 10.0.0.1." in found["message"]
    assert read_commands([found])["k1"] == ["-i", "10.0.0.1,", "-e", "leaving=10.0.0.1"]


def test_a_host_that_is_still_in_the_inventory_needs_no_inventory_of_its_own():
    found = make_left_findings(OLD, plan(k1="10.0.0.1"), Run(["k1", "k2"], ["k1,k2,"]))
    assert [("another host has this name" in each["message"]) for each in found] == [True, False]
    assert read_commands(found) == {
        "k2": ["-i", "k1,k2,", "-e", "leaving=k2"],
        "k10": ["-i", "k1,k2,", "-i", "k10,", "-e", "ansible_host=10.0.0.10", "-e", "leaving=k10"],
    }


def test_the_command_has_the_connection_of_the_node_and_no_secret():
    connection = {
        "ansible_host": "k2.example.com",
        "ansible_port": 2222,
        "ansible_user": "admin",
        "ansible_become": True,
        "ansible_python_interpreter": "/usr/bin/python3 -s",
        "ansible_password": "secret",
        "ansible_become_password": "secret",
        "ansible_ssh_common_args": "-o ProxyCommand='sshpass -p secret'",
    }
    old = plan_fleet({"k1": {"kong_address": "10.0.0.1"}, "k2": {"kong_address": "10.0.0.2", **connection}})
    assert "secret" not in str(old)
    found = make_left_findings(old, plan(k1="10.0.0.1"), Run(["k1"], [], Path("plan.json")))
    # There is no room to advise to delete it from the plan file.
    short = make_left_findings(OLD, plan(k1="10.0.0.1"), Run(["k1"], [], Path("plan.json")))
    assert "delete it from `left` in the plan file" in short[0]["message"]
    assert read_commands(found)["k2"] == [
        *("-i", "k2,", "-e", "ansible_become=True", "-e", "ansible_host=k2.example.com", "-e", "ansible_port=2222"),
        *("-e", '{"ansible_python_interpreter": "/usr/bin/python3 -s"}', "-e", "ansible_user=admin"),
        *("-e", "kong_plan_file=plan.json", "-e", "leaving=k2"),
    ]


def test_an_inventory_that_does_not_exist_is_not_in_the_command(tmp_path, monkeypatch):
    """Without -i, Ansible names its default inventory, which need not exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "our hosts.yml").touch()
    sources = [str(tmp_path / "our hosts.yml"), str(tmp_path / "missing")]
    found = make_left_findings(OLD, plan(k1="10.0.0.1"), Run(["k2", "k10"], sources))
    assert read_commands(found)["k2"] == ["-i", "our hosts.yml", "-e", "leaving=k2,k10"]


@pytest.mark.parametrize(("length", "together"), [(39, True), (40, False)])
def test_the_command_has_several_hosts_if_their_names_are_short(length, together):
    names = ["a" * 40, "b" * length]
    old = plan(k1="10.0.0.1", **dict(zip(names, ("10.0.0.2", "10.0.0.3"), strict=True)))
    found = read_commands(make_left_findings(old, plan(k1="10.0.0.1"), Run(names, [])))
    assert found[names[0]][-1] == f"leaving={','.join(names if together else names[:1])}"


@pytest.mark.parametrize("hosts", [[], [f"kong-{number}.dc1.example.com" for number in range(1, 40)]])
def test_the_warning_is_short(tmp_path, monkeypatch, hosts):
    """With ordinary names. Many hosts have a command each."""
    folder = tmp_path / "inventories/production"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").touch()
    monkeypatch.chdir(tmp_path)
    nodes = {f"kong-{number}.dc1.example.com": {"kong_address": f"10.20.30.{number}"} for number in range(1, 40)}
    moved = {"kong-1.dc1.example.com": {"kong_address": "10.20.30.100"}}
    run = Run(hosts, [str(folder / "hosts.yml")], tmp_path / "plans/production.json")
    found = make_left_findings(plan_fleet(nodes), plan_fleet(moved), run)
    assert len(found) == 39
    assert max(len(format_finding(finding)) for finding in found) <= 400
    assert all("gatehouse.kong.remove" in finding["message"] for finding in found)


FOLDERS = "a-long-folder/" * 20
OF_LONG = {
    "ansible_python_interpreter": f"/{FOLDERS}python3",
    "ansible_user": "u" * 32,
    "ansible_host": f"{'host.' * 20}example",
}


@pytest.mark.parametrize("length", [5, 63, 64, 253])
@pytest.mark.parametrize("connection", [{}, OF_LONG])
@pytest.mark.parametrize("known", [False, True])
def test_long_names_and_paths(length, connection, known):
    """The command leaves out the options of the run's own command. It is complete for names up to 64 characters."""
    names = {number: f"k{number}{'x' * length}"[:length] for number in range(1, 4)}
    old = plan_fleet({name: {"kong_address": f"10.0.0.{number}", **connection} for number, name in names.items()})
    new = plan_fleet({names[1]: {"kong_address": "10.0.0.9"}})
    run = Run([*names.values()] * known, [f"{FOLDERS}x,"], Path(f"/{FOLDERS}plan.json"))
    found = make_left_findings(old, new, run)
    assert {name for finding in found for name in finding["hosts"]} == {*names.values()}
    for finding in found:
        assert len(format_finding(finding).removesuffix(" [node-left]")) <= 400
        if length <= 64:
            command = (
                finding["message"].partition("ansible-playbook ")[2].split(" (add -i and kong_plan_file as in this run")
            )
            assert len(command) == 2
            assert "leaving=" in shlex.split(command[0])[-1]


def test_hosts_to_clean_that_are_still_nodes():
    assert describe_members(["x"], "kong", ["k1", "k2", "k3"]) == ""
    text = describe_members(["k1", "k2", "x"], "kong", ["k1", "k2", "k3"])
    assert text.startswith("leaving: k1 to k2, 2 nodes: still in the group 'kong'")
    assert "Take them out of the group first" in text


def test_a_long_path_and_a_long_reason_of_a_damaged_plan_file_are_shortened():
    text = describe_damaged(Path("/" + "p" * 200), "r" * 200, ["k2"])
    shown = re.fullmatch(r"kong_plan_file: (/p*…) was not changed, because (r*…)\. Restore it .*Cleaned: k2", text)
    assert [len(part) for part in shown.groups()] == [100, 80]


def test_several_ranges_of_hosts_are_counted():
    text = describe_members(["k1", "k3"], "kong", ["k1", "k2", "k3"])
    assert text.startswith("leaving: k1 and 1 more, 2 nodes: still in the group 'kong'")
    assert describe_damaged(Path("p"), "r", ["k1", "k3"]).endswith("Cleaned: k1 and 1 more, 2 nodes")
