"""
The faults that `lost_creates` and `list_failures` of Cruelty choose from, by the names that a setting lists.

Each entry holds the options of a Fault. The suffix `_before` means that the request was not handled, `_after` that the
create was accepted before the answer was lost.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

__all__ = ["LIST_FAILURES", "LOST_CREATES"]

GATEWAY_CODES = (502, 503, 504)  # answered with an HTML page, as a proxy does
BARE_CODES = (408, 409, 425, 499)  # answered without a body


def _list_proxy_answers() -> Dict[str, Mapping[str, Any]]:
    """Return answers of a proxy: a status that can follow an acceptance, without the API's own error JSON."""
    bodies = {**dict.fromkeys(GATEWAY_CODES, "html"), **dict.fromkeys(BARE_CODES, "empty")}
    answers: Dict[str, Mapping[str, Any]] = {}
    for status, body in bodies.items():
        answers[f"{status}_before"] = {"kind": "status", "status": status, "body": body}
        answers[f"{status}_after"] = {"kind": "status_after", "status": status, "body": body}
    return answers


LOST_CREATES: Mapping[str, Mapping[str, Any]] = {
    "cut_before": {"kind": "drop_before"},
    "cut_after": {"kind": "drop_after"},
    "500_before": {"kind": "status", "status": 500},
    "500_after": {"kind": "status_after", "status": 500},
    **_list_proxy_answers(),
    "unreadable": {"kind": "not_json"},
    "truncated": {"kind": "truncate", "after": 20},
    "html_202": {"kind": "status_after", "status": 202, "body": "html"},
    "silent": {"kind": "silent"},
}
LIST_FAILURES: Mapping[str, Mapping[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "403": {"kind": "status", "status": 403},
    "429": {"kind": "status", "status": 429, "retry_after": 1},
    "garbage": {"kind": "not_json"},
    "cut": {"kind": "drop_before"},
    "silent": {"kind": "silent"},
}
