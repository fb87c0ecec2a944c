"""The tokenizer folder. Usage: gen_tokenizer.py OUT_DIR"""
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
from oraclelib import *
from tok_lib import *

OUT = sys.argv[1]
TEMPL = ["a photo of a {}.", "a bad photo of the {}.", "itap of my {}.", "a origami {}.", "a {} in a video game.", "the plastic {}.", "a low resolution photo of the {}.", "graffiti of a {}.", "a close-up photo of the {}.", "a black and white photo of a {}."]
CLS = ["goldfish", "great white shark", "tiger shark", "hammerhead", "electric ray", "cock", "hen", "ostrich", "brambling", "junco", "indigo bunting", "jack-o'-lantern", "French bulldog", "West Highland white terrier", "bell or wind chime", "Christmas stocking", "T-shirt", "CD player", "odometer", "pickup truck", "eighteen-wheeler", "hot dog", "carbonara", "hen-of-the-woods", "Saint Bernard"]
G = []
G.append(("prompts", [TEMPL[i % 10].format(c) for i, c in enumerate(CLS)] + [t.format("kitty") for t in TEMPL]))
G.append(("basic", ["", " ", "a", "A", "I", "hello", "Hello World", "hello world!", "HELLO, WORLD!!!", "the quick brown fox jumps over the lazy dog", "antidisestablishmentarianism", "supercalifragilisticexpialidocious", "pneumonoultramicroscopicsilicovolcanoconiosis",
    "asdfghjkl qwertyuiop zxcvbnm", "aaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab", "zzz", "xkcd", "iPhone", "McDonald's", "YouTube", "camelCaseIdentifier", "snake_case_identifier", "kebab-case-identifier", "SCREAMING_SNAKE_CASE", "e.g.", "U.S.A.", "Ph.D.", "C++", "C#", ".NET", "node.js", "a/b/c", "and/or", "50/50"]))
