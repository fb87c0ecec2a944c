"""Captions of the emoji, and for which other emoji of a batch each holds."""
import re

import torch

NAMED_COLOURS = {
    "white": (255, 255, 255), "black": (10, 10, 10), "gray": (128, 128, 128), "red": (215, 40, 40),
    "green": (50, 165, 70), "blue": (45, 90, 215), "yellow": (250, 220, 50), "orange": (245, 140, 30),
    "purple": (130, 60, 180), "pink": (250, 160, 195), "brown": (125, 80, 45), "cyan": (70, 205, 220),
}
GROUP_TEXT = {
    "smileys-emotion": "smiley or emotion", "people-body": "person or body part", "animals-nature": "animal or plant",
    "food-drink": "food or drink", "travel-places": "place or vehicle", "activities": "activity, sport or event",
    "objects": "object", "symbols": "symbol or sign", "flags": "flag",
}
GROUP_WORDS = {   # further wordings used in training captions
    "smileys-emotion": ["smiley", "emotion", "facial expression"], "people-body": ["person", "people", "body part"],
    "animals-nature": ["animal", "nature", "plant"], "food-drink": ["food", "drink", "something to eat"],
    "travel-places": ["travel", "place", "vehicle"], "activities": ["activity", "sport", "game", "event"],
    "objects": ["object", "thing", "tool"], "symbols": ["symbol", "sign"], "flags": ["flag", "country flag"],
}
LABEL_TEMPLATES = [
    "{l}", "{l}", "{l}", "{l}", "a photo of {al}", "a photo of {al}", "a picture of {al}", "an emoji of {al}", "{l} emoji", "the {l} emoji",
    "an icon of {al}", "a drawing of {al}", "a cartoon of {al}", "an image of {al}", "a photo of the {l}",
    "a small picture of {al}", "this is {al}", "a clip art of {al}", "a photo of {l}", "{al}",
]
HELD_OUT_TEMPLATES = ["a sticker showing {al}", "find me the one with {al}", "someone drew {al} here", "looks like {al}"]
STYLE_WORDS = {"fluent-3d": ["3d", "glossy 3d"], "fluent-flat": ["flat"], "twemoji": ["flat"]}


def words(text):
    return set(re.findall(r"[^\W_]+", text.lower()))


def article(text):
    if text.startswith(("flag of", "the ")):
        return "the " + text if text.startswith("flag") else text
    return ("an " if text[:1].lower() in "aeiou" else "a ") + text


def fill(template, label):
    return template.replace("{al}", article(label)).replace("{l}", label)


class Captioner:
    """Draws a random caption for a concept; also says for which other concepts the caption holds."""

    def __init__(self, concepts, holdouts):
        hold_words = set(holdouts["holdout_words"])
        self.c = concepts
        self.tags, self.phrases, self.pair = [], [], []
        for c in concepts:
            gone = words(holdouts["holdout_tags"].get(c["key"], ""))
            ok = lambda t: not (words(t) & (hold_words | gone))
            self.tags.append([t for t in c["tags"] if ok(t)])
            self.phrases.append([p for p in c["phrases"] if ok(p)])
            self.pair.append(set(holdouts["holdout_pairs"].get(c["key"], ())))
        # (kind, value) -> which concepts have it
        self.holders = {}
        for i, c in enumerate(concepts):
            for key in [("tags", t) for t in self.tags[i]] + [("group", c["group"]), ("subgroup", c["subgroup"])]:
                self.holders.setdefault(key, torch.zeros(len(concepts), dtype=torch.bool))[i] = True

    def pick_tags(self, i, n, rng):
        tags = list(self.tags[i])
        rng.shuffle(tags)
        out = []
        for t in tags:
            if len(out) == n:
                break
            if t in self.pair[i] and self.pair[i] & set(out):
                continue
            out.append(t)
        return out

    def draw(self, i, vendor, colour, rng):
        """-> (caption, criterion); criterion: None (this concept only), ('tags', set) or ('group', name)."""
        c, label, r = self.c[i], self.c[i]["label"], rng.random()
        crit = None
        if colour and r < 0.45:
            text = rng.choice(["{l} on a %s background", "{al} on %s", "{l}, %s background"]) % colour
            text = fill(text, label)
        elif r < 0.45:
            text = fill(rng.choice(LABEL_TEMPLATES), label)
            if vendor in STYLE_WORDS and rng.random() < 0.06:
                text = "a %s icon of %s" % (rng.choice(STYLE_WORDS[vendor]), article(label))
        elif r < 0.60:
            t = self.pick_tags(i, rng.choice([1, 1, 2]), rng)
            parts = [label] + t if rng.random() < 0.75 else t + [label]
            text = rng.choice([", ", ", ", " "]).join(parts)
        elif r < 0.80:
            t = self.pick_tags(i, rng.choice([2, 3, 3, 4]), rng)
            text = rng.choice([" ", ", ", ", ", " and "]).join(t)
            if rng.random() < 0.25:
                text = rng.choice(["an emoji of ", "a photo of ", "emoji: "]) + text
            crit = ("tags", set(t))
        elif r < 0.87:
            t = self.pick_tags(i, 1, rng)
            text = rng.choice(["%s", "%s", "an emoji of %s", "a photo of %s", "%s emoji"]) % "".join(t)
            crit = ("tags", set(t))
        elif r < 0.94 and self.phrases[i]:
            text = fill(rng.choice(["{l}", "{l}", "a photo of {al}", "{l} emoji"]), rng.choice(self.phrases[i]))
        elif r < 0.97:
            word = rng.choice(GROUP_WORDS[c["group"]] + [GROUP_TEXT[c["group"]]])
            text, crit = fill(rng.choice(["{l}", "a photo of {al}", "an emoji of {al}"]), word), ("group", c["group"])
        else:
            sub = c["subgroup"].replace("-", " ")
            text, crit = fill(rng.choice(["{l}", "an emoji of {al}"]), sub), ("subgroup", c["subgroup"])
        if not text.strip() or (crit and crit[0] == "tags" and not crit[1]):
            text, crit = label, None
        if rng.random() < 0.15:
            text += "."
        return text, crit

    def targets(self, idx, crits):
        """Which (image, caption) pairs of the batch are true: bool [image, caption]."""
        idx = torch.tensor(idx)
        m = torch.eye(len(idx), dtype=torch.bool)
        for j, crit in enumerate(crits):
            if crit is None:
                continue
            kind, want = crit
            keys = [("tags", t) for t in want] if kind == "tags" else [(kind, want)]
            m[:, j] |= torch.stack([self.holders[k] for k in keys]).all(0)[idx]
        return m
