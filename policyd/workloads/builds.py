"""Return the `build` sections of a project with what their Dockerfiles set.

In: the loaded model and the files of the bundle. Out: a `Build` for each container that is built,
and what could not be evaluated: a Dockerfile is read from the bundle only. Source: docker/compose
5.7 pkg/compose/build.go; buildx build (the fallback to a file named dockerfile, contexts).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

import msgspec

from policyd.compose.project import Project
from policyd.errors import BundleError, ComposeError, PayloadTooLarge
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Files, ImageConfig, NotEvaluated, Path
from policyd.workloads.containers import Container, services_and_jobs
from policyd.workloads.dockerfile import evaluation
from policyd.workloads.dockerfile.evaluation import Dockerfile
from policyd.workloads.image_configs import ImageConfigs
from policyd.workloads.model import Build
from policyd.workloads.values import Tree, flag, pairs, text, texts, variables

MAX_DOCKERFILES: Final = 512 << 10
"""How many characters the Dockerfiles of a project may have, in all."""

MAX_ENVIRONMENT: Final = 4 << 20
"""How many characters the variables that ENV sets may have, in all builds of a project."""

MAX_BASES: Final = 16 << 20
"""How many characters the configurations of base images may have, counted at each use."""

MAX_CONTEXTS: Final = 50
"""How many builds may start from each other through additional contexts."""

_DEFAULT: Final = "Dockerfile"
_FRONTEND: Final = lazy_pattern(r"(docker\.io/)?docker/dockerfile(-upstream)?([:@].*)?")
_IMAGE: Final = "docker-image://"
_SERVICE: Final = "service:"


class _Source:
    """A Dockerfile: its text, the name of its file and the model path of the key that names it."""

    def __init__(self, path: Path, content: str = "", name: str = "") -> None:
        self.path = path
        self.content = content
        self.name = name


class Builds:
    """Evaluates the Dockerfiles of one project, each as often as it is built differently."""

    def __init__(self, project: Project, files: Files, configs: ImageConfigs) -> None:
        """`files` are those of the bundle of `project`; `configs` are of images to build from."""
        self.not_evaluated: list[NotEvaluated] = []
        self._project = project
        self._files = files
        self._containers = {each.service: each for each in services_and_jobs(project.tree)}
        self._configs = configs
        self._known: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], Dockerfile] = {}
        self._found: dict[str, tuple[_Source, Dockerfile]] = {}
        self._characters = 0
        self._base_characters = 0
        self._environment = 0
        self._depth = 0

    def build(self, container: Container) -> Build | None:
        """Return the build section of a service or a job, None if it has none.

        Raises ComposeError when the Dockerfiles of the project exceed a limit, and PayloadTooLarge
        when a limit of the bundle is exceeded.
        """
        section = container.keys.get("build")
        if container.kind == "hook" or not isinstance(section, dict):
            return None
        source, image = self._evaluated(container, section)
        self._environment += sum(len(k) + len(v) for k, v in image.environment.items())
        if self._environment > MAX_ENVIRONMENT:
            raise ComposeError(
                f"build: the variables that Dockerfiles set exceed the limit of {MAX_ENVIRONMENT} "
                "characters in all"
            )
        return Build(
            path=(*container.path, "build"),
            context=text(section, "context"),
            dockerfile=source.name,
            dockerfile_inline=text(section, "dockerfile_inline"),
            dockerfile_path=source.path,
            base=image.base,
            base_platform=image.base_platform,
            privileged=flag(section, "privileged"),
            entitlements=texts(section, "entitlements"),
            network=text(section, "network"),
            environment=image.environment,
            user=image.user,
            run_flags=image.run_flags,
        )

    def _evaluated(self, container: Container, section: Tree) -> tuple[_Source, Dockerfile]:
        if container.service not in self._found:
            # A context that leads back to this service finds an empty image.
            source = _Source((*container.path, "build"))
            self._found[container.service] = (source, Dockerfile())
            source = self._source(container, section)
            image = self._image(source.content, section, text(container.keys, "platform"))
            self._found[container.service] = (source, image)
            if image.frontend and not _FRONTEND.fullmatch(image.frontend):
                self._report(container, source.path, "another frontend than Docker's reads it")
        return self._found[container.service]

    def _image(self, content: str, section: Tree, platform: str) -> Dockerfile:
        arguments = {
            name: value for name, value in variables(section, "args").items() if value is not None
        }
        target = text(section, "target")
        platforms = texts(section, "platforms")
        if not platform and len(platforms) == 1:
            platform = platforms[0]
        images = self._contexts(pairs(section, "additional_contexts"))
        key = (content, target, platform, tuple(sorted(arguments.items())))
        if images or key not in self._known:
            self._characters += len(content)
            if self._characters > MAX_DOCKERFILES:
                raise ComposeError(
                    f"build: the Dockerfiles of the project exceed the limit of {MAX_DOCKERFILES} "
                    "characters in all"
                )
            found = evaluation.read(content, target, arguments, images, platform, self._config_of)
            if syntax := arguments.get("BUILDKIT_SYNTAX"):
                found = msgspec.structs.replace(found, frontend=syntax)
            self._known[key] = found
        return self._known[key]

    def _config_of(self, reference: str, platform: str) -> ImageConfig | None:
        config = self._configs.find(reference, platform)
        if config:
            self._base_characters += config.characters()
            if self._base_characters > MAX_BASES:
                raise ComposeError(
                    "build: the configurations of base images exceed the limit of "
                    f"{MAX_BASES >> 20} MiB in all, counted for each build"
                )
        return config

    def _contexts(self, contexts: Mapping[str, str]) -> dict[str, Dockerfile]:
        """Return the images that additional contexts put in place of names in FROM."""
        images: dict[str, Dockerfile] = {}
        for name, value in contexts.items():
            image = Dockerfile()
            if value.startswith(_IMAGE):
                image = Dockerfile(base=value.removeprefix(_IMAGE))
            elif value.startswith(_SERVICE):
                other = self._containers.get(value.removeprefix(_SERVICE))
                section = other.keys.get("build") if other else None
                if other and isinstance(section, dict):
                    image = self._of_service(other, section)
            images[name.lower().removesuffix(":latest")] = image
        return images

    def _of_service(self, container: Container, section: Tree) -> Dockerfile:
        if self._depth == MAX_CONTEXTS:
            raise ComposeError(
                f"build: more than {MAX_CONTEXTS} builds start from each other by "
                "additional_contexts"
            )
        self._depth += 1
        try:
            return self._evaluated(container, section)[1]
        finally:
            self._depth -= 1

    def _shown(self, file: str) -> str:
        try:
            return self._files.display(file)
        except BundleError:  # a path that no file can have
            return repr(file)

    def _source(self, container: Container, section: Tree) -> _Source:
        path = (*container.path, "build")
        inline = text(section, "dockerfile_inline")
        if inline:
            return _Source((*path, "dockerfile_inline"), inline)
        if "dockerfile" in section:
            path = (*path, "dockerfile")
        context, name = text(section, "context"), text(section, "dockerfile") or _DEFAULT
        if not context.startswith("/"):
            self._report(container, path, "the build context is not a local folder")
            return _Source(path)
        file = posixpath.join(context, name)
        try:
            if name == _DEFAULT and not self._files.kind(file):
                lower = posixpath.join(context, name.lower())
                file = lower if self._files.kind(lower) else file
            content = self._files.read(file).decode("utf-8", "replace")
        except PayloadTooLarge:
            raise
        except (BundleError, FileNotFoundError, IsADirectoryError) as error:
            is_missing = isinstance(error, FileNotFoundError)
            reason = "is not among the files" if is_missing else "cannot be read"
            self._report(container, path, f"{self._shown(file)} {reason}")
            return _Source(path)
        return _Source(path, content, self._files.display(file))

    def _report(self, container: Container, path: Path, reason: str) -> None:
        what = f"Dockerfile of {container.title}"
        where = self._project.locate(path)
        self.not_evaluated.append(NotEvaluated("dockerfile", what, reason, where))
