# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session's use of the D-Bus library: calls with a timeout, and the signals of third-party changes."""

from __future__ import annotations

import sys
import types

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import bus as bus_module
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError

NAME = "org.fedoraproject.FirewallD1"
PATH = "/org/fedoraproject/FirewallD1"


class DBusError(Exception):
    name = "org.fedoraproject.FirewallD1.Exception"

    def get_dbus_message(self):
        return str(self)

    def get_dbus_name(self):
        return self.name


class NoReplyError(DBusError):
    name = "org.freedesktop.DBus.Error.NoReply"


class Array(list):
    def __init__(self, values, signature):
        super().__init__(values)
        self.signature = signature


class Bus:
    """A bus with firewalld on it. Signals wait in `sent` until the library calls the bus."""

    def __init__(self, owned=True, **_options):
        self.owned = owned
        self.calls = []
        self.opened = []
        self.sent = []
        self.received = []
        self.receiver = None

    def name_has_owner(self, name):
        assert name == NAME
        if self.receiver:
            self.received += self.sent
            self.sent.clear()
        return self.owned

    def get_name_owner(self, name):
        assert name == NAME
        return ":1.7"

    def get_object(self, name, path, introspect):
        assert (name, introspect) == (NAME, False)
        self.opened.append(path)

        def get_dbus_method(method, interface):
            def answer_call(*args, timeout):
                self.calls.append((path, interface, method, args, timeout))
                return f"answer to {method}"

            return answer_call

        return types.SimpleNamespace(get_dbus_method=get_dbus_method)

    def add_signal_receiver(self, receiver, **match):
        assert match == {"bus_name": NAME, "path": PATH, "interface_keyword": "interface", "member_keyword": "member"}
        self.receiver = receiver

    def iteration(self, may_block):
        assert may_block is False
        if not self.received:
            return False
        interface, member, *args = self.received.pop(0)
        self.receiver(*args, interface=NAME + interface, member=member)
        return True


@pytest.fixture
def bus(library, monkeypatch):
    made = Bus()
    library.DBusException, library.Array, library.Dictionary = DBusError, Array, lambda values, signature: values
    library.SystemBus = lambda **options: made.__setattr__("options", options) or made
    context = types.SimpleNamespace(default=lambda: made)
    modules = {
        "dbus": types.ModuleType("dbus"),
        "dbus.mainloop": types.ModuleType("dbus.mainloop"),
        "dbus.mainloop.glib": types.SimpleNamespace(DBusGMainLoop=lambda: "loop"),
        "gi": types.ModuleType("gi"),
        "gi.repository": types.SimpleNamespace(GLib=types.SimpleNamespace(MainContext=context)),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


def test_calls_have_a_timeout_and_each_object_is_opened_once(bus):
    call = bus_module.connect()
    assert call(".zone", "getZones") == "answer to getZones"
    call("", "reload", seconds=90)
    call(".config.zone", "getSettings2", path=f"{PATH}/config/zone/1")
    call(".config.zone", "getSettings2", "x", path=f"{PATH}/config/zone/1")
    assert bus.calls == [
        (PATH, f"{NAME}.zone", "getZones", (), 20),
        (PATH, NAME, "reload", (), 90),
        (f"{PATH}/config/zone/1", f"{NAME}.config.zone", "getSettings2", (), 20),
        (f"{PATH}/config/zone/1", f"{NAME}.config.zone", "getSettings2", ("x",), 20),
    ]
    assert bus.opened == [PATH, f"{PATH}/config/zone/1"]


def test_an_empty_array_has_a_type_and_structs_are_tuples(bus):
    call = bus_module.connect()
    call(".ipset", "setEntries", "bans", [])
    call(".zone", "setZoneSettings2", "public", {"ports": [["80", "tcp"]]})
    (_name, empty), (_zone, settings) = (args for _path, _interface, _method, args, _timeout in bus.calls)
    assert (empty, empty.signature) == ([], "s")
    assert (settings["ports"], settings["ports"].signature) == ([("80", "tcp")], None)


@pytest.mark.parametrize(
    "error, message",
    [
        (DBusError("ACCESS_DENIED: lockdown"), r"^ACCESS_DENIED: lockdown$"),
        (NoReplyError("Did not receive a reply. Possible causes include"), r"^it runs and does not answer\. See "),
    ],
)
def test_an_error_of_a_call_has_the_reason(bus, monkeypatch, error, message):
    def fail(*_args, timeout):
        raise error

    call = bus_module.connect()
    monkeypatch.setattr(
        bus, "get_object", lambda *_args, **_named: types.SimpleNamespace(get_dbus_method=lambda *_: fail)
    )
    with pytest.raises(bus_module.CallError, match=message):
        call(".config.zone", "getSettings2", path=f"{PATH}/config/zone/1")


def test_a_stopped_firewalld_is_not_started(bus):
    bus.owned = False
    assert bus_module.connect() is None
    assert bus.opened == []


def test_a_host_without_a_bus_has_no_firewalld(bus, library):
    def refuse():
        raise DBusError("no bus")

    library.SystemBus = refuse
    assert bus_module.connect() is None


def test_a_restart_of_firewalld_or_of_the_host_is_another_instance(bus, tmp_path, monkeypatch):
    boot = tmp_path / "boot_id"
    boot.write_text("0123\n")
    monkeypatch.setattr(bus_module, "_BOOT_ID", str(boot))
    assert bus_module.read_instance() == "0123 :1.7"


def test_only_changes_after_the_start_and_before_the_reload_are_returned(bus):
    changes = bus_module.watch()
    assert bus.options == {"private": True, "mainloop": "loop"}
    bus.sent = [
        (".zone", "RichRuleAdded", "public", "rule drop", 0),
        (".direct", "RuleRemoved", "ipv4", "filter", "INPUT", 0, ["-j", "DROP"]),
        ("", "Reloaded"),
        (".ipset", "EntryAdded", "bans", "192.0.2.1"),
    ]
    assert changes() == [
        [".zone", "addRichRule", ["public", "rule drop", 0]],
        [".direct", "removeRule", ["ipv4", "filter", "INPUT", 0, ["-j", "DROP"]]],
    ]
    bus.sent = [(".ipset", "EntryRemoved", "bans", "192.0.2.1")]
    assert changes() == [[".ipset", "removeEntry", ["bans", "192.0.2.1"]]]
    assert changes() == []


def test_the_match_is_known_to_the_bus_before_the_recording_begins(bus, monkeypatch):
    asked = []
    monkeypatch.setattr(bus, "name_has_owner", lambda _name: asked.append(bus.receiver is not None))
    bus_module.watch()
    assert asked == [True]


def test_the_error_about_a_missing_library_names_it(bus, monkeypatch):
    monkeypatch.setitem(sys.modules, "gi.repository", None)
    with pytest.raises(SessionError, match=r"its Python lacks the module gi\.repository"):
        bus_module.watch()


@pytest.mark.parametrize(
    "library_, found, changes, has",
    [
        (None, "a specification", False, False),
        ("dbus", None, False, True),
        ("dbus", None, True, False),
        ("dbus", "a specification", True, True),
    ],
)
def test_a_session_needs_the_library_of_dbus_and_a_change_needs_gi(monkeypatch, library_, found, changes, has):
    monkeypatch.setattr(bus_module, "dbus", library_)
    monkeypatch.setattr(bus_module.importlib.util, "find_spec", {"gi": found}.get)
    assert bus_module.has_libraries(changes=changes) is has
