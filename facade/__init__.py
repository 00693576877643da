"""
Write `bluma_sync` from `bluma_async`: signatures and docstrings sliced from the source, bodies of one call.

Rule 1: nothing is translated. What a method does stays in the async package; the twin runs it.
Rule 2: what the rules here do not cover is refused, with its place, instead of guessed at.
Rule 3: docstrings serve both packages, so one that speaks of `await` is refused.
"""
