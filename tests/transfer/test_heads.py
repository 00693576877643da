"""The head of an answer leads to one step; bytes of two versions are never joined."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluma_async.transfer.heads import Fail, Head, Held, Refused, StartOver, Whole, Write, choose_step, read_head

HELD = Held(100, '"1"', 1000)


@pytest.mark.parametrize(
    ("status", "headers", "head"),
    [
        (200, {"content-length": "9", "etag": '"1"'}, Head(200, 0, 9, has_end=True, tag='"1"')),
        (200, {"etag": 'W/"1"'}, Head(200, 0)),
        (200, {"etag": '"é"'}, Head(200, 0)),
        (200, {"etag": '"' + "x" * 2000 + '"'}, Head(200, 0)),
        (200, {"transfer-encoding": "Chunked"}, Head(200, 0, has_end=True)),
        (200, {"content-length": "²"}, Head(200, 0)),
        (200, {"content-length": "9" * 5000}, Head(200, 0)),
        (200, {"content-type": "Video/MP4; x=y"}, Head(200, 0, content_type="video/mp4")),
        (206, {"content-range": "bytes 5-9/10", "content-length": "5"}, Head(206, 5, 10, has_end=True)),
        (206, {"content-range": "bytes 5-9/*"}, Head(206, 5)),
        (206, {"content-range": "bytes 5-9/" + "9" * 5000}, Head(206)),
        (206, {}, Head(206)),
        (416, {"content-range": "bytes */10"}, Head(416, None, 10, has_end=True)),
        (416, {}, Head(416)),
        (200, {"content-encoding": "gzip", "content-length": "9", "etag": '"1"'}, Head(200, 0, has_end=True)),
        (200, {"content-encoding": "gzip", "etag": '"1"'}, Head(200, 0)),
        (206, {"content-encoding": "gzip", "content-range": "bytes 5-9/10"}, Head(206)),
    ],
)
def test_a_head_is_read(status: int, headers: Any, head: Head) -> None:
    """Numbers that are none, weak tags and decoded bodies are left out."""
    assert read_head(status, headers) == head


@pytest.mark.parametrize(
    ("head", "held", "step"),
    [
        (Head(200, 0, 1000), Held(), Write(0)),
        (Head(200, 0, 1000, tag='"2"'), HELD, Write(0)),
        (Head(206, 100, 1000, tag='"1"'), HELD, Write(100)),
        (Head(206, 100, tag='"1"'), HELD, Write(100)),
        (Head(206, 100, 1000), HELD, StartOver),
        (Head(206, 100), HELD, StartOver),
        (Head(206, 0, 1000), HELD, Write(0)),
        (Head(206, 100, 1000, tag='"2"'), HELD, StartOver),
        (Head(206, 100, 999, tag='"1"'), HELD, StartOver),
        (Head(206, 50, 1000), HELD, Fail),
        (Head(206), HELD, Fail),
        (Head(206, 50, 1000), Held(), Fail),
        (Head(416, None, 100), Held(100, '"1"'), Whole()),
        (Head(416, None, 100), HELD, StartOver),
        (Head(416, None, 100, tag='"2"'), Held(100, '"1"'), StartOver),
        (Head(416, None, 50), HELD, StartOver),
        (Head(416), HELD, StartOver),
        (Head(416, None, 100), Held(), Refused()),
        (Head(204), HELD, Refused()),
        (Head(403), HELD, Refused()),
    ],
)
def test_a_head_leads_to_a_step(head: Head, held: Held, step: Any) -> None:
    """Bytes are appended only with the same strong ETag, and if nothing else contradicts that they belong together."""
    chosen = choose_step(head, held)

    assert type(chosen) is step if isinstance(step, type) else chosen == step


@given(
    st.sampled_from([200, 206, 416, 500]),
    st.dictionaries(
        st.sampled_from(["content-range", "content-length", "etag", "content-encoding", "transfer-encoding"]),
        st.one_of(
            st.text(max_size=20),
            st.from_regex(r"bytes (\*|[0-9]{1,3}-[0-9]{1,3})/(\*|[0-9]{1,3})", fullmatch=True),
            st.just("gzip"),
        ),
    ),
    st.integers(0, 10),
)
def test_bytes_begin_at_nothing_or_where_the_others_end(status: int, headers: Any, size: int) -> None:
    """Whatever the headers are, a body is written from 0 or from the end of the bytes on the disk."""
    step = choose_step(read_head(status, headers), Held(size, '"1"' if size else ""))

    assert not isinstance(step, Write) or step.begin in {0, size}
