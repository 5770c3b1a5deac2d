# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads settings from the text of a file of Kong, in each of its formats."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.conf import list_conf_names, read_conf_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.env import read_env_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml import (
    list_yaml_names,
    read_yaml_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_READERS = {"conf": read_conf_values, "yaml": read_yaml_values, "env": read_env_values}


def read_values(form: str, text: str, names: Iterable[str]) -> dict[str, str | None]:
    """Return the values of settings in a text of the format `conf`, `yaml` or `env`; None for a missing setting.

    Raises ConfError for a text that Kong would not read completely.
    """
    return _READERS[form](text, names)


def list_names(form: str, text: str) -> list[str]:
    """Return the names of the settings in a text of the format `conf` or `yaml`, nested names with dots, in order.

    Raises ConfError for a text that Kong would not read completely.
    """
    return (list_yaml_names if form == "yaml" else list_conf_names)(text)


def read_stated(text: str) -> dict[str, str]:
    """Return the settings of a kong.conf, or the variables of an environment file, with their values, for messages.

    None are returned for a text that Kong would not read completely.
    """
    with suppress(ConfError):
        return {
            name: value for name, value in read_conf_values(text, list_conf_names(text)).items() if value is not None
        }
    return {}
