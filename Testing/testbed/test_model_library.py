"""The model files that ship with the extension and those that are imported."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from kdnet.errors import ModelFileError
from kdnet.schema.former_names import MODEL_FILES
from KDNetLib.ModelLibrary import ModelLibrary


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path / "models")


@pytest.mark.parametrize("former", MODEL_FILES)
def test_a_former_file_name_finds_the_shipped_model(library: ModelLibrary, former: str) -> None:
    for name in (former, former.removesuffix(".safetensors")):
        found = library.find(name)
        assert found.bundled
        assert found.path.name == MODEL_FILES[former] == former.replace("tumour", "tumor")


def test_an_imported_model_never_gets_a_former_name_of_a_shipped_one(library: ModelLibrary) -> None:
    assert library.target("Brain tumour T1ce.safetensors").name == "Brain tumour T1ce 2.safetensors"
    assert library.target("Brain tumor T1ce").name == "Brain tumor T1ce 2.safetensors"
    assert library.target("Tumour study.safetensors").name == "Tumour study.safetensors"


def test_shipped_cards_are_in_american_spelling(library: ModelLibrary) -> None:
    shown = [(model.name, model.limits, model.intendedUse) for model in library.models() if model.bundled]
    assert shown
    assert not any(word in text for texts in shown for text in texts for word in ("tumour", "oedema"))


def test_an_unknown_name_is_reported(library: ModelLibrary) -> None:
    with pytest.raises(ModelFileError, match='no model "Brain tumour"'):
        library.find("Brain tumour")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_killed_while_copying_leaves_the_former_model(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a file never is a model, nor does it take the place of one."""
    shipped = library.find("Phantom demo.safetensors").path
    known = library.add(shipped, "Mine.safetensors").path.read_bytes()

    def die_halfway(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:1000])
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(shutil, "copyfile", die_halfway)
        monkeypatch.setattr(library, "target", lambda _name: library.folder / "Mine.safetensors")
        library.add(shipped)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert [model.path.name for model in library.models() if not model.bundled] == ["Mine.safetensors"]
    assert (library.folder / "Mine.safetensors").read_bytes() == known
