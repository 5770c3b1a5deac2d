# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drop-ins with which the next start of Kong's unit lacks a capability."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import render_drop_in
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.lost_capabilities import (
    find_lost_capabilities,
)

BIND, RAW = "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"
OURS = "/etc/systemd/system/kong.service.d/gatehouse-kong.conf"
LATER, EARLIER = (f"/etc/systemd/system/kong.service.d/{name}.conf" for name in ("zz", "aa"))


@pytest.fixture
def host(tmp_path):
    """Host with Kong's unit and our drop-in for both capabilities."""
    found = Host(tmp_path)
    write(found, "/lib/systemd/system/kong.service", "[Service]\nUser=kong\n")
    write(found, OURS, render_drop_in((BIND, RAW), [BIND, RAW], ""))
    return found


def write(host, path, text):
    host.locate(path).parent.mkdir(parents=True, exist_ok=True)
    host.locate(path).write_text(text)


def find(host):
    return [*find_lost_capabilities(host, "kong.service")]


def test_our_drop_in_alone(host):
    assert find(host) == []
    assert [*find_lost_capabilities(host, "other.service")] == []


@pytest.mark.parametrize(
    "path, lines, lost",
    [
        (LATER, ["AmbientCapabilities="], [BIND, RAW]),
        (LATER, [f"AmbientCapabilities=~{RAW}"], [RAW]),
        (LATER, [f"AmbientCapabilities=~{RAW.lower()} CAP_CHOWN"], [RAW]),
        (LATER, ["AmbientCapabilities=", f"AmbientCapabilities={BIND}"], [RAW]),
        (LATER, ["AmbientCapabilities=", f"AmbientCapabilities={RAW} {BIND}"], []),
        (LATER, ["AmbientCapabilities=~CAP_CHOWN"], []),
        (LATER, ["AmbientCapabilities=CAP_CHOWN"], []),
        (LATER, ["AmbientCapabilities=~"], []),
        (LATER, ["CapabilityBoundingSet="], [BIND, RAW]),
        (LATER, ["CapabilityBoundingSet=CAP_CHOWN"], [BIND, RAW]),
        (LATER, [f"CapabilityBoundingSet={BIND}"], [RAW]),
        (LATER, ["CapabilityBoundingSet=CAP_CHOWN", f"CapabilityBoundingSet={RAW} {BIND}"], []),
        (LATER, [f"CapabilityBoundingSet=~{BIND}"], [BIND]),
        (LATER, ["CapabilityBoundingSet=~CAP_CHOWN", f"CapabilityBoundingSet=~{BIND}"], [BIND]),
        (LATER, [f"CapabilityBoundingSet=~{BIND}", f"CapabilityBoundingSet={BIND}"], []),
        (LATER, ["CapabilityBoundingSet=~CAP_CHOWN"], []),
        (EARLIER, ["AmbientCapabilities="], []),
        (EARLIER, [f"CapabilityBoundingSet={BIND}"], [RAW]),
        ("/run/systemd/system/service.d/zz.conf", ["AmbientCapabilities="], [BIND, RAW]),
        (LATER, ["Environment=AmbientCapabilities=", "User=other"], []),
    ],
)
def test_a_drop_in_that_overrides_our_drop_in(host, path, lines, lost):
    text = "[Service]\n" + "".join(f"{line}\n" for line in lines)
    write(host, path, text)
    found = find(host)
    assert len(found) == bool(lost)
    for line in found:
        setting = lines[-1] if lines[0] == "CapabilityBoundingSet=~CAP_CHOWN" else lines[0]
        assert line.startswith(f"{path} sets `{setting}`, which overrides {OURS}: ")
        assert f"kong.service does not have {' and '.join(lost)}, so Kong" in line


def test_a_limited_unit_that_our_drop_in_extends(host):
    write(host, EARLIER, "[Service]\nCapabilityBoundingSet=CAP_CHOWN\n")
    write(host, OURS, render_drop_in((BIND,), ["CAP_CHOWN"], ""))
    assert find(host) == []
    write(host, LATER, f"[Service]\nCapabilityBoundingSet=~{BIND}\n")
    assert len(find(host)) == 1


@pytest.mark.parametrize(
    "folder, hides",
    [("/etc/systemd/system.control", True), ("/run/systemd/system", False), ("/lib/systemd/system", False)],
)
def test_a_drop_in_with_the_name_of_our_drop_in(host, folder, hides):
    path = f"{folder}/kong.service.d/gatehouse-kong.conf"
    write(host, path, "[Service]\nNice=5\n")
    expected = (
        f"{path} has precedence over {OURS}: at its next start kong.service does not have {BIND} and {RAW}, so Kong cannot open "
        "its ports. Remove that line or file, then run `systemctl daemon-reload`"
    )
    assert find(host) == [expected] * hides


def test_a_masked_unit_has_no_next_start(host):
    write(host, LATER, "[Service]\nAmbientCapabilities=\n")
    host.link("/etc/systemd/system/kong.service", "/dev/null")
    assert find(host) == []
