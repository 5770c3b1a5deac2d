# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Kongs instead of the placeholder: Debian packages (KONG_PACKAGE) and container images (KONG_IMAGE).

Both variables have one or more values, separated by spaces and quoted as in a shell. Sources: Kong/kong build/package/nfpm.yaml
(the content of a package), Kong/docker-kong Dockerfile.deb (an image is an installed package).
"""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from _podman import LabError, list_ulimits, run, run_podman

PACKAGE, IMAGE = "KONG_PACKAGE", "KONG_IMAGE"
PROGRAM = "/usr/local/bin/kong"
FIRST_WITHOUT_DATABASE = (1, 1)


@dataclass(frozen=True)
class RealKong:
    """A real Kong: its origin and the input of its image."""

    variable: str  # PACKAGE or IMAGE
    origin: str  # the file or the image, as given
    version: str
    depends: tuple[str, ...]  # the Debian packages that it needs
    digest: str  # of its content

    @property
    def line(self) -> tuple[int, int]:
        return _parse_line(self.version)

    def __str__(self) -> str:
        return f"Kong {self.version} of {self.variable} {self.origin}"


@dataclass(frozen=True)
class Choice:
    """The Kong of a host, None for the placeholder or no Kong, with a note for the output."""

    kong: RealKong | None = None
    note: str = ""


def read_environment(environment: Mapping[str, str]) -> tuple[RealKong, ...]:
    """Return the Kongs that the environment names. Raises LabError if a Kong is missing or cannot run here."""
    found = [_read_package(path) for path in shlex.split(environment.get(PACKAGE, ""))]
    return (*found, *(_read_image(name) for name in shlex.split(environment.get(IMAGE, ""))))


def choose(kong: Mapping[str, str], offered: Sequence[RealKong]) -> Choice:
    """Return the first offered Kong of the release of a host's environment; a host without an environment has no Kong."""
    if not kong or not offered:
        return Choice()
    line = _parse_line(kong["KONG_VERSION"])
    found = next((real for real in offered if real.line == line), None)
    if found is None:
        return Choice(note=f", with the placeholder: {PACKAGE} and {IMAGE} have no Kong {line[0]}.{line[1]}")
    if line < FIRST_WITHOUT_DATABASE or kong.get("KONG_DATABASE", "off") != "off":
        return Choice(note=f", with the placeholder: {found} needs a database, and the lab has none")
    return Choice(found, f", with {found}, without the placeholder's answers and traps")


def _parse_line(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    if not found:
        raise LabError(f"{version!r} is not a version of Kong")
    return int(found[1]), int(found[2])


def _read_package(path: str) -> RealKong:
    file = Path(path)
    if not file.is_file():
        raise LabError(f"{PACKAGE}: the file {path!r} does not exist")
    try:
        text = run(["dpkg-deb", "--field", path, "Version", "Architecture", "Depends"])
        holds = run(["dpkg-deb", "--contents", path])
    except LabError as error:
        raise LabError(f"{PACKAGE}: {path!r} is not a Debian package: {error}") from None
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    _check_architecture(f"{PACKAGE}: {path!r}", fields["Architecture"])
    if f".{PROGRAM}\n" not in holds:
        raise LabError(f"{PACKAGE}: {path!r} does not contain {PROGRAM}")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return RealKong(PACKAGE, str(file.resolve()), fields["Version"], _parse_depends(fields.get("Depends", "")), digest)


def _read_image(name: str) -> RealKong:
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode:
        try:
            run_podman("pull", "--quiet", name)
        except LabError as error:
            raise LabError(f"{IMAGE}: podman has no image {name!r} and cannot pull it: {error}") from None
    architecture, digest = run_podman("image", "inspect", "--format", "{{.Architecture}} {{.Id}}", name).split()
    _check_architecture(f"{IMAGE}: {name!r}", architecture)
    try:
        version = _run_inside(name, PROGRAM, "version")
    except LabError as error:
        raise LabError(f"{IMAGE}: `kong version` fails in {name!r}: {error}") from None
    found = re.search(r"\d+(\.\d+)+", version)
    if not found:
        raise LabError(f"{IMAGE}: `kong version` in {name!r} prints no version: {version.strip()!r}")
    return RealKong(IMAGE, name, found[0], _read_depends(name), digest)


def _run_inside(image: str, program: str, *arguments: str) -> str:
    return run_podman("run", "--rm", "--network", "none", *list_ulimits(), "--entrypoint", program, image, *arguments)


def _read_depends(image: str) -> tuple[str, ...]:
    """Return the dependencies of the image's package of Kong. An image without a package has none and uses the lab's."""
    try:
        return _parse_depends(_run_inside(image, "dpkg-query", "--show", "--showformat", "${Depends}, ", "kong*"))
    except LabError:
        return ()


def _parse_depends(depends: str) -> tuple[str, ...]:
    """Return the package names of a field Depends: the first of alternatives, without versions."""
    found = (re.match(r"\s*([a-z0-9][a-z0-9.+-]*)", part) for part in depends.split(","))
    return tuple(sorted({match[1] for match in found if match}))


def _check_architecture(image: str, architecture: str) -> None:
    native = run(["dpkg", "--print-architecture"]).strip()
    if architecture not in (native, "all"):
        raise LabError(f"{image} is for {architecture}, and this machine is {native}")
