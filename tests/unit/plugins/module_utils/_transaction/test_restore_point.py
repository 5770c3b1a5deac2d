# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore points: the state of a node before a run, and which runs a rollback undoes."""

from __future__ import annotations

import itertools
import os
import shutil

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.restore_point import (
    RestorePoint,
    RestorePoints,
    choose_kong_step,
)

CONF, ENV = "/etc/kong/kong.conf", "/etc/kong/kong.env"
FOLDER = "/var/lib/gatehouse_kong/restore_points"
KONG = {"how": "reload", "runs": True, "listeners": []}


class Node:
    """A node with Kong's file and a ruleset; `run` does the steps of the playbook `site`."""

    def __init__(self, root):
        self.host = Host(root)
        self.host.locate("/var/lib").mkdir(parents=True)
        self.host.locate("/etc/kong").mkdir(parents=True)
        self.parts = {"ruleset": "port 8001", "interception": []}
        self.host.write(CONF, "admin_listen = 8001\n", 0o640)

    @property
    def points(self):
        return RestorePoints(self.host, {name: lambda name=name: self.parts[name] for name in self.parts})

    def take(self, files=(CONF, ENV), parts=("ruleset", "interception"), how="reload", run=""):
        self.points.take(files, parts, {**KONG, "how": how}, run)

    def change(self, port):
        self.host.write(CONF, f"admin_listen = {port}\n", 0o640)
        self.parts["ruleset"] = f"port {port}"

    def run(self, port, *, ends=True):
        self.take()
        self.change(port)
        if ends:
            self.points.keep()

    def find_ruleset(self):
        """Return the ruleset that a rollback would restore, "nothing" if there is no restore point."""
        point = self.points.find()
        return "nothing" if point is None else point.parts["ruleset"]

    def roll_back(self):
        point = self.points.find()
        self.points.restore_files(point)
        self.parts.update(point.parts)
        self.points.remove()


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_a_run_is_open_until_it_succeeds_or_is_rolled_back(node):
    assert not node.points.has_open_run()
    node.take()
    assert not node.points.has_open_run()
    node.change(9001)
    assert node.points.has_open_run()
    # The role rolls a failed run back, and leaves its point.
    node.change(8001)
    assert not node.points.has_open_run()
    node.run(9001, ends=False)
    assert node.points.has_open_run()
    node.points.keep()
    assert not node.points.has_open_run()


def test_a_run_is_rolled_back_once(node):
    assert node.find_ruleset() == "nothing"
    node.run(9001)
    assert node.find_ruleset() == "port 8001"
    node.roll_back()
    assert (node.host.read(CONF), node.parts["ruleset"], node.find_ruleset()) == (
        "admin_listen = 8001\n",
        "port 8001",
        "nothing",
    )
    assert not node.host.locate(FOLDER).exists()


def test_a_run_that_changes_nothing_keeps_the_previous_point(node):
    node.run(9001)
    node.run(9001)
    assert node.find_ruleset() == "port 8001"
    node.run(9002)
    assert node.find_ruleset() == "port 9001"


def test_before_a_run_changes_anything_there_is_nothing_to_restore(node):
    node.run(9001)
    node.take()
    assert node.find_ruleset() == "nothing"


def test_after_failed_runs_the_state_before_the_first_failure_is_restored(node):
    node.run(9001)
    node.run(9002, ends=False)
    assert node.find_ruleset() == "port 9001"
    node.run(9003, ends=False)
    assert node.find_ruleset() == "port 9001"
    assert node.points.find().kong["how"] == "restart"
    node.run(9004)
    assert node.find_ruleset() == "port 9001"
    node.roll_back()
    assert node.host.read(CONF) == "admin_listen = 9001\n"


def test_the_last_run_that_changed_a_node_is_known(node):
    for run, port, ends in (
        ("1", 9001, True),
        ("2", 9001, True),
        ("3", 9002, False),
        ("4", 9003, True),
        ("5", 9003, True),
    ):
        node.take(run=run)
        node.change(port)
        if ends:
            node.points.keep()
    assert (node.points.find().run, node.find_ruleset()) == ("4", "port 9001")


def test_the_next_run_replaces_the_point_of_a_run_that_rolled_itself_back(node):
    node.run(9001, ends=False)
    node.change(8001)
    node.take(how="restart")
    node.change(9002)
    assert (node.find_ruleset(), node.points.find().kong["how"]) == ("port 8001", "restart")


def test_a_later_run_adds_the_files_that_the_point_of_a_failed_run_lacks(node):
    node.take(files=[CONF])
    node.change(9001)
    node.host.write(ENV, "KONG_ADMIN_LISTEN=8001\n", 0o600)
    node.take(files=[CONF, ENV])
    node.host.write(ENV, "KONG_ADMIN_LISTEN=9001\n", 0o600)
    node.points.keep()
    assert node.points.find_changed_files(node.points.find()) == (CONF, ENV)
    node.roll_back()
    assert (node.host.read(CONF), node.host.read(ENV)) == ("admin_listen = 8001\n", "KONG_ADMIN_LISTEN=8001\n")


def test_a_point_without_the_firewall_does_not_replace_one_with_it(node):
    node.take(parts=["interception"])
    node.change(9001)
    node.run(9002)
    assert node.find_ruleset() == "port 9001"


