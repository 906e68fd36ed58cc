"""Numbers as Word writes them in lists: `w:numFmt` values (ECMA-376 Part 1, 17.18.59 ST_NumberFormat)."""

from collections.abc import Callable
from typing import Final

_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_DIGITS: Final = "〇一二三四五六七八九"
_COUNTING: Final = "零一二三四五六七八九"
_UNITS: Final = ("", "十", "百", "千")
_FORMAL_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_FORMAL_UNITS: Final = ("", "拾", "佰", "仟")
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES: Final = "子丑寅卯辰巳午未申酉戌亥"


def _letters(number: int) -> str:
    """a … z, aa, bb … zz, aaa (Word repeats the letter)."""
    turns, letter = divmod(number - 1, 26)
    return chr(ord("a") + letter) * (turns + 1)


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        written += letters * times
    return written


def _thousands(number: int, digits: str, units: tuple[str, ...]) -> str:
    """Chinese numerals with places, 1 to 9,999."""
    written, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            written += (digits[0] if gap else "") + digits[digit] + units[place]
            gap = False
        else:
            gap = bool(written)
    return written


def _chinese(number: int) -> str:
    """一, 十, 十一, 二十, 一百零一 (chineseCountingThousand)."""
    written = _thousands(number, _COUNTING, _UNITS)
    return written[1:] if 10 <= number < 20 else written


def _chinese_counting(number: int) -> str:
    """As above up to 99, then digit by digit: 一〇〇 (chineseCounting)."""
    return _chinese(number) if number < 100 else "".join(_DIGITS[int(digit)] for digit in str(number))


def _one_of(signs: str) -> Callable[[int], str]:
    return lambda number: signs[number - 1] if number <= len(signs) else str(number)


def _english_ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _enclosed(number: int) -> str:
    return chr(0x2460 + number - 1) if number <= 20 else str(number)


_FORMATS: Final[dict[str, Callable[[int], str]]] = {
    "decimalZero": lambda number: f"{number:02d}",
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "ordinal": _english_ordinal,
    "chineseCounting": _chinese_counting,
    "chineseCountingThousand": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCounting": _chinese_counting,
    "taiwaneseCountingThousand": _chinese,
    "ideographDigital": lambda number: "".join(_DIGITS[int(digit)] for digit in str(number)),
    "japaneseDigitalTenThousand": lambda number: "".join(_DIGITS[int(digit)] for digit in str(number)),
    "chineseLegalSimplified": lambda number: _thousands(number, _FORMAL_DIGITS, _FORMAL_UNITS),
    "ideographTraditional": _one_of(_STEMS),
    "ideographZodiac": _one_of(_BRANCHES),
    "decimalEnclosedCircle": _enclosed,
    "decimalEnclosedCircleChinese": _enclosed,
    "decimalFullWidth": lambda number: "".join(chr(ord("０") + int(digit)) for digit in str(number)),
    "none": lambda _: "",
}


def ordinal(number: int, number_format: str) -> str:
    """The number as Word prints it; decimal for a format not known here, and beyond 1 to 9,999."""
    if number_format == "none":
        return ""
    write = _FORMATS.get(number_format)
    return write(number) if write and 1 <= number <= 9_999 else str(number)
