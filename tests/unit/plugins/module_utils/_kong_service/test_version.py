# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of Kong in its files, which are Lua."""

from __future__ import annotations

import os

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.version import read_id, read_version

META = """\
local version = setmetatable({
  major = 2,
  minor = 8,
  patch = 5,
  --suffix = ""
}, {
  __tostring = function(t)
    return string.format("%d.%d.%d%s", t.major, t.minor, t.patch, t.suffix or "")
  end
})
"""


@pytest.mark.parametrize(
    ("text", "version"), [(META, "2.8.5"), (META.replace("  patch = 5,\n", ""), ""), ("", ""), (None, "")]
)
def test_version_is_known_if_all_numbers_are(tmp_path, text, version):
    path = tmp_path / "usr/local/share/lua/5.1/kong/meta.lua"
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
    assert read_version(tmp_path) == version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('local VERSION = "0.7.0"\n\nreturn {\n  NAME = "kong",\n  VERSION = VERSION,\n', "0.7.0"),
        ('local VERSION = "0.6.0rc3"\n', ""),
        ('local plugins = {\n  "jwt",\n', ""),
    ],
)
def test_a_kong_without_numbers_has_its_version_in_a_text(tmp_path, text, version):
    path = tmp_path / "usr/local/share/lua/5.1/kong/constants.lua"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert read_version(tmp_path) == version


def test_the_folder_of_enterprise_tells_the_edition(tmp_path):
    folder = tmp_path / "usr/local/share/lua/5.1/kong"
    (folder / "enterprise_edition").mkdir(parents=True)
    (folder / "meta.lua").write_text(META)
    assert read_version(tmp_path) == "2.8.5-enterprise-edition"


NUMBER = "7f0c2a4e-0b54-4c1c-9d3b-0a6f6f1f2b11"


@pytest.mark.parametrize(
    ("text", "found"), [(NUMBER, NUMBER), (f"{NUMBER}\n", NUMBER), ("x" * 99, ""), ("", ""), (None, "")]
)
def test_the_id_of_a_data_plane(tmp_path, text, found):
    path = tmp_path / "opt/kong/kong.id"
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
    assert read_id(tmp_path, "/opt/kong") == found


def test_an_id_that_is_a_pipe_is_not_read(tmp_path):
    (tmp_path / "opt/kong").mkdir(parents=True)
    os.mkfifo(tmp_path / "opt/kong/kong.id")
    assert read_id(tmp_path, "/opt/kong") == ""