G.append(("contractions", ["it's", "don't", "we're", "I've", "I'm", "they'll", "he'd", "IT'S", "DON'T", "We'Re", "y'all'd've", "rock 'n' roll", "'tis the season", "the dogs' bowls", "o'clock", "'s", "'t", "'ll", "'", "''", "'''", "s'", "can't've", "'re 've 'm 'd", "its's", "'sabc", "'Sunday", "x's y's", "d'artagnan", "'dog'", "'twas", "l'hôtel", "it's'll", "1's", "1990's", "the '90s", "'80s"]))
G.append(("numbers", ["0", "7", "42", "123", "1234567890", "3.14159", "1,000,000", "1e-5", "-273.15", "50%", "$19.99", "4k", "1080p", "2024-01-31", "12:34:56", "1st 2nd 3rd", "½", "¾ cup", "Ⅷ", "①②③", "٠١٢٣", "१२३", "x2", "h2o", "co2 levels", "f/2.8", "route 66", "iso100", "8x8", "10^6", "²³", "42nd street"]))
G.append(("punctuation", [".", ",", "!", "?", "...", "…", "!!!", "?!", "?!?!?!", "-", "--", "—", "–", "_", "__init__", "/", "\\", "\\n", "(a)", "[b]", "{c}", "<d>", "a.b.c", "wait... what?", "“quoted”", "‘single’", "«guillemets»", "„low“", "#hashtag", "@mention", "a&b", "a & b", "a + b = c", "50% off!", "~tilde~", "`code`", "^caret^", "|pipe|", "*star*", "foo:bar;baz", "http://example.com/path?x=1&y=2#frag", "user@example.com", "C:\\Windows\\System32", "¿qué?", "¡hola!", "©®™", "€ £ ¥ ¢", "• bullet", "→ ← ↑ ↓", "✓ ✗", "♥ ★ ☆", "a -- b --- c", ".,;:!?", "!@#$%^&*()", "))))))", "=====", ":-) ;-) :D", "¯\\_(ツ)_/¯"]))
G.append(("whitespace", ["  leading", "trailing  ", "  both  ", "a  b", "a\tb", "a\nb", "a\r\nb", "a \t\r\n b", "\n\n\n", "\t", "a\u00a0b", "a\u2003b", "a\u2009b", "a\u3000b", "a\u2028b", "a\u2029b", "a\u0085b", "a\u000bb", "a\u000cb", "a\u001cb", "a\u001fb", "a\u1680b", "a\u202fb", "a\u205fb"]))
G.append(("invisible", ["a\u200bb", "a\u200cb", "a\u200db", "a\u200eb", "a\u2060b", "\ufeffhello", "he\ufeffllo", "soft\u00adhyphen", "a\u0000b", "a\u0001b", "a\u0007bell", "a\u0008b", "a\u001bb", "a\u007fb", "a\u0080b", "a\u009fb", "\u202ertl override\u202c", "a\u034fb", "a\u180eb", "x\ufe0f", "\u061c", "a\ufffdb", "a\uffffb"]))
G.append(("latin", ["café", "naïve", "résumé", "Ångström", "smörgåsbord", "Zürich", "São Paulo", "señor", "français", "Ærøskøbing", "Łódź", "žluťoučký kůň", "İstanbul", "ıspanak", "STRASSE", "Straße", "STRAẞE", "ﬁne ﬂow ﬀ ﬃ", "ǅ ǆ Ǆ", "œuvre Œ", "ĳ Ĳ", "ſhort ſ", "K (kelvin)", "Å (angstrom)", "Ω ohm", "Vietnamese: Việt Nam", "Ế", "crème brûlée", "Ð ð Þ þ"]))
G.append(("combining", ["e\u0301", "cafe\u0301", "n\u0303", "a\u030a", "o\u0302\u0301", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘", "\u0301", "q\u0323\u0307", "क्षत्रिय", "हिन्दी", "ก็ไม่", "இந்தியா", "మంత్రి", "नमस्ते", "אָלֶף", "مُحَمَّد", "가", "\u1100\u1161", "각"]))
G.append(("scripts", ["日本語", "東京タワーの写真", "カタカナ ひらがな 漢字", "ｶﾀｶﾅ", "你好，世界！", "一只猫在桌子上", "繁體中文", "안녕하세요 세계", "Привет, мир!", "ПРИВЕТ", "Фото кошки", "Γειά σου Κόσμε", "ΟΔΥΣΣΕΥΣ", "ΣΑΣ", "Σ", "مرحبا بالعالم", "صورة قطة", "שלום עולם", "สวัสดีชาวโลก", "Xin chào thế giới", "ქართული", "Հայերեն", "አማርኛ", "ᚠᚢᚦᚨᚱᚲ", "𐍈 gothic", "𝓗𝓮𝓵𝓵𝓸", "𝟘𝟙𝟚", "ＦＵＬＬＷＩＤＴＨ　ＡＢＣ１２３", "Ⓐⓑⓒ", "mixed 日本 and English", "中文abc中文"]))
G.append(("emoji", ["😀", "🐶🐱", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷🇯🇵", "❤️", "❤", "☀️ sunny", "I ❤️ NY", "🚀🚀🚀", "a 🎉 party", "1️⃣2️⃣", "🧑🏿‍🚀", "™️", "⛄ snowman", "🫠🫡", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]))
G.append(("html", ["&amp;", "&lt;b&gt;", "a &amp; b", "&amp;amp;", "&amp;amp;amp;", "&quot;hi&quot;", "&#39;s", "it&#39;s", "&#x27;", "&nbsp;", "a&nbsp;b", "&copy; 2024", "&eacute;", "&notanentity;", "&", "&amp", "&lt;|endoftext|&gt;", "AT&T", "fish &chips", "&#0;", "&#128;", "&#x1F600;", "&hellip;", "<br>line<br/>", "<p>para</p>", "5 &lt; 6 &gt; 4"]))
G.append(("mojibake", ["cafÃ©", "â€œquotedâ€\u009d", "Itâ€™s", "naÃ¯ve", "Ã¼ber", "âœ” No problems", "schÃ¶n", "l’humanitÃ©", "ðŸ˜€", "doesnâ€™t", "Â£10", "“curly” ‘quotes’ it’s", "РџСЂРёРІРµС‚", "é\u00a0à"]))
G.append(("special", ["<|startoftext|>", "<|endoftext|>", "a<|endoftext|>b", "a <|endoftext|> b", "<|startoftext|>hello<|endoftext|>", "<start_of_text>", "<end_of_text>", "a <end_of_text> b", "<START_OF_TEXT>", "<|ENDOFTEXT|>", "<|EndOfText|> x", "<|endoftext|", "<|endoftext|><|endoftext|>", "<|pad|>", "[CLS] [SEP]", "</w>", "hello</w>", "a</w> b</w>", "<pad>", "<unk>", "!!"]))
G.append(("length", ["word " * 74, "word " * 75, "word " * 76, "word " * 200, "a" * 500, "ab" * 300, "1" * 75, "1" * 76, "1" * 100, "😀" * 60, "日本語" * 40, "the quick brown fox jumps over the lazy dog. " * 9, "! " * 75, "x y z " * 30, "antidisestablishmentarianism " * 20, "a photo of " + "very " * 72 + "big cat"]))
os.makedirs(OUT, exist_ok=True)
st, recs = write_vectors(f"{OUT}/vectors.json", G, "CLIP BPE vectors: ids with SOT/EOT, truncated to 77, without padding; open_clip = open_clip.SimpleTokenizer(clean=lower); 'openai' and 'hf' only where they differ from it")
print(json.dumps(st, indent=1))
write_clip_tokenizer(f"{OUT}/clip", None, tokenizer_json=False)
# canonicalising variant (SigLIP/CLIPA clean functions of open_clip)
from open_clip.tokenizer import SimpleTokenizer
tc = SimpleTokenizer(clean="canonicalize")
tw = SimpleTokenizer(clean="whitespace")
S = ["A photo, of: the DOG!", "snake_case and-dash", "it's don't", "  a  b ", "U.S.A. 50% #1", "&amp;", "“x”", "Straße", ""]
jdump(f"{OUT}/clean_variants.json", [{"text": s, "canonicalize": [49406] + tc.encode(s) + [49407], "canonicalize_text": tc.clean_fn(s), "whitespace_text": tw.clean_fn(s)} for s in S])
