# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our part of firewalld's permanent configuration: files of our ipsets (firewalld.ipset(5)), and rules in zone files."""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Iterator, Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import (
    TYPE,
    Objects,
    set_options,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.zones import (
    as_copy,
    has_rules,
    restore_original,
    with_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import (
    FIREWALLD,
    FIREWALLD_SET_PREFIX,
    list_own_firewalld_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix

Files = t.Dict[str, "str | None"]  # texts by path; None is a file to remove

CONF = f"{FIREWALLD}/firewalld.conf"
_ZONES = f"{FIREWALLD}/zones"
_IPSETS = f"{FIREWALLD}/ipsets"
_SUPPLIED = "/usr/lib/firewalld/zones"
_MODE = 0o644
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_DEFAULT_ZONE = re.compile(r"^\s*DefaultZone\s*=\s*(\S+)", re.MULTILINE)
_WITH_IPTABLES = re.compile(r"^\s*FirewallBackend\s*=\s*iptables\b", re.MULTILINE)
_REMOVAL = """\
for file in {globs}; do
    case " {files} " in *" $file "*) ;; *) rm -f -- "$file" ;; esac
done
"""


def uses_iptables(host: Host) -> bool:
    """Tell whether firewalld uses iptables instead of nftables (firewalld.conf(5), FirewallBackend)."""
    return bool(_WITH_IPTABLES.search(host.read(CONF) or ""))


def list_permanent_zones(host: Host) -> set[str]:
    """Return the zones that firewalld uses after a reload: the default zone, and zones with interfaces.

    Raises HostError if a zone file is not XML.
    """
    default = _DEFAULT_ZONE.search(host.read(CONF) or "")
    found = {default[1] if default else "public"}
    for path in _list_zone_files(host):
        try:
            root = ET.fromstring(host.locate(path).read_bytes())  # noqa: S314 -- a file of root
        except ET.ParseError as error:
            raise HostError(
                f"{path} is not valid XML: {error}. Correct it, see `firewall-cmd --check-config`"
            ) from error
        except OSError as error:
            raise HostError(f"{path} cannot be read: {error.strerror}. Restore or remove it") from error
        if root.find("interface") is not None:
            found.add(_get_zone_name(path))
    return found


def list_zone_paths(host: Host, zones: Iterable[str]) -> list[str]:
    """Return the paths of the files of these zones, and of all zones that have our rules."""
    managed = [path for path in _list_zone_files(host) if _has_our_rules(host, path)]
    return sorted({*(f"{_ZONES}/{zone}.xml" for zone in zones), *managed})


def plan_files(host: Host, objects: Objects, zones: Collection[str], runtime: Mapping[str, Iterable[str]]) -> Files:
    """Return our files that must be changed or removed for these objects in these zones.

    `runtime` has the entries of the loaded ipsets. A set that is filled there is filled in its file too, unless the files
    already contain the same members. Raises HostError if a zone file cannot be edited.
    """
    wanted = _plan_ipset_files(host, objects, runtime)
    wanted.update({path: None for path in list_own_firewalld_files(host) if path not in wanted})
    for path in list_zone_paths(host, zones):
        wanted[path] = _edit_zone(host, path, objects if _get_zone_name(path) in zones else Objects())
    return {path: text for path, text in wanted.items() if not _is(host, path, text)}


def describe(host: Host, files: Files) -> Iterator[str]:
    """Yield a line for each file that must be changed."""
    for path, text in files.items():
        missing = "missing" if not host.locate(path).exists() else "differs"
        yield f"{path}: {'to be removed' if text is None else missing}"


def write_files(host: Host, files: Files) -> None:
    """Write or remove files. On failure, restore the files and raise HostError."""
    before: Files = {path: _read(host, path) if host.locate(path).exists() else None for path in files}
    modes = {path: host.locate(path).stat().st_mode & 0o7777 for path, text in before.items() if text is not None}
    try:
        _write(host, files, modes)
    except HostError:
        _write(host, before, modes)
        raise


def render_removal(files: Iterable[str]) -> str:
    """Return a shell script that removes all files of our ipsets except these."""
    globs = " ".join(f"{_IPSETS}/{prefix}*" for prefix in FIREWALLD_SET_PREFIX.values())
    return _REMOVAL.format(globs=globs, files=" ".join(files))


def render_ipset(family: str, entries: Iterable[str]) -> str:
    """Return the file of an ipset."""
    root = ET.Element("ipset", type=TYPE)
    ET.SubElement(root, "short").text = "Kong"
    ET.SubElement(root, "description").text = "Sources of Kong's ports; kept by the Ansible collection gatehouse.kong"
    for name, value in set_options(family).items():
        ET.SubElement(root, "option", name=name, value=value)
    for entry in entries:
        ET.SubElement(root, "entry").text = entry
    _format_lines(root)
    return f"{_HEAD}{ET.tostring(root, encoding='unicode')}\n"


def _format_lines(root: ET.Element) -> None:
    """Give each child of an element its own line, as ET.indent does since Python 3.9."""
    root.text = "\n  "
    for child in root:
        child.tail = "\n  "
    root[-1].tail = "\n"


def _write(host: Host, files: Files, modes: Mapping[str, int]) -> None:
    # Zones use ipsets, so ipsets are written before zones and removed after them.
    texts = [(path, text) for path, text in files.items() if text is not None]
    for path, text in sorted(texts, key=lambda item: item[0].startswith(_ZONES)):
        host.write(path, text, modes.get(path, _MODE))
    unneeded = [path for path, text in files.items() if text is None]
    host.remove(sorted(unneeded, key=lambda path: not path.startswith(_ZONES)))


def _plan_ipset_files(host: Host, objects: Objects, runtime: Mapping[str, Iterable[str]]) -> Files:
    def render(layout: Mapping[str, Iterable[str]]) -> Files:
        return {_get_ipset_path(name): render_ipset(objects.families[name], layout[name]) for name in layout}

    written = render(objects.lay_out(_read_written_entries(host, objects)))
    return written if all(_is(host, path, text) for path, text in written.items()) else render(objects.lay_out(runtime))


def _read_written_entries(host: Host, objects: Objects) -> dict[str, list[str]]:
    """Return the entries of our ipsets in the permanent configuration."""
    texts = {name: host.read(_get_ipset_path(name)) or "" for name in objects.families}
    return {name: re.findall(r"<entry>([^<]*)</entry>", text) for name, text in texts.items()}


def _get_ipset_path(name: str) -> str:
    return f"{_IPSETS}/{name}.xml"


def _is(host: Host, path: str, text: str | None) -> bool:
    if text is None or path.startswith(_ZONES):
        return (_read(host, path) if host.locate(path).exists() else None) == text
    return host.holds(path, text, _MODE)


def _list_zone_files(host: Host) -> list[str]:
    return [f"{_ZONES}/{path.name}" for path in sorted(host.locate(_ZONES).glob("*.xml"))]


def _get_zone_name(path: str) -> str:
    return remove_suffix(path.rpartition("/")[2], ".xml")


def _has_our_rules(host: Host, path: str) -> bool:
    text = host.read(path) or ""
    return any(f'ipset="{prefix}' in text for prefix in FIREWALLD_SET_PREFIX.values())


def _edit_zone(host: Host, path: str, objects: Objects) -> str | None:
    """Return the text of a zone file with our rules, or None if the zone has no file and needs none."""
    supplied = f"{_SUPPLIED}/{path.rpartition('/')[2]}"
    present = _read(host, path) if host.locate(path).exists() else None
    text = None if present is None else restore_original(present)
    if text is not None and has_rules(present or "", objects.rules):
        return present
    if text is None and (not objects.rules or not host.locate(supplied).exists()):
        return None
    base = as_copy(_read(host, supplied), supplied) if text is None else text
    try:
        return with_rules(base, objects.rules) if objects.rules else base
    except ValueError as error:
        raise HostError(f"{path}: {error}. Correct it, see `firewall-cmd --check-config`") from error


def _read(host: Host, path: str) -> str:
    """Return the text of a file that will be changed. Raises HostError if writing it would change more than our part."""
    if host.locate(path).is_symlink():
        raise HostError(f"{path} is a symbolic link, and firewalld would replace it. Replace the link with its target")
    try:
        return host.locate(path).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise HostError(f"{path} is not UTF-8, so its text cannot be preserved. Convert it with iconv(1)") from error
