# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of all listen values."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import MESSAGE_LIMIT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import list_generations
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import (
    ListenEntry,
    parse_listen,
    render_entries,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners

quick = settings(max_examples=60, deadline=None, derandomize=True)
# A setting of each kind. Settings with the same flags have the same grammar in every generation.
LISTS = list(
    {
        (setting.name, setting.flags, generation.ipv6): (generation, setting)
        for generation in list_generations()
        if generation.modern
        for setting in generation.settings
    }.values()
)
NAMES = [f"{generation.versions}-{setting.name}" for generation, setting in LISTS]
VALUES = {"backlog=N": "backlog=511", "so_keepalive=T": "so_keepalive=30m::10"}
NOT_WITH_UDP = ("ssl", "proxy_protocol", "backlog", "so_keepalive")


def draw_addresses(generation):
    ipv4 = st.ip_addresses(v=4).map(str)
    names = st.sampled_from(["*", "localhost", "kong-1.example.org"])
    if not generation.ipv6:
        return ipv4 | names
    ipv6 = st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None).map(str)
    return ipv4 | names | ipv6


def draw_flag_lists(setting):
    chosen = st.lists(st.sampled_from(setting.flags), unique_by=lambda flag: flag.partition("=")[0], max_size=6)
    return chosen.map(without_refused_pairs).map(lambda flags: tuple(VALUES.get(flag, flag) for flag in flags))


def without_refused_pairs(flags):
    return [flag for flag in flags if "udp" not in flags or flag.partition("=")[0] not in NOT_WITH_UDP]


def draw_entry_lists(generation, setting):
    ports = st.integers(1, 65535)
    return st.lists(
        st.builds(ListenEntry, draw_addresses(generation), ports, draw_flag_lists(setting)), max_size=4
    ).map(tuple)


PAIRS = [(version, name) for version in ("0.6", "0.8", "0.9", "0.10", "0.12") for name in ("proxy", "admin")
         if name == "proxy" or version in ("0.10", "0.12")]  # fmt: skip


@pytest.mark.parametrize(("version", "name"), PAIRS)
def test_old_settings_and_the_list_open_the_same_listeners(version, name):
    @quick
    @given(st.lists(st.tuples(st.ip_addresses(v=4), st.integers(1, 65535)), min_size=2, max_size=2))
    def holds(sockets):
        plain, tls = (f"{address}:{port}" for address, port in sockets)
        old = {f"kong_{name}_listen": plain, f"kong_{name}_listen_ssl": tls}
        new = {f"kong_{name}_listen": f"{plain}, {tls} ssl"}
        found = [read_listeners("a1", version, "traditional", given_so, {}) for given_so in (old, new)]
        assert found[0].listeners == found[1].listeners
        assert found[0].settings == found[1].settings

    holds()


@pytest.mark.parametrize(("generation", "setting"), LISTS, ids=NAMES)
def test_rendered_entries_can_be_parsed(generation, setting):
    @settings(max_examples=10, deadline=None, derandomize=True)
    @given(draw_entry_lists(generation, setting))
    def check(entries):
        text = render_entries(entries)
        assert parse_listen(text, generation, setting) == entries
        assert parse_listen(text.split(", "), generation, setting) == entries

    check()


@pytest.mark.parametrize("generation", list_generations(), ids=lambda generation: generation.versions)
def test_defaults_are_rendered_unchanged(generation):
    for setting in generation.settings:
        assert render_entries(parse_listen(setting.default, generation, setting)) == setting.default


WORDS = st.sampled_from(
    [
        "0.0.0.0:8000",
        "[::1]:443",
        "::1",
        "ssl",
        "udp",
        "backlog=0",
        "off",
        ",",
        "8000",
        "*:80",
        "unix:/x",
        "1e3",
        "[",
        ":",
    ]
)
ANY_TEXT = st.text(max_size=30) | st.lists(WORDS, max_size=6).map(" ".join) | st.lists(WORDS, max_size=6).map("".join)
ANY_VALUE = (
    ANY_TEXT | st.lists(ANY_TEXT | st.integers() | st.none(), max_size=3) | st.integers() | st.floats() | st.booleans()
)


@quick
@given(
    st.sampled_from([(generation, setting) for generation in list_generations() for setting in generation.settings]),
    ANY_VALUE,
)
def test_listen_error_is_the_only_error(where, value):
    generation, setting = where
    with suppress(ListenError):
        entries = parse_listen(value, generation, setting)
        assert parse_listen(render_entries(entries), generation, setting) == entries
        assert all(0 < entry.port < 65536 for entry in entries)


@quick
@given(
    st.sampled_from(["0.8", "0.9", "0.10", "0.12", "0.13", "1.5", "2.8", "3.9", "3.4.3.5", "9"]),
    st.sampled_from(["traditional", "control_plane", "data_plane", ""]),
    st.dictionaries(
        st.sampled_from(
            ["kong_proxy_listen", "kong_admin_listen", "kong_stream_listen", "kong_cluster_listen", "kong_ssl"]
        ),
        ANY_VALUE,
    ),
)
def test_nodes_never_raise(version, role, variables):
    opened = read_listeners("n1", version, role, variables, {})
    for finding in opened.findings:
        assert finding.message.startswith(f"n1: {finding.variable}: ")
        assert len(finding.message) <= MESSAGE_LIMIT
    if not any(finding.severity == "error" for finding in opened.findings):
        again = read_listeners(
            "n1", version, role, {f"kong_{name}": text for name, text in opened.settings.items()}, {}
        )
        assert [str(listener) for listener in again.listeners] == [str(listener) for listener in opened.listeners]


@quick
@given(st.ip_addresses(v=6), st.integers(1, 65535))
def test_every_form_of_an_ipv6_address_has_one_canonical_form(address, port):
    generation, setting = next(pair for pair in reversed(LISTS) if pair[1].name == "proxy_listen")
    digits = f"{int(address):032X}"
    groups = ":".join(digits[start : start + 4] for start in range(0, 32, 4))
    (entry,) = parse_listen(f"[{groups}]:{port}", generation, setting)
    assert ipaddress.ip_address(entry.address) == address
    assert "." not in entry.address, "Kong does not match an embedded IPv4 address"
