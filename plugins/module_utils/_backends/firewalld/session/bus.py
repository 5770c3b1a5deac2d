# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The D-Bus connection to firewalld: calls, signals, and values (firewalld.dbus(5)). Only this file uses the D-Bus library."""

import importlib.util
import re
import typing as t
from contextlib import contextmanager

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError

dbus: t.Any
try:
    import dbus  # type: ignore[import-not-found,no-redef]
except ImportError:
    dbus = None

_NAME = "org.fedoraproject.FirewallD1"
_PATH = "/org/fedoraproject/FirewallD1"
CONFIG = _PATH + "/config"

_SIGNAL = re.compile(r"(\w+?)(Added|Removed|Changed)")
_VERBS = {"Added": "add", "Removed": "remove", "Changed": "change"}
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# firewalld answers within 20 ms. If it takes longer, it hangs.
_SECONDS = 20

Call = t.Callable[..., t.Any]  # interface below _NAME, method, arguments
Changes = t.Callable[[], t.List[t.Any]]
Signal = t.Tuple[str, str, t.Tuple[t.Any, ...]]  # interface below _NAME, member, arguments


class CallError(SessionError):
    """The answer of firewalld, or of the bus, is an error."""


def has_libraries(*, changes: bool) -> bool:
    """Tell whether this Python has the libraries for a session, and for `watch` if the session makes changes."""
    return dbus is not None and (not changes or importlib.util.find_spec("gi") is not None)


def connect() -> t.Optional[Call]:
    """Return a function that calls methods of firewalld, or None if firewalld is stopped. This does not start it.

    The function raises CallError.
    """
    try:
        bus = dbus.SystemBus()
        if not bus.name_has_owner(_NAME):
            return None
        # Introspection would take another timeout if firewalld hangs.
        objects = {_PATH: bus.get_object(_NAME, _PATH, introspect=False)}
    except dbus.DBusException:
        return None

    def call(interface: str, method: str, *args: t.Any, seconds: int = _SECONDS, path: str = _PATH) -> t.Any:
        with _explain_errors():
            if path not in objects:
                objects[path] = bus.get_object(_NAME, path, introspect=False)
            return objects[path].get_dbus_method(method, _NAME + interface)(*map(to_typed, args), timeout=seconds)

    return call


def read_instance() -> str:
    """Return an identifier of this run of firewalld, which changes if firewalld or the host is restarted."""
    with open(_BOOT_ID, encoding="ascii") as file, _explain_errors():
        return "{} {}".format(file.read().strip(), dbus.SystemBus().get_name_owner(_NAME))


def watch() -> Changes:
    """Record firewalld's signals from now on. The returned function returns the changes since its previous call.

    A change is a call: for example, the signal RichRuleAdded has the arguments of the method addRichRule. Changes after a
    reload are not returned, because they are still effective. Raises SessionError.
    """
    try:
        from dbus.mainloop.glib import DBusGMainLoop  # type: ignore[import-not-found]  # noqa: PLC0415
        from gi.repository import GLib  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError as error:
        raise SessionError("its Python lacks the module {}, which firewalld needs too".format(error.name)) from error
    signals = []  # type: t.List[Signal]

    def take(*args: t.Any, interface: str, member: str) -> None:
        signals.append((str(interface)[len(_NAME) :], str(member), args))

    with _explain_errors():
        bus = dbus.SystemBus(private=True, mainloop=DBusGMainLoop())
        bus.add_signal_receiver(
            take, bus_name=_NAME, path=_PATH, interface_keyword="interface", member_keyword="member"
        )
        bus.name_has_owner(_NAME)  # after the answer, the bus has the match

    def take_changes() -> t.List[t.Any]:
        with _explain_errors():
            bus.name_has_owner(_NAME)  # after the answer, all earlier signals have arrived
        while GLib.MainContext.default().iteration(False):
            pass
        changes = read_changes(signals)
        signals.clear()
        return changes

    return take_changes


def read_changes(signals: t.Iterable[Signal]) -> t.List[t.Any]:
    """Return the calls that repeat the changes of signals before the first reload."""
    calls = []
    for interface, member, args in signals:
        if member == "Reloaded":
            break
        signal = _SIGNAL.fullmatch(member)
        if signal and interface in (".zone", ".ipset", ".direct"):
            stem, changed = signal.group(1, 2)
            calls.append([interface, _VERBS[changed] + stem, [to_native(arg) for arg in args]])
    return calls


def to_native(value: t.Any, sequence: t.Callable[..., t.Any] = list) -> t.Any:
    """Return a value of D-Bus, or of JSON, in Python's own types: structs as tuples, arrays as lists."""
    if isinstance(value, dict):
        return {str(key): to_native(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return sequence(to_native(item, tuple if sequence is list else list) for item in value)
    if isinstance(value, (bool, dbus.Boolean)):
        return bool(value)
    return int(value) if isinstance(value, int) else str(value)


def to_typed(value: t.Any) -> t.Any:
    """Return a value that the D-Bus library can send: structs are tuples, and an empty array or mapping has a type."""
    if isinstance(value, dict):
        return dbus.Dictionary({key: to_typed(item) for key, item in value.items()}, signature="sv")
    if isinstance(value, (list, tuple)):
        return dbus.Array([tuple(item) if isinstance(item, (list, tuple)) else item for item in value],
                          signature=None if value else "s")  # fmt: skip
    return value


@contextmanager
def _explain_errors() -> t.Iterator[None]:
    try:
        yield
    except dbus.DBusException as error:
        if error.get_dbus_name() == "org.freedesktop.DBus.Error.NoReply":
            reason = "it runs and does not answer. See `systemctl status firewalld`, and restart it"
        else:
            reason = str(error.get_dbus_message())
        raise CallError(reason) from error
