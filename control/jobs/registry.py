"""Tasks by name. A task is a function in a module `tasks` of an app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.apps import apps

from control.modules.config import ModuleConfig

ATTEMPTS_MAX = 10


class GiveUp(Exception):
    """The task cannot succeed by another attempt; the job is dead at once."""


class UnknownTask(LookupError):
    """A job names a task that this version does not have."""


class JobRun(Protocol):
    """One run of a job, as its task sees it."""

    @property
    def job_id(self) -> str: ...

    def progress(self, done: int, total: int) -> None:
        """Show people how far the task is."""
        ...


TaskFunction = Callable[[JobRun, Mapping[str, Any]], None]
OnDead = Callable[[Mapping[str, Any], str], None]
"""Function that is told the arguments and the last error of a job that is dead, in the transaction that ends it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work. It runs at least once, so it must bear to run again."""

    name: str
    function: TaskFunction
    attempts_max: int = ATTEMPTS_MAX
    every_s: int = 0
    """Seconds between runs of a task that runs again and again; 0 for one that is only asked for."""
    is_needed: Callable[[], bool] = lambda: True
    """Check before a scheduled run; without need there is none."""
    on_dead: OnDead | None = None
    runs_while_off: bool = False
    """True if it runs while its module is off, such as the deletion of what is too old."""

    @property
    def module(self) -> str | None:
        """Label of the module whose folder has the function; None for what is always there."""
        app = apps.get_containing_app_config(self.function.__module__)
        return app.label if isinstance(app, ModuleConfig) else None


_tasks: dict[str, Task] = {}


def task(
    name: str,
    *,
    attempts_max: int = ATTEMPTS_MAX,
    every_s: int = 0,
    is_needed: Callable[[], bool] = lambda: True,
    on_dead: OnDead | None = None,
    runs_while_off: bool = False,
) -> Callable[[TaskFunction], TaskFunction]:
    """Register a function as a task."""

    def register(function: TaskFunction) -> TaskFunction:
        if name in _tasks:
            raise ValueError(f"there are two tasks with the name {name}")
        _tasks[name] = Task(name, function, attempts_max, every_s, is_needed, on_dead, runs_while_off)
        return function

    return register


def find_task(name: str) -> Task:
    """Return a task. Raises UnknownTask."""
    try:
        return _tasks[name]
    except KeyError:
        raise UnknownTask(f"there is no task {name!r} in this version") from None


def scheduled_tasks() -> list[Task]:
    """Return the tasks that run again and again."""
    return [task for task in _tasks.values() if task.every_s]


def is_paused(task: Task) -> bool:
    """Return whether the jobs of a task wait, because its module is off."""
    from control.modules.states import is_on  # a model: tasks may be declared before Django has started

    return not task.runs_while_off and task.module is not None and not is_on(task.module)


def paused_tasks() -> list[str]:
    """Return the names of the tasks whose jobs wait."""
    return [task.name for task in _tasks.values() if is_paused(task)]
