# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that are proposed for a node, and the questions that only a person can answer."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt import propose as proposing
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import read_found_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    KONG,
    make_client,
    make_facts,
    make_host,
    make_link,
    make_other,
    make_published,
    make_settings,
)


def propose(hosts, earlier=None):
    """Return the proposal of a run, by default the first."""
    return proposing.propose(hosts, earlier or {})


def read_variables(proposal, name):
    return {line.variable: line.value for line in {**proposal.nodes, **proposal.sources}[name]}


def test_node_with_defaults_has_only_its_version_and_address():
    proposal = propose(
        [
            make_host(
                "a",
                "10.0.0.1",
                settings=make_settings(proxy_listen="0.0.0.0:8000, 0.0.0.0:8443 ssl", role="traditional"),
            )
        ]
    )
    assert read_variables(proposal, "a")["kong_version"] == "2.8.5"
    assert read_variables(proposal, "a")["kong_address"] == "10.0.0.1"
    assert "kong_site" not in read_variables(proposal, "a")
    assert "kong_role" not in read_variables(proposal, "a")


@pytest.mark.parametrize(
    ("kong", "expected"),
    [
        ({"settings": make_settings(admin_listen="0.0.0.0:8001")}, {"kong_admin_listen": "0.0.0.0:8001"}),
        # Lists in .kong_env have no blanks.
        ({"settings": make_settings(admin_listen="10.0.0.1:8001,127.0.0.1:8444 ssl")}, {"kong_admin_listen": "10.0.0.1:8001, 127.0.0.1:8444 ssl"}),
        ({"unit": "gateway.service"}, {"kong_listen_service": "gateway.service"}),
        ({"path": "/srv/kong.conf"}, {"kong_listen_file": "/srv/kong.conf"}),
        ({"settings": make_settings(role="data_plane", cluster_control_plane="cp:8005")}, {"kong_role": "data_plane", "kong_cluster_control_plane": "cp:8005"}),
        ({"version": "0.10.4", "settings": make_settings(cluster_listen="10.0.0.1:80", cluster_advertise="203.0.113.5:9000")},
         {"kong_nat": [{"outside": "203.0.113.5", "outside_port": 9000, "inside_port": 80}], "kong_cluster_listen": "10.0.0.1:80"}),
        ({"version": "0.10.4", "settings": make_settings(cluster_advertise="203.0.113.5:9000")},
         {"kong_nat": [{"outside": "203.0.113.5", "outside_port": 9000, "inside_port": 7946}]}),
    ],
)  # fmt: skip
def test_what_a_node_states_is_proposed(kong, expected):
    found = read_variables(propose([make_host("a", "10.0.0.1", **kong)]), "a")
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("origin", "place", "expected"),
    [
        ("file", "", "/etc/kong/kong.conf"),
        ("environment", "a drop-in", "a drop-in"),
        ("started", "", "the settings that Kong prepared last"),
    ],
)
def test_the_evidence_of_a_setting_is_its_place(origin, place, expected):
    settings = make_settings(origin, place, admin_listen="0.0.0.0:9001")
    lines = propose([make_host("a", "10.0.0.1", settings=settings)]).nodes["a"]
    assert [line.evidence for line in lines if line.variable == "kong_admin_listen"] == [f"observed: {expected}"]


@pytest.mark.parametrize(
    ("kong", "variable", "evidence"),
    [
        ({"unit": "gateway.service"}, "kong_listen_service", "observed: the unit of its nginx"),
        ({"path": "/srv/kong.conf"}, "kong_listen_file", "observed: kong.service starts Kong with this file"),
        (
            {"path": "/etc/kong.conf", "unit": ""},
            "kong_listen_file",
            "assumed: Kong searches this file, and the command that started it by hand can have named another",
        ),
        (
            {"path": "/etc/kong/kong.yml", "format": "yaml", "unit": "", "version": "0.8.3"},
            "kong_admin_api_listen",
            "assumed: /etc/kong/kong.yml, if Kong was started with this file",
        ),
        (
            {"path": "/etc/kong/kong.yml", "format": "yaml", "version": "0.8.3"},
            "kong_admin_api_listen",
            "observed: /etc/kong/kong.yml",
        ),
        ({"unit": ""}, "kong_admin_listen", "observed: /etc/kong/kong.conf"),
    ],
)
def test_evidence_tells_observed_from_assumed_values(kong, variable, evidence):
    settings = make_settings(admin_listen="0.0.0.0:9001", admin_api_listen="0.0.0.0:9001")
    lines = propose([make_host("a", "10.0.0.1", settings=settings, **kong)]).nodes["a"]
    assert [line.evidence for line in lines if line.variable == variable] == [evidence]


