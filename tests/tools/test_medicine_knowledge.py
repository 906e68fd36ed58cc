"""The knowledge base: well-formed entries with sources, and dangerous prescriptions found in every language."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.errors import InvalidInput
from tools.medicine.codes import is_icd10
from tools.medicine.knowledge.cautions import Patient, allergen
from tools.medicine.knowledge.doses import DoseCheck, Prescription, check_dose
from tools.medicine.knowledge.entries import Drug, Warned
from tools.medicine.knowledge.index import Index, Passage, own
from tools.medicine.knowledge.interactions import interactions, rules_between
from tools.medicine.knowledge.library import Library, document_passages
from tools.medicine.knowledge.reading import find_condition, find_drug, find_drugs, load
from tools.medicine.knowledge.review import review_medications
from tools.medicine.lexicon import fold
from tools.medicine.term_base import LANGUAGES

KNOWN = load()
PUBLISHERS = re.compile(
    r"NICE|WHO|KDIGO|ESC|GOLD|GINA|ADA|EULAR|ACR|CDC|ATS|BTS|EASL|WSES|Surviving|NCCN|WFH|ASH|BSG|ERAS|ESMO|UKKA|JBDS"
    r"|Endocrine Society|Society for Endocrinology|European Porphyria|AHA|ESO|MGFA|AAN|EFNS|EGS|WAO|EAACI|ARIA|ESE|ATA"
    r"|NOGG|StatPearls|CPIC|European Insomnia|ESCMID|FDA"
)


def _drug(name: str) -> Drug:
    drug = find_drug(name)
    assert drug is not None, name
    return drug


def _found(warnings: Sequence[Warned], kind: str, *about: str) -> list[Warned]:
    return [each for each in warnings if each.kind == kind and set(about) <= set(each.about)]


def test_the_knowledge_base_holds_what_was_promised() -> None:
    assert len(KNOWN.drugs) >= 150
    assert sum(bool(each.summary) for each in KNOWN.conditions.values()) >= 100


@pytest.mark.parametrize("drug", KNOWN.drugs.values(), ids=lambda drug: drug.key)
def test_a_drug_is_complete(drug: Drug) -> None:
    assert all(getattr(drug.names, lang)[0] for lang in LANGUAGES)
    assert drug.sources
    assert drug.classes
    assert drug.uses
    assert drug.dose
    assert drug.pregnancy.split(":")[0] in {"", "contraindicated", "avoid", "caution", "compatible"}
    assert drug.hepatic.split(":")[0] in {"", "contraindicated", "avoid", "caution", "reduce"}
    assert all(find_condition(each) is not None for each in drug.contraindications), drug.contraindications
    assert len({rule.below for rule in drug.renal}) == len(drug.renal)


def test_every_condition_is_complete_and_has_a_code_of_who_icd_10() -> None:
    for condition in KNOWN.conditions.values():
        assert is_icd10(condition.icd10), (condition.key, condition.icd10)
        assert all(getattr(condition.names, lang)[0] for lang in LANGUAGES)
        assert set(condition.is_a) <= KNOWN.conditions.keys()
        if condition.summary:
            assert condition.red_flags
            assert condition.tests
            assert condition.treatments
            assert condition.sources
            assert all(PUBLISHERS.search(source.title) for source in condition.sources), condition.sources


def test_no_two_drugs_share_a_name_a_brand_or_both() -> None:
    seen: dict[str, str] = {}
    for drug in KNOWN.drugs.values():
        for name in {fold(each) for each in (*drug.names.all(), *drug.brands)}:
            assert seen.setdefault(name, drug.key) == drug.key, name
    assert len({drug.atc for drug in KNOWN.drugs.values()}) >= len(KNOWN.drugs) - 5


def test_interactions_and_allergies_name_drugs_and_classes_that_are_known() -> None:
    for rule in KNOWN.interactions:
        for side in (rule.a, rule.b):
            assert side in KNOWN.drugs or side in KNOWN.classes or side in KNOWN.outside, side
        assert rule.sources
        assert rule.effect
        assert rule.advice
    for allergy in KNOWN.allergies:
        assert allergy.to in KNOWN.classes
        assert allergy.avoid in KNOWN.classes
    pairs = [frozenset({rule.a, rule.b}) for rule in KNOWN.interactions]
    assert len(set(pairs)) == len(pairs), [pair for pair in pairs if pairs.count(pair) > 1]


@given(st.sampled_from(sorted(KNOWN.drugs)), st.sampled_from(sorted(KNOWN.drugs)))
def test_an_interaction_does_not_depend_on_the_order(one: str, other: str) -> None:
    a, b = KNOWN.drugs[one], KNOWN.drugs[other]
    assert rules_between(a, b) == rules_between(b, a)
    assert {each.text for each in interactions([a, b])} or not rules_between(a, b) or one == other


@pytest.mark.parametrize(
    ("drugs", "severity"),
    [
        (("华法林", "布洛芬"), "major"),
        (("warfarine", "ibuprofène"), "major"),
        (("Warfarin", "Ibuprofen"), "major"),
        (("warfarina", "ibuprofeno"), "major"),
        (("ワルファリン", "イブプロフェン"), "major"),
        (("西地那非", "硝酸甘油"), "contraindicated"),
        (("Viagra", "isosorbide mononitrate"), "contraindicated"),
        (("克拉霉素", "辛伐他汀"), "contraindicated"),
        (("itraconazole", "lovastatin"), "contraindicated"),
        (("lisinopril", "spironolactone"), "major"),
        (("Entresto", "enalapril"), "contraindicated"),
        (("linezolid", "sertraline"), "contraindicated"),
        (("methotrexate", "co-trimoxazole"), "contraindicated"),
        (("allopurinol", "azathioprine"), "contraindicated"),
        (("digoxin", "amiodarone"), "major"),
        (("lithium", "ibuprofen"), "major"),
        (("morphine", "diazepam"), "major"),
        (("clopidogrel", "omeprazole"), "major"),
        (("verapamil", "metoprolol"), "major"),
        (("valproate", "meropenem"), "contraindicated"),
        (("citalopram", "haloperidol"), "major"),
        (("tamoxifen", "paroxetine"), "major"),
        (("ciprofloxacin", "theophylline"), "major"),
        (("rivaroxaban", "rifampicin"), "major"),
        (("colchicine", "clarithromycin"), "major"),
        (("tramadol", "phenelzine"), "contraindicated"),
    ],
)
def test_a_dangerous_pair_is_found_in_any_language(drugs: tuple[str, str], severity: str) -> None:
    found = interactions([_drug(each) for each in drugs])
    assert found, drugs
    assert found[0].kind == "interaction"
    assert found[0].severity == severity
    assert found[0].sources


@pytest.mark.parametrize(
    "pair", [("amoxicillin", "paracetamol"), ("amlodipine", "atorvastatin"), ("metformin", "sitagliptin")]
)
def test_a_usual_pair_raises_nothing_grave(pair: tuple[str, str]) -> None:
    assert all(each.severity == "moderate" for each in interactions([_drug(each) for each in pair]))


@pytest.mark.parametrize(
    ("dose", "weight", "verdict"),
    [
        (Prescription(drug="paracetamol", amount=1.5, unit="g", times_per_day=4), None, "over"),
        (Prescription(drug="对乙酰氨基酚", amount=500, unit="mg", times_per_day=4), None, "within"),
        (Prescription(drug="甲氨蝶呤", amount=10, route="口服", times_per_day=1), None, "over"),
        (Prescription(drug="methotrexate", amount=2.5, times_per_day=1), None, "over"),
        (Prescription(drug="methotrexate", amount=15, route="oral", times_per_day=1 / 7), None, "within"),
        (Prescription(drug="Ozempic", amount=1, route="subcutaneous", times_per_day=1), None, "over"),
        (Prescription(drug="digoxin", amount=2.5, route="oral", times_per_day=1), None, "over"),
        (Prescription(drug="digoxin", amount=250, unit="ug", route="oral", times_per_day=1), None, "within"),
        (Prescription(drug="levothyroxine", amount=100, unit="mg", route="oral", times_per_day=1), None, "over"),
        (Prescription(drug="amphotericin B", amount=5, unit="mg/kg", route="iv", times_per_day=1), 60, "over"),
        (Prescription(drug="gentamicin", amount=5, unit="mg/kg", route="iv", times_per_day=1), None, "unknown"),
        (Prescription(drug="warfarin", amount=5, route="oral", times_per_day=1), None, "unknown"),
        (Prescription(drug="amlodipine", amount=5, route="oral"), None, "unknown"),
    ],
)
def test_a_dose_is_compared_with_the_largest(dose: Prescription, weight: float | None, verdict: str) -> None:
    check = check_dose(_drug(dose.drug), dose, weight)
    assert check.verdict == verdict, check
    assert check.reason or verdict != "unknown"


def test_a_unit_that_is_no_mass_is_refused() -> None:
    with pytest.raises(InvalidInput):
        check_dose(_drug("aspirin"), Prescription(drug="aspirin", amount=1, unit="furlong"))


@given(st.floats(0.01, 1e5), st.floats(0.05, 8))
def test_more_of_a_drug_is_never_safer(amount: float, times: float) -> None:
    def verdict(factor: float) -> DoseCheck:
        dose = Prescription(drug="paracetamol", amount=amount * factor, times_per_day=times)
        return check_dose(_drug("paracetamol"), dose)

    assert not (verdict(1).verdict == "over" and verdict(2).verdict == "within")


@pytest.mark.parametrize(
    ("drug", "patient", "kind", "severity"),
    [
        ("二甲双胍", Patient(egfr=20), "renal", "contraindicated"),
        ("metformin", Patient(egfr=40), "renal", "major"),
        ("isotretinoin", Patient(pregnant=True), "pregnancy", "contraindicated"),
        ("lisinopril", Patient(conditions=("Schwangerschaft",)), "pregnancy", "contraindicated"),
        ("丙戊酸钠", Patient(pregnant=True), "pregnancy", "contraindicated"),
        ("amoxicillin", Patient(allergies=("青霉素",)), "allergy", "contraindicated"),
        ("阿莫西林", Patient(allergies=("penicilina",)), "allergy", "contraindicated"),
        ("piperacillin/tazobactam", Patient(allergies=("penicillin (rash)",)), "allergy", "contraindicated"),
        ("ceftriaxone", Patient(allergies=("penicillin",)), "allergy", "moderate"),
        ("co-trimoxazole", Patient(allergies=("磺胺类",)), "allergy", "contraindicated"),
        ("ibuprofen", Patient(allergies=("aspirin",)), "allergy", "contraindicated"),
        ("propranolol", Patient(conditions=("哮喘",)), "contraindication", "contraindicated"),
        ("ibuprofen", Patient(conditions=("úlcera péptica",)), "contraindication", "contraindicated"),
        ("verapamil", Patient(conditions=("I50.1",)), "contraindication", "contraindicated"),
        ("diclofenac", Patient(conditions=("急性心肌梗死",)), "contraindication", "contraindicated"),
        ("metoclopramide", Patient(conditions=("maladie de Parkinson",)), "contraindication", "contraindicated"),
        ("verapamil", Patient(conditions=("heart failure",)), "contraindication", "moderate"),
        ("diazepam", Patient(age=82), "elderly", "major"),
    ],
)
def test_a_patient_who_must_not_have_a_drug_is_found(drug: str, patient: Patient, kind: str, severity: str) -> None:
    review = review_medications([Prescription(drug=drug)], patient)
    assert any(each.severity == severity for each in _found(review.warnings, kind)), review.warnings
    assert review.unread.drugs == ()


def test_a_review_says_what_it_does_not_know() -> None:
    patient = Patient(conditions=("floccinaucinihilipilification",), allergies=("moonlight",))
    review = review_medications(
        [Prescription(drug="xyzumab"), Prescription(drug="aspirin", amount=1, unit="spoon", times_per_day=1)], patient
    )
    assert review.unread.drugs == ("xyzumab",)
    assert review.unread.conditions == patient.conditions
    assert review.unread.allergies == ("moonlight",)
    assert review.doses[0].verdict == "unknown"
    assert "spoon" in review.doses[0].reason


def test_the_same_drug_under_two_names_is_a_duplicate() -> None:
    review = review_medications([Prescription(drug="Tylenol"), Prescription(drug="扑热息痛")], Patient())
    assert _found(review.warnings, "duplicate", "paracetamol")


def test_a_name_is_found_with_its_salt_and_form_and_never_inside_another_word() -> None:
    assert _drug("阿司匹林肠溶片 100mg").key == "aspirin"
    assert _drug("Metformin hydrochloride 500 mg tablets").key == "metformin"
    assert find_drug("aspirinoid") is None
    assert [each.key for each in find_drugs("华法林 3mg qd，阿莫西林克拉维酸 1g bid")] == [
        "warfarin",
        "amoxicillin_clavulanate",
    ]


def test_an_allergy_names_a_drug_or_its_class() -> None:
    assert "penicillin" in allergen("Amoxicillin")
    assert allergen("头孢类药物") == {"cephalosporin"}
    assert allergen("sunlight") == frozenset()


@pytest.fixture(scope="module")
def index() -> Index:
    return own()


@pytest.mark.parametrize(
    ("query", "entry"),
    [
        ("华法林", "drug/warfarin"),
        ("心衰 治疗", "condition/heart_failure"),
        ("肺炎", "condition/pneumonia"),
        ("metformin kidney", "drug/metformin"),
        ("dosis máxima de paracetamol", "drug/paracetamol"),
        ("enfermedad de Parkinson", "condition/parkinson_disease"),
        ("acide acétylsalicylique", "drug/aspirin"),
        ("maladie de Crohn", "condition/crohn_disease"),
        ("Blinddarm Appendizitis", "condition/appendicitis"),
        ("Vorhofflimmern", "condition/atrial_fibrillation"),
        ("ワルファリン", "drug/warfarin"),
        ("関節リウマチ", "condition/rheumatoid_arthritis"),
        ("C09AA03", "drug/lisinopril"),
        ("nitrate PDE5 inhibitor", "interaction/nitrate + PDE5 inhibitor"),
    ],
)
def test_the_index_is_searched_in_six_languages(index: Index, query: str, entry: str) -> None:
    hits = index.search(query, 5)
    assert entry in [hit.entry for hit in hits]
    assert all(hit.sources for hit in hits)


@given(st.text(max_size=200))
def test_no_query_breaks_the_index(index: Index, query: str) -> None:
    assert len(index.search(query, 3)) <= 3


def test_a_tenants_documents_are_found_by_that_tenant_only(tmp_path: object) -> None:
    from pathlib import Path

    library = Library(Path(str(tmp_path)) / "knowledge")
    with library.documents("one") as documents:
        documents.add(document_passages("protocol.md", ["院内抗凝方案：INR目标2.0至3.0。", "x" * 4000]))
    assert [hit.entry for hit in library.search("one", "院内抗凝方案", 3)][:1] == ["document/protocol.md#0"]
    assert all(hit.kind != "document" for hit in library.search("two", "院内抗凝方案", 10))
    with library.documents("one") as documents:
        assert documents.remove("document/protocol.md#") == 4
        assert documents.entries() == []


def test_a_removed_prefix_takes_only_its_own_passages() -> None:
    with Index() as index:
        index.add(
            Passage(entry=name, kind="document", title=name, text="words", sources=()) for name in ("a_b#0", "axb#0")
        )
        assert index.remove("a_b#") == 1
        assert index.entries() == ["axb#0"]
