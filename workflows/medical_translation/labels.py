"""The words of the report that are not the record's, in the languages in which it can be read."""

from typing import Final

_LANGUAGES: Final = ("en", "zh", "fr", "es", "de")

_WORDS: Final[dict[str, tuple[str, str, str, str, str]]] = {
    "title": (
        "Medical translation", "医学翻译", "Traduction médicale", "Traducción médica", "Medizinische Übersetzung",
    ),
    "needs_translator": (
        "Needs a translator", "需要译者完成", "Un traducteur est nécessaire", "Necesita un traductor",
        "Braucht eine Übersetzerin",
    ),
    "needs_translator_note": (
        "Part of the record is still in its own language; each such passage is marked. Not for use in care until a "
        "translator has completed it.",
        "部分内容仍为原文，均已标出。译者完成之前不得用于诊疗。",
        "Une partie du dossier est encore dans sa langue ; chaque passage est marqué. À ne pas utiliser pour les soins "
        "avant qu'un traducteur l'ait complétée.",
        "Parte de la historia sigue en su idioma; cada pasaje está marcado. No debe usarse en la asistencia hasta que "
        "un traductor la complete.",
        "Ein Teil der Akte steht noch in ihrer Sprache; jede Stelle ist markiert. Nicht für die Behandlung, bevor sie "
        "übersetzt ist.",
    ),
    "draft": (
        "Draft, not signed off", "草稿，未经签核", "Brouillon, non validé", "Borrador, sin validar",
        "Entwurf, nicht freigegeben",
    ),
    "draft_note": (
        "A clinician has not decided yet. Names and numbers of people are placeholders.",
        "尚待医师决定。个人身份信息以占位符表示。",
        "Un clinicien ne s'est pas encore prononcé. Les personnes sont remplacées par des repères.",
        "Un clínico aún no ha decidido. Las personas aparecen como marcadores.",
        "Noch keine ärztliche Entscheidung. Personen sind durch Platzhalter ersetzt.",
    ),
    "released": ("Released", "已放行", "Validée", "Validada", "Freigegeben"),
    "released_note": (
        "Complete, verified by rule, and decided on as shown below.", "译文完整，已按规则核对，决定见下。",
        "Complète, vérifiée par règles ; décision ci-dessous.", "Completa, verificada por reglas; decisión abajo.",
        "Vollständig, nach Regeln geprüft; Entscheidung siehe unten.",
    ),
    "rejected": ("Rejected", "已拒绝", "Rejetée", "Rechazada", "Abgelehnt"),
    "rejected_note": (
        "A clinician rejected this translation. Do not use it.", "医师已拒绝该译文，请勿使用。",
        "Un clinicien a rejeté cette traduction. Ne pas l'utiliser.", "Un clínico rechazó esta traducción. No la use.",
        "Diese Übersetzung wurde ärztlich abgelehnt. Nicht verwenden.",
    ),
    "check_first": ("To check first", "首先核对", "À vérifier d'abord", "Comprobar primero", "Zuerst prüfen"),
    "none": (
        "The rules raised no alarm.", "规则未发出警报。", "Les règles n'ont levé aucune alerte.",
        "Las reglas no han dado ninguna alerta.", "Die Regeln haben nichts gemeldet.",
    ),
    "critical": ("Critical", "危急", "Critique", "Crítica", "Kritisch"),
    "major": ("Major", "重要", "Majeure", "Importante", "Wichtig"),
    "minor": ("Minor", "轻微", "Mineure", "Leve", "Gering"),
    "source": ("Original", "原文", "Original", "Original", "Original"),
    "translation": ("Translation", "译文", "Traduction", "Traducción", "Übersetzung"),
    "untranslated": ("Not translated", "未翻译", "Non traduit", "Sin traducir", "Nicht übersetzt"),
    "untranslated_note": (
        "These passages stand in the source language in every file.", "下列内容在各文件中均为原文。",
        "Ces passages restent dans la langue source dans tous les fichiers.",
        "Estos pasajes siguen en el idioma original en todos los archivos.",
        "Diese Stellen stehen in allen Dateien in der Ausgangssprache.",
    ),
    "advice_untranslated": (
        "Advice that is there in English only", "仅有英文的建议", "Conseils disponibles en anglais seulement",
        "Recomendaciones solo en inglés", "Hinweise nur auf Englisch",
    ),
    "nothing_to_translate": (
        "nothing to translate", "无需翻译", "rien à traduire", "nada que traducir", "nichts zu übersetzen",
    ),
    "record": ("Record", "病历", "Dossier", "Historia clínica", "Akte"),
    "coverage": ("Translated", "已翻译", "Traduit", "Traducido", "Übersetzt"),
    "advice": ("Advice", "建议", "Conseils", "Recomendaciones", "Hinweise"),
    "advice_note": (
        "From the knowledge base, for the record's own medications and conditions.",
        "依据知识库，针对病历所载药物与疾病。",
        "D'après la base de connaissances, pour les traitements et affections du dossier.",
        "Según la base de conocimientos, para los fármacos y enfermedades de la historia.",
        "Aus der Wissensbasis, zu Medikamenten und Krankheiten der Akte.",
    ),
    "no_citation": ("no source", "无出处", "sans source", "sin fuente", "ohne Quelle"),
    "cites": ("Source", "出处", "Source", "Fuente", "Quelle"),
    "key_data": ("Key data", "关键信息", "Données clés", "Datos clave", "Kerndaten"),
    "problems": ("Problems", "问题", "Problèmes", "Problemas", "Probleme"),
    "medications": ("Medications", "用药", "Traitements", "Medicación", "Medikamente"),
    "allergies": ("Allergies", "过敏", "Allergies", "Alergias", "Allergien"),
    "vital_signs": ("Vital signs", "生命体征", "Constantes", "Constantes vitales", "Vitalzeichen"),
    "laboratory": ("Laboratory", "检验", "Biologie", "Laboratorio", "Labor"),
    "procedures": ("Procedures", "操作与手术", "Actes", "Procedimientos", "Eingriffe"),
    "family_history": (
        "Family history", "家族史", "Antécédents familiaux", "Antecedentes familiares", "Familienanamnese",
    ),
    "social_history": ("Social history", "个人史", "Mode de vie", "Hábitos", "Sozialanamnese"),
    "negated": ("denied", "否认", "absent", "negado", "verneint"),
    "suspected": ("suspected", "疑似", "suspecté", "sospecha", "Verdacht"),
    "historical": ("history", "既往", "antécédent", "antecedente", "früher"),
    "other": ("someone else's", "他人", "d'un proche", "de otra persona", "nicht die Person selbst"),
    "stopped": ("stopped", "已停用", "arrêté", "suspendido", "abgesetzt"),
    "cautions": (
        "About the record itself", "关于病历本身", "À propos du dossier", "Sobre la propia historia", "Zur Akte selbst",
    ),
    "side_by_side": ("Side by side", "对照", "Face à face", "En paralelo", "Seite an Seite"),
    "decisions": ("Decisions", "决定", "Décisions", "Decisiones", "Entscheidungen"),
    "accepted": ("alarms accepted", "已接受的警报", "alertes acceptées", "alertas aceptadas", "Meldungen akzeptiert"),
    "edited": ("segments edited", "已修改的段落", "segments modifiés", "segmentos modificados", "Segmente geändert"),
    "approve": ("Approved", "批准", "Approuvé", "Aprobado", "Genehmigt"),
    "edit": ("Edited", "修改", "Modifié", "Modificado", "Geändert"),
    "reject": ("Rejected", "拒绝", "Rejeté", "Rechazado", "Abgelehnt"),
    "opinions": ("Second opinion", "第二意见", "Second avis", "Segunda opinión", "Zweite Meinung"),
    "made_by": ("Translated by", "翻译", "Traduit par", "Traducido por", "Übersetzt von"),
    "embedded": (
        "term base and phrase templates, no model", "术语库与句式模板，未使用模型",
        "base terminologique et gabarits, sans modèle", "base terminológica y plantillas, sin modelo",
        "Termbank und Satzmuster, kein Modell",
    ),
    "generated": ("Made", "生成", "Établi", "Elaborado", "Erstellt"),
    "file": ("File", "文件", "Fichier", "Archivo", "Datei"),
    "page": ("page", "页", "page", "página", "Seite"),
    "segment": ("Segment", "段落", "Segment", "Segmento", "Segment"),
    "segments": ("segments", "段", "segments", "segmentos", "Segmente"),
    "alarms": ("Alarms", "警报", "Alertes", "Alertas", "Meldungen"),
    "nothing_there": ("nothing", "无", "rien", "nada", "nichts"),
    "clinician": (
        "edited by a clinician", "医师修改", "modifié par un clinicien", "modificado por un clínico",
        "ärztlich geändert",
    ),
    "interaction": ("Interaction", "相互作用", "Interaction", "Interacción", "Wechselwirkung"),
    "duplicate": ("Duplicate", "重复用药", "Doublon", "Duplicidad", "Doppelverordnung"),
    "contraindication": (
        "Contraindication", "禁忌证", "Contre-indication", "Contraindicación", "Gegenanzeige",
    ),
    "pregnancy": ("Pregnancy", "妊娠", "Grossesse", "Embarazo", "Schwangerschaft"),
    "renal": ("Kidney function", "肾功能", "Fonction rénale", "Función renal", "Nierenfunktion"),
    "elderly": ("Age", "老年用药", "Âge", "Edad", "Alter"),
    "condition": ("Watch for", "注意", "À surveiller", "Vigilar", "Zu beachten"),
    "number": ("Number", "数值", "Nombre", "Número", "Zahl"),
    "unit": ("Unit", "单位", "Unité", "Unidad", "Einheit"),
    "dose": ("Dose", "剂量", "Dose", "Dosis", "Dosis"),
    "frequency": ("Frequency", "频次", "Fréquence", "Frecuencia", "Häufigkeit"),
    "negation": ("Negation", "否定", "Négation", "Negación", "Verneinung"),
    "laterality": ("Side", "左右侧", "Côté", "Lado", "Seite"),
    "drug": ("Drug", "药物", "Médicament", "Fármaco", "Arzneimittel"),
    "allergy": ("Allergy", "过敏", "Allergie", "Alergia", "Allergie"),
    "date": ("Date", "日期", "Date", "Fecha", "Datum"),
    "temperature": ("Temperature", "体温", "Température", "Temperatura", "Temperatur"),
    "missing": ("Missing", "遗漏", "Omission", "Omisión", "Auslassung"),
    "added": ("Added", "增添", "Ajout", "Añadido", "Zusatz"),
    "term": ("Term", "术语", "Terme", "Término", "Begriff"),
    "language": ("Language", "语言", "Langue", "Idioma", "Sprache"),
}  # fmt: skip

