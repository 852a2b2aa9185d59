"""A desk with small packages: trained for a few epochs on simulated cases, so that every path is the real one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.settings import Settings, settings


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of the record and the ECG tasks that know little but answer as any other."""
    import torch
    from threadpoolctl import threadpool_limits

    from medcore.learn.build import train

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    quick = {"epochs": 1, "batch": 8}
    for name, n, recipe in (("mortality", 80, {"epochs": 2}), ("ecg_rhythm", 24, quick), ("ecg_diagnosis", 24, quick)):
        task = tasks.get(name)
        with threadpool_limits(1):
            train(
                task,
                task.simulate(n, 1),
                folder / name,
                version="1.0.0",
                recipe=replace(task.recipe, **recipe),
                folds=(0,),
                device="cpu",
            )
    return folder


def settings_in(home: Path, models: Path) -> Settings:
    """Settings of a data folder, and of the folder of packages that answer there."""
    return replace(
        settings(),
        home=home,
        database_url=f"sqlite:///{home / 'medcore.sqlite'}",
        models=models,
        device="cpu",
        address="127.0.0.1",
        admin_password="",
    )


@pytest.fixture
def bare(tmp_path: Path) -> Settings:
    """Settings of an empty data folder, with no package."""
    return settings_in(tmp_path / "home", tmp_path / "no_models")


@pytest.fixture
def clinic(bare: Settings) -> Iterator[Clinic]:
    """An empty desk without packages."""
    made = Clinic(bare)
    yield made
    made.database.engine.dispose()


@pytest.fixture
def answering(bare: Settings, small_models: Path) -> Iterator[Clinic]:
    """An empty desk whose small packages answer."""
    made = Clinic(replace(bare, models=small_models))
    yield made
    made.database.engine.dispose()


@pytest.fixture
def shipped(bare: Settings) -> Iterator[Clinic]:
    """An empty desk on which the shipped packages answer."""
    made = Clinic(replace(bare, models=settings().models))
    yield made
    made.database.engine.dispose()


@pytest.fixture
def reader(bare: Settings) -> User:
    return Clinic(bare).sign_in("reader")


@pytest.fixture
def trainer(bare: Settings) -> User:
    return Clinic(bare).sign_in("trainer")


@pytest.fixture
def admin(bare: Settings) -> User:
    return Clinic(bare).sign_in("admin")


@pytest.fixture
def boss(answering: Clinic, admin: User) -> User:
    """An administrator who doesn't read first."""
    return answering.set_read_first(admin, False)
