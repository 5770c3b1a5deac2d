# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rendered script of an interception, compared with golden files; tests/netns sends packets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    InterceptionError,
    format_interception,
    interception_from_data,
    interception_to_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.script import (
    Programs,
    render_load,
    render_removal,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.traces import find_deaf_listeners

GOLDEN = Path(__file__).parents[4] / "golden" / "interception"
PROGRAMS = Programs("/usr/sbin/ip", "/usr/sbin/nft", "")
WITH_UFW = Programs("/usr/sbin/ip", "/usr/sbin/nft", "/usr/sbin/iptables")
SEED = {
    "method": "tproxy", "family": "ipv4", "destinations": ["10.0.0.1/32"], "ports": [80], "interfaces": [],
    "listener": "proxy", "address": None, "port": 8000, "sources": "any", "own": False,
}  # fmt: skip
CASES = {
    "seed": [SEED],
    "sources": [
        {**SEED, "family": "ipv6", "destinations": ["::/0"], "interfaces": ["eth2", "eth1"], "sources": ["fd20::/64"]},
        {**SEED, "destinations": ["10.5.0.0/17", "10.5.128.0/17"], "ports": [81, 80], "address": "127.0.0.1",
         "sources": ["10.20.0.0/16", "10.21.0.7/32"]},
        {**SEED, "destinations": ["10.6.0.0/16"], "sources": []},
    ],
    "redirect": [
        {**SEED, "method": "redirect", "sources": ["10.20.0.0/16"]},
        {**SEED, "method": "redirect", "destinations": ["10.20.0.1/32"], "own": True},
        {**SEED, "method": "redirect", "family": "ipv6", "destinations": ["fd00::1/128"], "address": "fd20::1"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_script_matches_its_golden_file(case):
    script = render_load(interception_from_data(CASES[case]), PROGRAMS, ufw=False)
    assert script == (GOLDEN / f"{case}.sh").read_text()


def test_the_script_on_a_host_with_ufw():
    script = render_load(interception_from_data(CASES["seed"]), WITH_UFW, ufw=True)
    assert script == (GOLDEN / "ufw.sh").read_text()


@pytest.mark.parametrize(("interception", "ufw", "accepts"), [
    ([SEED], True, True),
    ([SEED], False, False),
    ([{**SEED, "sources": []}], True, False),
    ([{**SEED, "method": "redirect"}], True, False),
    ([{**SEED, "family": "ipv6", "destinations": ["fd00::1/128"]}], True, False),
    ([], True, False),
])  # fmt: skip
def test_a_rule_before_ufw_is_added_only_if_needed(interception, ufw, accepts):
    lines = render_load(interception_from_data(interception), WITH_UFW, ufw=ufw).splitlines()
    assert [line for line in lines if line.endswith("accept /usr/sbin/iptables")] == [
        "accept /usr/sbin/iptables" if accepts else "no_accept /usr/sbin/iptables"
    ]


def test_a_shell_can_parse_the_scripts():
    scripts = [path.read_text() for path in GOLDEN.glob("*.sh")]
    assert len(scripts) == 4
    for script in (render_removal(PROGRAMS), render_removal(WITH_UFW), *scripts):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert "no_accept /usr/sbin/iptables\n" in render_removal(WITH_UFW)
    assert "accept" not in render_removal(PROGRAMS)


@pytest.mark.parametrize("case", CASES)
def test_data_survives_a_round_trip(case):
    interception = interception_from_data(CASES[case])
    assert interception_from_data(interception_to_data(interception)) == interception


def test_equivalent_data_gives_equal_rules():
    split, merged = CASES["sources"][1], {**CASES["sources"][1], "destinations": ["10.5.0.0/16"], "ports": [80, 81, 81]}
    assert interception_from_data([split]) == interception_from_data([merged])


def test_each_rule_is_a_readable_line():
    assert format_interception(interception_from_data(CASES["sources"])).splitlines() == [
        "tcp 80, 81 to 10.5.0.0/16: tproxy to 127.0.0.1:8000 (proxy), from 10.20.0.0/16, 10.21.0.7/32",
        "tcp 80 to 10.6.0.0/16: tproxy to port 8000 (proxy), from no source",
        "tcp 80 to ::/0 through eth1, eth2: tproxy to port 8000 (proxy), from fd20::/64",
    ]


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"own": True}, "interception[0].own"),
        ({"port": 0}, "0 is not a port"),
        ({"ports": [70000]}, "70000 is not a port"),
        ({"ports": []}, "interception[0].ports is empty"),
        ({"destinations": []}, "interception[0].destinations is empty"),
        ({"destinations": ["fd00::1"]}, "interception[0].destinations: 'fd00::1'"),
        ({"sources": "10.0.0.1"}, "interception[0].sources is '10.0.0.1'"),
        ({"address": "10.0.0.0/24"}, "one ipv4 address"),
        ({"interfaces": ["eth0; drop"]}, "'eth0; drop'"),
        ({"listener": 'a"b'}, "interception[0].listener"),
    ],
)
def test_invalid_data_is_an_error(wrong, part):
    with pytest.raises(InterceptionError) as caught:
        interception_from_data([{**SEED, **wrong}])
    assert part in str(caught.value)


SS = """\
LISTEN 0      511          0.0.0.0:8000       0.0.0.0:*
\t inet-sockopt: ( is_icsk mc_loop transparent mc_all)
LISTEN 0      511             [::]:8001          [::]:*
\t inet-sockopt: ( is_icsk mc_loop mc_all)
"""


@pytest.mark.parametrize(("listed", "port", "deaf"), [(SS, 8000, 0), (SS, 8001, 1), (SS, 8002, 1), ("", 8000, 1)])
def test_a_port_without_a_transparent_socket_is_reported(monkeypatch, listed, port, deaf):
    monkeypatch.setattr(Host, "run", lambda *_argv, **_options: listed)
    assert len(find_deaf_listeners(Host(), interception_from_data([{**SEED, "port": port}]))) == deaf
