# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of the early part, as iptables-save lists it."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import make_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.state import parse_chain
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

OURS = "-A INPUT -j GATEHOUSE-KONG"
SSH = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
RULE = "-A GATEHOUSE-KONG -i lo -j RETURN"


def format_saved(*lines):
    """Return the output of iptables-save for the table with our chain."""
    return "\n".join(["*mangle", ":INPUT ACCEPT [0:0]", ":GATEHOUSE-KONG - [0:0]", *lines, "COMMIT", ""])


@pytest.mark.parametrize(
    ("lines", "hooked"),
    [
        ([OURS, SSH, RULE], True),
        ([SSH, OURS, RULE], False),
        ([OURS, OURS, RULE], False),
        ([OURS, "-A FORWARD -j GATEHOUSE-KONG", RULE], False),
        ([SSH, RULE], False),
        ([RULE], False),
    ],
    ids=["first", "after another rule", "twice", "from another chain too", "no jump", "no rule in INPUT"],
)
def test_the_chain_is_hooked_if_the_only_jump_to_it_is_the_first_rule(lines, hooked):
    chain = parse_chain(format_saved(*lines))
    assert chain.rules == (RULE,)
    assert chain.hooked is hooked


@pytest.mark.parametrize(("length", "kept"), [(121, 128), (122, 128), (123, 127)])
def test_a_comment_has_at_most_255_characters(length, kept):
    """The constant XT_MAX_COMMENT_LEN of linux/netfilter/xt_comment.h is 256, with the terminating 0."""
    name, listener = "s" * length, "x" * 128
    entry = {"listener": listener, "protocol": "tcp", "port": 1, "address": None, "sources": [name]}
    rules = make_rules(ruleset_from_data({"allow": [entry], "sets": {name: {"ipv4": ["10.0.0.1"]}}}), "ipv4")
    comments = [line.split('"')[1] for line in rules if f'"{name} for ' in line]
    assert comments == [f"{name} for {'x' * kept}"]
