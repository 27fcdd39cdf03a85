"""Tests mirror the package: policyd/a/b.py is tested in tests/unit/a/test_b.py, or a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
PACKAGE: Final = TESTS.parents[1] / "policyd"

THROUGH: Final = {
    "formats/host_safety.py": "host/test_safety.py",
    "host_findings.py": "host/test_safety.py",
    "audit/forge_comments.py": "forges/test_reviews.py",
    "audit/migrations/versions/r0010_forges.py": "audit/test_database.py",
    "forges/comparison.py": "forges/test_reviews.py",
    "forges/contract.py": "forges/test_github.py",
    "forges/earlier_reviews.py": "forges/test_reviews.py",
    "forges/events.py": "forges/test_gitea.py",
    "forges/exception_requests.py": "forges/test_reviews.py",
    "forges/projects.py": "forges/test_reviews.py",
    "issuer_settings.py": "test_settings_reader.py",
    "forges/reconciling.py": "forges/test_reviews.py",
    "forges/setup.py": "cli/test_hooks_setup.py",
    "forges/judging.py": "forges/test_reviews.py",
    "loopback.py": "test_listen_address.py",
    "forges/tokens.py": "forges/test_reviews.py",
    "web/forge_deliveries.py": "forges/test_reviews.py",
    "audit/migrations/env.py": "audit/test_database.py",
    "audit/migrations/versions/r0001_events.py": "audit/test_database.py",
    "audit/migrations/versions/r0002_grant_identities.py": "audit/test_database.py",
    "audit/migrations/versions/r0003_tree.py": "audit/test_database.py",
    "audit/migrations/versions/r0004_pushes.py": "audit/test_database.py",
    "audit/migrations/versions/r0008_tokens.py": "audit/test_database.py",
    "audit/key_sets.py": "audit/test_grant_queries.py",
    "audit/migrations/versions/r0009_permissions.py": "audit/test_database.py",
    "audit/migrations/versions/r0011_filter_indexes.py": "audit/test_database.py",
    "audit/migrations/versions/r0012_issuer_key_sets.py": "audit/test_database.py",
    "audit/migrations/versions/r0013_console_sessions.py": "audit/test_database.py",
    "audit/migrations/versions/r0014_events_by_policies.py": "audit/test_database.py",
    "console_settings.py": "test_settings_reader.py",
    "identity/discovery.py": "identity/test_issuer_keys.py",
    "identity/signature.py": "identity/test_tokens.py",
    "web/authentication.py": "web/test_access.py",
    "web/console/gpu_picture.py": "web/console/test_gpus.py",
    "web/console/decision_policies.py": "web/console/test_decision.py",
    "web/console/proofs.py": "web/console/test_decision.py",
    "web/console/exception_list.py": "web/console/test_exceptions.py",
    "web/console/playground_form.py": "web/console/test_playground.py",
    "web/console/routes.py": "web/console/test_entry.py",
    "web/console/sign_in.py": "web/console/test_entry.py",
    "audit/migrations/versions/r0015_targets.py": "audit/test_target_states.py",
    "audit/migrations/versions/r0016_pushes_by_digest.py": "audit/test_pushes.py",
    "audit/migrations/versions/r0017_grant_summaries.py": "audit/test_grant_summaries.py",
    "audit/migrations/versions/r0019_grants_of_all_devices.py": "audit/test_grant_queries.py",
    "audit/migrations/versions/r0018_open_violations.py": "audit/test_target_states.py",
    "audit/token_record.py": "audit/test_tokens.py",
    "audit/migrations/versions/r0005_inputs.py": "audit/test_database.py",
    "audit/migrations/versions/r0006_jobs.py": "audit/test_database.py",
    "audit/migrations/versions/r0007_queries_and_kinds.py": "audit/test_database.py",
    "audit/appending.py": "audit/test_store.py",
    "audit/decision_trend.py": "web/console/test_projects.py",
    "audit/decision_rows.py": "web/console/test_decisions.py",
    "audit/decision_queries.py": "audit/test_grant_queries.py",
    "audit/derived.py": "audit/test_verify.py",
    "audit/rows.py": "audit/test_store.py",
    "audit/tables.py": "audit/test_database.py",
    "cli/host.py": "host/test_serve.py",
    "cli/audit_reading.py": "cli/test_audit.py",
    "compatibility/images.py": "compatibility/test_assessment.py",
    "compatibility/injection_path.py": "compatibility/test_assessment.py",
    "compatibility/tables.py": "compatibility/test_assessment.py",
    "compose/yaml/document.py": "compose/yaml/test_composer.py",
    "expected_values.py": "test_settings_reader.py",
    "demand.py": "test_admission.py",
    "exempting.py": "test_admission.py",
    "engines/evaluator.py": "engines/test_isolated.py",
    "formats/exported.py": "cli/test_audit_export.py",
    "formats/receipts.py": "cli/test_receipt.py",
    "formats/usage.py": "cli/test_audit_grants.py",
    "grants/container.py": "grants/test_resolution.py",
    "host/runtime_install.py": "host/test_oci_runtime.py",
    "holdings.py": "cli/test_audit_grants.py",
    "host/container_request.py": "host/test_recorded_requests.py",
    "host/existing.py": "host/test_gate.py",
    "host/plugin.py": "host/test_serve.py",
    "host_settings.py": "test_settings_reader.py",
    "observer.py": "test_services.py",
    "opa_comparison.py": "../integration/test_opa_comparison.py",
    "opa_program.py": "../integration/test_opa_comparison.py",
    "policies/builtin_results.py": "policies/test_author_mistakes.py",
    "policies/builtins.py": "policies/test_lint.py",
    "policies/completeness.py": "policies/test_author_mistakes.py",
    "policies/expressions.py": "policies/test_author_mistakes.py",
    "policies/input_shapes.py": "policies/test_author_mistakes.py",
    "policies/manifests.py": "policies/test_policy_set.py",
    "policies/module_checks.py": "policies/test_policy_set.py",
    "policies/other_languages.py": "policies/test_mistakes.py",
    "policies/packs.py": "policies/test_policy_set.py",
    "policies/parameters.py": "policies/test_policy_set.py",
    "policies/patterns.py": "policies/test_differences.py",
    "policies/revision.py": "policies/test_policy_set.py",
    "cli/language_server.py": "cli/test_lsp.py",
    "audit/jobs.py": "audit/test_store.py",
    "formats/policy_set_in_force.py": "cli/test_audit_policy_set.py",
    "policies/recorded_policy_set.py": "serving/test_service_events.py",
    "formats/job_repositories.py": "cli/test_issuers.py",
    "policies/rule_kinds.py": "policies/test_mistakes.py",
    "policies/router.py": "policies/test_policy_set.py",
    "policies/safety.py": "policies/test_mistakes.py",
    "policies/shapes.py": "policies/test_author_mistakes.py",
    "policies/statement_order.py": "policies/test_inference.py",
    "policies/syntax_hints.py": "policies/test_mistakes.py",
    "policies/syntax_tree.py": "policies/test_author_mistakes.py",
    "policies/value_checks.py": "policies/test_author_mistakes.py",
    "policies/value_messages.py": "policies/test_author_mistakes.py",
    "policies/yaml_documents.py": "policies/test_policy_set.py",
    "host_resolver.py": "compatibility/test_assessment.py",
    "registry/artifact_receipts.py": "registry/test_push_reviews.py",
    "serving/publication.py": "serving/test_follower.py",
    "web/review_request.py": "web/test_reviews.py",
    "workloads/containers.py": "workloads/test_extraction.py",
    "workloads/inheritance.py": "workloads/test_extraction.py",
}
"""Modules that have no tests of their own: they are tested through a module that uses them."""

DECLARATIONS: Final = {
    "__main__.py": "calls policyd.cli.main",
    "hooks/events.py": "types",
    "limits.py": "numbers, which the users of each limit test",
    "workloads/model.py": "types",
}
"""Modules that hold nothing to test alone, and what they hold."""

PACKAGES: Final = {
    "cli/__init__.py": "cli/test_main.py",
    "engines/__init__.py": "engines/test_engines.py",
    "hooks/__init__.py": "hooks/test_hooks.py",
}
"""Packages whose own file holds code, and its tests."""

WHOLE: Final = {
    "web/console/test_page_sizes.py": "all pages that grow with the number and length of names",
    "test_history.py": "the made-up history that tests of the console use",
    "policies/test_author_mistakes.py": "the checks of Rego that the lint makes of values",
    "policies/test_default_policy_set.py": "the built-in policy set",
    "policies/test_mistakes.py": "what the lint reports of whole policy sets",
    "policies/test_plain.py": "plain conftest rules, through policy set and admission",
    "serving/test_server_reload.py": "the second half of the tests of serving/server.py",
    "serving/test_server_pushes.py": "registries, from notification to decision, over restarts",
    "web/test_identity.py": "reviews that CI jobs request, from token to record",
    "test_deploy.py": "the files in deploy/",
    "test_systemd_units.py": "the units in deploy/, with the program and its guide",
    "test_imports.py": "all modules of the package",
    "test_mirror.py": "the tests themselves",
    "cli/test_repository_settings.py": "what .policyd.yaml does to commands",
    "test_pipelines.py": "the files by which pipelines and editors run policyd",
    "test_readme.py": "README.md",
    "host/test_recorded_requests.py": "what real daemons and clients sent",
}
"""Tests of more than one module, and what they test."""


def mirror(module: str) -> str:
    folder, _, name = module.rpartition("/")
    return f"{folder}/test_{name}".removeprefix("/")


MODULES: Final = sorted(
    str(path.relative_to(PACKAGE))
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py" and "_policies" not in path.parts
)


def test_each_module_has_its_tests_in_the_same_place_or_a_reason() -> None:
    with_tests = {module for module in MODULES if (TESTS / mirror(module)).is_file()}
    with_reason = {*THROUGH, *DECLARATIONS}

    assert sorted(with_tests & with_reason) == []
    assert sorted(set(MODULES) - with_tests - with_reason) == []


def test_each_reason_is_about_a_module_and_names_tests() -> None:
    assert {*THROUGH, *DECLARATIONS} <= set(MODULES)
    assert {name for name in PACKAGES if not (PACKAGE / name).is_file()} == set()
    named = {*THROUGH.values(), *PACKAGES.values(), *WHOLE}
    assert {name for name in named if not (TESTS / name).is_file()} == set()


def test_each_file_of_tests_is_about_a_module_of_the_same_name_or_a_reason() -> None:
    files = {str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py")}

    assert files - set(map(mirror, MODULES)) == {*PACKAGES.values(), *WHOLE}


def test_the_own_file_of_a_package_holds_no_code_without_tests() -> None:
    with_code = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("__init__.py")
        if "_policies" not in path.parts
        and any(line.startswith(("def ", "class ")) for line in path.read_text().splitlines())
    }

    assert with_code == set(PACKAGES)
