"""Verification of medical translations: what must alarm, what must not, and what holds for any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.medicine.alarms import Alarm
from tools.medicine.verification import verify
from workflows.medical_translation.evaluation import OWN, load

_FRAGMENTS = [
    "无发热，",
    "左肺8mm结节。",
    "否认高血压。",
    "阿司匹林100mg每日一次。",
    "no fever, ",
    "left knee pain. ",
    "denies chest pain. ",
    "38.5 °C ",
    "500 mg twice daily. ",
    "12 May 2023 ",
    "1,500 ",
    "0,5 ",
    "½ ",
    "links ",
    "sin dolor ",
    "²",
    "ß",
    "İ",
    "ﬁ",
    "10^9/L ",
    "\n",
]


def _kinds(alarms: list[Alarm]) -> set[str]:
    return {alarm.kind for alarm in alarms if alarm.severity == "critical"}


@pytest.mark.parametrize(
    ("source", "lang", "target", "target_lang", "kind"),
    [
        ("给予阿莫西林0.5g口服。", "zh", "Amoxicillin 5 g was given orally.", "en", "dose"),
        ("Give 5 mg of morphine.", "en", "Donner 5 g de morphine.", "fr", "unit"),
        ("每日三次，共7天。", "zh", "Twice a day for 7 days.", "en", "frequency"),
        ("He has no fever.", "en", "Il a de la fièvre.", "fr", "negation"),
        ("未见转移。", "zh", "Metastasis was seen.", "en", "negation"),
        ("Left knee pain.", "en", "Dolor en la rodilla derecha.", "es", "laterality"),
        ("左肺结节。", "zh", "A nodule in the right lung.", "en", "laterality"),
        ("Take hydralazine 25 mg.", "en", "Nehmen Sie Hydroxyzin 25 mg.", "de", "drug"),
        ("对青霉素过敏。", "zh", "Allergic to vancomycin.", "en", "allergy"),
        ("Allergic to peanuts.", "en", "Allergisch gegen Latex.", "de", "allergy"),
        ("2023年5月12日入院。", "zh", "Admitted on May 21, 2023.", "en", "date"),
        ("Afebrile.", "en", "患者有发热。", "zh", "negation"),
        ("未予静脉溶栓，因家属拒绝。", "zh", "The family declined; thrombolysis was given.", "en", "negation"),
        ("无糖尿病或高血压，无外伤史。", "zh", "No diabetes or hypertension, and trauma.", "en", "negation"),
        ("The mass was absent.", "en", "可见肿块。", "zh", "negation"),
        ("左房扩大，右室壁变薄。", "zh", "The right atrium was dilated, the right ventricle thin.", "en", "laterality"),
        (
            "言语欠清，右侧鼻唇沟变浅，右上肢肌力3级，右下肢肌力4级，右侧巴氏征阳性。",
            "zh",
            "Strength was 3/5 in the right arm and 4/5 in the right leg; the Babinski sign was positive.",
            "en",
            "missing",
        ),
        ("On the third postoperative day.", "en", "术后第3周。", "zh", "number"),
        ("体温38.5℃。", "zh", "Temperature 38.5 °F.", "en", "temperature"),
        ("发热3天。血压120/80mmHg。", "zh", "Fever for 3 days.", "en", "missing"),
        ("发热3天，咳嗽。", "zh", "", "en", "missing"),
        (
            "The patient has had a fever for three days.",
            "en",
            "The patient has had a fever for three days.",
            "zh",
            "language",
        ),
    ],
)
def test_an_error_raises_a_critical_alarm_of_its_kind(
    source: str, lang: str, target: str, target_lang: str, kind: str
) -> None:
    assert kind in _kinds(verify(source, lang, target, target_lang))


@pytest.mark.parametrize(
    ("source", "lang", "target", "target_lang"),
    [
        (
            "给予阿莫西林0.5g口服，每日三次，共7天。",
            "zh",
            "Amoxicillin 500 mg was given orally tid for one week.",
            "en",
        ),
        ("体温38.5℃。", "zh", "Temperature 101.3 °F.", "en"),
        ("血小板12万/μL。", "zh", "Platelets 120 × 10^9/L.", "en"),
        ("空腹血糖7.8mmol/L。", "zh", "Fasting glucose 140 mg/dL.", "en"),
        ("每次半片。", "zh", "Half a tablet each time.", "en"),
        ("患糖尿病10余年。", "zh", "Diabetic for over a decade.", "en"),
        ("Every 8 hours.", "en", "Toutes les 8 heures.", "fr"),
        ("1,500 mg a day", "en", "1.500 mg täglich", "de"),
        ("50岁左右。", "zh", "About 50 years old.", "en"),
        ("无发热，无咳嗽。", "zh", "No fever or cough.", "en"),
        ("On 3 March 2021 at 2:30 pm.", "en", "Am 3.3.2021 um 14:30 Uhr.", "de"),
        ("Visual acuity OD 0.6, OS 1.0.", "en", "视力：右眼0.6，左眼1.0。", "zh"),
        ("It began 90 minutes earlier.", "en", "Cela a débuté une heure et demie plus tôt.", "fr"),
        ("Infused over 15 minutes.", "en", "Über eine Viertelstunde infundiert.", "de"),
        ("It recurred after six months.", "en", "Es trat nach einem halben Jahr wieder auf.", "de"),
        ("The 25-year-old woman.", "en", "Die fünfundzwanzigjährige Frau.", "de"),
        ("She recovered in 18 months.", "en", "Se recuperó en un año y medio.", "es"),
        ("500 mg three times daily.", "en", "3x500 mg/d.", "de"),
        ("中性粒细胞0.86。", "zh", "Neutrophils 86%.", "en"),
        ("尿蛋白（+++）。", "zh", "Proteinuria 3+.", "en"),
        ("淋巴结未见转移（0/12）。", "zh", "None of the 12 lymph nodes contained metastasis.", "en"),
        ("快速尿素酶试验阳性。", "zh", "The rapid urease test was positive.", "en"),
        ("既往体健。", "zh", "No significant past medical history.", "en"),
        ("It was methicillin-sensitive.", "en", "Il était sensible à la méticilline.", "fr"),
    ],
)
def test_a_correct_free_translation_raises_no_alarm(source: str, lang: str, target: str, target_lang: str) -> None:
    assert verify(source, lang, target, target_lang) == []


def test_an_untranslated_rest_is_named() -> None:
    (alarm,) = [a for a in verify("无发热，伴乏力。", "zh", "No fever, with 乏力.", "en") if a.kind == "untranslated"]
    assert alarm.target is not None
    assert alarm.target.text == "乏力"


def test_an_added_sentence_is_named() -> None:
    alarms = verify("发热3天。", "zh", "Fever for 3 days. The liver was enlarged and there was ascites.", "en")
    assert any(a.kind == "added" and a.target and "liver" in a.target.text for a in alarms)


@given(
    st.lists(st.sampled_from(_FRAGMENTS), max_size=8).map("".join),
    st.sampled_from(["zh", "en", "fr", "es", "de", "ja", "sw"]),
)
@settings(max_examples=60, deadline=None)
def test_a_text_verified_against_itself_never_alarms(text: str, lang: str) -> None:
    assert [a for a in verify(text, lang, text, lang) if a.kind not in {"missing", "added"}] == []


@given(
    st.lists(st.sampled_from(_FRAGMENTS), max_size=6).map("".join),
    st.lists(st.sampled_from(_FRAGMENTS), max_size=6).map("".join) | st.text(max_size=40),
)
@settings(max_examples=80, deadline=None)
def test_spans_are_literal(source: str, target: str) -> None:
    for alarm in verify(source, "zh", target, "en"):
        assert alarm.source is None or source[alarm.source.start : alarm.source.end] == alarm.source.text
        assert alarm.target is None or target[alarm.target.start : alarm.target.end] == alarm.target.text


def test_the_project_has_three_hundred_pairs_in_five_directions() -> None:
    pairs = load(OWN)
    assert len(pairs) >= 300
    assert {(p.source_lang, p.target_lang) for p in pairs} == {
        ("zh", "en"),
        ("en", "zh"),
        ("en", "fr"),
        ("en", "es"),
        ("en", "de"),
    }
