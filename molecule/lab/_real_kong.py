# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Kongs in the placeholder's place: packages of Debian's form (KONG_PACKAGE) and container images (KONG_IMAGE).

Both variables hold one or more, with spaces between, quoted as in a shell. Sources: Kong/kong build/package/nfpm.yaml (what a
package holds), Kong/docker-kong Dockerfile.deb (an image is a package installed).
"""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from _podman import LabError, podman, run, ulimits

PACKAGE, IMAGE = "KONG_PACKAGE", "KONG_IMAGE"
PROGRAM = "/usr/local/bin/kong"
FIRST_WITHOUT_DATABASE = (1, 1)


@dataclass(frozen=True)
class RealKong:
    """A Kong that somebody has: where it is from, and what the lab's image has to be made of for it."""

    variable: str  # PACKAGE or IMAGE
    origin: str  # the file or the image, as given
    version: str
    depends: tuple[str, ...]  # Debian's packages that it needs
    digest: str  # another one for other content

    @property
    def line(self) -> tuple[int, int]:
        return _line(self.version)

    def __str__(self) -> str:
        return f"Kong {self.version} of {self.variable} {self.origin}"


@dataclass(frozen=True)
class Choice:
    """What a host runs: a real Kong, or the placeholder; and what there is to say about that."""

    kong: RealKong | None = None
    note: str = ""


def given(environment: Mapping[str, str]) -> tuple[RealKong, ...]:
    """The Kongs that the environment names; LabError for one that is not there or cannot run here."""
    found = [_package(path) for path in shlex.split(environment.get(PACKAGE, ""))]
    return (*found, *(_image(name) for name in shlex.split(environment.get(IMAGE, ""))))


def choose(kong: Mapping[str, str], offered: Sequence[RealKong]) -> Choice:
    """For a host with this environment of Kong the first of its release; a host without one has no Kong at all."""
    if not kong or not offered:
        return Choice()
    line = _line(kong["KONG_VERSION"])
    found = next((one for one in offered if one.line == line), None)
    if found is None:
        return Choice(note=f", with the placeholder: none of those given is a Kong {line[0]}.{line[1]}")
    if line < FIRST_WITHOUT_DATABASE or kong.get("KONG_DATABASE", "off") != "off":
        return Choice(note=f", with the placeholder: {found} needs a database, which the lab has not")
    return Choice(found, f", with {found}: the placeholder's answers and traps are not there")


def _line(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    if not found:
        raise LabError(f"{version!r} is no version of Kong")
    return int(found[1]), int(found[2])


def _package(path: str) -> RealKong:
    file = Path(path)
    if not file.is_file():
        raise LabError(f"{PACKAGE}: there is no file {path!r}")
    try:
        text = run(["dpkg-deb", "--field", path, "Version", "Architecture", "Depends"])
        holds = run(["dpkg-deb", "--contents", path])
    except LabError as error:
        raise LabError(f"{PACKAGE}: {path!r} is no package of Debian's form: {error}") from None
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    _check_architecture(f"{PACKAGE}: {path!r}", fields["Architecture"])
    if f".{PROGRAM}\n" not in holds:
        raise LabError(f"{PACKAGE}: {path!r} holds no {PROGRAM}")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return RealKong(PACKAGE, str(file.resolve()), fields["Version"], _names(fields.get("Depends", "")), digest)


def _image(name: str) -> RealKong:
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode:
        try:
            podman("pull", "--quiet", name)
        except LabError as error:
            raise LabError(f"{IMAGE}: podman neither has {name!r} nor can pull it: {error}") from None
    architecture, digest = podman("image", "inspect", "--format", "{{.Architecture}} {{.Id}}", name).split()
    _check_architecture(f"{IMAGE}: {name!r}", architecture)
    try:
        version = _inside(name, PROGRAM, "version")
    except LabError as error:
        raise LabError(f"{IMAGE}: {name!r} has no Kong that tells its version: {error}") from None
    found = re.search(r"\d+(\.\d+)+", version)
    if not found:
        raise LabError(f"{IMAGE}: the Kong of {name!r} says {version.strip()!r} and not its version")
    return RealKong(IMAGE, name, found[0], _depends_inside(name), digest)


def _inside(image: str, program: str, *arguments: str) -> str:
    return podman("run", "--rm", "--network", "none", *ulimits(), "--entrypoint", program, image, *arguments)


def _depends_inside(image: str) -> tuple[str, ...]:
    """What the image's package of Kong needs; nothing where it has none, and then it has to do with what the lab has."""
    try:
        return _names(_inside(image, "dpkg-query", "--show", "--showformat", "${Depends}, ", "kong*"))
    except LabError:
        return ()


def _names(depends: str) -> tuple[str, ...]:
    """The names in a field Depends: of alternatives the first, without versions."""
    found = (re.match(r"\s*([a-z0-9][a-z0-9.+-]*)", part) for part in depends.split(","))
    return tuple(sorted({match[1] for match in found if match}))


def _check_architecture(what: str, architecture: str) -> None:
    ours = run(["dpkg", "--print-architecture"]).strip()
    if architecture not in (ours, "all"):
        raise LabError(f"{what} is for {architecture}, and this machine is {ours}")
