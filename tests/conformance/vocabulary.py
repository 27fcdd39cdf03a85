"""The values in generated projects: YAML snippets by field of the table.

The table of fields says how fields nest and which types they take; this module has the values. The
words SERVICE, JOB, VOLUME, NETWORK, SECRET, CONFIG and MODEL stand for a name that the project
declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Mostly:
    """Snippets: mostly one of `usual`, rarely one of `seldom`, which Compose may refuse."""

    usual: tuple[str, ...]
    seldom: tuple[str, ...] = ()


ENVIRONMENT = {"A": "1", "T": "true", "E": "", "N": "3", "P": "8080:80", "D": "$A", "S": "a b"}
"""The caller's variables; U, V and W are unset."""

ODD = (
    *("~", "null", "Null", '""', "''", "true", "True", "FALSE", "tRuE", "yes", "Off", "y", "n"),
    *("0", "1", "-1", "017", "0o17", "0O17", "0x1F", "0X1f", "0b101", "1_000", "+12", "-0", "08"),
    *("1e3", "1E-7", "1e6", ".5", "3.", "1.0", "1.10", "-0.0", "999999.5", "1234567.5", "1e400"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809"),
    *("22:22", "1:30:00", "20:30.15", "2024-05-01", "2024-05-01T10:20:30Z", "2024-5-1"),
    *("2001-12-14 21:59:43.10 -5", "2024-05-01 10:20:30", ".inf", "-.INF", ".nan", "=", "<<", "_1"),
    *('"1"', '"true"', '"yes"', '"0x10"', '" true"', '"1.5"', '"010"', '"+5"', '"all"', '"-1"'),
    *(
        "!!str 1",
        "!!str true",
        '!!int "3"',
        '!!int "0o7"',
        "!!float 2",
        '!!bool "true"',
        "!!bool yes",
    ),
    *("!!binary dHJ1ZQ==", "!!binary MTI=", '!!null ""', "!local 0x10", "!local true", "! 12"),
    *("!local [a]", "!local {a: b}", "!!set {a, b}", "!!omap [a: b]", "!!timestamp 2024-05-01"),
    *("[]", "{}", "[[]]", "[{}]", "[null]", "[a, a]", "{a: null}", "{a: {b: c}}", "[1, true]"),
    *("$A", "${A}", "${E}", "${U}", "${U:-x}", "${U-}", "${E:-y}", "${E-z}", "${A:+w}", "${U:+w}"),
    *("${T}", "${N}", "${S}", "${D}", "$$A", "${U:-${A}}", '"${U:-{}}"', '"${A:-{}} ${U:-x}"'),
    *(
        '"${U:-a}}"',
        '"${U:-{x}"',
        "${MY-TAG}",
        "${U:?}",
        "${U?gone}",
        "${A:?no}",
        "$1",
        '"$"',
        "${a}",
    ),
    *('"${}"', '"${A"', '"${A:}"', '"${ A }"', '"$(x)"', '"a$"', '"\\x24A"', '"${U:-a\\nb}"', "$É"),
    *("a b", '"a=b"', '"a = b"', '"=b"', '"a:b"', '"a\\tb"', '"\\u00e9"', '"a\\nb"', "a#b", '"#a"'),
    *("10m", "1.5g", "1kib", "10 MB", "1e9", "1e3k", "-1", "1 gb ", "10x", "30s", "1m30s", "1.5h"),
    *("1d", "2w", "90", "1h 2m", "-5s", "500us", "1µs", "1ns", '"0"', ".", "..", "~", '"~"', "~x"),
    *("/", "./x", "../x", "//x", "/a/../b", "~/x", "C:\\x", "c:/x", "service:a", "host", "none"),
    *('"/\\u2028"', "🐳", '"\\0"', "? a", "|\n  a\n  b", ">\n  a\n  b", "|-\n  a", '"1,2"', "x-y"),
)
"""Scalars and small nodes that are placed where a field expects something else."""

TRUTH = Mostly(
    ("true", "false", "true", "false", "True", "yes", "no", "on", '"true"', "'no'", "${T}", "n"),
    ("${U:-false}", "!!str true", "!!binary dHJ1ZQ==", "!local false", '"Y"', "1", '"1"', "t"),
)
STRICT = Mostly(("true", "false", "True"), ("yes", '"true"', "${T}"))
WHOLE = Mostly(
    ("0", "1", "2", "10", '"3"', "0x10", "010", "${N}"),
    ('"+4"', "1e1", "1_0", '!!int "5"', "-1", "1.5", '"0x10"', "1.0", "08"),
)
NUMBER = Mostly(
    ("0", "1", "2", "0.5", "1.5", ".5", '"0.25"', "1.0", "${N}", "10"),
    ("1e-1", '"+4"', "0x10", "-1", '"1e3"', "1_0.5", "0.1e1"),
)
SIZE = Mostly(
    ("1024", '"1024"', "64m", "1g", "1.5gb", "10kb", "1 MiB", "512M", "${N}m", "0"),
    ("-1", "1e9", "1.5", '"1e3"', "10x", "0x10", "1  m", "1.0", '"1_0"', "5b"),
)
TIME = Mostly(
    ("30s", "1m30s", "1h", "500ms", "1d", "2w", "1.5h", "0s", "${N}s", "1h30m10s", '"0"'),
    ("-5s", "10", "1us", "1µs", "1.5d", "1h 2m", "1y", ".5s", "1S", "100000h", "+1s", "1ns"),
)
TEXT = ("x", "a b", "value", '"1"', "${A}", "x-${U:-d}", '"$$x"', "'it''s'", "v1.2")
NAMES = ("LEVEL", "MODE", "A", "U", "com.example.a", "net.core.somaxconn", "x-trace", "a.b")
PAIR = Mostly(
    (
        *("LEVEL=1", "MODE=a=b", "A", "U", "LEVEL=", '"MODE=x y"', "a.b=${A}", "x-trace=1"),
        *("\"LEVEL='q'\"", "com.example.a=1", "T=$T"),
    ),
    ("${S}=1", '"A =1"', '""', "=1", "A= 1", '" A=1"', "LEVEL=2"),
)
VALUE = (*TEXT, "1", "1.10", "true", "null", "", "1e6", "0o17", "2024-05-01", "yes", "1_000", "-0")
VALUES = Mostly(VALUE)
COMMAND = Mostly(
    (
        *("run", "sh -c 'a b'", "'echo \"a  b\" c'", "a; b", "a | b > c", "a\\ b", "[a, b c]"),
        *("echo $$HOME ${A}", "a `b` $$c", '"a\\\\tb"', "[sh, -c, $A]", "'a # b'", "'\"\"'", "a &"),
        *("'a\"b c\"d'", '"a\\nb"', '["", a]', "[]", '""', "null"),
    ),
    ("'a \"b'", "a (b)", "[1]", "'a\\'", "a $$(b", "a < b c", '\'"a\\"b"\'', "a&&b", "'a\tb'"),
)
PATHS = Mostly(
    ("./d", "../d", "d", "/srv/x", "~/x", ".", "./a/../b", "/srv/../etc", "sub/d", "./d/", "/"),
    ("~", "..", "//x", "$S", "~u/x", ".ssh", "${U:-./e}", "C:/x", "..\\x", '"~"', '""', "../../x"),
)
COUNT = Mostly(
    ("all", "1", '"2"', "-1", "ALL", "0", "${N}", "${U:-all}"),
    ("0x2", '"+1"', "2.0", "010", '""', '"-5"', "x", "9223372036854775808", '" 1"'),
)
DOTENV = Mostly(
    (
        *("A=2", "B=two", "C='q $A'", 'D="d $A"', "E=", "F=${A}-${U:-u}", "export G=1", "# c", ""),
        *(
            "H=a # c",
            "I=#x",
            "J: j",
            "K",
            "U",
            'L="a\\nb"',
            "M='a\nb'",
            "N = n ",
            "1A=1",
            "LEVEL=f",
        ),
        *('O="x"P=2', "MODE", "Q=a'b'", "R=\\$A", 'S="\\$A"', "a.b=1", "A-B=1", "V=$U", "B=again"),
        *('X="${U-d}"', "Y='it\\'s'", "T=\t1", "AA=1\r", "TAG=v$$1", "  BC=1", 'BD=""', "BE=' '"),
    ),
    (
        *(
            "\ufeffZ=1",
            "A B=1",
            "BB=${",
            "$A=1",
            "W=${A:?no}",
            "W=${U:?no}",
            'BF="a',
            "BG='a",
            "=1",
        ),
        *(
            "export",
            "export ",
            "exportA=1",
            "BH=\u00a0x",
            "BI =x",
            "BJ",
            "BK=a\x00b",
            "é=1",
            "[x]=1",
        ),
        *('BL="\\x41\\101\\0101"', 'BM="a\\"b"', "BN=\u2028", "BO='a' b", 'BP="a"#b', "BQ=a\\nb"),
    ),
)

HOST = ("a:10.0.0.1", "b=10.0.0.2", "c:[::1]", "d=::1", "a:10.0.0.3", "host:host-gateway")
REMOTE = ("https://github.com/example/x.git", "git@github.com:example/x.git", "service:a")
NAMESPACE = Mostly(("host", "service:SERVICE", "private"), ("none", "container:x", '""', "null"))
SECRETS = Mostly(("SECRET",))

JOB_NAMES = ("a", "x-seed", "a b", "j.1", "1", "J", '"#x"')
"""Names of jobs that are rarely or never valid."""

JOB_EXTENDS = Mostly(
    ("JOB", "{service: JOB}", "{service: a, file: sub/common.yaml}"),
    ("SERVICE", "{service: j, file: sub/common.yaml}", "{service: k, file: ./sub/common.yaml}"),
)

COMPOSE_FILE = (
    *("compose.yaml", "compose.yaml:sub/inc.yaml", "compose.yaml:more.yaml", "sub", "", ":", " "),
    *("compose.yaml:", ":compose.yaml", "nosuch.yaml", "./compose.yaml", "compose.yaml:sub"),
    *("/project/compose.yaml", "compose.yaml: ", "compose.yaml,sub/inc.yaml"),
)

WORDS: Final[dict[str, Mostly]] = {
    "name": Mostly(TEXT, ('""', "1")),
    "services.*.image": Mostly(("nginx:1.27", "busybox", "${IMG:-alpine}", "a:${N}"), ('""',)),
    "build": Mostly((*PATHS.usual, *REMOTE), PATHS.seldom),
    "context": Mostly(
        (*PATHS.usual, *REMOTE), (*PATHS.seldom, '""', "ssh://x/y", "github.com/a/b")
    ),
    "additional_contexts.*": Mostly((*PATHS.usual, "docker-image://x", "service:a"), REMOTE),
    "additional_contexts.[]": Mostly(
        ("a=./x", "b=docker-image://x", "a=../y", "c=service:a"), ("d",)
    ),
    "dockerfile": Mostly(("Dockerfile", "../D", "/srv/D", "d/D"), ('""', "~/D")),
    "dockerfile_inline": Mostly(("FROM x", "|\n  FROM a\n  RUN b"), ('""',)),
    "entitlements.[]": Mostly(("network.host", "security.insecure")),
    "platforms.[]": Mostly(("linux/amd64", "linux/arm64")),
    "platform": Mostly(("linux/amd64",), ("linux/arm64", "x")),
    "provenance": Mostly(("true", "mode=max", '"false"'), ("yes",)),
    "sbom": Mostly(("true", "false", '"true"'), ("yes",)),
    "build.secrets.[]": SECRETS,
    "ssh.*": Mostly(("null", '""'), ("./key",)),
    "ssh.[]": Mostly(("default",), ("a=./key", "b")),
    "tags.[]": Mostly(("a:1", "b:1", "a=2")),
    "cap_add.[]": Mostly(("ALL", "NET_ADMIN", "net_admin", "CAP_A=b", "CAP_A=c")),
    "cap_drop.[]": Mostly(("ALL", "NET_ADMIN")),
    "command": COMMAND,
    "entrypoint": COMMAND,
    "command.[]": Mostly(("run", "a b", "$A", '""'), ("1",)),
    "services.*.configs.[]": Mostly(("CONFIG",)),
    "services.*.secrets.[]": SECRETS,
    "secrets.[].source": SECRETS,
    "configs.[].source": Mostly(("CONFIG",)),
    "secrets.[].target": Mostly(("/t", "t", "./t", "/run/secrets/tok"), ("/a/../b", "tok", '""')),
    "configs.[].target": Mostly(("/t", "t", "/conf"), ("/a/../b", '""', "./t")),
    "uid": Mostly(('"1"', "'0'"), ("1",)),
    "gid": Mostly(('"1"',), ("1",)),
    "secrets.[].mode": Mostly(("0440", '"0440"', "0o400", "440"), ('"${N}"', '"8"', "1.5", "0")),
    "configs.[].mode": Mostly(("0440", '"0440"', "256"), ('"0o440"', "-1", '"x"')),
    "container_name": Mostly(("box", "box-${N}"), ("a b", "x", "box")),
    "cpu_count": WHOLE,
    "cpu_percent": Mostly(("1", '"50"', "100"), ("1.5", "101", '"1.5"')),
    "credential_spec.file": PATHS,
    "depends_on.[]": Mostly(("SERVICE",), ("nosuch",)),
    "required": Mostly(("true", "false"), ("yes", '"no"', "${T}")),
    "replicas": Mostly(("0", "1", "1"), WHOLE.seldom),
    "scale": Mostly(("0", "1", "1"), WHOLE.seldom),
    "weight": Mostly(("10", '"10"', "500"), ("65536", "-1", "0")),
    "constraints.[]": Mostly(("a==b", "c!=d")),
    "memory": Mostly(("1g", '"64m"', '"1024"'), ("1024", "1e9")),
    "capabilities.[]": Mostly(("gpu", "utility", "${U:-gpu}"), ('""',)),
    "devices.[].count": COUNT,
    "gpus.[].count": COUNT,
    "device_ids.[]": Mostly(('"0"', '"1"', "GPU-1", "'${A}'"), ("all", "0")),
    "devices.[].driver": Mostly(("nvidia", "cdi", "${U:-nvidia}"), ('""',)),
    "gpus": Mostly(("all", "[]"), ("ALL",)),
    "options.[]": Mostly(("a=1", "b", "b=", "a=2")),
    "value": Mostly(("1", '"2"', "0"), WHOLE.seldom),
    "watch.[].path": PATHS,
    "watch.[].target": Mostly(("/t", "t")),
    "devices.[]": Mostly(
        ("/dev/a", "/dev/a:/dev/b", "/dev/a:/dev/b:r", "nvidia.com/gpu=0", "/dev/c:/dev/b"),
        ("/dev/a:rwm", ":/dev/b", '""', "/a:/b:c:d", "./x:/y", "/dev/a:"),
    ),
    "devices.[].source": Mostly(("/dev/a", "/dev/b", "nvidia.com/gpu=all")),
    "devices.[].target": Mostly(("/dev/a", "/dev/b"), ('""',)),
    "dns": Mostly(("1.1.1.1",), ('""', "a")),
    "dns.[]": Mostly(("1.1.1.1", "1.1.1.1", "8.8.8.8", '""')),
    "dns_search": Mostly(("a.b",), ('""',)),
    "env_file": Mostly(("one.env", "sub/three.env", "./two.env"), ("missing.env", "sub", '""')),
    "env_file.[]": Mostly(("one.env", "two.env", "sub/three.env", "./one.env"), ("missing.env",)),
    "env_file.[].path": Mostly(
        ("one.env", "two.env", "sub/three.env"), ("missing.env", "./one.env")
    ),
    "format": Mostly(("raw", '""'), ("x",)),
    "label_file": Mostly(("one.env", "sub/three.env"), ("missing.env",)),
    "label_file.[]": Mostly(("one.env", "two.env", "./one.env"), ("missing.env",)),
    "expose.[]": Mostly(("80", '"81"', '"3000-3010"', "82/udp", '"80"'), ("80.5", "053", "a", "0")),
    "extends": Mostly(
        ("SERVICE", "{service: SERVICE}", "{service: a, file: sub/common.yaml}"),
        ("{service: b, file: ./sub/common.yaml}", "{file: sub/common.yaml}"),
    ),
    "links.[]": Mostly(("SERVICE", "SERVICE:alias"), ("nosuch",)),
    "volumes_from.[]": Mostly(("SERVICE", "SERVICE:ro", "container:x"), ("nosuch",)),
    "extra_hosts.*": Mostly(("10.0.0.1", '"::1"', "[10.0.0.1, 10.0.0.2]", '"[::1]"'), ("[]", "1")),
    "extra_hosts.[]": Mostly(HOST, ("a", "a=", "=1", "a=b=c", '"[a]:1"')),
    "test": Mostly(("curl -f x", "[CMD, a]", "[CMD-SHELL, a b]", "[NONE]"), ("[a]", "[]", '""')),
    "retries": WHOLE,
    "driver": Mostly(("json-file", "local", "x"), ('""', "syslog")),
    "services.*.models.[]": Mostly(("MODEL",)),
    "services.*.networks.[]": Mostly(("NETWORK",), ("nosuch", "default")),
    "network_mode": NAMESPACE,
    "pid": NAMESPACE,
    "ipc": Mostly((*NAMESPACE.usual, "shareable"), NAMESPACE.seldom),
    "uts": NAMESPACE,
    "cgroup": Mostly(("host", "private"), NAMESPACE.seldom),
    "mac_address": Mostly(("00:00:00:00:00:01", '"02:42"'), ("12:34",)),
    "oom_score_adj": Mostly(("1", '"-5"', "-1000"), ("1001", '"x"')),
    "ports.[]": Mostly(
        (
            *("80", '"80"', "8080:80", "22:22", "127.0.0.1:80:80", "127.0.0.1::80", "3000-3002"),
            *('"[::1]:80:80"', "3008-3011:8-11", "9000-9010:80", "${P}", "0.0.0.0:80:80"),
            *("8080:80/sctp", "8080:80/tcp", '"8080:80"', "8443:443/udp"),
        ),
        (
            *('"22:22/UDP"', '":80"', "${U}:80", '"080:080"', "80.5", "1-2:3-5", "65535:1", "0"),
            *("65536:1", "80:80:80", "a:80", "::1:80:80", "80/", "/80", "80-79", "80:80/x", '""'),
        ),
    ),
    "ports.[].target": Mostly(("80", '"80"', "8080", "0x50"), ("0", "${N}", "-1", "4294967296")),
    "published": Mostly(("8080", '"8080"', '"8000-9000"'), ("0", '"${U}"', "080", '"a"')),
    "protocol": Mostly(("tcp", "udp"), ("UDP", '""', "x")),
    "mode": Mostly(("host", "ingress"), ('""',)),
    "host_ip": Mostly(("127.0.0.1", '"::1"', "0.0.0.0"), ('""', "a", '"[::1]"', "127.1")),
    "profiles.[]": Mostly(("p", "q"), ('""', "'${U}'", "r")),
    "provider.options.*": Mostly(("1", "x", "[1, a]", "true", "1.5"), ("[]", "null")),
    "pull_policy": Mostly(("always", "if_not_present", "missing", "every_12h", "never"), ("x",)),
    "security_opt.[]": Mostly(("a=1", "b:2", "a=2", '"label=x"')),
    "storage_opt.*": Mostly(("1g", "1", "x"), ("1.5", "true", "null", "[a]", "{}")),
    "tmpfs": Mostly(("/t", "/t:size=1m"), ("/d", '""')),
    "tmpfs.[]": Mostly(("/t", "/u:size=1m"), ("/d", "/t:size=1m", '""')),
    "ulimits.*": WHOLE,
    "use_api_socket": STRICT,
    "initial_sync": STRICT,
    "group_add.[]": Mostly(("wheel", '"1000"', "1001"), ("0", "1.5")),
    "extends.file": Mostly(("sub/common.yaml",), ("./sub/../sub/common.yaml", "nosuch.yaml")),
    "extends.service": Mostly(("b", "a")),
    "args.*": VALUES,
    "logging.options.*": Mostly(("1", "x", "10m", "null"), ("1.5", "true")),
    "soft": Mostly(("1", '"2"', "0", "${N}"), WHOLE.seldom),
    "hard": Mostly(("1", '"4"', "0"), WHOLE.seldom),
    "volumes.[]": Mostly(
        (
            *(
                "./d:/d",
                "VOLUME:/v",
                "VOLUME:/w:ro",
                "/x",
                "/srv:/srv:rw",
                "../d:/e",
                "~/x:/x:ro,z",
            ),
            *(
                ".:/p",
                "./d:/d/",
                "VOLUME:/v:nocopy",
                "./d:/f:RO",
                "./d:/g:cached",
                "./d:/d:rshared",
            ),
            *("${U:-./d}:/u", "'./d:/d:Z,ro'", "VOLUME:/v:ro,rw", ".ssh:/y", "//x:/z"),
        ),
        (
            *("./d:/d/../e", "d:/data", "d:/data:ro", "C:\\x:/x", "sub/d:/x", "~:/h", "/a:/b:c:d"),
            *(
                "./d::ro",
                ":/d",
                "a",
                "~/../../etc:/e",
                "/x:",
                "./d:d",
                "/d:/d",
                "\\\\.\\pipe\\x:/x",
            ),
            *('""', "ab", "/", "nosuch:/n", "./d:/d:", "x:y:z:w", '" ./d:/d"', "./d :/d", "é:/d"),
        ),
    ),
    "volumes.[].type": Mostly(("bind", "volume", "tmpfs", "bind"), ("npipe", "image", "cluster")),
    "volumes.[].source": Mostly(("./d", "/srv/x", "VOLUME", "VOLUME", "../d"), PATHS.seldom),
    "volumes.[].target": Mostly(("/d", "/v", "/d/", "/t"), ("/d/../e", "d", '""')),
    "propagation": Mostly(("rshared", "rprivate"), ('""',)),
    "tmpfs.mode": Mostly(("0755", '"0755"', "493", "0o755"), ("1.5", "-1", '"x"')),
    "subpath": Mostly(("a/b",), ("../a", "/a", '""')),
    "secrets.*.file": PATHS,
    "configs.*.file": PATHS,
    "secrets.*.environment": Mostly(("A", "T"), ("U", "E", '""')),
    "configs.*.environment": Mostly(("A", "T"), ("U", "E", '""')),
    "content": Mostly(("x ${A} $$y", "|\n  a\n  b"), ('""', "1")),
    "external": Mostly(("true", "false"), ("{name: ext}", "yes", '"true"', "{}")),
    "driver_opts.*": Mostly(("1", "x", "bind", "./d", "none"), ("1.5", '"true"', "/srv", "true")),
    "subnet": Mostly(("10.0.0.0/24", "10.1.0.0/24", "${U:-10.2.0.0/16}")),
    "context_size": Mostly(("1024",), ('"1024"', "1e3", "1.5")),
    "umask": Mostly(
        ("022", '"022"', "18", '"0o22"', '"0x12"', '"22"', "0", "0o77", "${N}"),
        ('"08"', '""', '"u=rwx"', "-1", "4294967296", '"1_0"', "1.5", "1.0", '"0b11"', "null"),
    ),
    "pull_refresh_after": Mostly(("24h", "x"), ('""', "1")),
    "per_replica": Mostly(("true", "false"), ("yes", '"no"', "${T}", "null")),
    "use_service_name_alias": TRUTH,
    "manual": Mostly(("true", "true", "false"), ("yes", '"no"', "${T}", "null", "1")),
    "schedule.[]": Mostly(("0 3 * * *", '"@daily"', "${U:-0 4 * * *}"), ('""', "1", "null")),
    "cron": Mostly(('"0 3 * * *"', '"@daily"', "x"), ('""', "1")),
    "timezone": Mostly(("Europe/Berlin", "UTC"), ('""', "1", "Nowhere")),
    "name:": Mostly(("shop", "my-shop"), ("${A}", "My-Shop", '"$S"', "_x", '""', "2024")),
}
"""Snippets by the end of a field's path."""

MODELS: Final[dict[str, Mostly]] = {
    "bool": TRUTH,
    "opt-out": TRUTH,
    "int": WHOLE,
    "uint64": WHOLE,
    "uint32": WHOLE,
    "uint16": WHOLE,
    "float": NUMBER,
    "cpus": NUMBER,
    "bytes": SIZE,
    "duration": TIME,
    "count": COUNT,
}
"""Snippets by the model of a field that WORDS does not name."""

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "additional_contexts": ("a", "b"),
    "extra_hosts": ("a", "b", "c"),
    "driver_opts": ("o", "type", "device", "x"),
    "options": ("a", "b", "size"),
    "ulimits": ("nofile", "nproc", "core"),
    "ssh": ("default",),
    "depends_on": ("SERVICE",),
    "services.*.networks": ("NETWORK", "default"),
    "services.*.models": ("MODEL",),
    "storage_opt": ("size", "a"),
    "aux_addresses": ("h", "i"),
}
"""Keys of free-form mappings, by the end of the path. Other mappings take NAMES."""
