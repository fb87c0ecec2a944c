"""The text tower's vocabulary, learned from the captions, as a tokenizer of CLIP."""
import collections, json, os, re, unicodedata

import regex

CONTEXT = 32           # text context length
VOCAB_SIZE = 4096      # 512 byte symbols + merges + 2 specials


def byte_alphabet():
    """GPT-2/CLIP's printable stand-ins for the 256 byte values, in CLIP's order."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {b: chr(b) for b in keep}, 0
    order = list(keep)
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra); extra += 1
            order.append(b)
    return table, [table[b] for b in order]


SPLIT = regex.compile(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")


def learn_bpe(texts, vocab_size):
    """CLIP's BPE: byte symbols, '</w>' on the last one, merges by frequency (ties: the smaller pair)."""
    table, alphabet = byte_alphabet()
    freq = collections.Counter()
    for t in texts:
        t = re.sub(r"\s+", " ", unicodedata.normalize("NFC", t)).lower()
        freq.update(SPLIT.findall(t))
    seqs, counts = [], []
    for w, n in freq.items():
        s = [table[b] for b in w.encode()]
        s[-1] += "</w>"
        seqs.append(s); counts.append(n)
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, s in enumerate(seqs):
        for p in zip(s, s[1:]):
            pairs[p] += counts[i]; where[p].add(i)
    merges = []
    vocab = alphabet + [a + "</w>" for a in alphabet]
    known = set(vocab)
    while len(vocab) + 2 < vocab_size and pairs:
        best = min(pairs, key=lambda p: (-pairs[p], p))
        if pairs[best] <= 0:
            break
        merged = best[0] + best[1]
        for i in list(where[best]):
            s, n = seqs[i], counts[i]
            for p in zip(s, s[1:]):
                pairs[p] -= n
                if pairs[p] <= 0:
                    del pairs[p]
                where[p].discard(i)
            out, k = [], 0
            while k < len(s):
                if k + 1 < len(s) and (s[k], s[k + 1]) == best:
                    out.append(merged); k += 2
                else:
                    out.append(s[k]); k += 1
            seqs[i] = out
            for p in zip(out, out[1:]):
                pairs[p] += n; where[p].add(i)
        merges.append(best)
        if merged not in known:
            known.add(merged); vocab.append(merged)
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    return {t: i for i, t in enumerate(vocab)}, merges, len(freq)


def write_tokenizer(vocab, merges, folder):
    from transformers import CLIPTokenizer
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as f:
        json.dump(vocab, f, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join("%s %s\n" % m for m in merges))
    tok = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=CONTEXT)
    tok.save_pretrained(folder)
    return tok
