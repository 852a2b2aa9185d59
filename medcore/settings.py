"""Settings, read from the environment once at start."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Where things are and what runs them.

    home: folder of the database, the stored files and the local secret (`MEDCORE_HOME`, else ~/.medcore)
    database_url: any SQLAlchemy URL (`MEDCORE_DATABASE_URL`, else SQLite in `home`)
    data: folder with the public data sets, or None where there is none (`MEDCORE_DATA`, else ../shared/data)
    device: auto, cpu or cuda (`MEDCORE_DEVICE`)
    address, port: where the dashboard listens (`ADDRESS`, `PORT`)
    models: folder of the shipped packages (`MEDCORE_MODELS`)
    demo: whether the worklist holds five cases for a demonstration and can be reset to them (`MEDCORE_DEMO`)
    admin_password: asked for at the door when set; must be set to listen beyond this machine (`MEDCORE_ADMIN_PASSWORD`)
    """

    home: Path
    database_url: str
    data: Path | None
    device: str
    address: str
    port: int
    models: Path
    admin_password: str
    demo: bool = False

    @property
    def only_here(self) -> bool:
        """Whether only this machine can reach the dashboard."""
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return self.address == "localhost"


def settings() -> Settings:
    """The settings of this process."""
    env = os.environ
    home = Path(env.get("MEDCORE_HOME") or Path.home() / ".medcore").expanduser().resolve()
    data = Path(env.get("MEDCORE_DATA") or REPO.parent / "shared" / "data").expanduser()
    return Settings(
        home=home,
        database_url=env.get("MEDCORE_DATABASE_URL") or f"sqlite:///{home / 'medcore.sqlite'}",
        data=data if data.is_dir() else None,
        device=env.get("MEDCORE_DEVICE") or "auto",
        address=env.get("ADDRESS") or "127.0.0.1",
        port=int(env.get("PORT") or 8501),
        models=Path(env.get("MEDCORE_MODELS") or REPO / "models").expanduser(),
        admin_password=env.get("MEDCORE_ADMIN_PASSWORD") or "",
        demo=bool(env.get("MEDCORE_DEMO")),
    )
