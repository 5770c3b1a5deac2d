# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import ConfigError, read_config_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import VersionError


def test_settings_of_a_version_are_text():
    assert read_config_of("3.9", {"log_level": "debug", "database": False}) == {"log_level": "debug", "database": "off"}
    with pytest.raises(VersionError, match="'new'"):
        read_config_of("new", {})


def test_every_invalid_setting_is_in_the_message():
    with pytest.raises(ConfigError, match="kong_config"):
        read_config_of("3.9", {"proxy_listen": "x", "log_level": ["a"]})
    with pytest.raises(
        ConfigError, match="instead of kong_config; kong_config: kong_config: 'log_level': log_level must"
    ):
        read_config_of("3.9", {"proxy_listen": "x", "log_level": "a\nb"})
