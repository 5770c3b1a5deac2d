# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes of a verification, for single outcomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.notes import (
    format_certificates,
    format_notes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import Probe

SHOWN = {"subject": "CN=x", "not_after": "2031-05-06T07:08:09+00:00", "days_left": 900}


def make_outcome(kind="tcp", *, node="a1", listener="admin", port=8001, result="open", detail="d", **more):
    protocol = "udp" if kind == "udp" else "tcp"
    probe = Probe("c", node, listener, protocol, "0.0.0.0", port, Endpoint("10.0.0.2", port), "open", kind)
    return Outcome(probe, result, detail, **more)


@pytest.mark.parametrize(
    ("outcome", "notes"),
    [
        (make_outcome("http", status=200), ["ADMIN API: a1 answers c without authentication (port 8001)"]),
        (make_outcome("http", status=199), []),
        (make_outcome("http", status=201), []),
        (make_outcome("http", listener="proxy", status=200), []),
        (make_outcome("https"), ["NO TLS: a1 presented no certificate on admin 8001 (d)"]),
        (make_outcome("tls"), ["NO TLS: a1 presented no certificate on admin 8001 (d)"]),
        (make_outcome("https", result="filtered"), []),
        (make_outcome("https", certificate=SHOWN), []),
        (make_outcome("tcp"), []),
        (make_outcome("udp", result="silent"), ["UNVERIFIED: a1 admin 8001/udp, 1 connection: d"]),
        (make_outcome("udp"), []),
    ],
)
def test_notes_of_an_outcome(outcome, notes):
    assert format_notes([outcome], {}) == notes


def test_a_port_of_a_placeholder_needs_no_certificate():
    outcomes = [make_outcome("tls"), make_outcome("tls", port=8444), make_outcome("tls", node="a2")]
    lines = format_notes(outcomes, {"a1": [{"protocol": "tcp", "port": 8001}]})
    assert [line for line in lines if line.startswith("NO TLS")] == [
        "NO TLS: a1 presented no certificate on admin 8444 (d)",
        "NO TLS: a2 presented no certificate on admin 8001 (d)",
    ]


def test_notes_of_many_nodes_are_one_line_of_each_kind():
    """Also if several hosts get an answer from the Admin API."""
    nodes = [f"k{number}" for number in range(1, 101)]
    outcomes = [make_outcome("https", node=node, status=200, certificate=SHOWN) for node in nodes]
    outcomes += [replace(outcome, probe=replace(outcome.probe, caller="c2")) for outcome in outcomes]
    outcomes += [make_outcome("tls", node=node, listener="proxy", port=8443, detail="") for node in nodes]
    outcomes += [make_outcome("udp", node=node, listener="stream", port=53, result="silent") for node in nodes]
    assert format_notes(outcomes, {node: [{"protocol": "tcp", "port": 80}] for node in nodes}) == [
        "PLACEHOLDER: k1 to k100, 100 nodes: answered on tcp 80 with a placeholder, because no process listens there",
        "ADMIN API: k1 to k100, 100 nodes: answer c, c2, 2 hosts without authentication (port 8001)",
        "NO TLS: k1 to k100, 100 nodes: presented no certificate on proxy 8443",
        "UNVERIFIED: k1 to k100, 100 nodes: stream 53/udp, 1 connection: d",
    ]


def test_certificates_are_in_natural_order_of_nodes_and_ports():
    outcomes = [
        make_outcome("tls", node=node, port=port, certificate=SHOWN)
        for node, port in (("a10", 8001), ("a2", 10000), ("a2", 9000), ("a2", 9000))
    ]
    assert [line.rstrip() for line in format_certificates(outcomes)] == [
        "Certificates of the listeners:",
        "",
        "node  listener  port   subject  valid until",
        "----  --------  -----  -------  -----------",
        "a2    admin     9000   CN=x     2031-05-06",
        "a2    admin     10000  CN=x     2031-05-06",
        "a10   admin     8001   CN=x     2031-05-06",
        "",
    ]
    assert format_certificates([make_outcome("tls")]) == []