_JAPANESE: Final[dict[str, str]] = {
    "title": "医療翻訳",
    "needs_translator": "翻訳者が必要",
    "needs_translator_note": "一部は原文のままで、それぞれに印がある。翻訳者が完成させるまで診療に用いないこと。",
    "draft": "下書き（未承認）",
    "draft_note": "医師はまだ判断していない。個人の情報は仮の印で示す。",
    "released": "公開済み",
    "released_note": "完訳、規則により照合済み。判断は以下のとおり。",
    "rejected": "却下",
    "rejected_note": "医師がこの翻訳を却下した。使用しないこと。",
    "check_first": "最初に確認すること",
    "none": "規則による警告はない。",
    "critical": "重大",
    "major": "重要",
    "minor": "軽微",
    "source": "原文",
    "translation": "訳文",
    "untranslated": "未翻訳",
    "untranslated_note": "以下の部分はどのファイルでも原文のまま。",
    "advice_untranslated": "英語のみの助言",
    "nothing_to_translate": "翻訳不要",
    "record": "診療記録",
    "coverage": "翻訳済み",
    "advice": "助言",
    "advice_note": "記録にある薬剤と疾患について、知識ベースによる。",
    "no_citation": "出典なし",
    "cites": "出典",
    "key_data": "主要データ",
    "problems": "問題",
    "medications": "薬剤",
    "allergies": "アレルギー",
    "vital_signs": "バイタルサイン",
    "laboratory": "検査",
    "procedures": "処置",
    "family_history": "家族歴",
    "social_history": "生活歴",
    "negated": "否定",
    "suspected": "疑い",
    "historical": "既往",
    "other": "本人以外",
    "stopped": "中止",
    "cautions": "記録そのものについて",
    "side_by_side": "対訳",
    "decisions": "判断",
    "accepted": "承認した警告",
    "edited": "修正した箇所",
    "approve": "承認",
    "edit": "修正",
    "reject": "却下",
    "opinions": "第二の意見",
    "made_by": "翻訳",
    "embedded": "用語集と定型文、モデルなし",
    "generated": "作成",
    "file": "ファイル",
    "page": "ページ",
    "segment": "区分",
    "segments": "区分",
    "alarms": "警告",
    "nothing_there": "なし",
    "clinician": "医師による修正",
    "interaction": "相互作用",
    "duplicate": "重複処方",
    "contraindication": "禁忌",
    "pregnancy": "妊娠",
    "renal": "腎機能",
    "elderly": "高齢",
    "condition": "注意",
    "number": "数値",
    "unit": "単位",
    "dose": "用量",
    "frequency": "回数",
    "negation": "否定",
    "laterality": "左右",
    "drug": "薬剤",
    "allergy": "アレルギー",
    "date": "日付",
    "temperature": "体温",
    "missing": "欠落",
    "added": "追加",
    "term": "用語",
    "language": "言語",
}