@pytest.mark.parametrize("advertise", ["10.0.0.1:7946", "10.0.1.1:7946"])
def test_an_own_address_that_is_advertised_is_no_nat(advertise):
    kong = {"version": "0.10.4", "settings": make_settings(cluster_advertise=advertise)}
    assert "kong_nat" not in read_variables(propose([make_host("a", "10.0.0.1", "10.0.1.1", **kong)]), "a")


def test_a_listener_of_another_role_is_not_proposed():
    settings = make_settings(role="data_plane", admin_listen="0.0.0.0:9001")
    assert "kong_admin_listen" not in read_variables(propose([make_host("a", "10.0.0.1", settings=settings)]), "a")


def test_networks_are_sites_only_if_there_are_several():
    alone = propose([make_host("a", "10.0.0.1"), make_host("b", "10.0.0.2"), make_other("c", "10.9.0.1")])
    two = propose([make_host("a", "10.0.0.1"), make_host("b", "10.0.1.2")])
    assert "kong_site" not in read_variables(alone, "a")
    assert [read_variables(two, name)["kong_site"] for name in "ab"] == ["net-10-0-0-0-24", "net-10-0-1-0-24"]


def test_clients_of_guarded_listeners_are_sources_by_name_if_they_are_near():
    settings = make_settings(admin_listen="0.0.0.0:8001", status_listen="127.0.0.1:8007")
    clients = [(8001, "10.0.0.9"), (8001, "10.9.0.1"), (8001, "10.0.0.1"), (8007, "127.0.0.1"), (8000, "203.0.113.9")]
    found = [make_client(port, source) for port, source in clients]
    hosts = [
        make_host("a", "10.0.0.1", settings=settings, clients=found),
        make_other("ops", "10.0.0.9"),
        make_other("far", "10.9.0.1"),
    ]
    proposal = propose(hosts)
    found = read_variables(proposal, "a")
    assert found["kong_admin_sources"] == ["10.9.0.1", "ops"]
    assert "kong_proxy_sources" not in found
    assert "kong_status_sources" not in found
    assert read_variables(proposal, "ops") == {"kong_address": "10.0.0.9"}
    assert "far" not in proposal.sources


def test_a_listener_without_a_client_is_a_question():
    proposal = propose([make_host("a", "10.0.0.1", settings=make_settings(admin_listen="0.0.0.0:8001"))])
    assert any("kong_admin_sources is not set" in question for question in proposal.questions["a"])


@pytest.mark.parametrize(
    ("version", "closed"),
    [("0.10.4", {"admin"}), ("2.8.5", set()), ("3.9.1", {"admin_gui"})],
)
def test_the_open_ports_of_a_default_kong_that_nobody_could_use_are_questions(version, closed):
    proposal = propose([make_host("a", "10.0.0.1", version=version)])
    questions = " ".join(proposal.questions["a"])
    assert {name for name in ("admin", "admin_gui", "status", "proxy") if f"kong_{name}_sources" in questions} == closed


@pytest.mark.parametrize(
    ("address", "is_open"), [("[::1]", False), ("127.0.0.9", False), ("[::1:2:3:4]", True), ("10.0.0.1", True)]
)
def test_only_a_listener_that_other_hosts_reach_is_a_question(address, is_open):
    settings = make_settings(admin_listen=f"{address}:8001")
    questions = propose([make_host("a", "10.0.0.1", settings=settings)]).questions["a"]
    assert any("kong_admin_sources" in question for question in questions) is is_open


@pytest.mark.parametrize(("value", "is_asked"), [("on", True), ("True", True), ("off", False), (None, False)])
def test_a_portal_that_is_on_is_a_question(value, is_asked):
    settings = make_settings(**({"portal": value} if value else {}))
    questions = propose([make_host("a", "10.0.0.1", version="2.8.4.1", settings=settings)]).questions["a"]
    assert any("`portal: on` in kong_config" in question for question in questions) is is_asked


