"""generated/ holds what the derivations make: the modules run alone and give the derivations' numbers."""

import importlib.util
import json
from pathlib import Path

import pytest

from symlip.build import theorems

ROOT = Path(__file__).parent.parent
NAMES = sorted(theorems(ROOT / "derivations"))


@pytest.mark.parametrize("name", NAMES)
def test_the_generated_module_is_the_derivations_own(name):
    place = ROOT / "generated" / name
    source = (place / f"{name}.py").read_text()
    derivation = theorems(ROOT / "derivations")[name].make()
    assert source == derivation.module()
    specification = importlib.util.spec_from_file_location(f"generated_{name}", place / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert callable(module.bounds)
    recorded = json.loads((place / f"{name}.json").read_text())
    assert recorded["verification"]["passed"] is True
    assert [symbol for symbol, _ in recorded["definitions"]] == [str(symbol) for symbol, _ in derivation.definitions]


def test_the_text_files_hold_no_dates_and_no_paths():
    for path in (ROOT / "generated").rglob("*"):
        if path.suffix in (".tex", ".py", ".json", ".md"):
            text = path.read_text()
            assert "/home" not in text and "/tmp" not in text and str(ROOT) not in text
            assert "\\today" not in text
