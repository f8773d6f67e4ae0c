"""What the gates share: which files there are, TAP rows, and the proof that a gate can fail.

A gate is a script that calls run(). Its check gets a Tree and returns (problems, figures); an empty list of
problems is a pass. Every gate brings planted violations: small trees it must complain about, naming the
planted file. Each is a row of the result, so a gate that has gone blind is a failure.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("AURORA_GATE_BUILD", REPO / "build" / "asan"))
CACHE = REPO / "build" / "gates"


# Tests and what only they are linked with: no hostile input, and they may stop at the first surprise.
TEST_CODE = re.compile(r"(_test|/fixture|/harness|/scripted|/writers|/fake_\w+|/test(client|plugin|process|ing))\.[ch]$")


class Tree:
    """The repository's own files, or those of a planted tree."""

    def __init__(self, root, files):
        self.root = Path(root)
        self.files = sorted(files)

    @staticmethod
    def of_repository():
        listed = subprocess.run(
            ["git", "-C", str(REPO), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode().split("\0")
        return Tree(REPO, [f for f in listed if f and (REPO / f).is_file()])

    def ending(self, *suffixes):
        return [f for f in self.files if f.endswith(suffixes)]

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def lines(self, name):
        return self.text(name).split("\n")


def without_comments(text):
    """C source with comments and the insides of literals blanked, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def project_includes(tree, name):
    """Names in `#include "…"` lines, in order."""
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', tree.text(name), re.M)


def all_includes(tree, name):
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^>"]+)[>"]', tree.text(name), re.M)


def compile_commands():
    """{file: arguments without output and source} of our own sources, from the build folder."""
    path = BUILD / "compile_commands.json"
    if not path.exists():
        raise SystemExit(f"no {path}: configure first (cmake --preset asan)")
    commands = {}
    for entry in json.loads(path.read_text()):
        source = Path(entry["file"])
        if BUILD in source.parents or REPO not in source.parents:
            continue
        words = shlex.split(entry["command"])
        kept, skip = [], False
        for word in words[:-1]:
            if skip or word in ("-o", "-c", "-MF", "-MT", "-MQ"):
                skip = not skip and word != "-c"
                continue
            if not word.startswith(("-M", "-fsanitize")):
                kept.append(word)
        commands[str(source.relative_to(REPO))] = kept
    return commands


def content_key(tree, name, *extra):
    """Changes when the file, anything of ours it includes, or one of `extra` changes."""
    digest, seen, queue = hashlib.sha256(), set(), [name]
    while queue:
        at = queue.pop()
        if at in seen or not (tree.root / at).is_file():
            continue
        seen.add(at)
        for inner in project_includes(tree, at):
            queue.append(inner)
            queue.append(str(Path(at).parent / inner))
            queue.append(re.sub(r"\.pb-c\.h$", ".proto", inner))
    for at in sorted(seen):
        digest.update(at.encode() + b"\0" + (tree.root / at).read_bytes())
    for text in extra:
        digest.update(repr(text).encode())
    return digest.hexdigest()


def cached(kind, key, compute):
    """compute() is a list of problems; a clean result is remembered, findings are always looked for again."""
    mark = CACHE / kind / key
    if mark.exists():
        return []
    problems = compute()
    if not problems:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return problems


def parallel(function, items):
    jobs = int(os.environ.get("AURORA_JOBS", os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return [problem for found in pool.map(function, items) for problem in found]


def output_of(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)
    return done.returncode, done.stdout


class Rows:
    def __init__(self):
        self.count = self.failed = 0

    def row(self, passed, name, notes=()):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {name}")
        for note in () if passed else notes:
            print(f"# {note}")
        sys.stdout.flush()

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def end(self):
        print(f"1..{self.count}")
        raise SystemExit(1 if self.failed else 0)


def planted_tree(folder, files):
    for name, text in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(folder, list(files))


def run(name, check, plants, unavailable=None):
    """plants: {what: {file: text}}; the first file is the one the gate has to complain about."""
    rows = Rows()
    if unavailable:
        rows.skip(name, unavailable)
        rows.end()
    problems, figures = check(Tree.of_repository())
    rows.row(not problems, f"{name}: {figures}", problems[:200])
    for what, files in plants.items():
        with tempfile.TemporaryDirectory() as folder:
            found, _ = check(planted_tree(folder, files))
        culprit = next(iter(files))
        rows.row(any(culprit in problem for problem in found), f"{name} notices {what}",
                 [] if found else ["the planted violation went unnoticed"])
    rows.end()