def test_a_variable_of_the_environment_is_a_question():
    settings = make_settings("environment", "Environment= in kong.service", status_listen="0.0.0.0:8105")
    proposal = propose([make_host("a", "10.0.0.1", settings=settings)])
    assert read_variables(proposal, "a")["kong_status_listen"] == "0.0.0.0:8105"
    assert any("Environment= in kong.service" in question for question in proposal.questions["a"])


ENV_FILE = "/srv/kong/kong.env"


def test_a_file_with_variables_that_has_all_settings_is_the_file_of_the_node():
    settings = make_settings("environment", ENV_FILE, role="data_plane", status_listen="0.0.0.0:8105")
    settings |= make_settings("default", "", proxy_listen="0.0.0.0:8000") | make_settings(
        "unknown", "", stream_listen=""
    )
    proposal = propose([make_host("a", "10.0.0.1", path="/srv/kong/kong.conf", settings=settings)])
    found = read_variables(proposal, "a")
    assert (found["kong_listen_target"], found["kong_listen_file"]) == ("env", ENV_FILE)
    assert found["kong_status_listen"] == "0.0.0.0:8105"
    assert not any("comes from" in question for question in proposal.questions["a"])
    (evidence,) = {line.evidence for line in proposal.nodes["a"] if line.variable.startswith("kong_listen_")}
    assert evidence == "observed: kong.service reads its variables, and no other place has a setting"


@pytest.mark.parametrize(
    ("settings", "kong"),
    [
        (make_settings("file", "", proxy_listen="0.0.0.0:80"), {}),
        (make_settings("environment", "/srv/kong/other.env", proxy_listen="0.0.0.0:80"), {}),
        (make_settings("started", "", proxy_listen="0.0.0.0:80"), {}),
        ({}, {"container": "0123456789ab"}),
    ],
)
def test_a_file_with_variables_that_has_only_some_settings_is_a_question(settings, kong):
    settings = {**make_settings("environment", ENV_FILE, status_listen="0.0.0.0:8105"), **settings}
    proposal = propose([make_host("a", "10.0.0.1", settings=settings, **kong)])
    assert "kong_listen_target" not in read_variables(proposal, "a")
    assert any(question.startswith(f"status_listen comes from {ENV_FILE}") for question in proposal.questions["a"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shares_network": False, "container": "0123456789ab"}, "container 0123456789ab"),
        ({"version": ""}, "its version is unknown"),
        ({"version": "0.2.1"}, "Kong 0.2.1"),
    ],
)
def test_a_kong_that_cannot_be_read_is_left_out_with_the_reason(change, reason):
    proposal = propose([make_host("a", "10.0.0.1", **change)])
    assert proposal.nodes == {}
    assert reason in proposal.left_out["a"]


CONTAINER = {"shares_network": False, "container": "0123456789ab", "unit": "", "path": "/etc/kong/kong.conf"}


@pytest.mark.parametrize(
    ("items", "settings", "expected", "left_out"),
    [
        (["80:8000", "443:8443"], {}, ["80:8000", "443:8443"], []),
        ([], {}, [], []),
        (["127.0.0.1:8001:8001", "80:8000"], {"admin_listen": "0.0.0.0:8001"}, ["127.0.0.1:8001:8001", "80:8000"], []),
        (["fd00::1:80:8000"], {}, ["[fd00::1]:80:8000"], []),
        # Kong's Admin API listens on the loopback address of the container, which no other host reaches.
        (["8001:8001", "9090:9090"], {}, [], ["8001:8001", "9090:9090"]),
    ],
)
def test_published_ports_in_front_of_a_listener_are_proposed(items, settings, expected, left_out):
    published = make_published(*items)
    proposal = propose(
        [make_host("a", "10.0.0.1", **CONTAINER, settings=make_settings(**settings), published=published)]
    )
    assert read_variables(proposal, "a")["kong_published_ports"] == expected
    assert [item for item in items if any(f"publishes {item}," in text for text in proposal.questions["a"])] == left_out
    hosts = {"a": read_variables(proposal, "a")}
    compilation = compile_plan(PlainInventory({"all": ["a"], "kong": ["a"]}, hosts), "kong")
    assert not compilation.errors


@pytest.mark.parametrize(("published", "is_asked"), [([], True), (["80:8000"], False)])
def test_a_container_without_published_ports_is_a_question(published, is_asked):
    questions = propose([make_host("a", "10.0.0.1", **CONTAINER, published=make_published(*published))]).questions["a"]
    assert any("publishes no port, so the plan opens none" in text for text in questions) is is_asked


