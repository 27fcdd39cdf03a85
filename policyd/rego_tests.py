"""Run the tests of policies: rules named `test_…` in *_test.rego, and samples.

In: folders of policies. Out: one TestResult for each test. A sample is a Compose project: a file in
a folder `samples`, or a folder below it with a compose.yaml. Its first line lists the ID of each
expected violation: `# expect: no-privileged no-privileged`, or `# expect: nothing`. All policies of
its pack evaluate it with default parameters, unless a following line names others:
`# constraints: {max-gpus: {limit: 2}}`. `# host: gpu-01` names the host. A file `samples/data.yaml`
has data for samples. All tests run on the embedded engine.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from policyd import wire
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine, explain, interpreter
from policyd.errors import PolicydError, PolicySetError
from policyd.host_resolver import HostResolver
from policyd.loading import load_project
from policyd.model import Location, Review, Source
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from policyd.policies.packs import (
    Policy,
    built_in,
    read_data,
    read_policies,
    read_text,
    rego_files,
)
from policyd.policies.parameters import defaults, read_parameters
from policyd.policies.policy_set import merge_data
from policyd.policies.problems import Problems
from policyd.policies.router import router
from policyd.policies.syntax_tree import Module, parse
from policyd.policies.yaml_documents import Value
from policyd.policy_input import review_input
from policyd.rego_trace import Trace, try_trace
from policyd.sample_comments import expected_policies, sample_settings

_PROBE: Final = "policyd_coverage_probe"
"""A rule added to each file: the report of regorus leaves out files without an evaluated rule."""

_SAMPLE_DATA: Final = "samples/data.yaml"
_REVIEW: Final = Review(uid="", enforcement_point="cli", now=1_800_000_000_000_000_000)


class TestResult(msgspec.Struct, frozen=True):
    """A test: why it failed ("" if it passed), what `print` wrote, which expression failed."""

    name: str
    location: Location
    message: str = ""
    printed: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether the test passed."""
        return not self.message


class Sources(msgspec.Struct, frozen=True):
    """What is tested: Rego by file name, data, policies by ID, samples and the data for them."""

    texts: dict[str, str]
    data: dict[str, Any]
    policies: dict[str, Policy]
    samples: list[Path]
    sample_data: dict[str, Any]

    @property
    def modules(self) -> dict[str, str]:
        """The Rego without tests, and the module that evaluates all policies."""
        rules = {name: t for name, t in self.texts.items() if not name.endswith("_test.rego")}
        return rules | {"router.rego": router(self.policies.values())}


def sources(paths: Sequence[Path]) -> Sources:
    """Return what is tested below `paths`. Raises PolicySetError for invalid METADATA."""
    texts, data = _texts(paths), _data(paths)
    problems = Problems()
    rules = {name: text for name, text in texts.items() if not name.endswith("_test.rego")}
    policies = {policy.id: policy for policy in read_policies(rules, "", problems)}
    for problem in problems:
        raise problem
    samples = [sample for path in paths for sample in sample_files(path)]
    return Sources(texts, data, policies, samples, sample_data(paths, data))


def run(paths: Sequence[Path]) -> list[TestResult]:
    """Return the result of each test and sample below `paths`, in order of their files.

    Raises PolicySetError for Rego that does not compile, invalid METADATA, duplicate test
    names, a sample without expected violations, and when there are no tests.
    """
    found = sources(paths)
    results = [
        *_rego_tests(found.texts, found.data),
        *_samples(found.samples, found.policies, found.texts, found.sample_data),
    ]
    if not results:
        raise PolicySetError(f"no *_test.rego and no samples below {', '.join(map(str, paths))}")
    return results


def sample_files(folder: Path) -> list[Path]:
    """Return the Compose files of the samples below `folder`, sorted."""
    found = {*folder.rglob("samples/*.y*ml"), *folder.rglob("samples/*/compose.yaml")}
    return sorted(found - set(folder.rglob(_SAMPLE_DATA)))


