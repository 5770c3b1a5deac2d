# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a file that the installed Kong would ignore."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.unknown import (
    find_installed_defaults,
    find_unknown_settings,
)

DEFAULTS = "return [[\nprefix = /usr/local/kong/\nproxy_listen = 0.0.0.0:8000\nadmin_listen = 127.0.0.1:8001\n]]\n"
LOADER = 'local CONF_PARSERS = {\n  router_consistency = { deprecated = { replacement = "worker_consistency" } },\n}\n'


@pytest.fixture
def lua(tmp_path):
    """Return the folder of a Kong whose loader is one file, as up to Kong 3.5."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "kong_defaults.lua").write_text(DEFAULTS)
    (tmp_path / "conf_loader").mkdir()
    (tmp_path / "conf_loader" / "init.lua").write_text(LOADER)
    return tmp_path


@pytest.mark.parametrize(
    "text, unknown",
    [
        ("proxy_listen = 0.0.0.0:80\n", []),
        (
            "cluster_advertise = 192.0.2.1:7946\nproxy_listen_ssl = 0.0.0.0:8443\n",
            ["cluster_advertise", "proxy_listen_ssl"],
        ),
        ("typo = 1\ntypo = 2\n", ["typo"]),
        ("# typo = 1\n", []),
        ("proxy-listen = 0.0.0.0:80\n", []),
        # Renamed settings that the loader accepts, and families of names.
        ("router_consistency = strict\n", []),
        ("nginx_http_client_body_buffer_size = 8k\npluginserver_py_start_cmd = x\nvault_env_prefix = x\n", []),
        ("nginx_typo = 1\n", ["nginx_typo"]),
    ],
)
def test_names_that_neither_defaults_nor_loader_have_are_unknown(lua, text, unknown):
    assert find_unknown_settings(text, lua) == unknown


def test_the_defaults_of_the_installed_kong(lua, tmp_path):
    (lua / "templates/kong_defaults.lua").write_text(DEFAULTS.replace("]]", "trusted_ips = NONE\nport = 1  \n]]"))
    assert find_installed_defaults(lua) == {
        "prefix": "/usr/local/kong/", "proxy_listen": "0.0.0.0:8000", "admin_listen": "127.0.0.1:8001", "trusted_ips": "",
        "port": "1",
    }  # fmt: skip
    assert find_installed_defaults(tmp_path / "none") == {}


def test_without_kong_no_setting_is_unknown(tmp_path):
    assert find_unknown_settings("typo = 1\n", tmp_path) == []