def test_a_kong_on_the_host_has_no_published_ports():
    assert "kong_published_ports" not in read_variables(propose([make_host("a", "10.0.0.1")]), "a")


@pytest.mark.parametrize(("mounted", "file"), [("/srv/kong.conf", "/srv/kong.conf"), ("", None)])
def test_the_file_of_a_container_is_the_mounted_file_of_the_host(mounted, file):
    kong = {**CONTAINER, "path": "/opt/kong.conf", "mounted": mounted, "published": []}
    proposal = propose([make_host("a", "10.0.0.1", **kong)])
    assert read_variables(proposal, "a").get("kong_listen_file") == file
    questions = " ".join(proposal.questions["a"])
    assert ("kong_listen_target" in questions) is not bool(mounted)
    assert "kong_listen_restart_command" in questions


@pytest.mark.parametrize(("item", "is_asked"), [("80:8001", True), ("127.0.0.1:80:8001", False), ("80:8000", False)])
def test_only_a_published_listener_needs_sources(item, is_asked):
    kong = {**CONTAINER, "settings": make_settings(admin_listen="0.0.0.0:8001"), "published": make_published(item)}
    questions = propose([make_host("a", "10.0.0.1", **kong)]).questions["a"]
    assert any("kong_admin_sources is not set" in text for text in questions) is is_asked


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, "did not answer"),
        ({"msg": "kong_adopt_info needs root"}, "needs root"),
        ({"kongs": []}, "no Kong runs here"),
        ({"kongs": [KONG, {**KONG, "prefix": "/srv/dp"}]}, "/usr/local/kong and /srv/dp"),
    ],
)
def test_every_other_host_has_a_reason(result, reason):
    proposal = propose([read_found_host("a", make_facts("10.0.0.1"), result)])
    assert reason in proposal.left_out["a"]


@pytest.mark.parametrize("text", ["{{ lookup('pipe', 'id') }}", "{% raw %}", "#jinja2: x"])
def test_no_host_can_run_a_template_on_the_controller(text):
    proposal = propose([make_host("a", "10.0.0.1", path=text, settings=make_settings(admin_listen=text))])
    assert text not in map(str, read_variables(proposal, "a").values())
    assert sum("template" in question for question in proposal.questions["a"]) == 2


def test_an_address_is_unknown_with_several_and_no_default_route():
    facts = make_facts("10.0.0.1", "10.0.1.1", default=False)
    proposal = propose([read_found_host("a", facts, {"kongs": [KONG]})])
    assert "kong_address" not in read_variables(proposal, "a")
    assert "write kong_address" in proposal.questions["a"][0]


CONTROL = make_settings(role="control_plane", cluster_listen="0.0.0.0:8005")
DATA = make_settings(role="data_plane", cluster_control_plane="203.0.113.5:9005")


def test_connections_of_data_planes_through_nat_are_an_inventory_with_a_plan():
    """The data plane d dials a forward of the NAT device of c, and is behind a NAT device itself."""
    links = [make_link("10.0.0.1:8005", "198.51.100.9:40001")]
    control = make_host("c", "10.0.0.1", version="3.4.2", settings=CONTROL, links=links)
    links = [make_link("10.9.0.1:40001", "203.0.113.5:9005")]
    data = make_host("d", "10.9.0.1", version="3.4.2", settings=DATA, links=links)
    proposal = propose([control, data])
    hosts = {name: read_variables(proposal, name) for name in proposal.nodes}
    assert hosts["c"]["kong_nat"] == [{"outside": "203.0.113.5", "outside_port": 9005, "inside_port": 8005}]
    assert hosts["d"]["kong_nat_egress"] == ["198.51.100.9"]
    assert "kong_nat" not in hosts["d"]
    assert "kong_nat_egress" not in hosts["c"]
    compilation = compile_plan(PlainInventory({"all": [*hosts], "kong": [*hosts]}, hosts), "kong")
    assert not compilation.errors
    (rule,) = [rule for rule in compilation.plan["nodes"]["c"]["ruleset"]["allow"] if rule["listener"] == "cluster"]
    assert "198.51.100.9/32" in str(compilation.plan["sets"]) + str(rule)


