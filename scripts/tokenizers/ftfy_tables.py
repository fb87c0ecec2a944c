"""Writes lib/tokenizer/ftfy-tables.ts from the installed ftfy: the rules by which it knows mojibake, and its code pages.

ftfy is licensed under the Apache License 2.0 (THIRD_PARTY.md). Its rules are published as regular expressions over character
lists; they are written here as they are, with the notation of JavaScript and without what JavaScript has no use for.

    python scripts/tokenizers/ftfy_tables.py > lib/tokenizer/ftfy-tables.ts
"""
import importlib.metadata
import re

from ftfy import badness, chardata, fixes

SPACE = r"\p{White_Space}\x1c-\x1f"
WORD = r"\p{L}\p{N}_"


def compact(verbose):
    """A pattern in re.VERBOSE without its comments and its white space."""
    out, in_class, i = "", False, 0
    while i < len(verbose):
        char = verbose[i]
        if char == "\\":
            out += verbose[i:i + 2]
            i += 2
            continue
        if in_class:
            in_class = char != "]"
            out += char
        elif char == "[":
            in_class = True
            out += char
        elif char == "#":
            i = verbose.index("\n", i)
        elif not char.isspace() or char == "\u00a0":
            out += char
        i += 1
    return out


def javascript(pattern):
    out, in_class = "", False
    for token in re.findall(r"\\.|.", pattern, re.S):
        if token == r"\s":
            token = SPACE if in_class else f"[{SPACE}]"
        elif token == r"\w":
            token = WORD if in_class else f"[{WORD}]"
        elif token == "[" and not in_class:
            in_class = True
        elif token == "]" and in_class:
            in_class = False
        out += token
    return out


def literal(text):
    out = ""
    for char in text:
        if char in "\\'":
            out += "\\" + char
        elif " " <= char <= "~" or (char.isprintable() and char > "\xa0"):
            out += char
        else:
            out += f"\\u{ord(char):04x}"
    return out


def constant(name, text, what):
    parts = [text[i:i + 100] for i in range(0, len(text), 100)]
    joined = " +\n".join(f"  '{literal(part)}'" for part in parts)
    return f"\n/** {what} */\nexport const {name} =\n{joined}"


def page(encoding):
    return "".join(bytes([byte]).decode(encoding) for byte in range(0x80, 0x100))


print(f"""/**
 * Made by scripts/tokenizers/ftfy_tables.py from ftfy {importlib.metadata.version("ftfy")}, (c) Robyn Speer, Apache License 2.0:
 * see THIRD_PARTY.md. Patterns for `new RegExp(pattern, 'u')`; those over bytes take a character for each byte.
 */""")
print(constant("badness", javascript(compact(badness.BADNESS_RE.pattern)), "What hardly stands side by side in a text that is no mojibake."))
print(constant("detector", javascript(compact(chardata.UTF8_DETECTOR_RE.pattern)), "Runs of characters that spell UTF-8 in some code page."))
for name, pattern, what in [
    ("alteredUtf8", fixes.ALTERED_UTF8_RE, "Bytes that are UTF-8 but for a space in place of A0."),
    ("aGraveWord", fixes.A_GRAVE_WORD_RE, "Bytes of the word a with grave whose A0 became a space."),
    ("lossyUtf8", fixes.LOSSY_UTF8_RE, "Bytes that are UTF-8 but for lost ones (1A)."),
]:
    print(constant(name, pattern.pattern.decode("latin-1"), what))
print("\n/** Code pages in the order in which they are tried: characters of the bytes 80 to FF. */\nexport const pages: readonly (readonly [name: string, characters: string])[] = [")
for encoding in chardata.CHARMAP_ENCODINGS:
    print(f"  ['{encoding}', '{literal(page(encoding))}'],")
print("]")
