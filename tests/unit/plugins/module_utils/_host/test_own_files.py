# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.own_files import compare_files, write_files

FILES = {"/etc/a": "a\n", "/etc/b": "b\n", "/etc/c": None}


class FullHost(Host):
    """A host that cannot write a certain file."""

    def write(self, path, text, mode):
        if path == "/etc/full":
            raise HostError(f"cannot write {path}")
        super().write(path, text, mode)


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc").mkdir()
    return FullHost(tmp_path)


def write(host, files=None, mode=0o600):
    with write_files(host, files or FILES, mode):
        pass


def read_files(host):
    return {path.name: path.read_text() for path in host.locate("/etc").iterdir()}


def test_written_files_are_not_stale(host):
    host.locate("/etc/c").write_text("old\n")
    assert compare_files(host, FILES, 0o600) == ("/etc/a: missing", "/etc/b: missing", "/etc/c: to be removed")
    write(host)
    assert read_files(host) == {"a": "a\n", "b": "b\n"}
    assert compare_files(host, FILES, 0o600) == ()


def test_text_mode_and_links_are_compared(host):
    write(host)
    host.locate("/etc/a").write_text("other\n")
    host.locate("/etc/b").chmod(0o644)
    host.locate("/etc/c").symlink_to("/nowhere")
    assert compare_files(host, FILES, 0o600) == ("/etc/a: differs", "/etc/b: differs", "/etc/c: to be removed")
    write(host)
    assert compare_files(host, FILES, 0o600) == ()


def test_an_unchanged_file_is_not_written_again(host):
    write(host)
    before = host.locate("/etc/a").stat().st_ino
    write(host, {**FILES, "/etc/b": "new\n"})
    assert host.locate("/etc/a").stat().st_ino == before
    assert read_files(host)["b"] == "new\n"


def test_an_error_in_the_body_restores_the_files(host):
    host.write("/etc/a", "old a\n", 0o600)
    host.write("/etc/c", "old c\n", 0o600)
    during = []

    def fail():
        during.append(read_files(host))
        raise HostError("refused")

    with pytest.raises(HostError, match="refused"), write_files(host, FILES, 0o600):
        fail()
    assert during == [{"a": "a\n", "b": "b\n"}]
    assert read_files(host) == {"a": "old a\n", "c": "old c\n"}


def test_if_a_file_cannot_be_written_the_other_files_are_restored(host):
    host.write("/etc/a", "old a\n", 0o600)
    with pytest.raises(HostError, match="cannot write /etc/full"):
        write(host, {"/etc/a": "a\n", "/etc/full": "b\n", "/etc/c": "c\n"})
    assert read_files(host) == {"a": "old a\n"}