def test_a_connection_that_no_control_plane_shows_is_a_question():
    links = [make_link("10.9.0.1:40001", "203.0.113.5:9005"), make_link("10.9.0.1:40002", "203.0.113.5:9005")]
    data = make_host("d", "10.9.0.1", version="3.4.2", settings=DATA, links=links)
    asked = [text for text in propose([data]).questions["d"] if text.startswith("it is connected to")]
    assert len(asked) == 1
    assert "203.0.113.5 port 9005" in asked[0]


NEAR = make_host("a", "10.0.0.1", version="0.10.4", settings=make_settings(cluster_listen="10.0.0.1:7946"))
SAME_NETWORK = make_host("a", "10.0.1.2", version="0.10.4", settings=make_settings(cluster_listen="10.0.1.2:7946"))
WITHOUT_GOSSIP = make_host("a", "10.0.0.1", version="2.8.5")


@pytest.mark.parametrize(
    ("others", "is_stated"),
    [([NEAR], False), ([], True), ([SAME_NETWORK], True), ([WITHOUT_GOSSIP], True)],
    ids=["another network", "alone", "the same network", "without gossip"],
)
def test_the_proposal_is_an_inventory_whose_plan_advertises_the_same_address(others, is_stated):
    behind = make_host(
        "b",
        "10.0.1.1",
        version="0.10.4",
        settings=make_settings(cluster_listen="10.0.1.1:80", cluster_advertise="10.0.0.5:9000"),
    )
    proposal = propose([*others, behind])
    hosts = {name: read_variables(proposal, name) for name in proposal.nodes}
    compilation = compile_plan(PlainInventory({"all": [*hosts], "kong": [*hosts]}, hosts), "kong")
    assert not compilation.errors
    assert compilation.plan["nodes"]["b"]["settings"]["cluster_advertise"] == "10.0.0.5:9000"
    assert ("kong_cluster_advertise" in hosts["b"]) is is_stated


@pytest.mark.parametrize(
    ("version", "is_asked"), [("3.4.3-enterprise-edition", True), ("3.4.3.5", False), ("3.4.3", False)]
)
def test_the_fourth_number_of_enterprise_is_a_question(version, is_asked):
    proposal = propose([make_host("a", "10.0.0.1", version=version)])
    assert read_variables(proposal, "a")["kong_version"] == version
    assert any("fourth number" in text for text in proposal.questions["a"]) is is_asked


def list_questions(**kong):
    return propose([make_host("a", "10.0.0.1", **kong)]).questions["a"]


def test_a_node_with_all_defaults_has_no_other_variable():
    assert read_variables(propose([make_host("a", "10.0.0.1")]), "a") == {
        "kong_version": "2.8.5",
        "kong_address": "10.0.0.1",
    }


@pytest.mark.parametrize(
    ("kong", "evidence"),
    [({"answers": True}, "observed: the Admin API"), ({}, "observed: the files of Kong at /usr/local/kong")],
)
def test_the_evidence_of_the_version(kong, evidence):
    [line] = [
        line for line in propose([make_host("a", "10.0.0.1", **kong)]).nodes["a"] if line.variable == "kong_version"
    ]
    assert line.evidence == evidence


@pytest.mark.parametrize(
    ("kong", "by_hand"),
    [({}, False), ({"unit": ""}, True), ({"unit": "", "container": "0123456789ab"}, False)],
)
def test_a_start_by_hand_is_a_question(kong, by_hand):
    assert any("started by hand" in question for question in list_questions(**kong)) is by_hand


@pytest.mark.parametrize(
    ("kong", "name"),
    [
        ({"unit": "", "prefix": "/srv/kong"}, "prefix"),
        ({"unit": "", "prefix": "/srv/kong", "version": "0.8.3"}, "nginx_working_dir"),
        ({"prefix": "/srv/kong"}, None),
        ({"unit": ""}, None),
    ],
)
def test_a_prefix_that_site_would_not_find_is_a_question(kong, name):
    asked = [question for question in list_questions(**kong) if question.startswith("its prefix is /srv/kong, ")]
    assert [question.endswith(f"; write {name} in kong_config") for question in asked] == [True] * bool(name)


@pytest.mark.parametrize(
    ("origin", "is_asked"),
    [("environment", True), ("started", True), ("file", False), ("outdated", False), ("unknown", False)],
)
def test_a_value_that_overrides_the_file_is_a_question(origin, is_asked):
    questions = list_questions(settings=make_settings(origin, "x", status_listen="0.0.0.0:8105"))
    assert any(question.startswith("status_listen comes from x") for question in questions) is is_asked


