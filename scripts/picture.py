# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/images/fleet.svg: the picture of the report on examples/seed, as a file of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images" / "fleet.svg"
STYLE = ROOT / "plugins" / "plugin_utils" / "_report" / "page.css"
LICENCE = """\
<!--
Copyright (c) 2026 gatehouse.kong contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by scripts/picture.py.
-->
"""


def render_document() -> str:
    """Return the parts of the picture below each other, with the colours of a light page."""
    parts = re.findall(r'<svg xmlns="[^"]*" viewBox="0 (\S+) (\S+) (\S+)"[^>]*>(.*?)</svg>', render_page(), re.DOTALL)
    width, height = parts[0][1], sum(float(part[2]) for part in parts)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" role="img">\n<style>\n{render_style()}</style>\n'
    return "".join([LICENCE, head, *map(nest, parts), "</svg>\n"])


def nest(part: tuple[str, str, str, str]) -> str:
    """Return a part of the picture as an element at its own height."""
    top, width, height, content = part
    return f'<svg y="{top}" width="{width}" height="{height}" viewBox="0 {top} {width} {height}">{content}</svg>\n'


def render_page() -> str:
    """Return the HTML of the report on the plan."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"), "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            tools / "ansible-playbook",
            "gatehouse.kong.plan",
            "-i",
            "examples/seed",
            "-e",
            f"kong_report_path={folder}",
        ]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        return (Path(folder) / "report.html").read_text(encoding="utf-8")


def render_style() -> str:
    """Return the rules of the page for elements of the picture, with values in place of variables."""
    text = STYLE.read_text(encoding="utf-8")
    colours = dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]+)", text.partition("}")[0]))
    rules = "".join(f"{rule}\n" for rule in re.findall(r"^svg (?!\{).*\}$", text, re.MULTILINE))
    rules += 'text { font-family: "Liberation Sans", Arial, sans-serif; }\n'
    return re.sub(r"var\((--[a-z-]+)\)", lambda variable: colours[variable[1]], rules)


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(render_document(), encoding="utf-8")
