# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options for an AnsibleModule in a test. ansible.module_utils.testing does this since ansible-core 2.19."""

from __future__ import annotations

import json
from contextlib import contextmanager
from unittest import mock

from ansible.module_utils import basic


@contextmanager
def provide_options(options):
    """Give each AnsibleModule in the context these options (a dict of plain data)."""
    given = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
    with (
        mock.patch.object(basic, "_ANSIBLE_ARGS", given),
        mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True),
    ):
        yield
