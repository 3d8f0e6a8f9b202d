"""The portal's files: assets before the page that names them, and only what is another than before."""

import hashlib
from pathlib import Path

import pytest

from deployment import packages

FILES = ("index.html", "icon.svg", "assets/index-1.js", "assets/index-1.css")


@pytest.fixture
def dist(monkeypatch, tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(packages, "PORTAL", tmp_path)
    return tmp_path


class Bucket:
    """Keeps what is put into it."""

    def __init__(self):
        self.put, self.there = [], {}

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"Contents": [{"Key": key, "ETag": f'"{hashlib.md5(body).hexdigest()}"'} for key, body in self.there.items()]}, {}]

    def put_object(self, Bucket, Key, Body, ContentType):
        self.put.append((Key, ContentType))
        self.there[Key] = Body


def test_the_page_is_uploaded_after_what_it_names(dist):
    bucket = Bucket()
    packages.upload(bucket, "files")
    assert bucket.put[-1] == ("index.html", "text/html")
    assert sorted(bucket.put[:-1]) == [("assets/index-1.css", "text/css"), ("assets/index-1.js", "text/javascript"), ("icon.svg", "image/svg+xml")]


def test_a_file_that_is_there_is_left_alone(dist):
    bucket = Bucket()
    packages.upload(bucket, "files")
    bucket.put.clear()
    packages.upload(bucket, "files")
    assert bucket.put == []
    Path(dist / "index.html").write_text("another page")
    packages.upload(bucket, "files")
    assert bucket.put == [("index.html", "text/html")]
