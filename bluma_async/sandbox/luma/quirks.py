"""
The irregularities of V-API, by the names with which `Cruelty.vapi_quirks` switches them on.

None is in V-API's documents. The open source of its ancestor has them (Luma reference 3.8), so a client must expect
them.
"""

from __future__ import annotations

from typing import Tuple

__all__ = ["VAPI_QUIRKS"]

VAPI_QUIRKS: Tuple[str, ...] = (
    "text_plain",  # JSON has the content type of text
    "two_documents",  # an error is two JSON documents, one after the other
    "list_of_one",  # an extension is answered with a list of one object
    "nine_digits",  # times have nine fraction digits
)
