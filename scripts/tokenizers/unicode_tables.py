"""Writes lib/tokenizer/unicode-tables.ts: what the tokenizers library takes each character for, asked of the library itself.

Its parts have character tables of different Unicode versions, and Node has another: a table of the reference's own keeps
the ids the same with every version of Node.   python scripts/tokenizers/unicode_tables.py > lib/tokenizer/unicode-tables.ts
"""
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def matching(pattern):
    remove = normalizers.Replace(Regex(pattern), "")
    return [c for c in POINTS if remove.normalize_str(chr(c)) == ""]


def removed(normalizer):
    return [c for c in POINTS if normalizer.normalize_str(chr(c)) == ""]


def bert(**on):
    parts = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**parts, **on})


def isolated(splitter):
    return [c for c in POINTS if len(splitter.pre_tokenize_str("a" + chr(c) + "b")) == 3]


def encoded(points):
    """Ranges: how many points after the last one, in base 36, and after a comma how many follow."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"

    def base36(n):
        return digits[n] if n < 36 else base36(n // 36) + digits[n % 36]

    ranges, end = [], -1
    for c in points:
        if ranges and c == end + 1:
            ranges[-1][1] += 1
        else:
            ranges.append([c - end - 1, 0])
        end = c
    return " ".join(base36(gap) + ("," + base36(more) if more else "") for gap, more in ranges)


def lines(text, width=118):
    parts, line = [], ""
    for word in text.split(" "):
        if len(line) + len(word) + 1 > width:
            parts.append(line)
            line = ""
        line += word + " "
    parts.append(line.rstrip())
    return " +\n".join(f"  '{part}'" for part in parts)


TABLES = [
    ("letters", "\\p{L}", matching(r"\p{L}")),
    ("numbers", "\\p{N}", matching(r"\p{N}")),
    ("punctuation", "what BertPreTokenizer and Punctuation split at", isolated(pre_tokenizers.Punctuation())),
    ("marks", "what StripAccents removes", removed(normalizers.StripAccents())),
    ("nonSpacingMarks", "what BertNormalizer removes with strip_accents", removed(bert(strip_accents=True))),
    ("controls", "what BertNormalizer removes with clean_text", removed(bert(clean_text=True))),
]

print(f"""/**
 * Made by scripts/tokenizers/unicode_tables.py from tokenizers {tokenizers.__version__}: which characters its parts take for what. Their
 * Unicode versions are not Node's, nor one another's. Ranges: how many code points after the last one, in base 36, and
 * after a comma how many more follow.
 */""")
for name, what, points in TABLES:
    print(f"\n/** {what} */\nexport const {name} =\n{lines(encoded(points))}")
