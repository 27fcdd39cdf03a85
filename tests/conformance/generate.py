"""Random Compose projects, made from the table of fields.

In: a source of randomness. Out: a `Case` without an answer. Most values are valid and some are odd,
because a project that is refused early shows little.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

from policyd.compose.table.field import Field
from policyd.compose.table.fields import PROJECT
from tests.conformance import distort, vocabulary, yamltext
from tests.conformance.case import Case
from tests.conformance.vocabulary import Mostly
from tests.conformance.yamltext import Mapping, Node, Scalar, Sequence

_SERVICES = ("a", "b", "c")
_JOBS = ("j", "k")
_NAMES = {
    "VOLUME": ("data", "cache"),
    "NETWORK": ("front", "back"),
    "SECRET": ("tok", "cert"),
    "CONFIG": ("conf",),
    "MODEL": ("llm",),
}
_SECTION = {word: f"{word.lower()}s" for word in _NAMES}
_WORD = re.compile(r"\b(SERVICE|JOB|VOLUME|NETWORK|SECRET|CONFIG|MODEL)\b")
_SPELT_OUT = ("command", "entrypoint", "healthcheck.test")
"""Fields whose lists are part of the vocabulary."""
_EXCLUSIVE = (
    ("network_mode", "networks"),
    ("scale", "deploy"),
    ("provider", "build"),
    ("healthcheck", "provider"),
)
_REFERRING = (
    *("depends_on", "links", "volumes_from", "extends", "network_mode", "pid", "ipc", "uts"),
    "cgroup",
)
_INCLUDES = (
    "[sub/inc.yaml]",
    "[{path: sub/inc.yaml, project_directory: .}]",
    "[{path: ./sub/inc.yaml, env_file: one.env}]",
    "[{path: [sub/inc.yaml, sub/more.yaml]}]",
    "[{path: sub/inc.yaml, env_file: [one.env, sub/three.env], project_directory: sub}]",
    "[sub/inc.yaml, sub/more.yaml]",
    "[sub/inc.yaml, {path: 'sub/inc.yaml'}]",
)
_PROFILES: tuple[list[str], ...] = (["*"], ["*"], ["*"], [], ["p"], ["p", "q"], ["nosuch"])


def project(random: Random) -> Case:
    """Return a random project."""
    return _Generator(random).case()


def sample(field: Field, path: str, random: Random) -> Node:
    """Return a random value for `field` at `path`, such as services.*.image, that is mostly valid.

    The names in it are those that `enumerate` declares.
    """
    generator = _Generator(random)
    generator.odd = generator.seldom = generator.tags = generator.aliases = 0.0
    generator.count = len(_SERVICES)
    return generator._fresh(field, path)


_SERVICE = PROJECT.at("services", "*")
_HOOK = PROJECT.at("services", "*", "pre_start", "[]")
_JOB = PROJECT.at("jobs", "*")
_CONTAINER_KEYS = tuple(key for key in _HOOK.children if key in _SERVICE.children)


class _Generator:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.odd = random.choice((0.0, 0.0, 0.01, 0.04, 0.12))
        self.seldom = random.choice((0.0, 0.02, 0.1))
        self.tags = random.choice((0.0, 0.0, 0.05, 0.15))
        self.aliases = random.choice((0.0, 0.0, 0.1))
        self.service = "a"
        self.count = 1
        self.in_job = False
        self.overriding = False
        self.used: dict[str, list[str]] = {}
        self.sections: dict[str, set[str]] = {}
        self.made: dict[str, list[Node]] = {}

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, items: Any) -> Any:
        return self.random.choice(items)

    # --- files ------------------------------------------------------------------------------------

    def case(self) -> Case:
        files, options = self._compose_files()
        for name in ("one.env", "two.env", "sub/three.env", ".env", "sub/.env"):
            if self.chance(0.9 if name[0] != "." else 0.3):
                files[name] = self._dotenv()
        env = {k: v for k, v in vocabulary.ENVIRONMENT.items() if self.chance(0.9)}
        if self.chance(0.05):
            env["COMPOSE_PROFILES"] = self.pick(("p", "p, q", "", "*"))
        if self.chance(0.02):
            env["COMPOSE_FILE"] = self.pick(vocabulary.COMPOSE_FILE)
        options |= {"env": env, "profiles": self.pick(_PROFILES)}
        if self.chance(0.03):
            options["project_name"] = self.pick(("shop", "My Shop", "_x", "0"))
        if self.chance(0.06):
            name = self.pick(sorted(files))
            files[name] = distort.text(files[name], self.random)
        return Case(name="generated/project", files=files, options=options)

    def _compose_files(self) -> tuple[dict[str, bytes], dict[str, Any]]:
        layout = self.pick(("one", "one", "one", "several", "several", "discovered", "documents"))
        main = self._document(first=True)
        if self.chance(0.12):
            include = self._snippet(self.pick(_INCLUDES))
            main.value.append((yamltext.plain("include"), include))
        documents = [main]
        if layout != "one":
            self.overriding = True
            documents += [self._document(first=False) for _ in range(self.pick((1, 1, 2)))]
        options: dict[str, Any] = {}
        if layout in ("one", "documents"):
            files = {"compose.yaml": self._text(*documents)}
        elif layout == "discovered":
            names = ("compose.yaml", "compose.override.yaml", "docker-compose.override.yml")
            files = {n: self._text(d) for n, d in zip(names, documents, strict=False)}
        else:
            names = ("compose.yaml", self.pick(("site.yaml", "sub/site.yaml")), "more.yaml")
            files = {n: self._text(d) for n, d in zip(names, documents, strict=False)}
            options["files"] = list(files)
        self.overriding = False
        texts = b"".join(files.values())
        for name in ("sub/common.yaml", "sub/inc.yaml", "sub/more.yaml"):
            if name.encode() in texts:
                files[name] = self._text(self._document(first=True))
        return files, options

    def _text(self, *documents: Node) -> bytes:
        if self.chance(0.15):
            for document in documents:
                for node in yamltext.walk(document):
                    if isinstance(node, Mapping | Sequence):
                        node.flow_style = self.chance(0.5)
        return yamltext.render(documents).encode()

    def _dotenv(self) -> bytes:
        count = self.random.randint(0, 6)
        lines = [self._choice(vocabulary.DOTENV) for _ in range(count)]
        return "".join(f"{line}\n" for line in lines).encode()

    # --- documents -------------------------------------------------------------------------------

    def _document(self, *, first: bool) -> Mapping:
        self.made = {}
        self.count = self.pick((1, 2, 2, 3)) if first else self.count
        names = _SERVICES[: self.count]
        services = []
        shared: list[Node] = []
        top: list[tuple[str, Node]] = []
        if self.chance(0.15):
            shared = [self._service(complete=False) for _ in range(self.pick((1, 2)))]
            top += [(f"x-common{i}", node) for i, node in enumerate(shared)]
        for name in names:
            if first or self.chance(0.7):
                self.service = name
                services.append((name, self._with_merge(self._service(complete=first), shared)))
        if self.chance(0.97):
            top.append(("services", self._tagged(yamltext.mapping(services))))
        if self.chance(0.3):
            top.append(("jobs", self._jobs(complete=first)))
        top += self._resources()
        if self.chance(0.08):
            top.append(("name", self._words(vocabulary.WORDS["name:"])))
        if self.chance(0.08):
            top.append(("x-top", self._words(vocabulary.VALUES)))
        if self.chance(0.05):
            top.append(("version", self._words(Mostly(('"3"', "'x'"), ("3.8",)))))
        return yamltext.mapping(top)

    def _with_merge(self, service: Mapping, shared: list[Node]) -> Node:
        if shared and self.chance(0.7):
            value = self.pick(shared) if self.chance(0.7) else yamltext.sequence(shared)
            index = self.random.randint(0, len(service.value))
            service.value.insert(index, (yamltext.plain("<<"), value))
        return self._tagged(service)

    def _service(self, *, complete: bool) -> Mapping:
        keys = self._keys(list(_SERVICE.children), complete=complete)
        if self.chance(0.12):
            keys.append("pre_start")
        if self.service == _SERVICES[self.count - 1] and self.chance(0.9):
            keys = [key for key in keys if key not in _REFERRING]
        return self._workload(_SERVICE, keys)

    def _jobs(self, *, complete: bool) -> Node:
        before, self.in_job = self.service, True
        jobs = []
        for name in _JOBS if self.chance(0.5) else _JOBS[:1]:
            name = self.pick(vocabulary.JOB_NAMES) if self.chance(0.02) else name
            self.service = f"job {name}"
            new = complete or self.service not in self.used
            keys = self._keys(list(_JOB.children), complete=new)
            keys.append("triggers" if new and self.chance(0.98) else self.pick(keys))
            job = self._workload(_JOB, keys)
            if self.chance(0.2 if name != _JOBS[0] else 0.04):
                job.value.append((yamltext.plain("extends"), self._words(vocabulary.JOB_EXTENDS)))
            jobs.append((name, self._tagged(job)))
        self.service, self.in_job = before, False
        return self._tagged(yamltext.mapping(jobs))

    def _hook(self) -> Mapping:
        """Return a hook. Most hooks have keys of their service, whose values they inherit."""
        inherited = [key for key in self.used.get(self.service, ()) if key in _CONTAINER_KEYS]
        keys = ["command"] if self.chance(0.6) else []
        for _ in range(self.pick((0, 1, 1, 2, 3, 5))):
            keys.append(self.pick(inherited if inherited and self.chance(0.6) else _CONTAINER_KEYS))
        if self.chance(0.05):
            keys.append("per_replica")
        return self._workload(_HOOK, keys)

    def _keys(self, names: list[str], *, complete: bool) -> list[str]:
        before = self.used.setdefault(self.service, [])
        count = self.pick((1, 2, 3, 3, 4, 6, 9))
        keys = [self.pick(before if before and self.chance(0.6) else names) for _ in range(count)]
        if complete and self.chance(0.995):
            keys.insert(0, "image")
        for one, other in _EXCLUSIVE:
            if one in keys and other in keys and self.chance(0.9):
                keys = [key for key in keys if key != other]
        before += keys
        return keys

    def _workload(self, field: Field, keys: list[str]) -> Mapping:
        """Return the mapping of a service, hook or job; all three have the words of services."""
        return yamltext.mapping(
            (self._legacy(key), self._value(field.children[key], f"services.*.{key}"))
            for key in dict.fromkeys(keys)
        )

    def _legacy(self, key: str) -> str:
        return f"x-{key}" if key == "develop" and self.chance(0.3) else key

    def _resources(self) -> list[tuple[str, Node]]:
        sections: list[tuple[str, Node]] = []
        for section, names in sorted(self.sections.items()):
            declared = [name for name in sorted(names) if self.chance(0.97)]
            if self.overriding and self.chance(0.5):
                continue
            if section == "networks" and self.chance(0.2):
                declared.append("default")
            field = PROJECT.children[section].each
            assert field is not None
            pairs = [(name, self._resource(field, section)) for name in declared]
            sections.append((section, yamltext.mapping(pairs)))
        return sections

    def _resource(self, field: Field, section: str) -> Node:
        node = self._value(field, f"{section}.*")
        source = {"secrets": "file", "configs": "content"}.get(section)
        sources = ("file", "content", "environment", "external")
        if source and isinstance(node, Mapping) and self.chance(0.95):
            node.value = [pair for pair in node.value if pair[0].value not in sources]
            source = (
                self.pick(sources) if section == "configs" else self.pick(("file", *sources[2:]))
            )
            node.value.append((yamltext.plain(source), self._value_below(field, section, source)))
        return node

    def _value_below(self, field: Field, section: str, key: str) -> Node:
        return self._value(field.children[key], f"{section}.*.{key}")

    # --- values ----------------------------------------------------------------------------------

    def _value(self, field: Field, path: str) -> Node:
        """Return a node for `field`: mostly a new one, rarely an odd one or an alias."""
        if self.chance(self.odd):
            return self._tagged(self._snippet(self.pick(vocabulary.ODD)))
        earlier = self.made.setdefault(path, [])
        if earlier and self.chance(self.aliases):
            again: Node = self.pick(earlier)
            return again
        node = self._tagged(self._fresh(field, path))
        earlier.append(node)
        return node

    def _fresh(self, field: Field, path: str) -> Node:
        if path.endswith("pre_start.[]") and self.chance(0.97):
            return self._hook()
        kinds = field.accepts
        shapes = []
        if "map" in kinds:
            shapes += [self._mapping] * (2 if field.children else 1)
        words = _ending(vocabulary.WORDS, path)
        if "list" in kinds and not path.endswith(_SPELT_OUT):
            shapes.append(self._list)
        if kinds - {"map", "list", "null"} or words:
            shapes.append(self._scalar)
        if "null" in kinds and self.chance(0.1):
            return yamltext.plain("null")
        node: Node = self.pick(shapes)(field, path)
        return node

    def _scalar(self, field: Field, path: str) -> Node:
        if field.enum and self.chance(0.99 - self.odd):
            return self._snippet(self.pick(field.enum))
        words = _ending(vocabulary.WORDS, path) or vocabulary.MODELS.get(field.model.rstrip("?!"))
        if words:
            return self._words(words)
        if field.key == "[]" and _is_pairs(path):
            return self._words(vocabulary.PAIR)
        return self._words(vocabulary.VALUES if "num" in field.accepts else Mostly(vocabulary.TEXT))

    def _list(self, field: Field, path: str) -> Node:
        item = field.item or Field("[]")
        count = self.pick((0, 1, 2, 2, 3)) if self.chance(0.2) else self.pick((1, 2))
        nodes: list[Node] = []
        for _ in range(count):
            node = self._value(item, f"{path}.[]")
            twice = isinstance(node, Scalar) and any(node.value == other.value for other in nodes)
            if not twice or self.chance(0.1):
                nodes.append(node)
        return yamltext.sequence(nodes)

    def _mapping(self, field: Field, path: str) -> Node:
        pairs: list[tuple[str, Node]] = []
        wanted = self.pick((0.5, 1, 2)) / max(1, len(field.children)) ** 0.7
        for key, child in field.children.items():
            if self.chance(0.98 if self._needed(field, key) else wanted):
                name = "x-initialSync" if key == "initial_sync" and self.chance(0.3) else key
                pairs.append((name, self._value(child, f"{path}.{key}")))
        if field.each:
            keys = _ending(vocabulary.KEYS, path) or vocabulary.NAMES
            for key in dict.fromkeys(self.pick(keys) for _ in range(self.pick((1, 1, 2, 3)))):
                pairs.append((self._named(key), self._value(field.each, f"{path}.*")))
        if field.children and field.others in ("x", "open") and self.chance(0.03):
            pairs.append(("x-own", self._words(vocabulary.VALUES)))
        return yamltext.mapping(pairs)

    def _needed(self, field: Field, key: str) -> bool:
        return key in field.required or key in ("source", "target", "path", "test", "manual")

    def _words(self, words: Mostly) -> Node:
        return self._snippet(self._choice(words))

    def _choice(self, words: Mostly) -> str:
        seldom = words.seldom and self.chance(self.seldom)
        return str(self.pick(words.seldom if seldom else words.usual))

    def _snippet(self, text: str) -> Node:
        return yamltext.snippet(self._named(text))

    def _named(self, text: str) -> str:
        return _WORD.sub(lambda match: self._name(match[1]), text)

    def _name(self, word: str) -> str:
        if word == "JOB" or (word == "SERVICE" and self.in_job and self.chance(0.2)):
            return str(self.pick(_JOBS) if self.chance(0.1) else _JOBS[0])
        if word == "SERVICE":
            if self.service not in _SERVICES:
                return str(self.pick(_SERVICES[: self.count]))
            later = _SERVICES[_SERVICES.index(self.service) + 1 : self.count]
            return str(self.pick(later if later and self.chance(0.95) else _SERVICES))
        name = str(self.pick(_NAMES[word]))
        self.sections.setdefault(_SECTION[word], set()).add(name)
        return name

    def _tagged(self, node: Node) -> Node:
        if self.overriding and self.chance(self.tags):
            node.tag = self.pick(("!reset", "!override", "!override", "!replace"))
            if isinstance(node, Scalar) and not node.value:
                node.value = "null"
        return node


def _ending(table: dict[str, Any], path: str) -> Any:
    """Return the entry of `table` for the longest end of `path`."""
    parts = path.split(".")
    for start in range(len(parts)):
        if found := table.get(".".join(parts[start:])):
            return found
    return None


def _is_pairs(path: str) -> bool:
    parent = path.split(".")[-2]
    return parent in ("environment", "labels", "annotations", "sysctls", "args", "options")
