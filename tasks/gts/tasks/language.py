"""The language of texts without model weights: scripts first, then the commonest words of Latin-script languages."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

UNKNOWN = "und"  # ISO 639 for "undetermined"

_SAMPLE_TEXTS = 1_000
_SAMPLE_CHARS = 100_000
_TEXT_CHARS = 1_000
# Chosen on the stop word lists below and short questions: a profile must cover this share of the words,
# and beat the second best by this factor.
_MIN_SHARE = 0.1
_MIN_LEAD = 1.15

# First code point, last code point, script (or the one common language of the script).
_RANGES = (
    (0x0041, 0x024F, "latin"),
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0531, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0x0900, 0x097F, "hi"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"),
    (0x1200, 0x137F, "am"),
    (0x1780, 0x17FF, "km"),
    (0x1E00, 0x1EFF, "latin"),
    (0x1F00, 0x1FFF, "el"),
    (0x3040, 0x30FF, "kana"),
    (0x3130, 0x318F, "ko"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xAC00, 0xD7AF, "ko"),
    (0xF900, 0xFAFF, "han"),
    (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFC, "arabic"),
    (0x20000, 0x323AF, "han"),
)
_STARTS = [start for start, _, _ in _RANGES]

_STOP_WORDS = {
    "en": "the of and to a in is it you that he was for on are with as i his they be at this have from or had by "
    "not but what all were we when your can there an which their if will how do does did my me who where why has "
    "would been so no more about its them she her him our am im dont whats ive",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er "
    "hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur "
    "bis mehr durch man sein wurde ich mir mich mein meine wir ihr was wo warum wann kann habe keine kein",
    "fr": "le la les de des du et à un une en est que qui dans pour pas sur ce il elle se ne plus par avec au aux je "
    "vous nous ils sont mais ou où comme son sa ses leur cette ces été être avoir ai mon ma mes tout fait très bien "
    "comment quand pourquoi quel quelle votre c'est j'ai n'est qu'il était",
    "es": "el la los las de del y a un una en es que por para con no se su lo como más pero sus le ya o este sí "
    "porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante ni contra ese eso "
    "mi qué cómo cuál dónde está tengo puedo fue ha son yo te tu",
    "it": "il lo la i gli le di del della dei delle e a un una uno in è che per con non si da come ma anche al alla nel "
    "nella sono mi ho ha più o se quando dove cosa mio mia questo questa perché suo sua ci ne molto stato era c'è "
    "posso quale chi essere dal dalla sul",
    "pt": "o a os as de do da dos das e um uma em é que por para com não se no na nos nas ao à mais como mas foi ele "
    "ela seu sua ou ser quando muito já está eu também só pelo pela até isso entre era depois sem mesmo meu minha "
    "você tem são qual onde porque fazer",
    "nl": "de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar bij of uit nog naar heb "
    "heeft door wordt ik je u hij ze we wij mijn uw wat hoe waar waarom wanneer kan geen deze dit die over tot worden "
    "was had werd zo wel meer",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när "
    "år säger hon under också efter eller nu sin där vid mot ska skulle kommer ut får finns vara hade alla andra min "
    "mitt mig du hur vad varför",
    "da": "og i at det som en på er af for med til den har de ikke om et han men var jeg sig fra vi så kan når hun også "
    "efter eller nu sin hvor ved mod skal skulle kommer ud får være havde alle andre min mit mig du hvordan hvad "
    "hvorfor blev bliver der",
    "pl": "i w na z do nie się to że jest o jak a po co tak za od ale przez przy jego jej dla czy już być był była "
    "było są ich może tylko tym ten ta te mnie mi mój moja które który która jestem mam gdzie kiedy dlaczego ze",
    "tr": "ve bir bu da de için ile çok ne ben sen o gibi daha ama var mı mi mu mü değil kadar en olarak sonra olan "
    "nasıl neden her şey benim bana ya hiç ki olduğu oldu nerede zaman iyi",
    "id": "yang dan di ini itu dengan untuk tidak dari dalam akan pada saya ke karena ada juga adalah bisa oleh kami "
    "kita mereka atau sudah apa bagaimana telah sebagai lebih anda aku kamu dia belum banyak hanya mengapa kapan",
    "vi": "và của là có không được cho một các những trong này đã với để người tôi bạn khi đến như về thì ở ra cũng "
    "lại nhiều sẽ phải làm gì từ nhưng mà rất",
}


def find_language(texts: Iterable[str]) -> str:
    """The ISO 639-1 code of the texts' language, or ``und`` where there is too little evidence.

    Latin script is told apart for the languages of a small table; Cyrillic and Arabic script by their letters.
    Looks at no more than the first 1,000 texts.

    Example:
        >>> find_language(["Where is my parcel?", "I have not got the refund"]), find_language(["快递什么时候到"])
        ('en', 'zh')
        >>> find_language(["xyzzy 42"])
        'und'
    """
    sample = _sample(texts)
    scripts = Counter(script for char in sample if char.isalpha() and (script := _script(ord(char))))
    total = sum(scripts.values())
    if not total:
        return UNKNOWN
    east_asian = scripts["han"] + scripts["kana"]
    if east_asian * 3 > total:  # product names in Latin letters are common in such texts
        return "ja" if scripts["kana"] * 10 > east_asian else "zh"
    script, count = scripts.most_common(1)[0]
    if count * 2 < total:
        return UNKNOWN
    if script == "latin":
        return _latin(sample)
    if script == "cyrillic":
        return _by_letters(sample, {"uk": "їєґ", "ru": "ыэё", "bg": "ъ"}, fallback="ru")
    if script == "arabic":
        return _by_letters(sample, {"ur": "ٹڈڑے", "fa": "پچژگ"}, fallback="ar")
    return script


def _sample(texts: Iterable[str]) -> str:
    parts: list[str] = []
    size = 0
    for _, text in zip(range(_SAMPLE_TEXTS), texts, strict=False):
        parts.append(text[:_TEXT_CHARS])
        size += len(parts[-1])
        if size > _SAMPLE_CHARS:
            break
    return "\n".join(parts).casefold().replace("’", "'")


def _script(point: int) -> str | None:
    row = bisect_right(_STARTS, point) - 1
    return _RANGES[row][2] if row >= 0 and point <= _RANGES[row][1] else None


def _by_letters(sample: str, letters: dict[str, str], fallback: str) -> str:
    """The language with most of the letters that only it uses; the fallback uses none of them often."""
    counts = {code: sum(sample.count(letter) for letter in only) for code, only in letters.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] * 200 > len(sample) else fallback


def _latin(sample: str) -> str:
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", sample)
    shared = Counter(word for profile in _PROFILES.values() for word in profile)
    counts = Counter(words)
    scores = {
        code: sum(counts[word] / shared[word] for word in profile) for code, profile in _PROFILES.items()
    }
    ranked = sorted(scores, key=lambda code: -scores[code])
    best, second = scores[ranked[0]], scores[ranked[1]]
    return ranked[0] if best >= _MIN_SHARE * len(words) and best > _MIN_LEAD * second else UNKNOWN


_PROFILES = {code: frozenset(words.split()) for code, words in _STOP_WORDS.items()}
