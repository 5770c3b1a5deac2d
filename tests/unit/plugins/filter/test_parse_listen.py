# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.filter.parse_listen import FilterModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError

parse_listen = FilterModule().filters()["parse_listen"]


def test_entries_are_plain_dicts():
    assert parse_listen("[::]:08443 ssl http2, localhost:1") == [
        {"address": "::", "port": 8443, "family": "ipv6", "flags": ["ssl", "http2"], "text": "[::]:8443 ssl http2"},
        {"address": "localhost", "port": 1, "family": "name", "flags": [], "text": "localhost:1"},
    ]


@pytest.mark.parametrize("value", ["off", False, ["off"]])
def test_off_is_empty(value):
    assert parse_listen(value, version="2.8", setting="stream_listen") == []


def test_version_and_setting_decide():
    assert parse_listen(8000, version="0.10")[0]["text"] == "0.0.0.0:8000"
    assert parse_listen("8000 transparent", version="1.5")[0]["flags"] == ["transparent"]
    assert parse_listen("8000 udp", setting="stream_listen")[0]["flags"] == ["udp"]


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        ("0.0.0.0:0", {}, "'0.0.0.0:0': port 0"),
        ("0.0.0.0:80", {"version": "4.0"}, "known are"),
        ("0.0.0.0:80", {"version": 3.1}, "quote the version"),
        ("0.0.0.0:80", {"version": "0.9", "setting": "status_listen"}, "known to Kong 1.4 to 3.15"),
        ("0.0.0.0:80", {"setting": ["x"]}, "it has proxy_listen"),
        (
            "0.0.0.0:80",
            {"version": "0.9", "setting": "x"},
            "has no listen setting 'x': it has proxy_listen, proxy_listen_ssl, admin_listen, cluster_listen, cluster_listen_rpc",
        ),
        (None, {}, "None is neither text"),
    ],
)
def test_errors_have_a_reason(value, options, says):
    with pytest.raises(AnsibleFilterError) as caught:
        parse_listen(value, **options)
    assert says in str(caught.value)
    assert str(caught.value).startswith("gatehouse.kong.parse_listen: ")
    assert isinstance(caught.value.__cause__, ValueError)


def test_cause_keeps_its_code():
    with pytest.raises(AnsibleFilterError) as caught:
        parse_listen("[::]:80", version="0.13")
    assert isinstance(caught.value.__cause__, ListenError)
    assert caught.value.__cause__.code == "ipv6-brackets-lost"
