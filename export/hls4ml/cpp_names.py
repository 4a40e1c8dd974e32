"""Names that can stand in the C++ of a project."""

from __future__ import annotations

from collections.abc import Iterable

_WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete
do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
requires return short signed sizeof static static_assert static_cast struct switch template this thread_local throw
true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
"""
KEYWORDS = frozenset(_WORDS.split())


def check_name(name: str, taken: Iterable[str]) -> None:
    """Raises ValueError for a layer's name that is taken, whatever its case, or that C++ does not allow."""
    if name.lower() in {known.lower() for known in taken} | {"input"}:
        raise ValueError(f"hls4ml: layer name {name!r} is taken or reserved (case does not count); rename the step")
    if not name.isascii():
        raise ValueError(f"hls4ml: layer name {name!r} cannot stand in C++, wanted ASCII; rename the step")
    if name in KEYWORDS:
        raise ValueError(f"hls4ml: layer name {name!r} is a word of C++; rename the step")
