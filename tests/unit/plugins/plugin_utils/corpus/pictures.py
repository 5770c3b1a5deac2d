# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of names that are too long. Its labels are smaller, so their sizes show the widths of all parts."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import make_fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout import lay_out_picture
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.svg import render_svg
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.texts import draw
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

_NORTH, _SOUTH = "region-of-the-northern-islands", "region-of-the-southern-islands"
_EAST = "region-of-the-eastern-islands-with-the-longest-name"
_SIX = "2001:db8:aaaa:bbbb:cccc"
_NODE = {
    "kong_version": "3.9", "kong_admin_gui_listen": "off", "kong_cluster": "the-only-cluster-of-the-whole-islands",
    "kong_status_listen": "0.0.0.0:8007, [::]:8007", "kong_status_sources": ["@kong", "@staff"],
    "kong_proxy_listen": "0.0.0.0:8000, [::]:8000, 0.0.0.0:18443 ssl, [::]:18443 ssl",
    "kong_proxy_sources": [f"{_SIX}:dddd:eeee:1"], "kong_admin_listen": "[::]:8001", "kong_admin_sources": ["watch"],
}  # fmt: skip
_ROUTER = {"device": "border-router-of-south", "protocols": ["tcp"]}
_NODES = {
    **{f"gateway-{number}.north.islands.example.net":
       {**_NODE, "kong_site": _NORTH, "kong_address": [f"10.1.100.10{number}", f"{_SIX}:1111:1:{number}"]}
       for number in (1, 2, 3)},
    "gateway-4.south.islands.example.net": {
        **_NODE, "kong_site": _SOUTH, "kong_address": ["192.168.100.104", f"{_SIX}:2222:1:4"],
        "kong_nat": [{**_ROUTER, "outside": "203.0.113.104", "outside_port": 20007, "inside_port": 8007},
                     {**_ROUTER, "outside": "2001:db8:1111:2222:3333:4444:5555:1"}]},
    # Their boxes have half of the width.
    **{f"gateway-{number}.east.example.net":
       {"kong_version": "3.9", "kong_admin_gui_listen": "off", "kong_site": _EAST, "kong_address": f"10.3.100.10{number}",
        "kong_status_listen": "0.0.0.0:8007", "kong_status_sources": ["staff.east.example.network"]}
       for number in (5, 6)},
}  # fmt: skip
_OTHERS = {
    "administration-with-a-name-that-is-longer-than-a-line.north.islands.example.net": {
        "kong_site": _NORTH, "kong_address": ["10.1.100.200", f"{_SIX}:1111:2:1"]},
    "monitoring-with-a-name-that-is-longer-than-a-line.south.islands.example.net": {
        "kong_site": _SOUTH, "kong_address": ["192.168.100.200", f"{_SIX}:2222:2:1"]},
    "watch": {"kong_site": _NORTH, "kong_address": f"{_SIX}:1111:3333:4444", "kong_nat_egress": [f"{_SIX}:1:2:3"]},
    "staff.east.example.network": {"kong_site": _EAST, "kong_address": "10.3.100.200"},
}  # fmt: skip


def lay_out_long_names():
    """Return the picture of the fleet."""
    return lay_out_picture(make_fleet(plan_fleet(_NODES, _OTHERS, {"staff": [*_OTHERS][:2]})))


def describe_picture_of_long_names():
    """Yield the picture, one element on each line."""
    yield from draw(render_svg(lay_out_long_names(), "Long names")).splitlines()


PICTURES = {"picture-of-long-names": describe_picture_of_long_names}
