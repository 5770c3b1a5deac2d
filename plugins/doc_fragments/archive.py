# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option of every module that runs on hosts."""

    DOCUMENTATION = r"""
options:
  archive:
    description:
      - The code of the module. The action plugin of the module sets this option. Do not use it in playbooks.
    type: str
"""
