"""How numbers, times and sizes read on a page: pure functions, used as template filters."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup, escape

from gts.platform.pages.languages import ENGLISH, Language

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def percent(value: float | None, digits: int = 0) -> str:
    """A share as a percentage.

    Example:
        >>> percent(0.864), percent(0.864, 1), percent(None)
        ('86%', '86.4%', '–')
    """
    return "–" if value is None else f"{value * 100:.{digits}f}%"


def points(difference: float, language: Language = ENGLISH) -> str:
    """A difference of two shares, in percentage points.

    Example:
        >>> points(0.06), points(-0.014), points(0.0)
        ('+6.0 points', '-1.4 points', '0.0 points')
    """
    rounded = round(difference * 100, 1)
    return language.gettext("%(difference)s points", difference=f"{rounded:+.1f}" if rounded else "0.0")


def duration(seconds: float | None, language: Language = ENGLISH) -> str:
    """A span of time in the two largest units that matter.

    Example:
        >>> duration(0.04), duration(8.14), duration(95), duration(3725), duration(None)
        ('0.04 s', '8.1 s', '1 min 35 s', '1 h 2 min', '–')
    """
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < _MINUTE:
        shown = f"{seconds:.2f}" if seconds < 0.095 else f"{seconds:.1f}" if seconds < 9.95 else str(whole)
        return language.gettext("%(seconds)s s", seconds=shown)
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        if rest:
            return language.gettext("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)
        return language.gettext("%(minutes)s min", minutes=minutes)
    hours, rest = divmod(whole, _HOUR)
    if rest >= _MINUTE:
        return language.gettext("%(hours)s h %(minutes)s min", hours=f"{hours:,}", minutes=rest // _MINUTE)
    return language.gettext("%(hours)s h", hours=f"{hours:,}")


def size(number_of_bytes: float | None) -> str:
    """A size in decimal units, as disks and downloads are counted.

    Example:
        >>> size(900), size(15_000_000), size(None)
        ('900 B', '15 MB', '–')
    """
    if number_of_bytes is None:
        return "–"
    value = float(number_of_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def compact(number: float | None) -> str:
    """A large number in few digits.

    Example:
        >>> compact(950), compact(7_800_000), compact(21_340)
        ('950', '7.8M', '21k')
    """
    if number is None:
        return "–"
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            scaled = number / limit
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}{unit}"
    return f"{number:.0f}"


def amount(money: float | None) -> str:
    """A sum in the currency in which models are priced, whichever that is.

    Example:
        >>> amount(12.5), amount(0.0312), amount(0.0), amount(None)
        ('12.50', '0.031', '0', '–')
    """
    if money is None:
        return "–"
    return f"{money:,.2f}" if money >= 1 else f"{money:.2g}"


def ago(moment: datetime, at: datetime | None = None, language: Language = ENGLISH) -> str:
    """How long a moment is past.

    Example:
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> ago(start, datetime(2025, 1, 1, 0, 5, tzinfo=UTC)), ago(start, datetime(2025, 3, 1, tzinfo=UTC))
        ('5 min ago', '1 Jan 2025')
    """
    seconds = ((at or datetime.now(UTC)) - moment).total_seconds()
    if seconds < _MINUTE:
        return language.gettext("just now")
    if seconds < _HOUR:
        return language.gettext("%(minutes)s min ago", minutes=int(seconds // _MINUTE))
    if seconds < _DAY:
        return language.gettext("%(hours)s h ago", hours=int(seconds // _HOUR))
    if seconds < 2 * _DAY:
        return language.gettext("yesterday")
    if seconds < 7 * _DAY:
        return language.gettext("%(days)s days ago", days=int(seconds // _DAY))
    return language.text("{0.day} {0:%b} {0.year}").format(moment)


def shorten(text: str, limit: int = 280) -> str:
    """The beginning of a long text.

    Example:
        >>> shorten("abcdef", 4)
        'abc…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def capital(text: str) -> str:
    """A text with its first letter capital, the others as they are.

    Example:
        >>> capital("macro F1")
        'Macro F1'
    """
    return text[:1].upper() + text[1:]


def prose(text: str, limit: int = 1000) -> Markup:
    """A message as a sentence for a page, what stands in backticks as code.

    Example:
        >>> str(prose("<b>: run `gts up`"))
        '&lt;b&gt;: run <code>gts up</code>.'
    """
    parts = sentence(shorten(text, limit)).split("`")
    if len(parts) % 2 == 0:  # an odd backtick is no code
        return escape("`".join(parts))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)
    )


def sentence(text: str) -> str:
    """A message as a sentence: capital first, full stop last, a Chinese one after a Chinese character.

    Example:
        >>> sentence("no model 'a/b'"), sentence("没有标签")
        ("No model 'a/b'.", '没有标签。')
    """
    stripped = text.strip()
    if not stripped:
        return ""
    stop = "。" if "\u3400" <= stripped[-1] <= "\u9fff" else "."
    ended = stripped if stripped[-1] in ".!?…:。！？：" else stripped + stop
    return ended[0].upper() + ended[1:]
