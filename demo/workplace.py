"""Where the demonstration keeps its files, and the configuration each room is started with."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.register import DEVICE

PIN = "2468"
# What the embedded broker speaks.
EMBEDDED = "3.1.1"


@dataclass(frozen=True)
class Ports:
    """Loopback ports of the rooms."""

    broker: int
    screen: int
    ops: int
    portal: int


@dataclass(frozen=True)
class Workplace:
    """A folder with one subfolder for each room."""

    folder: Path

    @property
    def town(self) -> Path:
        """The simulator's town and truth."""
        return self.folder / "town"

    @property
    def serial(self) -> Path:
        """Where the simulated receiver's serial port appears."""
        return self.folder / "ttyVAN"

    @property
    def edge_config(self) -> Path:
        """The agent's configuration."""
        return self.folder / "edge" / "edge.toml"

    @property
    def central_config(self) -> Path:
        """The centre's configuration."""
        return self.folder / "central" / "central.toml"

    @property
    def key_file(self) -> Path:
        """What meter keys are sealed under at the centre."""
        return self.folder / "central" / "kek"

    @property
    def logs(self) -> Path:
        """What each room says."""
        return self.folder / "log"

    @property
    def database(self) -> str:
        """The centre's database."""
        return f"sqlite:///{self.folder / 'central' / 'sgc.db'}"

    def write_edge(self, meter_keys: Mapping[str, bytes], ports: Ports, protocol: str = EMBEDDED) -> None:
        """The agent: a van with one receiver whose clock it believes, a broker, a reader's screen."""
        self.edge_config.parent.mkdir(parents=True, exist_ok=True)
        keys = self.edge_config.with_name("keys.csv")
        keys.touch(mode=0o600)
        with keys.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["address", "key"])
            rows.writerows([address, key.hex()] for address, key in meter_keys.items())
        self.edge_config.write_text(
            f'device = "{DEVICE}"\n'
            '[store]\npath = "edge.db"\ngroup_most = 2000\n'
            '[clock]\nsource = "receiver"\n'
            f'[[receiver]]\nname = "van"\nkind = "im871a"\nport = "{self.serial}"\nmode = "T1"\n'
            f'[keys]\nfile = "{keys.name}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {ports.broker}\nprotocol = "{protocol}"\nusername = "{DEVICE}"\n'
            "ack_wait_s = 10.0\n"
            f'[screen]\npin = "{PIN}"\nport = {ports.screen}\nreader = "lector"\n',
            encoding="utf-8",
        )

    def write_central(self, ports: Ports, protocol: str = EMBEDDED) -> None:
        """The centre: SQLite, a broker, an operations port."""
        self.central_config.parent.mkdir(parents=True, exist_ok=True)
        self.central_config.write_text(
            f'[database]\nurl = "{self.database}"\n'
            f'[keys]\nfile = "{self.key_file.name}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {ports.broker}\nprotocol = "{protocol}"\nusername = "central"\n'
            f"[ops]\nport = {ports.ops}\n"
            "[validation]\nevery_s = 0\n",
            encoding="utf-8",
        )
