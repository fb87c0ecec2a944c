/** Texts to compare tokenizers over: the same on every machine, since everything follows from seeds and code points. */

/** A generator of numbers below `n`. */
function randomOf(seed) {
  let state = seed >>> 0
  return n => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

const sentences = [
  'a photo of a cat',
  'The quick brown fox jumps over the lazy dog.',
  "It's 42 o'clock; they'll say we're done, I'd bet you've won!",
  'Ein Foto einer Katze, groß und schön – „Straße“',
  'une photo de chat à l’été, ça va « bien » ?',
  'El niño comió piñas: ¿qué más?',
  'foto e një mace, çdo ditë',
  'zdjęcie kota, żółć i źdźbło',
  'příliš žluťoučký kůň',
  'İstanbul’da bir kedi ve ığdır',
  'ΟΔΥΣΣΕΥΣ ΚΑΙ Η ΓΑΤΑ ΤΟΥΣ, άσπρη γάτα',
  'фото кота, ёлка и Ёж',
  'фотографія кота, її їжак ґанок',
  'صورة قطة ١٢٣ مُشَكَّلَة',
  'תמונה של חתול שָׁלוֹם',
  'बिल्ली की तस्वीर १२३',
  'ภาพถ่ายของแมว',
  '고양이 사진 한글',
  '猫の写真、カタカナとﾊﾝｶｸ',
  '一只猫的照片，两只狗。',
  'ảnh chụp con mèo trắng',
  '𝓐 𝔹 ２３ ｆｕｌｌｗｉｄｔｈ',
  'e\u0301clair nai\u0308ve A\u030angstro\u0308m',
  '👨‍👩‍👧‍👦 family 🏳️‍🌈 flags 🇩🇪🇫🇷 ✊🏿',
  'x² + y³ ≤ ½·π ≈ 1.57',
  'café — naïve… “quotes” ‘single’ ﬁne ﬂow ﬃ',
  'snake_case and CamelCase, e-mail: a.b@c.de #tag',
  '&lt;b&gt; &amp;amp; &eacute; &#233; &#x1F600; &EACUTE; &nbsp;x',
  'C:\\path\\file <tag attr="1"> {json: [1,2]}',
  'DIN-Norm 2024/25 (3.5%) $5 €6 £7',
]

const pieces = [
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '\u00a0',
  '\u0085',
  '\u1680',
  '\u2003',
  '\u2028',
  '\u202f',
  '\u3000',
  '\ufeff',
  '\u200b',
  '\u200d',
  '\u200e',
  '\u2060',
  '\u00ad',
  '\u001c',
  '\u001d',
  '\u001f',
  '\0',
  '\u0001',
  '\u0008',
  '\u000b',
  '\u000c',
  '\u001b[31m',
  '\u007f',
  '\u0080',
  '\u009f',
  '\ufffd',
  '\ufffc',
  '\ufff9',
  '\ue000',
  '\u{10ffff}',
  '\u034f',
  '\u061c',
  '\u180e',
  '\u0301',
  '\u0308\u0301',
  '\u0345',
  '\u20dd',
  '\ufe0f',
  '\u{1d165}',
  'İ',
  'ı',
  'ſ',
  'K',
  'Å',
  'ß',
  'ẞ',
  'Σ',
  'ΑΣ',
  'Σ.',
  'ǅ',
  'ŉ',
  'ﬅ',
  'Ａ',
  '①',
  '½',
  '²',
  '㍿',
  'ﷺ',
  '\u2581',
  '▁▁',
  '_',
  "'s",
  "'S",
  "'ſ",
  "'LL",
  '’s',
  "''",
  '--',
  '...',
  '𠀀',
  '𪜀',
  '𫝀',
  '𫠠',
  '𬺰',
  '𮯰',
  '𰀀',
  '\u{31350}',
  '丽',
  '〇',
  '々',
  '豈',
  'ㄅ',
  '가',
  '\u1100\u1161',
  'あ゙',
  '🙂',
  '👍🏽',
  '❤️',
  '🏴\u{e0067}\u{e0062}\u{e007f}',
  '1️⃣',
  '𝟘',
  '𐐀',
  '\u{1e900}',
  'Ⅷ',
  'ⓐ',
  '٣',
  '৩',
  '<|startoftext|>',
  '<|endoftext|>',
  '<|ENDOFTEXT|>',
  '<start_of_text>',
  '<end_of_text>',
  '<s>',
  '</s>',
  '<unk>',
  '<pad>',
  '<eos>',
  '<EOS>',
  '<bos>',
  '<mask>',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  '[cls]',
  '[UNK]',
  '<0x41>',
  '&amp;',
  '&lt;',
  '&#0;',
  '&#x81;',
  '&copy',
  '<',
]

/** Code points of every part of Unicode, denser where scripts and signs are. */
function codePoints() {
  const points = []
  const add = (from, to, step) => {
    for (let code = from; code <= to; code += step) if (code < 0xd800 || code > 0xdfff) points.push(code)
  }
  add(0, 0x17f, 1)
  add(0x180, 0x2fff, 7)
  add(0x3000, 0x33ff, 11)
  add(0x3400, 0xd7ff, 331)
  add(0xe000, 0xf8ff, 977)
  add(0xf900, 0xffff, 13)
  add(0x10000, 0x1ffff, 149)
  add(0x20000, 0x33fff, 499)
  add(0xe0000, 0xe01ff, 61)
  return points
}

function ofCodePoints() {
  return codePoints().map((code, index) => {
    const char = String.fromCodePoint(code)
    return [`a${char}b`, `${char}`, `A ${char} cat`, `${char}${char}1`][index % 4]
  })
}

function mutated(random, count) {
  return Array.from({ length: count }, () => {
    const chars = [...sentences[random(sentences.length)]]
    for (let edits = 1 + random(4); edits > 0; edits--) {
      const at = random(chars.length + 1)
      if (random(5) === 0) chars.splice(at, 1)
      else chars.splice(at, 0, pieces[random(pieces.length)])
    }
    const text = chars.join('')
    return random(6) === 0 ? text.toUpperCase() : text
  })
}

function mixed(random, count) {
  return Array.from(
    { length: count },
    () =>
      Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)] + ['', '', ' ', 'a'][random(4)]).join(
        '',
      ),
  )
}

