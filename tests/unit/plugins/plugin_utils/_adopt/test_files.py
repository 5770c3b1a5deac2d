# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a proposal: shared values are written once, and edited files are kept."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import parse_observed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.files import render_files, write_files
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import Line, Proposal

NODES = {
    "a": (Line("kong_version", "2.8.5", "of its files"), Line("kong_address", "10.0.0.1", "assumed")),
    "b": (Line("kong_version", "2.8.5", "of its files"), Line("kong_address", "10.0.0.2", "assumed")),
}
PROPOSAL = Proposal(
    NODES,
    {"ops": (Line("kong_address", "10.0.0.9", "assumed"),)},
    {"a": ("who?",), "b": ()},
    {"c": "no Kong runs here"},
    {"a": {"admin": {"10.0.0.9": ["connected"]}}, "b": {}},
)


def test_values_of_every_node_are_in_the_group():
    files = render_files(PROPOSAL)
    assert yaml.safe_load(files["group_vars/kong.yml"]) == {"kong_version": "2.8.5"}
    assert yaml.safe_load(files["host_vars/a.yml"]) == {"kong_address": "10.0.0.1"}
    assert yaml.safe_load(files["host_vars/ops.yml"]) == {"kong_address": "10.0.0.9"}
    assert yaml.safe_load(files["hosts.yml"]) == {"kong": {"hosts": {"a": {}, "b": {}}}}
    assert parse_observed(files["observed.yml"]) == PROPOSAL.observed
    assert "- To check: who?" in files["report.md"]
    assert "- c: no Kong runs here" in files["report.md"]


def make_node(address, site):
    return (Line("kong_version", "2.8.5", "f"), Line("kong_address", address, "a"), Line("kong_site", site, "n"))


def test_values_of_a_site_are_in_its_group():
    nodes = {
        "a": make_node("10.0.0.1", "net-1"),
        "b": make_node("10.0.0.2", "net-1"),
        "c": make_node("10.0.1.1", "net-2"),
        "d": NODES["a"],
    }
    files = render_files(Proposal(nodes, {}, dict.fromkeys(nodes, ()), {}, {}))
    assert yaml.safe_load(files["hosts.yml"])["kong"] == {
        "hosts": {"d": {}},
        "children": {"kong_net_1": {"hosts": {"a": {}, "b": {}}}, "kong_net_2": {"hosts": {"c": {}}}},
    }
    assert yaml.safe_load(files["group_vars/kong_net_1.yml"]) == {"kong_version": "2.8.5", "kong_site": "net-1"}
    assert yaml.safe_load(files["host_vars/b.yml"]) == {"kong_address": "10.0.0.2"}
    # A site of one node: a further node would not have all values of that node.
    assert yaml.safe_load(files["group_vars/kong_net_2.yml"]) == {}
    assert yaml.safe_load(files["host_vars/c.yml"])["kong_site"] == "net-2"


def test_no_node_is_an_empty_group():
    files = render_files(Proposal({}, {}, {}, {"c": "no Kong runs here"}, {}))
    assert yaml.safe_load(files["hosts.yml"]) == {"kong": {"hosts": {}}}


def test_a_single_node_has_all_values_itself():
    files = render_files(Proposal({"a": NODES["a"]}, {}, {"a": ()}, {}, {}))
    assert yaml.safe_load(files["host_vars/a.yml"]) == {"kong_version": "2.8.5", "kong_address": "10.0.0.1"}


def test_evidence_of_a_host_stays_a_comment():
    lines = (Line("kong_version", "2.8.5", "observed: a\nkong_admin_sources: [any]"),)
    files = render_files(Proposal({"a": lines}, {}, {"a": ("b\n- c",)}, {}, {}))
    assert yaml.safe_load(files["host_vars/a.yml"]) == {"kong_version": "2.8.5"}


@pytest.mark.parametrize("check_mode", [False, True])
def test_second_run_changes_nothing(tmp_path, check_mode):
    first = write_files(tmp_path, render_files(PROPOSAL), check_mode=check_mode)
    assert set(first.values()) == {"written"}
    assert (tmp_path / "hosts.yml").exists() is not check_mode
    assert bool(write_files(tmp_path, render_files(PROPOSAL), check_mode=check_mode)) is check_mode