def sample_data(paths: Iterable[Path], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data`, merged with the data for the samples below `paths`."""
    merged: dict[str, Any] = copy.deepcopy(dict(data))
    for file in sorted({file for path in paths for file in path.rglob(_SAMPLE_DATA)}):
        merge_data(merged, read_data(file), file)
    return merged


def sample_input(sample: Path, policies: Iterable[Policy], hosts: HostResolver) -> bytes:
    """Return the input for the evaluation of a sample by `policies`.

    Raises ComposeError for a project that Compose refuses, BundleError for files that exceed the
    limits, and PolicySetError for an invalid setting in the first comment.
    """
    settings = sample_settings(sample)
    matching = _matching(sample, settings.get("constraints"), policies)
    host = settings["host"].text() if "host" in settings else ""
    review = msgspec.structs.replace(_REVIEW, source=Source(host=host))
    is_alone = sample.parent.name == "samples"
    files = [sample] if is_alone else [file for file in sample.parent.rglob("*") if file.is_file()]
    contents = {str(file.relative_to(sample.parent)): file.read_bytes() for file in files}
    loaded = load_project(memory_bundle(contents, [sample.name]))
    return review_input(hosts.on_host(loaded, host), review, matching)


def _matching(
    sample: Path, said: Value | None, policies: Iterable[Policy]
) -> dict[str, list[Constraint]]:
    if said is None:
        pack = next(folder for folder in sample.parents if folder.name == "samples").parents[1]
        own = [policy for policy in policies if _is_of(policy, pack)]
        return {policy.id: [_constraint(policy, sample)] for policy in own}
    known = {policy.id: policy for policy in policies}
    return {
        name: [_constraint(known[name], sample, value)]
        for name, value in said.mapping(known).items()
    }


def _is_of(policy: Policy, pack: Path) -> bool:
    """Return whether `policy` belongs to the pack in the folder `pack`."""
    if policy.pack:
        return policy.pack == pack.name
    return Path(policy.module).resolve().is_relative_to(pack.resolve())


class Coverage(msgspec.Struct, frozen=True):
    """The coverage of a Rego file: the number of evaluated lines, and the other lines."""

    file: str
    covered: int
    missed: tuple[int, ...]


class FileCoverage(Coverage, frozen=True):
    """The coverage of a Rego file, with the percentage of evaluated lines."""

    percent: float


class CoverageReport(msgspec.Struct, frozen=True):
    """The percentage of evaluated lines in all files, and the coverage of each file."""

    percent: float
    files: Sequence[FileCoverage]


class TestReport(wire.Document, frozen=True, kw_only=True, rename="camel"):
    """The results of tests, and the coverage if it was measured."""

    kind: str = "TestReport"
    tests: Sequence[TestResult]
    coverage: CoverageReport | msgspec.UnsetType = msgspec.UNSET


def report(paths: Sequence[Path], *, measured: bool) -> TestReport:
    """Return the report on all tests below `paths`, with the coverage if `measured`.

    Raises PolicySetError as `run` does.
    """
    results = run(paths)
    if not measured:
        return TestReport(tests=results)
    files = coverage(paths)
    each = [
        FileCoverage(file.file, file.covered, file.missed, percentage([file])) for file in files
    ]
    return TestReport(tests=results, coverage=CoverageReport(percentage(files), each))


def percentage(files: Iterable[Coverage]) -> float:
    """Return the percentage of evaluated lines in `files`; 100 when there are no lines."""
    counts = [(file.covered, len(file.missed)) for file in files]
    covered, missed = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    return 100 * covered / (covered + missed) if covered + missed else 100.0


def coverage(paths: Sequence[Path]) -> list[Coverage]:
    """Return the coverage by Rego tests of each file below `paths` that is not a test.

    Samples do not count. Raises PolicySetError as `run` does.
    """
    texts = _texts(paths)
    modules = [parse(name, text) for name, text in texts.items()]
    probed = {name: f"{text}\n{_PROBE} := true\n" for name, text in texts.items()}
    engine = interpreter(probed, _data(paths), coverage=True)
    rules = {f"{module.package}.{_PROBE}" for module in modules}
    for rule in [*rules, *(rule for rule, _ in _named_tests(modules))]:
        with contextlib.suppress(RuntimeError):
            engine.eval_rule_as_json(rule)
    report = msgspec.json.decode(engine.get_coverage_report_as_json())
    own = {str(file) for path in paths for file in rego_files(path)}
    return [
        Coverage(file["path"], len(file["covered"]) - 1, tuple(file["not_covered"]))
        for file in sorted(report["files"], key=itemgetter("path"))
        if file["path"] in own and not file["path"].endswith("_test.rego")
    ]


def _texts(paths: Sequence[Path]) -> dict[str, str]:
    """Return the Rego below `paths` and the Rego that it imports, by file name.

    For a folder of the built-in packs, these are all built-in packs, otherwise the libraries.
    """
    root = built_in()
    found: dict[Path, str] = {}
    for path in paths:
        if not path.is_dir():
            wrong = "is a file; name its folder" if path.exists() else "the folder does not exist"
            raise PolicySetError(wrong, Location(str(path)))
        found |= {file.resolve(): str(file) for file in rego_files(path)}
    beside = [root / "lib" / "fixture_test.rego"]
    beside += [
        file
        for folder in ("lib", "main")
        for file in rego_files(root / folder)
        if not file.name.endswith("_test.rego")
    ]
    if any(path.resolve().is_relative_to(root.resolve()) for path in paths):
        beside += [file for file in rego_files(root) if not file.name.endswith("_test.rego")]
    for file in beside:
        found.setdefault(file.resolve(), str(file))
    return {name: read_text(file) for file, name in found.items()}


def _data(paths: Iterable[Path]) -> dict[str, Any]:
    root = built_in().resolve()
    files = {root / "data.yaml", *root.glob("*/data.yaml")} | {
        (path / name).resolve()
        for path in paths
        for name in ("data.yaml", "data.json")
        if (path / name).is_file()
    }
    merged: dict[str, Any] = {}
    for file in sorted(files):
        merge_data(merged, read_data(file), file)
    return merged


def _rego_tests(texts: dict[str, str], data: dict[str, Any]) -> Iterator[TestResult]:
    modules = [parse(name, text) for name, text in texts.items()]
    tests = list(_named_tests(modules))
    engine = interpreter(texts, data)
    engine.set_gather_prints(True)
    for rule, where in tests:
        try:
            answer = msgspec.json.decode(engine.eval_rule_as_json(rule))
        except RuntimeError as error:
            sentence, place = explain(error)
            yield TestResult(rule, where, f"{place}: {sentence}" if place else sentence)
            continue
        message = "" if answer is True else "the rule is not true"
        traces = try_trace(texts, data, rule) if message else ()
        yield TestResult(rule, where, message, tuple(engine.take_prints()), traces)


def _named_tests(modules: Iterable[Module]) -> Iterator[tuple[str, Location]]:
    seen: dict[str, Location] = {}
    for module in modules:
        if not module.file.endswith("_test.rego"):
            continue
        for name, line in module.rule_lines():
            if not name.startswith("test_"):
                continue
            rule = f"{module.package}.{name}"
            where = Location(module.file, line, 1)
            if rule in seen:
                raise PolicySetError(
                    f"duplicate test {name}, already defined at {seen[rule]}: a rule that is "
                    "true hides one that fails",
                    where,
                )
            seen[rule] = where
            yield rule, where


def _samples(
    samples: Iterable[Path],
    policies: dict[str, Policy],
    texts: dict[str, str],
    data: dict[str, Any],
) -> Iterator[TestResult]:
    modules = {name: text for name, text in texts.items() if not name.endswith("_test.rego")}
    engine = EmbeddedEngine(modules | {"router.rego": router(policies.values())}, data)
    hosts = HostResolver(data)
    try:
        for sample in samples:
            text = read_text(sample)
            expected = expected_policies(sample, text, policies)
            message = ""
            try:
                found = _found(engine, sample, policies, hosts)
            except PolicydError as error:
                message = f"the sample cannot be evaluated: {error}"
            else:
                if found != expected:
                    message = f"expected {_list(expected)}, reported {_list(found)}"
            yield TestResult(str(sample), Location(str(sample), 1, 1), message)
    finally:
        engine.close()


def _found(
    engine: EmbeddedEngine, sample: Path, policies: dict[str, Policy], hosts: HostResolver
) -> list[str]:
    """Return the sorted policy IDs of all violations of the sample."""
    findings = engine.findings(sample_input(sample, policies.values(), hosts)).findings
    return sorted(finding.policy for finding in findings)


def _constraint(policy: Policy, sample: Path, parameters: Value | None = None) -> Constraint:
    return Constraint(
        name=policy.id,
        policy=policy.id,
        actions={"default": "deny"},
        match=Selector(),
        exclude=Selector(),
        parameters=(
            read_parameters(parameters, policy.parameters)
            if parameters
            else defaults(policy.parameters)
        ),
        location=Location(str(sample)),
    )


def _list(ids: Sequence[str]) -> str:
    return ", ".join(ids) or "nothing"
