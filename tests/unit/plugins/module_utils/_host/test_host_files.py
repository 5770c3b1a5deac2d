# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File operations of a host: durability, security contexts and errors; and the required user and capability."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import host as host_module
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import (
    Host,
    HostError,
    needs_root,
    require_root,
    shorten,
)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


# A change of the file /a/x, and the paths that the disk has afterwards, even if the host loses power.
DURABLE = {
    "write": (lambda host: host.write("/a/x", "text", 0o600), ["/a"]),
    "move": (lambda host: host.move("/a/x", "/a/y"), ["/a"]),
    "copy": (lambda host: host.copy("/a/x", "/b/y"), ["/b/y"]),
    "link": (lambda host: host.link("/b/l", "/a/x"), ["/b"]),
}


@pytest.mark.parametrize("case", DURABLE)
def test_a_change_is_durable(host, monkeypatch, case):
    change, expected = DURABLE[case]
    host.write("/a/x", "", 0o600)
    synced = []
    monkeypatch.setattr(host_module, "_sync", lambda path: synced.append(f"/{path.relative_to(host.root)}"))
    change(host)
    assert synced == expected


def test_sync_reaches_the_disk_and_leaves_no_open_file(host, monkeypatch):
    synced = []
    monkeypatch.setattr(
        host_module.os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink())
    )
    before = len([*Path("/proc/self/fd").iterdir()])
    host_module._sync(host.root)
    assert (synced, len([*Path("/proc/self/fd").iterdir()])) == ([host.root], before)


CONTEXTS = {
    "write": (lambda host: host.write("/a/b/x", "", 0o600), ["/a", "/a/b", "/a/b/x"]),
    "directory": (lambda host: host.make_directory("/a/b", 0o700), ["/a", "/a/b"]),
    "link": (lambda host: host.link("/a/l", "/x"), ["/a", "/a/l"]),
    "existing link": (lambda host: host.link("/there", "/x"), []),
}


@pytest.mark.parametrize("case", CONTEXTS)
def test_new_paths_get_the_context_of_their_location(host, monkeypatch, case):
    change, expected = CONTEXTS[case]
    host.root.joinpath("there").symlink_to("/y")
    labelled = []
    monkeypatch.setattr(host_module, "restore_context", lambda path, like: labelled.append((Path(path).parent, like)))
    change(host)
    assert [like for _folder, like in labelled] == expected
    assert [folder for folder, _like in labelled] == [host.locate(like).parent for like in expected]


def test_the_mode_of_a_directory_is_set_if_it_exists(host):
    host.locate("/a").mkdir(mode=0o755)
    host.make_directory("/a", 0o700)
    assert host.locate("/a").stat().st_mode & 0o7777 == 0o700


def test_reserved_space_is_occupied(host):
    host.locate("/a").mkdir()
    host.reserve("/a/x", 8192)
    assert host.locate("/a/x").stat().st_size == 8192
    assert host.locate("/a/x").stat().st_blocks * 512 >= 8192


# A change that fails because /file is a file, and a part of its error.
ERRORS = {
    "reserve": (lambda host: host.reserve("/file/x", 1), "cannot write /file/x: Not a directory"),
    "make_directory": (lambda host: host.make_directory("/file/x", 0o700), "the directory /file/x: "),
    "remove": (lambda host: host.remove(["/missing", "/file/x"]), "cannot remove .*/file/x: Not a directory"),
    "remove_tree": (lambda host: host.remove_tree("/file"), "cannot remove .*/file: Not a directory"),
    "copy": (lambda host: host.copy("/file", "/file/x"), "cannot copy /file to /file/x: "),
    "move": (lambda host: host.move("/file", "/file/x"), "cannot rename /file to /file/x: "),
    "link": (lambda host: host.link("/file/x", "/y"), "the link /file/x: "),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_names_the_path_and_the_reason(host, case):
    change, message = ERRORS[case]
    host.locate("/file").touch()
    with pytest.raises(HostError, match=message):
        change(host)


def test_removing_missing_paths_is_not_an_error(host):
    host.remove(["/missing"])
    host.remove_tree("/missing")
    host.remove_empty(["/missing"])
    host.locate("/full").mkdir()
    host.locate("/full/x").touch()
    host.locate("/empty").mkdir()
    host.remove_empty(["/full", "/empty"])
    assert sorted(path.name for path in host.root.iterdir()) == ["full"]


def test_holds_compares_text_and_mode_and_rejects_links(host):
    host.write("/x", "text", 0o600)
    host.link("/l", str(host.locate("/x")))
    assert host.holds("/x", "text", 0o600)
    assert not host.holds("/x", "other", 0o600)
    assert not host.holds("/x", "text", 0o644)
    assert not host.holds("/l", "text", 0o600)
    assert not host.holds("/missing", "text", 0o600)


def test_root_is_required(monkeypatch):
    monkeypatch.setattr(host_module.os, "geteuid", lambda: 0)
    assert require_root("a change") is None
    nobody = pwd.getpwnam("nobody").pw_uid
    monkeypatch.setattr(host_module.os, "geteuid", lambda: nobody)
    with pytest.raises(HostError, match=r"^a change needs root, and this task runs as nobody: set become: true$"):
        require_root("a change")
    monkeypatch.setattr(host_module.os, "geteuid", lambda: 4_000_000)
    assert " runs as 4000000:" in needs_root("a change")


# Effective capabilities of a process; CAP_NET_ADMIN is bit 12 (linux/capability.h).
@pytest.mark.parametrize(
    "capabilities, missing", [("0000000000001000", False), ("000001ffffffefff", True), ("0", True)]
)
def test_the_capability_to_change_the_firewall(host, monkeypatch, capabilities, missing):
    status = f"Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t{capabilities}\n"
    monkeypatch.setattr(host_module.Path, "read_text", lambda _path, **_encoding: status)
    if missing:
        with pytest.raises(HostError, match="CAP_NET_ADMIN"):
            host.require_net_admin()
    else:
        host.require_net_admin()


@pytest.mark.parametrize("length, cut", [(98, False), (99, True)])
def test_a_long_command_is_shortened(length, cut):
    text = shorten(["a", "b" * length])
    assert text.endswith("…") is cut
    assert len(text) == 100 + cut
    assert shorten(["a\n  b", "c"]) == "a b c"
