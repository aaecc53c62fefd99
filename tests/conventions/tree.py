"""The project's own files, parsed once: what the other files of this folder look at."""

import ast
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "attribution",
    "clew",
    "control",
    "eventlog",
    "ingest",
    "installation",
    "integrations",
    "operations",
    "program",
    "reporting",
    "runtime",
    "schemas",
    "tracker",
    "warehouse",
)
TOOLS = ("benchmarks", "loadtests", "tools")
FOLDERS = {*PACKAGES, *TOOLS, "tests", "deploy", "docs", "examples", ".ci"}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".sql",
    ".yml",
    ".yaml",
    ".in",
    ".txt",
    ".js",
    ".sh",
    ".html",
    ".json",
    ".cfg",
    "",
}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    path: str
    """Relative to the repository, with slashes."""
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree: walking it takes longer than parsing it."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def names(self) -> dict[str, str]:
        """Each imported name with its origin: `from time import monotonic as now` gives now -> time.monotonic."""
        return _imported_names(self.nodes)

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def parse(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text, path))


def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file in these folders of the repository; folders that do not exist yet are empty."""
    return tuple(source for folder in sorted(folders) for source in _sources_of(folder))


@cache
def _sources_of(folder: str) -> tuple[Source, ...]:
    files = sorted((ROOT / folder).rglob("*.py"))
    with _no_collection():
        return tuple(parse(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Parse without garbage collection, which would visit all nodes of all files again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def text_files() -> Iterator[tuple[str, str]]:
    """Path and text of every file of the project: what lies in its root, and its folders."""
    for entry in sorted(ROOT.iterdir()):
        if entry.name == ".git" or (entry.is_dir() and entry.name not in FOLDERS):  # a file in a linked work tree
            continue
        for file in sorted(entry.rglob("*")) if entry.is_dir() else [entry]:
            if file.is_file() and file.suffix in TEXT and "__pycache__" not in file.parts:
                try:
                    yield file.relative_to(ROOT).as_posix(), file.read_text("utf-8")
                except UnicodeDecodeError:
                    continue


def functions(source: Source) -> Iterator[tuple[str, FunctionNode]]:
    """Each function with its dotted name inside the file: `Class.method`, `outer.inner`."""
    yield from _functions(source.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, FunctionNode]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield prefix + child.name, child
        inside = isinstance(child, FunctionNode | ast.ClassDef) and child.name
        yield from _functions(child, f"{prefix}{inside}." if inside else prefix)


def _imported_names(nodes: Iterable[ast.AST]) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                names[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """`datetime.now` written in full, by the file's imports; empty when it is no plain dotted name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (left := dotted(node.value, names)):
        return f"{left}.{node.attr}"
    return ""


_COMPILERS = {f"numba.{name}" for name in ("njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil")}


def is_kernel(function: FunctionNode, names: dict[str, str]) -> bool:
    """Compiled by numba, with or without flags."""
    decorators = (d.func if isinstance(d, ast.Call) else d for d in function.decorator_list)
    return any(dotted(decorator, names) in _COMPILERS for decorator in decorators)
