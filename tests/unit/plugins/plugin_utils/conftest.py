# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In all tests of the compiler, each message offers every remedy of its fault. test_findings has longer faults."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _findings


def has_all_remedies(text, form):
    """Tell whether a text ends with all remedies of a fault, with or without shorter names."""
    advice = str(_findings.Fault("", form.remedies)).lstrip()
    forms = [advice, *(_findings._shorten_words(advice, most) for most in _findings._WORD_LENGTHS)]
    return any(text.endswith(advice) for advice in forms)


@pytest.fixture(autouse=True, scope="module")
def checked_messages(request):
    fit = _findings._fit

    def fit_all(forms, limit):
        text = fit(forms, limit)
        assert len(forms[0].remedies) < 2 or any(has_all_remedies(text, form) for form in forms), (text, forms)
        return text

    with pytest.MonkeyPatch.context() as patch:
        if not request.module.__name__.endswith("test_findings"):
            patch.setattr(_findings, "_fit", fit_all)
        yield
