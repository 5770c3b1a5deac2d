# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is loaded and what is in ufw's file are the same, so a boot changes nothing."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

PROXY = {"allow": [{"listener": "proxy", "protocol": "tcp", "port": 8000, "address": None, "sources": "any"}]}
CHAINS = ":ufw-user-logging-input - [0:0]\n### RULES ###\n"
# As ufw 0.36.2 writes them to its file (backend_iptables.py), and who reaches the proxy with one of them at the top.
OWN = {
    "deny from 10.0.3.2 to any port 8000 proto tcp": ("""
### tuple ### deny tcp 8000 0.0.0.0/0 any 10.0.3.2 in
-A ufw-user-input -p tcp --dport 8000 -s 10.0.3.2 -j DROP
""", True),
    "deny from 10.0.3.2": ("""
### tuple ### deny any any 0.0.0.0/0 any 10.0.3.2 in
-A ufw-user-input -s 10.0.3.2 -j DROP
""", False),
    "deny log from 10.0.3.2": ("""
### tuple ### deny_log any any 0.0.0.0/0 any 10.0.3.2 in
-A ufw-user-logging-input -s 10.0.3.2 -m conntrack --ctstate NEW -m limit --limit 3/min --limit-burst 10 -j LOG \
--log-prefix "[UFW BLOCK] "
-A ufw-user-logging-input -s 10.0.3.2 -j RETURN
-A ufw-user-input -s 10.0.3.2 -j ufw-user-logging-input
-A ufw-user-input -s 10.0.3.2 -j DROP
""".replace("\\\n", ""), False),
    "allow log from 10.0.3.2": ("""
### tuple ### allow_log any any 0.0.0.0/0 any 10.0.3.2 in
-A ufw-user-input -s 10.0.3.2 -j ufw-user-logging-input
-A ufw-user-input -s 10.0.3.2 -j ACCEPT
""", True),
}  # fmt: skip


@pytest.mark.parametrize("command", OWN)
def test_a_rule_of_the_owner_at_the_top(lab, command):
    text, reaches = OWN[command]
    node = Node(lab, "ufw")
    path = lab.host.path("/etc/ufw/user.rules")
    path.write_text(path.read_text().replace("### RULES ###\n", CHAINS + text))
    node.load()
    lab.converge(PROXY)
    listener = lab.listen(8000)
    assert bool(lab.connect("stranger", listener)) is reaches
    node.reboot()
    assert bool(lab.connect("stranger", listener)) is reaches
    assert not lab.converge(PROXY).changed
    node.clean()


def test_a_file_of_ufw_that_is_a_link(lab):
    node = Node(lab, "ufw")
    path = lab.host.path("/etc/ufw/user.rules")
    kept = path.rename(lab.host.path("/etc/kept.rules"))
    path.symlink_to(kept)
    lab.converge(PROXY)
    assert path.is_symlink()
    assert "8000" in kept.read_text()
    node.clean()


def test_the_same_sources_in_other_words(lab):
    node = Node(lab, "ufw")
    admin = {**PROXY["allow"][0], "sources": ["friends"]}
    for networks in (["10.0.3.2/31"], ["10.0.3.2/32", "10.0.3.3/32"], ["10.0.3.2/31"]):
        data = {"allow": [admin], "sets": {"friends": {"ipv4": networks}}}
        lab.converge(data)
        assert not lab.converge(data).changed
    node.clean()
