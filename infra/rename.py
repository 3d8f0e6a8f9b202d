"""Gives what is only a name another one, everywhere: `python3 infra/rename.py airline=clinic booking=checkup mileage=bonus`. docs/fork.md is the guide.

Each pair is a word and the one for it. It is replaced in every tracked text and path, as `booking`, `Booking` and `BOOKING`, also inside longer names:
crates, functions, stacks, queues, tables, event types, telemetry's `service.name`, variables, prose. A new word that is in use already is refused, since
two names could become one. Commit first: what it does is looked at, and taken back, with git.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Left as they are: what is about the words themselves, others' texts and data, and a lock that counts the letters of the project's name.
LEFT_OUT = ("infra/rename.py", "docs/fork.md", "LICENSE", "shared/iata-airports/data/", "docs/images/", "pyproject.toml", "uv.lock")
WORD = re.compile(r"[a-z][a-z0-9]*")


def main():
    words = dict(pair.split("=", 1) for pair in sys.argv[1:] if "=" in pair)
    if not words or len(words) != len(sys.argv) - 1:
        sys.exit("rename: say which words, as in `python3 infra/rename.py airline=clinic booking=checkup mileage=bonus`")
    if wrong := [word for pair in words.items() for word in pair if not WORD.fullmatch(word)]:
        sys.exit(f"rename: {', '.join(wrong)} is not [a-z][a-z0-9]*")
    if len(set(words.values())) != len(words) or words.keys() & set(words.values()):
        sys.exit("rename: each word and each new one is there once")
    if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True).stdout:
        sys.exit("rename: there are changes that are not committed; commit them first, so that these can be looked at by themselves")
    texts = read(ROOT)
    for new in words.values():
        if where := used(new, texts):
            sys.exit(f"rename: {new} is in use already, in {', '.join(where[:3])}{' and others' if where[3:] else ''}: take another word")
    if missing := [old for old in words if not used(old, texts)]:
        sys.exit(f"rename: {', '.join(missing)} is nowhere")
    changed = write(ROOT, texts, words)
    # Names have another length and another order: Cargo.lock and formatted sources are sorted by them.
    subprocess.run(["cargo", "update", "--workspace", "--offline", "--quiet"], cwd=ROOT, check=True)
    subprocess.run(["cargo", "fmt", "--all"], cwd=ROOT, check=True)
    print(f"{changed} files changed. `git status` shows them; `make test lint` says whether all still holds.")


def read(root):
    """Path -> text of every tracked file that is text, but for those that are left out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    found = {}
    for path in filter(None, listed):
        if path.startswith(LEFT_OUT) or (root / path).is_symlink():
            continue
        try:
            found[path] = (root / path).read_text()
        except UnicodeDecodeError:
            continue
    return found


def used(word, texts):
    """Where a word is, also as a part of a longer one."""
    return [path for path, text in texts.items() if word in text.lower() or word in path.lower()]


def renamed(text, words):
    """All words at once, so that none is replaced twice."""
    forms = {form(old): form(new) for old, new in words.items() for form in (str.lower, str.capitalize, str.upper)}
    return re.sub("|".join(sorted(forms, key=len, reverse=True)), lambda match: forms[match[0]], text)


def write(root, texts, words):
    """How many files were changed, or are at another path now."""
    changed = 0
    for path, text in texts.items():
        to, after = renamed(path, words), renamed(text, words)
        if (to, after) == (path, text):
            continue
        changed += 1
        if to != path:
            (root / to).parent.mkdir(parents=True, exist_ok=True)
            (root / path).rename(root / to)
            for folder in (root / path).parents:
                if folder == root or any(folder.iterdir()):
                    break
                folder.rmdir()
        if after != text:
            (root / to).write_text(after)
    return changed


if __name__ == "__main__":
    main()