function long(random) {
  const word = ['ab', 'the', 'é', '日', '🙂', '!', '\u0301', 'x1', '▁']
  return Array.from({ length: 12 }, (_, index) => `a ${word[index % word.length].repeat(90 + random(400))} b`)
}

// bytes 80 to FF, written out, as Node's decoders differ between versions
const high = Array.from({ length: 128 }, (_, index) => String.fromCharCode(0x80 + index)).join('')
const pages = {
  latin1: high,
  cp1252: '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ' + high.slice(32),
  cp1251:
    'ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\x98™љ›њќћџ\u00a0ЎўЈ¤Ґ¦§Ё©Є«¬\u00ad®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя',
  macroman:
    'ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ',
  cp437:
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
  cp1250:
    '€\x81‚\x83„…†‡\x88‰Š‹ŚŤŽŹ\x90‘’“”•–—\x98™š›śťžź\u00a0ˇ˘Ł¤Ą¦§¨©Ş«¬\u00ad®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙',
  cp1253:
    '€\x81‚ƒ„…†‡\x88‰\x8a‹\x8c\x8d\x8e\x8f\x90‘’“”•–—\x98™\x9a›\x9c\x9d\x9e\x9f\u00a0΅Ά£¤¥¦§¨©\xaa«¬\u00ad®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\xd2ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ\xff',
}

function mangled(text, page) {
  return [...Buffer.from(text, 'utf8')].map(byte => (byte < 0x80 ? String.fromCharCode(byte) : page[byte - 0x80])).join(
    '',
  )
}

function mojibake(random, count) {
  const names = Object.keys(pages)
  return Array.from({ length: count }, () => {
    const sentence = sentences[random(sentences.length)]
    const page = pages[names[random(3) === 0 ? random(names.length) : random(2)]]
    let text = mangled(sentence, page)
    if (random(4) === 0) text = mangled(text, pages[names[random(2)]])
    if (random(5) === 0) text = text.replaceAll('\u00a0', ' ')
    if (random(6) === 0) text = text.replace(/[\x80-\x9f]/g, '\ufffd')
    if (random(3) === 0) text = `${sentences[random(sentences.length)]} ${text}`
    if (random(5) === 0) text = `${text}\n${mangled(sentences[random(sentences.length)], pages.cp1252)}`
    return text
  })
}

/** Texts without mojibake; `size` scales the random ones. */
function texts(seed, size = 1) {
  const random = randomOf(seed)
  return [...sentences, ...ofCodePoints(), ...mutated(random, 600 * size), ...mixed(random, 400 * size),
    ...long(random), '', ' ', '\n']
}

module.exports = { randomOf, texts, mojibake, mutated, mixed, sentences, pieces }
