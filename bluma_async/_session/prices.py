"""
The prices of videos: listed by the API, and charged by it.

Rule 1: a charge is better than a computed price: it includes surcharges that the documents do not mention.
Rule 2: when the listed price of a template changes, its earlier charges count no more.
Rule 3: a variant has its own prices: its settings may cost more, or less, than its template. A charge for a variant is
never used for the template or for another variant.
Rule 4: prices and charges belong to the base URL and the key with which they were read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, NamedTuple, Optional, Tuple, TypeVar

from bluma_async._wire.prices import PriceKey, build_price_key, compute_price

if TYPE_CHECKING:
    from bluma_async._session.options import Options
    from bluma_async.types import Template, Video

__all__ = ["Price", "PriceBook"]

K = TypeVar("K")
V = TypeVar("V")
MOST = 10_000  # entries of each kind; beyond that, all are read again
Name = Tuple[str, str, str]  # base URL, key, and the id of a template or variant


class Price(NamedTuple):
    """A probable price in credits, None if it is unknown, and whether the API has charged it for such a video."""

    credits: Optional[int]
    is_charged: bool = False


class PriceBook:
    """The prices that a client and its copies know. Each change is one operation of a dict: threads are safe."""

    def __init__(self) -> None:
        self._listed: Dict[Name, int] = {}
        self._charged: Dict[Name, Dict[PriceKey, int]] = {}  # by template
        self._templates: Dict[Name, str] = {}  # by variant

    def learn_template(self, options: Options, template: Template) -> None:
        """Remember the listed price of a template that was just read; the model has it under both names."""
        name, price = _name(options, template.id), template.credits_per_video
        if price is None or self._listed.get(name) == price:
            return
        self._charged.pop(name, None)
        _bound(self._listed)[name] = price

    def learn_variant(self, options: Options, variant_id: str, template_id: str) -> None:
        """Remember the template of a variant, which never changes."""
        _bound(self._templates)[_name(options, variant_id)] = template_id

    def learn_charge(self, options: Options, video: Video, variant_id: str | None, resolution: str | None) -> None:
        """Remember what a create has charged. An answer without a charge, or without a template, teaches nothing."""
        if not video.template_id:
            return
        if variant_id is not None:
            _bound(self._templates)[_name(options, variant_id)] = video.template_id
        if video.credits_charged:
            charges = _bound(self._charged).setdefault(_name(options, video.template_id), {})
            _bound(charges)[build_price_key(video.template_id, variant_id, resolution)] = video.credits_charged

    def find_template(self, options: Options, variant_id: str) -> str | None:
        """Return the template of a variant, if it is known."""
        return self._templates.get(_name(options, variant_id))

    def estimate(
        self, options: Options, template_id: str, resolution: str | None, variant_id: str | None = None
    ) -> Price:
        """Return the probable price of a video of a template, or of a variant of it."""
        name = _name(options, template_id)
        charged = self._charged.get(name, {}).get(build_price_key(template_id, variant_id, resolution))
        if charged is not None:
            return Price(charged, is_charged=True)
        listed = self._listed.get(name)
        return Price(None if listed is None else compute_price(listed, resolution))


def _name(options: Options, identifier: str) -> Name:
    return options.base_url, options.api_key, identifier


def _bound(entries: Dict[K, V]) -> Dict[K, V]:
    """Return the dict, emptied if it has grown too large."""
    if len(entries) >= MOST:
        entries.clear()
    return entries
