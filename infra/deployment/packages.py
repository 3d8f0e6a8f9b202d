"""What was packaged and built: the functions' folders that `sam deploy` takes, and the portal's files."""

import mimetypes
import shutil
import sys

from project_file import STACKS, functions_of

from .config import ROOT
from .progress import say

PORTAL = ROOT / "portal/dist"


def ready(config, portal=True):
    """Exits if something is missing; puts the chosen collector's configuration beside each binary, where its layer looks for it."""
    if portal and not (PORTAL / "index.html").exists():
        sys.exit("the portal is not built: run `make portal`")
    for stack in STACKS:
        exporter = config.given(stack).get("Exporter")
        for function in functions_of(STACKS[stack]["template"]):
            folder = ROOT / "target/lambda" / function
            if not (folder / "bootstrap").exists():
                sys.exit(f"{folder.relative_to(ROOT)} has no bootstrap: run `make package`")
            target = folder / "collector.yaml"
            target.unlink(missing_ok=True)
            if exporter in ("adot", "community"):
                shutil.copy(ROOT / f"infra/collector/{exporter}.yaml", target)


def upload(client, bucket):
    """The portal's files; the page, which names the others, last. CloudFront keeps no page, and a changed asset has another name.
    Old assets stay for pages that are open. A file that is there already is left alone."""
    files = sorted((path for path in PORTAL.rglob("*") if path.is_file()), key=lambda path: path.name == "index.html")
    there = etags(client, bucket)
    changed = [path for path in files if there.get(path.relative_to(PORTAL).as_posix()) != md5(path)]
    for path in changed:
        content_type = {"ContentType": mimetypes.guess_type(path.name)[0] or "application/octet-stream"}
        client.put_object(Bucket=bucket, Key=path.relative_to(PORTAL).as_posix(), Body=path.read_bytes(), **content_type)
    say(f"  {len(changed)} of {len(files)} files uploaded to {bucket}")


def etags(client, bucket):
    """What is in the bucket: the ETag of an object that was put in one piece, encrypted by S3's own key, is its MD5."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"]: each["ETag"].strip('"') for page in pages for each in page.get("Contents", [])}


def md5(path):
    import hashlib

    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
