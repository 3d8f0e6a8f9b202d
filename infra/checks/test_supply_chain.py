"""What is installed is what was looked at: every Python requirement has hashes, every npm package an integrity."""

import json
import re
import subprocess
import tomllib
from urllib.parse import urlsplit

import pytest

from project import ROOT

TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
REQUIREMENTS = [path for path in TRACKED if re.fullmatch(r"requirements/.*\.txt", path)]
PYTHON_LOCKS = [path for path in TRACKED if re.fullmatch(r"(.*/)?uv\.lock", path)]
LOCKS = [path for path in TRACKED if path.endswith("package-lock.json")]


def without_hash(text):
    """The requirements that pip could not check."""
    lines = [line.strip() for line in text.replace("\\\n", " ").split("\n")]
    entries = [line for line in lines if line and not line.startswith("#")]
    return [line for line in entries if not re.match(r"[A-Za-z0-9._\[\],-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", line)]


def unchecked(lock):
    """The packages of a uv.lock that uv could not check, or that come from elsewhere than the others. The project itself comes from nowhere."""
    packages = [package for package in lock["package"] if package["source"] != {"virtual": "."}]
    first = packages[0]
    host = urlsplit(first["wheels"][0]["url"]).hostname
    bad = []
    for package in packages:
        files = package.get("wheels", []) + ([package["sdist"]] if "sdist" in package else [])
        hashed = all(re.fullmatch("sha256:[0-9a-f]{64}", file.get("hash", "")) for file in files)
        if not (package.get("wheels") and hashed and package["source"] == first["source"] and {urlsplit(file["url"]).hostname for file in files} == {host}):
            bad.append(package["name"])
    return bad


def without_integrity(lock):
    """The packages that npm could not check. The project itself and links are none; what is bundled comes in its parent's archive."""
    packages = {name: entry for name, entry in lock["packages"].items() if name and not (entry.get("link") or entry.get("inBundle"))}
    return [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")]


def test_there_is_something_to_check():
    assert REQUIREMENTS and PYTHON_LOCKS and len(LOCKS) >= 4, (REQUIREMENTS, PYTHON_LOCKS, LOCKS)


@pytest.mark.parametrize("path", REQUIREMENTS)
def test_every_python_requirement_is_pinned_and_hashed(path):
    assert without_hash((ROOT / path).read_text()) == []


@pytest.mark.parametrize("path", PYTHON_LOCKS)
def test_every_python_package_is_a_hashed_wheel_of_one_registry(path):
    assert unchecked(tomllib.loads((ROOT / path).read_text())) == []


@pytest.mark.parametrize("path", LOCKS)
def test_every_npm_package_has_an_integrity(path):
    assert without_integrity(json.loads((ROOT / path).read_text())) == []


def test_what_is_not_hashed_is_found():
    hashed = f"a==1 \\\n    --hash=sha256:{'0' * 64}\n    # via b\n"
    assert without_hash(hashed) == []
    for bad in ("a==1\n", f"a>=1 --hash=sha256:{'0' * 64}\n", "a @ https://example.org/a.whl\n", "--index-url https://example.org\n"):
        assert without_hash(hashed + bad) == [bad.strip()]
    lock = {"packages": {"": {}, "node_modules/a": {"integrity": "sha512-x"}, "node_modules/b": {}, "node_modules/c": {"link": True}}}
    assert without_integrity(lock) == ["node_modules/b"]


def test_a_python_package_that_is_not_hashed_or_from_elsewhere_is_found():
    def package(name, url="https://files.example.org/x.whl", hashed=f"sha256:{'0' * 64}", registry="https://example.org/simple"):
        return {"name": name, "source": {"registry": registry}, "wheels": [{"url": url, "hash": hashed}]}

    good = [package("a"), {"name": "project", "source": {"virtual": "."}}]
    assert unchecked({"package": good}) == []
    bad = [package("b", hashed=""), package("c", url="https://mirror.example.org/x.whl"), package("d", registry="https://mirror.example.org/simple")]
    bad += [package("e") | {"source": {"git": "https://example.org/e"}}, package("f") | {"wheels": []}]
    bad += [package("g") | {"sdist": {"url": "https://files.example.org/g.tar.gz", "hash": "md5:0"}}]
    assert unchecked({"package": good + bad}) == ["b", "c", "d", "e", "f", "g"]
