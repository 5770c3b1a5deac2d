// Copyright (c) 2026 gatehouse.kong contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// Shows only the rows and tables of the nodes whose name contains the text. Without this script all nodes are shown.
"use strict";
const filter = document.getElementById("filter");
const parts = [];
for (const block of document.querySelectorAll("#ports .block"))
  parts.push([block, block.querySelector("h3")]);
for (const head of document.querySelectorAll("th:first-child"))
  if (head.textContent === "node")
    for (const row of head.closest("table").tBodies[0].rows) parts.push([row, row.cells[0]]);
const named = parts.map(([part, name]) => [part, name.textContent.toLowerCase()]);
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const [part, name] of named) part.hidden = !name.includes(wanted);
});
filter.parentElement.hidden = false;
