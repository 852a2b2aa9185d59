"""The systems. Each module of this folder declares one `TASK`; adding a system is adding such a file."""

import importlib
import pkgutil
from functools import cache

from medcore.errors import Refused
from medcore.i18n import _
from medcore.tasks.task import Recipe, Task

__all__ = ["Recipe", "Task", "all_tasks", "by_role", "get"]


@cache
def all_tasks() -> dict[str, Task]:
    """Every task by name."""
    modules = (m.name for m in pkgutil.iter_modules(__path__) if m.name != "task")
    found = [importlib.import_module(f"{__name__}.{name}") for name in modules]
    return {module.TASK.name: module.TASK for module in found}


def by_role(role: str) -> Task | None:
    """The task that declares this role."""
    return next((task for task in all_tasks().values() if role in task.roles), None)


def get(name: str) -> Task:
    """The task of that name; Refused where there is none."""
    tasks = all_tasks()
    if name not in tasks:
        raise Refused(
            _("There is no task “{name}”.").format(name=name), _("Tasks are: {names}.").format(names=", ".join(tasks))
        )
    return tasks[name]
