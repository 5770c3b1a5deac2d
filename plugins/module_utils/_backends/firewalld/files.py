# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files from which firewalld makes our objects: its permanent configuration (firewalld.policy(5), .service(5),
.ipset(5)), each object in a file of its own.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import (
    Objects,
    Settings,
    parse_rule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import FIREWALLD, PREFIXES, own_firewalld_files

_MODE = 0o644
_REMOVAL = """\
for file in {globs}; do
    case " {files} " in *" $file "*) ;; *) rm -f -- "$file" ;; esac
done
"""
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def render_files(objects: Objects, directory: str = FIREWALLD) -> dict[str, str]:
    """The texts by path."""
    return {
        f"{directory}/{kind}/{name}.xml": _RENDER[kind](settings)
        for kind, of in objects.items()
        for name, settings in of.items()
    }


def stale_files(host: Host, files: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each file that is missing or different, or to be removed."""
    lines = [
        f"{path}: {'missing' if host.read(path) is None else 'differs'}"
        for path, text in files.items()
        if not host.holds(path, text, _MODE)
    ]
    return (*lines, *(f"{path}: to be removed" for path in own_firewalld_files(host) if path not in files))


def write_files(host: Host, files: Mapping[str, str]) -> None:
    """Make our files these. If that fails, they are as before and HostError is raised."""
    before = {path: host.read(path) for path in {*own_firewalld_files(host), *files}}
    try:
        _write(host, files)
    except HostError:
        _write(host, {path: text for path, text in before.items() if text is not None})
        raise


def render_removal(files: Iterable[str]) -> str:
    """What removes all files of ours but these, for /bin/sh."""
    globs = " ".join(f"{FIREWALLD}/{kind}/{prefix}*" for kind, prefixes in PREFIXES.items() for prefix in prefixes)
    return _REMOVAL.format(globs=globs, files=" ".join(files))


def _write(host: Host, files: Mapping[str, str]) -> None:
    # The policy names the others, so it comes after them; and goes before them.
    for path, text in sorted(files.items(), key=lambda item: "/policies/" in item[0]):
        if not host.holds(path, text, _MODE):
            host.write(path, text, _MODE)
    gone = [path for path in own_firewalld_files(host) if path not in files]
    host.remove(sorted(gone, key=lambda path: "/policies/" not in path))


def _policy(settings: Settings) -> str:
    root = _root("policy", settings, priority=str(settings["priority"]), target=settings["target"])
    for side in ("ingress", "egress"):
        for zone in settings[f"{side}_zones"]:
            ET.SubElement(root, f"{side}-zone", name=zone)
    rules = filter(None, map(parse_rule, settings.get("rich_rules", [])))
    for rule in sorted(rules, key=lambda one: (one.priority, str(one))):
        element = ET.SubElement(root, "rule", priority=str(rule.priority), family=rule.family)
        if rule.ipset:
            ET.SubElement(element, "source", ipset=rule.ipset)
        if rule.address:
            ET.SubElement(element, "destination", address=rule.address)
        ET.SubElement(element, "service", name=rule.service)
        ET.SubElement(element, rule.verdict)
    return _text(root)


def _service(settings: Settings) -> str:
    root = _root("service", settings)
    for port, protocol in settings["ports"]:
        ET.SubElement(root, "port", port=port, protocol=protocol)
    return _text(root)


def _ipset(settings: Settings) -> str:
    root = _root("ipset", settings, type=settings["type"])
    for name, value in settings["options"].items():
        ET.SubElement(root, "option", name=name, value=value)
    for entry in settings["entries"]:
        ET.SubElement(root, "entry").text = entry
    return _text(root)


def _root(kind: str, settings: Settings, **attributes: str) -> ET.Element:
    root = ET.Element(kind, attributes)
    for key in ("short", "description"):
        ET.SubElement(root, key).text = settings[key]
    return root


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return f"{_HEAD}{ET.tostring(root, encoding='unicode')}\n"


_RENDER: dict[str, t.Callable[[Settings], str]] = {"policies": _policy, "services": _service, "ipsets": _ipset}
