# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: task_times
type: aggregate
short_description: Write the elapsed time of each task
description: Writes a line of JSON for each result to the file in the environment variable BENCHMARK_TIMES.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._started = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        seconds = time.monotonic() - self._started
        line = {"task": result.task.name, "seconds": seconds, "processor": result.result.get("processor_seconds")}
        with Path(os.environ["BENCHMARK_TIMES"]).open("a", encoding="utf-8") as times:
            times.write(json.dumps(line) + "\n")
