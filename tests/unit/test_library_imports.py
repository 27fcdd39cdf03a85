"""Libraries that are imported with less work do what they do otherwise."""

from __future__ import annotations

import subprocess
import sys


def _run(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_yaml_reads_and_writes_as_it_does_otherwise() -> None:
    text = "[1, 0b11, 1.5, 2026-11-30, 2026-11-30T10:00:00Z, yes, ~, text, '1']"
    show = (
        "for loader in (yaml.SafeLoader, yaml.CSafeLoader):\n"
        f"    print(yaml.load({text!r}, loader))\n"
        "print(yaml.safe_dump(['1', 'yes', 'text', 1.5]))\n"
        "try:\n"
        "    yaml.safe_load('a: \\x07')\n"
        "except yaml.YAMLError as error:\n"
        "    print(error)\n"
    )
    later = "from policyd.library_imports import import_yaml; import re; import_yaml()\n"

    lines = _run(f"{later}import yaml\n{show}print(type(re.compile('a')).__name__)")

    assert lines == [*_run(f"import yaml\n{show}"), "Pattern"]


def test_msgspec_decodes_as_it_does_otherwise_and_leaves_typing_extensions_to_others() -> None:
    program = (
        "from policyd.library_imports import import_msgspec; import sys; import_msgspec()\n"
        "import msgspec\n"
        "from typing import Annotated, Optional\n"
        "class A(msgspec.Struct):\n"
        "    a: Annotated[int, msgspec.Meta(gt=1)]\n"
        "    b: Optional['A'] = None\n"
        'print(msgspec.json.decode(\'{"a": 2, "b": {"a": 3}}\', type=A))\n'
        "print('typing_extensions' in sys.modules)\n"
        "import typing_extensions\n"
    )

    assert _run(program) == ["A(a=2, b=A(a=3, b=None))", "False"]


def test_click_has_the_same_help_as_otherwise_and_leaves_inspect_to_others() -> None:
    program = (
        "import click, sys\n"
        "@click.command()\n"
        "@click.option('--one', help='One line.')\n"
        "@click.option('--indented', help='  Indented, \\tand tabs')\n"
        "@click.option('--lines', help='''First.\n\n        Second.\n        ''')\n"
        "@click.option('--made', default=lambda: 'at each call', show_default=True)\n"
        "def command(**options):\n"
        "    '''Show it.\n\n    In paragraphs.\n    '''\n"
        "command(['--help'], standalone_mode=False)\n"
        "import inspect\n"
        "print(inspect.getdoc(len) is not None, type(inspect).__name__)\n"
    )
    later = (
        "from policyd.library_imports import import_click; import sys\n"
        "before = {'inspect'} & sys.modules.keys(); import_click()  # a measurement may need it\n"
        "print({'inspect'} & sys.modules.keys() == before)\n"
    )

    assert _run(later + program) == ["True", *_run(program)]


def test_patterns_of_modules_that_msgspec_imports_match_as_otherwise() -> None:
    program = (
        "import platform, textwrap\n"
        "print(platform.python_version_tuple(), platform.libc_ver())\n"
        "print(textwrap.wrap('a-b some words, and others.  More', 9, fix_sentence_endings=True))\n"
        "print(repr(textwrap.dedent('  a\\n    b\\n')))\n"
    )
    later = "from policyd.library_imports import import_msgspec; import_msgspec()\n"

    assert _run(later + program) == _run(program)


def test_click_says_what_it_says_otherwise_and_leaves_gettext_to_others() -> None:
    program = (
        "import click, gettext, sys\n"
        "@click.command()\n"
        "@click.option('--point', nargs=2, type=int)\n"
        "@click.argument('file', required=True)\n"
        "def command(**options): pass\n"
        "for arguments in (['a', '--point', '1'], [], ['a', 'b'], ['a', '--pont'], ['-h']):\n"
        "    try:\n"
        "        command(arguments, standalone_mode=False)\n"
        "    except click.ClickException as error:\n"
        "        print(error.format_message())\n"
        "print(gettext.gettext('text'), hasattr(gettext, 'translation'))\n"
    )
    later = "from policyd.library_imports import import_click; import_click()\n"

    assert _run(later + program) == _run(program)
