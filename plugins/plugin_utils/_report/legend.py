# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The legend: the shapes and arrows of the picture, and the words for the results of connections."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import Section, make_cells, make_table

# The kind of a shape, which sets its colour, then the colour as text, and the meaning.
SHAPES = (
    ("caller", "green", "hosts that may connect"),
    ("anyone", "yellow", "any client, or a network whose hosts are not in the inventory"),
    ("device", "purple", "a NAT device"),
    ("node", "plain", "a Kong node"),
)
PORT_SHAPES = (
    ("port", "blue", "a port with allowed sources"),
    ("port-closed", "grey, dashed", "a port for the node itself only"),
    ("port-differs", "red frame", "a port with a problem: a result not as planned, drift, or no authentication"),
)
SIGNS = (
    ("\N{RIGHTWARDS ARROW}", "a path to a port, from the allowed callers"),
    ("\N{CHECK MARK}", "all tested connections of the path are as planned"),
    ("\N{BALLOT X}", "some are not as planned"),
    ("+3", "three more"),
)
_WORDS = (
    ("open", "A path exists and the source is allowed.", "The listener answered."),
    (
        "filtered",
        "A path exists and the source is not allowed.",
        "No answer, or an answer that the packet is prohibited.",
    ),
    (
        "closed",
        "No path exists, or a NAT device is on the path and the source is not allowed, or the listener is on loopback.",
        "Does not occur: filtered, refused and unreachable are as expected.",
    ),
    ("refused", "Does not occur.", "The packet passed the firewalls, and no process listens."),
    ("unreachable", "Does not occur.", "No route to the host, or the host is down."),
    ("silent", "Does not occur.", "Unverified: a UDP listener did not answer, and no observer saw the packet."),
)


def make_legend_section() -> Section:
    """Return the meanings of the words for results."""
    rows = [make_cells(*row) for row in _WORDS]
    return Section("words", "Results of connections", (), (make_table("", ("result", "expected", "actual"), rows),))
