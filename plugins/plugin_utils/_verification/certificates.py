# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the certificates that probes got from listeners. They are listed, not verified."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

with suppress(ImportError):  # ansible-core needs it, but ansible-test imports every file without it
    from cryptography import x509


def with_certificate(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result of a probe with its certificate as data: ``subject``, ``not_after`` and ``days_left``.

    On the host it is DER as base64. Without a readable certificate it is None, and ``detail`` has the reason.
    """
    text = result.get("certificate")
    if not isinstance(text, str):
        return dict(result)
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text))
        return {**result, "certificate": _read_data(certificate, datetime.now(timezone.utc))}
    except ValueError as error:
        detail = f"{result['detail']}; the certificate cannot be read: {str(error).splitlines()[0]}"
        return {**result, "certificate": None, "detail": detail}


def _read_data(certificate: x509.Certificate, now: datetime) -> dict[str, Any]:
    not_after = _read_expiry(certificate)
    return {
        "subject": ", ".join(f"{entry.rfc4514_attribute_name}={entry.value!s}" for entry in certificate.subject),
        "not_after": not_after.isoformat(),
        "days_left": (not_after - now).days,
    }


def _read_expiry(certificate: x509.Certificate) -> datetime:
    """Return the expiry, also with cryptography before 42, which has it without a time zone only."""
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    return certificate.not_valid_after.replace(tzinfo=timezone.utc)