@pytest.mark.parametrize(
    ("kong", "variable", "value"),
    [
        # The plan has another default for gossip.
        ({"version": "0.10.4", "settings": make_settings(cluster_listen="0.0.0.0:7946")}, "kong_cluster_listen", "0.0.0.0:7946"),
        # The plan explains the error.
        ({"settings": make_settings(admin_listen="x")}, "kong_admin_listen", "x"),
        ({"settings": make_settings(role="control_plane", cluster_control_plane="cp:8005")}, "kong_cluster_control_plane", None),
    ],
)  # fmt: skip
def test_the_value_of_a_setting(kong, variable, value):
    assert read_variables(propose([make_host("a", "10.0.0.1", **kong)]), "a").get(variable) == value


def test_a_role_without_the_manager_has_no_question_about_it():
    settings = make_settings(role="data_plane")
    assert not any("admin_gui" in question for question in list_questions(version="3.9.1", settings=settings))


def test_a_client_that_is_a_node_is_no_other_host():
    settings = make_settings(admin_listen="0.0.0.0:8001")
    host = make_host("a", "10.0.0.1", settings=settings, clients=[make_client(8001, "10.0.0.2")])
    proposal = propose([host, make_host("b", "10.0.0.2")])
    assert read_variables(proposal, "a")["kong_admin_sources"] == ["b"]
    assert proposal.sources == {}


@pytest.mark.parametrize(
    ("value", "is_template"),
    [
        ("{{ x }}", True),
        ("{% x %}", True),
        ("{# x #}", True),
        ("#jinja2: x", True),
        ("# x", False),
        ("{x}", False),
        (["a", "{{ x }}"], True),
        (("a", "{{ x }}"), True),
        ({"a": ["{{ x }}"]}, True),
        ({"a": 1}, False),
        (["a"], False),
        (1, False),
    ],
)
def test_templates_are_found_in_lists_and_mappings(value, is_template):
    assert proposing._is_template(value) is is_template


def test_sites_of_ipv6_networks():
    facts = [
        {"interfaces": ["e"], "e": {"ipv6": [{"address": f"fd00:{number}::1", "prefix": "64"}]}} for number in (1, 2)
    ]
    proposal = propose(
        [read_found_host(name, known, {"kongs": [KONG]}) for name, known in zip("ab", facts, strict=True)]
    )
    assert [read_variables(proposal, name)["kong_site"] for name in "ab"] == ["net-fd00-1---64", "net-fd00-2---64"]


def test_evidence_of_several_mappings_is_complete():
    links = [make_link("10.0.0.1:8005", f"198.51.100.{port}:{port}") for port in (40, 41)]
    control = make_host("c", "10.0.0.1", version="3.4.2", settings=CONTROL, links=links)
    links = [make_link(f"10.9.0.1:{port}", f"203.0.113.{port}:9005") for port in (40, 41)]
    data = make_host("d", "10.9.0.1", version="3.4.2", settings=DATA, links=links)
    proposal = propose([control, data])
    texts = {line.variable: line.evidence for lines in proposal.nodes.values() for line in lines}
    assert texts["kong_nat"] == "; ".join(
        f"observed: connections of d to 203.0.113.{port} port 9005 arrive at its port 8005" for port in (40, 41)
    )
    assert texts["kong_nat_egress"] == "observed: the source of its connections to c"


def test_evidence_of_several_sources_names_each_control_plane():
    settings = {"version": "3.4.2", "settings": CONTROL}
    hosts = [
        make_host(
            f"c{end}", f"10.0.{end}.1", **settings, links=[make_link(f"10.0.{end}.1:8005", f"198.51.100.{end}:{end}")]
        )
        for end in (40, 41)
    ]
    links = [make_link(f"10.9.0.1:{end}", f"10.0.{end}.1:8005") for end in (40, 41)]
    proposal = propose([*hosts, make_host("d", "10.9.0.1", version="3.4.2", settings=DATA, links=links)])
    [line] = [line for line in proposal.nodes["d"] if line.variable == "kong_nat_egress"]
    assert line.value == ["198.51.100.40", "198.51.100.41"]
    assert line.evidence == "; ".join(f"observed: the source of its connections to c{end}" for end in (40, 41))