LABELS: Final[dict[str, dict[str, str]]] = {
    lang: {name: words[index] for name, words in _WORDS.items()} for index, lang in enumerate(_LANGUAGES)
}
LABELS["ja"] = _JAPANESE

NAMES: Final = {
    "ar": "العربية", "bn": "বাংলা", "cs": "Čeština", "da": "Dansk", "de": "Deutsch", "el": "Ελληνικά", "en": "English",
    "es": "Español", "fa": "فارسی", "fi": "Suomi", "fr": "Français", "he": "עברית", "hi": "हिन्दी", "hu": "Magyar",
    "id": "Bahasa Indonesia", "it": "Italiano", "ja": "日本語", "ko": "한국어", "ms": "Bahasa Melayu",
    "nl": "Nederlands",
    "pl": "Polski", "pt": "Português", "ro": "Română", "ru": "Русский", "sv": "Svenska", "sw": "Kiswahili",
    "ta": "தமிழ்", "th": "ไทย", "tr": "Türkçe", "uk": "Українська", "ur": "اردو", "vi": "Tiếng Việt", "yue": "粵語",
    "zh": "中文", "zh-Hans": "简体中文", "zh-Hant": "繁體中文",
}  # fmt: skip
"""What speakers call their language (Unicode CLDR); others are shown by their code."""


def labels(targets: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The language of the report's own words, and the words: the first target that has them, else English."""
    known = next((each.split("-")[0] for each in targets if each.split("-")[0] in LABELS), "en")
    return known, LABELS[known]


def title(original: str | None, sha256: str, words: dict[str, str]) -> str:
    """What a file is headed by: the record's name, or, in a draft, where that could name the patient, a short mark."""
    return original or f"{words['record']} {sha256[:8]}"


def language_name(tag: str) -> str:
    """What a language is called by those who speak it."""
    return NAMES.get(tag) or NAMES.get(tag.split("-")[0]) or tag
