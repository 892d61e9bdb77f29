"""What series descriptions of scanners say."""

from __future__ import annotations

import pytest
from kdnet.schema.series_names import guess_modality

FLUID_ATTENUATED = {
    "AX T1 FLAIR": "t1",
    "FLAIR T1": "t1",
    "t1_tirm_tra_dark-fluid": "t1",
    "AX T1 FLAIR POST": "t1ce",
    "AX T2 FLAIR": "flair",
    "sT2W_FLAIR": "flair",
    "AXT2FLAIR": "flair",
    "t2_spc_da-fl_sag": "flair",
    "t2_tirm_tra_dark-fluid": "flair",
    "T2 darkfluid": "flair",
    "3D FLAIR CUBE": "flair",
    "T2 FLAIR POST": "flair",
}
NO_AGENT = {
    "AX T1 PRE CONTRAST": "t1",
    "T1 without contrast": "t1",
    "T1 without IV contrast": "t1",
    "AX T1 W/O CONTRAST": "t1",
    "MPRAGE WO": "t1",
    "T1 non-contrast": "t1",
    "AX T1 NON-CON": "t1",
    "SAG T1 WO CON": "t1",
    "T1 contrast: none": "t1",
    "T1 contrast-free": "t1",
    "T1 unenhanced": "t1",
    "T1 sans gado": "t1",
    "T1 sans produit de contraste": "t1",
    "T1 non injecté": "t1",
    "T1 avant gado": "t1",
    "T1 ohne KM": "t1",
    "T1 vor KM": "t1",
    "t1_mprage_iso_nativ": "t1",
    "T1 senza mdc": "t1",
    "T1 sin contraste": "t1",
    "T1 S/C": "t1",
    "T1 zonder contrast": "t1",
    "T1 C-": "t1",
    "T1pre": "t1",
    "T1_MPRAGE_PRE_POSTPROC": "t1",
    "Post-processed T1": "t1",
    "AX T1 post-op": "t1",
    "T1 post surgery": "t1",
    "T1 post RT": "t1",
    "T1 C SPINE": "t1",
}
AGENT = {
    "AX T1 POST CONTRAST": "t1ce",
    "T1 W CONTRAST": "t1ce",
    "T1 W/CONTRAST": "t1ce",
    "t1_mprage_sag_KM": "t1ce",
    "t1_mprage_sag_p2_iso_km": "t1ce",
    "T1_FL3D_TRA_KM": "t1ce",
    "T1 nach KM": "t1ce",
    "MPRAGE post": "t1ce",
    "Ax 3D BRAVO POST": "t1ce",
    "3D BRAVO Gd": "t1ce",
    "AX FSPGR 3D +Gd": "t1ce",
    "T1 SE C+": "t1ce",
    "T1 +C": "t1ce",
    "T1 (+C)": "t1ce",
    "T1+": "t1ce",
    "t1_vibe_ce": "t1ce",
    "MPRAGE GADO": "t1ce",
    "T1 Gadovist": "t1ce",
    "T1 injecté": "t1ce",
    "T1 après injection": "t1ce",
    "T1 con mdc": "t1ce",
    "T1 C/GAD": "t1ce",
    "T1 pós": "t1ce",
    "T1 met contrast": "t1ce",
    "T1 po kontrascie": "t1ce",
    "T1 pre-op post contrast": "t1ce",
    "T1 without fs +C": "t1ce",
    "axt1post": "t1ce",
    "T1ce": "t1ce",
    "sub-01_ce-gadolinium_T1w": "t1ce",
}
DOUBT = {
    "T1 W WO": "",
    "T1 W/WO CONTRAST": "",
    "T1 with and without contrast": "",
    "T1 PRE AND POST": "",
    "T1 reg to T2": "",
    "PD T2": "",
    "": "",
}
NO_STRUCTURAL_IMAGE = {
    "AX T2* GRE": "",
    "AX T2 STAR": "",
    "T2S": "",
    "FFE T2": "",
    "t2_fl2d_tra_hemo": "",
    "ep2d_t2star_perf": "",
    "SWI T2*": "",
    "t2_swi3d_tra": "",
    "SWAN": "",
    "T1 map": "",
    "T2 mapping": "",
    "T2 relaxation": "",
    "T2 decay": "",
    "ADC": "",
    "eADC": "",
    "ep2d_diff_T2": "",
    "DWI T2": "",
    "DSC T2": "",
    "T1 SUB": "",
    "MIP T1": "",
    "localizer T1": "",
    "T1ce_seg": "",
}
WORDS_NOT_LETTERS = {
    "PT2034_scan": "",
    "T1037": "",
    "MT1_baseline": "",
    "Set2_scan": "",
    "test1": "",
    "visit2": "",
    "PT2034_flair": "flair",
    "P1_T2w": "t2",
    "P1-t1n": "t1",
    "sub-T1_FLAIR": "flair",
    "sub_001_T1": "t1",
    "BraTS20_Training_001_t2": "t2",
    "BraTS-GLI-00001-100-t1c": "t1ce",
}
PLAIN = {
    "AX T2 TSE": "t2",
    "T2 PROPELLER": "t2",
    "sT1W_3D_TFE": "t1",
    "IR-FSPGR": "t1",
    "t1_mprage_sag": "t1",
    "T1 CERVICAL": "t1",
    "3DT1": "t1",
}


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        item
        for group in (FLUID_ATTENUATED, NO_AGENT, AGENT, DOUBT, NO_STRUCTURAL_IMAGE, WORDS_NOT_LETTERS, PLAIN)
        for item in group.items()
    ],
)
def test_a_description_gives_the_modality_or_nothing(name: str, modality: str) -> None:
    assert guess_modality(name) == modality
