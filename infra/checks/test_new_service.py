"""`make new-service` refuses what is no name or somebody's, in one line, and leaves nothing half made."""

import importlib.util
import shutil
import tomllib

import pytest

from project_file import ROOT

EDITED = ("Cargo.toml", "Cargo.lock", "project.toml", "infra/samconfig.toml", "infra/checks/checkov.yaml", "tests/tests/crates_know_what_they_may.rs",
          "tests/tests/tests_keep_to_themselves.rs")  # fmt: skip


@pytest.fixture(scope="module")
def new_service():
    spec = importlib.util.spec_from_file_location("new_service", ROOT / "infra/new_service/__main__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path):
    for path in EDITED:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "docs").mkdir()
    return tmp_path


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("name", "why"), [
    ("", "is not"), ("Offers", "is not"), ("1st", "is not"), ("of fers", "is not"), ("../offers", "is not"), ("offers_api", "is not"),
    ("a" * 31, "at most"), ("offers-", "at most"), ("seat--maps", "at most"), ("mileage-shop", "at most"),
    ("docs", "is there already"), ("portal", "is used already"), ("source-account", "at most"), ("assets", "is used already"), ("http", "a crate of that name"),
])  # fmt: skip
def test_a_name_that_cannot_be_is_refused_in_one_line(new_service, checkout, name, why):
    with pytest.raises(new_service.Refused, match=why) as refused:
        new_service.refuse(name, checkout)
    assert "\n" not in str(refused.value) and f"NAME={name}" in str(refused.value)


def test_a_name_is_taken_once(new_service, checkout, monkeypatch):
    monkeypatch.setattr(new_service, "lock", lambda root: None)
    new_service.refuse("seat-maps", checkout)
    new_service.make("seat-maps", checkout)
    with pytest.raises(new_service.Refused, match="seat-maps is there already"):
        new_service.refuse("seat-maps", checkout)
    project = tomllib.loads((checkout / "project.toml").read_text())
    assert project["functions"]["seat-maps-api"]["resource"] == "SeatMapsApi" and project["stacks"]["seat-maps"]["service"]
    assert (checkout / project["functions"]["seat-maps-api"]["main"]).exists() and (checkout / project["templates"]["seat-maps"]).exists()
    assert "seat-maps" in tomllib.loads((checkout / "Cargo.toml").read_text())["workspace"]["members"]
    sections = tomllib.loads((checkout / "infra/samconfig.toml").read_text())
    for stage in ("dev", "staging", "prod"):
        assert sections[f"{stage}-seat-maps"]["deploy"]["parameters"]["stack_name"] == f"airline-{stage}-seat-maps"
    left = [path for path, text in tree(checkout).items() if path not in EDITED and (b"new-service" in text or b"NewService" in text)]
    assert left == []
    new_service.make("offers", checkout)


@pytest.mark.parametrize("fails", ["lock", "renamed"])
def test_where_it_fails_all_is_as_it_was(new_service, checkout, monkeypatch, fails):
    before, times = tree(checkout), []
    real = getattr(new_service, fails)

    def failing(*given):
        times.append(given)
        if fails == "lock" or len(times) > 4:
            (checkout / "Cargo.lock").write_text("half")
            raise OSError("no space")
        return real(*given)

    monkeypatch.setattr(new_service, fails, failing)
    with pytest.raises(OSError):
        new_service.make("offers", checkout)
    assert tree(checkout) == before and not (checkout / "offers").exists() and not (checkout / "infra/offers").exists()
