"""
Write `bluma_sync` from `bluma_async`: signatures and docstrings are copied, and the body of a method is one call.

Rule 1: no code is translated. The code of a method stays in the async package; the blocking twin runs it.
Rule 2: source that no rule covers is refused, with its place. A guess could give a twin that fails at run time only.
Rule 3: a docstring serves both packages, so a docstring with words such as `await` is refused.
"""