def test_files_are_restored_with_mode_and_owner_and_new_files_are_removed(node):
    where = node.host.locate(CONF)
    node.host.write("/etc/kong/real.conf", "real\n", 0o600)
    node.host.link("/etc/kong/link.conf", "real.conf")
    if os.geteuid() == 0:
        os.chown(where, 1, 2)
    before = where.stat()
    node.take(files=[CONF, ENV, "/etc/kong/link.conf"])
    where.unlink()
    node.host.write(CONF, "admin_listen = 9001\n", 0o644)
    node.host.write(ENV, "new\n", 0o600)
    node.host.write("/etc/kong/real.conf", "changed\n", 0o600)
    point = node.points.find()
    assert node.points.find_changed_files(point) == (CONF, ENV, "/etc/kong/real.conf")
    node.points.restore_files(point)
    after = where.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert {path.name: path.read_text() for path in where.parent.iterdir()} == {
        "kong.conf": "admin_listen = 8001\n", "real.conf": "real\n", "link.conf": "real\n",
    }  # fmt: skip
    assert node.host.locate("/etc/kong/link.conf").is_symlink()
    assert node.points.find_changed_files(point) == ()


def change_content(path):
    """Change the content of a file, but neither its size nor its time."""
    before = path.stat()
    path.write_text("admin_listen = 8002\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [lambda path: path.chmod(0o644), lambda path: path.write_text("a"), change_content])
def test_a_file_with_another_mode_or_content_is_a_change(node, change):
    node.take()
    assert node.find_ruleset() == "nothing"
    change(node.host.locate(CONF))
    assert node.find_ruleset() == "port 8001"


def test_an_interrupted_restoration_is_not_complete(node):
    node.run(9001)
    point = node.points.find()
    assert not point.begun
    node.points.restore_files(point)
    node.parts["ruleset"] = "port 8001"
    again = node.points.find()
    assert (again.begun, again.kong["how"]) == (True, "reload")


def test_only_root_can_read_restore_points(node):
    node.host.locate("/var/lib/gatehouse_kong").mkdir(mode=0o755)
    node.run(9001)
    folder = node.host.locate(FOLDER)
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (folder.parent, folder, *folder.rglob("*"))}
    assert modes == {"gatehouse_kong": 0o700, "restore_points": 0o700, "previous": 0o700, "point.json": 0o600,
                     "file0": 0o640}  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_the_error_names_a_damaged_restore_point(node, text):
    node.run(9001)
    node.host.locate(f"{FOLDER}/previous/point.json").write_text(text)
    with pytest.raises(HostError, match=rf"{FOLDER}/previous/point.json is damaged.* Remove {FOLDER}/previous"):
        node.points.find()


def test_a_run_killed_at_any_step_leaves_a_valid_point(tmp_path, monkeypatch):
    for step in itertools.count():
        root = tmp_path / str(step)
        root.mkdir()
        node = Node(root)
        node.run(9001)
        node.take()
        node.change(9002)
        left = iter(range(step))
        for act in ("remove_tree", "move", "write", "copy"):
            monkeypatch.setattr(node.host, act, kill_after(getattr(node.host, act), left))
        try:
            node.points.keep()
            killed = False
        except KeyboardInterrupt:
            killed = True
        assert node.find_ruleset() == "port 9001", step
        if not killed:
            break
    assert step >= 2


def kill_after(act, left):
    def call_or_kill(*words):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return act(*words)

    return call_or_kill


RUNNING = {"changed": False, "unit_changed": False, "listens": True, "runs": True}
STEPS = [
    ({}, {}, "nothing"),
    ({}, {"listens": False}, "restart"),
    ({}, {"runs": False, "listens": False}, "restart"),
    ({}, {"changed": True}, "reload"),
    ({"how": "restart"}, {"changed": True}, "restart"),
    ({"how": "nothing"}, {"changed": True}, "restart"),
    ({}, {"changed": True, "unit_changed": True}, "restart"),
    ({}, {"unit_changed": True}, "restart"),
    ({"begun": True}, {}, "restart"),
    ({"begun": True}, {"changed": True}, "restart"),
    ({"runs": False}, {"changed": True, "unit_changed": True}, "stop"),
    ({"runs": False}, {"changed": True, "runs": False, "listens": False}, "nothing"),
]


@pytest.mark.parametrize("kong, now, expected", STEPS)
def test_kong_restarts_only_if_needed(kong, now, expected):
    begun = kong.get("begun", False)
    point = RestorePoint((), {}, {**KONG, **{key: value for key, value in kong.items() if key != "begun"}}, "", begun)
    assert choose_kong_step(point, **{**RUNNING, **now}) == expected


def test_a_file_is_restored_with_its_directory(node):
    drop_in = "/etc/systemd/system/kong.service.d/limits.conf"
    node.host.write(drop_in, "[Service]\n", 0o644)
    node.take(files=(CONF, drop_in))
    node.change(9001)
    node.points.keep()
    shutil.rmtree(node.host.locate(drop_in).parent)
    node.roll_back()
    assert (node.host.read(drop_in), node.host.read(CONF)) == ("[Service]\n", "admin_listen = 8001\n")
