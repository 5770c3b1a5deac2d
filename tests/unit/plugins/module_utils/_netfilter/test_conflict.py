# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of conflicts, conflicts that stop a change, and the base chains of iptables."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import names
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation


@pytest.mark.parametrize("effect", ["drop", "accept", "divert", "publish", "boot", "exempt"])
@pytest.mark.parametrize("certain", [True, False])
def test_a_conflict_as_text(effect, certain):
    found = Conflict(
        certain=certain, where="chain x", reason="r", ports=("tcp 1", "udp 2"), advice="Do.", effect=effect
    )
    assert str(found).startswith("chain x ")
    assert str(found).endswith(" tcp 1, udp 2: r. Do.")
    assert ("may" in str(found)) is (not certain and effect != "exempt")
    assert found.stops is (certain and effect == "drop")


def test_the_default_effect_of_a_conflict_is_drop():
    assert Conflict(certain=True, where="", reason="", ports=(), advice="").effect == "drop"


@pytest.mark.parametrize("address, shown", [("172.17.0.2", "172.17.0.2:80"), ("fd00::2", "[fd00::2]:80")])
def test_a_translation_as_text(address, shown):
    assert str(Translation("x", "tcp", None, 8001, address, 80)) == shown


def test_base_chains_of_iptables():
    """Compare the names with linux/netfilter_ipv4.h, enum nf_ip_hook_priorities."""
    raw, mangle, dstnat, filter_, security, srcnat = -300, -150, -100, 0, 50, 100
    expected = {
        ("raw", "PREROUTING"): ("prerouting", raw),
        ("mangle", "PREROUTING"): ("prerouting", mangle),
        ("nat", "PREROUTING"): ("prerouting", dstnat),
        ("mangle", "INPUT"): ("input", mangle),
        ("filter", "INPUT"): ("input", filter_),
        ("security", "INPUT"): ("input", security),
        ("nat", "INPUT"): ("input", srcnat),
    }
    assert expected == names.IPTABLES_BASES


def test_names_that_other_programs_show():
    """Check texts that must not change, because saved files, listings and documentation contain them."""
    assert (names.TABLE, names.CHAIN, names.FORWARD, names.PRIORITY) == ("gatehouse_kong", "input", "forward", -10)
    assert (names.MARK, names.MARK_MASK, names.MARK & names.MARK_MASK) == (0x10000000, 0xEFFFFFFF, 0)
    assert names.LATE_COMMENT == "gatehouse.kong"
    assert names.LATE_RULE == "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
