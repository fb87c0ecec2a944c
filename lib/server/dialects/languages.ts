/** From the language of an Immich user to the code that NLLB's models are told. */
import type { Clip } from '../../library.js'

/** ISO 639 language (with a script where there are two), and its code in FLORES-200. */
const codes = new Map(
  `af afr_Latn, ar arb_Arab, az azj_Latn, be bel_Cyrl, bg bul_Cyrl, ca cat_Latn, cs ces_Latn, cy cym_Latn, da dan_Latn,
de deu_Latn, el ell_Grek, en eng_Latn, es spa_Latn, et est_Latn, eu eus_Latn, fa pes_Arab, fi fin_Latn, fr fra_Latn, ga gle_Latn,
gl glg_Latn, he heb_Hebr, hi hin_Deva, hr hrv_Latn, hu hun_Latn, hy hye_Armn, id ind_Latn, is isl_Latn, it ita_Latn, ja jpn_Jpan,
ka kat_Geor, kmr kmr_Latn, ko kor_Hang, lb ltz_Latn, lt lit_Latn, lv lvs_Latn, mfa zsm_Latn, mk mkd_Cyrl, ml mal_Mlym, mn khk_Cyrl,
mr mar_Deva, ms zsm_Latn, nb nob_Latn, nl nld_Latn, nn nno_Latn, no nob_Latn, pl pol_Latn, pt por_Latn, ro ron_Latn, ru rus_Cyrl,
sk slk_Latn, sl slv_Latn, sq als_Latn, sr srp_Cyrl, sv swe_Latn, ta tam_Taml, te tel_Telu, th tha_Thai, tr tur_Latn, uk ukr_Cyrl,
ur urd_Arab, vi vie_Latn, zh zho_Hans, zh-Hant zho_Hant`.split(/,\s/).map(pair => pair.split(' ') as [string, string]),
)

const english = 'eng_Latn'

/**
 * The code for texts of this model; undefined for models that are told no language, and without one. As with Immich, a
 * language without a code counts as English.
 */
export function languageFor(clip: Pick<Clip, 'tokenize'>, language: string | undefined): string | undefined {
  if (language === undefined || !knows(clip, english)) return undefined
  const code = codeOf(language)
  return knows(clip, code) ? code : english
}

function knows(clip: Pick<Clip, 'tokenize'>, code: string): boolean {
  try {
    clip.tokenize('', { language: code })
    return true
  } catch {
    return false
  }
}

/** 'zh-TW' and 'zh_Hant' are written in the traditional script. */
function codeOf(language: string): string {
  try {
    const { language: name, script } = new Intl.Locale(language.replaceAll('_', '-')).maximize()
    return codes.get(`${name}-${script}`) ?? codes.get(name) ?? english
  } catch {
    return english // not a tag of a language
  }
}