@pytest.mark.parametrize("edit", ["kong_site: mine\n", "# my own comment\n"])
def test_edited_file_is_kept_and_the_new_text_is_next_to_it(tmp_path, edit):
    write_files(tmp_path, render_files(PROPOSAL), check_mode=False)
    path = tmp_path / "host_vars/a.yml"
    edited = path.read_text() + edit
    path.write_text(edited)
    assert write_files(tmp_path, render_files(PROPOSAL), check_mode=False) == {"host_vars/a.yml": "edited"}
    assert path.read_text() == edited
    assert yaml.safe_load((tmp_path / "host_vars/a.yml.new").read_text()) == {"kong_address": "10.0.0.1"}
    assert write_files(tmp_path, render_files(PROPOSAL), check_mode=False) == {}


def test_file_of_someone_else_is_kept(tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/kong.yml").write_text("kong_site: mine\n")
    assert write_files(tmp_path, render_files(PROPOSAL), check_mode=False)["group_vars/kong.yml"] == "edited"
    assert (tmp_path / "group_vars/kong.yml").read_text() == "kong_site: mine\n"


def test_an_own_file_follows_the_proposal(tmp_path):
    write_files(tmp_path, render_files(PROPOSAL), check_mode=False)
    moved = Proposal(
        {**NODES, "a": (NODES["a"][0], Line("kong_address", "10.0.0.3", "assumed"))}, {}, {"a": (), "b": ()}, {}, {}
    )
    assert write_files(tmp_path, render_files(moved), check_mode=False)["host_vars/a.yml"] == "written"
    assert yaml.safe_load((tmp_path / "host_vars/a.yml").read_text()) == {"kong_address": "10.0.0.3"}


def test_values_of_every_node_are_not_repeated_in_the_group_of_a_site():
    nodes = {
        "a": make_node("10.0.0.1", "net-1"),
        "b": make_node("10.0.0.2", "net-1"),
        "c": make_node("10.0.1.1", "net-2"),
    }
    files = render_files(Proposal(nodes, {}, dict.fromkeys(nodes, ()), {}, {}))
    assert yaml.safe_load(files["group_vars/kong.yml"]) == {"kong_version": "2.8.5"}
    assert yaml.safe_load(files["group_vars/kong_net_1.yml"]) == {"kong_site": "net-1"}


def test_a_node_keeps_a_value_that_only_another_site_shares():
    nodes = {
        "a": make_node("10.0.0.1", "net-1"),
        "b": make_node("10.0.0.2", "net-1"),
        "c": make_node("10.0.1.1", "net-2"),
        "d": (Line("kong_version", "3.9.1", "f"),),
    }
    files = render_files(Proposal(nodes, {}, dict.fromkeys(nodes, ()), {}, {}))
    assert yaml.safe_load(files["group_vars/kong_net_1.yml"]) == {"kong_version": "2.8.5", "kong_site": "net-1"}
    assert yaml.safe_load(files["host_vars/c.yml"])["kong_version"] == "2.8.5"


def test_the_text_of_the_files():
    lines = (
        Line("kong_version", "2.8.5", "of its files"),
        Line("kong_admin_sources", ["Zürich", "10.0.0.9"], "observed"),
        Line("kong_nat", [{"outside": "192.0.2.1", "inside_port": 80}], "observed"),
    )
    proposal = Proposal({"a": lines}, {}, {"a": ("who?", "why?")}, {"c": "no Kong runs here", "d": "x"}, {"a": {}})
    files = render_files(proposal)
    assert files["host_vars/a.yml"] == (
        "# of its files\n"
        "kong_version: 2.8.5\n"
        "# observed\n"
        "kong_admin_sources:\n- Zürich\n- 10.0.0.9\n"
        "# observed\n"
        "kong_nat:\n- outside: 192.0.2.1\n  inside_port: 80\n"
    )
    assert files["report.md"] == (
        "# Adopted: 1 node\n"
        "\n## a\n\n"
        "- `kong_version: 2.8.5` (of its files)\n"
        "- `kong_admin_sources: ['Zürich', '10.0.0.9']` (observed)\n"
        "- `kong_nat: [{'outside': '192.0.2.1', 'inside_port': 80}]` (observed)\n"
        "- To check: who?\n"
        "- To check: why?\n"
        "\n## Other hosts\n\n"
        "- c: no Kong runs here\n"
        "- d: x\n"
    )
