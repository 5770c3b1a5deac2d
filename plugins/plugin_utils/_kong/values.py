# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of each listen setting of a generation, from the variables of a node.

Old generations have one setting for the plain port and one for the TLS port. The inventory has either both settings or,
as for newer generations, one list, which is split here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    Setting,
    format_known,
    format_versions_with,
    list_setting_names,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import (
    ListenEntry,
    parse_listen,
    render_entries,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Report, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

SWITCH_VALUES = {"on": "on", "off": "off", "true": "on", "false": "off"}
_VARIABLES = tuple((name, f"kong_{name}") for name in list_setting_names())
_MODERN_FORM = {
    "proxy_listen_ssl": "add an entry with ssl to kong_proxy_listen",
    "ssl": "keep the ssl entry in kong_proxy_listen, or leave it out",
    "http2": "add http2 to the ssl entry of kong_proxy_listen",
    "admin_listen_ssl": "add an entry with ssl to kong_admin_listen",
    "admin_ssl": "keep the ssl entry in kong_admin_listen, or leave it out",
    "admin_http2": "add http2 to the ssl entry of kong_admin_listen",
}


def check_known(generation: Generation, variables: Mapping[str, Any], report: Report) -> None:
    """Report each listen variable for which this generation has no setting."""
    for name, variable in _VARIABLES:
        value = variables.get(variable)
        if value is None or generation.knows(name) or _is_alias(generation, name):
            continue
        text = f"Kong {generation.versions} does not know {name} ({format_known(format_versions_with(name))}); "
        report.add_error("setting-unknown", variable, value, text + _fix(generation, name))


def _is_alias(generation: Generation, name: str) -> bool:
    """Tell whether the name is admin_listen in 0.6 to 0.8, where the setting is called admin_api_listen."""
    return name == "admin_listen" and generation.find_setting("admin_api_listen") is not None


def _fix(generation: Generation, name: str) -> str:
    if name == "admin_api_listen":
        return "use kong_admin_listen"
    if generation.modern and name in _MODERN_FORM:
        return _MODERN_FORM[name]
    if "Enterprise" in format_versions_with(name) and not generation.enterprise:
        return "remove it, or give Kong Enterprise's version with all four numbers, such as '3.4.3.5'"
    return "remove it from this node"


def read_values(
    generation: Generation, variables: Mapping[str, Any], defaults: Mapping[str, str], report: Report
) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the values by setting, in the order of the generation, and the switches, without unreadable values."""
    values = {}
    switches: dict[str, str] = {}
    for setting in generation.settings:
        if setting.ssl_of:
            continue
        value = _read(generation, setting, variables, defaults, report)
        tls = generation.find_tls_setting(setting)
        if value is not None:
            plain_entries = tuple(entry for entry in value.entries if not entry.ssl)
            values[setting.name] = value if tls is None else _with_entries(value, plain_entries)
        if tls is not None:
            pair = _Pair(generation, value, tls, variables, defaults)
            values.update(pair.read(switches, report))
    return values, switches


def _with_entries(value: Value, entries: tuple[ListenEntry, ...]) -> Value:
    text = render_entries(_add_flags(entries, ()))
    return Value(value.setting, entries, text, value.given, value.variable, value.raw)


@lru_cache(maxsize=8192)
def _add_flags(entries: tuple[ListenEntry, ...], flags: tuple[str, ...]) -> tuple[ListenEntry, ...]:
    return tuple(ListenEntry(entry.address, entry.port, flags) for entry in entries)


def _read(
    generation: Generation,
    setting: Setting,
    variables: Mapping[str, Any],
    defaults: Mapping[str, str],
    report: Report,
) -> Value | None:
    variable = _name_variable(generation, setting, variables, report)
    raw = variables.get(variable)
    given = raw is not None
    value = raw if given else defaults.get(setting.name, setting.default)
    try:
        entries = parse_listen(value, generation, setting)
    except ListenError as error:
        report.add_error(error.code, variable, value, error.reason)
        return None
    return Value(setting, entries, render_entries(entries), given, variable, value)


def _name_variable(generation: Generation, setting: Setting, variables: Mapping[str, Any], report: Report) -> str:
    own = f"kong_{setting.name}"
    modern = "kong_admin_listen"
    if setting.name != "admin_api_listen" or variables.get(modern) is None:
        return own
    if variables.get(own) is not None:
        text = f"{own} is set as well, and both mean {setting.name} of Kong {generation.versions}; keep one of them"
        report.add_error("setting-conflict", modern, variables[modern], text)
    return modern


class _Pair:
    """The TLS setting of a pair of a plain and a TLS setting, as in 0.6 to 0.12."""

    def __init__(
        self,
        generation: Generation,
        plain: Value | None,
        tls: Setting,
        variables: Mapping[str, Any],
        defaults: Mapping[str, str],
    ) -> None:
        self.generation = generation
        self.plain = plain
        self.tls = tls
        self.variables = variables
        self.defaults = defaults
        self.tls_entries = tuple(entry for entry in plain.entries if entry.ssl) if plain else ()

    @property
    def complete(self) -> bool:
        """Whether the value of the plain setting is for both settings: a list, or text with an entry for TLS."""
        return self.plain is not None and (isinstance(self.plain.raw, (list, tuple)) or bool(self.tls_entries))

    def read(self, switches: dict[str, str], report: Report) -> dict[str, Value]:
        """Return the value of the TLS setting, and add its switches."""
        own = _read(self.generation, self.tls, self.variables, self.defaults, report)
        switch = self._read_switch(self.tls.switch, "on", report)
        http2 = self._read_switch(self.tls.http2_switch, "off", report)
        if self.complete:
            own, switch, http2 = self._split(own, switch, http2, report)
        elif switch == "on" and own is not None:
            self._note_default(own, report)
        switches.update({self.tls.switch: switch} if self.tls.switch else {})
        switches.update({self.tls.http2_switch: http2} if self.tls.http2_switch else {})
        if own is None:
            return {}
        flags = ("ssl", "http2") if http2 == "on" else ("ssl",)
        entries = _add_flags(own.entries, flags) if switch == "on" else ()
        return {self.tls.name: Value(own.setting, entries, own.text, own.given, own.variable, own.raw)}

    def _read_switch(self, name: str, default: str, report: Report) -> str:
        raw = self.variables.get(f"kong_{name}") if name else None
        if raw is None:
            return default
        text = SWITCH_VALUES.get(str(raw).strip().lower())
        if text is None:
            report.add_error("switch-invalid", f"kong_{name}", raw, "it must be on or off")
        return text or default

    def _split(self, own: Value | None, switch: str, http2: str, report: Report) -> tuple[Value | None, str, str]:
        """Take the TLS entry from the complete list, and report variables that contradict it."""
        listed = _with_entries(own, self.tls_entries) if own and self.tls_entries else own
        wanted = "on" if self.tls_entries else "off"
        wanted_http2 = "on" if any("http2" in entry.flags for entry in self.tls_entries) else "off"
        if not self.tls_entries and not self.tls.switch:
            text = f"Kong {self.generation.versions} always opens {self.tls.name}; add an entry with ssl"
            self._report("ssl-always-on", text, report)
            return own, switch, http2
        contradicted = [
            (
                self.tls.name,
                own is not None and own.given and (not listed or not self.tls_entries or own.text != listed.text),
            ),
            (self.tls.switch, switch != wanted and self._is_given(self.tls.switch)),
            (self.tls.http2_switch, http2 != wanted_http2 and self._is_given(self.tls.http2_switch)),
        ]
        for name in (name for name, contradicts in contradicted if contradicts):
            self._report(
                "setting-conflict", f"it is the complete list, but kong_{name} contradicts it; keep one of them", report
            )
        return listed, wanted, wanted_http2

    def _is_given(self, name: str) -> bool:
        return bool(name) and self.variables.get(f"kong_{name}") is not None

    def _report(self, code: str, text: str, report: Report) -> None:
        if self.plain is not None:
            report.add_error(code, self.plain.variable, self.plain.raw, text)

    def _note_default(self, own: Value, report: Report) -> None:
        if self.plain is None or not self.plain.given or own.given or self._is_given(self.tls.switch):
            return
        ways = f"kong_{self.tls.switch}: off, or a list of entries," if self.tls.switch else "nothing"
        text = f"Kong {self.generation.versions} opens {self.tls.name} {own.text} as well; {ways} closes it"
        report.add_info("ssl-port-by-default", self.plain.variable, self.plain.raw, text)
