"""Runs the parts of the test suite and counts their rows. Called by acceptance-tests/run, which sets up first.

A part is a build, a gate, the ctest programs of one label, or a story (acceptance-tests/NNN-name/run). Gates and
stories speak TAP: "ok N - name", "not ok N - name", "ok N - name # SKIP reason", a plan "1..N", "#" for notes.
A row counts as passed only if it said "ok"; a part that crashes, prints no plan or another number of rows than
planned adds a failed row of its own. Every part runs in a process group of its own, which is told to end
(SIGTERM, then SIGKILL) when its time is up or when the runner is interrupted.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "acceptance"
SIDE_BY_SIDE = 2  # stories for each processor: they mostly wait for servers
GRACE_SECONDS = 60  # a story stops a sandbox with several servers
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 10 << 30  # free, both there and in the machine: four stories at once, each with some hundred MB of servers' files


@dataclass
class Row:
    outcome: str  # passed, failed, skipped
    name: str
    note: str = ""


@dataclass
class Part:
    name: str
    command: list
    seconds: int
    reader: object = None  # (status, output) -> [Row]
    alone: bool = True
    long: bool = False  # runs with --long, or when it is named
    takes: int = 60  # seconds beside others on two cores, roughly: the longest start first
    needs: tuple = ()
    lane: str = ""  # K/N: the cases of a long story that are this part's
    rows: list = field(default_factory=list)
    took: float = 0.0
    status: int = 0

    @property
    def log(self):
        return LOGS / (self.name.replace("/", "-") + ".log")


# ---- readers: what a part printed -> rows ----

TAP_ROW = re.compile(r"^(not )?ok\b *(\d*)(?: +-)? *(.*?)(?: *# *(SKIP)\b *(.*))?$")


def tap_rows(text):
    """Rows and the planned number; several groups in one output add up."""
    rows, planned, why = [], None, ""
    for line in text.split("\n"):
        if line.startswith("ERROR: "):  # cmocka's fail_msg, before the row it is about
            why += line + "\n"
        plan = re.match(r"^1\.\.(\d+)(?: *# *SKIP *(.*))?$", line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
            if plan.group(1) == "0":
                planned += 1
                rows.append(Row("skipped", "everything", plan.group(2) or ""))
            continue
        found = TAP_ROW.match(line)
        if not found:
            if rows and line.startswith("#"):
                rows[-1].note += line[1:].strip() + "\n"
            continue
        bad, _, name, directive, reason = found.groups()
        if directive == "SKIP":  # cmocka writes "not ok N # SKIP name"
            rows.append(Row("skipped", name or reason or "?", reason if name else "skipped by the test itself"))
        else:
            rows.append(Row("failed" if bad else "passed", name, why if bad else ""))
        why = ""
    return rows, planned


def read_tap(status, text):
    rows, planned = tap_rows(text)
    if planned is None:
        rows.append(Row("failed", "printed no plan"))
    elif planned != len(rows):
        rows.append(Row("failed", f"planned {planned} rows, printed {len(rows)}"))
    if status != 0 and not any(row.outcome == "failed" for row in rows):
        rows.append(Row("failed", f"ended with status {status}"))
    return rows


def read_build(name):
    def read(status, text):
        warnings = [line for line in text.split("\n") if ": warning:" in line or "CMake Warning" in line]
        return [Row("failed" if status or warnings else "passed", name, "\n".join(warnings[:20]))]
    return read


def read_ctest(junit):
    def read(status, text):
        rows = []
        if not junit.exists():
            return [Row("failed", "ctest left no result")]
        for case in ElementTree.parse(junit).getroot().iter("testcase"):
            rows += ctest_case(case)
        if not rows:
            rows.append(Row("failed", "ctest ran nothing"))
        if status and not any(row.outcome == "failed" for row in rows):
            rows.append(Row("failed", f"ctest ended with status {status}"))
        return rows
    return read


def ctest_case(case):
    name, outcome = case.get("name"), case.get("status")
    output = case.findtext("system-out") or ""
    found, planned = tap_rows(output)
    for row in found:
        row.name = f"{name}: {row.name}"
    if outcome == "run" and (planned is None or planned == len(found)) and \
            not any(row.outcome == "failed" for row in found):
        return found if found else [Row("passed", name)]
    if outcome in ("notrun", "disabled"):
        reason = case.find("skipped")
        said = reason.get("message") if reason is not None else ""
        skipped = "SKIP" in (said or "").upper() and "unable" not in (said or "").lower()
        return [Row("skipped" if skipped else "failed", name, (said or "") + "\n" + output[-300:])]
    if not any(row.outcome == "failed" for row in found):
        found.append(Row("failed", f"{name}: {'ended badly' if outcome != 'run' else 'rows do not match its plan'}",
                         output[-3000:]))
    return found


# ---- running ----

children = set()
stopping = threading.Event()


def end_group(process):
    for sign, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def run(part, environment):
    environment = dict(environment, AURORA_LANE=part.lane) if part.lane else environment
    if stopping.is_set():
        return
    started = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(part.log, "wb") as log:
        process = subprocess.Popen(part.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        children.add(process)
        late = False
        try:
            process.wait(part.seconds)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            if process.poll() is None:
                end_group(process)
            children.discard(process)
    part.status = process.returncode
    text = part.log.read_text(errors="replace")
    part.rows = part.reader(process.returncode, text)
    if late:
        part.rows.append(Row("failed", f"not done after {part.seconds} s"))
    part.took = time.monotonic() - started
    report(part)


def report(part):
    counts = " ".join(f"{sum(row.outcome == outcome for row in part.rows)} {outcome}"
                      for outcome in ("passed", "failed", "skipped"))
    print(f"{part.name:<28} {counts}  ({part.took:.0f} s)", flush=True)
    failed = [row for row in part.rows if row.outcome == "failed"]
    for row in failed:
        print(f"  not ok: {row.name}")
        for line in row.note.strip().split("\n")[:30]:
            if line:
                print(f"    {line[:200]}")
    if failed:
        print(f"  end of {part.log.relative_to(ROOT)}:")
        for line in part.log.read_text(errors="replace").rstrip().split("\n")[-50:]:
            print(f"  | {line[:240]}")
    sys.stdout.flush()


# ---- the parts ----


def build_part(preset):
    script = f"cmake --preset {preset} && cmake --build --preset {preset}"
    return Part(f"build/{preset}", ["sh", "-c", script], 1200, read_build(f"builds without a warning: {preset}"))


def ctest_part(name, seconds, *selection):
    junit = LOGS / f"ctest-{name}.xml"
    command = ["ctest", "--test-dir", "build/asan", "--output-junit", str(junit), "--test-output-size-passed",
               "10000000", "--test-output-size-failed", "10000000", "--no-tests=error", *selection]
    return Part(f"tests/{name}", command, seconds, read_ctest(junit), needs=("build/asan",))


def story_parts(folder, jobs):
    """A story may say "# seconds: N" (the bound), "# takes: N", "# alone" (it measures time), "# long", and "# lanes" (its cases
    can be shared out among runs of it side by side, each with a world of its own) in its first lines."""
    head = (folder / "run").read_text()[:2000]
    seconds = re.search(r"^# seconds: (\d+)$", head, re.M)
    takes = re.search(r"^# takes: (\d+)$", head, re.M)
    says = {word: re.search(rf"^# {word}$", head, re.M) is not None for word in ("alone", "long", "lanes")}
    lanes = [f"{lane + 1}/{SIDE_BY_SIDE * jobs}" for lane in range(SIDE_BY_SIDE * jobs)] if says["lanes"] else [""]
    return [Part(f"{folder.name}{lane and '.'}{lane.replace('/', 'of')}", [str(folder / "run")],
                 int(seconds.group(1)) if seconds else 600, read_tap, takes=int(takes.group(1)) if takes else Part.takes,
                 alone=says["alone"], long=says["long"], needs=("build/release",), lane=lane) for lane in lanes]


def all_parts(jobs):
    parts = [build_part("asan"), build_part("release")]
    for gate in sorted((ROOT / "acceptance-tests" / "gates").iterdir()):
        if os.access(gate, os.X_OK) and gate.is_file():
            needs = ("build/release",) if gate.name == "docs" else ("build/asan",)
            alone = gate.name in ("tidy", "analyzer")  # use every core themselves
            parts.append(Part(f"gates/{gate.name}", [str(gate)], 900, read_tap, alone=alone, needs=needs))
    parts.append(ctest_part("unit", 900, "-L", "unit", "-j", str(jobs)))
    parts.append(ctest_part("server", 1200, "-LE", "unit", "-j", str(jobs)))
    stories = [part for run in sorted((ROOT / "acceptance-tests").glob("[0-9][0-9][0-9]-*/run"))
               for part in story_parts(run.parent, jobs)]
    return parts + sorted(stories, key=lambda story: story.alone)  # one in between would hold up all the others


def chosen(parts, only, with_long):
    if not only:
        return [part for part in parts if with_long or not part.long]
    unknown = [name for name in only if not any(part.name.startswith(name) for part in parts)]
    if unknown:
        raise SystemExit(f"no such part: {' '.join(unknown)} (see --list)")
    wanted = [part for part in parts if any(part.name.startswith(name) for name in only)]
    needed = {name for part in wanted for name in part.needs}
    return [part for part in parts if part in wanted or part.name in needed]


def free_bytes(path):
    place = os.statvfs(path)
    return 0 if place.f_flag & os.ST_NOEXEC else place.f_bavail * place.f_frsize  # plugins are run there


def free_memory():
    return 1024 * int(re.search(r"^MemAvailable: *(\d+)", Path("/proc/meminfo").read_text(), re.M).group(1))


def temporary_folder():
    """Memory, if there is plenty: servers make tens of thousands of files that nobody needs afterwards."""
    if MEMORY.is_dir() and min(free_bytes(MEMORY), free_memory()) >= MEMORY_BYTES:
        return {"TMPDIR": str(MEMORY)}
    return {}


def own_python_first(path):
    """A version manager's `python3` and `aws` are scripts that look for the programs beside this interpreter at every
    call."""
    folder = str(Path(sys.executable).parent)
    return path if folder in path.split(":") else f"{folder}:{path}"


def longest_first(parts):
    return sorted(parts, key=lambda part: -part.takes)


def run_all(parts, jobs):
    environment = dict(temporary_folder(), **os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", CHECKPOINT_DISABLE="1", AURORA_JOBS=str(jobs),
                       CTEST_OUTPUT_ON_FAILURE="1", ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "detect_leaks=1"),
                       UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    environment["PATH"] = own_python_first(environment["PATH"])
    for line in (ROOT / "build" / "setup" / "env.sh").read_text().splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        environment[name] = value.replace("\\", "")
    together = []
    for part in [*parts, None]:
        if part and not part.alone:
            together.append(part)
            continue
        with ThreadPoolExecutor(SIDE_BY_SIDE * jobs) as pool:
            list(pool.map(lambda one: run(one, environment), longest_first(together)))
        together = []
        if part:
            run(part, environment)
            if part.name.startswith("build/") and part.status != 0:
                return


def interrupted(number, _frame):
    stopping.set()
    for process in list(children):
        end_group(process)
    print(f"interrupted by {signal.Signals(number).name}; nothing of the tests runs any more", flush=True)
    os._exit(130)


def main():
    parser = argparse.ArgumentParser(prog="acceptance-tests/run")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="parts, or beginnings of their names")
    parser.add_argument("--long", action="store_true", help="the long parts, too")
    parser.add_argument("--list", action="store_true", help="names of all parts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    parts = chosen(all_parts(options.jobs), options.only, options.long or options.list)
    if options.list:
        print("\n".join(part.name + (" (long)" if part.long else "") for part in parts))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    started = time.monotonic()
    run_all(parts, options.jobs)
    rows = [(part, row) for part in parts for row in part.rows]
    for part, row in rows:
        if row.outcome == "skipped":
            print(f"skipped: {part.name}: {row.name}: {row.note.strip() or 'no reason given'}")
    count = {outcome: sum(row.outcome == outcome for _, row in rows) for outcome in ("passed", "failed", "skipped")}
    missing = [part.name for part in parts if not part.rows]
    if missing:
        print(f"not run after the failed build: {' '.join(missing)}")
    print(f"in {(time.monotonic() - started) / 60:.1f} minutes")
    print(f"{count['passed']} passed, {count['failed'] + len(missing)} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or missing else 0


if __name__ == "__main__":
    sys.exit(main())
